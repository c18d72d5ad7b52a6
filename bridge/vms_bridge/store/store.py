"""What must survive a crash, in one SQLite file: cursors, events, messages not yet delivered, and memories.

One thread owns the connection; each public coroutine is one transaction. WAL with synchronous=NORMAL: a killed
process loses nothing, a power cut at most the last moments, which the VMS's own event list brings back because
the cursor is in the same transaction (https://sqlite.org/wal.html#performance_considerations). When the disk is full
or read-only the store goes on in memory, says so, and writes everything back as soon as the disk allows it.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from pydantic import TypeAdapter

from vms_bridge.errors import SearchRefused, StoreError
from vms_bridge.measures import Histogram
from vms_bridge.model import Monitor
from vms_bridge.store import answered, contributions, tokens
from vms_bridge.store.database import Database
from vms_bridge.store.events import Events
from vms_bridge.store.index import SearchIndex, Unindexed, remove
from vms_bridge.store.links import LinkFile
from vms_bridge.store.minted import MintedIds
from vms_bridge.store.privacy import INDEX_NAME, LINKS_NAME
from vms_bridge.store.values import Forced, StoredMonitor

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import timedelta
    from pathlib import Path

    from vms_bridge.clock import Clock
    from vms_bridge.history import Cursor
    from vms_bridge.index import IndexMark
    from vms_bridge.model import Enrichment, Event
    from vms_bridge.store.links import KeptLinks
    from vms_bridge.store.values import EventCommit, StoredSystem
    from vms_bridge.tokens import Token
    from vms_bridge.views import HistoryPage, MonitorKey, StoredMessage

_T = TypeVar("_T")
_P = ParamSpec("_P")
_MONITOR = TypeAdapter(Monitor)
_LONGEST_KEPT = 65_536
_MOST_KEPT = 64
MOST_INDEXED = 1_000_000
_FULL = 0.98


class Store:
    """The open database; `open` it once, `close` it in the end."""

    def __init__(self, database: Database, clock: Clock, *, indexed: int = MOST_INDEXED) -> None:
        self._database = database
        self._clock = clock
        self._minted = MintedIds(database)
        self._links = LinkFile(database.path.with_name(LINKS_NAME))
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store")
        self._most_indexed = indexed
        self.took = Histogram()
        """How long transactions took, with the wait for their turn."""
        self._unindexed = Unindexed(database)
        self._index: SearchIndex | None = None
        path = database.path.with_name(INDEX_NAME)
        if indexed:
            self._index = SearchIndex(path, self._unindexed, self._run)
        else:
            remove(path)
            database.attempt(self._unindexed.forget)
        self._events = Events(database, clock, self._unindexed if indexed else None)
        self.bridge_id = database.attempt(self._identity, "bridge_id", uuid.uuid4().hex)

    @classmethod
    def open(cls, data_dir: Path, clock: Clock, *, indexed: int = MOST_INDEXED) -> Store:
        """Open the store in `data_dir`, with an index of so many events at most; 0: none.

        Blocks; call it before the loop is busy. Raises StoreError (`Database.open`).
        """
        return cls(Database.open(data_dir, clock), clock, indexed=indexed)

    def discard(self) -> None:
        """Close a store that nobody has used yet. Blocks."""
        self._database.close()

    @property
    def epoch(self) -> str:
        """In which the store counts now; another one begins whenever numbers may have been lost."""
        return self._events.epoch

    @property
    def problem(self) -> str | None:
        """Why what is stored would not survive a crash, for people; None if it would."""
        return self._database.problem

    async def close(self) -> None:
        """Finish what is under way and close the files."""
        if self._index is not None:
            await asyncio.to_thread(self._index.close)
        await self._run(self._database.close)
        self._thread.shutdown(wait=False)

    async def monitors(self, system: str) -> list[StoredMonitor]:
        """Return what is remembered of a system's monitors."""
        return await self._run(self._monitors, system)

    async def system(self, system: str, *, recent: timedelta, most: int) -> StoredSystem:
        """Return how far the system's events are; with those that ended within the time `recent`, `most` of them at most."""
        return await self._run(self._events.system, system, recent, most)

    async def events(self, system: str, generation: int, ids: Sequence[str]) -> dict[str, tuple[str, Event]]:
        """Return those of these events that are known, by id, each with the key of its monitor."""
        return await self._run(self._events.known, system, generation, ids)

    async def reported_late(self, system: str, generation: int, ids: Sequence[str]) -> frozenset[str]:
        """Return the ids of those of these events of which something was reported late."""
        return await self._run(self._events.reported_late, system, generation, ids)

    async def enrichments(self, system: str, generation: int, ids: Sequence[str]) -> dict[str, dict[str, Enrichment]]:
        """Return what others have added to these events, by event and source."""
        return await self._run(contributions.read, self._database, system, generation, ids)

    async def commit(self, commit: EventCommit, sinks: Sequence[str]) -> None:
        """Store a batch: events, cursor, messages and each durable sink's right to them, in one transaction.

        Raises StaleEpoch if the store has begun another epoch since the messages were made.
        """
        await self._run(self._events.commit, commit, tuple(sinks))

    async def save_monitors(self, system: str, monitors: Mapping[str, Monitor]) -> None:
        """Make these the monitors that are known of the system; sequence numbers and memories are kept."""
        await self._run(self._save_monitors, system, dict(monitors))

    async def save_names(self, system: str, names: Mapping[str, str]) -> None:
        """Add to the VMS's names of monitors, by id; those of others are kept."""
        await self._run(self._save_names, system, dict(names))

    async def remember_modes(self, system: str, key: str, modes: Mapping[str, str]) -> None:
        """Keep the modes to which a monitor returns when it is armed again."""
        await self._run(self._remember_modes, system, key, json.dumps(dict(modes)))

    async def forced_alarms(self) -> dict[MonitorKey, Forced]:
        """Return the alarms that were forced for a time and not ended."""
        return await self._run(self._forced_alarms)

    async def keep_forced_alarm(self, key: MonitorKey, forced: Forced | None) -> None:
        """Keep this (None: nothing) for the monitor."""
        await self._run(self._keep_forced_alarm, key, forced)

    async def mint(self, system: str, key: bytes) -> int:
        """Return the number that this key of the system's VMS has; it is kept as long as the event of that id, at least."""
        return await self._run(self._minted.mint, system, key, self._clock.now(), self._events.time)

    async def keep(self, scope: str, key: str, value: str | None) -> None:
        """Keep this text (None: none) for whom `scope` names; raises ValueError beyond 64 keys, or 65,536 characters."""
        if len(value or "") > _LONGEST_KEPT:
            raise ValueError(f"the text {key!r} of {scope!r} is too long to be kept: {len(value or '')} characters")
        await self._run(self._keep, scope, key, value)

    async def kept(self, scope: str, key: str) -> str | None:
        """Return the text that is kept under this key, None where there is none."""
        return await self._run(self._kept, scope, key)

    async def tokens(self) -> list[tuple[Token, bytes]]:
        """Return all tokens, each with its SHA-256, the oldest first."""
        return await self._run(tokens.read, self._database)

    async def add_token(self, token: Token, digest: bytes) -> None:
        """Keep a new token by its SHA-256."""
        await self._run(tokens.add, self._database, token, digest)

    async def update_tokens(self, changed: Sequence[Token]) -> None:
        """Keep what has changed of these tokens."""
        await self._run(tokens.update, self._database, tuple(changed))

    async def remove_token(self, token_id: str) -> bool:
        """Forget a token; say whether there was one."""
        return await self._run(tokens.remove, self._database, token_id)

    async def links(self) -> KeptLinks:
        """Return what is kept of links."""
        return await self._run(self._links.read)

    async def keep_links(self, kept: KeptLinks) -> None:
        """Keep this of links, in a file of its own that is written to disk when this returns."""
        await self._run(self._links.write, kept)

    async def since_told(self, system: str, generation: int, event_id: str) -> timedelta | None:
        """Return how long ago something was told of an event last, as far as that is kept."""
        return await self._run(self._events.since_told, system, generation, event_id)

    async def note_unanswered(self, sink: str, notes: Mapping[int, bytes | None]) -> None:
        """Keep these notes on commands that the sink still has to answer, by its numbers; None: it has."""
        await self._run(self._note_unanswered, sink, dict(notes))

    async def unanswered(self, sink: str) -> dict[int, bytes]:
        """Return the sink's notes in the order of their numbers."""
        return await self._run(self._unanswered, sink)

    async def answered(self) -> dict[str, bytes]:
        """Return the notes on commands that were answered, by key."""
        return await self._run(answered.read, self._database)

    async def note_answered(self, notes: Mapping[str, bytes | None]) -> None:
        """Keep these notes on commands that were answered; None: they are over."""
        await self._run(answered.write, self._database, dict(notes))

    async def undelivered(self, sink: str, *, late: bool, after: int, limit: int) -> list[StoredMessage]:
        """Return the sink's next messages of one lane, by position."""
        return await self._run(self._events.undelivered, sink, late, after, limit)

    async def delivered(self, sink: str, positions: Sequence[int]) -> None:
        """Take these messages out of the sink's outbox."""
        await self._run(self._events.delivered, sink, tuple(positions))

    async def history(self, after: Cursor | None, *, limit: int) -> HistoryPage:
        """Return the messages that follow the cursor (None: from the oldest on), `limit` of them or 1,000 at most."""
        return await self._run(self._events.history, after, limit)

    async def history_end(self) -> Cursor:
        """Return the cursor behind the newest message."""
        return await self._run(self._events.history_end)

    async def waiting(self, *, longer_than: timedelta) -> int:
        """Return how many messages have waited that long in outboxes; one counts once, for however many sinks it waits."""
        return await self._run(self._events.waiting, longer_than)

    async def prune(self, sinks: Sequence[str], *, keep: timedelta, most: int) -> int:
        """Forget what is older than `keep`, messages and events beyond the newest `most`, and outboxes of former sinks.

        Only time in which the bridge runs makes older. Returns how many messages at least one sink did not get to deliver.
        """
        lost = await self._run(self._events.prune, tuple(sinks), keep, most)
        await self._run(self._minted.prune, self._events.time - keep, most)
        return lost

    @property
    def index(self) -> SearchIndex:
        """The index of events. Raises SearchRefused where it is off."""
        if self._index is None:
            raise SearchRefused("the search index is off", hint="set index.events in the configuration, and restart the bridge")
        return self._index

    @property
    def has_index(self) -> bool:
        """Whether there is an index."""
        return self._index is not None

    async def tend_index(self) -> bool:
        """Process some of what the store had before the index, or delete some of what is too much; say whether there is more."""
        return await self.index.refill() or await self.index.tidy(self._most_indexed)

    async def index_is_full(self) -> bool:
        """Say whether the index has nearly as many events as it may: beyond that the oldest go with each that is added."""
        return sum(status.events for status in (await self.index.status()).values()) >= _FULL * self._most_indexed

    async def add_to_index(
        self,
        system: str,
        generation: int,
        events: Sequence[tuple[str, Event]],
        *,
        mark: str | None,
        is_complete: bool,
    ) -> None:
        """Add what the system has recorded before, each with its monitor's key, and how far that has got: all of it, or nothing.

        Of events that the store itself has, it knows better. What is of an older generation than the newest is left out. Without
        a mark, and where it is not complete, it has got no farther by that.
        """
        unknown = await self._run(self._unindexed.unknown, system, generation, [event.id for _, event in events])
        new = [(key, event) for key, event in events if event.id in unknown]
        await self.index.add(system, generation, new, mark=mark, is_complete=is_complete)

    async def index_mark(self, system: str) -> IndexMark:
        """Return how far the index was filled with what the system has recorded, in the newest generation that it has of it."""
        return await self.index.mark(system)

    async def index_counts(self, system: str, generation: int) -> dict[str, int]:
        """Return how many events the index has of a system, by key of the monitor."""
        return await self.index.counts(system, generation)

    async def index_ids(self, system: str, generation: int, monitor: str, *, after: str | None, limit: int) -> list[str]:
        """Return ids of a monitor's events that the index has, in the VMS's order, those that follow `after`."""
        return await self.index.ids(system, generation, monitor, after, limit)

    async def forget_indexed(self, system: str, generation: int, ids: Sequence[str]) -> None:
        """Take these events out of the index: their VMS has them no more."""
        await self.index.forget(system, generation, ids)

    async def clear_index(self, system: str | None) -> None:
        """Take all of the system (None: all there is) out of the index, and begin anew with what the store has."""
        await self.index.clear(system)

    async def _run(self, work: Callable[_P, _T], *arguments: _P.args, **options: _P.kwargs) -> _T:
        """Do blocking work in the store's thread, as one transaction, to its end even when the caller is cancelled."""
        attempt = partial(self._database.attempt, work, *arguments, **options)
        began = self._clock.monotonic()
        try:
            done = await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, attempt))
        except sqlite3.Error as error:
            raise StoreError(f"the store {self._database.path} failed: {error}", hint="is the disk failing?") from error
        self.took.observe(self._clock.monotonic() - began)
        return done

    def _identity(self, key: str, made: str) -> str:
        with self._database.transaction() as cursor:
            cursor.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (key, made))
            value: str = cursor.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0]
        return value

    def _monitors(self, system: str) -> list[StoredMonitor]:
        rows = self._database.connection.execute(
            "SELECT monitor, seq, description, remembered, last_event FROM monitors WHERE system = ?", (system,)
        )
        return [
            StoredMonitor(
                key=key,
                seq=seq,
                monitor=_MONITOR.validate_json(description) if description else None,
                remembered_modes=json.loads(remembered) if remembered else None,
                last_event=last_event,
            )
            for key, seq, description, remembered, last_event in rows
        ]

    def _save_monitors(self, system: str, monitors: dict[str, Monitor]) -> None:
        with self._database.transaction() as cursor:
            cursor.execute("UPDATE monitors SET description = NULL WHERE system = ?", (system,))
            cursor.executemany(
                "INSERT INTO monitors (system, monitor, description) VALUES (?, ?, ?)"
                " ON CONFLICT (system, monitor) DO UPDATE SET description = excluded.description",
                [(system, key, _MONITOR.dump_json(monitor)) for key, monitor in monitors.items()],
            )

    def _save_names(self, system: str, names: dict[str, str]) -> None:
        with self._database.transaction() as cursor:
            cursor.executemany("INSERT OR REPLACE INTO names VALUES (?, ?, ?)", [(system, *named) for named in names.items()])

    def _remember_modes(self, system: str, key: str, modes: str) -> None:
        with self._database.transaction() as cursor:
            cursor.execute(
                "INSERT INTO monitors (system, monitor, remembered) VALUES (?, ?, ?)"
                " ON CONFLICT (system, monitor) DO UPDATE SET remembered = excluded.remembered",
                (system, key, modes),
            )

    def _forced_alarms(self) -> dict[MonitorKey, Forced]:
        rows = self._database.connection.execute("SELECT system, monitor, at, seconds FROM forced_alarms")
        return {(system, key): Forced(at=datetime.fromisoformat(at), seconds=seconds) for system, key, at, seconds in rows}

    def _keep_forced_alarm(self, key: MonitorKey, forced: Forced | None) -> None:
        with self._database.transaction() as cursor:
            if forced is None:
                cursor.execute("DELETE FROM forced_alarms WHERE system = ? AND monitor = ?", key)
            else:
                row = (*key, forced.at.isoformat(), forced.seconds)
                cursor.execute("INSERT OR REPLACE INTO forced_alarms VALUES (?, ?, ?, ?)", row)

    def _keep(self, scope: str, key: str, value: str | None) -> None:
        with self._database.transaction() as cursor:
            if value is None:
                cursor.execute("DELETE FROM kept WHERE scope = ? AND key = ?", (scope, key))
                return
            cursor.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", (scope, key, value))
            if cursor.execute("SELECT count(*) FROM kept WHERE scope = ?", (scope,)).fetchone()[0] > _MOST_KEPT:
                raise ValueError(f"{scope!r} keeps more than {_MOST_KEPT} texts")

    def _kept(self, scope: str, key: str) -> str | None:
        row = self._database.connection.execute("SELECT value FROM kept WHERE scope = ? AND key = ?", (scope, key)).fetchone()
        return row[0] if row else None

    def _note_unanswered(self, sink: str, notes: dict[int, bytes | None]) -> None:
        with self._database.transaction() as cursor:
            gone = [(sink, number) for number, note in notes.items() if note is None]
            cursor.executemany("DELETE FROM unanswered WHERE sink = ? AND number = ?", gone)
            rows = [(sink, number, note) for number, note in notes.items() if note is not None]
            cursor.executemany("INSERT OR REPLACE INTO unanswered VALUES (?, ?, ?)", rows)

    def _unanswered(self, sink: str) -> dict[int, bytes]:
        rows = self._database.connection.execute("SELECT number, note FROM unanswered WHERE sink = ? ORDER BY number", (sink,))
        return dict(rows.fetchall())
