"""Which of several sources of one fact to believe: the best that is good, and why no better one is.

A source is left the moment it is bad, and taken up again only after it has been good for a while (`Steadiness`), so that
one that comes and goes does not drag the fact with it. A new source is one more rung.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Reading(Generic[_T]):
    """What a source says, and how late that is at worst, in seconds."""

    value: _T
    lag_s: float | None = None


@dataclass(frozen=True, slots=True)
class Unfit:
    """A source that can't be believed now, and why; without a reason it does not apply here at all."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Rung(Generic[_T]):
    """A source by name, and how to read it."""

    name: str
    read: Callable[[], Reading[_T] | Unfit]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice(Generic[_T]):
    """The source that is believed (None: none is), what it says, and why every better one is not."""

    source: str | None = None
    value: _T | None = None
    lag_s: float | None = None
    reason: str | None = None


def choose(rungs: Iterable[Rung[_T]]) -> Choice[_T]:
    """Read the sources from the best down, and stop at the first that is good."""
    reasons: list[str] = []
    for rung in rungs:
        seen = rung.read()
        if isinstance(seen, Reading):
            return Choice(source=rung.name, value=seen.value, lag_s=seen.lag_s, reason="; ".join(reasons) or None)
        if seen.reason:
            reasons.append(seen.reason)
    return Choice(reason="; ".join(reasons) or None)


@dataclass(slots=True)
class Steadiness:
    """Whether a source has been good for `after_s` without a break; times are the clock's, monotonic."""

    after_s: float
    since: float | None = None

    def good(self, monotonic: float) -> None:
        """Note that the source is good."""
        if self.since is None:
            self.since = monotonic

    def bad(self) -> None:
        """Note that it is not."""
        self.since = None

    def is_steady(self, monotonic: float) -> bool:
        """Say whether it has been good for long enough."""
        return self.since is not None and monotonic - self.since >= self.after_s
