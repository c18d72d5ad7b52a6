"""Events from their first row to their end, whatever happened in between."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.zoneminder.support import FastClock, MemoryFeed, config
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.personality import V1_34, V1_38_4

from vms_bridge.backends.zoneminder.backend import ZoneMinder
from vms_bridge.errors import StoreError
from vms_bridge.model import EndReason, Event, EventBatch, EventKind, Resume

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.bridge.backends.zoneminder.conftest import Serve

pytestmark = pytest.mark.virtual_time

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def clock() -> FastClock:
    return FastClock(60)


@pytest.fixture
def world(clock: FastClock) -> World:
    return World(now=clock.now)


@asynccontextmanager
async def connection(backend: ZoneMinder, feed: MemoryFeed) -> AsyncIterator[None]:
    """One connection of a backend, from its snapshot on."""
    task = asyncio.create_task(backend.run(feed))
    try:
        await feed.until(lambda: feed.snapshots)
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


def ids(events: list[Event]) -> list[int]:
    return [int(event.id) for event in events]


async def test_first_contact_tells_only_what_is_open(world: World, serve: Serve) -> None:
    for _ in range(5):
        world.close_event(world.open_event(1).id)
    world.open_event(2, "Continuous", "")
    stale = world.open_event(3)
    current = world.open_event(3, "Doorbell", "Doorbell: pressed")
    world.set_function(1, "None")
    world.open_event(1)
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.batches)
        assert ids(feed.events) == [6, current.id]
        assert stale.id not in ids(feed.events)
        assert [event.kind for event in feed.events] == [EventKind.CONTINUOUS, EventKind.EXTERNAL]
        assert all(event.snapshot_ready and not event.clip_ready for event in feed.events)
        assert not feed.batches[0].late
        assert feed.cursor is not None
        assert feed.cursor.startswith("9@")


async def test_empty_server_then_the_first_event(world: World, serve: Serve) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.batches)
        assert feed.cursor == "0@"
        world.open_event(1)
        await feed.until(lambda: feed.event(1))
        assert not feed.batches[-1].late


@pytest.mark.parametrize("missed", [1, 99, 100, 101, 250])
async def test_catching_up_misses_none_and_repeats_none(missed: int, world: World, serve: Serve) -> None:
    for _ in range(10 + missed):
        world.close_event(world.open_event(1).id)
    running = world.open_event(2)
    async with FakeZoneMinder(world) as fake:
        feed = MemoryFeed(Resume(cursor="10@"))
        async with serve(fake, feed):
            await feed.until(lambda: (feed.cursor or "").startswith(f"{running.id}@"))
            told = ids(feed.events)
            assert list(dict.fromkeys(told)) == [running.id, *range(11, running.id)], "what is open now does not wait"
            assert len(told) - told.count(running.id) == missed, "only what runs is told of again, when its picture is there"
            late = [event.id for batch in feed.batches if batch.late for event in batch.events]
            assert len(late) == missed
            assert str(running.id) not in late


@pytest.mark.parametrize("personality", [V1_34, V1_38_4], ids=lambda p: p.version)
async def test_what_is_too_old_is_counted_and_left(
    personality: object, world: World, serve: Serve, clock: FastClock, caplog: pytest.LogCaptureFixture
) -> None:
    world.personality = personality  # type: ignore[assignment]  # parametrised
    for number in range(30):
        event = world.open_event(1)
        world.close_event(event.id)
        event.start = clock.now() - timedelta(days=8 if number < 20 else 1)
        event.end = event.start
    feed = MemoryFeed(Resume(cursor="3@"))
    async with FakeZoneMinder(world) as fake, serve(fake, feed):
        await feed.until(lambda: feed.event(30))
        assert ids(feed.events) == list(range(21, 31))
        assert "17 events are older" in caplog.text


async def test_old_times_among_new_ids_hide_nothing(world: World, serve: Serve, clock: FastClock) -> None:
    """Recovered events, or those of a clock that was never set, have new ids and old times."""
    for number in range(10):
        event = world.close_event(world.open_event(1).id)
        event.start = clock.now() - timedelta(days=20 if number in {1, 2, 8} else 1)
        event.end = event.start
    feed = MemoryFeed(Resume(cursor="1@"))
    async with FakeZoneMinder(world) as fake, serve(fake, feed):
        await feed.until(lambda: (feed.cursor or "").startswith("10@"))
        assert ids(feed.events) == [4, 5, 6, 7, 8, 10]


@pytest.mark.parametrize("clock", [FastClock(8)], ids=["slower"])
async def test_what_happens_now_does_not_wait_for_what_was_missed(world: World, serve: Serve) -> None:
    for _ in range(1500):
        world.close_event(world.open_event(1).id)
    open_before = world.open_event(2)
    feed = MemoryFeed(Resume(cursor="1@"))
    async with FakeZoneMinder(world) as fake, serve(fake, feed):
        await feed.until(lambda: feed.states["2"].is_recording)
        assert feed.states["2"].event_id == str(open_before.id)
        assert len(feed.events) < 1000
        now = world.open_event(3)
        await feed.until(lambda: feed.event(now.id))
        assert len(feed.events) < 1500
        assert int((feed.cursor or "").partition("@")[0]) < 1500, "a crash now must not lose what is not read yet"
        world.close_event(open_before.id)
        await feed.until(lambda: (feed.cursor or "").startswith(f"{now.id}@"))
        assert sorted({int(event.id) for event in feed.events}) == list(range(2, now.id + 1))
        late = [int(event.id) for batch in feed.batches if batch.late for event in batch.events]
        assert late == list(range(2, 1501))


@pytest.mark.parametrize("is_long", [False, True])
async def test_events_are_late_only_after_a_long_silence(*, is_long: bool, world: World, serve: Serve, clock: FastClock) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.batches)
        fake.fail("events", "500-json")
        await feed.until(lambda: feed.states["1"].is_recording is None)
        since = clock.monotonic()
        missed = world.close_event(world.open_event(1).id)
        if is_long:
            await feed.until(lambda: clock.monotonic() - since > 15)
        fake.heal()
        await feed.until(lambda: feed.event(missed.id))
        assert [batch.late for batch in feed.batches if batch.events] == [is_long]
        after = world.open_event(1)
        await feed.until(lambda: feed.event(after.id))
        assert not feed.batches[-1].late


async def test_what_has_just_ended_is_looked_at_again_by_the_next_connection(world: World, serve: Serve) -> None:
    event = world.close_event(world.open_event(1).id)
    known = Event(id=str(event.id), monitor_id="1", start=event.start, end=event.end, end_reason=EndReason.CLOSED)
    feed = MemoryFeed(Resume(cursor=f"{event.id}@", recent_events=(known,)))
    async with FakeZoneMinder(world) as fake, serve(fake, feed):
        event.notes = "[a] detected:person:90%"
        await feed.until(lambda: (seen := feed.event(event.id)) and seen.labels == ("person",))


async def test_open_events_of_the_last_time_are_looked_at_again(world: World, serve: Serve) -> None:
    for number in range(1, 61):
        world.open_event(1 + number % 2)
        if number not in {2, 59}:
            world.close_event(number)
    left = tuple(Event(id=str(number), monitor_id="1", start=LONG_AGO) for number in (1, 2, 40))
    world.delete_event(40)
    feed = MemoryFeed(Resume(cursor="58@", open_events=left))
    async with FakeZoneMinder(world) as fake, serve(fake, feed):
        await feed.until(lambda: feed.event(40) and feed.event(1))
        first, gone = feed.event(1), feed.event(40)
        assert first is not None
        assert gone is not None
        assert first.end_reason is EndReason.CLOSED
        assert gone.deleted
        assert next(batch for batch in feed.batches if first in batch.events).late
        await feed.until(lambda: "2" not in feed.open)
        second = feed.event(2)
        assert second is not None
        assert second.end_reason is EndReason.ABANDONED


async def test_what_ended_meanwhile_is_not_shown_as_open_during_a_long_catch_up(world: World, serve: Serve) -> None:
    ended = world.close_event(world.open_event(1).id)
    for _ in range(350):
        world.close_event(world.open_event(2).id)
    feed = MemoryFeed(Resume(cursor="1@", open_events=(Event(id="1", monitor_id="1", start=LONG_AGO),)))
    async with FakeZoneMinder(world) as fake, serve(fake, feed):
        await feed.until(lambda: len(feed.events) == 351)
        assert ids(feed.events)[0] == ended.id
        assert not any(state.is_recording or state.alarm == "alarm" for number, state in feed.history if number == "1")


async def test_a_row_that_shows_up_after_a_higher_id_is_not_lost(world: World, serve: Serve) -> None:
    world.close_event(world.open_event(1).id)
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.cursor)
        slow = world.open_event(1)
        del world.events[slow.id]
        quick = world.open_event(2)
        await feed.until(lambda: feed.event(quick.id))
        assert (feed.cursor or "").startswith("1@"), "a crash now must not lose the slow row"
        world.events[slow.id] = slow
        await feed.until(lambda: feed.event(slow.id))
        assert (feed.cursor or "").startswith(f"{quick.id}@")
        assert ids(feed.events)[:2] == [quick.id, slow.id]


async def test_an_id_that_never_comes_is_given_up_and_the_cursor_goes_on(world: World, serve: Serve, clock: FastClock) -> None:
    world.close_event(world.open_event(1).id)
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.cursor)
        world.next_event += 1
        passed = clock.monotonic()
        last = world.open_event(2)
        await feed.until(lambda: (feed.cursor or "").startswith(f"{last.id}@"))
        assert clock.monotonic() - passed >= 30


async def test_an_id_is_given_up_in_the_turn_that_ends_an_event_too(world: World, serve: Serve) -> None:
    """Whoever is given up first must not keep the other waiting: the cursor would stand still for a turn."""
    world.close_event(world.open_event(1).id)
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.cursor)
        left_open = world.open_event(2)
        world.next_event += 1
        newer = world.open_event(2)
        await feed.until(lambda: (seen := feed.event(left_open.id)) and seen.end_reason is EndReason.ABANDONED)
        batch = next(batch for batch in feed.batches if any(event.end is not None for event in batch.events))
        assert (batch.cursor or "").startswith(f"{newer.id}@")


async def test_slow_rows_far_below_the_newest_are_asked_for_by_id(world: World, serve: Serve) -> None:
    world.close_event(world.open_event(1).id)
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.cursor)
        slow = world.open_event(1)
        del world.events[slow.id]
        for _ in range(60):
            world.close_event(world.open_event(2).id)
        await feed.until(lambda: feed.event(slow.id + 60))
        world.events[slow.id] = slow
        await feed.until(lambda: feed.event(slow.id))


async def test_life_of_an_event(world: World, serve: Serve) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.batches)
        event = world.open_event(1, frames=None, alarm_frames=None, length=None, max_score=0)
        await feed.until(lambda: feed.event(event.id))
        event.notes = "detected:person:97% | Motion: All"
        await feed.until(lambda: (seen := feed.event(event.id)) and seen.labels == ("person",))
        event.notes = "Motion: All"
        event.max_score = 55
        await feed.until(lambda: (seen := feed.event(event.id)) and seen.max_score == 55)
        last = feed.event(event.id)
        assert last is not None
        assert (last.labels, last.score) == (("person",), 0.97)
        world.close_event(event.id)
        await feed.until(lambda: (seen := feed.event(event.id)) and seen.end)
        event.notes = "detected:dog:60% person:50%"
        await feed.until(lambda: (seen := feed.event(event.id)) and seen.labels == ("dog", "person"))
        world.delete_event(event.id)
        await feed.until(lambda: (seen := feed.event(event.id)) and seen.deleted)


@pytest.mark.parametrize("kind", ["no-events", "garbage", "no-ids"])
async def test_a_list_that_is_wrong_deletes_nothing(world: World, serve: Serve, clock: FastClock, kind: str) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.batches)
        event = world.open_event(1)
        await feed.until(lambda: feed.event(event.id))
        fake.fail("events/index", kind)
        await clock.sleep(20)
        assert not any(each.deleted for each in feed.events)
        fake.heal()
        world.close_event(event.id)
        await feed.until(lambda: (seen := feed.event(event.id)) and seen.end)


async def test_a_list_that_is_cut_in_half_for_a_while_deletes_nothing(world: World, serve: Serve) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.batches)
        first = world.open_event(1)
        for _ in range(12):
            last = world.close_event(world.open_event(2).id)
        await feed.until(lambda: (seen := feed.event(last.id)) and seen.end)
        fake.later_halves = 3
        await feed.until(lambda: not fake.later_halves)
        world.close_event(first.id)
        await feed.until(lambda: (seen := feed.event(first.id)) and seen.end)
        assert not any(each.deleted for each in feed.events)


async def test_the_newest_event_may_be_deleted_long_after_its_end(world: World, serve: Serve, clock: FastClock) -> None:
    older, newest = (world.close_event(world.open_event(1).id) for _ in range(2))
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.batches)
        other = world.close_event(world.open_event(2).id)
        await feed.until(lambda: feed.event(other.id))
        since = clock.monotonic()
        await feed.until(lambda: clock.monotonic() - since > 90)
        for event in (older, newest, other):
            world.delete_event(event.id)
        await feed.until(lambda: len([event for event in feed.events if event.deleted]) == 2)
        assert {event.id for event in feed.events if event.deleted} == {str(newest.id), str(other.id)}


async def test_counts_alone_are_no_news(world: World, serve: Serve) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        event = world.open_event(1)
        await feed.until(lambda: feed.event(event.id))
        told = len(feed.events)
        asked = fake.asked("events")
        event.length, event.alarm_frames = 10.0, 50
        world.open_event(2)
        await feed.until(lambda: feed.event(2) and fake.asked("events") > asked + 2)
        assert len(feed.events) == told + 1


async def test_events_that_nobody_ends(world: World, serve: Serve) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.batches)
        stale = world.open_event(1, length=12.0)
        newer = world.open_event(1)
        await feed.until(lambda: (seen := feed.event(stale.id)) and seen.end_reason)
        seen = feed.event(stale.id)
        assert seen is not None
        assert seen.end_reason is EndReason.ABANDONED
        assert seen.duration_s == 12.0
        assert feed.event(newer.id) is not None
        world.set_function(1, "None")
        await feed.until(lambda: (seen := feed.event(newer.id)) and seen.end_reason)


async def test_an_event_that_was_given_up_too_early_gets_its_true_end(world: World, serve: Serve) -> None:
    """ZoneMinder closes an event in a thread of its own: the next may be there already when the bridge comes back."""
    before = world.open_event(1)
    world.open_event(1)
    feed = MemoryFeed(Resume(cursor="0@"))
    async with FakeZoneMinder(world) as fake, serve(fake, feed):
        await feed.until(lambda: feed.event(before.id))
        given_up = feed.event(before.id)
        assert given_up is not None
        assert given_up.end_reason is EndReason.ABANDONED
        world.close_event(before.id)
        await feed.until(lambda: (seen := feed.event(before.id)) and seen.end_reason is EndReason.CLOSED)
        seen = feed.event(before.id)
        assert seen is not None
        assert before.end is not None
        assert seen.end == before.end.replace(microsecond=0)


async def test_what_comes_late_to_an_event_is_seen_though_the_clocks_differ(serve: Serve, clock: FastClock) -> None:
    world = World(now=lambda: clock.now() - timedelta(hours=1))
    event = world.open_event(1)
    world.close_event(event.id)
    feed = MemoryFeed(Resume(cursor="0@"))
    async with FakeZoneMinder(world) as fake, serve(fake, feed):
        await feed.until(lambda: feed.event(event.id))
        event.notes = "[a] detected:person:90%"
        await feed.until(lambda: (seen := feed.event(event.id)) and seen.labels == ("person",))
        world.delete_event(event.id)
        await feed.until(lambda: (seen := feed.event(event.id)) and seen.deleted)


async def test_thousands_of_never_closed_events_are_not_announced_as_new(world: World, serve: Serve) -> None:
    for _ in range(150):
        world.open_event(1)
    feed = MemoryFeed(Resume(cursor="0@"))
    async with FakeZoneMinder(world) as fake, serve(fake, feed):
        await feed.until(lambda: len(feed.events) == 150)
        open_ones = [event.id for batch in feed.batches if not batch.late for event in batch.events]
        assert open_ones == ["150"]
        assert {event.end_reason for batch in feed.batches if batch.late for event in batch.events} == {EndReason.ABANDONED}


async def test_restored_database_known_by_its_times(world: World, serve: Serve, clock: FastClock) -> None:
    for _ in range(3):
        world.close_event(world.open_event(1, start=LONG_AGO).id)
    since = [world.close_event(world.open_event(1).id).id for _ in range(2)]
    running = world.open_event(2)
    lost = Event(id="49", monitor_id="1", start=LONG_AGO)
    stamp = (clock.now() - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    feed = MemoryFeed(Resume(cursor=f"50@{stamp}", generation=2, open_events=(lost,)))
    async with FakeZoneMinder(world) as fake, serve(fake, feed):
        await feed.until(lambda: (feed.cursor or "").startswith(f"{running.id}@"))
        assert feed.generation == 3
        assert feed.batches[0].generation == 2
        assert feed.batches[0].events[0].end_reason is EndReason.UNKNOWN
        assert ids(feed.events) == [49, running.id, *since]


async def test_restored_database_known_by_the_next_id(world: World, serve: Serve, clock: FastClock) -> None:
    for _ in range(5):
        world.close_event(world.open_event(1).id)
    feed = MemoryFeed(Resume(cursor=f"50@{clock.now() - timedelta(seconds=5):%Y-%m-%dT%H:%M:%SZ}"))
    async with FakeZoneMinder(world) as fake, serve(fake, feed):
        await feed.until(lambda: feed.states["1"].source == "events")
        fresh = world.open_event(2)
        await feed.until(lambda: feed.event(fresh.id))
        assert feed.generation == 2
        assert feed.cursor is not None
        assert feed.cursor.startswith(f"{fresh.id}@")


async def test_database_restored_behind_a_connection(world: World, serve: Serve, clock: FastClock) -> None:
    for _ in range(60):
        world.close_event(world.open_event(1, start=clock.now() - timedelta(days=1)).id)
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: (feed.cursor or "").startswith("60@"))
        world.restore_database(40)
        fresh = world.open_event(2)
        await feed.until(lambda: feed.event(fresh.id))
        assert (fresh.id, feed.generation, ids(feed.events)) == (41, 2, [41])
        assert len(feed.snapshots) == 1, "the connection was never lost"


async def test_rows_that_come_back_one_by_one_are_no_news(world: World, serve: Serve, clock: FastClock) -> None:
    """A dump is read in for a while: first the table is empty, then it grows."""
    for _ in range(60):
        world.close_event(world.open_event(1, start=clock.now() - timedelta(days=1)).id)
    rows = dict(world.events)
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: (feed.cursor or "").startswith("60@"))
        for upto in (0, 10, 30, 40):
            world.events = {number: row for number, row in rows.items() if number <= upto}
            asked = fake.asked("events")
            await feed.until(lambda: fake.asked("events") > asked + 3)  # noqa: B023 - awaited within the turn
        assert (feed.generation, feed.events) == (1, [])
        world.next_event = 41
        fresh = world.open_event(2)
        await feed.until(lambda: feed.event(fresh.id))
        assert (feed.generation, ids(feed.events)) == (2, [41])


async def test_a_start_before_that_of_a_lower_id_is_no_restored_database(world: World, serve: Serve, clock: FastClock) -> None:
    """By the pictures from before an alarm an event can begin before one of a lower id; then the higher one is deleted."""
    for _ in range(9):
        world.close_event(world.open_event(1, start=clock.now() - timedelta(minutes=30)).id)
    stamp = (world.events[9].start - timedelta(seconds=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    feed = MemoryFeed(Resume(cursor=f"10@{stamp}"))
    async with FakeZoneMinder(world) as fake, serve(fake, feed):
        await feed.until(lambda: feed.states["1"].source == "events")
        world.next_event = 11
        fresh = world.open_event(2)
        await feed.until(lambda: feed.event(fresh.id))
        assert (feed.generation, ids(feed.events)) == (1, [11])


async def test_restored_database_whose_ids_have_passed_the_cursor(world: World, serve: Serve, clock: FastClock) -> None:
    for _ in range(3):
        world.close_event(world.open_event(1, start=LONG_AGO).id)
    since = [world.close_event(world.open_event(1).id).id for _ in range(120)]
    running = world.open_event(2)
    lost = Event(id="4", monitor_id="1", start=LONG_AGO)
    stamp = (clock.now() - timedelta(days=1, minutes=7)).strftime("%Y-%m-%dT%H:%M:%SZ")
    feed = MemoryFeed(Resume(cursor=f"5@{stamp}", generation=2, open_events=(lost,)))
    async with FakeZoneMinder(world) as fake, serve(fake, feed):
        await feed.until(lambda: (feed.cursor or "").startswith(f"{running.id}@"))
        assert feed.generation == 3
        assert feed.batches[0].generation == 2
        assert feed.batches[0].events[0].end_reason is EndReason.UNKNOWN
        assert ids(feed.events) == [4, running.id, *since]


async def test_another_database_with_nothing_newer_is_met_as_for_the_first_time(world: World, serve: Serve) -> None:
    for _ in range(5):
        world.close_event(world.open_event(1, start=LONG_AGO).id)
    running = world.open_event(2, start=LONG_AGO)
    feed = MemoryFeed(Resume(cursor="3@2026-03-03T03:03:03Z"))
    async with FakeZoneMinder(world) as fake, serve(fake, feed):
        await feed.until(lambda: feed.batches)
        assert (feed.generation, ids(feed.events)) == (2, [running.id])
        assert feed.cursor == "6@2026-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "shift", [timedelta(0), timedelta(hours=1), timedelta(hours=-5, minutes=-45), timedelta(seconds=1)], ids=str
)
async def test_another_time_zone_is_no_restored_database(shift: timedelta, world: World, serve: Serve) -> None:
    for _ in range(4):
        world.close_event(world.open_event(1).id)
    stamp = (world.events[3].start + shift).strftime("%Y-%m-%dT%H:%M:%SZ")
    feed = MemoryFeed(Resume(cursor=f"3@{stamp}"))
    async with FakeZoneMinder(world) as fake, serve(fake, feed):
        await feed.until(lambda: feed.event(4))
        assert (feed.generation, ids(feed.events)) == (1, [4])


async def test_the_event_at_the_cursor_may_be_deleted(world: World, serve: Serve) -> None:
    for _ in range(4):
        world.close_event(world.open_event(1).id)
    world.delete_event(3)
    feed = MemoryFeed(Resume(cursor="3@2026-03-03T03:03:03Z"))
    async with FakeZoneMinder(world) as fake, serve(fake, feed):
        await feed.until(lambda: feed.event(4))
        assert (feed.generation, ids(feed.events)) == (1, [4])


async def test_deleted_newest_events_are_no_restored_database(world: World, serve: Serve) -> None:
    for _ in range(50):
        world.close_event(world.open_event(1).id)
    world.delete_event(50)
    feed = MemoryFeed(Resume(cursor="50@2099-01-01T00:00:00Z"))
    async with FakeZoneMinder(world) as fake, serve(fake, feed):
        await feed.until(lambda: feed.states["1"].source == "events")
        fresh = world.open_event(2)
        await feed.until(lambda: feed.event(fresh.id))
        assert (feed.generation, fresh.id) == (1, 51)
        assert ids(feed.events) == [51]


@pytest.mark.parametrize("cursor", ["", "x", "-5", "5@not a time", "5@2026-01-01T00:00:00", "@"])
async def test_odd_cursors(cursor: str, world: World, serve: Serve) -> None:
    for _ in range(6):
        world.close_event(world.open_event(1).id)
    feed = MemoryFeed(Resume(cursor=cursor))
    async with FakeZoneMinder(world) as fake, serve(fake, feed):
        await feed.until(lambda: feed.cursor and feed.cursor.startswith("6@"))


async def test_pages_that_vanish_do_not_delete_events(world: World, serve: Serve) -> None:
    event = world.open_event(1)
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.event(event.id))
        for kind in ("404", "list", "html"):
            fake.fail("events", kind)
            await feed.until(lambda: feed.states["1"].is_recording is None)
            assert feed.states["1"].event_id is None, "whether it is still open is not known either"
            fake.heal()
            await feed.until(lambda: feed.states["1"].is_recording)
            assert feed.states["1"].event_id == str(event.id)
        assert not any(event.deleted for event in feed.events)


@pytest.mark.parametrize("clock", [FastClock(5)], ids=["slower"])
async def test_after_a_short_loss_nothing_is_said_to_be_over_before_its_successor_was_looked_for(
    world: World, clock: FastClock
) -> None:
    before = world.open_event(1)
    async with FakeZoneMinder(world) as fake:
        backend = ZoneMinder("zm", config(fake.url), clock)
        feed = MemoryFeed()
        async with connection(backend, feed):
            await feed.until(lambda: feed.states["1"].is_recording)
        world.close_event(before.id)
        now = world.open_event(1)
        again = MemoryFeed(feed.resume)
        async with connection(backend, again):
            await again.until(lambda: again.event(now.id))
        assert all(state.is_recording is not False for number, state in again.history if number == "1")


async def test_events_far_apart_are_followed_by_id(world: World, serve: Serve) -> None:
    first = world.open_event(3)
    for _ in range(100):
        world.close_event(world.open_event(1).id)
    async with FakeZoneMinder(world) as fake:
        feed = MemoryFeed(Resume(cursor="101@", open_events=(Event(id="1", monitor_id="3", start=LONG_AGO),)))
        async with serve(fake, feed):
            await feed.until(lambda: feed.states["3"].is_recording)
            world.close_event(first.id)
            await feed.until(lambda: (seen := feed.event(first.id)) and seen.end)


async def test_event_of_a_monitor_that_is_not_known_yet(world: World, serve: Serve) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake, settings=config(fake.url, monitors_interval=600)) as (_, feed):
        await feed.until(lambda: feed.batches)
        world.add_monitor(7)
        world.open_event(7)
        await feed.until(lambda: "7" in feed.monitors)


async def test_monitors_are_told_before_their_first_event(world: World, serve: Serve) -> None:
    """The hub can't know by its id alone whether a monitor is shown, nor how it is called."""

    class Strict(MemoryFeed):
        async def record(self, batch: EventBatch) -> None:
            assert {event.monitor_id for event in batch.events} <= self.monitors.keys()
            await super().record(batch)

    feed = Strict()
    async with FakeZoneMinder(world) as fake, serve(fake, feed, config(fake.url, monitors_interval=600)):
        await feed.until(lambda: feed.batches)
        world.add_monitor(7, zones=["Gate"])
        short = world.close_event(world.open_event(7, notes="Motion: Gate").id)
        await feed.until(lambda: feed.event(short.id))
        event = feed.event(short.id)
        assert event is not None
        assert event.zones == ("Gate",)


def lists(fake: FakeZoneMinder) -> int:
    """How often the monitor list was asked for, the status of none of them counted."""
    return sum(path == "monitors" for _, path in fake.requests)


async def test_monitors_that_stay_unknown_are_looked_for_seldom(world: World, serve: Serve, clock: FastClock) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake, settings=config(fake.url, monitors_interval=600)) as (_, feed):
        await feed.until(lambda: feed.batches)
        before, began = lists(fake), clock.monotonic()
        for number in range(1, 6):
            world.close_event(world.open_event(77).id)
            await feed.until(lambda: len(feed.events) == number)  # noqa: B023 - awaited within the turn
        assert lists(fake) - before <= 1 + (clock.monotonic() - began) // 30
        await feed.until(lambda: clock.monotonic() - began > 31)
        asked = lists(fake)
        again = world.open_event(77)
        await feed.until(lambda: feed.event(again.id))
        assert lists(fake) == asked + 1


async def test_a_list_of_monitors_that_fails_delays_no_events_for_long(world: World, serve: Serve) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake, settings=config(fake.url, monitors_interval=600)) as (_, feed):
        await feed.until(lambda: feed.batches)
        fake.fail("monitors", "500")
        event = world.open_event(77)
        await feed.until(lambda: feed.event(event.id))


async def test_what_is_open_at_a_monitor_added_at_the_last_moment(world: World, serve: Serve) -> None:
    async with FakeZoneMinder(world) as fake:
        fake.fail("events", "500-json")
        async with serve(fake, settings=config(fake.url, monitors_interval=600)) as (_, feed):
            world.add_monitor(7)
            event = world.open_event(7)
            fake.heal()
            await feed.until(lambda: feed.event(event.id))
            assert "7" in feed.monitors


async def test_burst(world: World, serve: Serve) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.batches)
        for _ in range(350):
            world.close_event(world.open_event(1).id)
        await feed.until(lambda: feed.event(350))
        assert ids(feed.events) == list(range(1, 351))


async def test_a_store_that_fails_is_told_as_what_it_is(world: World, clock: FastClock) -> None:
    class Full(MemoryFeed):
        async def record(self, batch: EventBatch) -> None:
            raise StoreError(f"no room for {len(batch.events)} events")

    async with FakeZoneMinder(world) as fake:
        with pytest.raises(StoreError, match="no room"):
            await ZoneMinder("zm", config(fake.url), clock).run(Full())
