"""Keeps the index of one system: filled from its archive, then true to what the VMS has."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from vms_bridge.backoff import Backoff
from vms_bridge.boundary import Boundary
from vms_bridge.explaining import explained
from vms_bridge.hub.backfill import Backfill
from vms_bridge.hub.reconcile import CHECK_S, Reconciler
from vms_bridge.hub.system_index import FilledAnew, Mark
from vms_bridge.logs import Trouble
from vms_bridge.model import Capability

if TYPE_CHECKING:
    from vms_bridge.clock import Clock
    from vms_bridge.hub.archive import Archives
    from vms_bridge.hub.system import System
    from vms_bridge.hub.system_index import SystemIndex
    from vms_bridge.model import EventRef

_LOGGER = logging.getLogger(__name__)
SETTLE_S = 5.0
"""What a system reports that has just been reached comes first."""
PAUSE_S = 1.0
"""Between two pages, however fast they come: there is no hurry."""
_FIRST_WAIT_S = 5.0
_LONGEST_WAIT_S = 300.0


class IndexKeeper:
    """One system's."""

    def __init__(self, index: SystemIndex, system: System, archives: Archives, clock: Clock) -> None:
        self._index, self._system, self._clock = index, system, clock
        self._backfill = Backfill(index, archives, system.key)
        self._reconciler = Reconciler(index, system, archives, clock)
        self._boundary = Boundary(f"the index of system {system.key}", clock)
        self._trouble = Trouble(_LOGGER, f"system {system.key}: filling the search index", clock.monotonic)
        self._backoff = Backoff(_FIRST_WAIT_S, _LONGEST_WAIT_S)
        self._woken = asyncio.Event()
        self._has_settled = False

    async def run(self) -> None:
        """Keep it until cancelled."""
        while True:
            while not self._can_ask():
                self._has_settled = False
                await self._wait(SETTLE_S)
            if not self._has_settled:
                self._has_settled = True
                await self._wait(SETTLE_S)
                continue
            outcome = await self._boundary.attempt("a turn", self._turn)
            if outcome.error is None:
                self._backoff.reset()
                self._trouble.over()
                self._system.index_trouble = None
                await self._wait(outcome.value or 0.0)
            elif self._can_ask():  # else that is the reason
                error = explained(outcome.error)
                self._trouble.report(error, hint=error.hint, code=error.code)
                self._system.index_trouble = str(error)
                await self._wait(self._backoff.failed())

    def wake(self) -> None:
        """Have it check now: something is not as it was."""
        self._woken.set()

    async def doubt(self, event: EventRef) -> None:
        """Check whether this event is still there: there was no picture of it. Raises BridgeError."""
        if not self._can_ask() or not self._system.calls_so(event) or event.id in self._system.events.by_id:
            return  # what is followed is checked by its backend
        await self._index.load()
        row = await self._index.event(event)
        if row is not None:
            with suppress(FilledAnew):
                await self._reconciler.doubt(row)

    async def _turn(self) -> float:
        """Do what is next; return in how many seconds there is more to do."""
        try:
            return await self._next()
        except FilledAnew:
            return SETTLE_S

    async def _next(self) -> float:
        index, zone = self._index, self._system.state.time_zone
        await index.load()
        if zone is not None and zone != index.mark.zone:
            await self._read_by(zone)
        if index.mark.is_complete:
            await self._reconciler.check()
            return CHECK_S
        if not await self._backfill.turn():
            return PAUSE_S
        count = sum((await index.counts()).values())
        _LOGGER.info("system %s: the search index has what it has recorded, %d events", self._system.key, count)
        return CHECK_S

    async def _read_by(self, zone: str) -> None:
        """Take times for those of this zone; what was understood by another one is read once more."""
        mark = self._index.mark
        if mark.zone is None:
            await self._index.add((), replace(mark, zone=zone))
            return
        _LOGGER.info("system %s: its time zone is %s now; its events are read once more", self._system.key, zone)
        await self._index.add((), Mark(zone=zone))

    def _can_ask(self) -> bool:
        state = self._system.state
        return state.available and Capability.ARCHIVE in state.capabilities

    async def _wait(self, seconds: float) -> None:
        """Wait that long, or until woken."""
        with suppress(TimeoutError):
            async with self._clock.timeout(seconds):
                await self._woken.wait()
        self._woken.clear()
