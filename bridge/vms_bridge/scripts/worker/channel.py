"""The worker's end of the socket: frames out, in order and bounded, from any thread; frames in, on the loop."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING, Any

from vms_bridge.scripts.wire import HEADER, Inflow, lengths, pack, read

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Callable, Mapping

MOST_WAITING_BYTES = 8 * 1024 * 1024
"""How much may wait for the bridge to read it before asks are refused."""
MOST_DROPPABLE_BYTES = 256 * 1024
"""From how much on lines of the log are left out, and counted."""
_AT_ONCE = 64 * 1024


def read_one(sock: socket.socket) -> tuple[dict[str, Any], bytes]:
    """Read one frame, and wait for it. Raises EOFError and WireError."""
    json_bytes, data_bytes = lengths(_exactly(sock, HEADER.size))
    said = read(_exactly(sock, json_bytes))
    return said, _exactly(sock, data_bytes)


def write_one(sock: socket.socket, said: Mapping[str, Any]) -> None:
    """Write one frame, and wait until it is gone. Raises EOFError where nobody reads it."""
    try:
        sock.sendall(pack(said))
    except OSError:
        raise EOFError from None


def _exactly(sock: socket.socket, size: int) -> bytes:
    parts = []
    while size:
        part = sock.recv(min(size, _AT_ONCE))
        if not part:
            raise EOFError
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class Channel:
    """Speaks with the bridge over one socket."""

    def __init__(self, sock: socket.socket, loop: asyncio.AbstractEventLoop) -> None:
        self._sock, self._loop = sock, loop
        self._thread = threading.get_ident()
        """The loop's, which need not be woken."""
        self._lock = threading.Lock()
        self._out: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._is_woken = False
        self._is_blocked = self._is_begun = self._is_sending = False
        self._in = Inflow()
        self._dropped = 0
        self.tell_dropped: Callable[[int], None] | None = None
        """Told, on the loop, how many frames were left out, as soon as everything else is gone."""

    def say(self, said: Mapping[str, Any], data: bytes = b"", *, may_drop: bool = False, is_first: bool = False) -> None:
        """Send that in order, or before all that waits; from any thread. Raises WireError.

        From the loop's it goes at once, as far as the bridge reads, but for what may be dropped: nobody waits for that.
        """
        if may_drop and self._waiting_bytes > MOST_DROPPABLE_BYTES:
            with self._lock:
                self._dropped += 1
            return
        frame = pack(said, data)
        is_here = threading.get_ident() == self._thread
        is_now = is_here and not may_drop
        with self._lock:
            if is_first:
                self._out.insert(1 if self._is_begun else 0, frame)
            else:
                self._out.append(frame)
            self._waiting_bytes += len(frame)
            if self._is_blocked or (is_here and self._is_sending):
                return
            if not is_now:
                if self._is_woken:
                    return
                self._is_woken = True
        if is_now:
            self._send()
        elif is_here:
            self._loop.call_soon(self._flush)
        else:
            self._loop.call_soon_threadsafe(self._flush)

    @property
    def waiting_bytes(self) -> int:
        """How much waits to be read."""
        return self._waiting_bytes

    def listen(self, hear: Callable[[dict[str, Any], bytes], None], ended: Callable[[Exception | None], None]) -> None:
        """Have each frame heard from now on, on the loop. `ended` is told once: of the error, or that the bridge has let go."""
        self._sock.setblocking(False)

        def readable() -> None:
            try:
                self._receive(hear)
            except BlockingIOError:
                return
            except Exception as error:  # noqa: BLE001 - whatever it is, it ends the worker
                self._loop.remove_reader(self._sock)
                ended(None if isinstance(error, EOFError | OSError) else error)

        self._loop.add_reader(self._sock, readable)

    def _receive(self, hear: Callable[[dict[str, Any], bytes], None]) -> None:
        part = self._sock.recv(_AT_ONCE)
        if not part:
            raise EOFError
        self._in.add(part)
        while (frame := self._in.take()) is not None:
            hear(*frame)

    def _flush(self) -> None:
        with self._lock:
            self._is_woken = False
        self._send()

    def _send(self) -> None:
        self._is_sending = True  # what is cleared away may say something at any time, in the midst of this too
        try:
            self._send_what_waits()
        finally:
            self._is_sending = False

    def _send_what_waits(self) -> None:
        while True:
            with self._lock:
                if not self._out:
                    if self._is_blocked:
                        self._is_blocked = False
                        self._loop.remove_writer(self._sock)
                    dropped, self._dropped = self._dropped, 0
                    if dropped and self.tell_dropped is not None:
                        self._loop.call_soon(self.tell_dropped, dropped)
                    return
                frame = self._out[0]
                was_begun, self._is_begun = self._is_begun, True  # nothing may be put before it now
            try:
                sent = self._sock.send(frame)
            except BlockingIOError:
                sent = 0
            except OSError:  # the bridge has let go: whoever reads learns of it
                return
            with self._lock:
                self._waiting_bytes -= sent
                if sent == len(frame):
                    self._out.popleft()
                    self._is_begun = False
                    continue
                self._out[0] = frame[sent:]
                self._is_begun = was_begun or sent > 0
                if self._is_blocked:
                    return
                self._is_blocked = True
            self._loop.add_writer(self._sock, self._send)
            return

    def drain(self, within_s: float) -> None:
        """Send what waits, and wait for that, at the end: the loop runs no more."""
        self._sock.settimeout(within_s)
        try:
            for frame in list(self._out):
                self._sock.sendall(frame)
        except OSError:
            return
