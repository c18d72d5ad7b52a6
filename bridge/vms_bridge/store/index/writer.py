"""What changes the index: each public method is one transaction's work, done in the index's own thread."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from vms_bridge.model import OWN, Event
from vms_bridge.store.index.added import add, added_to, read_added
from vms_bridge.store.index.dictionary import Dictionary
from vms_bridge.store.index.filters import Chosen
from vms_bridge.store.index.hits import keys
from vms_bridge.store.index.postings import Postings
from vms_bridge.store.index.rows import (
    COLUMNS,
    FIRST,
    FIRST_TERM,
    MONITORS,
    PLACES,
    Entry,
    Row,
    began,
    entry_at,
    entry_of,
    has_texts,
    place_of,
    row_of,
    storable_id,
    stored,
    texts_of,
    time_of,
    tokens,
)
from vms_bridge.store.index.search import Question
from vms_bridge.store.index.slices import plan_of
from vms_bridge.store.index.values import IndexStatus

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from vms_bridge.index import IndexMark
    from vms_bridge.model import Enrichment
    from vms_bridge.store.index.file import IndexFile
    from vms_bridge.store.index.values import IndexedMonitor, Slice

_EVENT = TypeAdapter(Event)
_MARKS = ", ".join("?" * len(COLUMNS.split(",")))
_SLICE = 100
"""How many events are deleted in one go."""


class Writer:
    """Keeps rows, tokens and counts in step with each other."""

    def __init__(self, file: IndexFile) -> None:
        self._file = file
        self._known: tuple[Dictionary, Postings] | None = None
        self._known_of = 0
        self._counts: Counter[int] = Counter()
        """What the transaction adds to the events of monitors."""
        self._dropped: set[int] = set()
        """Tokens that some event of the transaction has no more."""
        self.monitors: tuple[IndexedMonitor, ...] = ()

    def open(self) -> int | None:
        """Open the file; return up to which row of the store it has taken in what was there before, None: all of it."""
        with self._transaction() as connection:
            row = connection.execute("SELECT value FROM meta WHERE name = 'refilled'").fetchone()
            return int(row[0]) if row else None

    def take(self, part: Slice) -> None:
        """Note what the store has."""
        with self._transaction() as connection:
            for told in part.told:
                added = {source: read_added(data) for source, data in told.added.items()}
                self._put(told.system, told.generation, told.key, _EVENT.validate_json(told.data), added)
            if part.refilled is not None:
                connection.execute("INSERT OR REPLACE INTO meta VALUES ('refilled', ?)", (str(part.refilled),))

    def end_refill(self) -> None:
        """Note that all has been taken in that the store had before."""
        with self._transaction() as connection:
            connection.execute("DELETE FROM meta WHERE name = 'refilled'")

    def add(
        self,
        system: str,
        generation: int,
        events: Sequence[tuple[str, Event]],
        *,
        mark: str | None,
        is_complete: bool,
    ) -> None:
        """Note what was recorded before, and how far that has got; nothing of an older generation than the newest.

        Without a mark, and where that is not all, that is left as it is.
        """
        with self._transaction() as connection:
            if OWN < generation < self._dictionary.newest(system):
                return
            series = self._dictionary.begin_series(system, generation)
            for key, event in events:
                self._put(system, generation, key, event, {}, is_listed=True)
            if mark is not None or is_complete:
                connection.execute("UPDATE series SET mark = ?, is_complete = ? WHERE number = ?", (mark, is_complete, series))

    def mark(self, system: str) -> IndexMark:
        """Return how far the system's newest generation was filled."""
        with self._transaction():
            return self._dictionary.mark(system)

    def status(self) -> dict[str, IndexStatus]:
        """Return what there is of each system's newest generation."""
        found: dict[str, IndexStatus] = {}
        with self._transaction() as connection:
            for system in self._dictionary.systems:
                newest = self._dictionary.newest(system)
                numbers = [each.number for each in self._dictionary.monitors_of(self._dictionary.series(system, newest))]
                found[system] = IndexStatus(
                    mark=self._dictionary.mark(system),
                    events=sum(map(self._events_of, numbers)),
                    oldest=_oldest(connection, numbers, [each.number for each in self._dictionary.monitors]),
                )
        return found

    def counts(self, system: str, generation: int) -> dict[str, int]:
        """Return how many events there are, by key of the monitor."""
        counts: Counter[str] = Counter()
        with self._transaction():
            for monitor in self._dictionary.monitors_of(self._dictionary.series(system, generation)):
                counts[monitor.key] += self._events_of(monitor.number)
        return dict(counts)

    def ids(self, system: str, generation: int, key: str, after: str | None, limit: int) -> list[str]:
        """Return ids of a monitor's events, those that follow `after`: numbers by their value, then texts."""
        with self._transaction() as connection:
            monitors = self._dictionary.monitors_of(self._dictionary.series(system, generation))
            numbers = [monitor.number for monitor in monitors if monitor.key == key]
            marks = ", ".join("?" * len(numbers))
            rows = connection.execute(
                f"SELECT event_id FROM events WHERE monitor IN ({marks}) AND event_id > ? ORDER BY event_id LIMIT ?",  # noqa: S608 - only question marks
                (*numbers, -1 if after is None else storable_id(after), limit),
            )
            return [str(event_id) for (event_id,) in rows]

    def forget(self, system: str, generation: int, ids: Sequence[str]) -> None:
        """Forget events that the VMS has no more."""
        with self._transaction() as connection:
            monitors = self._dictionary.monitors_of(self._dictionary.series(system, generation))
            for monitor in monitors:
                for event_id in ids:
                    if row := _row(connection, monitor.number, event_id):
                        self._remove(row, monitor)

    def clear(self, system: str) -> None:
        """Give up all that is there of a system, and begin to take in anew what the store has."""
        with self._transaction() as connection:
            newest = self._dictionary.newest(system)
            if newest:
                self._dictionary.give_up(system, newest)
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('refilled', '0')")

    def tidy(self, most: int) -> bool:
        """Delete some of what was given up, or is more than `most`, the oldest first; say whether there may be more."""
        with self._transaction() as connection:
            for monitor in [monitor for monitor in self._dictionary.monitors if not monitor.generation]:
                query = "SELECT key FROM events INDEXED BY events_by_id WHERE monitor = ? LIMIT ?"
                rows = connection.execute(query, (monitor.number, _SLICE)).fetchall()
                self._remove_all(connection, [key for (key,) in rows])
                if not rows:
                    self._dictionary.forget_monitor(monitor.number)
                return True
            [total] = connection.execute("SELECT coalesce(sum(events), 0) FROM monitors").fetchone()
            if total <= most:
                return False
            rows = connection.execute("SELECT key FROM events ORDER BY key LIMIT ?", (min(_SLICE, total - most),)).fetchall()
            self._remove_all(connection, [key for (key,) in rows])
            return bool(rows)

    def note_gone(self, shown: frozenset[int], now: str, before: str) -> None:
        """Note which monitors are not shown any more since when, and give up those that have not been since `before`."""
        with self._transaction() as connection:
            since = dict(connection.execute("SELECT number, gone FROM monitors WHERE gone IS NOT NULL").fetchall())
            for monitor in [monitor for monitor in self._dictionary.monitors if monitor.generation]:
                is_shown, gone = monitor.number in shown, since.get(monitor.number)
                if is_shown is (gone is not None):
                    row = (None if is_shown else now, monitor.number)
                    connection.execute("UPDATE monitors SET gone = ? WHERE number = ?", row)
                elif gone is not None and gone < before:
                    self._dictionary.give_up_monitor(monitor)

    @property
    def _dictionary(self) -> Dictionary:
        return self._parts()[0]

    @property
    def _postings(self) -> Postings:
        return self._parts()[1]

    def _parts(self) -> tuple[Dictionary, Postings]:
        if self._known is None or self._known_of != self._file.number:
            connection = self._file.writer()
            self._known, self._known_of = (Dictionary(connection), Postings(connection)), self._file.number
        return self._known

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._file.transaction() as connection:
                yield connection
                self._postings.end()
                self._write_counts(connection)
                self._forget_unused()
                self.monitors = self._dictionary.monitors
        except BaseException:
            self._known = None  # what it knows may have been taken back
            raise
        finally:
            self._counts.clear()
            self._dropped.clear()

    def _put(
        self, system: str, generation: int, key: str, event: Event, added: Mapping[str, Enrichment], *, is_listed: bool = False
    ) -> None:
        """Have the event stand as it now is; nothing of an older generation than the newest.

        Lists leave out tags that take a question for each event: those that are known stay.
        """
        if OWN < generation < self._dictionary.newest(system):
            return
        series = self._dictionary.begin_series(system, generation)
        monitor = self._dictionary.begin_monitor(series, event.monitor_id, key)
        connection = self._file.writer()
        before = _row(connection, monitor.number, event.id)
        if event.deleted:
            if before:
                self._remove(before, monitor)
            return
        known = added_to(connection, monitor.number, storable_id(event.id))
        if is_listed and event.tags is None and before is not None:
            event = replace(event, tags=entry_at(before, monitor.monitor_id, self._dictionary, known).event.tags)
        add(connection, monitor.number, storable_id(event.id), added)
        self._write(monitor, entry_of(event, dict(sorted({**known, **added}.items()))), before, known)

    def _write(self, monitor: IndexedMonitor, entry: Entry, before: Row | None, known: Mapping[str, Enrichment]) -> None:
        connection, terms, postings = self._file.writer(), self._dictionary, self._postings
        columns = row_of(entry, terms)
        moves = before is None or began(before) != columns[0]
        if before is None or moves:
            key = self._free(entry.event.start)
            slot = postings.take_slot(key)
        else:
            key, slot = before[0], before[-1]
        row = stored(key, monitor.number, storable_id(entry.event.id), columns, slot)
        if row == before and entry.texts == texts_of(known):
            return
        now = tokens(entry, key, monitor.number, terms)
        was: frozenset[int] = frozenset()
        if before is not None:
            was = tokens(entry_at(before, monitor.monitor_id, terms, known), before[0], monitor.number, terms)
            if moves:
                connection.execute("DELETE FROM events WHERE key = ?", (before[0],))
                postings.change(before[-1], was, is_in=False)
                postings.free(before[-1])
            else:
                postings.change(slot, was - now, is_in=False)
        connection.execute(f"INSERT OR REPLACE INTO events ({COLUMNS}) VALUES ({_MARKS})", row)  # noqa: S608 - our own names
        postings.change(slot, now if moves else now - was, is_in=True)
        if before is None:
            self._counts[monitor.number] += 1
        self._dropped |= was - now

    def _free(self, time: datetime | None) -> int:
        """Return a free key for what began then: behind all that is in the same millisecond, or, if that is full, a later one."""
        connection, place = self._file.writer(), 0 if time is None else place_of(time)
        while True:
            end = place + PLACES if place else FIRST
            newest = connection.execute("SELECT max(key) FROM events WHERE key >= ? AND key < ?", (place, end)).fetchone()[0]
            key = place if newest is None else newest + 1
            if key < end:
                return int(key)
            place = end

    def _remove_all(self, connection: sqlite3.Connection, which: Sequence[int]) -> None:
        by_number = {monitor.number: monitor for monitor in self._dictionary.monitors}
        for key in which:
            row = connection.execute(f"SELECT {COLUMNS} FROM events WHERE key = ?", (key,)).fetchone()  # noqa: S608 - the same
            self._remove(row, by_number[row[1]])

    def _remove(self, row: Row, monitor: IndexedMonitor) -> None:
        connection = self._file.writer()
        added = added_to(connection, row[1], row[2]) if has_texts(row) else {}
        was = tokens(entry_at(row, monitor.monitor_id, self._dictionary, added), row[0], monitor.number, self._dictionary)
        connection.execute("DELETE FROM events WHERE key = ?", (row[0],))
        connection.execute("DELETE FROM added WHERE monitor = ? AND event_id = ?", (row[1], row[2]))
        self._postings.change(row[-1], was, is_in=False)
        self._postings.free(row[-1])
        self._counts[monitor.number] -= 1
        self._dropped |= was

    def _write_counts(self, connection: sqlite3.Connection) -> None:
        connection.executemany(
            "UPDATE monitors SET events = events + ? WHERE number = ?",
            [(count, monitor) for monitor, count in self._counts.items() if count],
        )

    def _forget_unused(self) -> None:
        """Forget those values and words that some event of the transaction has no more, and no other one has."""
        for token in self._dropped:
            if token >= FIRST_TERM and not self._postings.has(token):
                self._dictionary.forget(token)

    def _events_of(self, monitor: int) -> int:
        [count] = self._file.writer().execute("SELECT events FROM monitors WHERE number = ?", (monitor,)).fetchone()
        return int(count)


def _oldest(connection: sqlite3.Connection, numbers: Sequence[int], every: Sequence[int]) -> datetime | None:
    """Return when the first event began that is of one of these monitors; None where of none it is known."""
    if not numbers:
        return None
    question = Question(low=FIRST, filters=[Chosen(MONITORS, plan_of(numbers, every, MONITORS.width))])
    key = next(keys(connection, question, newest_first=False), None)
    return None if key is None else time_of(key)


def _row(connection: sqlite3.Connection, monitor: int, event_id: str) -> Row | None:
    row: Row | None = connection.execute(
        f"SELECT {COLUMNS} FROM events WHERE monitor = ? AND event_id = ?",  # noqa: S608 - our own names
        (monitor, storable_id(event_id)),
    ).fetchone()
    return row
