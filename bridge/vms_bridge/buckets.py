"""How often somebody may do something: a bucket of tries for each, which fills up again with time."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vms_bridge.clock import Clock

_MOST_BUCKETS = 4_096


class Buckets:
    """Those of one kind: everybody may do something `burst` times at once, and then `rate` times a second."""

    def __init__(self, clock: Clock, *, rate: float, burst: float) -> None:
        self._clock, self._rate, self._burst = clock, rate, burst
        self._filled: OrderedDict[str, tuple[float, float]] = OrderedDict()
        """How much is left to whom, and since when; the one that was not asked for longest first."""

    def take(self, who: str) -> float:
        """Take one try, and return 0; or take none, and return after how many seconds there is one."""
        now = self._clock.monotonic()
        left, since = self._filled.pop(who, (self._burst, now))
        left = min(self._burst, left + (now - since) * self._rate)
        wait_s = 0.0 if left >= 1 else (1 - left) / self._rate
        self._filled[who] = (left if wait_s else left - 1, now)
        if len(self._filled) > _MOST_BUCKETS:
            self._filled.popitem(last=False)
        return wait_s
