"""A broker under test, a raw client that says exactly what a test wants, and paho as the judge."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Self

import pytest
from tests.fakes.broker import FakeBroker

from vms_bridge.demo.packets import MQTT_3_1_1, MQTT_5, Kind
from vms_bridge.demo.properties import Properties, binary, encode_properties, varint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + varint(len(body)) + body


def text(value: str) -> bytes:
    return binary(value.encode())


class RawClient:
    """A socket that sends bytes and reads packets."""

    def __init__(self, port: int, version: int = MQTT_5) -> None:
        self._port = port
        self.version = version

    async def __aenter__(self) -> Self:
        self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self._port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.writer.close()
        with contextlib.suppress(ConnectionError):
            await self.writer.wait_closed()

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def receive(self) -> tuple[int, bytes]:
        """Return the next packet's first byte and body; the first byte is 0 at the connection's end."""
        async with asyncio.timeout(30):
            try:
                first = (await self.reader.readexactly(1))[0]
                length = shift = 0
                while True:
                    byte = (await self.reader.readexactly(1))[0]
                    length |= (byte & 0x7F) << shift
                    shift += 7
                    if byte < 0x80:
                        break
                return first, await self.reader.readexactly(length)
            except (asyncio.IncompleteReadError, ConnectionError):
                return 0, b""

    async def expect(self, kind: Kind) -> bytes:
        first, body = await self.receive()
        assert first >> 4 == kind, f"{first:#x} {body!r}"
        return body

    async def expect_end(self) -> None:
        first, body = await self.receive()
        assert first == 0, f"{first:#x} {body!r}"

    def connect_packet(
        self,
        client_id: str = "raw",
        *,
        clean: bool = True,
        keep_alive_s: int = 0,
        properties: Properties | None = None,
        will: tuple[str, bytes, bool] | None = None,
        user: tuple[str, str] | None = None,
    ) -> bytes:
        flags = (2 if clean else 0) | (0xC0 if user else 0)
        body = b""
        if will is not None:
            flags |= 4 | (0x20 if will[2] else 0)
            body += (b"\0" if self.version == MQTT_5 else b"") + text(will[0]) + binary(will[1])
        if user is not None:
            body += text(user[0]) + text(user[1])
        head = text("MQTT") + bytes((self.version, flags)) + keep_alive_s.to_bytes(2, "big")
        if self.version == MQTT_5:
            head += encode_properties(properties or {})
        return packet(0x10, head + text(client_id) + body)

    async def connect(
        self,
        client_id: str = "raw",
        *,
        clean: bool = True,
        keep_alive_s: int = 0,
        properties: Properties | None = None,
        will: tuple[str, bytes, bool] | None = None,
    ) -> bytes:
        self.send(self.connect_packet(client_id, clean=clean, keep_alive_s=keep_alive_s, properties=properties, will=will))
        body = await self.expect(Kind.CONNACK)
        assert body[1] == 0, body
        return body

    async def subscribe(self, topic_filter: str, options: int = 1, packet_id: int = 1) -> int:
        head = packet_id.to_bytes(2, "big") + (b"\0" if self.version == MQTT_5 else b"")
        self.send(packet(0x82, head + text(topic_filter) + bytes((options,))))
        return (await self.expect(Kind.SUBACK))[-1]

    def publish(
        self,
        topic: str,
        payload: bytes = b"",
        *,
        qos: int = 0,
        retain: bool = False,
        packet_id: int = 1,
        properties: Properties | None = None,
    ) -> None:
        head = text(topic) + (packet_id.to_bytes(2, "big") if qos else b"")
        if self.version == MQTT_5:
            head += encode_properties(properties or {})
        self.send(packet(0x30 | qos << 1 | retain, head + payload))

    async def ping(self) -> None:
        self.send(b"\xc0\0")
        await self.expect(Kind.PINGRESP)


@pytest.fixture
async def broker() -> AsyncIterator[FakeBroker]:
    async with FakeBroker() as running:
        yield running


@pytest.fixture(params=[MQTT_5, MQTT_3_1_1], ids=["mqtt5", "mqtt311"])
def version(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number
