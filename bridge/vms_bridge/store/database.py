"""The store's file: opened, locked, migrated, rebuilt where it is damaged, and replaced by memory while the disk fails.

Everything here blocks, and is called in the store's thread or before the loop is busy.
"""

from __future__ import annotations

import errno
import fcntl
import logging
import math
import os
import sqlite3
from contextlib import closing, contextmanager, suppress
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from vms_bridge.errors import StoreError
from vms_bridge.private_files import make_directory
from vms_bridge.store.privacy import LOCK_NAME, STORE_NAME, claim_store, mend, open_lock
from vms_bridge.store.schema import SCHEMA_VERSION, migrate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime
    from pathlib import Path

    from vms_bridge.clock import Clock

_LOGGER = logging.getLogger(__name__)
_T = TypeVar("_T")
_P = ParamSpec("_P")
_RETRY_S = 5.0
_CACHE_KIB = 512
"""A quarter of what SQLite would take holds all that is looked up again: the newest rows."""
_DISK_TROUBLES = {sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
_IN_ORDER_OF = {"messages": "position", "events": "rowid"}
_OUR_TABLES = {"meta", "systems", "monitors", "events", "messages", "outbox"}
_NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EROFS}


class Database:
    """One SQLite file and the right to use it; in memory while the disk does not take what is written.

    `problem` says, for people, why it is in memory; None while it is on disk.
    """

    def __init__(
        self, path: Path, connection: sqlite3.Connection, lock: int, clock: Clock, *, problem: str | None = None
    ) -> None:
        self.path = path
        self.connection = connection
        self.problem = problem
        self.on_memory: Callable[[], None] = lambda: None
        """Called once the file has been left, for memory or for a new one, before anything is written there."""
        self._lock = lock
        self._clock = clock
        self._tried_at = clock.monotonic()
        self._disk: sqlite3.Connection | None = None
        """The file, left for memory; None while it is in use, or where it could not even be opened."""

    @classmethod
    def open(cls, data_dir: Path, clock: Clock) -> Database:
        """Open the file in `data_dir`, making or migrating it; one that is damaged or not ours is kept aside.

        Where the disk is full or read-only, begin in memory with what can still be read. Raises StoreError when the
        directory can't be used, another bridge uses it, or a newer program has written it.
        """
        try:
            make_directory(data_dir)
            _log_flaws(data_dir)
            lock = _lock(data_dir)
        except OSError as error:
            raise StoreError(
                f"the data directory {data_dir} can't be used: {error.strerror}",
                hint="set data_dir to a directory that the bridge's user may write to",
            ) from error
        path = data_dir / STORE_NAME
        try:
            return cls(path, _connect_or_rebuild(path, clock.now()), lock, clock)
        except sqlite3.Error as error:
            if isinstance(error, sqlite3.OperationalError) and _is_disk_trouble(error) and not path.is_dir():
                return cls(path, _connect_in_memory(path), lock, clock, problem=_log_memory_only(path, error))
            os.close(lock)
            raise StoreError(
                f"the store {path} can't be opened: {error}", hint="is the disk full, or the directory read-only?"
            ) from error
        except StoreError:
            os.close(lock)
            raise

    def attempt(self, work: Callable[_P, _T], *arguments: _P.args, **options: _P.kwargs) -> _T:
        """Do one transaction's work on disk or, where the disk does not take it, in memory; mend a damaged file.

        Raises sqlite3.Error.
        """
        self._return_to_disk()
        try:
            return work(*arguments, **options)
        except sqlite3.DatabaseError as error:
            if self.problem is not None:
                raise
            if _is_damage(error):
                self._rebuild(error)
            elif isinstance(error, sqlite3.OperationalError) and _is_disk_trouble(error):
                self._leave_disk(error)
            else:
                raise
            return work(*arguments, **options)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Cursor]:
        """Write all that is written within, or nothing of it."""
        with self.connection as connection, closing(connection.cursor()) as cursor:
            yield cursor

    def close(self) -> None:
        """Write back what is only in memory, if the disk now takes it, and give the file free."""
        self._tried_at = -math.inf
        self._return_to_disk()
        if self.problem is not None:
            _LOGGER.error("what was kept in memory since the disk failed is lost: events of that time are announced again")
        if self._disk is not None:
            self._disk.close()
        self.connection.close()
        os.close(self._lock)

    def _leave_disk(self, error: sqlite3.OperationalError) -> None:
        memory = sqlite3.connect(":memory:", check_same_thread=False)
        self.connection.backup(memory)
        self._disk, self.connection = self.connection, memory
        self._tried_at = self._clock.monotonic()
        self.problem = _log_memory_only(self.path, error)
        self.on_memory()

    def _rebuild(self, error: sqlite3.DatabaseError) -> None:
        """Go on in a new file, with all that can still be read of the damaged one."""
        rescued = _rescued(self.connection)
        self.connection.close()
        self.connection = _replace(self.path, rescued, self._clock.now(), error)
        self.on_memory()

    def _return_to_disk(self) -> None:
        if self.problem is None or self._clock.monotonic() - self._tried_at < _RETRY_S:
            return
        self._tried_at = self._clock.monotonic()
        try:
            self._disk = self._disk or _connect(self.path)
            self.connection.backup(self._disk)
        except (sqlite3.Error, StoreError):
            return
        self.connection.close()
        self.connection, self._disk, self.problem = self._disk, None, None
        _LOGGER.warning("the store %s can be written again: all that was kept in memory is in it", self.path)


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def _is_disk_trouble(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF in _DISK_TROUBLES


def _log_memory_only(path: Path, error: sqlite3.OperationalError) -> str:
    problem = f"the store {path} can't be written ({error}): events are kept in memory only"
    _LOGGER.error("%s. Make room on the disk, or make it writable; after a crash, events would be announced again", problem)
    return problem


def _connect_in_memory(path: Path) -> sqlite3.Connection:
    """Return a database in memory with what can be read of the file, or an empty one."""
    memory = sqlite3.connect(":memory:", check_same_thread=False)
    with suppress(sqlite3.Error), closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)) as file:
        _examine(path, file)
        file.backup(memory)
    migrate(memory, memory.execute("PRAGMA user_version").fetchone()[0])
    return memory


def _log_flaws(data_dir: Path) -> None:
    for flaw in mend(data_dir):
        _LOGGER.log(logging.WARNING if flaw.is_grave else logging.INFO, "%s", flaw)


def _lock(data_dir: Path) -> int:
    """Make sure that no other bridge works in this directory; the lock ends with the process."""
    try:
        lock = open_lock(data_dir, os.O_RDWR | os.O_CREAT)
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        is_there = (data_dir / LOCK_NAME).exists()
        lock = open_lock(data_dir, os.O_RDONLY) if is_there else os.open(data_dir, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise StoreError(
            f"another bridge already works with the data directory {data_dir}",
            hint="stop it, or give this one a data_dir of its own",
        ) from error
    return lock


def is_in_use(data_dir: Path) -> bool:
    """Say whether a bridge works in this directory."""
    try:
        lock = open_lock(data_dir, os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(lock)
    return False


def peek(data_dir: Path, scope: str, key: str) -> str | None:
    """Return a text that is kept there, whoever works in the directory; None where there is none, or it can't be read."""
    try:
        with closing(sqlite3.connect(f"{(data_dir / STORE_NAME).absolute().as_uri()}?mode=ro", uri=True)) as store:
            row = store.execute("SELECT value FROM kept WHERE scope = ? AND key = ?", (scope, key)).fetchone()
    except sqlite3.Error:
        return None
    return str(row[0]) if row else None


def _connect_or_rebuild(path: Path, now: datetime) -> sqlite3.Connection:
    try:
        return _connect(path)
    except sqlite3.OperationalError:
        raise
    except sqlite3.DatabaseError as error:
        with closing(sqlite3.connect(path)) as damaged:
            rescued = _rescued(damaged)
        return _replace(path, rescued, now, error)


def _connect(path: Path) -> sqlite3.Connection:
    claim_store(path)
    connection = sqlite3.connect(path, check_same_thread=False, timeout=5)
    try:
        version = _examine(path, connection)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        migrate(connection, version)
    except BaseException:
        connection.close()
        raise
    return connection


def _examine(path: Path, connection: sqlite3.Connection) -> int:
    """Return the format of our database, 0 for a new one; writes nothing. Raises DatabaseError where it is not ours."""
    if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise sqlite3.DatabaseError("the database is damaged")
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not tables >= _OUR_TABLES and (tables or version):
        raise sqlite3.DatabaseError("it is another program's database")
    if version > SCHEMA_VERSION:
        raise StoreError(
            f"the store {path} was written by a newer version of VMS Bridge (format {version}, this one knows {SCHEMA_VERSION})",
            hint="install that version again, or move the file away to start anew (events are then announced afresh)",
        )
    return version


def _rescued(damaged: sqlite3.Connection) -> sqlite3.Connection:
    """Return a database in memory with all rows of ours that can still be read: from either end up to the damage."""
    memory = sqlite3.connect(":memory:")
    migrate(memory, 0)
    tables = [
        name for (name,) in memory.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
    ]
    with suppress(sqlite3.Error):
        found = {name for (name,) in damaged.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        for table in tables if found >= _OUR_TABLES else ():
            for direction in ("ASC", "DESC"):
                with suppress(sqlite3.Error):
                    _copy_rows(damaged, memory, table, direction)
    memory.execute("DELETE FROM outbox WHERE position NOT IN (SELECT position FROM messages)")
    # Numbers may have been given that are lost: they must not be given again in the same epoch. Nor does anybody know which
    # messages are missing: whoever follows them gets a gap, since no epoch is known any more.
    memory.execute("DELETE FROM meta WHERE key = 'epoch'")
    memory.execute("DELETE FROM epochs")
    memory.commit()
    return memory


def _copy_rows(source: sqlite3.Connection, target: sqlite3.Connection, table: str, direction: str) -> None:
    key, known = _IN_ORDER_OF.get(table, "1"), _columns(target, table)
    names = [name for name in _columns(source, table) if name in known]  # a file of another format has others
    columns, marks = ", ".join(names), ", ".join("?" * len(names))
    for row in source.execute(f"SELECT {columns} FROM {table} ORDER BY {key} {direction}"):  # noqa: S608 - our own names
        target.execute(f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({marks})", row)  # noqa: S608 - the same


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [column[0] for column in connection.execute(f"SELECT * FROM {table} LIMIT 0").description]  # noqa: S608 - the same


def _replace(path: Path, rescued: sqlite3.Connection, now: datetime, error: sqlite3.DatabaseError) -> sqlite3.Connection:
    """Keep the file aside and return a new one in its place, with what was rescued."""
    _keep_aside(path, now, error)
    fresh = _connect(path)
    with closing(rescued):
        rescued.backup(fresh)
    return fresh


def _keep_aside(path: Path, now: datetime, error: sqlite3.DatabaseError) -> None:
    aside = path.with_name(f"{path.name}.damaged-{now:%Y%m%dT%H%M%S}")
    path.rename(aside)
    for suffix in ("-wal", "-shm"):
        with suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(f"{aside}{suffix}")
    _LOGGER.error(
        "the store %s is damaged or not ours (%s): it is kept as %s, and a new one goes on with what could still be read of it;"
        " messages that were lost with it are not announced, a new epoch begins. Is the disk failing?",
        path,
        error,
        aside,
    )
