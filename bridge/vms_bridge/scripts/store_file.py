"""The SQLite file of what is kept of scripts: made for its owner only, put aside where it is damaged. All of it blocks."""

from __future__ import annotations

import itertools
import logging
import os
import sqlite3
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from vms_bridge.errors import StoreError
from vms_bridge.private_files import IS_A_LINK, make_directory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_LOGGER = logging.getLogger(__name__)
_T = TypeVar("_T")
_FIRST = (
    "CREATE TABLE approvals (script TEXT PRIMARY KEY, permissions TEXT NOT NULL, sha256 TEXT NOT NULL,"
    " time REAL NOT NULL, by TEXT NOT NULL)",
    "CREATE TABLE stopped (script TEXT PRIMARY KEY)",
    "CREATE TABLE state (script TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, bytes INTEGER NOT NULL,"
    " changed REAL NOT NULL, expires REAL, PRIMARY KEY (script, key)) WITHOUT ROWID",
    "CREATE INDEX state_expires ON state (expires) WHERE expires IS NOT NULL",
    "CREATE TABLE settings (script TEXT NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL,"
    " PRIMARY KEY (script, name)) WITHOUT ROWID",
    "CREATE TABLE runs (script TEXT NOT NULL, name TEXT NOT NULL, due REAL NOT NULL, PRIMARY KEY (script, name)) WITHOUT ROWID",
)
_SOURCES = ("CREATE TABLE sources (script TEXT PRIMARY KEY, text TEXT NOT NULL)",)
_STEPS = (_FIRST, _SOURCES)
"""What each version of the file has more than the one before."""


class StoreFile:
    """The file; it is opened when it is used first, and again where that has failed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None

    def attempt(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do this in one transaction; where the file is damaged, in a new one. Raises StoreError."""
        try:
            try:
                return self._do(work)
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                self._put_aside(error)
                return self._do(work)
        except (sqlite3.Error, OSError) as error:
            hint = "is the disk full, or does it belong to another user?"
            raise StoreError(f"{self.path} can't be used: {error}", hint=hint) from error

    def close(self) -> None:
        """Close the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()

    def _do(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        if self._connection is None:
            self._connection = self._opened()
        with self._connection as connection:
            connection.execute("BEGIN IMMEDIATE")
            return work(connection)

    def _opened(self) -> sqlite3.Connection:
        make_directory(self.path.parent)
        self._claim()
        connection = sqlite3.connect(self.path, timeout=5, isolation_level=None, check_same_thread=False)
        try:
            self._begin(connection)
        except BaseException:
            connection.close()
            raise
        return connection

    def _begin(self, connection: sqlite3.Connection) -> None:
        """Make the tables, if there are none, and look whether all is well. Raises sqlite3.Error, StoreError."""
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA secure_delete = ON")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version > len(_STEPS):
            raise StoreError(f"{self.path} is of a newer version of the bridge", hint="upgrade the bridge, or move it away")
        if version < len(_STEPS):
            with connection:
                connection.execute("BEGIN IMMEDIATE")
                for statement in itertools.chain(*_STEPS[version:]):
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {len(_STEPS)}")
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(f"malformed: {found}")

    def _claim(self) -> None:
        """See that SQLite follows no link, and finds a file for its owner only."""
        for each in (self.path, *(self.path.with_name(self.path.name + end) for end in ("-wal", "-shm", "-journal"))):
            with suppress(FileNotFoundError):
                if not stat.S_ISREG(each.lstat().st_mode):
                    raise StoreError(f"{each} {IS_A_LINK}, or no file", hint="move it away")
        with suppress(FileExistsError):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
            os.fchmod(descriptor, 0o600)
            os.close(descriptor)

    def _put_aside(self, error: sqlite3.DatabaseError) -> None:
        self.close()
        aside = self.path.with_name(f"{self.path.name}.damaged")
        self.path.replace(aside)
        for end in ("-wal", "-shm"):
            self.path.with_name(self.path.name + end).unlink(missing_ok=True)
        _LOGGER.error(
            "%s is damaged (%s), and is %s now: scripts wait to be approved anew, and their state and settings are gone",
            self.path,
            error,
            aside.name,
        )


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    """Say whether the file itself is bad; an error without a code is one of ours."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return "malformed" in str(error)
    return code & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
