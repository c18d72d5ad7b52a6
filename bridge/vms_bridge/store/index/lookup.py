"""What is read from the index: pages, single events, timelines. Each is one reader's work, in its own thread."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from vms_bridge.enriched import joined
from vms_bridge.index import MOST_FOUND, IndexedEvent, SearchPage
from vms_bridge.model import EventRef
from vms_bridge.store.index.added import added_to
from vms_bridge.store.index.dictionary import TermReader
from vms_bridge.store.index.hits import keys
from vms_bridge.store.index.rows import COLUMNS, entry_at, has_texts, storable_id
from vms_bridge.store.index.search import cursor_of, key_of, question_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from vms_bridge.index import Search
    from vms_bridge.store.index.rows import Row
    from vms_bridge.store.index.search import Question
    from vms_bridge.store.index.values import IndexedMonitor, Visible


def page(connection: sqlite3.Connection, query: Search, visible: Visible, after: str | None, limit: int) -> SearchPage:
    """Return a page of what is searched for. Raises SearchRefused."""
    limit = max(1, min(limit, MOST_FOUND))
    question = question_of(connection, query, visible)
    if after is not None:
        question.high = min(question.high, key_of(after))
    if question.is_empty:
        return SearchPage(events=())
    rows = _rows(connection, question, limit + 1)
    events = tuple(_events(connection, rows[:limit], visible.shown))
    return SearchPage(events=events, after=cursor_of(rows[limit - 1][0]) if len(rows) > limit else None)


def one(connection: sqlite3.Connection, ref: EventRef, shown: Mapping[int, IndexedMonitor]) -> IndexedEvent | None:
    """Return this event; None where there is none, or it is of no monitor that is shown."""
    for number, monitor in shown.items():
        if (monitor.system, monitor.generation) == (ref.system, ref.generation):
            row = connection.execute(
                f"SELECT {COLUMNS} FROM events WHERE monitor = ? AND event_id = ?",  # noqa: S608 - our own names
                (number, storable_id(ref.id)),
            ).fetchone()
            if row is not None:
                return next(iter(_events(connection, [row], shown)))
    return None


def _rows(connection: sqlite3.Connection, question: Question, most: int) -> list[Row]:
    """Return the rows of the newest events that are found."""
    if not question.filters:
        query = f"SELECT {COLUMNS} FROM events WHERE key >= ? AND key < ? ORDER BY key DESC LIMIT ?"  # noqa: S608 - our own names
        return connection.execute(query, (question.low, question.high, most)).fetchall()
    query = f"SELECT {COLUMNS} FROM events WHERE key = ?"  # noqa: S608 - the same
    return [connection.execute(query, (key,)).fetchone() for key in islice(keys(connection, question), most)]


def _events(connection: sqlite3.Connection, rows: Iterable[Row], shown: Mapping[int, IndexedMonitor]) -> Iterable[IndexedEvent]:
    terms = TermReader(connection)
    for row in rows:
        monitor = shown.get(row[1])
        if monitor is None:  # it was not there yet when it was said what is shown
            continue
        added = added_to(connection, row[1], row[2]) if has_texts(row) else {}
        entry = entry_at(row, monitor.monitor_id, terms, added)
        yield IndexedEvent(
            ref=EventRef(monitor.system, monitor.generation, entry.event.id),
            monitor=monitor.key,
            event=entry.event,
            plates=entry.plates,
            faces=entry.faces,
            text=joined(added.values()).text,
        )
