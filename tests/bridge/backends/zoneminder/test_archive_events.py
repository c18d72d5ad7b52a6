"""What a ZoneMinder has recorded, page by page: the same as it tells, at its cheapest, in all versions."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bridge.backends.zoneminder.support import FastClock, MemoryFeed, config
from tests.fakes.clock import FakeClock, settle
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.personality import ALL, V1_34, V1_36_33, V1_38_4
from tests.fakes.zoneminder.server import VIEWER

from vms_bridge.archive import EventQuery
from vms_bridge.backends.zoneminder.backend import ZoneMinder
from vms_bridge.backends.zoneminder.pace import Leftover
from vms_bridge.backends.zoneminder.stretches import FAILURES, IDS
from vms_bridge.errors import MediaUnavailable, VmsUnreachable
from vms_bridge.model import Capability, EndReason, Resume
from vms_bridge.zoneminder.events.halving import PAGE

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bridge.backends.zoneminder.conftest import Serve
    from tests.fakes.zoneminder import FakeEvent, Personality

    from vms_bridge.model import Event

pytestmark = pytest.mark.virtual_time
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def record(world: World, count: int, *, monitors: int = 3, apart_s: float = 60.0) -> list[FakeEvent]:
    """Let that many events happen, one after the other, at one monitor after the other."""
    for number in range(count):
        event = world.open_event(1 + number % monitors, start=START + timedelta(seconds=number * apart_s))
        event.end, event.length, event.frames = event.start + timedelta(seconds=20), 20.0, 100
    return list(world.events.values())


async def everything(backend: ZoneMinder, query: EventQuery, most: int = PAGE) -> list[Event]:
    """Return all pages of a query as one, and check how they are joined."""
    events: list[Event] = []
    after: str | None = None
    for _ in range(200):
        page = await backend.archive.events(query, after)
        assert len(page.events) <= most
        events += page.events
        if page.after is None:
            assert len({event.id for event in events}) == len(events)
            return events
        assert page.after != after
        after = page.after
    raise AssertionError("it has no last page")


@pytest.mark.parametrize("personality", ALL, ids=lambda p: p.version)
async def test_pages_lead_back_to_the_first_event(personality: Personality, serve: Serve) -> None:
    world = World(personality)
    recorded = record(world, 250)
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, feed):
        assert feed.system
        assert Capability.ARCHIVE in feed.system.capabilities
        events = await everything(backend, EventQuery())
        asked = [path for _, path in fake.requests if "Id <" in path]
    assert [event.id for event in events] == [str(event.id) for event in reversed(recorded)]
    assert [event.start for event in events] == [event.start for event in reversed(recorded)]
    assert all(event.end and event.clip_ready and event.snapshot_ready for event in events)
    assert asked == ["events/index/Id >:0/Id <:151", "events/index/Id >:0/Id <:51"]


@pytest.mark.parametrize("personality", [V1_34, V1_36_33, V1_38_4], ids=lambda p: p.version)
async def test_a_monitors_events_of_a_time_cost_two_questions_more(personality: Personality, serve: Serve) -> None:
    world = World(personality, zone="Europe/Berlin")
    recorded = record(world, 250)
    since, until = START + timedelta(minutes=100), START + timedelta(minutes=160)
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        await everything(backend, EventQuery(monitors=frozenset({"2"})))
        fake.requests.clear()
        events = await everything(backend, EventQuery(since=since, until=until, monitors=frozenset({"2", "no number"})))
        asked = [path for _, path in fake.requests if "MonitorId" in path or "Start" in path]
    wanted = [event for event in recorded if event.monitor_id == 2 and since <= event.start < until]
    assert [event.id for event in events] == [str(event.id) for event in reversed(wanted)]
    assert len(asked) == 3
    assert not any("MonitorId" in path and "Start" in path for path in asked), "such a page takes ZoneMinder seconds"


@settings(max_examples=15, deadline=None)
@given(st.integers(-30, 300), st.integers(-30, 300), st.sets(st.sampled_from(["1", "2", "3", "9"])) | st.none())
def test_a_query_gives_what_began_in_its_time_at_its_monitors(since: int, until: int, monitors: set[str] | None) -> None:
    async def asked() -> None:
        world = World()
        recorded = record(world, 230)
        # Pictures from before an alarm belong to its event: it may begin before others that have lower ids.
        world.events[100].start -= timedelta(minutes=3)
        clock, feed = FastClock(), MemoryFeed()
        query = EventQuery(
            since=START + timedelta(minutes=since),
            until=START + timedelta(minutes=until),
            monitors=None if monitors is None else frozenset(monitors),
        )
        async with FakeZoneMinder(world) as fake:
            backend = ZoneMinder("zm", config(fake.url), clock)
            running = asyncio.create_task(backend.run(feed))
            await feed.until(lambda: backend._session)
            found = await everything(backend, query)
            running.cancel()
        wanted = {
            str(event.id)
            for event in recorded
            if query.since
            and query.until
            and query.since <= event.start < query.until
            and (monitors is None or str(event.monitor_id) in monitors)
        }
        assert {event.id for event in found} == wanted

    asyncio.run(asked())


async def test_an_event_is_the_same_as_it_was_told(serve: Serve, clock: FastClock) -> None:
    world, start = World(V1_38_4, now=clock.now), clock.now() - timedelta(hours=1)
    world.monitors[1].zones = ["Gate", "Drive"]
    left_open = world.open_event(2, start=start)  # its daemon has crashed
    world.close_event(world.open_event(2, start=start + timedelta(minutes=5)).id)
    feed = MemoryFeed(Resume(cursor=f"0@{start.isoformat()}"))
    async with FakeZoneMinder(world) as fake, serve(fake, feed) as (backend, feed):
        await feed.until(lambda: feed.event(2))
        event = world.alarm(1, notes="detected:person:97%Motion: Gate")
        assert event
        await feed.until(lambda: feed.event(event.id))
        event.notes = "Motion: Gate"  # ZoneMinder has written over what a detection hook had noted
        world.calm(1)
        await feed.until(lambda: (told := feed.event(event.id)) and told.end)
        found = {each.id: each for each in await everything(backend, EventQuery())}
        told = feed.event(event.id)
        assert told
        assert found[told.id].labels == told.labels == ("person",)
        assert (found[told.id].start, found[told.id].end, found[told.id].zones) == (told.start, told.end, told.zones)
        abandoned = feed.event(left_open.id)
        assert abandoned
        assert (found["1"].end, found["1"].end_reason) == (abandoned.end, EndReason.ABANDONED)


async def test_an_event_that_goes_on_is_open(serve: Serve) -> None:
    world = World()
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, feed):
        event = world.alarm(1)
        assert event
        await feed.until(lambda: feed.event(event.id))
        (found,) = (await backend.archive.events(EventQuery(), None)).events
        assert not found.is_over


async def test_rows_that_can_not_be_written_are_left_out_and_keep_no_others(serve: Serve) -> None:
    world = World()
    recorded = record(world, 220)
    bad = {7, 150, 151}
    async with FakeZoneMinder(world, unreadable={"events": bad}) as fake, serve(fake) as (backend, _):
        events = await everything(backend, EventQuery())
        assert {event.id for event in events} == {str(event.id) for event in recorded if event.id not in bad}
        fake.requests.clear()
        await everything(backend, EventQuery())
        assert ("GET", "events/index/Id:150") not in fake.requests, "which rows are bad is known by now"


async def test_the_newest_row_can_be_the_bad_one(serve: Serve) -> None:
    world = World()
    record(world, 120)
    async with FakeZoneMinder(world, unreadable={"events": {120}}) as fake, serve(fake) as (backend, _):
        events = await everything(backend, EventQuery(monitors=frozenset({"1"})))
        assert [event.id for event in events] == [str(number) for number in range(118, 0, -3)]


async def test_more_monitors_than_an_address_can_hold(serve: Serve) -> None:
    world = World(monitors=150)
    recorded = record(world, 300, monitors=150)
    wanted = frozenset(str(number) for number in range(1, 121))
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        events = await everything(backend, EventQuery(monitors=wanted))
        assert not any("MonitorId" in path for _, path in fake.requests)
    assert {event.id for event in events} == {str(event.id) for event in recorded if str(event.monitor_id) in wanted}


async def test_nothing_is_asked_for_no_monitors(serve: Serve) -> None:
    world = World()
    record(world, 3)
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        page = await backend.archive.events(EventQuery(monitors=frozenset()), None)
        assert (page.events, page.after) == ((), None)
        far = EventQuery(since=datetime.max.replace(tzinfo=UTC), until=datetime.min.replace(tzinfo=UTC))
        assert await everything(backend, far) == []
        for nonsense in ("7", "x.y", "-1.5", "1.2.3", "9" * 30 + ".1"):
            with pytest.raises(MediaUnavailable, match="no page begins after"):
                await backend.archive.events(EventQuery(), nonsense)


@pytest.mark.parametrize("personality", [V1_34, V1_36_33, V1_38_4], ids=lambda p: p.version)
async def test_it_tells_how_much_there_is_without_a_list(personality: Personality, serve: Serve) -> None:
    world = World(personality)
    record(world, 250)
    del world.events[1]
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        extent = await backend.archive.extent(EventQuery(in_background=True))
        assert (extent.events, extent.oldest and extent.oldest.id) == (249, "2")
        extent = await backend.archive.extent(EventQuery(monitors=frozenset({"1"})))
        assert (extent.events, extent.oldest and extent.oldest.id) == (83, "4")
        times = EventQuery(since=START + timedelta(minutes=60), until=START + timedelta(minutes=120), monitors=frozenset({"1"}))
        extent = await backend.archive.extent(times)
        assert (extent.events, extent.oldest and extent.oldest.id) == (20, "61")
        for none in (frozenset({"9"}), frozenset[str]()):
            assert (await backend.archive.extent(EventQuery(monitors=none))).events == 0
        future = EventQuery(since=datetime(2040, 1, 1, tzinfo=UTC))
        assert (await backend.archive.extent(future)).events == 0
        many = frozenset(str(number) for number in range(1, 300))
        assert (await backend.archive.extent(EventQuery(monitors=many))).events is None
        fake.unreadable["events"] = {2}
        assert (await backend.archive.extent(EventQuery())).events is None


async def test_a_list_that_ignores_what_it_is_asked_for_is_no_page(serve: Serve) -> None:
    world = World()
    record(world, 150)

    def unfiltered(path: str, body: bytes) -> bytes:
        return body.replace(b'"MonitorId": 2', b'"MonitorId": 1') if "MonitorId" in path else body

    async with FakeZoneMinder(world, rewrite=unfiltered) as fake, serve(fake) as (backend, _):
        with pytest.raises(Exception, match="other events than those that were asked for"):
            await backend.archive.events(EventQuery(monitors=frozenset({"2"})), None)


async def test_without_a_connection_there_is_no_archive() -> None:
    backend = ZoneMinder("zm", config("http://127.0.0.1:9/zm"), FastClock())
    with pytest.raises(VmsUnreachable, match="not connected"):
        await backend.archive.events(EventQuery(), None)


async def test_without_a_time_zone_events_have_no_times(serve: Serve) -> None:
    world = World(V1_34)
    record(world, 5)
    world.zone_name = ""
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        events = await everything(backend, EventQuery())
        assert [event.start for event in events] == [None] * 5


async def test_who_may_not_see_events_has_no_archive(serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake:
        fake.users["admin"].permissions = VIEWER - {"events:view"}
        async with serve(fake) as (_, feed):
            await feed.until(lambda: feed.system and Capability.ARCHIVE not in feed.system.capabilities)
            await feed.until(lambda: Capability.EVENT_CLIP not in feed.monitors["1"].capabilities)
            assert feed.system
            assert Capability.LOGS not in feed.system.capabilities
            fake.users["admin"].permissions = VIEWER
            await feed.until(lambda: feed.system and Capability.ARCHIVE in feed.system.capabilities)
            assert Capability.EVENT_CLIP in feed.monitors["1"].capabilities


async def all_in_background(backend: ZoneMinder) -> list[int]:
    return [int(event.id) for event in await everything(backend, EventQuery(in_background=True), IDS)]


def lists_and_searches(fake: FakeZoneMinder) -> tuple[list[str], list[str]]:
    """Return what was asked of the list for pages below an id, and what was searched for, since the requests were cleared."""
    paths = [path.removeprefix("events/") for _, path in fake.requests if path.startswith("events/") and "MonitorId" not in path]
    return [path for path in paths if "index/Id >:0/Id <" in path], [path for path in paths if path.startswith("search/")]


@pytest.mark.parametrize("personality", ALL, ids=lambda p: p.version)
async def test_who_reads_all_reads_dense_ids_by_stretches(personality: Personality, serve: Serve) -> None:
    world = World(personality)
    recorded = record(world, 900)
    for number in range(51, 801, 3):  # some of them are deleted, as everywhere
        del world.events[number]
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        fake.requests.clear()
        events = await everything(backend, EventQuery(in_background=True), IDS)
        stretches = [f"search/Id >:{low}/Id <:{high}" for low, high in ((550, 801), (300, 551), (50, 301), (0, 51))]
        assert lists_and_searches(fake) == ([], stretches)
        assert events == await everything(backend, EventQuery())
    assert [event.id for event in events] == [str(event.id) for event in reversed(recorded) if event.id in world.events]


async def test_where_ids_are_far_apart_the_list_is_asked(serve: Serve) -> None:
    world = World()
    record(world, 1_000)
    for number in range(1, 700):
        if number % 3:
            del world.events[number]
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        fake.requests.clear()
        assert await all_in_background(backend) == sorted(world.events, reverse=True)
        _, searches = lists_and_searches(fake)
        assert searches == ["search/Id >:650/Id <:901", "search/Id >:400/Id <:651"], "the second one has shown that"


async def test_a_search_shows_nobody_what_the_lists_do_not(serve: Serve) -> None:
    world = World(monitors=4)
    record(world, 900, monitors=4)
    del world.monitors[3]  # its events are still there
    async with FakeZoneMinder(world) as fake:
        fake.users["admin"].hidden = frozenset({2, 4})
        async with serve(fake) as (backend, _):
            fake.requests.clear()
            wanted = [number for number, event in world.events.items() if event.monitor_id in {1, 3}]
            assert await all_in_background(backend) == sorted(wanted, reverse=True)
            assert lists_and_searches(fake)[1]
            asked = [path for _, path in fake.requests if "MonitorId" in path]
            assert sorted(asked) == [f"events/index/Id >:0/MonitorId:{number}" for number in (2, 3, 4)], "each once"


async def test_a_zoneminder_that_can_not_be_searched_is_read_by_its_list(serve: Serve) -> None:
    world = World()
    record(world, 900)
    async with FakeZoneMinder(world, searches=False) as fake, serve(fake) as (backend, _):
        fake.requests.clear()
        assert await all_in_background(backend) == list(range(900, 0, -1))
        lists, searches = lists_and_searches(fake)
        assert (len(lists), len(searches)) == (8, 1)


async def test_rows_that_can_not_be_written_spoil_no_stretch(serve: Serve) -> None:
    world, bad = World(), {7, 380, 381, 600}
    record(world, 900)
    async with FakeZoneMinder(world, unreadable={"events": bad}) as fake, serve(fake) as (backend, _):
        assert await all_in_background(backend) == [number for number in range(900, 0, -1) if number not in bad]
        assert any("search/" in path for _, path in fake.requests)


LIES: dict[str, Callable[[dict[str, Any]], object]] = {
    "nothing": lambda _: [],
    "no results": lambda _: {"events": []},
    "results that are none": lambda _: {"results": {"1": 2}},
    "no rows": lambda _: {"results": []},
    "a few rows": lambda said: {"results": said["results"][:40]},
    "rows without ids": lambda said: {"results": [*said["results"], {"Event": {}}]},
    "other rows": lambda said: {"results": [*said["results"], {"Event": {**said["results"][0]["Event"], "Id": 5_000}}]},
}


@pytest.mark.parametrize("clock", [FastClock(60)], ids=["fast"])
@pytest.mark.parametrize("lie", LIES)
async def test_what_a_search_says_is_not_believed_where_it_can_not_be_so(lie: str, serve: Serve) -> None:
    world = World()
    record(world, 950)

    def tell(path: str, body: bytes) -> bytes:
        return json.dumps(LIES[lie](json.loads(body))).encode() if "search/" in path else body

    async with FakeZoneMinder(world, rewrite=tell) as fake:
        settings = config(fake.url, poll_interval=30, monitors_interval=60)
        async with serve(fake, settings=settings) as (backend, _):
            fake.requests.clear()
            assert await all_in_background(backend) == list(range(950, 0, -1))
            lists, searches = lists_and_searches(fake)
            assert (len(lists), len(searches)) == (9, FAILURES), "the list says all of it, and then it alone is asked"


async def test_a_person_does_not_wait_behind_what_is_read_in_the_background(serve: Serve) -> None:
    world = World()
    record(world, 400)
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        assert backend._recordings
        async with backend._recordings._pages._leftover._turn:  # somebody is having a turn, and it takes long
            filling = asyncio.gather(*(backend.archive.events(EventQuery(in_background=True), None) for _ in range(3)))
            for _ in range(5):
                await backend.archive.events(EventQuery(), None)
            assert not filling.done()
        assert all(page.events for page in await filling)


async def test_what_is_read_in_the_background_takes_what_the_others_leave() -> None:
    clock, asked = FakeClock(), 0
    leftover = Leftover(lambda: asked, clock)
    done = list[float]()

    async def fill() -> None:
        nonlocal asked
        while True:
            async with leftover.turn():
                asked += 1
                done.append(clock.monotonic())

    task = asyncio.create_task(fill())
    for _ in range(60):
        await settle()
        await clock.advance(1)
    assert 58 <= len(done) <= 62
    before = len(done)
    for _ in range(60):
        asked += 1  # somebody else asks once a second: then it goes on slowly
        await settle()
        await clock.advance(1)
    assert 4 <= len(done) - before <= 8
    asked += 1_000  # and somebody a thousand times at once
    before = len(done)
    for _ in range(30):
        await settle()
        await clock.advance(1)
    assert 10 <= len(done) - before <= 22
    task.cancel()
