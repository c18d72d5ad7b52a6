"""Which monitor's alarm status is to be asked for next: those are slow calls, each for one monitor, and few are allowed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.pace import SPARE_PER_S

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vms_bridge.backends.zoneminder.follower import EventHealth
    from vms_bridge.backends.zoneminder.monitor_ladder import MonitorLadder
    from vms_bridge.clock import Clock

# A status that old proves nothing any more.
_WORTHLESS_S = 60.0
# A little less than two: calls are made by a clock that ticks once a second.
_EVERY_OTHER = 1.9


class Asker:
    """Chooses among the monitors that no better source reports, and those whose open events are in doubt.

    Those in doubt, which are few and only for a moment, come first with every other call; where the others are too many to be
    asked in time, none of them is asked.
    """

    def __init__(self, ladders: Mapping[str, MonitorLadder], clock: Clock, health: EventHealth) -> None:
        self._ladders, self._clock, self._health = ladders, clock, health

    def next(self) -> MonitorLadder | None:
        """Return the monitor to ask now; None if there is none."""
        now, has_events = self._clock.monotonic(), self._health.is_good
        others = in_need(self._ladders.values(), now, has_events=has_events)
        oldest = _oldest(others) if len(others) / SPARE_PER_S <= _WORTHLESS_S else None
        doubtful = _oldest(ladder for ladder in self._ladders.values() if ladder.is_in_doubt(now, has_events=has_events))
        if oldest is None or (doubtful is not None and now - _asked(doubtful) >= _EVERY_OTHER / SPARE_PER_S):
            return doubtful
        return oldest


def in_need(ladders: Iterable[MonitorLadder], monotonic: float, *, has_events: bool) -> list[MonitorLadder]:
    """Return the monitors whose alarms no other source reports."""
    return [ladder for ladder in ladders if ladder.needs_status(monotonic, has_events=has_events)]


def lag_of(number: int) -> float | None:
    """Return how late the statuses of so many monitors are; None if there is none, or it is too late to ask for them."""
    lag = round(number / SPARE_PER_S, 1)
    return lag if 0 < lag <= _WORTHLESS_S else None


def _oldest(ladders: Iterable[MonitorLadder]) -> MonitorLadder | None:
    return min(ladders, key=_asked, default=None)


def _asked(ladder: MonitorLadder) -> float:
    return ladder.status.asked_at or 0.0
