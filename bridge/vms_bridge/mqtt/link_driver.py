"""A connected client on the event loop: it reads and writes when the kernel is ready, and pings."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections import deque
from typing import TYPE_CHECKING, NoReturn, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.clock import Clock, Moment
    from vms_bridge.mqtt.lifeline import Lifeline
    from vms_bridge.mqtt.link_client import LinkClient

_LOGGER = logging.getLogger(__name__)
_SLEPT_S = 3.0
"""Who comes so late to the check of each second has slept, or was held up."""
_READS = 64
"""Packets read in one turn of the loop."""


class _Socket(Protocol):
    def fileno(self) -> int: ...


class LinkDriver:
    """Moves what a client sends and receives, from `start` to `stop`, and informs the lifeline.

    `on_lost` gets in words why the connection can't go on, `on_silence` for how many seconds nothing has come, `on_forgotten`
    how many answers will never come, `on_garbled` that what came is not MQTT: its owner is to stop it then.
    """

    def __init__(
        self,
        client: LinkClient,
        clock: Clock,
        lifeline: Lifeline,
        *,
        on_lost: Callable[[str], None],
        on_silence: Callable[[float], None],
        on_forgotten: Callable[[int], None],
        on_garbled: Callable[[str], None],
    ) -> None:
        self._client = client
        self._clock = clock
        self._lifeline = lifeline
        self._on_lost = on_lost
        self._on_silence = on_silence
        self._on_forgotten = on_forgotten
        self._on_garbled = on_garbled
        self.on_writable: Callable[[], None] = _nothing
        """Called whenever everything has left."""
        self.closed = asyncio.Event()
        """Set once the socket is closed, as after a goodbye that has left."""
        self._loop = asyncio.get_running_loop()
        self._is_stopped = False
        self._flush_due = False
        self._watched = False
        self._ticked = clock.monotonic()
        self._pings: deque[Moment] = deque()
        self._pong = asyncio.Event()
        self.alive = clock.moment()
        """When the newest ping was sent that was answered; before the first, when this was made."""

    @property
    def is_ready(self) -> bool:
        """Whether the kernel has taken everything so far."""
        return not self._is_stopped and not self._has_more()

    def start(self, sock: _Socket) -> None:
        """Take the connected client over from the thread that connected it."""
        self._client.on_socket_register_write = self._wants_write
        self._client.on_socket_close = self._socket_closed
        self._client.on_pong = self._ponged
        self._ticked = self._clock.monotonic()
        self._loop.add_reader(sock.fileno(), self._readable, sock)
        self.flush()
        self._readable(sock)

    def stop(self) -> None:
        """Drop the connection, in the next turn of the loop: paho may be in the middle of a packet."""
        self._is_stopped = True
        self._pong.set()
        self._loop.call_soon(self._client.drop)

    def flush(self) -> None:
        """Hand to the kernel what there is, as far as it takes it."""
        sock = self._client.socket()
        if sock is None:
            return
        self._flush_due = False
        try:
            if self._client.has_rest():
                sock.send(b"")
            if not self._client.has_rest():
                self._client.loop_write()
        except OSError as error:
            if not isinstance(error, BlockingIOError | ssl.SSLWantReadError | ssl.SSLWantWriteError):
                self._on_lost(str(error))
                return
        self._watch(sock.fileno(), on=self._has_more())

    async def run(self) -> NoReturn:
        """Ping, and watch for signs of life, until cancelled."""
        while True:
            await self._clock.sleep(1.0)
            now = self._clock.monotonic()
            lifeline = self._lifeline
            if now - self._ticked > _SLEPT_S:
                lifeline.woke(now)
            self._ticked = now
            lifeline.check(now, self._client.transit(), is_written=not self._has_more())
            if (silence_s := lifeline.silence_s(now)) is not None:
                self._on_silence(silence_s)
            elif count := lifeline.forgotten(now):
                self._on_forgotten(count)
            elif lifeline.wants_ping(now):
                self._ping()

    async def ping(self) -> bool:
        """Ping once more, and wait for the answer; False if the connection ends before."""
        sent = self._ping()
        while not self._is_stopped and sent in self._pings:
            self._pong.clear()
            await self._pong.wait()
        return not self._is_stopped

    def _ping(self) -> Moment:
        sent = self._clock.moment()
        self._pings.append(sent)
        self._client.ping()
        self._lifeline.pinged(self._clock.monotonic())
        return sent

    def _has_more(self) -> bool:
        return self._client.want_write() or self._client.has_rest()

    def _wants_write(self, *_: object) -> None:
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush_soon)

    def _flush_soon(self) -> None:
        if self._flush_due:
            self._writable()

    def _writable(self) -> None:
        self.flush()
        if self.is_ready:
            self.on_writable()

    def _readable(self, sock: _Socket) -> None:
        self._lifeline.heard(self._clock.monotonic())
        try:
            for _ in range(_READS):
                self._client.loop_read()
                if self._client.socket() is not sock:
                    return
                if not self._client.has_pending():
                    self._client.acknowledge_segments()
                    return
        except Exception as error:  # the border to paho's parsers: whatever a peer sent, it is not MQTT
            _LOGGER.debug("paho could not read a packet", exc_info=True)
            self._on_garbled(f"it sent something that is not MQTT ({type(error).__name__})")
            return
        self._loop.call_soon(self._read_on, sock)

    def _read_on(self, sock: _Socket) -> None:
        if self._client.socket() is sock:
            self._readable(sock)

    def _ponged(self) -> None:
        if self._pings:
            self.alive = self._pings.popleft()
        self._lifeline.ponged(self._clock.monotonic())
        self._pong.set()

    def _socket_closed(self, _client: object, _data: object, sock: _Socket) -> None:
        self._loop.remove_reader(sock.fileno())
        self._watch(sock.fileno(), on=False)
        self.closed.set()

    def _watch(self, fileno: int, *, on: bool) -> None:
        if on and not self._watched and not self._is_stopped:
            self._watched = True
            self._loop.add_writer(fileno, self._writable)
        elif not on and self._watched:
            self._watched = False
            self._loop.remove_writer(fileno)


def _nothing() -> None:
    """Do nothing: nobody listens yet."""
