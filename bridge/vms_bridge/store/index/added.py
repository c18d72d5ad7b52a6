"""What others have added to events, as the index keeps it beside their rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from vms_bridge.model import Enrichment

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping

_ENRICHMENT = TypeAdapter(Enrichment)


def added_to(connection: sqlite3.Connection, monitor: int, event_id: int | str) -> dict[str, Enrichment]:
    """Return, by source, what was added to the event with this id in the index."""
    rows = connection.execute("SELECT source, data FROM added WHERE monitor = ? AND event_id = ?", (monitor, event_id))
    return {source: read_added(data) for source, data in rows}


def add(connection: sqlite3.Connection, monitor: int, event_id: int | str, added: Mapping[str, Enrichment]) -> None:
    """Keep what was added."""
    connection.executemany(
        "INSERT OR REPLACE INTO added VALUES (?, ?, ?, ?)",
        [
            (monitor, event_id, source, _ENRICHMENT.dump_json(one, exclude_defaults=True).decode())
            for source, one in added.items()
        ],
    )


def read_added(data: str) -> Enrichment:
    """Return what is written so, here or in the store."""
    return _ENRICHMENT.validate_json(data)
