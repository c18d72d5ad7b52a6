"""The bridge's end of the socket to a worker: frames, read no faster than is good for the bridge, written within a bound.

A worker may send as fast as it likes, and may stop to read. What it sends too fast stays in the kernel's buffer until it is
due, which holds the worker up and nobody else; what it does not read is kept up to a bound.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

from vms_bridge.scripts import wire
from vms_bridge.scripts.life.pace import Pace

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from vms_bridge.clock import Clock

MOST_UNREAD_BYTES = 16 * 1024 * 1024
"""How much may wait until the worker reads it."""
RATE, BURST = 2_000.0, 4_000.0
"""How much is read in a second, and at once: a frame costs 1, and more by its size."""
_BYTES_FOR_1, _DATA_FOR_1 = 2 * 1024, 64 * 1024
"""To decode JSON holds up the bridge; what stands behind it is only taken along."""


class Channel:
    """A worker's socket; `close` it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, clock: Clock) -> None:
        self._reader, self._writer = reader, writer
        self._pace = Pace(clock, rate=RATE, burst=BURST)
        self.is_unread = False
        """Whether it was ended, for the worker has not read what it was sent, for so long that no more is kept."""

    @classmethod
    async def open(cls, end: socket.socket, clock: Clock) -> Self:
        """Take over this end of a socket pair."""
        reader, writer = await asyncio.open_connection(sock=end)
        return cls(reader, writer, clock)

    async def next(self) -> tuple[dict[str, Any], bytes] | None:
        """Return what comes next, None at the end. Raises WireError."""
        try:
            json_bytes, data_bytes = wire.lengths(await self._reader.readexactly(wire.HEADER.size))
            await self._pace.pay(1 + json_bytes / _BYTES_FOR_1 + data_bytes / _DATA_FOR_1)
            said = wire.read(await self._reader.readexactly(json_bytes))
            return said, await self._reader.readexactly(data_bytes) if data_bytes else b""
        except (asyncio.IncompleteReadError, ConnectionError):
            return None  # in the middle of a frame too: it was killed there

    def send(self, said: Mapping[str, Any], data: bytes = b"") -> None:
        """Send this as soon as it is read; the channel ends where too much waits. Raises WireError for what can't be sent."""
        frame = wire.pack(said, data)
        if self._writer.is_closing():
            return
        if self._writer.transport.get_write_buffer_size() + len(frame) > MOST_UNREAD_BYTES:
            self.is_unread = True
            self.close()
        else:
            self._writer.write(frame)

    async def drained(self) -> None:
        """Wait until most of what was sent has been read, or nobody is there to read it."""
        try:
            await self._writer.drain()
        except ConnectionError:
            return

    def close(self) -> None:
        """Let go of it; what was not read is lost."""
        self._writer.transport.abort()
