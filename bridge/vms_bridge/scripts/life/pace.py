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

    def take(self, cost: float) -> float:
        """Take so much; returns for how many seconds to wait until it is due."""
        now = self._clock.monotonic()
        self._left = min(self._burst, self._left + (now - self._since_s) * self._rate) - cost
        self._since_s = now
        return max(0.0, -self._left / self._rate)

    async def pay(self, cost: float) -> None:
        """Take so much, and wait until it is due."""
        wait_s = self.take(cost)
        if wait_s:
            await self._clock.sleep(wait_s)
