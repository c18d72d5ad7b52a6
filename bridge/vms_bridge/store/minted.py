"""Event ids for a VMS that has none: each key of its own gets a number, once, and keeps it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from vms_bridge.store.database import Database


class MintedIds:
    """The numbers that were given; what is called here is one transaction, in the store's thread."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def mint(self, system: str, key: bytes, now: datetime, age: datetime) -> int:
        """Return the key's number, a new one at the first time; it is `age` by the store's own time.

        A new number is the time in milliseconds, or the next one after the newest: so none is given twice even when the
        store was lost, or kept in memory, meanwhile.
        """
        with self._database.connection as connection:
            known = connection.execute("SELECT number FROM minted WHERE system = ? AND key = ?", (system, key)).fetchone()
            if known is not None:
                return int(known[0])
            newest = connection.execute("SELECT max(number) FROM minted WHERE system = ?", (system,)).fetchone()[0]
            number = max(int(now.timestamp() * 1_000), (newest or 0) + 1)
            connection.execute("INSERT INTO minted VALUES (?, ?, ?, ?)", (system, key, number, age.isoformat()))
        return number

    def prune(self, before: datetime, most: int) -> None:
        """Forget the numbers of before that no event has any more, and those beyond the newest `most` of a system.

        The newest number stays, for the next one to follow.
        """
        with self._database.connection as connection:
            connection.execute(
                "DELETE FROM minted WHERE minted < ?"
                " AND number < (SELECT max(number) FROM minted m WHERE m.system = minted.system)"
                " AND NOT EXISTS (SELECT 1 FROM events e JOIN systems s USING (system, generation)"
                " WHERE e.system = minted.system AND e.event_id = CAST(minted.number AS TEXT))",
                (before.isoformat(),),
            )
            for (system,) in connection.execute("SELECT DISTINCT system FROM minted").fetchall():
                connection.execute(
                    "DELETE FROM minted WHERE system = ? AND number <= "
                    "(SELECT number FROM minted WHERE system = ? ORDER BY number DESC LIMIT 1 OFFSET ?)",
                    (system, system, most),
                )
