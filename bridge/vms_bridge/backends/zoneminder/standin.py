"""What shared memory still tells while the API can't be asked: Apache or the database is down, the capture daemons run.

Only what the memory itself says is told; modes, events and counters are unknown, for nobody can be asked about them.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

from vms_bridge.model import StateUpdate, SystemLost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.backends.base import Feed
    from vms_bridge.backends.zoneminder.memory import MemorySource
    from vms_bridge.backends.zoneminder.session import Session
    from vms_bridge.backends.zoneminder.watch import Watch
    from vms_bridge.clock import Clock
    from vms_bridge.errors import VmsError

_LOOK_S = 1.0


class StandIn:
    """Serves in the place of a session that was lost, from `start` until `stop`."""

    def __init__(self, feed: Feed, clock: Clock) -> None:
        self._feed, self._clock = feed, clock
        self._memory: MemorySource | None = None
        self._task: asyncio.Task[None] | None = None
        self.watches: Mapping[str, Watch] = {}

    @property
    def is_on(self) -> bool:
        """Whether it serves."""
        return self._task is not None

    @property
    def is_of_use(self) -> bool:
        """Whether the shared memory of some monitor is good, and looked at."""
        if self._task is not None and self._task.done():
            return False
        now = self._clock.monotonic()
        return any(watch.uses_memory(now) for watch in self.watches.values())

    def start(self, session: Session, error: VmsError) -> bool:
        """Go on with what that session knew of its monitors, and say whether that is of any use."""
        self.watches = session.watches
        if not self.is_of_use:
            return False
        self._memory = session.memory_for(self)
        # In one go with the states, so that nobody sees a monitor lost that is not.
        self._feed.emit(SystemLost(detail=f"{error}; alarms still come by shared memory"))
        for monitor_id, watch in self.watches.items():
            watch.told = None
            self.tell(monitor_id)
        self._task = asyncio.create_task(self._follow(), name="zoneminder: stand-in")
        return True

    async def stop(self) -> None:
        """Give way to a new session, or to the loss of everything."""
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.wait({task})
            if not task.cancelled() and (defect := task.exception()):
                raise defect
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def tell(self, monitor_id: str) -> None:
        """Tell the monitor's state, if it is another than before."""
        watch = self.watches[monitor_id]
        state = watch.state_by_memory_alone(self._clock.now(), self._clock.monotonic())
        if watch.told is None or replace(state, observed=watch.told.observed) != watch.told:
            watch.told = state
            self._feed.emit(StateUpdate(monitor_id=monitor_id, state=state))

    def expect_event(self, event_id: int) -> None:
        """Leave it to the session to come: it reads what was missed."""

    def expect_end(self, event_id: int) -> None:
        """Leave it to the session to come."""

    async def _follow(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            if self._memory is not None:
                tasks.create_task(self._memory.follow())
            tasks.create_task(self._tell_all())

    async def _tell_all(self) -> None:
        while True:
            await self._clock.sleep(_LOOK_S)
            for monitor_id in self.watches:
                self.tell(monitor_id)
