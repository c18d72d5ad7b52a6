"""The peer of a cold start: one blocking socket, the bridge's own pure functions, and nothing else."""

from __future__ import annotations

import argparse
import asyncio
import socket
import time

from benchmarks.lab.programs import INSTANCE
from benchmarks.lab.remote import Json, serve
from benchmarks.lab.wire import connect_packet, publish_packet
from benchmarks.lab.world import SYSTEM, snapshot, views
from vms_bridge.commands import Level
from vms_bridge.entities.states import monitor_state, system_state
from vms_bridge.mqtt import payloads
from vms_bridge.mqtt.homeassistant.discovery import Offer, bridge_payload, monitor_payload, system_payload
from vms_bridge.mqtt.topics import Topics

_SEND_BYTES = 1 << 16


class BarePublisher:
    """Publishes everything once, as fast as the socket takes it."""

    def __init__(self, port: int, monitors: int) -> None:
        self._port = port
        self._system = views(snapshot(monitors))

    async def answer(self, do: str, _request: Json) -> Json:
        """Publish, and say when that began."""
        assert do == "start"
        at = time.monotonic_ns()
        await asyncio.to_thread(self._publish)
        return {"at": at}

    def _publish(self) -> None:
        topics = Topics(INSTANCE)
        offer = Offer(topics=topics, name="Benchmark", level=Level.ADMIN, snapshots=False)
        system, monitors = self._system, self._system.monitors.values()
        with socket.create_connection(("127.0.0.1", self._port)) as connection:
            connection.sendall(connect_packet("bare"))
            connection.recv(4)
            buffer = bytearray(publish_packet(topics.bridge_discovery, bridge_payload(offer), retain=True))
            buffer += publish_packet(topics.status, payloads.ONLINE, retain=True)
            buffer += publish_packet(topics.system_discovery(SYSTEM), system_payload(system, offer), retain=True)
            for view in monitors:
                buffer += publish_packet(
                    topics.monitor_discovery(SYSTEM, view.key), monitor_payload(view, system, offer), retain=True
                )
                if len(buffer) > _SEND_BYTES:
                    connection.sendall(buffer)
                    buffer.clear()
            buffer += publish_packet(topics.system_state(SYSTEM), system_state(system), retain=True)
            for view in monitors:
                buffer += publish_packet(topics.monitor_state(SYSTEM, view.key), monitor_state(view), retain=True)
                if len(buffer) > _SEND_BYTES:
                    connection.sendall(buffer)
                    buffer.clear()
            connection.sendall(buffer + b"\xe0\0")


async def main() -> None:
    """Serve the parent until it closes our input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--monitors", type=int, required=True)
    wanted = parser.parse_args()
    await serve(BarePublisher(wanted.port, wanted.monitors).answer)


if __name__ == "__main__":
    asyncio.run(main())
