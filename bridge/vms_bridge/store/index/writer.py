"""What changes the index: each public method is one transaction's work, done in the index's own thread."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from vms_bridge.model import Enrichment, Event
from vms_bridge.store.index.dictionary import Dictionary
from vms_bridge.store.index.rows import (
    COLUMNS,
    FIRST,
    HOUR,
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
from vms_bridge.store.index.values import IndexStatus

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from vms_bridge.index import IndexMark
    from vms_bridge.store.index.file import IndexFile
    from vms_bridge.store.index.values import IndexedMonitor, Slice

_EVENT, _ENRICHMENT = TypeAdapter(Event), TypeAdapter(Enrichment)
_MARKS = ", ".join("?" * len(COLUMNS.split(",")))
_SLICE = 100
"""How many events are deleted in one go."""


class Writer:
    """Keeps rows, tokens and counts in step with each other."""

    def __init__(self, file: IndexFile) -> None:
        self._file = file
        self._known: Dictionary | None = None
        self._known_of = 0
        self._counts: Counter[tuple[int, int]] = Counter()
        """What the transaction adds to the events of monitors and hours."""
        self._dropped: set[str] = set()
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
                added = {source: _ENRICHMENT.validate_json(data) for source, data in told.added.items()}
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
            if generation < self._dictionary.newest(system):
                return
            series = self._dictionary.begin_series(system, generation)
            for key, event in events:
                self._put(system, generation, key, event, {})
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
                events = [_single(connection, "SELECT events FROM monitors WHERE number = ?", number) for number in numbers]
                hours = [_single(connection, "SELECT min(hour) FROM hours WHERE monitor = ?", number) for number in numbers]
                first = min((hour for hour in hours if hour is not None), default=None)
                found[system] = IndexStatus(
                    mark=self._dictionary.mark(system),
                    events=sum(count or 0 for count in events),
                    oldest=None if first is None else time_of(_first_of(connection, first, frozenset(numbers))),
                )
        return found

    def counts(self, system: str, generation: int) -> dict[str, int]:
        """Return how many events there are, by key of the monitor."""
        counts: Counter[str] = Counter()
        with self._transaction() as connection:
            for monitor in self._dictionary.monitors_of(self._dictionary.series(system, generation)):
                [count] = connection.execute("SELECT events FROM monitors WHERE number = ?", (monitor.number,)).fetchone()
                counts[monitor.key] += count
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
                token = f'"_m{monitor.number}"'
                keys = connection.execute("SELECT rowid FROM postings WHERE postings MATCH ? LIMIT ?", (token, _SLICE)).fetchall()
                self._remove_all(connection, [key for (key,) in keys])
                if not keys:
                    self._dictionary.forget_monitor(monitor.number)
                return True
            [total] = connection.execute("SELECT coalesce(sum(events), 0) FROM monitors").fetchone()
            if total <= most:
                return False
            keys = connection.execute("SELECT key FROM events ORDER BY key LIMIT ?", (min(_SLICE, total - most),)).fetchall()
            self._remove_all(connection, [key for (key,) in keys])
            return bool(keys)

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
        if self._known is None or self._known_of != self._file.number:
            self._known, self._known_of = Dictionary(self._file.writer()), self._file.number
        return self._known

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        try:
            with self._file.transaction() as connection:
                yield connection
                self._write_counts(connection)
                self._dictionary.forget_unused(self._dropped)
                self.monitors = self._dictionary.monitors
        except BaseException:
            self._known = None  # what it knows may have been taken back
            raise
        finally:
            self._counts.clear()
            self._dropped.clear()

    def _put(self, system: str, generation: int, key: str, event: Event, added: Mapping[str, Enrichment]) -> None:
        """Have the event stand as it now is; nothing of an older generation than the newest."""
        if generation < self._dictionary.newest(system):
            return
        series = self._dictionary.begin_series(system, generation)
        monitor = self._dictionary.begin_monitor(series, event.monitor_id, key)
        connection = self._file.writer()
        before = _row(connection, monitor.number, event.id)
        if event.deleted:
            if before:
                self._remove(before, monitor)
            return
        known = _added(connection, monitor.number, event.id)
        connection.executemany(
            "INSERT OR REPLACE INTO added VALUES (?, ?, ?, ?)",
            [
                (monitor.number, storable_id(event.id), source, _ENRICHMENT.dump_json(one, exclude_defaults=True).decode())
                for source, one in added.items()
            ],
        )
        self._write(monitor, entry_of(event, dict(sorted({**known, **added}.items()))), before, known)

    def _write(self, monitor: IndexedMonitor, entry: Entry, before: Row | None, known: Mapping[str, Enrichment]) -> None:
        connection, terms = self._file.writer(), self._dictionary
        columns = row_of(entry, terms)
        moves = before is None or began(before) != columns[0]
        key = self._free(entry.event.start) if before is None or moves else before[0]
        row = stored(key, monitor.number, storable_id(entry.event.id), columns)
        if row == before and entry.texts == texts_of(known):
            return
        now = tokens(entry, monitor.number, terms)
        was = frozenset() if before is None else tokens(entry_at(before, monitor.monitor_id, terms, known), monitor.number, terms)
        if before is not None and moves:
            connection.execute("DELETE FROM events WHERE key = ?", (before[0],))
            self._count(before, -1)
        connection.execute(f"INSERT OR REPLACE INTO events ({COLUMNS}) VALUES ({_MARKS})", row)  # noqa: S608 - our own names
        if before is None or moves:
            self._count(row, 1)
        if before is not None and (moves or was != now):
            _drop(connection, before[0], was)
        if before is None or moves or was != now:
            connection.execute("INSERT INTO postings (rowid, tokens) VALUES (?, ?)", (key, " ".join(sorted(now))))
            terms.begin_words(now)
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

    def _remove_all(self, connection: sqlite3.Connection, keys: Sequence[int]) -> None:
        by_number = {monitor.number: monitor for monitor in self._dictionary.monitors}
        for key in keys:
            row = connection.execute(f"SELECT {COLUMNS} FROM events WHERE key = ?", (key,)).fetchone()  # noqa: S608 - the same
            self._remove(row, by_number[row[1]])

    def _remove(self, row: Row, monitor: IndexedMonitor) -> None:
        connection = self._file.writer()
        added = _added(connection, monitor.number, str(row[2])) if has_texts(row) else {}
        was = tokens(entry_at(row, monitor.monitor_id, self._dictionary, added), monitor.number, self._dictionary)
        connection.execute("DELETE FROM events WHERE key = ?", (row[0],))
        connection.execute("DELETE FROM added WHERE monitor = ? AND event_id = ?", (row[1], row[2]))
        _drop(connection, row[0], was)
        self._count(row, -1)
        self._dropped |= was

    def _count(self, row: Row, by: int) -> None:
        self._counts[row[1], -1 if row[0] < FIRST else row[0] // HOUR] += by

    def _write_counts(self, connection: sqlite3.Connection) -> None:
        counts = {place: count for place, count in self._counts.items() if count}
        of_monitors = Counter[int]()
        hours = Counter[tuple[int, int]]()
        for (monitor, hour), count in counts.items():
            of_monitors[monitor] += count
            if hour >= 0:
                hours[monitor, hour] += count
                hours[0, hour] += count
        connection.executemany(
            "UPDATE monitors SET events = events + ? WHERE number = ?",
            [(count, monitor) for monitor, count in of_monitors.items()],
        )
        connection.executemany(
            "INSERT INTO hours VALUES (?, ?, ?) ON CONFLICT (monitor, hour) DO UPDATE SET events = events + excluded.events",
            [(*place, count) for place, count in hours.items()],
        )
        connection.executemany(
            "DELETE FROM hours WHERE monitor = ? AND hour = ? AND events <= 0",
            [place for place, count in hours.items() if count < 0],
        )


def _single(connection: sqlite3.Connection, query: str, number: int) -> int | None:
    found: int | None = connection.execute(query, (number,)).fetchone()[0]
    return found


def _first_of(connection: sqlite3.Connection, hour: int, monitors: frozenset[int]) -> int:
    """Return the key of the first event from this hour on that is of one of these monitors."""
    rows = connection.execute("SELECT key, monitor FROM events WHERE key >= ? ORDER BY key", (hour * HOUR,))
    return next((key for key, monitor in rows if monitor in monitors), hour * HOUR)


def _row(connection: sqlite3.Connection, monitor: int, event_id: str) -> Row | None:
    row: Row | None = connection.execute(
        f"SELECT {COLUMNS} FROM events WHERE monitor = ? AND event_id = ?",  # noqa: S608 - our own names
        (monitor, storable_id(event_id)),
    ).fetchone()
    return row


def _added(connection: sqlite3.Connection, monitor: int, event_id: str) -> dict[str, Enrichment]:
    rows = connection.execute(
        "SELECT source, data FROM added WHERE monitor = ? AND event_id = ?", (monitor, storable_id(event_id))
    )
    return {source: _ENRICHMENT.validate_json(data) for source, data in rows}


def _drop(connection: sqlite3.Connection, key: int, tokens: frozenset[str]) -> None:
    connection.execute("INSERT INTO postings (postings, rowid, tokens) VALUES ('delete', ?, ?)", (key, " ".join(sorted(tokens))))
