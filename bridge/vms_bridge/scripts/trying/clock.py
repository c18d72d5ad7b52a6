"""The time of a trial: it stands still until somebody has it jump to the next moment at which anything is due."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from vms_bridge.clock import Moment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

_BEGAN = 1000.0
_DIGITS = 6
"""Times are compared to so many digits: what is due at the same time is due at once, however that time was reckoned."""


class JumpingClock:
    """Wall and monotonic time that move together. Of a trial's own event loop only."""

    def __init__(self, start: datetime) -> None:
        self._start, self._elapsed = start, 0.0
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, asyncio.Future[None] | asyncio.Timeout]] = []
        """Who sleeps, and what is limited in time, by the moment at which that ends."""
        self._limits: set[asyncio.Timeout] = set()

    @property
    def elapsed_s(self) -> float:
        """How much time has passed."""
        return self._elapsed

    @property
    def due_s(self) -> float | None:
        """When something is due next, in the same seconds; None where nothing is."""
        while self._waiting and not self._is_alive(self._waiting[0][2]):
            heapq.heappop(self._waiting)
        return self._waiting[0][0] if self._waiting else None

    def jump(self, to_s: float) -> None:
        """Have it be so late, and wake whoever has waited for that; what they do then happens after this returns."""
        self._elapsed = max(self._elapsed, to_s)
        while (due_s := self.due_s) is not None and due_s <= self._elapsed:
            waiter = heapq.heappop(self._waiting)[2]
            if isinstance(waiter, asyncio.Timeout):
                waiter.reschedule(asyncio.get_running_loop().time())
                self._limits.discard(waiter)
            else:
                waiter.set_result(None)

    def now(self) -> datetime:
        """Return the wall-clock time, aware, in UTC."""
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        """Return seconds from an arbitrary start."""
        return _BEGAN + self._elapsed

    def moment(self) -> Moment:
        """Return now; nothing of a trial outlives it."""
        return Moment(boot="trial", uptime_s=self.monotonic(), wall=self.now())

    async def sleep(self, seconds: float) -> None:
        """Wait until the time has jumped so far."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        future = asyncio.get_running_loop().create_future()
        self._wait(seconds, future)
        await future

    def pause(self, seconds: float) -> None:
        """Go on at once: no thread of a trial waits for time to pass."""

    @asynccontextmanager
    async def timeout(self, seconds: float | None) -> AsyncIterator[asyncio.Timeout]:
        """Set a time limit, as `asyncio.timeout` does."""
        async with asyncio.timeout(None) as limit:  # noqa: TID251 - by asyncio's own means, which `jump` lets expire
            self._limits.add(limit)
            try:
                if seconds is not None and seconds <= 0:
                    limit.reschedule(asyncio.get_running_loop().time())
                elif seconds is not None:
                    self._wait(seconds, limit)
                yield limit
            finally:
                self._limits.discard(limit)

    def _wait(self, seconds: float, waiter: asyncio.Future[None] | asyncio.Timeout) -> None:
        heapq.heappush(self._waiting, (round(self._elapsed + seconds, _DIGITS), next(self._order), waiter))

    def _is_alive(self, waiter: asyncio.Future[None] | asyncio.Timeout) -> bool:
        return waiter in self._limits if isinstance(waiter, asyncio.Timeout) else not waiter.done()
