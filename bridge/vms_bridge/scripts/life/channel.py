"""The bridge's end of the socket to a worker: frames, read no faster than is good for the bridge, written within a bound.

A worker may send as fast as it likes, and may stop to read. What it sends too fast stays in the kernel's buffer until it is
due, which holds the worker up and nobody else; what it does not read is kept up to a bound.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self, cast

from vms_bridge.scripts import wire
from vms_bridge.scripts.life.pace import Pace

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Mapping

    from vms_bridge.clock import Clock

    Hear = Callable[[dict[str, Any], bytes], None]

MOST_UNREAD_BYTES = 16 * 1024 * 1024
"""How much may wait until the worker reads it."""
RATE, BURST = 2_000.0, 4_000.0
"""How much is read in a second, and at once: a frame costs 1, and more by its size."""
MOST_IN_A_TURN = 20.0
"""How much is heard before others have their turn on the loop."""
_BYTES_FOR_1, _DATA_FOR_1 = 2 * 1024, 64 * 1024
"""To decode JSON holds up the bridge; what stands behind it is only taken along."""


class Channel(asyncio.Protocol):
    """A worker's socket; `close` it. A frame is heard in the turn of the loop in which it comes, unless there are too many."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pace = Pace(clock, rate=RATE, burst=BURST)
        self._in = wire.Inflow()
        self._paid = 0.0
        """What the frame that comes next has cost, once that is known."""
        self._hear: Hear | None = None
        self._ended: Callable[[Exception | None], None] | None = None
        self._resting: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self.is_unread = False
        """Whether it was ended, for the worker has not read what it was sent, for so long that no more is kept."""

    @classmethod
    async def open(cls, end: socket.socket, clock: Clock) -> Self:
        """Take over this end of a socket pair."""
        _, channel = await asyncio.get_running_loop().create_connection(lambda: cls(clock), sock=end)
        return channel

    def listen(self, hear: Hear, ended: Callable[[Exception | None], None]) -> None:
        """Have each frame heard from now on. `ended` is told once: of what `hear` has raised, a WireError, or of the end."""
        self._hear, self._ended = hear, ended
        if self._transport.is_closing():
            self._end(None)
        else:
            self._take_in()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self._transport = cast("asyncio.Transport", transport)
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        self._in.add(data)
        if self._resting is None:
            self._take_in()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - in the midst of a frame too: it was killed there
        """Take nothing more."""
        self._end(None)
        self._writable.set()

    def pause_writing(self) -> None:
        """Have those wait who can."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Have them go on."""
        self._writable.set()

    def send(self, said: Mapping[str, Any], data: bytes = b"") -> None:
        """Send this as soon as it is read; the channel ends where too much waits. Raises WireError for what can't be sent."""
        self.send_frame(wire.pack(said, data))

    def send_frame(self, frame: bytes) -> None:
        """Send this likewise."""
        if self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() + len(frame) > MOST_UNREAD_BYTES:
            self.is_unread = True
            self.close()
        else:
            self._transport.write(frame)

    async def drained(self) -> None:
        """Wait until most of what was sent has been read, or nobody is there to read it."""
        await self._writable.wait()

    def close(self) -> None:
        """Let go of it; what was not read is lost."""
        self._transport.abort()

    def _take_in(self) -> None:
        """Hear what has come whole: no more in one turn than others can wait for, and no faster than is due."""
        spent = 0.0
        try:
            while self._ended is not None and self._hear is not None:
                if not self._paid and not self._pay():
                    return
                frame = self._in.take()
                if frame is None:
                    return
                spent += self._paid
                self._paid = 0.0
                self._hear(*frame)
                if spent >= MOST_IN_A_TURN:
                    self._rest(0.0)
                    return
        except Exception as error:  # noqa: BLE001 - whatever it is, it ends the worker
            self._end(error)

    def _pay(self) -> bool:
        """Pay for the frame that comes next; says whether it may be read at once."""
        sizes = self._in.lengths()
        if sizes is None:
            return False
        self._paid = 1 + sizes[0] / _BYTES_FOR_1 + sizes[1] / _DATA_FOR_1
        wait_s = self._pace.take(self._paid)
        if wait_s:
            self._rest(wait_s)
        return not wait_s

    def _rest(self, seconds: float) -> None:
        """Read nothing for so long; 0: until others have had their turn."""
        self._transport.pause_reading()
        self._resting = asyncio.create_task(self._go_on(seconds), name="worker: its socket rests")

    async def _go_on(self, seconds: float) -> None:
        await (self._clock.sleep(seconds) if seconds else asyncio.sleep(0))
        self._resting = None
        self._transport.resume_reading()
        self._take_in()

    def _end(self, error: Exception | None) -> None:
        ended, self._ended = self._ended, None
        if self._resting is not None:
            self._resting.cancel()
        if not self._transport.is_closing():
            self._transport.pause_reading()
        self._in.clear()
        if ended is not None:
            ended(error)
