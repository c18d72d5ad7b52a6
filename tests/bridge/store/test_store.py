"""The store: what it keeps, what it refuses, and what survives."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import sys
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.fakes.backend import START, event, monitor
from tests.fakes.clock import FakeClock
from tests.fakes.older_store import make_older

from vms_bridge.errors import StoreError
from vms_bridge.store import EventCommit, Forced, NewMessage, StaleEpoch, Store, StoredSystem
from vms_bridge.views import MessageType


async def opened(path: Path, clock: FakeClock | None = None) -> Store:
    return await asyncio.to_thread(Store.open, path, clock or FakeClock())


def kept_aside(path: Path) -> list[Path]:
    return list(path.glob("*.damaged-*"))


def commit(*numbers: int, late: bool = False, cursor: str | None = None, generation: int = 1) -> EventCommit:
    return EventCommit(
        epoch="",
        system="zm",
        generation=generation,
        cursor=cursor,
        events=tuple(("1", event(number)) for number in numbers),
        messages=tuple(
            NewMessage(
                monitor="1",
                event_id=str(number),
                seq=number,
                type=MessageType.NEW,
                late=late,
                payload=f"message {number}".encode(),
            )
            for number in numbers
        ),
        last_events={"1": b"newest"} if numbers else {},
    )


async def put(store: Store, planned: EventCommit, sinks: list[str]) -> None:
    await store.commit(replace(planned, epoch=store.epoch), sinks)


async def resumed(store: Store) -> StoredSystem:
    return await store.system("zm", recent=timedelta(seconds=120), most=3)


async def test_what_was_committed_is_there_after_a_new_start(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await store.save_monitors("zm", {"1": monitor()})
    await store.save_names("zm", {"1": "Door", "2": "Hidden"})
    await store.save_names("zm", {"1": "Camera 1"})
    await store.remember_modes("zm", "1", {"function": "Mocord"})
    await put(store, commit(1, 2, cursor="2"), ["mqtt"])
    epoch, bridge_id = store.epoch, store.bridge_id
    await store.close()

    store = await opened(tmp_path)
    kept = await resumed(store)
    assert (kept.cursor, kept.generation, kept.events) == ("2", 1, (("1", event(1)), ("1", event(2))))
    assert kept.names == {"1": "Camera 1", "2": "Hidden"}
    [stored] = await store.monitors("zm")
    assert (stored.key, stored.seq, stored.monitor, stored.last_event) == ("1", 2, monitor(), b"newest")
    assert stored.remembered_modes == {"function": "Mocord"}
    assert (store.epoch, store.bridge_id) == (epoch, bridge_id)
    await store.close()


async def test_a_message_is_offered_to_each_durable_sink_until_it_is_confirmed(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await put(store, commit(1, 2), ["mqtt", "api"])
    await put(store, commit(3, late=True), ["mqtt", "api"])

    messages = await store.undelivered("mqtt", late=False, after=0, limit=10)
    assert [message.payload for message in messages] == [b"message 1", b"message 2"]
    assert [message.event.id for message in await store.undelivered("mqtt", late=True, after=0, limit=10)] == ["3"]
    assert [m.event.id for m in await store.undelivered("mqtt", late=False, after=messages[0].position, limit=10)] == ["2"]
    await store.delivered("mqtt", [messages[0].position])
    assert [m.event.id for m in await store.undelivered("mqtt", late=False, after=0, limit=10)] == ["2"]
    assert len(await store.undelivered("api", late=False, after=0, limit=10)) == 2
    await store.close()


async def test_a_failed_commit_changes_nothing(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await put(store, commit(1, cursor="1"), ["mqtt"])
    bad = replace(commit(2, cursor="2"), last_events={"1": object()})  # type: ignore[dict-item]  # what SQLite refuses
    with pytest.raises(StoreError, match="failed"):
        await put(store, bad, ["mqtt"])

    assert (await resumed(store)).cursor == "1"
    assert len(await store.undelivered("mqtt", late=False, after=0, limit=10)) == 1
    await store.close()


async def test_the_cursor_stays_where_a_batch_brings_none(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await put(store, commit(1, cursor="7"), [])
    await put(store, commit(2), [])
    assert (await resumed(store)).cursor == "7"
    assert await store.events("zm", 1, ["1", "2", "9"]) == {"1": ("1", event(1)), "2": ("1", event(2))}
    await store.close()


async def test_events_of_another_generation_are_others(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await put(store, commit(1, cursor="1"), [])
    await put(store, commit(generation=2, cursor="0"), [])
    kept = await resumed(store)
    assert (kept.generation, kept.events) == (2, ())
    assert await store.events("zm", 2, ["1"]) == {}
    await store.close()


async def test_the_newest_of_the_events_that_ended_a_short_while_ago_are_known_after_a_new_start(tmp_path: Path) -> None:
    clock = FakeClock()
    store = await opened(tmp_path, clock)
    for number in range(1, 8):
        ended = event(number, end=clock.now())
        await put(store, replace(commit(number), events=(("1", ended),)), [])
        await clock.advance(30)
    assert [event.id for _, event in (await resumed(store)).events] == ["5", "6", "7"]
    await clock.advance(45)
    assert [event.id for _, event in (await resumed(store)).events] == ["6", "7"]
    await put(store, replace(commit(2), events=(("1", event(2, end=START, notes="late")), ("1", event(9)))), [])
    assert [event.id for _, event in (await resumed(store)).events] == ["9", "6", "7", "2"]
    await store.close()


async def test_pruning_forgets_the_old_counts_the_undelivered_and_keeps_open_events(tmp_path: Path) -> None:
    clock = FakeClock()
    store = await opened(tmp_path, clock)
    over = replace(commit(1, 2), events=(("1", event(1, end=clock.now())), ("1", event(2))))
    await put(store, over, ["mqtt", "gone"])
    await store.delivered("mqtt", [1])
    await clock.advance(9 * 86_400)
    await put(store, commit(3), ["mqtt"])

    assert await store.prune(["mqtt"], keep=timedelta(days=8), most=10) == 1
    assert await store.waiting(longer_than=timedelta()) == 0
    await clock.advance(1)
    assert await store.waiting(longer_than=timedelta()) == 1
    assert await store.waiting(longer_than=timedelta(seconds=2)) == 0
    assert [m.event.id for m in await store.undelivered("mqtt", late=False, after=0, limit=10)] == ["3"]
    assert await store.undelivered("gone", late=False, after=0, limit=10) == []
    assert set(await store.events("zm", 1, ["1", "2", "3"])) == {"2", "3"}
    await store.close()


class JumpingClock(FakeClock):
    """A clock whose wall time can be set."""

    jump = timedelta()

    def now(self) -> datetime:
        return super().now() + self.jump


async def test_no_jump_of_the_clock_makes_anything_old_only_time_at_work_does(tmp_path: Path) -> None:
    async def kept(store: Store) -> tuple[int, list[str], set[str], int]:
        lost = await store.prune(["mqtt"], keep=timedelta(days=8), most=10)
        waiting = [m.event.id for m in await store.undelivered("mqtt", late=False, after=0, limit=10)]
        known = await store.events("zm", 1, ["1", "2", "3"])
        return lost, waiting, set(known), await store.waiting(longer_than=timedelta(seconds=10))

    def ended(number: int) -> EventCommit:
        return replace(commit(number), events=(("1", event(number, end=START)),))

    clock = JumpingClock()
    store = await opened(tmp_path, clock)
    await put(store, ended(1), ["mqtt"])
    clock.jump = timedelta(days=900)  # no clock of its own, and then the network's time
    assert await kept(store) == (0, ["1"], {"1"}, 0)
    await put(store, ended(2), ["mqtt"])
    assert [event.id for _, event in (await resumed(store)).events] == ["1", "2"]
    await clock.advance(86_400)
    assert await kept(store) == (0, ["1", "2"], {"1", "2"}, 2)
    await store.close()

    clock.jump = timedelta(days=2000)  # it was switched off for years, or its clock runs wrong
    store = await opened(tmp_path, clock)
    assert await kept(store) == (0, ["1", "2"], {"1", "2"}, 2)
    clock.jump = timedelta(days=-900)
    await put(store, ended(3), ["mqtt"])
    await clock.advance(7.5 * 86_400)
    assert await kept(store) == (2, ["3"], {"3"}, 1)
    await clock.advance(86_400)
    assert await kept(store) == (1, [], set(), 0)
    await store.close()


async def test_only_so_many_undelivered_messages_are_kept_the_newest(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await put(store, commit(1, 2, 3, 4, 5), ["mqtt"])
    assert await store.prune(["mqtt"], keep=timedelta(days=8), most=3) == 2
    assert [m.event.id for m in await store.undelivered("mqtt", late=False, after=0, limit=10)] == ["3", "4", "5"]
    assert await store.prune(["mqtt"], keep=timedelta(days=8), most=3) == 0
    await store.close()


async def test_what_was_delivered_and_what_is_over_is_bounded_in_number_too(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    for number in range(1, 8):
        over = event(number, end=START) if number != 2 else event(number)
        await put(store, replace(commit(number), events=(("1", over),)), ["mqtt"])
    await store.delivered("mqtt", [1, 3, 4, 5, 6, 7])
    await store.prune(["mqtt"], keep=timedelta(days=8), most=3)
    rows = store._database.connection.execute("SELECT event_id FROM messages ORDER BY position").fetchall()
    assert [each for (each,) in rows] == ["2", "5", "6", "7"]
    assert set(await store.events("zm", 1, [str(number) for number in range(1, 8)])) == {"2", "5", "6", "7"}
    await store.close()


async def test_short_texts_are_kept_for_each_scope_until_they_are_replaced_or_forgotten(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await store.keep("system:zm", "zone", "Europe/London")
    await store.keep("system:other", "zone", "UTC")
    await store.keep("sink:mqtt", "zone", "of a sink")
    await store.keep("system:zm", "zone", "Europe/Berlin")
    await store.keep("system:other", "zone", None)
    await store.close()

    store = await opened(tmp_path)
    assert await store.kept("system:zm", "zone") == "Europe/Berlin"
    assert await store.kept("sink:mqtt", "zone") == "of a sink"
    assert await store.kept("system:other", "zone") is None
    await store.close()


async def test_notes_on_unanswered_commands_are_kept_until_they_are_taken_back(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await store.note_unanswered("mqtt", {3: b"three", 1: b"one", 2: b"two"})
    await store.note_unanswered("api", {1: b"another's"})
    await store.note_unanswered("mqtt", {2: None, 3: b"three, answered", 7: None})
    await store.close()

    store = await opened(tmp_path)
    assert list((await store.unanswered("mqtt")).items()) == [(1, b"one"), (3, b"three, answered")]
    assert await store.unanswered("api") == {1: b"another's"}
    await store.close()


async def test_what_is_kept_is_bounded(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await store.keep("system:zm", "long", "x" * 65_536)
    with pytest.raises(ValueError, match="too long"):
        await store.keep("system:zm", "long", "y" * 65_537)
    for number in range(63):
        await store.keep("system:zm", str(number), "")
    with pytest.raises(ValueError, match="more than 64"):
        await store.keep("system:zm", "one more", "")
    assert await store.kept("system:zm", "one more") is None
    assert await store.kept("system:zm", "long") == "x" * 65_536
    await store.keep("system:zm", "long", "replaced")
    await store.keep("system:other", "long", "has room")
    await store.close()


async def test_a_key_has_its_number_for_good_and_no_number_is_given_twice(tmp_path: Path) -> None:
    clock = FakeClock()
    store = await opened(tmp_path, clock)
    first, second = await store.mint("zm", b"one"), await store.mint("zm", b"two")
    assert first == round(clock.now().timestamp() * 1000)
    assert second == first + 1, "in the same moment"
    assert await store.mint("zm", b"one") == first
    assert await store.mint("other", b"one") == first, "it is another system's"
    await store.close()

    store = await opened(tmp_path, clock)
    assert await store.mint("zm", b"two") == second
    assert await store.mint("zm", b"three") == second + 1
    await store.close()
    (tmp_path / "vms-bridge.sqlite").unlink()
    await clock.advance(60)
    store = await opened(tmp_path, clock)
    assert await store.mint("zm", b"three") > second + 1, "though the store was lost"
    await store.close()


async def test_numbers_are_forgotten_when_no_event_has_them_and_the_newest_is_not(tmp_path: Path) -> None:
    clock = FakeClock()
    store = await opened(tmp_path, clock)
    told, other, third = [await store.mint("zm", key) for key in (b"told", b"other", b"third")]
    lone = await store.mint("lone", b"told")
    await put(store, replace(commit(), events=(("1", event(told)),)), [])
    await clock.advance(100)
    await store.prune([], keep=timedelta(seconds=200), most=10)
    assert await store.mint("zm", b"other") == other, "it is not old yet"
    await clock.advance(150)
    await store.prune([], keep=timedelta(seconds=200), most=10)
    assert [await store.mint("zm", key) for key in (b"told", b"third")] == [told, third]
    again = await store.mint("zm", b"other")
    assert again > third
    assert await store.mint("lone", b"told") == lone
    await store.prune([], keep=timedelta(days=1), most=2)
    assert await store.mint("zm", b"other") == again
    assert await store.mint("zm", b"third") == third
    assert await store.mint("zm", b"told") > again, "there were more than are kept"
    await store.close()


async def test_a_second_bridge_in_the_same_directory_is_refused(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    with pytest.raises(StoreError, match="another bridge") as caught:
        await opened(tmp_path)
    assert "data_dir" in caught.value.hint
    await store.close()
    await (await opened(tmp_path)).close()


@pytest.mark.parametrize(
    "content", [b"this is not a database, but it is long enough to look like a file" * 100, b"SQLite format 3\0" + b"\xff" * 5000]
)
async def test_a_damaged_file_is_kept_aside_and_rebuilt(tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "vms-bridge.sqlite").write_bytes(content)
    store = await opened(tmp_path)
    assert await store.monitors("zm") == []
    await store.close()
    [aside] = kept_aside(tmp_path)
    assert aside.read_bytes() == content
    assert str(aside) in caplog.text


def damage(path: Path) -> None:
    """Overwrite pages in the middle of the file, as a failing card does."""
    with (path / "vms-bridge.sqlite").open("r+b") as file:
        size = file.seek(0, 2)
        file.seek(size // 2)
        file.write(b"\xff" * 40_000)


async def filled(path: Path) -> Store:
    """Return a store with far more than SQLite keeps in memory, all of it in the file itself."""
    store = await opened(path)
    big = commit(*range(1, 6001), cursor="6000@x")
    await put(
        store, replace(big, messages=tuple(replace(each, payload=each.payload.ljust(2000)) for each in big.messages)), ["mqtt"]
    )
    await store.keep("system:zm", "zone", "UTC")
    await store.close()
    return await opened(path)


@pytest.mark.parametrize("while_running", [False, True])
async def test_what_can_be_read_of_a_damaged_file_goes_on(
    *, while_running: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = await filled(tmp_path)
    epoch, identity = store.epoch, store.bridge_id
    if not while_running:
        await store.close()
    damage(tmp_path)
    if not while_running:
        store = await opened(tmp_path)
    found = [message.position for message in await store.undelivered("mqtt", late=False, after=0, limit=10_000)]
    assert 1 in found
    assert 6000 in found
    assert 1000 < len(found) < 6000
    assert (store.bridge_id, store.epoch != epoch) == (identity, True)
    assert (await resumed(store)).cursor == "6000@x"
    assert await store.kept("system:zm", "zone") == "UTC"
    await put(store, commit(6001), ["mqtt"])
    await store.close()
    assert len(kept_aside(tmp_path)) == 1
    assert "is damaged" in caplog.text
    store = await opened(tmp_path)
    assert len(await store.undelivered("mqtt", late=False, after=6000, limit=10)) == 1
    await store.close()


async def test_a_foreign_database_is_kept_aside(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "vms-bridge.sqlite") as connection:
        connection.execute("CREATE TABLE somebody_elses (x)")
    connection.close()
    await (await opened(tmp_path)).close()
    assert len(kept_aside(tmp_path)) == 1


@pytest.mark.parametrize("version", [0, 1, 99])
async def test_a_foreign_database_is_kept_as_it_is_whatever_its_version(tmp_path: Path, version: int) -> None:
    foreign = sqlite3.connect(tmp_path / "vms-bridge.sqlite")
    foreign.executescript(f"CREATE TABLE meta (key, value); PRAGMA user_version = {version}")
    foreign.close()
    before = (tmp_path / "vms-bridge.sqlite").read_bytes()
    (tmp_path / "vms-bridge.sqlite-wal").write_bytes(b"")
    store = await opened(tmp_path)
    assert await store.monitors("zm") == []
    await store.close()
    aside, log = sorted(kept_aside(tmp_path))
    assert aside.read_bytes() == before
    assert log.name == f"{aside.name}-wal"


async def test_a_newer_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    await (await opened(tmp_path)).close()
    with sqlite3.connect(tmp_path / "vms-bridge.sqlite") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreError, match="newer version"):
        await opened(tmp_path)
    with sqlite3.connect(tmp_path / "vms-bridge.sqlite") as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (99,)
    connection.close()


async def test_a_directory_that_cannot_be_made_is_told_with_its_remedy(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="can't be used") as caught:
        await opened(tmp_path / "file")
    assert "data_dir" in caught.value.hint


async def test_a_store_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "vms-bridge.sqlite").mkdir()
    with pytest.raises(StoreError, match="can't be opened"):
        await opened(tmp_path)


async def full(store: Store, *, is_full: bool = True) -> None:
    """Make the disk full, as SQLite sees it, or give it room again."""
    database = store._database
    disk = database._disk or database.connection
    pages = disk.execute("PRAGMA page_count").fetchone()[0] if is_full else 1_000_000
    disk.execute(f"PRAGMA max_page_count = {pages}")


def is_in_memory(store: Store) -> bool:
    return store.problem is not None


async def fill(store: Store, start: int, count: int = 300) -> None:
    for number in range(start, start + count):
        planned = commit(number, cursor=str(number))
        try:
            await put(store, planned, ["mqtt"])
        except StaleEpoch:
            await put(store, planned, ["mqtt"])


async def test_a_full_disk_is_told_and_nothing_is_lost_until_it_has_room_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    store = await opened(tmp_path, clock)
    await fill(store, 1, 3)
    await full(store)
    await fill(store, 4)
    await store.keep("system:zm", "zone", "UTC")
    assert await store.kept("system:zm", "zone") == "UTC"
    assert store.problem
    assert "kept in memory only" in store.problem
    assert caplog.text.count("can't be written") == 1
    await clock.advance(60)
    await fill(store, 304, 1)
    assert is_in_memory(store)

    await full(store, is_full=False)
    await clock.advance(60)
    await fill(store, 305, 1)
    assert not is_in_memory(store)
    assert "can be written again" in caplog.text
    await store.close()

    store = await opened(tmp_path)
    assert (await resumed(store)).cursor == "305"
    assert await store.kept("system:zm", "zone") == "UTC"
    assert len(await store.undelivered("mqtt", late=False, after=0, limit=1000)) == 305
    await store.close()


async def test_what_only_memory_knows_is_numbered_in_an_epoch_of_its_own(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await fill(store, 1, 3)
    on_disk = store.epoch
    await full(store)
    await fill(store, 4)
    in_memory = store.epoch
    assert in_memory != on_disk
    with pytest.raises(StaleEpoch):
        await store.commit(replace(commit(900), epoch=on_disk), ["mqtt"])
    assert "900" not in await store.events("zm", 1, ["900"])
    await store.close()  # no room: as after a crash

    store = await opened(tmp_path)
    assert store.epoch == on_disk
    await full(store, is_full=False)
    await store.close()


async def test_a_stop_writes_back_what_the_disk_now_takes_and_says_what_it_does_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for room, first in ((True, 4), (False, 304)):
        store = await opened(tmp_path)
        await full(store)
        on_disk = first - 1
        for number in range(first, first + 300):
            await fill(store, number, 1)
            on_disk = on_disk if store.problem else number  # a page may have room for some more
        assert store.problem
        await full(store, is_full=not room)
        await store.close()
        assert ("is lost" in caplog.text) is not room
        store = await opened(tmp_path)
        assert (await resumed(store)).cursor == str(303 if room else on_disk)
        await store.close()


ROOT = Path(__file__).parents[3]
ON_A_FULL_DISK = """
import asyncio, resource, sys
from pathlib import Path
from tests.bridge.store.test_store import fill, is_in_memory, resumed
from tests.fakes.clock import FakeClock
from tests.fakes.older_store import make_older
from vms_bridge.store import Store

async def main():
    clock, path = FakeClock(), Path(sys.argv[1])
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, hard))
    store = Store.open(path, clock)
    assert is_in_memory(store)
    assert str((await resumed(store)).cursor) == sys.argv[2]
    await fill(store, 50, 3)
    await clock.advance(60)
    await fill(store, 53, 1)
    assert is_in_memory(store)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    await clock.advance(60)
    await fill(store, 54, 1)
    assert not is_in_memory(store)
    await store.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("known", ["3", "None"])
async def test_a_disk_that_is_full_at_the_start_is_told_and_done_without(tmp_path: Path, known: str) -> None:
    if known != "None":
        store = await opened(tmp_path)
        await fill(store, 1, 3)
        await store.close()
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-c", ON_A_FULL_DISK, str(tmp_path), known, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{ROOT}/bridge{os.pathsep}{ROOT}"},
    )  # fmt: skip
    _, said = await program.communicate()
    assert program.returncode == 0, said.decode()
    assert "kept in memory only" in said.decode()
    store = await opened(tmp_path)
    assert (await resumed(store)).cursor == "54"
    await store.close()


async def test_an_older_store_is_migrated_with_all_that_is_in_it(tmp_path: Path) -> None:
    store = await opened(tmp_path)
    await fill(store, 1, 3)
    await put(store, commit(4, late=True, cursor="4"), [])
    epoch = store.epoch
    await store.close()
    make_older(tmp_path / "vms-bridge.sqlite", 1)

    store = await opened(tmp_path)
    assert (store.epoch, (await resumed(store)).cursor) == (epoch, "4")
    assert (await resumed(store)).late == await store.reported_late("zm", 1, ["1", "4", "9"]) == {"4"}
    key = ("zm", "1")
    await store.keep_forced_alarm(key, Forced(at=START, seconds=5))
    assert await store.forced_alarms() == {key: Forced(at=START, seconds=5)}
    await store.keep_forced_alarm(key, None)
    assert await store.forced_alarms() == {}
    await store.keep("system:zm", "zone", "UTC")
    assert await store.kept("system:zm", "zone") == "UTC"
    await store.note_unanswered("mqtt", {1: b"note"})
    assert await store.unanswered("mqtt") == {1: b"note"}
    await store.note_answered({"A": b"answer"})
    assert await store.answered() == {"A": b"answer"}
    await store.close()
