"""Which values events have, and how many of them each: sets of events are counted, no row is looked at."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.index import MOST_VALUES, ValueCount, ValueCounts, ValueKind
from vms_bridge.store.index.hits import all_found, within
from vms_bridge.store.index.postings import BitSets
from vms_bridge.store.index.rows import Facet
from vms_bridge.store.index.search import question_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

    from vms_bridge.index import Search
    from vms_bridge.store.index.values import Visible

_FACETS: Mapping[ValueKind, Facet] = {
    ValueKind.LABEL: Facet.LABEL,
    ValueKind.ZONE: Facet.ZONE,
    ValueKind.FACE: Facet.FACE,
    ValueKind.KIND: Facet.KIND,
}


def value_counts(connection: sqlite3.Connection, query: Search, visible: Visible, kind: ValueKind, limit: int) -> ValueCounts:
    """Return the values of this kind that what is searched for has, the most frequent first. Raises SearchRefused."""
    question = question_of(connection, query, visible)
    alive = {} if question.is_empty else within(connection, question, all_found(connection, question))
    if not alive:
        return ValueCounts(counts=())
    rows = connection.execute(
        "SELECT number, value FROM terms WHERE facet = ? ORDER BY number LIMIT ?", (_FACETS[kind], MOST_VALUES + 1)
    ).fetchall()
    sets = BitSets(connection, min(alive), max(alive) + 1)
    counts = [ValueCount(value=value, events=sets.count(number, alive)) for number, value in rows[:MOST_VALUES]]
    found = sorted((each for each in counts if each.events), key=lambda each: (-each.events, each.value))
    limit = max(1, min(limit, MOST_VALUES))
    return ValueCounts(counts=tuple(found[:limit]), is_complete=len(rows) <= MOST_VALUES and len(found) <= limit)
