"""Shared memory as the only source while the API does not answer: Apache or the database is down, the capture daemons run.

Only what the memory itself shows is reported; modes, events and counters are unknown meanwhile.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vms_bridge.backends.zoneminder.ladders import Ladders
    from vms_bridge.backends.zoneminder.session import ZoneMinderSession
    from vms_bridge.backends.zoneminder.sources.shared_memory import SharedMemory
    from vms_bridge.clock import Clock
    from vms_bridge.errors import VmsError

_PERIOD_S = 1.0


class Fallback:
    """Takes the place of a session that was lost, from `start` until `stop`."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._memory: SharedMemory | None = None
        self._ladders: Ladders | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_on(self) -> bool:
        """Whether it serves."""
        return self._task is not None

    @property
    def is_of_use(self) -> bool:
        """Whether the shared memory of some monitor is good, and being read."""
        if self._ladders is None or (self._task is not None and self._task.done()):
            return False
        now = self._clock.monotonic()
        return any(ladder.memory.is_used(now) for ladder in self._ladders.by_id.values())

    def start(self, session: ZoneMinderSession, error: VmsError) -> bool:
        """Go on with the monitors of that session; return whether that is of any use."""
        self._ladders = session.ladders
        self._memory = session.another_memory() if self.is_of_use else None
        if self._memory is None:
            return False
        session.ladders.go_on_alone(f"{error}; alarms still come by shared memory", error.code)
        self._task = asyncio.create_task(self._follow(session.ladders, self._memory), name="zoneminder: fallback")
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

    async def _follow(self, ladders: Ladders, memory: SharedMemory) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(memory.follow())
            tasks.create_task(self._emit_states(ladders))

    async def _emit_states(self, ladders: Ladders) -> None:
        while True:
            await self._clock.sleep(_PERIOD_S)
            for monitor_id in ladders.by_id:
                ladders.emit_state(monitor_id)
