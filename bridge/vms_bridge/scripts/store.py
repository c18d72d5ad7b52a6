"""What is kept of scripts beyond a restart, in a file of its own: approvals with their sources, state, settings, last runs.

A file that is damaged is put aside: approvals are then given anew, which is the safe way round. What the disk does not take
is refused, and never kept in memory as if it were safe.
"""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from vms_bridge.script_errors import StateRefused
from vms_bridge.scripting import Approval, StateItem, StateView
from vms_bridge.scripts.store_file import StoreFile

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from vms_bridge.clock import Clock

_T = TypeVar("_T")
_P = ParamSpec("_P")
STORE_NAME = "scripts.db"
MOST_STATE_BYTES = 1024 * 1024
"""How much one script keeps, as JSON, with its keys."""
MOST_KEYS = 5_000
MOST_RUNS = 200
LONGEST_KEY = 200
_A_ROW = 32
"""What a key takes beside its letters and its value."""


@dataclass(frozen=True, slots=True)
class Kept:
    """What the bridge has to know of all scripts."""

    approvals: Mapping[str, Approval]
    stopped: frozenset[str]
    """Those that are not to run."""


class ScriptStore:
    """The store; `close` it in the end. Whatever is asked of it raises StoreError where the file can't be used."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._file, self._clock = StoreFile(path), clock
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="script store")

    async def close(self) -> None:
        """Finish what is under way and close the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._file.close)
        self._thread.shutdown(wait=False)

    async def kept(self) -> Kept:
        """Return which scripts are approved, and which are not to run."""
        return await self._run(_kept)

    async def approve(self, name: str, approval: Approval, text: str) -> None:
        """Keep an approval, and the source that was approved, in place of those before."""
        await self._run(_approve, name, approval, text)

    async def revoke(self, name: str) -> None:
        """Forget an approval."""
        await self._run(_revoke, name)

    async def source(self, name: str) -> str | None:
        """Return the source that was approved, or kept since; None where there is none."""
        return await self._run(_source, name)

    async def keep_source(self, name: str, text: str) -> None:
        """Keep this source of a script, if that is approved."""
        await self._run(_keep_source, name, text)

    async def enable(self, name: str, *, is_enabled: bool) -> None:
        """Keep whether a script is to run."""
        await self._run(_enable, name, is_enabled=is_enabled)

    async def forget(self, name: str) -> None:
        """Forget all that is kept of a script."""
        await self._run(_forget, name)

    async def state(self, name: str) -> StateView:
        """Return what a script keeps."""
        return await self._run(_state, name, self._clock.now())

    async def values(self, name: str) -> dict[str, Any]:
        """Return the values that a script keeps, by their keys."""
        return {item.key: item.value for item in (await self.state(name)).items}

    async def set_state(self, name: str, key: str, value: object, *, ttl_s: float | None = None) -> None:
        """Keep a value, for so long. Raises StateRefused for one that can't be kept, or has no room."""
        text = json_of(key, value)
        now = self._clock.now().timestamp()
        await self._run(_set_state, name, key, text, now=now, expires=None if ttl_s is None else now + ttl_s)

    async def delete_state(self, name: str, key: str) -> bool:
        """Forget a value, and say whether there was one."""
        return await self._run(_delete_state, name, key)

    async def clear_state(self, name: str) -> Sequence[str]:
        """Forget all values of a script, and when its schedules have run; returns the keys."""
        return await self._run(_clear_state, name)

    async def expire(self) -> Sequence[tuple[str, str]]:
        """Forget the values whose time is over, and return scripts and keys."""
        return await self._run(_expire, self._clock.now().timestamp())

    async def settings(self, name: str) -> dict[str, Any]:
        """Return what people have set of a script."""
        return await self._run(_settings, name)

    async def set_settings(self, name: str, changes: Mapping[str, object]) -> None:
        """Keep these; None forgets what was set."""
        texts = {key: None if value is None else json.dumps(value, allow_nan=False) for key, value in changes.items()}
        await self._run(_set_settings, name, texts)

    async def runs(self, name: str) -> dict[str, datetime]:
        """Return when each schedule of a script was due last."""
        return await self._run(_runs, name)

    async def ran(self, name: str, runs: Mapping[str, datetime]) -> None:
        """Keep when schedules of a script were due last."""
        await self._run(_ran, name, {key: due.timestamp() for key, due in runs.items()})

    async def _run(
        self, work: Callable[Concatenate[sqlite3.Connection, _P], _T], *arguments: _P.args, **options: _P.kwargs
    ) -> _T:
        """Do it in the store's thread, as one transaction, to its end even when the caller is cancelled."""

        def attempt() -> _T:
            return self._file.attempt(lambda connection: work(connection, *arguments, **options))

        return await asyncio.shield(asyncio.get_running_loop().run_in_executor(self._thread, attempt))


def json_of(key: str, value: object) -> bytes:
    """Return a value of the state as JSON. Raises StateRefused for what can't be kept."""
    if not 1 <= len(key) <= LONGEST_KEY or not key.isprintable():
        raise StateRefused("this is no key of state", hint=f"one is a text of 1 to {LONGEST_KEY} characters that can be shown")
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise StateRefused(f"the value of {key!r} is no JSON: {type(error).__name__}") from None
    if len(text) > MOST_STATE_BYTES:
        hint = f"a script keeps at most {MOST_STATE_BYTES} bytes in all"
        raise StateRefused(f"the value of {key!r} has {len(text)} bytes as JSON", hint=hint)
    return text


def _kept(connection: sqlite3.Connection) -> Kept:
    rows = connection.execute("SELECT script, permissions, sha256, time, by FROM approvals").fetchall()
    approvals = {
        script: Approval(permissions=json.loads(permissions), sha256=sha256, time=_moment(time), by=by)
        for script, permissions, sha256, time, by in rows
    }
    return Kept(approvals, frozenset(script for (script,) in connection.execute("SELECT script FROM stopped")))


def _approve(connection: sqlite3.Connection, name: str, approval: Approval, text: str) -> None:
    permissions = json.dumps(dict(approval.permissions), sort_keys=True)
    row = (name, permissions, approval.sha256, approval.time.timestamp(), approval.by)
    connection.execute("INSERT OR REPLACE INTO approvals VALUES (?, ?, ?, ?, ?)", row)
    _keep_source(connection, name, text)


def _revoke(connection: sqlite3.Connection, name: str) -> None:
    connection.execute("DELETE FROM approvals WHERE script = ?", (name,))
    connection.execute("DELETE FROM sources WHERE script = ?", (name,))


def _source(connection: sqlite3.Connection, name: str) -> str | None:
    row = connection.execute("SELECT text FROM sources WHERE script = ?", (name,)).fetchone()
    return None if row is None else str(row[0])


def _keep_source(connection: sqlite3.Connection, name: str, text: str) -> None:
    connection.execute(
        "INSERT INTO sources (text, script) SELECT ?, script FROM approvals WHERE script = ?"
        " ON CONFLICT (script) DO UPDATE SET text = excluded.text WHERE text != excluded.text",
        (text, name),
    )


def _enable(connection: sqlite3.Connection, name: str, *, is_enabled: bool) -> None:
    statement = "DELETE FROM stopped WHERE script = ?" if is_enabled else "INSERT OR REPLACE INTO stopped VALUES (?)"
    connection.execute(statement, (name,))


def _forget(connection: sqlite3.Connection, name: str) -> None:
    for statement in (
        "DELETE FROM approvals WHERE script = ?",
        "DELETE FROM sources WHERE script = ?",
        "DELETE FROM stopped WHERE script = ?",
        "DELETE FROM state WHERE script = ?",
        "DELETE FROM settings WHERE script = ?",
        "DELETE FROM runs WHERE script = ?",
    ):
        connection.execute(statement, (name,))


def _state(connection: sqlite3.Connection, name: str, now: datetime) -> StateView:
    rows = connection.execute(
        "SELECT key, value, bytes, changed, expires FROM state"
        " WHERE script = ? AND (expires IS NULL OR expires > ?) ORDER BY key",
        (name, now.timestamp()),
    ).fetchall()
    items = tuple(
        StateItem(
            key=key, value=json.loads(value), changed=_moment(changed), expires=None if expires is None else _moment(expires)
        )
        for key, value, _, changed, expires in rows
    )
    return StateView(items=items, bytes=sum(row[2] for row in rows), most_bytes=MOST_STATE_BYTES)


def _set_state(connection: sqlite3.Connection, name: str, key: str, text: bytes, *, now: float, expires: float | None) -> None:
    used, keys = connection.execute(
        "SELECT coalesce(sum(bytes), 0), count(*) FROM state WHERE script = ? AND key != ?", (name, key)
    ).fetchone()
    size = len(key.encode()) + len(text) + _A_ROW
    if used + size > MOST_STATE_BYTES or keys >= MOST_KEYS:
        hint = f"a script keeps at most {MOST_STATE_BYTES} bytes and {MOST_KEYS} keys: forget what is not needed"
        raise StateRefused(f"there is no room for {key!r}: {used} bytes are kept in {keys} keys", hint=hint)
    row = (name, key, text, size, now, expires)
    connection.execute("INSERT OR REPLACE INTO state VALUES (?, ?, ?, ?, ?, ?)", row)


def _delete_state(connection: sqlite3.Connection, name: str, key: str) -> bool:
    return connection.execute("DELETE FROM state WHERE script = ? AND key = ?", (name, key)).rowcount > 0


def _clear_state(connection: sqlite3.Connection, name: str) -> Sequence[str]:
    keys = [key for (key,) in connection.execute("SELECT key FROM state WHERE script = ?", (name,))]
    connection.execute("DELETE FROM state WHERE script = ?", (name,))
    connection.execute("DELETE FROM runs WHERE script = ?", (name,))
    return keys


def _expire(connection: sqlite3.Connection, now: float) -> Sequence[tuple[str, str]]:
    over = connection.execute("SELECT script, key FROM state WHERE expires <= ? LIMIT 1000", (now,)).fetchall()
    connection.executemany("DELETE FROM state WHERE script = ? AND key = ?", over)
    return [(script, key) for script, key in over]


def _settings(connection: sqlite3.Connection, name: str) -> dict[str, Any]:
    rows = connection.execute("SELECT name, value FROM settings WHERE script = ?", (name,))
    return {key: json.loads(value) for key, value in rows}


def _set_settings(connection: sqlite3.Connection, name: str, texts: Mapping[str, str | None]) -> None:
    gone = [(name, key) for key, text in texts.items() if text is None]
    connection.executemany("DELETE FROM settings WHERE script = ? AND name = ?", gone)
    rows = [(name, key, text) for key, text in texts.items() if text is not None]
    connection.executemany("INSERT OR REPLACE INTO settings VALUES (?, ?, ?)", rows)


def _runs(connection: sqlite3.Connection, name: str) -> dict[str, datetime]:
    return {key: _moment(due) for key, due in connection.execute("SELECT name, due FROM runs WHERE script = ?", (name,))}


def _ran(connection: sqlite3.Connection, name: str, runs: Mapping[str, float]) -> None:
    connection.executemany("INSERT OR REPLACE INTO runs VALUES (?, ?, ?)", [(name, key, due) for key, due in runs.items()])
    connection.execute(
        "DELETE FROM runs WHERE script = ? AND name NOT IN (SELECT name FROM runs WHERE script = ? ORDER BY due DESC LIMIT ?)",
        (name, name, MOST_RUNS),
    )


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
