"""How the loops of one connection wait: until it is time or somebody rings, and within a budget of requests."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from typing import Protocol

    from vms_bridge.clock import Clock

    class Pace(Protocol):
        """What whoever asks much waits for before each request."""

        async def wait(self) -> None:
            """Wait until the next request may be made."""

    class Budget(Protocol):
        """What whoever asks for a little takes from before each request."""

        def take(self) -> bool:
            """Take one if there is one."""


SPARE_PER_S = 0.35
"""So much may be asked beyond the regular requests, so that all together stay below one a second."""

IN_ALL_PER_S = 1.0
"""So much is asked in all while somebody reads the archive in the background."""
_LONGEST_WAIT_S = 10.0
"""Who waits in the background is let through after that all the same: where events are read often, nothing is ever left."""

_WAITS_S = 5.0
"""Who has not asked again for so long wants nothing any more."""


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

    @property
    def left(self) -> float:
        """How many there are now."""
        return min(self._burst, self._left + (self._clock.monotonic() - self._counted) * self.rate)

    def take(self) -> bool:
        """Take one if there is one."""
        self._left, self._counted = self.left, self._clock.monotonic()
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


class Leftover:
    """What all the other requests leave of `rate` a second, and a little at least: for what nobody waits for, one at a time.

    `asked` returns how many there were so far, of every kind; those that are made in a `turn` are among them.
    """

    def __init__(self, asked: Callable[[], int], clock: Clock, *, rate: float = IN_ALL_PER_S, burst: float = 2.0) -> None:
        self._asked, self._clock, self._rate, self._burst = asked, clock, rate, burst
        self._left, self._counted, self._seen = 1.0, clock.monotonic(), asked()
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait until there is something left, and have nobody else ask in the background meanwhile."""
        async with self._turn:
            until = self._clock.monotonic() + _LONGEST_WAIT_S
            while (missing := 1 - self._count()) > 0 and (left_s := until - self._clock.monotonic()) > 0:
                await self._clock.sleep(min(missing / self._rate, left_s))
            yield

    def _count(self) -> float:
        now, asked = self._clock.monotonic(), self._asked()
        left = self._left + (now - self._counted) * self._rate - (asked - self._seen)
        # Many at once, as when a picture is fetched of each of a hundred monitors, are not to be made up for by minutes.
        self._left = max(-_LONGEST_WAIT_S * self._rate, min(self._burst, left))
        self._counted, self._seen = now, asked
        return self._left


class Half:
    """One of two who share an allowance."""

    def __init__(self, shared: Halves) -> None:
        self._shared = shared
        self.wanted_at = float("-inf")

    def take(self) -> bool:
        """Take one if there is one, unless it is the other's turn."""
        return self._shared.take(self)


class Halves:
    """One allowance for two: while both want something they get it by turns, so that neither takes all of it."""

    def __init__(self, allowance: Allowance, clock: Clock) -> None:
        self._allowance, self._clock = allowance, clock
        self.one, self.other = Half(self), Half(self)
        self._last: Half | None = None

    def take(self, half: Half) -> bool:
        """Take one for this half."""
        now = self._clock.monotonic()
        other = self.other if half is self.one else self.one
        is_others_turn = self._last is half and now - other.wanted_at < _WAITS_S
        if is_others_turn or not self._allowance.take():
            half.wanted_at = now
            return False
        self._last, half.wanted_at = half, float("-inf")
        return True
