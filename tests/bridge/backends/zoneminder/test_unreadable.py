"""Rows that ZoneMinder can't write as JSON: found, left out, remembered, and tried again; all others are told."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.zoneminder.support import FastClock, MemoryFeed, config
from tests.fakes.zoneminder import FakeZoneMinder, World

from vms_bridge.model import Event, Resume
from vms_bridge.zoneminder import DatabaseDown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.bridge.backends.zoneminder.conftest import Serve

pytestmark = pytest.mark.virtual_time

KINDS = ("500", "500-json", "empty", "html", "truncate", "close", "502")


@pytest.fixture
def clock() -> FastClock:
    return FastClock(60)


@pytest.fixture
def world(clock: FastClock) -> World:
    return World(now=clock.now)


def ids(events: Sequence[Event]) -> set[int]:
    return {int(event.id) for event in events}


def kept(feed: MemoryFeed) -> list[int]:
    return sorted(json.loads(feed.texts.get("unreadable_events", '{"ids": []}'))["ids"])


def record(world: World, count: int, monitor: int = 1) -> None:
    for _ in range(count):
        world.close_event(world.open_event(monitor).id)


@pytest.mark.parametrize("kind", KINDS)
async def test_one_of_many_that_were_missed_keeps_no_other_from_being_told(
    kind: str, world: World, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    record(world, 140)
    feed = MemoryFeed(Resume(cursor="10@"))
    async with FakeZoneMinder(world) as fake:
        fake.unreadable, fake.unreadable_as = {"events": {57}}, kind
        async with serve(fake, feed):
            await feed.until(lambda: (feed.cursor or "").startswith("140@"))
            assert ids(feed.events) == set(range(11, 141)) - {57}
            later = world.open_event(2)
            await feed.until(lambda: feed.event(later.id))
        assert caplog.text.count("event 57 can't be read and is left out") == 1
        assert "works again" not in caplog.text
        assert (kept(feed), feed.lost, len(feed.snapshots)) == ([57], [], 1)


@pytest.mark.parametrize("kind", KINDS)
async def test_one_that_happens_now_delays_the_others_for_seconds(
    kind: str, world: World, serve: Serve, clock: FastClock, caplog: pytest.LogCaptureFixture
) -> None:
    record(world, 40)
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.batches)
        fake.unreadable, fake.unreadable_as = {"events": {41}}, kind
        bad = world.open_event(1)
        good = world.open_event(2)
        began = clock.monotonic()
        await feed.until(lambda: feed.event(good.id))
        assert clock.monotonic() - began < 30
        assert feed.states["2"].is_recording
        assert (kept(feed), feed.event(bad.id)) == ([41], None)
        await feed.until(lambda: (feed.cursor or "").startswith("42@"))
        assert feed.lost == []
        assert "works again" not in caplog.text


@pytest.mark.parametrize("is_known", [False, True])
async def test_the_newest_row_of_all_is_no_obstacle_for_a_connection_that_begins(
    *, is_known: bool, world: World, serve: Serve
) -> None:
    record(world, 200)
    open_now = world.open_event(2)
    world.open_event(1)
    feed = MemoryFeed(Resume(cursor="190@")) if is_known else MemoryFeed()
    async with FakeZoneMinder(world) as fake:
        fake.unreadable = {"events": {202}}
        async with serve(fake, feed):
            await feed.until(lambda: feed.event(open_now.id))
            await feed.until(lambda: feed.states["2"].is_recording)
            later = world.open_event(3)
            await feed.until(lambda: feed.event(later.id))
            if is_known:
                await feed.until(lambda: ids(feed.events) == {*range(191, 202), later.id})
    assert kept(feed) == [202]


async def test_what_was_left_out_is_remembered_over_a_restart(world: World, serve: Serve, clock: FastClock) -> None:
    record(world, 60)
    async with FakeZoneMinder(world) as fake:
        fake.unreadable = {"events": {55}}
        async with serve(fake, MemoryFeed(Resume(cursor="20@"))) as (_, feed):
            await feed.until(lambda: (feed.cursor or "").startswith("60@"))
        before = fake.asked("events")
        again = MemoryFeed(Resume(cursor=feed.cursor), texts=feed.texts)
        async with serve(fake, again):
            await again.until(lambda: again.states["1"].source == "events")
            began, asked = clock.monotonic(), fake.asked("events")
            await again.until(lambda: clock.monotonic() - began > 20)
            assert (fake.asked("events") - asked) / (clock.monotonic() - began) < 2.1  # one for each poll
            record(world, 1)
            await again.until(lambda: again.event(61))
        assert asked - before <= 12
        assert kept(again) == [55]


@pytest.mark.parametrize("clock", [FastClock(600)], ids=["faster"])
@pytest.mark.parametrize("fate", ["mended", "deleted"])
async def test_what_was_left_out_is_tried_again_and_told_or_forgotten(
    fate: str, world: World, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    record(world, 30)
    async with FakeZoneMinder(world) as fake:
        fake.unreadable = {"events": {25}}
        settings = config(fake.url, poll_interval=10, monitors_interval=600)
        async with serve(fake, MemoryFeed(Resume(cursor="20@")), settings) as (_, feed):
            await feed.until(lambda: (feed.cursor or "").startswith("30@"))
            assert kept(feed) == [25]
            if fate == "mended":
                fake.unreadable.clear()
                await feed.until(lambda: feed.event(25), 9)
                assert next(batch for batch in feed.batches if "25" in {event.id for event in batch.events}).late
                assert "event 25 can be read now" in caplog.text
            else:
                world.delete_event(25)
                await feed.until(lambda: not kept(feed), 9)
                assert "event 25 is gone" in caplog.text
            assert kept(feed) == []
            assert not any(event.deleted for event in feed.events)
            assert (feed.cursor or "").startswith("30@")


async def test_where_the_list_itself_fails_nothing_is_put_down_to_rows(
    world: World, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    record(world, 30)
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.states["1"].source == "events")
        fake.unreadable = {"events": set(range(1, 100))}
        world.open_event(2)
        await feed.until(lambda: feed.system and feed.system.detail)
        asked = fake.asked("events")
        await feed.until(lambda: fake.asked("events") > asked + 20)
        assert kept(feed) == []
        assert "left out" not in caplog.text
        fake.unreadable = {}
        await feed.until(lambda: feed.event(31))
        await feed.until(lambda: feed.system and feed.system.detail is None)


async def test_a_database_that_goes_down_meanwhile_is_no_row(world: World, serve: Serve) -> None:
    record(world, 300)
    feed = MemoryFeed(Resume(cursor="1@"))
    async with FakeZoneMinder(world) as fake:
        serving = serve(fake, feed)
        backend, _ = await serving.__aenter__()
        await feed.until(lambda: feed.batches)
        fake.database_is_down = True
        await feed.until(lambda: backend._session is None)
        with pytest.raises(DatabaseDown):
            await serving.__aexit__(None, None, None)
        assert kept(feed) == []


@pytest.mark.parametrize("clock", [FastClock(300)], ids=["faster"])
async def test_an_open_event_whose_row_breaks_is_not_called_deleted_and_ends_when_it_is_mended(
    world: World, serve: Serve
) -> None:
    record(world, 5)
    event = world.open_event(1)
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.event(event.id))
        fake.unreadable = {"events": {event.id}}
        await feed.until(lambda: kept(feed) == [event.id])
        later = world.open_event(2)
        await feed.until(lambda: feed.event(later.id))
        assert not any(one.deleted for one in feed.events)
        world.close_event(event.id)
        fake.unreadable = {}
        await feed.until(lambda: (told := feed.event(event.id)) and told.end, 9)
        assert not any(one.deleted for one in feed.events)


@pytest.mark.parametrize("clock", [FastClock(300)], ids=["faster"])
async def test_many_among_the_missed_ones(world: World, serve: Serve) -> None:
    record(world, 330)
    bad = {*range(50, 62), *range(100, 300, 17), 330}
    feed = MemoryFeed(Resume(cursor="20@"))
    async with FakeZoneMinder(world) as fake:
        fake.unreadable, fake.unreadable_as = {"events": bad}, "empty"
        async with serve(fake, feed):
            await feed.until(lambda: ids(feed.events) >= set(range(21, 330)) - bad, 9)
            assert set(kept(feed)) == bad
            assert not ids(feed.events) & bad


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"generation": 1, "ids": 5}', '{"generation": 2, "ids": [1]}', '{"ids": ["x", -1]}']
)
async def test_an_odd_text_in_the_store_is_nothing_known(text: str, world: World, serve: Serve) -> None:
    record(world, 3)
    async with (
        FakeZoneMinder(world) as fake,
        serve(fake, MemoryFeed(Resume(cursor="1@"), {"unreadable_events": text})) as (_, feed),
    ):
        await feed.until(lambda: ids(feed.events) == {2, 3})


async def test_one_list_without_rows_deletes_no_event(world: World, serve: Serve) -> None:
    events = [world.open_event(number) for number in (1, 2, 3)]
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: ids(feed.events) == {1, 2, 3})
        empty = [True, True]
        fake.rewrite = lambda path, body: b'{"events": []}' if path.startswith("events") and empty and empty.pop() else body
        await feed.until(lambda: not empty)
        later = world.open_event(1)
        await feed.until(lambda: feed.event(later.id))
        assert not any(event.deleted for event in feed.events)
        world.delete_event(events[1].id)
        await feed.until(lambda: any(event.deleted for event in feed.events))
        assert [event.id for event in feed.events if event.deleted] == ["2"]
