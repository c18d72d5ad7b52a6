"""Commands that were answered lately, by whose request that was: so that one that comes again after a restart is known."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.store.database import Database


def read(database: Database) -> dict[str, bytes]:
    """Return the notes on all of them, by key."""
    rows = database.connection.execute("SELECT key, note FROM answered")
    return {key: bytes(note) for key, note in rows}


def write(database: Database, notes: Mapping[str, bytes | None]) -> None:
    """Keep these notes, and forget those of the keys that have None."""
    with database.transaction() as cursor:
        cursor.executemany("DELETE FROM answered WHERE key = ?", [(key,) for key, note in notes.items() if note is None])
        rows = [(key, note) for key, note in notes.items() if note is not None]
        cursor.executemany("INSERT OR REPLACE INTO answered VALUES (?, ?)", rows)
