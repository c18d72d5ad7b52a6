"""Stores what backends record, what the bridge itself tells, and what others add to it, before anybody sees it.

One after the other for each system.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from uuid import uuid4

from vms_bridge.errors import ContributionRefused
from vms_bridge.hub.batch_plan import StoredEvents, plan_batch, plan_enrichment
from vms_bridge.hub.watched_events import WatchedEvents
from vms_bridge.model import OWN, EventRef
from vms_bridge.store import StaleEpoch

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence

    from vms_bridge.hub.batch_plan import BatchPlan
    from vms_bridge.hub.system import System
    from vms_bridge.model import Enrichment, Event, EventBatch
    from vms_bridge.store import Store

MOST_SOURCES = 16
"""How many may add something to one event."""


class Recorder:
    """The way of event batches into the store.

    `on_generation` receives that a system's event ids start anew, `on_stored` each plan that has become the truth, `on_refreshed`
    events that were refreshed and are not stored, each with its monitor's key.
    """

    def __init__(
        self,
        store: Store,
        *,
        durable_sinks: Sequence[str],
        on_generation: Callable[[System, int], None],
        on_stored: Callable[[System, BatchPlan], None],
        on_refreshed: Callable[[str, int, Sequence[tuple[str, Event]]], Awaitable[None]],
    ) -> None:
        self._store = store
        self._durable_sinks = tuple(durable_sinks)
        self._on_generation = on_generation
        self._on_stored = on_stored
        self._on_refreshed = on_refreshed
        self._writes: set[asyncio.Task[None]] = set()
        self.watched = WatchedEvents()
        """Those that commands are about."""

    async def record(self, system: System, batch: EventBatch) -> None:
        """Store a batch; goes on to its end even when the backend is cancelled meanwhile. Raises StoreError."""
        await self._to_its_end(self._record(system, batch), f"record {system.key}")

    async def enrich(self, system: System, ref: EventRef, source: str, enrichment: Enrichment) -> None:
        """Store what a source adds to an event, likewise. Raises ContributionRefused too, for an event that is not known."""
        await self._to_its_end(self._enrich(system, ref, source, enrichment), f"enrich {system.key}")

    async def new_ref(self, system: System) -> EventRef:
        """Return the name of an event that the bridge itself tells; none comes twice. Raises StoreError."""
        return EventRef(system.key, OWN, str(await self._store.mint(f"{system.key}/own", uuid4().bytes)))

    async def finish(self) -> None:
        """Wait for what is being written."""
        await asyncio.gather(*self._writes, return_exceptions=True)

    async def _to_its_end(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._writes.add(task)
        task.add_done_callback(self._writes.discard)
        await asyncio.shield(task)

    async def _record(self, system: System, batch: EventBatch) -> None:
        async with system.recording:
            if batch.generation not in {system.generation, OWN}:
                self._on_generation(system, batch.generation)
            while True:
                epoch = self._store.epoch
                known = await self._known(system, batch.generation, [event.id for event in batch.events])
                before = dict(known.events) if self.watched else {}
                plan = plan_batch(batch, system, known, epoch=epoch)
                is_news = bool(plan.commit.events) or plan.commit.cursor not in (None, system.cursor)
                if not is_news or await self._stores(system, plan):
                    break
            if batch.refreshed:
                others = [(system.key_of(event.monitor_id), event) for event in batch.events if event.id not in known.events]
                shown = [(key or "", event) for key, event in others if key is not None or event.deleted]
                await self._on_refreshed(system.key, batch.generation, shown)
            if self.watched:
                refs = (EventRef(system.key, batch.generation, event.id) for event in batch.events)
                self.watched.recorded(zip(refs, batch.events, strict=True), before)

    async def _enrich(self, system: System, ref: EventRef, source: str, enrichment: Enrichment) -> None:
        async with system.recording:
            while True:
                epoch = self._store.epoch
                if ref.generation not in {system.generation, OWN}:
                    raise ContributionRefused(f"event {ref.format()} is not there any more: ids have started anew since")
                known = await self._known(system, ref.generation, [ref.id])
                added = known.enrichments.get(ref.id, {})
                if ref.id not in known.events or known.events[ref.id][1].deleted:
                    raise ContributionRefused(f"event {ref.format()} is not known, or not any more")
                if added.get(source) == enrichment:
                    return
                if source not in added and len(added) >= MOST_SOURCES:
                    raise ContributionRefused(f"{MOST_SOURCES} others have added something to event {ref.format()} already")
                plan = plan_enrichment(ref, source, enrichment, system, known, epoch=epoch)
                if await self._stores(system, plan):
                    return

    async def _stores(self, system: System, plan: BatchPlan) -> bool:
        """Store the plan and make it the truth; say no where another epoch has begun since it was made."""
        try:
            await self._store.commit(plan.commit, self._durable_sinks)
        except StaleEpoch:
            return False
        self._on_stored(system, plan)
        return True

    async def _known(self, system: System, generation: int, ids: Iterable[str]) -> StoredEvents:
        followed = system.followed(generation)
        others = [event_id for event_id in ids if event_id not in followed.by_id]
        known = await self._store.events(system.key, generation, others) if others else {}
        if not known:
            return StoredEvents(events=followed.by_id, enrichments=followed.enrichments, late=followed.late)
        late = await self._store.reported_late(system.key, generation, tuple(known))
        added = await self._store.enrichments(system.key, generation, tuple(known))
        return StoredEvents(
            events={**known, **followed.by_id},
            enrichments={**added, **followed.enrichments},
            late=followed.late | late,
        )
