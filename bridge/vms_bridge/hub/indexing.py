"""The search index of all systems that have an archive, kept in the background, each as long as its system is there."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING

from vms_bridge.boundary import Boundary
from vms_bridge.hub.index_keeper import IndexKeeper
from vms_bridge.hub.system_index import SystemIndex

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.clock import Clock
    from vms_bridge.hub.archive import Archives
    from vms_bridge.hub.index import Index
    from vms_bridge.hub.system import System
    from vms_bridge.model import EventRef
    from vms_bridge.store import Store

_MOST_DOUBTED = 64


class Indexing:
    """One keeper for each system; whoever adds, replaces or removes a system calls `systems_changed`."""

    def __init__(self, store: Store, index: Index, systems: Mapping[str, System], archives: Archives, clock: Clock) -> None:
        self._store, self._index, self._systems, self._archives, self._clock = store, index, systems, archives, clock
        self._keepers: dict[str, tuple[System, IndexKeeper]] = {}
        self._changed = asyncio.Event()
        self._doubted: asyncio.Queue[EventRef] = asyncio.Queue(_MOST_DOUBTED)
        self._doubts: set[EventRef] = set()

    async def run(self) -> None:
        """Keep them until cancelled."""
        if not self._store.has_index:
            return
        tasks: dict[IndexKeeper, asyncio.Task[None]] = {}
        async with asyncio.TaskGroup() as group:
            group.create_task(self._check_doubted(), name="index: doubted events")
            while True:
                wanted = {self._keeper(system) for system in self._systems.values()}
                for keeper in [keeper for keeper in tasks if keeper not in wanted]:
                    tasks.pop(keeper).cancel()
                for keeper in wanted - tasks.keys():
                    tasks[keeper] = group.create_task(keeper.run(), name="index: keeper")
                await self._changed.wait()
                self._changed.clear()

    def systems_changed(self) -> None:
        """Hear that a system came, was replaced or went."""
        for key in [key for key, (system, _) in self._keepers.items() if self._systems.get(key) is not system]:
            del self._keepers[key]
        self._changed.set()

    def wake(self, system: System) -> None:
        """Hear that something of a system is not as it was: its ids have begun anew."""
        self._keeper(system).wake()

    def doubt(self, event: EventRef) -> None:
        """Hear that the VMS has no picture of an event; it may be gone."""
        if self._store.has_index and event not in self._doubts and not self._doubted.full():
            self._doubts.add(event)
            self._doubted.put_nowait(event)

    async def rebuild(self, key: str | None) -> None:
        """Forget the index of a system, or of all, and have it filled anew. Raises SearchRefused or StoreError."""
        systems = [system for system in self._systems.values() if key in {None, system.key}]
        async with AsyncExitStack() as still:
            for system in systems:  # so that no page that was asked for before is stored behind it
                await still.enter_async_context(system.recording)
            await self._index.rebuild(key)
        for system in systems:
            self.wake(system)

    def _keeper(self, system: System) -> IndexKeeper:
        known = self._keepers.get(system.key)
        if known is None or known[0] is not system:
            index = SystemIndex(self._store, self._index, system)
            known = system, IndexKeeper(index, system, self._archives, self._clock)
            self._keepers[system.key] = known
        return known[1]

    async def _check_doubted(self) -> None:
        """One after the other: each takes some seconds where it is really gone."""
        boundary = Boundary("the index", self._clock)
        while True:
            event = await self._doubted.get()
            system = self._systems.get(event.system)
            if system is not None:
                await boundary.attempt("a doubted event", partial(self._keeper(system).doubt, event))
            self._doubts.discard(event)
