"""How much is asked of one host at a time, and when not at all: it says so itself, and is heard by all who ask it."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from vms_bridge.clock import Clock

AT_ONCE = 4
STREAMS_AT_ONCE = 3
"""So many of these may be pictures and videos, which take long: the API is never kept waiting by them alone."""
_MOST_IDLE = 64


class _Lane:
    def __init__(self) -> None:
        self.all, self.streams = asyncio.Semaphore(AT_ONCE), asyncio.Semaphore(STREAMS_AT_ONCE)
        self.users = 0
        self.closed_until = 0.0


class Lanes:
    """One lane for each host."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lanes: dict[str, _Lane] = {}

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait until the host may be asked something, and have it so meanwhile."""
        lane = self._lane(host)
        lane.users += 1
        try:
            async with lane.all:
                await self._opened(lane)
                yield
        finally:
            lane.users -= 1

    async def begin_stream(self, host: str) -> Turn:
        """Wait until something long may be read from the host; whoever gets it ends it."""
        lane = self._lane(host)
        lane.users += 1
        try:
            async with AsyncExitStack() as held:
                await held.enter_async_context(lane.streams)
                await held.enter_async_context(lane.all)
                await self._opened(lane)
                held.pop_all()  # to be let go of by the turn
        except BaseException:
            lane.users -= 1
            raise
        return Turn(lane)

    def close_for(self, host: str, seconds: float) -> None:
        """Have nothing be asked of the host for so long."""
        lane = self._lane(host)
        lane.closed_until = max(lane.closed_until, self._clock.monotonic() + seconds)

    async def _opened(self, lane: _Lane) -> None:
        """Wait until it may be asked: with the turn in hand, since it may have been closed while that was waited for."""
        while (wait_s := lane.closed_until - self._clock.monotonic()) > 0:
            await self._clock.sleep(wait_s)

    def _lane(self, host: str) -> _Lane:
        host = host.lower().removesuffix(":443")  # one host, however an address writes it
        lane = self._lanes.get(host)
        if lane is None:
            if len(self._lanes) >= _MOST_IDLE:
                now = self._clock.monotonic()
                self._lanes = {key: each for key, each in self._lanes.items() if each.users or each.closed_until > now}
            lane = self._lanes[host] = _Lane()
        return lane


class Turn:
    """A turn that is ended by who has it, once."""

    def __init__(self, lane: _Lane) -> None:
        self._lane: _Lane | None = lane

    def end(self) -> None:
        """Give it to the next one."""
        lane, self._lane = self._lane, None
        if lane is not None:
            lane.all.release()
            lane.streams.release()
            lane.users -= 1
