"""Which monitor's alarm status is to be asked for next: those are slow calls, each for one monitor, and few are allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vms_bridge.backends.zoneminder.watch import Watch
    from vms_bridge.clock import Clock

# A status that old tells nothing any more.
_WORTHLESS_S = 60.0
# A little less than two: calls are made by a clock that ticks once a second.
_EVERY_OTHER = 1.9


class Asker:
    """Chooses among the monitors that no better source tells of, and those whose open events are in doubt.

    `rate` is how many calls there may be a second. Those in doubt, which are few and only for a moment, come first with every
    other call; where the others are too many to be asked in time, none of them is asked.
    """

    def __init__(self, watches: Mapping[str, Watch], clock: Clock, *, rate: float, has_events: Callable[[], bool]) -> None:
        self._watches, self._clock, self._rate, self._has_events = watches, clock, rate, has_events

    def lag(self) -> float | None:
        """Return how late the statuses are of those that nothing else tells of; None if too late to be asked for."""
        lag = round(len(self._in_need()) / self._rate, 1)
        return lag if 0 < lag <= _WORTHLESS_S else None

    def next(self) -> Watch | None:
        """Return the monitor to ask now; None if there is none."""
        now, has_events = self._clock.monotonic(), self._has_events()
        others = self._in_need()
        oldest = self._oldest(others) if len(others) / self._rate <= _WORTHLESS_S else None
        doubtful = self._oldest([watch for watch in self._watches.values() if watch.is_in_doubt(now, has_events=has_events)])
        if oldest is None or (doubtful is not None and now - _asked(doubtful) >= _EVERY_OTHER / self._rate):
            return doubtful
        return oldest

    def _in_need(self) -> list[Watch]:
        now, has_events = self._clock.monotonic(), self._has_events()
        return [watch for watch in self._watches.values() if watch.needs_status(now, has_events=has_events)]

    def _oldest(self, watches: list[Watch]) -> Watch | None:
        return min(watches, key=_asked, default=None)


def _asked(watch: Watch) -> float:
    return watch.status_at or 0.0
