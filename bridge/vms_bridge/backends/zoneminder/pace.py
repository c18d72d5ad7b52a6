"""How the loops of one connection wait: until it is time or somebody rings, and within a budget of requests."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    from vms_bridge.clock import Clock

    class Pace(Protocol):
        """What whoever asks much waits for before each request."""

        async def wait(self) -> None:
            """Wait until the next request may be made."""


SPARE_PER_S = 0.35
"""So much may be asked beyond the regular requests, so that all together stay below one a second."""


class Bell:
    """Wakes a loop before its time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """End the wait that is on, or the next one."""
        self._rung.set()

    async def wait(self, seconds: float) -> bool:
        """Wait that long, or until rung; say whether it was rung."""
        if not self._rung.is_set():
            waits = {asyncio.ensure_future(self._clock.sleep(seconds)), asyncio.ensure_future(self._rung.wait())}
            try:
                await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for wait in waits:
                    wait.cancel()
                await asyncio.gather(*waits, return_exceptions=True)
        rung = self._rung.is_set()
        self._rung.clear()
        return rung


class Allowance:
    """Requests beyond the regular ones: `rate` a second on average, a few at once."""

    def __init__(self, rate: float, clock: Clock, *, burst: float = 2.0) -> None:
        self.rate, self._burst, self._clock = rate, burst, clock
        self._left, self._counted = burst, clock.monotonic()

    def take(self) -> bool:
        """Take one if there is one."""
        now = self._clock.monotonic()
        self._left = min(self._burst, self._left + (now - self._counted) * self.rate)
        self._counted = now
        if self._left < 1:
            return False
        self._left -= 1
        return True

    async def wait(self) -> None:
        """Take one as soon as there is one."""
        while not self.take():
            await self._clock.sleep((1 - self._left) / self.rate)


class Reserve:
    """An allowance that is used up before the regular one, for what is seldom needed, but at once."""

    def __init__(self, reserve: Allowance, regular: Allowance) -> None:
        self._reserve, self._regular = reserve, regular

    async def wait(self) -> None:
        """Take one from the reserve, or one of the regular ones as soon as there is one."""
        if not self._reserve.take():
            await self._regular.wait()
