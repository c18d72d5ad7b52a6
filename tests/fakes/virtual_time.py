"""An event loop in which time passes only when nothing is left to do, for runs that have to be the same each time.

    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(scenario(VirtualClock()))

Everything runs one after the other: a timer only when all that the one before it has set going has come to rest, a thread only
while the loop waits for it, and what goes over a connection between two parts of the test is there at once.
"""

from __future__ import annotations

import asyncio
import errno
import math
import selectors
import socket
import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from vms_bridge.clock import Moment

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from concurrent.futures import Executor

_BEGAN = 1000.0
_DIGITS = 6
"""Time has so many digits: what lies below them is the order of what happens at the same time."""
_REAL_PATIENCE_S = 20.0


def _after(moment: float) -> float:
    return math.nextafter(moment, math.inf)


@dataclass(slots=True)
class _Threads:
    """The threads that the loop has started: of them one at most runs, and the loop stands still meanwhile."""

    changed: threading.Condition = field(default_factory=threading.Condition)
    running: int = 0
    waiting: list[tuple[threading.Event, float]] = field(default_factory=list)
    """Who waits to be let go on, and after how many seconds: the loop has yet to know of them."""
    paused: set[threading.Event] = field(default_factory=set)
    """What they wait for, and those who wait for a moment that the loop knows."""
    done: list[tuple[asyncio.Future[Any], Any, BaseException | None]] = field(default_factory=list)
    is_over: bool = False

    def pause(self, seconds: float) -> None:
        go_on = threading.Event()
        with self.changed:
            self._end_if_over()
            self.waiting.append((go_on, seconds))
            self.paused.add(go_on)
            self.running -= 1
            self.changed.notify_all()
        go_on.wait()
        with self.changed:
            self.paused.discard(go_on)
            self._end_if_over()

    def _end_if_over(self) -> None:
        if self.is_over:
            raise RuntimeError("the loop is closed, and nobody is there to go on for")

    def work(self, future: asyncio.Future[Any], call: Callable[[], Any]) -> None:
        value, error = None, None
        try:
            value = call()
        except BaseException as raised:  # noqa: BLE001 - it is passed on
            error = raised
        with self.changed:
            self.done.append((future, value, error))
            self.running -= 1
            self.changed.notify_all()


class _Selector(selectors.EpollSelector):
    """Lets time pass where the loop would wait."""

    def __init__(self, on_idle: Callable[[], None], on_turn: Callable[[], None]) -> None:
        super().__init__()
        self._on_idle, self._on_turn = on_idle, on_turn

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        self._on_turn()
        ready = super().select(0)
        if not ready and (timeout is None or timeout > 0):
            self._on_idle()
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """See above."""

    def __init__(self) -> None:
        self.threads = _Threads()
        self._jobs: deque[Callable[[], object]] = deque()
        self._pool = ThreadPoolExecutor(1)
        self._moment = _after(_BEGAN)
        self._last_at: dict[float, float] = {}
        self._servers: dict[int, tuple[asyncio.Server, Callable[[], asyncio.BaseProtocol], ssl.SSLContext | None]] = {}
        self._targets: dict[socket.socket, int] = {}
        super().__init__(_Selector(self._pass_time, self._run_threads))
        self._clock_resolution = 0.0  # a timer that is due is the next one, and no other

    def time(self) -> float:
        return self._moment

    def call_at(self, when: float, callback: Any, *args: Any, context: Any = None) -> asyncio.TimerHandle:  # type: ignore[override]  # noqa: ANN401
        """Have each timer a time of its own, in the order in which they were set."""
        wanted = round(when, _DIGITS)
        before = self._last_at.get(wanted)
        # Between two of them there is a moment, so that none is ever due exactly now.
        self._last_at[wanted] = at = wanted if before is None else _after(_after(before))
        return super().call_at(at, callback, *args, context=context)

    def _pass_time(self) -> None:
        if self._ready:  # type: ignore[attr-defined]
            return
        timers: list[asyncio.TimerHandle] = self._scheduled  # type: ignore[attr-defined]
        assert timers, "nothing is left that could happen"
        self._moment = max(self._moment, _after(timers[0].when()))

    def run_in_executor(self, executor: Executor | None, func: Any, *args: Any) -> asyncio.Future[Any]:  # type: ignore[override]  # noqa: ANN401
        future: asyncio.Future[Any] = self.create_future()
        work = partial(self.threads.work, future, partial(func, *args))
        self._jobs.append(partial((executor or self._pool).submit, work))
        return future

    def _run_threads(self) -> None:
        threads = self.threads
        while self._jobs:
            job = self._jobs.popleft()
            with threads.changed:
                threads.running += 1
            job()
            with threads.changed:
                assert threads.changed.wait_for(lambda: not threads.running, _REAL_PATIENCE_S), "a thread does not come to rest"
                waiting, threads.waiting = threads.waiting, []
                done, threads.done = threads.done, []
            for go_on, seconds in waiting:
                self.call_later(seconds, self._jobs.append, go_on.set)
            for future, value, error in done:
                if not future.done() and error is not None:
                    future.set_exception(error)
                elif not future.done():
                    future.set_result(value)

    async def create_server(self, protocol_factory: Any, *args: Any, **options: Any) -> asyncio.Server:  # noqa: ANN401
        server = await super().create_server(protocol_factory, *args, **options)
        known = {sock.getsockname()[1]: (server, protocol_factory, options.get("ssl")) for sock in server.sockets}
        self._servers.update(known)
        return server

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:  # noqa: ANN401
        self._refuse_without_server(address[1])
        self._targets[sock] = address[1]

    async def create_connection(  # type: ignore[override]
        self,
        protocol_factory: Any,  # noqa: ANN401
        _host: str | None = None,
        port: int | None = None,
        *,
        sock: socket.socket | None = None,
        **options: Any,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Lead what goes to a server of this loop through a pair of sockets: nothing is under way for any time."""
        if sock is not None:
            port = self._targets.pop(sock)
            sock.close()
        self._refuse_without_server(port)
        _, serve, secured = self._servers[port or 0]
        ours, theirs = socket.socketpair()
        for each in (ours, theirs):
            each.setblocking(False)
        if secured is None:
            try:
                await self.connect_accepted_socket(serve, theirs)
            except BaseException:  # whoever wanted it was cancelled, and nothing holds this end yet
                ours.close()
                raise
            return await super().create_connection(protocol_factory, sock=ours, **options)
        accepting = self.create_task(self.connect_accepted_socket(serve, theirs, ssl=secured))  # the two speak with each other
        try:
            return await super().create_connection(protocol_factory, sock=ours, **options)
        finally:
            with suppress(OSError):  # who has called knows more of it
                await accepting

    def _refuse_without_server(self, port: int | None) -> None:
        known = self._servers.get(port or 0)
        if known is None or not known[0].is_serving():
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"Connect call failed ('127.0.0.1', {port})")

    def close(self) -> None:
        with self.threads.changed:
            self.threads.is_over = True
            for go_on in self.threads.paused:
                go_on.set()
        self._pool.shutdown()
        super().close()


class VirtualClock:
    """The time of the virtual loop that runs; the wall clock can be set."""

    def __init__(self, start: datetime = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)) -> None:
        self._start = start
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        self._loop = loop

    @property
    def elapsed(self) -> float:
        """How much time has passed."""
        return round(self.monotonic() - _BEGAN, _DIGITS)

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return round(self._loop.time(), _DIGITS)

    def moment(self) -> Moment:
        return Moment(boot="first", uptime_s=self.monotonic(), wall=self.now())

    def set_by(self, seconds: float) -> None:
        """Set the wall clock, as somebody or the network does."""
        self._start += timedelta(seconds=seconds)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 10**-_DIGITS) if seconds > 0 else 0)

    def pause(self, seconds: float) -> None:
        self._loop.threads.pause(max(seconds, 10**-_DIGITS))

    def timeout(self, seconds: float | None) -> asyncio.Timeout:
        return asyncio.timeout(seconds)
