"""Something that the bridge was asked for: it is under way already, whether or not anybody waits for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, NoReturn, TypeVar

from vms_bridge.script.durations import Duration, seconds
from vms_bridge.script.errors import TimedOut
from vms_bridge.script.link import SEAT, author_line, link
from vms_bridge.script.plain import plain_words

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping
    from concurrent.futures import Future

T = TypeVar("T")


_IDLE_ALONE = frozenset({"timer.open", "wait.open", "lock.acquire"})
"""What makes no difference unless somebody waits for it."""


class Asked(Generic[T]):
    """What the bridge was asked for, and is doing: `await` it for the answer, or leave it.

    In an `async def` handler: `picture = await monitor.snapshot()`. In a plain `def` handler: `monitor.snapshot().result()`.
    An error that nobody waits for is logged with the line that has asked.
    """

    __slots__ = ("__weakref__", "_future", "_is_idle_alone", "_line", "_was_seen", "_what")

    def __init__(self, what: str, future: Future[T], line: int, *, is_idle_alone: bool = False) -> None:
        self._what, self._future, self._line = what, future, line
        self._is_idle_alone = is_idle_alone
        self._was_seen = False

    def __await__(self) -> Generator[Any, None, T]:
        self._was_seen = True
        return asyncio.wrap_future(self._future).__await__()

    def result(self, timeout: Duration | None = None) -> T:
        """Wait for the answer, in a plain `def` handler: `async def` handlers `await` it."""
        limit_s = None if timeout is None else seconds(timeout, "timeout")
        if SEAT.link is not None and SEAT.link.is_on_loop and not self._future.done():
            raise RuntimeError(f"{self._what}: `.result()` would block an `async def` handler; write `await` before it instead")
        self._was_seen = True
        try:
            return self._future.result(limit_s)
        except TimeoutError:
            self._future.cancel()
            raise TimedOut(f"{self._what} took longer than {limit_s:g} s") from None

    @property
    def done(self) -> bool:
        """Whether the answer is there."""
        return self._future.done()

    def cancel(self) -> None:
        """Wait no more: what has not begun is not done."""
        self._was_seen = True
        self._future.cancel()

    def leave(self, name: str) -> None:
        """Have nobody wait for it; an error is logged under this name, with the line that has asked."""
        self._was_seen = True
        line = self._line
        self._future.add_done_callback(lambda done: _complain_of(done, name, line))

    async def or_given_back(self, give_back: Callable[[T], object]) -> T:
        """Wait for what is one's own until it is given back; it is at once where nobody waits for it any more when it comes."""
        self._was_seen = True
        try:
            return await asyncio.shield(asyncio.wrap_future(self._future))
        except asyncio.CancelledError:
            self.if_it_succeeds(lambda: give_back(self._future.result()))
            raise

    def holding(self, thing: object) -> Asked[T]:
        """Let nothing go of that before the answer is there."""
        self._future.add_done_callback(lambda _done, _thing=thing: None)  # type: ignore[misc] # mypy knows no defaults of a lambda
        return self

    def if_it_fails(self, undo: Callable[[], object]) -> None:
        """Have this called if the answer is an error."""
        self._future.add_done_callback(lambda done: undo() if done.cancelled() or done.exception() is not None else None)

    def if_it_succeeds(self, then: Callable[[], object]) -> None:
        """Have this called when the answer is there, and no error."""
        self._future.add_done_callback(lambda done: then() if not done.cancelled() and done.exception() is None else None)

    if not TYPE_CHECKING:  # an editor tells these mistakes by itself

        def __getattr__(self, name: str) -> NoReturn:
            if name.startswith("_"):
                raise AttributeError(name)
            raise AttributeError(f"{self._not_awaited()}, and has no {name!r}")

        def __getitem__(self, _key: object) -> NoReturn:
            raise TypeError(self._not_awaited())

        def __iter__(self) -> NoReturn:
            raise TypeError(self._not_awaited())

    def _not_awaited(self) -> str:
        how = "write `await` before it" if SEAT.link is None or SEAT.link.is_on_loop else "write `.result()` behind it"
        return f"{self._what} of line {self._line} is not answered yet: {how}"

    def __repr__(self) -> str:
        return f"<{self._what} of line {self._line}, {'awaited' if self._was_seen else 'not awaited'}>"

    def __del__(self) -> None:
        if self._was_seen:
            return
        if self._is_idle_alone:
            _complain("warning", f"{self._what} does nothing by itself: write `await` before it", self._line)
            return
        what, line = self._what, self._line
        self._future.add_done_callback(lambda done: _complain_of(done, what, line))


def _complain_of(done: Future[Any], what: str, line: int) -> None:
    error = None if done.cancelled() else done.exception()
    if error is not None:
        _complain("error", f"{what}: {error}", line)


def _complain(level: str, text: str, line: int) -> None:
    here = SEAT.link
    if here is not None:
        here.later(lambda: here.log(level, text, line))


def ask(what: str, words: Mapping[str, Any], make: Callable[[Mapping[str, Any], bytes], T], data: bytes = b"") -> Asked[T]:
    """Ask the bridge for that; `make` makes the answer of its words and bytes."""
    said = {name: plain_words(value, name) for name, value in words.items()}
    future = link().ask(what, said, make, data)
    return Asked(what, future, author_line(), is_idle_alone=what in _IDLE_ALONE)


def given(**words: object) -> dict[str, Any]:
    """Return those of the words that are not None."""
    return {name: value for name, value in words.items() if value is not None}


def nothing(_words: Mapping[str, Any], _data: bytes) -> None:
    """Make nothing of an answer."""
