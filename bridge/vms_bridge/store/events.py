"""What the store keeps of events: how far each system was read, the events, their messages, outboxes and the history.

Each public method is the work of one transaction, done in the store's thread (`Store` has the coroutines). Messages keep
their position for ever; a durable sink's outbox names those that it has yet to deliver, and the history is all that is
there, delivered or not.
"""

from __future__ import annotations

import uuid
from contextlib import closing
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import TypeAdapter

from vms_bridge.history import MOST_IN_A_PAGE
from vms_bridge.model import OWN, Event, EventRef
from vms_bridge.store import contributions
from vms_bridge.store.epochs import Epochs
from vms_bridge.store.values import EventCommit, StaleEpoch, StoredSystem
from vms_bridge.views import HistoryPage, MessageType, StoredMessage

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.history import Cursor
    from vms_bridge.store.database import Database
    from vms_bridge.store.index import Unindexed

_EVENT = TypeAdapter(Event)
_MESSAGE = "m.position, m.system, m.generation, m.event_id, m.monitor, m.type, m.late, m.payload"


class Events:
    """Events and their messages, in the open database."""

    def __init__(self, database: Database, clock: Clock, unindexed: Unindexed | None = None) -> None:
        self._database = database
        self._clock = clock
        self._unindexed = unindexed
        self.epoch = ""
        database.on_memory = self.begin_epoch
        self.epoch = database.attempt(self._known_epoch, uuid.uuid4().hex[:12])
        if database.problem is not None:
            self.begin_epoch()
        self._began = clock.monotonic()
        self._began_at = database.attempt(self._newest_time) or clock.now()

    def begin_epoch(self) -> None:
        """Begin to count in another epoch: after a crash the file would give out again the numbers that only memory knows."""
        self.epoch = uuid.uuid4().hex[:12]
        with self._database.transaction() as cursor:
            cursor.execute("INSERT OR REPLACE INTO meta VALUES ('epoch', ?)", (self.epoch,))
            newest = _newest_position(cursor)
            cursor.execute("DELETE FROM epochs WHERE began >= ?", (newest,))  # no message was made in it
            cursor.execute("INSERT INTO epochs (epoch, began) VALUES (?, ?)", (self.epoch, newest))

    def system(self, system: str, recent: timedelta, most: int) -> StoredSystem:
        """Return how far the system's events are."""
        row = self._database.connection.execute("SELECT cursor, generation FROM systems WHERE system = ?", (system,)).fetchone()
        cursor, generation = row or (None, 1)
        events, late = self._followed(system, generation, recent, most)
        own_events, _ = self._followed(system, OWN, recent, most)  # of which none is late
        names = self._database.connection.execute("SELECT monitor_id, name FROM names WHERE system = ?", (system,))
        return StoredSystem(
            cursor=cursor,
            generation=generation,
            names=dict(names.fetchall()),
            events=events,
            late=late,
            own_events=own_events,
        )

    def _followed(
        self, system: str, generation: int, recent: timedelta, most: int
    ) -> tuple[tuple[tuple[str, Event], ...], frozenset[str]]:
        """Return what is open, then what ended a short while ago, and the ids of what was reported late of these."""
        of_system = "SELECT monitor, data, late FROM events WHERE system = ? AND generation = ?"
        left_open = self._database.connection.execute(f"{of_system} AND is_open ORDER BY rowid", (system, generation))
        ended = self._database.connection.execute(
            f"{of_system} AND NOT is_open AND updated >= ? ORDER BY updated DESC, rowid DESC LIMIT ?",
            (system, generation, (self.time - recent).isoformat(), most),
        )
        rows = [*left_open, *reversed(ended.fetchall())]
        events = tuple((key, _EVENT.validate_json(data)) for key, data, _ in rows)
        return events, frozenset(event.id for (_, event), (_, _, late) in zip(events, rows, strict=True) if late)

    def known(self, system: str, generation: int, ids: Sequence[str]) -> dict[str, tuple[str, Event]]:
        """Return those of these events that are known, each with the key of its monitor."""
        known: dict[str, tuple[str, Event]] = {}
        for event_id in ids:
            row = self._database.connection.execute(
                "SELECT monitor, data FROM events WHERE system = ? AND generation = ? AND event_id = ?",
                (system, generation, event_id),
            ).fetchone()
            if row:
                known[event_id] = (row[0], _EVENT.validate_json(row[1]))
        return known

    def reported_late(self, system: str, generation: int, ids: Sequence[str]) -> frozenset[str]:
        """Return the ids of those of these events of which something was reported late."""
        found = (
            self._database.connection.execute(
                "SELECT event_id FROM events WHERE system = ? AND generation = ? AND event_id = ? AND late",
                (system, generation, event_id),
            ).fetchone()
            for event_id in ids
        )
        return frozenset(row[0] for row in found if row)

    def since_told(self, system: str, generation: int, event_id: str) -> timedelta | None:
        """Return how long ago, in time in which the bridge runs, the event was told of last; None: it is kept no more."""
        row = self._database.connection.execute(
            "SELECT updated FROM events WHERE system = ? AND generation = ? AND event_id = ?", (system, generation, event_id)
        ).fetchone()
        return None if row is None else self.time - datetime.fromisoformat(row[0])

    def commit(self, commit: EventCommit, sinks: tuple[str, ...]) -> None:
        """Store a batch, and each durable sink's right to its messages. Raises StaleEpoch."""
        if commit.epoch != self.epoch:
            raise StaleEpoch
        now = self.time.isoformat()
        with self._database.transaction() as cursor:
            if commit.generation != OWN:
                cursor.execute(
                    "INSERT INTO systems VALUES (?, ?, ?) ON CONFLICT (system) DO UPDATE"
                    " SET cursor = coalesce(excluded.cursor, cursor), generation = excluded.generation",
                    (commit.system, commit.cursor, commit.generation),
                )
            cursor.executemany(
                "INSERT INTO events (system, generation, event_id, monitor, data, is_open, updated) VALUES (?, ?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (system, generation, event_id) DO UPDATE"
                " SET monitor = excluded.monitor, data = excluded.data, is_open = excluded.is_open, updated = excluded.updated",
                [
                    (*_event_key(commit, event.id), key, _EVENT.dump_json(event), not event.is_over, now)
                    for key, event in commit.events
                ],
            )
            cursor.executemany(
                "UPDATE events SET late = 1 WHERE system = ? AND generation = ? AND event_id = ?",
                {_event_key(commit, message.event_id) for message in commit.messages if message.late},
            )
            for message in commit.messages:
                cursor.execute(
                    "INSERT INTO messages (system, generation, event_id, monitor, type, late, created, payload)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    (*_event_key(commit, message.event_id), message.monitor, message.type, message.late, now, message.payload),
                )
                position = cursor.lastrowid
                cursor.executemany("INSERT INTO outbox VALUES (?, ?, ?)", [(sink, message.late, position) for sink in sinks])
            cursor.executemany(
                "INSERT INTO monitors (system, monitor, seq) VALUES (?, ?, ?)"
                " ON CONFLICT (system, monitor) DO UPDATE SET seq = max(seq, excluded.seq)",
                [(commit.system, message.monitor, message.seq) for message in commit.messages],
            )
            cursor.executemany(
                "UPDATE monitors SET last_event = ? WHERE system = ? AND monitor = ?",
                [(payload, commit.system, key) for key, payload in commit.last_events.items()],
            )
            contributions.write(cursor, commit)
            if self._unindexed is not None:
                self._unindexed.note(cursor, commit)

    def undelivered(self, sink: str, late: bool, after: int, limit: int) -> list[StoredMessage]:  # noqa: FBT001 - a column
        """Return the sink's next messages of one lane, by position."""
        return _messages(
            self._database.connection.execute(
                f"SELECT {_MESSAGE} FROM outbox o JOIN messages m USING (position)"  # noqa: S608 - names of our own schema
                " WHERE o.sink = ? AND o.late = ? AND o.position > ? ORDER BY o.position LIMIT ?",
                (sink, late, after, limit),
            )
        )

    def delivered(self, sink: str, positions: tuple[int, ...]) -> None:
        """Take these messages out of the sink's outbox."""
        with self._database.transaction() as cursor:
            cursor.executemany(
                "DELETE FROM outbox WHERE sink = ? AND late IN (0, 1) AND position = ?",
                [(sink, position) for position in positions],
            )

    def history(self, after: Cursor | None, limit: int) -> HistoryPage:
        """Return what follows the cursor, from the oldest on where there is none."""
        epochs = self._epochs()
        place, gap = epochs.place(after)
        found = _messages(
            self._database.connection.execute(
                f"SELECT {_MESSAGE} FROM messages m WHERE position > ? ORDER BY position LIMIT ?",  # noqa: S608 - the same
                (place, min(limit, MOST_IN_A_PAGE)),
            )
        )
        messages = tuple((epochs.cursor(message.position), message) for message in found)
        place_after = epochs.cursor(place) if after is None or gap is not None else after
        return HistoryPage(messages=messages, after=messages[-1][0] if messages else place_after, gap=gap)

    def history_end(self) -> Cursor:
        """Return the cursor behind the newest message."""
        epochs = self._epochs()
        return epochs.cursor(epochs.newest)

    def waiting(self, longer_than: timedelta) -> int:
        """Return how many messages have waited that long in outboxes, each counted once."""
        before = (self.time - longer_than).isoformat()
        until = "position <= (SELECT position FROM messages WHERE created < ? ORDER BY created DESC LIMIT 1)"
        count: int
        count, is_of_many = self._database.connection.execute(
            f"SELECT count(*), min(sink) <> max(sink) FROM outbox WHERE {until}",  # noqa: S608 - the same
            (before,),
        ).fetchone()
        if is_of_many:  # which takes ten times as long
            [count] = self._database.connection.execute(
                f"SELECT count(DISTINCT position) FROM outbox WHERE {until}",  # noqa: S608 - the same
                (before,),
            ).fetchone()
        return count

    def prune(self, sinks: tuple[str, ...], keep: timedelta, most: int) -> int:
        """Forget what is old or too much; return how many messages were given up by a sink, each counted once."""
        now = self.time
        before = (now - keep).isoformat()
        marks = ", ".join("?" * len(sinks))
        with self._database.transaction() as cursor:
            cursor.execute("INSERT OR REPLACE INTO meta VALUES ('time', ?)", (now.isoformat(),))
            cursor.execute(f"DELETE FROM outbox WHERE sink NOT IN ({marks})", sinks)  # noqa: S608 - only question marks
            aged = "position IN (SELECT position FROM messages WHERE created < ?)"
            lost = _given_up(cursor, aged, before)
            # A message counts once here, in however many outboxes it is.
            beyond = "position <= (SELECT DISTINCT position FROM outbox ORDER BY position DESC LIMIT 1 OFFSET ?)"
            lost += _given_up(cursor, beyond, most)
            # A storm of events must not fill the disk before it is old.
            storm = _newest_position(cursor) - most
            self._move_forgotten(cursor, before, storm)
            cursor.execute("DELETE FROM messages WHERE created < ? AND position NOT IN (SELECT position FROM outbox)", (before,))
            cursor.execute("DELETE FROM messages WHERE position <= ? AND position NOT IN (SELECT position FROM outbox)", (storm,))
            cursor.execute("DELETE FROM events WHERE updated < ? AND NOT is_open", (before,))
            cursor.execute("DELETE FROM events WHERE rowid <= (SELECT max(rowid) FROM events) - ? AND NOT is_open", (most,))
        return lost

    @property
    def time(self) -> datetime:
        """The store's own time, by which it judges age: it goes on only while the bridge runs, and never jumps.

        It began as wall-clock time, and is some other by now (docs/decisions/0006-age-is-time-at-work.md).
        """
        return self._began_at + timedelta(seconds=self._clock.monotonic() - self._began)

    def _newest_time(self) -> datetime | None:
        newest: str | None = self._database.connection.execute(
            "SELECT max(time) FROM (SELECT max(created) AS time FROM messages UNION SELECT max(updated) FROM events"
            " UNION SELECT value FROM meta WHERE key = 'time')"
        ).fetchone()[0]
        return None if newest is None else datetime.fromisoformat(newest)

    def _known_epoch(self, made: str) -> str:
        """Return the epoch of the file; `made` is that of a file that has none: it is new, or was damaged."""
        with self._database.transaction() as cursor:
            cursor.execute("INSERT OR IGNORE INTO meta VALUES ('epoch', ?)", (made,))
            epoch: str = cursor.execute("SELECT value FROM meta WHERE key = 'epoch'").fetchone()[0]
            row = (epoch, _newest_position(cursor))
            cursor.execute("INSERT OR IGNORE INTO epochs (epoch, began) VALUES (?, ?)", row)
        return epoch

    def _epochs(self) -> Epochs:
        with closing(self._database.connection.cursor()) as cursor:
            began = cursor.execute("SELECT epoch, began FROM epochs ORDER BY number").fetchall()
            return Epochs(began=began, newest=_newest_position(cursor), forgotten=_forgotten(cursor))

    def _move_forgotten(self, cursor: sqlite3.Cursor, before: str, storm: int) -> None:
        """Note up to which position messages are now missing, though a sink's outbox may still keep some of them."""
        aged = cursor.execute("SELECT coalesce(max(position), 0) FROM messages WHERE created < ?", (before,)).fetchone()[0]
        forgotten = max(_forgotten(cursor), aged, storm)
        cursor.execute("INSERT OR REPLACE INTO meta VALUES ('forgotten', ?)", (str(forgotten),))
        cursor.execute("DELETE FROM epochs WHERE number < (SELECT max(number) FROM epochs WHERE began <= ?)", (forgotten,))


def _newest_position(cursor: sqlite3.Cursor) -> int:
    """Return the highest position that was ever given."""
    row = cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = 'messages'").fetchone()
    return int(row[0]) if row else 0


def _forgotten(cursor: sqlite3.Cursor) -> int:
    row = cursor.execute("SELECT value FROM meta WHERE key = 'forgotten'").fetchone()
    return int(row[0]) if row else 0


def _given_up(cursor: sqlite3.Cursor, which: str, value: object) -> int:
    """Take these messages out of all outboxes, and return how many they were."""
    count: int = cursor.execute(
        f"SELECT count(DISTINCT position) FROM outbox WHERE {which}",  # noqa: S608 - words of this file
        (value,),
    ).fetchone()[0]
    if count:
        cursor.execute(f"DELETE FROM outbox WHERE {which}", (value,))  # noqa: S608 - the same
    return count


def _event_key(commit: EventCommit, event_id: str) -> tuple[str, int, str]:
    return commit.system, commit.generation, event_id


def _messages(rows: Iterable[tuple[int, str, int, str, str, str, int, bytes]]) -> list[StoredMessage]:
    return [
        StoredMessage(
            position=position,
            system=system,
            monitor=monitor,
            event=EventRef(system, generation, event_id),
            type=MessageType(type_),
            late=bool(late),
            payload=payload,
        )
        for position, system, generation, event_id, monitor, type_, late, payload in rows
    ]
