"""Takes in what somebody else sends no faster than is good for the bridge: so much at once, and so much in a second."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vms_bridge.clock import Clock


class Pace:
    """Of one source; what costs more than there is has its reader wait, and by that whoever sends."""

    def __init__(self, clock: Clock, *, rate: float, burst: float) -> None:
        self._clock, self._rate, self._burst = clock, rate, burst
        self._left, self._since_s = burst, clock.monotonic()

    async def pay(self, cost: float) -> None:
        """Wait until that is due."""
        now = self._clock.monotonic()
        self._left = min(self._burst, self._left + (now - self._since_s) * self._rate) - cost
        self._since_s = now
        if self._left < 0:
            await self._clock.sleep(-self._left / self._rate)
