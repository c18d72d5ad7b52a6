"""The index's file: made, opened, and begun anew where it can't be used. Nothing in it is lost for good: it is made of others.

It is a file of its own (docs/decisions/0901-the-index-is-a-file-of-its-own.md). One connection writes, in the index's own
thread; others only read, each in a thread of its own.
"""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING

from vms_bridge.store.privacy import claim_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_LOGGER = logging.getLogger(__name__)
_VERSION = 3
"""To be counted up whenever tables or tokens change: an older file is deleted, and made anew."""
_CACHE_KIB = 4_096
_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE series (
    number INTEGER PRIMARY KEY, system TEXT NOT NULL, generation INTEGER NOT NULL,
    mark TEXT, is_complete INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX series_by_name ON series (system, generation) WHERE generation > 0;
CREATE TABLE monitors (
    number INTEGER PRIMARY KEY AUTOINCREMENT, series INTEGER NOT NULL, monitor_id TEXT NOT NULL, key TEXT NOT NULL,
    events INTEGER NOT NULL DEFAULT 0, gone TEXT, UNIQUE (series, monitor_id)
);
CREATE TABLE terms (
    number INTEGER PRIMARY KEY AUTOINCREMENT, facet INTEGER NOT NULL, value TEXT NOT NULL, UNIQUE (facet, value)
);
CREATE TABLE events (
    key INTEGER PRIMARY KEY, monitor INTEGER NOT NULL, event_id NOT NULL, slot INTEGER NOT NULL, start INTEGER, ended INTEGER,
    duration INTEGER, kind INTEGER NOT NULL, end_reason INTEGER, flags INTEGER NOT NULL, score INTEGER, max_score INTEGER,
    alarm_frames INTEGER, facets TEXT, cause TEXT, notes TEXT
);
CREATE UNIQUE INDEX events_by_id ON events (monitor, event_id);
CREATE UNIQUE INDEX events_by_slot ON events (slot);
CREATE TABLE added (
    monitor INTEGER NOT NULL, event_id NOT NULL, source TEXT NOT NULL, data TEXT NOT NULL,
    PRIMARY KEY (monitor, event_id, source)
) WITHOUT ROWID;
CREATE TABLE postings (place INTEGER PRIMARY KEY, bits BLOB NOT NULL);
INSERT INTO sqlite_sequence VALUES ('terms', 255);
INSERT INTO meta VALUES ('refilled', '0');
"""
"""`postings` (postings.py) says by which tokens which events are found; below 256, the first of `terms`, are tokens
that are no values. `refilled`: up to which row the store's own events have been taken in.

A series is all that a system has reported in one generation of its ids; the generation 0 is what was given up, to be deleted;
-1 (`OWN`) is what the bridge itself tells.
"""


class IndexFile:
    """The file at this path; `detail` says, for people, what became of the one before, where that matters."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.detail: str | None = None
        self.number = 0
        """How often it was begun or opened anew: who reads an older one has to open it again."""
        self._writer: sqlite3.Connection | None = None

    def writer(self) -> sqlite3.Connection:
        """Return the connection that writes, in the index's thread. Raises sqlite3.Error, StoreError or OSError."""
        if self._writer is None:
            try:
                self._writer = _connect(self.path)
            except sqlite3.DatabaseError as error:
                if isinstance(error, sqlite3.OperationalError):
                    raise
                self.begin_anew(error)
                self._writer = _connect(self.path)
            self.number += 1
        return self._writer

    def reader(self) -> sqlite3.Connection:
        """Return another connection that only reads. Raises sqlite3.Error."""
        connection = sqlite3.connect(
            f"{self.path.absolute().as_uri()}?mode=ro", uri=True, check_same_thread=False, timeout=5, isolation_level=None
        )
        try:
            connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        except BaseException:
            connection.close()
            raise
        return connection

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Write all that is written within, or nothing of it."""
        connection = self.writer()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            raise

    def begin_anew(self, error: sqlite3.DatabaseError | None = None) -> None:
        """Take the file away, so that the next one to be opened is empty; `error` is what was wrong with it."""
        self.close()
        if error is not None:
            self.detail = f"the search index could not be used ({error}) and is made anew"
            _LOGGER.error("%s: %s; events and their messages are not concerned. Is the disk failing?", self.path, self.detail)
            if not is_damage(error):  # a newer version's, or another program's
                with suppress(OSError):
                    self.path.replace(self.path.with_name(f"{self.path.name}.aside"))
        remove(self.path)

    def close(self) -> None:
        """Give the file free."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None


def remove(path: Path) -> None:
    """Delete the file, and what SQLite keeps beside it."""
    for end in ("", "-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + end).unlink()


def is_damage(error: BaseException) -> bool:
    """Say whether it reports a file that can't be read as what it should be."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def _connect(path: Path) -> sqlite3.Connection:
    claim_store(path)
    if _is_older(path):
        remove(path)
        claim_store(path)
    connection = sqlite3.connect(path, check_same_thread=False, timeout=5, isolation_level=None)
    try:
        has_tables = _examine(connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        if not has_tables:
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} PRAGMA user_version = {_VERSION}; COMMIT;")
    except BaseException:
        connection.close()
        raise
    return connection


def _is_older(path: Path) -> bool:
    with suppress(sqlite3.Error), closing(sqlite3.connect(path)) as connection:
        return 0 < int(connection.execute("PRAGMA user_version").fetchone()[0]) < _VERSION
    return False


def _examine(connection: sqlite3.Connection) -> bool:
    """Say whether it has our tables, or nothing yet. Raises sqlite3.DatabaseError where it is not ours."""
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    has_tables: bool = connection.execute("SELECT count(*) > 0 FROM sqlite_master").fetchone()[0]
    if has_tables and version != _VERSION:
        raise sqlite3.DatabaseError(f"its format is {version}, and not {_VERSION}")
    return has_tables
