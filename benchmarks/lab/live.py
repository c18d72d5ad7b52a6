"""Clients of the WebSocket on bare sockets: each stamps what arrives. As a child, many of them at once."""

from __future__ import annotations

import asyncio
import re
import struct
import time
from typing import TYPE_CHECKING

from benchmarks.lab.remote import Json, serve
from benchmarks.lab.table import MS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_STAMP = re.compile(rb'"event_id":"zm-(\d+)"')
_SYNCED = b'"what":"synced"'


class Line(asyncio.Protocol):
    """One client; `on_message` gets each message and its arrival in monotonic ns, without one bytes are counted only."""

    def __init__(self, token: str | None, on_message: Callable[[bytes, int], None] | None) -> None:
        self._token, self._on_message = token, on_message
        self._buffer = bytearray()
        self._is_open = False
        self.transport: asyncio.Transport | None = None
        self.bytes = 0
        self.synced = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for a WebSocket, and for everything."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        login = f"Authorization: Bearer {self._token}\r\n" if self._token else ""
        transport.write(
            f"GET /api/v1/ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{login}"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        for said in (b'{"type":"authenticate","protocol":1}', b'{"type":"subscribe"}'):
            transport.write(bytes([0x81, 0x80 | len(said), 0, 0, 0, 0]) + said)

    def data_received(self, data: bytes) -> None:
        """Stamp it."""
        at = time.monotonic_ns()
        self.bytes += len(data)
        if self._is_open and self._on_message is None and self.synced.is_set():
            return
        self._buffer += data
        if not self._is_open:
            head, end, rest = self._buffer.partition(b"\r\n\r\n")
            if not end:
                return
            assert b" 101 " in head.partition(b"\r\n")[0], bytes(head)
            self._is_open, self._buffer = True, bytearray(rest)
        while (message := self._message()) is not None:
            if _SYNCED in message:
                self.synced.set()
            if self._on_message is not None:
                self._on_message(message, at)

    def _message(self) -> bytes | None:
        """Take the next whole frame out of the buffer."""
        if len(self._buffer) < 2:
            return None
        length, start = self._buffer[1] & 0x7F, 2
        if length >= 126:
            start = 4 if length == 126 else 10
            if len(self._buffer) < start:
                return None
            (length,) = struct.unpack("!H" if length == 126 else "!Q", self._buffer[2:start])
        if len(self._buffer) < start + length:
            return None
        message = bytes(self._buffer[start : start + length])
        del self._buffer[: start + length]
        return message


async def follow(where: Path | int, on_message: Callable[[bytes, int], None] | None = None, *, token: str | None = None) -> Line:
    """Open a line by a unix socket or to a port of this machine, and wait until it has all that is current."""
    loop = asyncio.get_running_loop()

    def make() -> Line:
        return Line(token, on_message)

    if isinstance(where, int):
        _, line = await loop.create_connection(make, "127.0.0.1", where)
    else:
        _, line = await loop.create_unix_connection(make, str(where))
    async with asyncio.timeout(60):
        await line.synced.wait()
    return line


class Crowd:
    """Many clients, of which every tenth looks into what it is told."""

    def __init__(self) -> None:
        self._lines: list[Line] = []
        self._ages_ms: list[float] = []
        self._since = 0

    async def answer(self, do: str, request: Json) -> Json | None:
        """Connect, have some stop reading, or say what has come since the last time."""
        match do:
            case "connect":
                for number in range(request["count"]):
                    looks = self._take if number % 10 == 0 else None
                    self._lines.append(await follow(request["port"], looks, token=request["token"]))
            case "stall":
                for line in self._lines[-request["count"] :]:
                    assert line.transport
                    line.transport.pause_reading()
            case "begin":
                self._ages_ms.clear()
                self._since = time.monotonic_ns()
                for line in self._lines:
                    line.bytes = 0
            case "told":
                return {"ages_ms": self._ages_ms, "bytes": sum(line.bytes for line in self._lines)}
        return None

    def _take(self, message: bytes, at: int) -> None:
        for stamp in _STAMP.findall(message):
            if int(stamp) >= self._since:
                self._ages_ms.append((at - int(stamp)) / MS)


if __name__ == "__main__":
    asyncio.run(serve(Crowd().answer))
