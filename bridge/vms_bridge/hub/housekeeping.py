"""What the hub does again and again: forget what is old, count what waits, save what monitors are."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from vms_bridge.hub.chores import Chore
from vms_bridge.views import BridgeState

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.hub.system import System
    from vms_bridge.store import Store
    from vms_bridge.views import Claim

_LOGGER = logging.getLogger(__name__)
_HOUSEKEEPING_S = 600.0
_COUNT_S = 5.0
_WAITING = timedelta(seconds=10)
"""From when on a message counts as undelivered: what is just on its way does not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """How long events and undelivered messages are kept, and how many of the latter at most."""

    keep: timedelta = timedelta(days=8)
    most_undelivered: int = 500_000


class Housekeeping:
    """The hub's own work on the store, and how the bridge fares by it; `on_state` is called when that changes."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        systems: Mapping[str, System],
        *,
        durable_sinks: Sequence[str],
        retention: Retention,
        on_state: Callable[[], None],
    ) -> None:
        self.state = BridgeState()
        self._store, self._clock, self._systems = store, clock, systems
        self._durable_sinks, self._retention, self._on_state = tuple(durable_sinks), retention, on_state
        self._unsaved = asyncio.Event()
        self._saving = Chore("saving what monitors are", clock.monotonic)
        self._pruning = Chore("forgetting what is old", clock.monotonic)
        self._counting = Chore("counting what waits", clock.monotonic)

    async def run(self) -> None:
        """Do all this until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._save_descriptions(), name="hub: descriptions")
            group.create_task(self._prune(), name="hub: prune")
            group.create_task(self._watch_store(), name="hub: store")

    def claimed(self, claims: tuple[Claim, ...]) -> None:
        """Take these for the claims that there are."""
        self._set_state(replace(self.state, claims=claims))

    def save(self, system: System) -> None:
        """Have saved, soon, what this system's monitors are."""
        system.unsaved = True
        self._unsaved.set()

    async def _save_descriptions(self) -> None:
        while True:
            await self._unsaved.wait()
            self._unsaved.clear()
            for system in [system for system in self._systems.values() if system.unsaved]:
                system.unsaved = False
                await self._saving.attempt(self._store.save_monitors(system.key, system.by_themselves()))
                await self._saving.attempt(self._store.save_names(system.key, system.names))

    async def _prune(self) -> None:
        while True:
            limits = self._retention
            lost = await self._pruning.attempt(
                self._store.prune(self._durable_sinks, keep=limits.keep, most=limits.most_undelivered)
            )
            if lost:
                self._set_state(replace(self.state, given_up=self.state.given_up + lost))
                _LOGGER.error(
                    "%d event messages are given up: they were not delivered for %d days, or more than %d were waiting;"
                    " is what %s delivers to out of reach?",
                    lost,
                    limits.keep.days,
                    limits.most_undelivered,
                    " or ".join(self._durable_sinks),
                )
            await self._clock.sleep(_HOUSEKEEPING_S)

    async def _watch_store(self) -> None:
        while True:
            waiting = await self._counting.attempt(self._store.waiting(longer_than=_WAITING))
            problem = self._store.problem or ("the store failed; see the log" if waiting is None else None)
            undelivered = self.state.undelivered if waiting is None else waiting
            self._set_state(replace(self.state, problem=problem, undelivered=undelivered))
            await self._clock.sleep(_COUNT_S)

    def _set_state(self, state: BridgeState) -> None:
        if state != self.state:
            self.state = state
            self._on_state()
