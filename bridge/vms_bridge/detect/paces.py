"""How each monitor was looked at in the last minute: what people can see of it, in entities of diagnosis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge import metrics
from vms_bridge.objects import Pace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vms_bridge.views import MonitorKey

EVERY_S = 60.0


@dataclass(slots=True)
class _Counts:
    looked: int = 0
    dropped: int = 0
    busy_s: float = 0.0
    aged: int = 0
    age_s: float = 0.0

    def pace(self, since_s: float) -> Pace:
        """Return what it comes to in so many seconds."""
        return Pace(
            rate=round(self.looked / since_s, 2),
            took_s=round(self.busy_s / self.looked, 4) if self.looked else None,
            age_s=round(self.age_s / self.aged, 2) if self.aged else None,
            dropped=self.dropped,
            share=round(self.busy_s / since_s, 3),
        )


class Paces:
    """Counts, by the monitor, until they are read."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._since_s = monotonic()
        self._counts: dict[MonitorKey, _Counts] = {}

    def looked(self, monitor: MonitorKey, busy_s: float) -> None:
        """Count a picture that was with the models for so long."""
        if (counts := self._of(monitor)) is not None:
            counts.looked += 1
            counts.busy_s += busy_s

    def aged(self, monitor: MonitorKey, seconds: float) -> None:
        """Count how old a picture was when it was known what is in it."""
        if (counts := self._of(monitor)) is not None:
            counts.aged += 1
            counts.age_s += seconds

    def dropped(self, monitor: MonitorKey) -> None:
        """Count a picture that made room for a newer one, unseen."""
        if (counts := self._of(monitor)) is not None:
            counts.dropped += 1

    def read(self, monitors: Iterable[MonitorKey]) -> dict[MonitorKey, Pace]:
        """Return the pace of each of these monitors since this was read last, and begin to count anew."""
        now_s = self._monotonic()
        since_s, self._since_s = max(now_s - self._since_s, 1.0), now_s
        counts, self._counts = self._counts, {}
        return {monitor: counts.get(monitor, _NOTHING).pace(since_s) for monitor in monitors}

    def _of(self, monitor: MonitorKey) -> _Counts | None:
        if monitor not in self._counts and len(self._counts) >= metrics.MOST_MONITORS:
            return None
        return self._counts.setdefault(monitor, _Counts())


_NOTHING = _Counts()
