"""Stores with an index, and how a test tells them of events and searches."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.fakes.clock import FakeClock

from vms_bridge.index import Search
from vms_bridge.store import EventCommit, Store

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.index import SearchPage
    from vms_bridge.model import Enrichment, Event
    from vms_bridge.store.index import IndexedMonitor


async def opened(path: Path, *, indexed: int = 1_000_000) -> Store:
    return await asyncio.to_thread(lambda: Store.open(path, FakeClock(), indexed=indexed))


async def tell(
    store: Store,
    *events: Event,
    system: str = "zm",
    generation: int = 1,
    added: tuple[tuple[str, str, Enrichment], ...] = (),
) -> None:
    """Commit events, each of the monitor `camera_<id>`, and what was added to some."""
    told = EventCommit(
        epoch=store.epoch,
        system=system,
        generation=generation,
        cursor=None,
        events=tuple((f"camera_{each.monitor_id}", each) for each in events),
        messages=(),
        last_events={},
        enrichments=added,
    )
    await store.commit(told, ())


async def shown(store: Store) -> dict[int, IndexedMonitor]:
    """Return all monitors of which the index has something."""
    await store.index.freshen()
    return {monitor.number: monitor for monitor in store.index.monitors if monitor.generation}


async def search(store: Store, after: str | None = None, limit: int = 100, **query: object) -> SearchPage:
    return await store.index.search(Search(**query), await shown(store), after, limit)  # type: ignore[arg-type]  # by name


async def found(store: Store, **query: object) -> list[str]:
    """Return the ids of what is found."""
    return [each.event.id for each in (await search(store, **query)).events]  # type: ignore[arg-type]  # the same
