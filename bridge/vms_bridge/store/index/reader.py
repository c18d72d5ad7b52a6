"""The threads in which searches run, each with a connection of its own that only reads; every search has an end in time."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

from vms_bridge.errors import SearchBusy, SearchRefused

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.store.index.file import IndexFile

_T = TypeVar("_T")
_THREADS = 2
_MOST_WAITING = 32
LIMIT_S = 5.0
_STEPS = 1_000
"""After so many of its own steps SQLite asks whether to go on."""


class Readers:
    """Runs what reads the index."""

    def __init__(self, file: IndexFile, *, limit_s: float = LIMIT_S) -> None:
        self._file = file
        self._limit_s = limit_s
        self._threads = ThreadPoolExecutor(max_workers=_THREADS, thread_name_prefix="search")
        self._of_thread = threading.local()
        self._connections: set[sqlite3.Connection] = set()
        self._lock = threading.Lock()
        self._waiting = 0
        self._is_closing = threading.Event()

    async def run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Do this in one of the threads; whoever waits for it no more ends it. Raises SearchRefused or sqlite3.Error."""
        if self._waiting >= _MOST_WAITING:
            raise SearchBusy(f"{_MOST_WAITING} searches are waiting already", hint="try again in a moment")
        left = threading.Event()
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, self._run, work, left)
        finally:
            left.set()
            self._waiting -= 1

    def close(self) -> None:
        """Take no more, end what is under way, and close."""
        self._is_closing.set()
        self._threads.shutdown(wait=True, cancel_futures=True)
        for connection in self._connections:
            connection.close()
        self._connections.clear()

    def _run(self, work: Callable[[sqlite3.Connection], _T], left: threading.Event) -> _T:
        until = time.monotonic() + self._limit_s  # the thread's own time: what it does is work, and not waiting

        def is_enough() -> bool:
            return left.is_set() or self._is_closing.is_set() or time.monotonic() > until

        connection = self._connection()
        connection.set_progress_handler(is_enough, _STEPS)
        try:
            connection.execute("BEGIN")  # all that the work reads is of one moment
            return work(connection)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_INTERRUPT:
                raise
            raise SearchRefused(
                f"the search was ended after {self._limit_s:g} s", hint="ask for less: a shorter time, or some of the monitors"
            ) from None
        finally:
            connection.set_progress_handler(None, 0)
            if connection.in_transaction:
                with suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")

    def _connection(self) -> sqlite3.Connection:
        """Return the thread's connection to the file as it now is."""
        known: tuple[int, sqlite3.Connection | None] = getattr(self._of_thread, "known", (0, None))
        number, connection = known
        if connection is None or number != self._file.number:
            if connection is not None:
                with self._lock:
                    self._connections.discard(connection)
                connection.close()
            number, connection = self._file.number, self._file.reader()
            self._of_thread.known = (number, connection)
            with self._lock:
                self._connections.add(connection)
        return connection
