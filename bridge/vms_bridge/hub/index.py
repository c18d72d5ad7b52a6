"""The index as sinks ask it: by the keys that monitors have now, of those that are shown now; and what keeps it up to date."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from datetime import timedelta
from operator import is_
from typing import TYPE_CHECKING

from vms_bridge.enriched import enriched, joined
from vms_bridge.errors import SearchRefused
from vms_bridge.hub.chores import Chore
from vms_bridge.index import IndexedEvent, IndexProgress
from vms_bridge.measures import Histograms
from vms_bridge.model import OWN
from vms_bridge.store.index import IndexedMonitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import tzinfo

    from vms_bridge.clock import Clock
    from vms_bridge.hub.archive import Archives
    from vms_bridge.hub.system import System
    from vms_bridge.index import Bucket, BucketSize, Search, SearchPage, ValueCounts, ValueKind
    from vms_bridge.model import Event, EventRef
    from vms_bridge.store import Store
    from vms_bridge.store.index import IndexStatus

_TEND_S = 10.0
_PAUSE_S = 0.05
_KEEP_HIDDEN = timedelta(days=7)
"""How long the events are kept of what is not shown any more: somebody may have taken it out of the configuration by mistake."""


class Index:
    """Asks the store's index, and has it tended; `on_progress` receives a system whose progress has changed."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        systems: Mapping[str, System],
        *,
        archives: Archives,
        on_progress: Callable[[str], None],
    ) -> None:
        self._archives = archives
        self._store, self._clock, self._systems, self._on_progress = store, clock, systems, on_progress
        self._stored = asyncio.Event()
        self._tending = Chore("tending the search index", clock.monotonic)
        self._refreshing = Chore("noting in the search index what was done to events", clock.monotonic)
        self._shown: Mapping[int, IndexedMonitor] = {}
        self._made_of: list[object] = []
        self.took = Histograms()
        """How long searches, timelines and lists of values took."""

    def stored(self) -> None:
        """Have taken in, soon, what was stored."""
        self._stored.set()

    async def search(self, query: Search, after: str | None, limit: int) -> SearchPage:
        """Return a page of events. Raises SearchRefused or StoreError."""
        with self._timed("search"):
            return await self._store.index.search(query, await self._fresh(), after, limit)

    async def timeline(self, query: Search, bucket: BucketSize, zone: tzinfo) -> Sequence[Bucket]:
        """Return counts of events. Raises the same."""
        with self._timed("timeline"):
            return await self._store.index.timeline(query, await self._fresh(), bucket, zone)

    async def values(self, query: Search, kind: ValueKind, limit: int = 100) -> ValueCounts:
        """Return which values these events have. Raises the same."""
        with self._timed("values"):
            return await self._store.index.values(query, await self._fresh(), kind, limit)

    async def one(self, ref: EventRef) -> IndexedEvent | None:
        """Return an event; where the index is off as the store has it, or the system's archive. Raises the same, or VmsError."""
        if not self._store.has_index and (ref.is_own or self._archives.can_find(ref.system)):
            return await self._unindexed(ref)
        return await self._store.index.one(ref, await self._fresh())

    async def _unindexed(self, ref: EventRef) -> IndexedEvent | None:
        system = self._systems.get(ref.system)
        if system is None or not (ref.is_own or system.calls_so(ref)):
            return None
        stored = (await self._store.events(ref.system, ref.generation, [ref.id])).get(ref.id)
        added = (await self._store.enrichments(ref.system, ref.generation, [ref.id])).get(ref.id, {})
        recorded = await self._archives.event(ref) if stored is None and not ref.is_own else None
        event = stored[1] if stored is not None else recorded.event if recorded is not None else None
        key = None if event is None or event.deleted else system.key_of(event.monitor_id)
        if event is None or key is None:
            return None
        others = joined(added.values())
        return IndexedEvent(
            ref=ref, monitor=key, event=enriched(event, added), plates=others.plates, faces=others.faces, text=others.text
        )

    async def rebuild(self, system: str | None) -> None:
        """Forget what the index has of the system, or of all, and begin anew. Raises SearchRefused or StoreError."""
        if system is not None and system not in self._systems:
            raise SearchRefused(f"there is no system {system!r}")
        await self._store.clear_index(system)
        await self.look()

    async def refreshed(self, system: str, generation: int, events: Sequence[tuple[str, Event]]) -> None:
        """Note how these events are that the store does not have, each with its monitor's key. Reports a failure."""
        if not self._store.has_index:
            return
        there = [(key, event) for key, event in events if not event.deleted]
        gone = [event.id for _, event in events if event.deleted]
        if there:
            await self._refreshing.attempt(self._store.add_to_index(system, generation, there, mark=None, is_complete=False))
        if gone:
            await self._refreshing.attempt(self._store.forget_indexed(system, generation, gone))

    async def gone(self, event: EventRef) -> None:
        """Forget an event that its VMS says not to have, unless its backend follows it and will say so. Reports a failure."""
        system = self._systems.get(event.system)
        is_ours = system is not None and system.calls_so(event) and event.id not in system.events.by_id
        if is_ours and self._store.has_index:
            await self._refreshing.attempt(self._store.forget_indexed(event.system, event.generation, [event.id]))

    async def run(self) -> None:
        """Keep the index up to date until cancelled."""
        if not self._store.has_index:
            return
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow(), name="hub: index")
            group.create_task(self._tend(), name="hub: tend index")

    async def _follow(self) -> None:
        while True:
            await self._stored.wait()
            self._stored.clear()
            await self._tending.attempt(self._store.index.follow())
            await self._clock.sleep(_PAUSE_S)  # so that much at once is taken in together, and after what is more urgent

    async def _tend(self) -> None:
        while True:
            self._stored.set()
            await self._tending.attempt(self._forget_hidden())
            while await self._tending.attempt(self._store.tend_index()):
                await self._clock.sleep(_PAUSE_S)
            await self.look()
            await self._clock.sleep(_TEND_S)

    async def look(self) -> None:
        """Show how far the index has got with each system."""
        status = await self._tending.attempt(self._store.index.status())
        detail = self._store.index.detail
        for key, system in self._systems.items():
            progress = _progress(system, (status or {}).get(key), detail or system.index_trouble)
            if progress != system.index:
                system.show_index(progress)
                self._on_progress(key)

    @contextmanager
    def _timed(self, question: str) -> Iterator[None]:
        began = self._clock.monotonic()
        yield
        self.took.observe(self._clock.monotonic() - began, question)

    async def _forget_hidden(self) -> None:
        now = self._clock.now()
        shown = await self._fresh()
        await self._store.index.note_gone(frozenset(shown), now.isoformat(), (now - _KEEP_HIDDEN).isoformat())

    async def _fresh(self) -> Mapping[int, IndexedMonitor]:
        """Have taken in what was reported; return the monitors that are shown, by number, with the keys that they have now."""
        index = self._store.index
        await index.freshen()
        monitors = index.monitors
        made_of = [monitors, *(part for system in self._systems.values() for part in _named_by(system))]
        if len(made_of) != len(self._made_of) or not all(map(is_, made_of, self._made_of)):
            self._shown, self._made_of = _shown(monitors, self._systems), made_of
        return self._shown


def _named_by(system: System) -> tuple[object, ...]:
    """Return what the keys of a system's monitors depend on: another object wherever it changes."""
    return system, system.rules, system.names, system.keys, system.events


def _progress(system: System, status: IndexStatus | None, detail: str | None) -> IndexProgress:
    totals = [view.state.events_total for view in system.monitors.values()]
    expected = None if None in totals or not totals else sum(total or 0 for total in totals)
    if status is None or status.mark.generation != system.generation:
        return IndexProgress(expected=expected, detail=detail)
    if expected is not None and expected < status.events:
        expected = None  # it counts otherwise, or not all of them: so it says nothing of how many there are
    return IndexProgress(
        is_complete=status.mark.is_complete, events=status.events, expected=expected, oldest=status.oldest, detail=detail
    )


def _shown(monitors: Sequence[IndexedMonitor], systems: Mapping[str, System]) -> dict[int, IndexedMonitor]:
    shown: dict[int, IndexedMonitor] = {}
    for monitor in monitors:
        system = systems.get(monitor.system)
        if system is None or monitor.generation not in {system.generation, OWN}:
            continue
        key = system.key_of(monitor.monitor_id)
        if key is not None:
            shown[monitor.number] = IndexedMonitor(
                number=monitor.number,
                system=monitor.system,
                generation=monitor.generation,
                monitor_id=monitor.monitor_id,
                key=key,
            )
    return shown
