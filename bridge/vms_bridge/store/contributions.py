"""What others than their VMS have added to events; it goes with the event."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from vms_bridge.model import Enrichment

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from vms_bridge.store.database import Database
    from vms_bridge.store.values import EventCommit

_ENRICHMENT = TypeAdapter(Enrichment)


def write(cursor: sqlite3.Cursor, commit: EventCommit) -> None:
    """Write what the commit adds, within its transaction."""
    cursor.executemany(
        "INSERT OR REPLACE INTO contributions VALUES (?, ?, ?, ?, ?)",
        [
            (commit.system, commit.generation, event_id, source, _ENRICHMENT.dump_json(added).decode())
            for event_id, source, added in commit.enrichments
        ],
    )


def read(database: Database, system: str, generation: int, ids: Sequence[str]) -> dict[str, dict[str, Enrichment]]:
    """Return what was added to these events, by event and source."""
    found: dict[str, dict[str, Enrichment]] = {}
    for event_id in ids:
        rows = database.connection.execute(
            "SELECT source, data FROM contributions WHERE system = ? AND generation = ? AND event_id = ?",
            (system, generation, event_id),
        )
        for source, data in rows:
            found.setdefault(event_id, {})[source] = _ENRICHMENT.validate_json(data)
    return found
