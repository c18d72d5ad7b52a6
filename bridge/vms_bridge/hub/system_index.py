"""The index of one system, as who fills it and who holds it to what the VMS has use it."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from vms_bridge.hub.archive import begun_anew
from vms_bridge.index import MOST_FOUND, BucketSize, Search

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vms_bridge.archive import RecordedEvent
    from vms_bridge.hub.index import Index
    from vms_bridge.hub.system import System
    from vms_bridge.index import Bucket, IndexedEvent
    from vms_bridge.model import Event, EventRef
    from vms_bridge.store import Store

_PIECE = 50
"""So many events are stored at a time: what is recorded meanwhile waits for no more."""
_IDS = 1_000
_TIMES = ("until", "oldest", "read_again")


class FilledAnew(Exception):
    """What was asked for is not stored: the index was begun anew meanwhile, and is filled from the beginning."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """How far an archive was read: `after` its last page, of what began before `until`, back to what began at `oldest`.

    `zone` is the VMS's time zone, by which these times were understood. `read_again` is how far back events were read once more
    since all were there; None: it begins with the newest.
    """

    after: str | None = None
    until: datetime | None = None
    oldest: datetime | None = None
    zone: str | None = None
    read_again: datetime | None = None
    is_complete: bool = False

    def written(self) -> str:
        """Return it as the store keeps it, beside whether it is complete."""
        times = {name: getattr(self, name) for name in _TIMES}
        given = {name: time.isoformat() for name, time in times.items() if time is not None}
        return json.dumps({"after": self.after, "zone": self.zone, **given})

    @classmethod
    def read(cls, text: str | None, *, is_complete: bool) -> Self:
        """Read it again; what can't be read is the beginning."""
        try:
            kept = json.loads(text or "{}")
            times = {name: datetime.fromisoformat(kept[name]) for name in _TIMES if name in kept}
            return cls(after=kept.get("after"), zone=kept.get("zone"), is_complete=is_complete, **times)
        except (ValueError, TypeError, AttributeError):
            return cls()


class SystemIndex:
    """What there is of a system in the index, and how far it is filled.

    Every method raises StoreError, SearchRefused where it takes too long, and MediaUnavailable where the VMS has begun to count
    its events anew meanwhile; `add` raises FilledAnew, too.
    """

    def __init__(self, store: Store, index: Index, system: System) -> None:
        self._store, self._index, self._system = store, index, system
        self._generation = 0
        self.mark = Mark()

    async def load(self) -> None:
        """Find out where it stands: the file may be another one than it was."""
        self._generation = self._system.generation
        self.mark = await self._stored_mark()

    async def add(self, events: Sequence[RecordedEvent], mark: Mark | None = None) -> None:
        """Have these events in it, as they were just listed; with a `mark`: the filling has come so far by them.

        Nothing is recorded between the check of what was reported of these events and their being stored: that is known better.
        """
        pieces = [events[at : at + _PIECE] for at in range(0, len(events), _PIECE)] or [()]
        for number, piece in enumerate(pieces, 1):
            async with self._system.recording:
                stands = mark if mark is not None and number == len(pieces) else self.mark
                if self._system.generation != self._generation:
                    raise begun_anew(self._system.key)
                if await self._stored_mark() != self.mark:
                    raise FilledAnew
                await self._store.add_to_index(
                    self._system.key,
                    self._generation,
                    [(one.monitor, one.event) for one in piece],
                    mark=stands.written(),
                    is_complete=stands.is_complete,
                )
            self.mark = stands

    async def note_read_again(self, time: datetime | None) -> None:
        """Note how far back events were read once more."""
        if time != self.mark.read_again:
            await self.add((), replace(self.mark, read_again=time))

    async def forget(self, ids: Sequence[str]) -> None:
        """Let those go that the VMS has no more."""
        if self._system.generation != self._generation:
            raise begun_anew(self._system.key)
        await self._store.forget_indexed(self._system.key, self._generation, ids)

    async def is_full(self) -> bool:
        """Say whether the index has as much as it may: then the oldest of it are on their way out."""
        return await self._store.index_is_full()

    async def counts(self) -> Mapping[str, int]:
        """Return how many there are of each monitor, by key."""
        return await self._store.index_counts(self._system.key, self._generation)

    async def days(self, monitor: str) -> Sequence[Bucket]:
        """Return how many events of a monitor began on each day, in UTC, from the first that has some to the last."""
        return await self._index.timeline(self._search(monitor, None, None), BucketSize.DAY, UTC)

    async def rows(
        self, monitor: str | None, since: datetime | None, until: datetime | None, *, most: int, is_open: bool | None = None
    ) -> list[IndexedEvent]:
        """Return what began in that time, of a monitor or of all, the newest first."""
        query = replace(self._search(monitor, since, until), is_open=is_open)
        found: list[IndexedEvent] = []
        after: str | None = None
        while len(found) < most:
            page = await self._index.search(query, after, min(most - len(found), MOST_FOUND))
            found += page.events
            after = page.after
            if after is None:
                break
        return found

    async def ids_before(self, monitor: str, oldest: Event | None, *, most: int) -> list[str]:
        """Return the ids of a monitor's events that are older than this one (None: of all), the oldest first."""
        if oldest is not None and not oldest.id.isdecimal():  # then only times show it
            rows = await self.rows(monitor, None, oldest.start, most=most) if oldest.start else []
            return [row.ref.id for row in reversed(rows) if row.event.start is not None]
        found: list[str] = []
        while len(found) < most:
            ids = await self._store.index_ids(
                self._system.key, self._generation, monitor, after=found[-1] if found else None, limit=_IDS
            )
            older = [each for each in ids if oldest is None or (each.isdecimal() and int(each) < int(oldest.id))]
            found += older
            if len(ids) < _IDS or len(older) < len(ids):
                break
        return found

    async def event(self, ref: EventRef) -> IndexedEvent | None:
        """Return an event as it stands in it."""
        return await self._index.one(ref)

    def _search(self, monitor: str | None, since: datetime | None, until: datetime | None) -> Search:
        monitors = None if monitor is None else frozenset({(self._system.key, monitor)})
        return Search(systems=frozenset({self._system.key}), monitors=monitors, since=since, until=until, is_own=False)

    async def _stored_mark(self) -> Mark:
        kept = await self._store.index_mark(self._system.key)
        if kept.generation != self._generation:
            return Mark()
        return Mark.read(kept.mark, is_complete=kept.is_complete)
