"""The store's tables, and how an older file becomes a newer one: migration N leads from format N to N + 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import sqlite3

_MIGRATIONS = (
    """
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE systems (system TEXT PRIMARY KEY, cursor TEXT, generation INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE monitors (
        system TEXT NOT NULL, monitor TEXT NOT NULL, seq INTEGER NOT NULL DEFAULT 0,
        description TEXT, remembered TEXT, last_event_id TEXT, last_event BLOB,
        PRIMARY KEY (system, monitor)
    ) WITHOUT ROWID;
    CREATE TABLE events (
        system TEXT NOT NULL, generation INTEGER NOT NULL, event_id TEXT NOT NULL, monitor TEXT NOT NULL,
        data TEXT NOT NULL, is_open INTEGER NOT NULL, updated TEXT NOT NULL,
        UNIQUE (system, generation, event_id)
    );
    CREATE INDEX open_events ON events (system, generation) WHERE is_open;
    CREATE INDEX events_by_age ON events (updated);
    CREATE TABLE messages (
        position INTEGER PRIMARY KEY AUTOINCREMENT, system TEXT NOT NULL, monitor TEXT NOT NULL, event_id TEXT NOT NULL,
        type TEXT NOT NULL, late INTEGER NOT NULL, created TEXT NOT NULL, payload BLOB NOT NULL
    );
    CREATE INDEX messages_by_age ON messages (created);
    CREATE TABLE outbox (
        sink TEXT NOT NULL, late INTEGER NOT NULL, position INTEGER NOT NULL,
        PRIMARY KEY (sink, late, position)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE forced_alarms (
        system TEXT NOT NULL, monitor TEXT NOT NULL, at TEXT NOT NULL, seconds REAL NOT NULL,
        PRIMARY KEY (system, monitor)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE names (
        system TEXT NOT NULL, monitor_id TEXT NOT NULL, name TEXT NOT NULL,
        PRIMARY KEY (system, monitor_id)
    ) WITHOUT ROWID;
    """,
    """
    CREATE TABLE kept (
        scope TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
        PRIMARY KEY (scope, key)
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE events ADD COLUMN late INTEGER NOT NULL DEFAULT 0;
    UPDATE events SET late = 1 WHERE (system, event_id) IN (SELECT system, event_id FROM messages WHERE late);
    """,
    """
    CREATE TABLE unanswered (
        sink TEXT NOT NULL, number INTEGER NOT NULL, note BLOB NOT NULL,
        PRIMARY KEY (sink, number)
    ) WITHOUT ROWID;
    """,
    """
    ALTER TABLE messages ADD COLUMN generation INTEGER NOT NULL DEFAULT 1;
    UPDATE messages SET generation = coalesce((
        SELECT max(generation) FROM events WHERE system = messages.system AND event_id = messages.event_id
        AND instr(CAST(messages.payload AS TEXT), '"id":"' || system || '-' || generation || '.' || event_id || '"')
    ), 1);
    ALTER TABLE monitors DROP COLUMN last_event_id;
    """,
    """
    CREATE TABLE minted (
        system TEXT NOT NULL, key BLOB NOT NULL, number INTEGER NOT NULL, minted TEXT NOT NULL,
        PRIMARY KEY (system, key)
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX minted_numbers ON minted (system, number);
    """,
    """
    CREATE TABLE epochs (number INTEGER PRIMARY KEY, epoch TEXT NOT NULL UNIQUE, began INTEGER NOT NULL);
    INSERT INTO epochs (epoch, began) SELECT value, 0 FROM meta WHERE key = 'epoch';
    INSERT OR REPLACE INTO meta SELECT 'forgotten', place FROM (
        SELECT coalesce(
            (SELECT min(position) - 1 FROM messages), (SELECT seq FROM sqlite_sequence WHERE name = 'messages'), 0
        ) AS place
    ) WHERE place > 0;
    """,
    """
    CREATE TABLE contributions (
        system TEXT NOT NULL, generation INTEGER NOT NULL, event_id TEXT NOT NULL, source TEXT NOT NULL, data TEXT NOT NULL,
        PRIMARY KEY (system, generation, event_id, source)
    ) WITHOUT ROWID;
    CREATE TRIGGER contributions_go_with_their_event AFTER DELETE ON events BEGIN
        DELETE FROM contributions WHERE system = OLD.system AND generation = OLD.generation AND event_id = OLD.event_id;
    END;
    """,
    """
    CREATE TABLE tokens (id TEXT PRIMARY KEY, digest BLOB NOT NULL UNIQUE, data TEXT NOT NULL) WITHOUT ROWID;
    """,
    """
    CREATE TABLE unindexed (
        number INTEGER PRIMARY KEY, system TEXT NOT NULL, generation INTEGER NOT NULL, event_id TEXT NOT NULL
    );
    """,
    """
    CREATE TABLE answered (key TEXT PRIMARY KEY, note BLOB NOT NULL) WITHOUT ROWID;
    """,
)

SCHEMA_VERSION = len(_MIGRATIONS)


def migrate(connection: sqlite3.Connection, version: int) -> None:
    """Bring the database from `version` to the newest format, each step in a transaction of its own."""
    for number, script in enumerate(_MIGRATIONS[version:], start=version + 1):
        connection.executescript(f"BEGIN IMMEDIATE; {script} PRAGMA user_version = {number}; COMMIT;")
