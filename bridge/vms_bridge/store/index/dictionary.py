"""The numbers that the index has for monitors, and for values and words that can be searched for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.index import IndexMark
from vms_bridge.model import OWN
from vms_bridge.store.index.rows import Facet
from vms_bridge.store.index.values import IndexedMonitor

if TYPE_CHECKING:
    import sqlite3

_MOST_CACHED = 50_000


class TermReader:
    """Looks values up by their numbers, of any connection."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._values: dict[int, tuple[Facet, str]] = {}

    def value(self, number: int) -> tuple[Facet, str]:
        """Return what has this number."""
        known = self._values.get(number)
        if known is None:
            row = self._connection.execute("SELECT facet, value FROM terms WHERE number = ?", (number,)).fetchone()
            known = (Facet(row[0]), row[1]) if row else (Facet.LABEL, "?")
            if len(self._values) >= _MOST_CACHED:
                self._values.clear()
            self._values[number] = known
        return known

    def number(self, facet: Facet, value: str) -> int:
        """Return the value's number; 0, which none has, where no event has the value."""
        row = self._connection.execute("SELECT number FROM terms WHERE facet = ? AND value = ?", (facet, value)).fetchone()
        return int(row[0]) if row else 0


class Dictionary(TermReader):
    """The same, for the one who writes: what is new gets a number. To be made anew when a transaction has failed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        super().__init__(connection)
        self._numbers: dict[tuple[Facet, str], int] = {}
        self._series: dict[tuple[str, int], int] = {
            (system, generation): number
            for number, system, generation in connection.execute(
                "SELECT number, system, generation FROM series WHERE generation <> 0"
            )
        }
        self._monitors: dict[tuple[int, str], IndexedMonitor] = {}
        self.monitors: tuple[IndexedMonitor, ...] = ()
        """All of them; another tuple whenever something has changed."""
        self._read_monitors()

    def number(self, facet: Facet, value: str) -> int:
        """Return the value's number."""
        known = self._numbers.get((facet, value)) or super().number(facet, value)
        if not known:
            cursor = self._connection.execute("INSERT INTO terms (facet, value) VALUES (?, ?)", (facet, value))
            known = int(cursor.lastrowid or 0)
        if len(self._numbers) >= _MOST_CACHED:
            self._numbers.clear()
        self._numbers[facet, value] = known
        return known

    def series(self, system: str, generation: int) -> int | None:
        """Return the number of the ids that the system gave in this generation; None where the index has none of it."""
        return self._series.get((system, generation))

    @property
    def systems(self) -> frozenset[str]:
        """Those of which the index has something, were it only how far it was filled."""
        return frozenset(system for system, _ in self._series)

    def newest(self, system: str) -> int:
        """Return the newest generation of the VMS's ids of which the index has something, 0 where it has nothing."""
        return max((generation for name, generation in self._series if name == system and generation != OWN), default=0)

    def begin_series(self, system: str, generation: int) -> int:
        """Return the number of a generation, which begins where it is new: those before it are given up."""
        known = self._series.get((system, generation))
        if known is not None:
            return known
        for older in [each for each in self._series if each[0] == system and OWN < each[1] < generation]:
            self.give_up(*older)
        row = self._connection.execute("INSERT INTO series (system, generation) VALUES (?, ?)", (system, generation))
        number = self._series[system, generation] = int(row.lastrowid or 0)
        return number

    def give_up(self, system: str, generation: int) -> None:
        """Have nothing of this generation shown any more, and all of it deleted, bit by bit."""
        number = self._series.pop((system, generation))
        self._connection.execute("UPDATE series SET generation = 0, mark = NULL WHERE number = ?", (number,))
        self._read_monitors()

    def give_up_monitor(self, monitor: IndexedMonitor) -> None:
        """Do the same with all of one monitor."""
        row = self._connection.execute("INSERT INTO series (system, generation) VALUES (?, 0)", (monitor.system,))
        self._connection.execute("UPDATE monitors SET series = ? WHERE number = ?", (row.lastrowid, monitor.number))
        self._read_monitors()

    def monitors_of(self, series: int | None) -> list[IndexedMonitor]:
        """Return all monitors of a generation."""
        return [monitor for (of, _), monitor in self._monitors.items() if of == series]

    def begin_monitor(self, series: int, monitor_id: str, key: str) -> IndexedMonitor:
        """Return a monitor with this key, a new one where the index has nothing of it."""
        known = self._monitors.get((series, monitor_id))
        if known is None:
            self._connection.execute("INSERT INTO monitors (series, monitor_id, key) VALUES (?, ?, ?)", (series, monitor_id, key))
        elif known.key != key:
            self._connection.execute("UPDATE monitors SET key = ? WHERE number = ?", (key, known.number))
        else:
            return known
        self._read_monitors()
        return self._monitors[series, monitor_id]

    def mark(self, system: str) -> IndexMark:
        """Return how far the system's newest generation was filled."""
        row = self._connection.execute(
            "SELECT generation, mark, is_complete FROM series WHERE number = ?", (self.series(system, self.newest(system)),)
        ).fetchone()
        return IndexMark(generation=row[0], mark=row[1], is_complete=bool(row[2])) if row else IndexMark()

    def forget(self, number: int) -> None:
        """Forget a value, or a word, that no event has any more."""
        self._numbers.pop(self.value(number), None)
        self._values.pop(number, None)
        self._connection.execute("DELETE FROM terms WHERE number = ?", (number,))

    def forget_monitor(self, number: int) -> None:
        """Forget a monitor of which the index has nothing more, and its generation, where that was given up and has no other."""
        self._connection.execute("DELETE FROM monitors WHERE number = ?", (number,))
        self._connection.execute("DELETE FROM series WHERE generation = 0 AND number NOT IN (SELECT series FROM monitors)")
        self._read_monitors()

    def _read_monitors(self) -> None:
        rows = self._connection.execute(
            "SELECT m.series, m.number, s.system, s.generation, m.monitor_id, m.key"
            " FROM monitors m JOIN series s ON s.number = m.series"
        )
        self._monitors = {
            (series, monitor_id): IndexedMonitor(
                number=number, system=system, generation=generation, monitor_id=monitor_id, key=key
            )
            for series, number, system, generation, monitor_id, key in rows
        }
        self.monitors = tuple(self._monitors.values())
