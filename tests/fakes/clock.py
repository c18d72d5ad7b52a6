"""A clock that tests drive: time stands still until `advance`."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from vms_bridge.clock import Moment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class FakeClock:
    """Wall and monotonic time that move together, and only when told to."""

    def __init__(self, start: datetime = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)) -> None:
        self._start = start
        self._boot, self._booted_at = "first", 0.0
        self._elapsed = 0.0
        self._order = itertools.count()
        self._waiting: list[tuple[float, int, asyncio.Future[None] | asyncio.Timeout]] = []
        """Who sleeps, and what is limited in time, by the moment at which that ends."""
        self._limits: set[asyncio.Timeout] = set()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return 1000.0 + self._elapsed

    def moment(self) -> Moment:
        return Moment(boot=self._boot, uptime_s=self.monotonic() - self._booted_at, wall=self.now())

    def set_by(self, seconds: float) -> None:
        """Set the wall clock, as somebody or the network does."""
        self._start += timedelta(seconds=seconds)

    def reboot(self, *, ago_s: float) -> None:
        """Have the machine been started so long ago; its clock may have lost the time (`set_by`)."""
        self._boot, self._booted_at = "second", self.monotonic() - ago_s

    def freeze(self, seconds: float) -> None:
        """Let time pass in which nothing of ours runs, as after SIGSTOP."""
        self._elapsed += seconds

    async def sleep(self, seconds: float) -> None:
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (self._elapsed + seconds, next(self._order), future))
        await future

    def pause(self, seconds: float) -> None:
        """Threads wait in the machine's time: what they see of this clock stands still all the same."""
        time.sleep(seconds)

    @asynccontextmanager
    async def timeout(self, seconds: float | None) -> AsyncIterator[asyncio.Timeout]:
        """Limit what runs within: by asyncio's own means, which `advance` lets expire."""
        async with asyncio.timeout(None) as limit:
            self._limits.add(limit)
            try:
                if seconds is not None and seconds <= 0:
                    self._expire(limit)
                elif seconds is not None:
                    heapq.heappush(self._waiting, (self._elapsed + seconds, next(self._order), limit))
                yield limit
            finally:
                self._limits.discard(limit)

    @property
    def sleeping(self) -> int:
        """How many sleep."""
        return sum(isinstance(waiter, asyncio.Future) and not waiter.done() for _, _, waiter in self._waiting)

    async def advance(self, seconds: float) -> None:
        """Let time pass, waking each sleeper at its own moment and letting it run until it waits again."""
        end = self._elapsed + seconds
        await settle()
        while self._waiting and self._waiting[0][0] <= end:
            until, _, waiter = heapq.heappop(self._waiting)
            self._elapsed = max(self._elapsed, until)
            if isinstance(waiter, asyncio.Timeout):
                if waiter in self._limits:
                    self._expire(waiter)
                    await settle()
            elif not waiter.done():
                waiter.set_result(None)
                await settle()
        self._elapsed = end
        await settle()

    def _expire(self, limit: asyncio.Timeout) -> None:
        limit.reschedule(asyncio.get_running_loop().time())


async def settle(turns: int = 20) -> None:
    """Let everything that is ready run; for code that does no I/O."""
    for _ in range(turns):
        await asyncio.sleep(0)
