"""A store as an earlier version of the bridge has left it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from vms_bridge.store import schema

if TYPE_CHECKING:
    from pathlib import Path


def make_older(path: Path, version: int) -> None:
    """Put a store of an earlier format, with all that it can hold, in the place of this one."""
    newer = path.rename(path.with_suffix(".newer"))
    with closing(sqlite3.connect(path)) as older:
        older.executescript("".join(schema._MIGRATIONS[:version]) + f"PRAGMA user_version = {version}")
        older.execute("ATTACH ? AS newer", (str(newer),))
        names = "SELECT name FROM main.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'"
        for (table,) in older.execute(names).fetchall():
            known = {row[1] for row in older.execute(f"PRAGMA newer.table_info({table})")}
            columns = ", ".join(row[1] for row in older.execute(f"PRAGMA main.table_info({table})") if row[1] in known)
            older.execute(f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM newer.{table}")  # noqa: S608 - our own names
        older.commit()
