"""Alarms at a fake ZoneMinder at a steady rate: each begins on the next monitor in turn, with an event, and ends soon after."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import deque
from typing import TYPE_CHECKING

from tests.fakes.zoneminder.world import IDLE

if TYPE_CHECKING:
    from tests.fakes.zoneminder import World

Stamp = tuple[int, int, int]
"""A monitor, its event's id, and when it happened in monotonic ns."""
_KEPT = 5000
"""Events that the fake's database keeps; a real one has an index, the fake looks at every row."""


class Traffic:
    """Changes of state, half of them begins of alarms and half ends."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._turn = itertools.cycle(world.monitors)
        self._dice = random.Random(len(world.monitors))  # noqa: S311 - no secret

    async def run(self, changes: float, seconds: float, lasts_s: float) -> dict[str, list[Stamp]]:
        """Cause that many changes a second for that long; return what began and what ended, and when."""
        loop = asyncio.get_running_loop()
        began: list[Stamp] = []
        ended: list[Stamp] = []
        alarmed: deque[tuple[float, int, int]] = deque()
        due = loop.time()
        until = due + seconds
        while due < until or alarmed:
            if alarmed and (alarmed[0][0] <= due or due >= until):
                at, monitor, event = alarmed.popleft()
                await asyncio.sleep(max(0.0, at - loop.time()))
                ended.append((monitor, event, time.monotonic_ns()))
                self._world.set_state(monitor, IDLE, score=0)
                self._world.close_event(event)
                continue
            await asyncio.sleep(max(0.0, due - loop.time()))
            monitor = next(self._turn)
            at_ns = time.monotonic_ns()
            event = self._begin(monitor)
            began.append((monitor, event, at_ns))
            alarmed.append((loop.time() + lasts_s, monitor, event))
            # At random moments of the sampling, and yet at this rate.
            due += self._dice.uniform(0.5, 1.5) * 2 / changes
        return {"began": began, "ended": ended}

    def _begin(self, monitor: int) -> int:
        event = self._world.alarm(monitor)
        if event is None:
            raise ValueError(f"monitor {monitor} records nothing on motion")
        self._world.events.pop(event.id - _KEPT, None)
        return event.id
