"""Time, waiting and taking turns, all by the bridge's clock: so that `vms-bridge script test` can let it pass at once."""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from vms_bridge.script.asked import ask, given, nothing
from vms_bridge.script.checks import check_text
from vms_bridge.script.declared import is_async
from vms_bridge.script.durations import Duration, seconds
from vms_bridge.script.errors import TimedOut
from vms_bridge.script.happenings import Happening, happening
from vms_bridge.script.link import author_line, link
from vms_bridge.script.triggers import When

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from types import TracebackType

    from vms_bridge.script.asked import Asked

T = TypeVar("T", bound="Callable[..., object]")
_LONGEST_LOCK_S = 600.0


def now() -> datetime:
    """Return the time by the bridge's clock, in the configured time zone."""
    return link().now()


def sleep(duration: Duration) -> Asked[None]:
    """Wait so long.

    `await sleep("5s")`; in a plain `def` handler `sleep("5s").result()`.
    """
    return ask("timer.open", {"seconds": seconds(duration)}, nothing)


class Later:
    """What is to be done later: `cancel()` it."""

    __slots__ = ("_is_cancelled", "_timer")

    def __init__(self, timer: Asked[None]) -> None:
        self._timer = timer
        self._is_cancelled = False

    def cancel(self) -> None:
        """Don't do it, if it has not begun."""
        self._is_cancelled = True  # its time may have come already, and the call wait for its turn
        self._timer.cancel()

    def _may_begin(self) -> bool:
        return not self._is_cancelled

    @property
    def done(self) -> bool:
        """Whether its time has come, or it was cancelled."""
        return self._timer.done

    def __repr__(self) -> str:
        return f"<after: {'done' if self.done else 'to come'}>"


def after(duration: Duration, call: Callable[..., object], *args: object) -> Later:
    """Call that later.

    `timer = after("5m", close_gate)`; `timer.cancel()`. It is forgotten when the script is started anew.
    """
    if not callable(call):
        raise TypeError(f"after() takes a function, without calling it: after({duration!r}, close_gate), and not {call!r}")
    here, timer = link(), ask("timer.open", {"seconds": seconds(duration)}, nothing)
    later = Later(timer)
    timer.leave("after()")
    timer.if_it_succeeds(lambda: here.run(_only_if(later._may_begin, call), args))  # noqa: SLF001 - authors get no method for it
    return later


def wait_for(when: When, *, timeout: Duration | None = None) -> Asked[Any]:
    """Wait until that happens.

    `alarm = await wait_for(on.alarm(monitor="front", to="idle"), timeout="30s")`

    Answers what a handler would get. Raises TimedOut where it has not happened by then.
    """
    if not isinstance(when, When):
        raise TypeError(f'wait_for() takes what is to happen, as on.alarm(monitor="front"), and not {when!r}'[:300])
    timeout_s = None if timeout is None else seconds(timeout, "timeout")
    kind = when.words.kind

    def made(words: Mapping[str, Any], data: bytes) -> Happening:
        if words.get("timed_out"):
            raise TimedOut(f"{kind} has not happened within {timeout_s:g} s")
        return happening(kind, words.get("what") or {}, data)

    return ask("wait.open", {"trigger": when.words.said(line=author_line()), "timeout_s": timeout_s}, made)


class Lock:
    """`async with lock("gate"): ...`: of all handlers, of all scripts, one at a time. In a plain `def` handler: `with`.

    Who holds it for longer than an hour loses it, and reads so in the log.
    """

    __slots__ = ("_held", "_name", "_timeout_s")

    def __init__(self, name: str, timeout_s: float | None) -> None:
        self._name, self._timeout_s = name, timeout_s
        self._held: list[Any] = []

    def _acquire(self) -> Asked[Any]:
        words = {"name": self._name, "line": author_line(), **given(timeout_s=self._timeout_s)}
        return ask("lock.acquire", words, lambda said, _: said["lock"])

    def _release(self) -> None:
        _let_go(self._held.pop())

    async def __aenter__(self) -> None:
        self._held.append(await self._acquire().or_given_back(_let_go))

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._release()

    def __enter__(self) -> None:
        self._held.append(self._acquire().result())

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._release()


def _let_go(lock: object) -> None:
    ask("lock.release", {"lock": lock}, nothing)


def lock(name: str, *, timeout: Duration | None = None) -> Lock:
    """Take turns: see `Lock`. Raises TimedOut where others hold it for that long: 10 seconds, unless you say otherwise."""
    timeout_s = None if timeout is None else seconds(timeout, "timeout", most_s=_LONGEST_LOCK_S)
    if timeout_s == 0:
        raise ValueError("timeout is more than nothing: without it, a lock is waited for 10 seconds")
    return Lock(check_text(name, "the name of a lock", 64), timeout_s)


def throttle(interval: Duration) -> Callable[[T], T]:
    """Leave calls out that come sooner than so long after the one before: `@throttle("10s")` above a function of yours.

    For handlers there is `once_per=`. What is left out returns None.
    """
    interval_s = seconds(interval, "interval")
    return lambda call: _only_if(_Turn(interval_s).has_come, call)


def _only_if(may: Callable[[], bool], call: T) -> T:
    """Return what calls that where it may, and else returns None."""
    if is_async(call):

        @functools.wraps(call)
        async def sometimes(*args: object, **kwargs: object) -> object:
            return await call(*args, **kwargs) if may() else None  # type: ignore[misc] # it is `async def`

        return sometimes  # type: ignore[return-value] # it takes and gives what that does

    @functools.wraps(call)
    def at_times(*args: object, **kwargs: object) -> object:
        return call(*args, **kwargs) if may() else None

    return at_times  # type: ignore[return-value] # the same


class _Turn:
    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._last: datetime | None = None
        self._lock = threading.Lock()

    def has_come(self) -> bool:
        here = link().now()
        with self._lock:
            # A clock that was put back would else shut it for as long.
            if self._last is not None and 0 <= (here - self._last).total_seconds() < self._interval_s:
                return False
            self._last = here
        return True
