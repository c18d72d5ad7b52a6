"""Makes events all the time, past the bridge: real alarms, real motion, and rows written into ZoneMinder's table."""

from __future__ import annotations

import asyncio
import time
from random import Random
from typing import TYPE_CHECKING

from tests.chaos.lab import CAMERAS, PAPER, PARTNER, SqlFailed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.chaos.lab import Lab

_INSERT = (
    "INSERT INTO Events SET MonitorId={monitor}, StorageId=1, Name='New Event', Cause='{cause}', Notes='paper', Width=320,"
    " Height=240,"
    " StartDateTime=NOW() - INTERVAL {ago} SECOND, EndDateTime={end}, Frames=5, AlarmFrames=3, MaxScore=40, StateId=1;"
)
_ID = "SELECT LAST_INSERT_ID();"
_CLOSE = "UPDATE Events SET EndDateTime=NOW(), Length=TIMESTAMPDIFF(SECOND, StartDateTime, NOW()), Frames=50 WHERE "
_CLOSE_ONE = _CLOSE + "Id={id};"
_CLOSE_ALL = _CLOSE + "EndDateTime IS NULL AND MonitorId IN ({monitors});"
_TURN_S = (0.8, 4.5)
_OPEN_S = (0.3, 12)
_CANCEL_WITHIN_S = 60.0
FREE, CHANGED = 2, PAPER[1]
"""A camera that no command is given to, and a paper monitor whose mode is changed in ZoneMinder itself."""


class Traffic:
    """What happens in front of the cameras; `run` until cancelled, then `settle`."""

    def __init__(self, lab: Lab, seed: int) -> None:
        self._lab = lab
        self._random = Random(f"traffic {seed}")  # noqa: S311 - it has to be repeatable
        self.deleted: set[int] = set()
        """Ids of rows that were there and were deleted, or may have been."""

    async def run(self) -> None:
        """Go on until cancelled; a ZoneMinder that can't is tried again."""
        async with asyncio.TaskGroup() as group:
            for monitor in PAPER:
                group.create_task(self._repeat(self._paper, monitor))
            group.create_task(self._repeat(self._alarm, FREE))
            group.create_task(self._repeat(self._set_mode, CHANGED))
            group.create_task(self._repeat(self._edit, FREE))
            for camera in (2, 3):
                group.create_task(self._repeat(self._motion, camera))

    async def settle(self) -> None:
        """Come to an end: nothing moves, no alarm is forced, every paper event is closed. The caller sets a deadline."""
        for camera in CAMERAS:
            await self._lab.motion(camera, on=False)
            await self._cancel(camera)
        while True:
            try:
                await self._lab.sql(_CLOSE_ALL.format(monitors=", ".join(map(str, PAPER))))
            except SqlFailed:
                await asyncio.sleep(0.5)
            else:
                return

    async def _repeat(self, act: Callable[[int], Awaitable[None]], monitor: int) -> None:
        while True:
            await asyncio.sleep(self._random.uniform(*_TURN_S))
            try:
                await act(monitor)
            except SqlFailed:
                await asyncio.sleep(1)

    async def _paper(self, monitor: int) -> None:
        act = self._random.choices(
            (self._short, self._long, self._handover, self._deleted, self._burst, self._late_commit), (4, 4, 2, 2, 1, 2)
        )
        await self._close(monitor)
        await act[0](monitor)

    async def _short(self, monitor: int) -> None:
        """Begin and end between two polls."""
        await self._insert(monitor, ago=1, end="NOW()")

    async def _long(self, monitor: int) -> None:
        await self._begin(monitor)
        await asyncio.sleep(self._random.uniform(*_OPEN_S))
        await self._close(monitor)

    async def _handover(self, monitor: int) -> None:
        """Close an event shortly after the next has begun, as ZoneMinder's closing thread does."""
        before = await self._begin(monitor)
        await asyncio.sleep(self._random.uniform(0.5, 5))
        await self._begin(monitor)
        await asyncio.sleep(self._random.uniform(0.05, 1.5))
        await self._lab.sql(_CLOSE_ONE.format(id=before))
        await asyncio.sleep(self._random.uniform(0.5, 3))
        await self._close(monitor)

    async def _deleted(self, monitor: int) -> None:
        number = await self._insert(monitor, ago=1, end=self._random.choice(("NOW()", "NULL")))
        await asyncio.sleep(self._random.uniform(0, 5))
        self.deleted.add(number)
        await self._lab.sql(f"DELETE FROM Events WHERE Id={number}")

    async def _burst(self, monitor: int) -> None:
        statement = _INSERT.format(monitor=monitor, cause="Motion", ago=1, end="NOW()")
        await self._lab.sql(statement * self._random.randint(3, 8))

    async def _late_commit(self, monitor: int) -> None:
        """Have a row become visible after one with a higher id."""
        statement = _INSERT.format(monitor=monitor, cause="Motion", ago=1, end="NOW()")
        wait = self._random.uniform(0.3, 3)
        slow = asyncio.create_task(self._lab.sql(f"BEGIN; {statement} SELECT SLEEP({wait:.1f}); COMMIT;", within=8))
        try:
            await asyncio.sleep(0.15)
            await self._insert(PARTNER, ago=1, end="NOW()")
        finally:
            await slow

    async def _alarm(self, camera: int) -> None:
        await asyncio.sleep(self._random.uniform(1, 6))
        if await self._lab.force(camera, on=True):
            await asyncio.sleep(self._random.uniform(0.5, 5))
            await self._cancel(camera)

    async def _cancel(self, camera: int) -> None:
        end = time.monotonic() + _CANCEL_WITHIN_S
        while not await self._lab.force(camera, on=False) and time.monotonic() < end:  # noqa: ASYNC110 - another program
            await asyncio.sleep(0.5)

    async def _motion(self, camera: int) -> None:
        await asyncio.sleep(self._random.uniform(2, 10))
        await self._lab.motion(camera, on=True)
        await asyncio.sleep(self._random.uniform(1, 5))
        await self._lab.motion(camera, on=False)

    async def _set_mode(self, monitor: int) -> None:
        """Give a monitor another mode, as another program would."""
        await asyncio.sleep(self._random.uniform(2, 10))
        function = self._random.choice(("Monitor", "Modect", "Record", "Nodect"))
        await self._lab.sql(f"UPDATE Monitors SET Function='{function}' WHERE Id={monitor}")

    async def _edit(self, camera: int) -> None:
        """Give a camera another mode, as its page does: its daemon starts anew."""
        await asyncio.sleep(self._random.uniform(15, 40))
        await self._lab.set_function(camera, self._random.choice(("Modect", "Nodect")))

    async def _insert(self, monitor: int, *, ago: int, end: str) -> int:
        cause = self._random.choice(("Motion", "Signal", "Linked"))
        return int((await self._lab.sql(_INSERT.format(monitor=monitor, cause=cause, ago=ago, end=end) + _ID))[-1][0])

    async def _begin(self, monitor: int) -> int:
        return await self._insert(monitor, ago=0, end="NULL")

    async def _close(self, monitor: int) -> None:
        """End what is open; also what a database that died left open."""
        await self._lab.sql(_CLOSE_ALL.format(monitors=monitor))
