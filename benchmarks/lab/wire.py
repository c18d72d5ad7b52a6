"""MQTT 3.1.1 on bare sockets: a subscriber that stamps what arrives, and the packets of a bare publisher."""

from __future__ import annotations

import asyncio
import itertools
import struct
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_NUMBERS = itertools.count()


def connect_packet(client_id: str) -> bytes:
    """Return a CONNECT with a clean session and a keep-alive that no benchmark outlives."""
    return _packet(0x10, b"\0\4MQTT\4\2" + struct.pack(">H", 3600) + _text(client_id))


def publish_packet(topic: str, payload: bytes, *, retain: bool = False) -> bytes:
    """Return a PUBLISH with QoS 0."""
    return _packet(0x31 if retain else 0x30, _text(topic) + payload)


def publish_packet_1(topic: str, payload: bytes, mid: int) -> bytes:
    """Return a PUBLISH with QoS 1."""
    return _packet(0x32, _text(topic) + struct.pack(">H", mid) + payload)


def split(buffer: bytes | bytearray) -> tuple[list[tuple[int, bytes]], int]:
    """Return the whole packets at the start of the buffer, as first byte and body, and how many bytes they take."""
    packets: list[tuple[int, bytes]] = []
    start, end = 0, len(buffer)
    while start + 2 <= end:
        length, shift, body = 0, 0, start + 1
        while body < end:
            byte = buffer[body]
            length |= (byte & 0x7F) << shift
            shift += 7
            body += 1
            if byte < 0x80:
                break
        else:
            break
        if body + length > end:
            break
        packets.append((buffer[start], bytes(buffer[body : body + length])))
        start = body + length
    return packets, start


class Client(asyncio.Protocol):
    """A connection that subscribes and publishes; `on_message` gets topic, payload and the arrival in monotonic ns.

    With `pause_s` it takes that long for every message, as a busy receiver does.
    """

    def __init__(self, on_message: Callable[[str, bytes, int], None] | None = None, *, pause_s: float = 0.0) -> None:
        self._on_message = on_message
        self._pause_s = pause_s
        self._buffer = bytearray()
        self._transport: asyncio.Transport | None = None
        self._answers: asyncio.Queue[int] = asyncio.Queue()

    @classmethod
    async def connect(
        cls,
        port: int,
        on_message: Callable[[str, bytes, int], None] | None = None,
        *,
        filters: Sequence[str] = (),
        qos: int = 0,
        pause_s: float = 0.0,
    ) -> Client:
        """Connect to loopback and subscribe; returns once the broker has granted it."""
        self = cls(on_message, pause_s=pause_s)
        loop = asyncio.get_running_loop()
        await loop.create_connection(lambda: self, "127.0.0.1", port)
        self.send(connect_packet(f"bench-{time.monotonic_ns()}-{next(_NUMBERS)}"))
        await self._answers.get()
        if filters:
            self.send(_packet(0x82, b"\0\1" + b"".join(_text(each) + bytes([qos]) for each in filters)))
            await self._answers.get()
        return self

    def send(self, packets: bytes) -> None:
        """Write packets."""
        if self._transport is not None:
            self._transport.write(packets)

    def publish(self, topic: str, payload: bytes) -> None:
        """Publish with QoS 0."""
        self.send(publish_packet(topic, payload))

    async def ping(self) -> None:
        """Return once the broker has read everything that was sent before."""
        self.send(b"\xc0\0")
        await self._answers.get()

    def close(self) -> None:
        """Leave."""
        if self._transport is not None:
            self.send(b"\xe0\0")
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take packets apart."""
        at = time.monotonic_ns()
        self._buffer += data
        packets, used = split(self._buffer)
        del self._buffer[:used]
        for first, body in packets:
            if first >> 4 != 3:
                if first >> 4 in {2, 9, 13}:  # CONNACK, SUBACK, PINGRESP
                    self._answers.put_nowait(first >> 4)
                continue
            start = 2 + int.from_bytes(body[:2])
            if first & 6:
                self.send(b"\x40\2" + body[start : start + 2])
            if self._on_message is not None:
                self._on_message(body[2:start].decode(), body[start + 2 if first & 6 else start :], at)
            if self._pause_s:
                time.sleep(self._pause_s)


def _packet(first: int, body: bytes) -> bytes:
    return bytes([first, *_length(len(body))]) + body


def _length(value: int) -> Iterator[int]:
    while value >= 0x80:
        yield value & 0x7F | 0x80
        value >>= 7
    yield value


def _text(text: str) -> bytes:
    raw = text.encode()
    return struct.pack(">H", len(raw)) + raw
