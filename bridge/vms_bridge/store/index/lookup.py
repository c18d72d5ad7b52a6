"""What is read from the index: pages, single events, timelines. Each is one reader's work, in its own thread."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from vms_bridge.index import MOST_FOUND, IndexedEvent, SearchPage
from vms_bridge.model import Enrichment, EventRef
from vms_bridge.store.index.dictionary import TermReader
from vms_bridge.store.index.rows import COLUMNS, entry_at, storable_id
from vms_bridge.store.index.search import cursor_of, key_of, question_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping

    from vms_bridge.index import Search
    from vms_bridge.store.index.rows import Row
    from vms_bridge.store.index.values import IndexedMonitor, Visible

_ENRICHMENT = TypeAdapter(Enrichment)
_OF_ROW = ", ".join(f"e.{column.strip()}" for column in COLUMNS.split(","))


def page(connection: sqlite3.Connection, query: Search, visible: Visible, after: str | None, limit: int) -> SearchPage:
    """Return a page of what is searched for. Raises SearchRefused."""
    limit = max(1, min(limit, MOST_FOUND))
    question = question_of(connection, query, visible)
    if after is not None:
        question.high = min(question.high, key_of(after))
    if question.is_empty:
        return SearchPage(events=())
    narrow = question.narrow(connection)
    select, values = question.select(_OF_ROW) if narrow is None else question.select_narrow(_OF_ROW, narrow)
    order = "e.key" if narrow or question.match is None else "p.rowid"
    rows = connection.execute(f"{select} ORDER BY {order} DESC LIMIT ?", (*values, limit + 1)).fetchall()
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


def _events(connection: sqlite3.Connection, rows: Iterable[Row], shown: Mapping[int, IndexedMonitor]) -> Iterable[IndexedEvent]:
    terms = TermReader(connection)
    for row in rows:
        monitor = shown[row[1]]
        entry = entry_at(row, monitor.monitor_id, terms, {})
        yield IndexedEvent(
            ref=EventRef(monitor.system, monitor.generation, entry.event.id),
            monitor=monitor.key,
            event=entry.event,
            plates=entry.plates,
            faces=entry.faces,
        )
