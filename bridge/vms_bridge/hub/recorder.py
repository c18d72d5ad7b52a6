"""Stores what backends record before anybody hears of it, batch by batch and system by system."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vms_bridge.hub.batch_plan import BatchPlan, plan_batch
from vms_bridge.store import StaleEpoch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vms_bridge.hub.system import System
    from vms_bridge.model import EventBatch
    from vms_bridge.store import Store


class Recorder:
    """The way of event batches into the store.

    `on_generation` hears that a system's event ids start anew, `on_stored` of each plan that has become the truth.
    """

    def __init__(
        self,
        store: Store,
        *,
        durable_sinks: Sequence[str],
        on_generation: Callable[[System, int], None],
        on_stored: Callable[[System, BatchPlan], None],
    ) -> None:
        self._store = store
        self._durable_sinks = tuple(durable_sinks)
        self._on_generation = on_generation
        self._on_stored = on_stored
        self._writes: set[asyncio.Task[None]] = set()

    async def record(self, system: System, batch: EventBatch) -> None:
        """Store a batch; goes on to its end even when the backend is cancelled meanwhile. Raises StoreError."""
        task = asyncio.create_task(self._record(system, batch), name=f"record {system.key}")
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        await asyncio.shield(task)

    async def finish(self) -> None:
        """Wait for what is being written."""
        await asyncio.gather(*self._writes, return_exceptions=True)

    async def _record(self, system: System, batch: EventBatch) -> None:
        async with system.recording:
            if batch.generation != system.generation:
                self._on_generation(system, batch.generation)
            while True:
                plan = await self._plan(system, batch)
                if not plan.commit.events and plan.commit.cursor in (None, system.cursor):
                    return
                try:
                    await self._store.commit(plan.commit, self._durable_sinks)
                except StaleEpoch:
                    continue
                break
            self._on_stored(system, plan)

    async def _plan(self, system: System, batch: EventBatch) -> BatchPlan:
        epoch, followed, late = self._store.epoch, system.events.by_id, system.events.late
        others = [event.id for event in batch.events if event.id not in followed]
        known = await self._store.events(system.key, batch.generation, others) if others else {}
        if known:
            late = late | await self._store.told_late(system.key, batch.generation, tuple(known))
        return plan_batch(batch, system, {**known, **followed}, late=late, epoch=epoch)
