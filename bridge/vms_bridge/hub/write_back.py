"""Writes what others have added to events back to the VMSs that take it: in the background, so that nobody waits for it."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NoReturn

from vms_bridge.errors import BackendDefect, BridgeError
from vms_bridge.logs import Trouble

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.clock import Clock
    from vms_bridge.hub.system import System
    from vms_bridge.model import Enrichment, EventRef

_LOGGER = logging.getLogger(__name__)
MOST_WAITING = 1_000
"""How many events of a system may wait for it; the oldest go first."""
APART_S = 1.0
"""A VMS has other things to do, and who adds something to an event often adds more a moment later."""


class WriteBack:
    """Hands on what was added to each event by now; one event at a time for each system, so that none delays another."""

    def __init__(self, systems: Mapping[str, System], clock: Clock) -> None:
        self._systems, self._clock = systems, clock
        self._waiting: dict[str, dict[EventRef, Enrichment]] = {}
        self._at_work: set[str] = set()
        self._troubles: dict[str, Trouble] = {}
        self._news = asyncio.Event()

    def added(self, event: EventRef, enrichment: Enrichment) -> None:
        """Have this, all that others have found out about the event by now, written back if its system takes it."""
        system = self._systems.get(event.system)
        if system is None or not system.backend.can_annotate:
            return
        waiting = self._waiting.setdefault(event.system, {})
        waiting.pop(event, None)
        waiting[event] = enrichment
        if len(waiting) > MOST_WAITING:
            del waiting[next(iter(waiting))]
        self._news.set()

    async def run(self) -> NoReturn:
        """Do it until cancelled."""
        self._at_work.clear()
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                for system in self._waiting.keys() - self._at_work:
                    self._at_work.add(system)
                    group.create_task(self._serve(system), name=f"hub: write back to {system}")
                await self._news.wait()

    async def _serve(self, key: str) -> None:
        """Write back what waits for this system."""
        try:
            while self._waiting.get(key):
                await self._clock.sleep(APART_S)
                waiting = self._waiting[key]
                event = next(iter(waiting))
                await self._write(event, waiting.pop(event))
        finally:
            self._at_work.discard(key)
            if not self._waiting.get(key):
                self._waiting.pop(key, None)

    async def _write(self, event: EventRef, enrichment: Enrichment) -> None:
        system = self._systems.get(event.system)
        if system is None or not system.calls_so(event):
            return
        trouble = self._troubles.setdefault(
            event.system, Trouble(_LOGGER, f"{event.system}: what was added to events is not written back", self._clock.monotonic)
        )
        try:
            await system.backend.annotate(event, enrichment)
        except BridgeError as error:
            trouble.report(error, hint="" if isinstance(error, BackendDefect) else error.hint, code=error.code)
        else:
            trouble.over()
