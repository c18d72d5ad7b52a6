"""What is kept of scripts: bounded, private, and put aside where it is damaged."""

from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.fakes.clock import FakeClock

from vms_bridge.errors import StoreError
from vms_bridge.script_errors import StateRefused
from vms_bridge.scripting import Approval
from vms_bridge.scripts.store import MOST_KEYS, MOST_RUNS, MOST_STATE_BYTES, ScriptStore
from vms_bridge.scripts.store_file import _FIRST

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store(tmp_path: Path, clock: FakeClock) -> AsyncIterator[ScriptStore]:
    store = ScriptStore(tmp_path / "scripts" / "scripts.db", clock)
    yield store
    await store.close()


async def test_approvals_outlive_a_restart(store: ScriptStore, clock: FakeClock, tmp_path: Path) -> None:
    approval = Approval(permissions={"http": ["https://a.example/*"]}, sha256="a" * 64, time=clock.now(), by="the socket")
    await store.approve("gate", approval, "x = 1")
    await store.enable("bell", is_enabled=False)
    again = ScriptStore(tmp_path / "scripts" / "scripts.db", clock)
    kept = await again.kept()
    assert kept.approvals == {"gate": approval}
    assert kept.stopped == {"bell"}
    assert await again.source("gate") == "x = 1"
    await again.keep_source("gate", "x = 2")
    await again.keep_source("bell", "x = 3")
    assert (await again.source("gate"), await again.source("bell")) == ("x = 2", None), "of what is approved alone"
    await again.revoke("gate")
    assert await again.source("gate") is None
    await again.enable("bell", is_enabled=True)
    kept = await again.kept()
    assert (kept.approvals, kept.stopped) == ({}, frozenset())
    await again.close()


async def test_a_file_of_before_sources_were_kept_is_used_as_it_is(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "scripts" / "scripts.db"
    path.parent.mkdir(0o700)
    with closing(sqlite3.connect(path)) as old:
        for statement in _FIRST:
            old.execute(statement)
        old.execute("INSERT INTO approvals VALUES ('gate', '{}', 'aa', 0.0, 'Ann')")
        old.execute("PRAGMA user_version = 1")
        old.commit()
    store = ScriptStore(path, clock)
    assert set((await store.kept()).approvals) == {"gate"}
    assert await store.source("gate") is None
    await store.keep_source("gate", "x = 1")
    assert await store.source("gate") == "x = 1"
    await store.close()


async def test_only_its_owner_can_read_the_file(store: ScriptStore, tmp_path: Path) -> None:
    await store.set_state("gate", "a", 1)
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "scripts").iterdir()}
    assert modes == {0o600}
    assert stat.S_IMODE((tmp_path / "scripts").stat().st_mode) == 0o700


async def test_state_is_kept_by_script(store: ScriptStore, clock: FakeClock) -> None:
    await store.set_state("gate", "count", 3)
    await store.set_state("gate", "names", ["é", None, {"a": 1.5}])
    await store.set_state("bell", "count", 4)
    view = await store.state("gate")
    assert [(item.key, item.value, item.changed) for item in view.items] == [
        ("count", 3, clock.now()),
        ("names", ["é", None, {"a": 1.5}], clock.now()),
    ]
    assert 0 < view.bytes < view.most_bytes == MOST_STATE_BYTES
    assert await store.delete_state("gate", "count")
    assert not await store.delete_state("gate", "count")
    await store.ran("gate", {"noon": clock.now()})
    assert await store.clear_state("gate") == ["names"]
    assert await store.values("gate") == {}
    assert await store.runs("gate") == {}
    assert await store.values("bell") == {"count": 4}


async def test_state_ends_by_the_bridges_clock(store: ScriptStore, clock: FakeClock) -> None:
    await store.set_state("gate", "soon", 1, ttl_s=60)
    await store.set_state("gate", "later", 2, ttl_s=120)
    assert await store.expire() == []
    await clock.advance(61)
    assert await store.values("gate") == {"later": 2}
    assert await store.expire() == [("gate", "soon")]
    (item,) = (await store.state("gate")).items
    assert item.expires == item.changed + timedelta(seconds=120)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("", 1),
        ("a" * 201, 1),
        ("a\n", 1),
        ("\ud800", 1),
        ("a", "x" * 100_000_000),
        ("a", float("nan")),
        ("a", {1, 2}),
        ("a", "\ud800"),
    ],
)
async def test_what_can_not_be_kept_is_refused(store: ScriptStore, key: str, value: object) -> None:
    with pytest.raises(StateRefused):
        await store.set_state("gate", key, value)
    assert await store.values("gate") == {}


async def test_what_is_nested_without_end_or_has_too_many_digits_is_refused(store: ScriptStore) -> None:
    with pytest.raises(StateRefused):
        await store.set_state("gate", "a", 10**5000)
    value: list[object] = []
    value.append(value)
    with pytest.raises(StateRefused):
        await store.set_state("gate", "a", value)


async def test_a_script_has_a_quota(store: ScriptStore) -> None:
    half = "x" * (MOST_STATE_BYTES // 2 - 100)
    await store.set_state("gate", "a", half)
    await store.set_state("gate", "b", half)
    with pytest.raises(StateRefused, match="no room"):
        await store.set_state("gate", "c", half)
    await store.set_state("gate", "b", half)
    await store.set_state("bell", "a", half)


async def test_a_script_has_so_many_keys(store: ScriptStore, tmp_path: Path) -> None:
    await store.set_state("gate", "a", 1)
    with sqlite3.connect(tmp_path / "scripts" / "scripts.db") as connection:
        rows = [("gate", f"k{number}", b"1", 1, 0.0, None) for number in range(MOST_KEYS)]
        connection.executemany("INSERT INTO state VALUES (?, ?, ?, ?, ?, ?)", rows)
    connection.close()
    with pytest.raises(StateRefused, match="no room"):
        await store.set_state("gate", "one more", 1)


async def test_settings_and_runs(store: ScriptStore, clock: FakeClock) -> None:
    await store.set_settings("gate", {"a": 1.5, "b": "x", "c": True})
    await store.set_settings("gate", {"a": None, "b": "y"})
    assert await store.settings("gate") == {"b": "y", "c": True}
    await store.ran("gate", {f"s{number}": clock.now() + timedelta(seconds=number) for number in range(MOST_RUNS + 5)})
    runs = await store.runs("gate")
    assert len(runs) == MOST_RUNS
    assert "s4" not in runs
    await store.forget("gate")
    assert await store.settings("gate") == {}
    assert await store.runs("gate") == {}


async def test_a_damaged_file_is_put_aside_and_told(tmp_path: Path, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "scripts.db"
    path.write_bytes(b"no database at all" * 1000)
    store = ScriptStore(path, clock)
    assert (await store.kept()).approvals == {}
    await store.set_state("gate", "a", 1)
    assert await store.values("gate") == {"a": 1}
    assert path.with_name("scripts.db.damaged").read_bytes().startswith(b"no database")
    assert "approved anew" in caplog.text
    await store.close()


async def test_a_file_that_can_not_be_used_is_told_each_time(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "scripts.db"
    path.mkdir()
    store = ScriptStore(path, clock)
    with pytest.raises(StoreError, match=r"scripts\.db"):
        await store.kept()
    path.rmdir()
    assert (await store.kept()).approvals == {}, "it is tried again"
    await store.close()
    path.unlink()
    path.symlink_to("/etc/hostname")
    with pytest.raises(StoreError, match="link"):
        await ScriptStore(path, clock).kept()


async def test_a_full_disk_is_told_and_loses_nothing(store: ScriptStore) -> None:
    await store.set_state("gate", "a", 1)
    await store._run(lambda connection: connection.execute("PRAGMA max_page_count = 1").fetchall())
    with pytest.raises(StoreError, match="full"):
        await store.set_state("gate", "b", "x" * 500_000)
    assert await store.values("gate") == {"a": 1}
    await store.set_state("gate", "a", 2)


async def test_a_file_of_a_newer_bridge_is_left_alone(tmp_path: Path, clock: FakeClock) -> None:
    path = tmp_path / "scripts.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    store = ScriptStore(path, clock)
    with pytest.raises(StoreError, match="newer"):
        await store.kept()
    await store.close()
