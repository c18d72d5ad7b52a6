"""The index at work: what is stored is taken in behind it, and searches have threads of their own, so that neither waits.

Whoever asks finds all that was reported before: what the index has yet to take in, it takes in first. What goes wrong here
concerns searches only: a damaged file is made anew, a full disk is said and tried again.
"""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from vms_bridge.errors import StoreError
from vms_bridge.store.index import lookup
from vms_bridge.store.index.file import IndexFile, is_damage
from vms_bridge.store.index.reader import Readers
from vms_bridge.store.index.timeline import timeline
from vms_bridge.store.index.value_counts import value_counts
from vms_bridge.store.index.values import Visible
from vms_bridge.store.index.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from datetime import tzinfo
    from pathlib import Path

    from vms_bridge.index import Bucket, BucketSize, IndexedEvent, IndexMark, Search, SearchPage, ValueCounts, ValueKind
    from vms_bridge.model import Event, EventRef
    from vms_bridge.store.index.unindexed import Unindexed
    from vms_bridge.store.index.values import IndexedMonitor, IndexStatus, Slice

    InStore = Callable[..., Awaitable[Slice]]

_T = TypeVar("_T")
_P = ParamSpec("_P")
_SLICE = 100
"""How many events are taken in at a time: some hundredths of a second's work."""
_HINT = "events and messages are not concerned; is the disk full, or failing?"


class SearchIndex:
    """The index of a store. Its coroutines raise StoreError where the file can't be used, SearchRefused for a bad question."""

    def __init__(self, path: Path, unindexed: Unindexed, in_store: InStore) -> None:
        self._file = IndexFile(path)
        self._unindexed, self._in_store = unindexed, in_store
        self._writer = Writer(self._file)
        self._readers = Readers(self._file)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="index")
        self._following = asyncio.Lock()
        self._followed = 0
        self._refilled: int | None = None
        """Up to which row of the store's events it has begun with; None: with all."""
        self._number = 0
        """Of the file that it has begun with; 0: none yet."""
        self._problem: str | None = None

    @property
    def detail(self) -> str | None:
        """What is not as it should be, for people."""
        return self._problem or self._file.detail

    @property
    def monitors(self) -> tuple[IndexedMonitor, ...]:
        """All monitors of which it has something; the same tuple until that changes."""
        return self._writer.monitors

    async def follow(self) -> None:
        """Process all that is stored by now."""
        target = self._unindexed.newest
        if self._number != self._file.number or not self._number:
            await self._write(self._open)
        while self._followed < target:
            async with self._following:
                if self._followed >= target:
                    return
                part = await self._in_store(self._unindexed.read, self._followed, _SLICE)
                await self._write(self._writer.take, part)
                self._followed = max(part.upto, self._followed)

    async def refill(self) -> bool:
        """Process some of what the store has had before; say whether there is more."""
        await self._write(self._open)
        after = self._refilled
        if after is None:
            return False
        part = await self._in_store(self._unindexed.refill, after, _SLICE)
        await self._write(self._take_refill, after, part)
        return self._refilled is not None

    async def tidy(self, most: int) -> bool:
        """Delete some of what was given up, or is more than `most`; say whether there is more."""
        return await self._write(self._writer.tidy, most)

    async def note_gone(self, shown: frozenset[int], now: str, before: str) -> None:
        """Note which monitors are not shown any more, and give up those that have not been since `before`."""
        await self._write(self._writer.note_gone, shown, now, before)

    async def add(
        self, system: str, generation: int, events: Sequence[tuple[str, Event]], *, mark: str | None, is_complete: bool
    ) -> None:
        """Note what was recorded before, and how far that has got."""
        await self._write(self._writer.add, system, generation, events, mark=mark, is_complete=is_complete)

    async def mark(self, system: str) -> IndexMark:
        """Return how far the system's newest generation was filled."""
        return await self._write(self._writer.mark, system)

    async def status(self) -> dict[str, IndexStatus]:
        """Return what there is of each system."""
        return await self._write(self._writer.status)

    async def counts(self, system: str, generation: int) -> dict[str, int]:
        """Return how many events there are, by key of the monitor."""
        await self.freshen()
        return await self._write(self._writer.counts, system, generation)

    async def ids(self, system: str, generation: int, key: str, after: str | None, limit: int) -> list[str]:
        """Return ids of a monitor's events, in the VMS's order."""
        await self.freshen()
        return await self._write(self._writer.ids, system, generation, key, after, limit)

    async def forget(self, system: str, generation: int, ids: Sequence[str]) -> None:
        """Forget events."""
        await self.freshen()
        for first in range(0, len(ids), _SLICE):
            await self._write(self._writer.forget, system, generation, ids[first : first + _SLICE])

    async def clear(self, system: str | None) -> None:
        """Forget all of the system, or all there is, and begin anew with what the store has."""
        if system is None:
            await self._write(self._begin_anew)
        else:
            await self._write(self._clear, system)

    async def search(self, query: Search, shown: Mapping[int, IndexedMonitor], after: str | None, limit: int) -> SearchPage:
        """Return a page of what is searched for, of the monitors that are shown."""
        return await self._read(partial(lookup.page, query=query, visible=self._visible(shown), after=after, limit=limit))

    async def timeline(
        self, query: Search, shown: Mapping[int, IndexedMonitor], bucket: BucketSize, zone: tzinfo
    ) -> list[Bucket]:
        """Return counts of what is searched for."""
        return await self._read(partial(timeline, query=query, visible=self._visible(shown), bucket=bucket, zone=zone))

    async def values(self, query: Search, shown: Mapping[int, IndexedMonitor], kind: ValueKind, limit: int) -> ValueCounts:
        """Return which values what is searched for has."""
        return await self._read(partial(value_counts, query=query, visible=self._visible(shown), kind=kind, limit=limit))

    async def one(self, ref: EventRef, shown: Mapping[int, IndexedMonitor]) -> IndexedEvent | None:
        """Return an event."""
        return await self._read(partial(lookup.one, ref=ref, shown=shown))

    async def freshen(self) -> None:
        """Note what was reported, if that can be; raises StoreError only where there is nothing to be read at all."""
        try:
            await self.follow()
        except StoreError:
            if not self._number:
                raise

    def close(self) -> None:
        """End searches, finish what is being written and close the file. Blocks."""
        self._readers.close()
        with suppress(sqlite3.Error):
            self._thread.submit(self._file.close).result()
        self._thread.shutdown()

    def _visible(self, shown: Mapping[int, IndexedMonitor]) -> Visible:
        return Visible(shown=shown, all_of=frozenset(monitor.number for monitor in self.monitors))

    async def _read(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        number = self._file.number
        try:
            return await self._readers.run(work)
        except sqlite3.DatabaseError as error:
            if is_damage(error) and number == self._file.number:
                await self._write(self._begin_anew, error)
            raise StoreError(f"the search index {self._file.path} can't be read: {error}", hint=_HINT) from error

    async def _write(self, work: Callable[_P, _T], *arguments: _P.args, **options: _P.kwargs) -> _T:
        """Do blocking work in the index's thread, to its end even when the caller is cancelled."""
        attempt = partial(self._attempt, partial(work, *arguments, **options))
        try:
            done = await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, attempt))
        except StoreError as error:
            self._problem = str(error)
            raise
        except (sqlite3.Error, OSError) as error:
            self._problem = f"the search index {self._file.path} can't be written: {error}"
            raise StoreError(self._problem, hint=_HINT) from error
        self._problem = None
        return done

    def _attempt(self, work: Callable[[], _T]) -> _T:
        """Do it; where the file turns out to be damaged, begin a new one: what was to be done is to be asked for again."""
        try:
            self._open()
            return work()
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                self._begin_anew(error)
            raise

    def _open(self) -> None:
        self._file.writer()
        if self._number != self._file.number:
            self._number, self._refilled = self._file.number, self._writer.open()

    def _take_refill(self, after: int, part: Slice) -> None:
        """Take in what the store has behind the row `after`, unless it was begun anew meanwhile."""
        if after != self._refilled:
            return
        if part.refilled is None:
            self._writer.end_refill()
        else:
            self._writer.take(part)
        self._refilled = part.refilled

    def _clear(self, system: str) -> None:
        self._writer.clear(system)
        self._refilled = 0

    def _begin_anew(self, error: sqlite3.DatabaseError | None = None) -> None:
        self._file.begin_anew(error)
        self._open()
