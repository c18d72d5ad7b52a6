"""What the index has yet to take in: noted in the transaction that stores it, and struck off once the index has it.

So a kill loses none of it, and neither a slow index nor one that fails holds up what stores events.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.store.index.values import Slice, Told

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from vms_bridge.store.database import Database
    from vms_bridge.store.values import EventCommit

_EVENT = "e.system, e.generation, e.event_id, e.monitor, e.data"


class Unindexed:
    """The notes, in the store's database; what is called here is done in the store's thread."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.newest: int = database.attempt(self._newest)
        """The highest number that was given: the next is one more, also where all are struck off."""

    def note(self, cursor: sqlite3.Cursor, commit: EventCommit) -> None:
        """Note what the commit changes, within its transaction."""
        ids = dict.fromkeys([event.id for _, event in commit.events] + [event_id for event_id, _, _ in commit.enrichments])
        self._note(cursor, commit.system, commit.generation, ids)

    def read(self, after: int, limit: int) -> Slice:
        """Strike off all up to the number `after`, and return the next ones, each as it is now."""
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM unindexed WHERE number <= ?", (after,))
            rows = cursor.execute(
                f"SELECT u.number, {_EVENT} FROM unindexed u LEFT JOIN events e USING (system, generation, event_id)"  # noqa: S608 - names of our own schema
                " ORDER BY u.number LIMIT ?",
                (limit,),
            ).fetchall()
            told = self._told(cursor, (row[1:] for row in rows if row[1] is not None))
            return Slice(told=told, upto=rows[-1][0] if rows else max(after, self.newest))

    def refill(self, after: int, limit: int) -> Slice:
        """Return events that the store has, those of the rows that follow `after`."""
        cursor = self._database.connection.cursor()
        rows = cursor.execute(
            f"SELECT e.rowid, {_EVENT} FROM events e WHERE e.rowid > ? ORDER BY e.rowid LIMIT ?",  # noqa: S608 - the same
            (after, limit),
        ).fetchall()
        return Slice(told=self._told(cursor, (row[1:] for row in rows)), upto=0, refilled=rows[-1][0] if rows else None)

    def unknown(self, system: str, generation: int, ids: Sequence[str]) -> frozenset[str]:
        """Return those of these events that the store does not have.

        Of the others it knows better than any list. They are noted as it has them: the index may have let them go meanwhile.
        """
        query = "SELECT 1 FROM events WHERE system = ? AND generation = ? AND event_id = ?"
        with self._database.transaction() as cursor:
            known = [one for one in ids if cursor.execute(query, (system, generation, one)).fetchone() is not None]
            self._note(cursor, system, generation, known)
        return frozenset(ids) - frozenset(known)

    def forget(self) -> None:
        """Strike off all: there is no index."""
        with self._database.transaction() as cursor:
            cursor.execute("DELETE FROM unindexed")

    def _note(self, cursor: sqlite3.Cursor, system: str, generation: int, ids: Iterable[str]) -> None:
        rows = [(self.newest + place, system, generation, event_id) for place, event_id in enumerate(ids, start=1)]
        cursor.executemany("INSERT INTO unindexed VALUES (?, ?, ?, ?)", rows)
        self.newest += len(rows)  # where the transaction fails, some numbers are missing, which does no harm

    def _newest(self) -> int:
        row = self._database.connection.execute("SELECT max(number) FROM unindexed").fetchone()
        return int(row[0] or 0)

    def _told(self, cursor: sqlite3.Cursor, rows: Iterable[tuple[str, int, str, str, str]]) -> tuple[Told, ...]:
        query = "SELECT source, data FROM contributions WHERE system = ? AND generation = ? AND event_id = ?"
        return tuple(
            Told(
                system=system,
                generation=generation,
                key=key,
                data=data,
                added=dict(cursor.execute(query, (system, generation, event_id)).fetchall()),
            )
            for system, generation, event_id, key, data in list(rows)
        )
