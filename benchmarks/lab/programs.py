"""The real programs that a benchmark runs: mosquitto, and the bridge as a user starts it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.e2e.bridge import COMMAND
from tests.e2e.broker import mosquitto_path
from tests.e2e.processes import Program, free_ports, listening

from benchmarks.lab.remote import Cost
from benchmarks.lab.running import CannotMeasureError
from benchmarks.lab.wire import Client, publish_packet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

INSTANCE = "bench"
ROOT = f"vms_bridge/{INSTANCE}"
UNLIMITED = "max_queued_messages 0\nmax_inflight_messages 0\nmax_queued_bytes 0\n"
AT_ONCE = "set_tcp_nodelay true\n"
"""Otherwise mosquitto holds a small message back until the subscriber has acknowledged the one before, for up to 40 ms."""
_READY_WITHIN_S = 60.0
_MOST_MONITORS = 2000


@asynccontextmanager
async def mosquitto(folder: Path, *, extra: str = "") -> AsyncIterator[Mosquitto]:
    """Run a mosquitto with its default limits, `extra` lines added to its configuration."""
    if mosquitto_path() is None:
        raise CannotMeasureError("mosquitto is not installed: apt install mosquitto")
    broker = Mosquitto(folder, extra)
    await broker.start()
    try:
        yield broker
    finally:
        await broker.stop()


class Mosquitto:
    """One mosquitto on loopback that keeps nothing over a restart."""

    def __init__(self, folder: Path, extra: str) -> None:
        self.port = free_ports(1)[0]
        self.url = f"mqtt://127.0.0.1:{self.port}"
        self._program = Program("mosquitto", folder / "mosquitto.log")
        self._config = folder / f"mosquitto-{self.port}.conf"
        self._config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\npersistence false\n{extra}")

    async def start(self) -> None:
        """Start it and wait until it accepts clients."""
        await self._program.start(mosquitto_path() or "mosquitto", "-c", self._config)
        await listening(self.port)

    async def stop(self) -> None:
        """End it."""
        self.freeze(on=False)
        await self._program.stop()

    def freeze(self, *, on: bool) -> None:
        """Have it stand still with its connections open, or go on."""
        os.kill(self._program.pid, signal.SIGSTOP if on else signal.SIGCONT)


@asynccontextmanager
async def bridge(
    folder: Path, broker: Mosquitto, systems: str, *, instance: str = INSTANCE, system: str = "zm", more: str = ""
) -> AsyncIterator[Cost]:
    """Run `vms-bridge run` with these systems (YAML, two spaces in) until the block ends, once this `system` is there.

    `more` are further sections of the configuration.
    """
    config = _configuration(folder, broker, systems, instance, more)
    program = Program("vms-bridge", folder / "vms-bridge.log")
    is_there = asyncio.Event()

    def take(_topic: str, payload: bytes, _at: int) -> None:
        if b'"available":true' in payload:
            is_there.set()

    await _forget_earlier(broker, f"vms_bridge/{instance}")
    listener = await Client.connect(broker.port, take, filters=[f"vms_bridge/{instance}/{system}/state"])
    await program.start(COMMAND, "run", "--config", config)
    try:
        try:
            async with asyncio.timeout(_READY_WITHIN_S):
                await is_there.wait()
        except TimeoutError:
            raise CannotMeasureError(f"the bridge did not come up:\n{program.tail()}") from None
        yield Cost(program.pid)
    finally:
        listener.close()
        await program.stop()


async def check_source(broker: Mosquitto, source: str, monitors: int) -> None:
    """Make sure that this is where the bridge has all alarm states from. Raises CannotMeasureError."""
    seen: dict[str, str] = {}

    def take(topic: str, payload: bytes, _at: int) -> None:
        if topic != f"{ROOT}/zm/state":
            seen[topic] = str(json.loads(payload)["source"])

    client = await Client.connect(broker.port, take, filters=[f"{ROOT}/zm/+/state"])
    await client.ping()
    client.close()
    others = {topic: each for topic, each in seen.items() if each != source}
    if others or len(seen) != monitors:
        raise CannotMeasureError(f"{len(seen)} of {monitors} monitors are told, and not from {source}: {others}")


def _configuration(folder: Path, broker: Mosquitto, systems: str, instance: str, more: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    config = folder / "vms-bridge.yaml"
    mqtt = f'{{url: "{broker.url}", commands: admin}}'
    config.write_text(f'instance: {instance}\ndata_dir: "{folder}/data"\nmqtt: {mqtt}\n{more}systems:\n{systems}')
    return config


async def _forget_earlier(broker: Mosquitto, root: str) -> None:
    """Clear the state by which an earlier bridge on this broker said that it is there."""
    client = await Client.connect(broker.port)
    monitors = (f"{root}/zm/{number}/state" for number in range(1, _MOST_MONITORS + 1))
    topics = (f"{root}/info", f"{root}/health", f"{root}/zm/state", *monitors)
    client.send(b"".join(publish_packet(topic, b"", retain=True) for topic in topics))
    await client.ping()
    client.close()


def zoneminder_system(url: str, shared_memory: Path | None, *, username: str | None = "admin", more: str = "") -> str:
    """Return the configuration of a ZoneMinder; its password is in $BENCH_ZM_PASSWORD."""
    login = f"    username: {username}\n    password: !env BENCH_ZM_PASSWORD\n" if username else ""
    memory = str(shared_memory) if shared_memory else "false"
    return f'  zm:\n    type: zoneminder\n    url: "{url}"\n{login}    shared_memory: {memory}\n{more}'


def vxg_system(folder: Path, url: str, token: str, *, more: str = "") -> str:
    """Return the configuration of a VXG Cloud VMS, whose token goes into a file of this folder."""
    folder.mkdir(parents=True, exist_ok=True)
    secret = folder / "vxg-token"
    secret.touch(mode=0o600)
    secret.write_text(token)
    return f'  cloud:\n    type: vxg\n    url: "{url}"\n    token: !file {secret}\n{more}'
