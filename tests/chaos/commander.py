"""Gives commands by MQTT, 5 and 3.1.1, as two clients of the broker would, whatever state that is in."""

from __future__ import annotations

import asyncio
import time
from itertools import count
from typing import TYPE_CHECKING, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from tests.chaos.commands import Order

if TYPE_CHECKING:
    from random import Random

_RECONNECT_S = 1


class Commander:
    """Sends orders and remembers when the broker took them; use as a context manager on the event loop."""

    def __init__(self, port: int, root: str, random: Random) -> None:
        self.orders: list[Order] = []
        self._port, self._root, self._random = port, root, random
        self._numbers = count(1)
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[tuple[int, int], Order] = {}
        self._clients = {5: self._client(MQTTProtocolVersion.MQTTv5), 4: self._client(MQTTProtocolVersion.MQTTv311)}

    def __enter__(self) -> Self:
        for client in self._clients.values():
            client.connect_async("127.0.0.1", self._port, keepalive=5)
            client.loop_start()
        return self

    def __exit__(self, *_exc: object) -> None:
        for client in self._clients.values():
            client.disconnect()
            client.loop_stop()

    def send(self, system: str, monitor: str | None, command: str, value: str, *, request_id: str | None = None) -> Order:
        """Send a command at QoS 1, when the broker is back if it is away; half of those by MQTT 5 name a response topic."""
        protocol = self._random.choice((5, 5, 4))
        wants_answer = protocol == 5 and self._random.random() < 0.5
        order = Order(
            request_id or f"order-{next(self._numbers)}", system, monitor, command, value, time.monotonic(),
            response_topic=f"{self._root}/ack/commander" if wants_answer else None, protocol=protocol,
        )  # fmt: skip
        self.orders.append(order)
        self.resend(order)
        return order

    def resend(self, order: Order) -> None:
        """Send it once more, byte by byte."""
        properties = None
        if order.response_topic:
            properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho's own
            properties.ResponseTopic = order.response_topic
            properties.CorrelationData = order.request_id.encode()
        info = self._clients[order.protocol].publish(f"{self._root}/{order.topic}", order.payload, qos=1, properties=properties)
        self._waiting[order.protocol, info.mid] = order

    def _client(self, protocol: MQTTProtocolVersion) -> paho.Client:
        client = paho.Client(CallbackAPIVersion.VERSION2, protocol=protocol)
        version = 5 if protocol == MQTTProtocolVersion.MQTTv5 else 4

        def published(_client: paho.Client, _data: object, mid: int, *_: object) -> None:
            self._loop.call_soon_threadsafe(self._taken, version, mid)

        client.on_publish = published
        client.reconnect_delay_set(_RECONNECT_S, _RECONNECT_S)
        return client

    def _taken(self, version: int, mid: int) -> None:
        order = self._waiting.pop((version, mid), None)
        if order is not None and order.accepted is None:
            order.accepted = time.monotonic()
