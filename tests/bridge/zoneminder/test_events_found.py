"""Events are found by what is asked for, in every version, page by page, and past what ZoneMinder can't write."""

from __future__ import annotations

import logging
import re
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bridge.zoneminder import support
from tests.bridge.zoneminder.support import QuickClock
from tests.fakes.zoneminder import World
from tests.fakes.zoneminder.personality import V1_34, V1_36_20, V1_36_33, V1_36_36, V1_38_4, Personality

from vms_bridge.errors import VmsProtocolError
from vms_bridge.zoneminder import EventRow, FilterRefused, NotThere
from vms_bridge.zoneminder.events.filters import Wanted, segments_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.fakes.zoneminder import FakeZoneMinder

    from vms_bridge.zoneminder import ZoneMinder

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
versions = pytest.mark.parametrize("personality", [V1_34, V1_36_20, V1_36_36, V1_38_4], ids=lambda each: each.version)


class AtNoon(QuickClock):
    """It is half a minute past noon."""

    def now(self) -> datetime:
        return NOON + timedelta(seconds=30)


@asynccontextmanager
async def library(world: World) -> AsyncIterator[tuple[ZoneMinder, FakeZoneMinder]]:
    async with support.library(world, clock=AtNoon()) as both:
        yield both


def recorded(
    personality: Personality = V1_36_33, *, events: int = 250, zone: str = "Europe/Berlin", each_s: float = 60.0
) -> World:
    """Return a world in which the cameras have recorded by turns, an event a minute, the last of which begins at noon."""
    world = World(personality, monitors=3, zone=zone, now=lambda: NOON + timedelta(seconds=30))
    for number in range(events):
        event = world.open_event(number % 3 + 1, alarm_frames=number % 7, max_score=number % 50)
        event.start = NOON - timedelta(seconds=each_s * (events - 1 - number))
        event.end = event.start + timedelta(seconds=20)
        event.length, event.frames = 20.0, 50
    return world


def ids(rows: tuple[EventRow, ...]) -> list[int]:
    return [row.id for row in rows]


def pages_asked(fake: FakeZoneMinder) -> int:
    return fake.asked("events/index")


@versions
async def test_all_events_come_newest_first_by_their_ids(personality: Personality) -> None:
    async with library(recorded(personality)) as (zm, fake):
        assert [row.id async for row in zm.events()] == list(range(250, 0, -1))
        assert pages_asked(fake) == 3
        assert not any(":" in path and re.search(r"page:[2-9]", path) for _, path in fake.requests)
        assert ids(await zm.events(newest_first=False).list()) == list(range(1, 251))
        assert await zm.events().count() == 250


@versions
async def test_a_few_take_one_request(personality: Personality) -> None:
    async with library(recorded(personality)) as (zm, fake):
        newest = await zm.events(limit=5).list()
        assert ids(newest) == [250, 249, 248, 247, 246]
        assert pages_asked(fake) == 1
        assert newest[0].start == NOON
        assert newest[0].end == NOON + timedelta(seconds=20)
        assert (newest[0].length_s, newest[0].frames, newest[0].name) == (20.0, 50, "Event-250")
        assert newest[0].raw["Id"] in {250, "250"}
        assert "raw" not in repr(newest[0])
        assert await zm.events(limit=0).list() == ()
        assert await zm.events(limit=0).count() == 0
        assert await zm.events(limit=3).count() == 3


async def test_a_full_page_may_be_the_last() -> None:
    world = recorded(events=101)
    async with library(world) as (zm, fake):
        world.delete_event(1)
        assert len(await zm.events().list()) == 100
        assert pages_asked(fake) == 2  # there might be an event 1
        world.delete_event(2)
        assert len(await zm.events().list()) == 99
        assert pages_asked(fake) == 3
        assert len(await zm.events(limit=99).list()) == 99
        assert pages_asked(fake) == 4


@versions
async def test_times_are_meant_in_the_servers_zone(personality: Personality) -> None:
    async with library(recorded(personality, zone="America/New_York")) as (zm, _):
        assert ids(await zm.events(since="10 minutes ago", until="5 minutes ago").list()) == [245, 244, 243, 242, 241]
        assert ids(await zm.events(since="10 minutes ago to 5 minutes ago").list()) == [245, 244, 243, 242, 241]
        assert ids(await zm.events(during="6:57 to 6:59").list()) == [248, 247]
        assert ids(await zm.events(since="2026-11-20T06:58").list()) == [250, 249, 248]
        assert ids(await zm.events(since="12:58", tz="Europe/Berlin").list()) == [250, 249, 248]
        assert ids(await zm.events(since=NOON - timedelta(minutes=1)).list()) == [250, 249]
        assert ids(await zm.events(since=datetime(2026, 11, 20, 6, 59)).list()) == [250, 249]  # noqa: DTZ001 - as people say it
        assert ids(await zm.events(since=NOON - timedelta(seconds=59)).list()) == [250]
        assert await zm.events(during="2026-11-19").count() == 0


async def test_no_event_is_lost_in_the_hour_that_comes_twice() -> None:
    world = recorded(events=0)
    begins = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)  # 1:30; at 3:00 it is 2:00 again
    for number in range(16):
        event = world.open_event(1)
        event.start = begins + timedelta(minutes=15 * number)
        event.end, event.length = event.start + timedelta(seconds=10), 10.0
    async with library(world) as (zm, _):
        for first in range(16):
            since = begins + timedelta(minutes=15 * first)
            # Which pass a start is in, no row says; it is read as the first one.
            found = await zm.events(since=since.astimezone(UTC), newest_first=False).list()
            assert {row.id for row in found} == {row.id for row in await zm.events().list() if row.start >= since}
            assert await zm.events(since=since).count() == len(found)
        with pytest.raises(FilterRefused, match="02:30 came twice on 2026-10-25"):
            await zm.events(since="2026-10-25 2:30").list()


@versions
async def test_monitors_are_named_in_any_way(personality: Personality) -> None:
    world = recorded(personality, events=9)
    world.monitors[2].name = "Döor / 100% & ünder"
    world.monitors[3].name = "1"
    async with library(world) as (zm, _):
        assert ids(await zm.events(monitor=1).list()) == [7, 4, 1]
        assert ids(await zm.events(monitor="Döor / 100% & ünder").list()) == [8, 5, 2]
        assert ids(await zm.events(monitor="döor / 100% & Ünder").list()) == [8, 5, 2]
        assert ids(await zm.events(monitor="1").list()) == [9, 6, 3]  # a text is a name before it is an id
        assert ids(await zm.events(monitor="2").list()) == [8, 5, 2]
        two = await zm.monitors.of(2)
        assert ids(await zm.events(monitor=[two, 3]).list()) == [9, 8, 6, 5, 3, 2]
        assert await zm.events(monitor=[1, 99]).count() == 3
        assert await zm.events(monitor=[]).count() == 0
        assert await zm.events(event_id=[]).list() == ()
        with pytest.raises(FilterRefused, match="there is no monitor 'Gate'") as refused:
            await zm.events(monitor="Gate").list()
        assert "'Camera 1', 'Döor / 100% & ünder', '1'" in refused.value.hint


async def test_many_monitors_are_chosen_on_our_side() -> None:
    async with library(recorded(events=30)) as (zm, fake):
        assert ids(await zm.events(monitor=[*range(3, 200)], limit=2).list()) == [30, 27]
        assert all("MonitorId" not in path for _, path in fake.requests)
        assert await zm.events(monitor=[*range(3, 200)]).count() == 10


async def test_events_are_asked_for_by_their_ids() -> None:
    async with library(recorded()) as (zm, fake):
        assert ids(await zm.events(event_id=7).list()) == [7]
        assert ids(await zm.events(event_id=["3", 5, 3, 9999]).list()) == [5, 3]
        assert pages_asked(fake) == 2
        assert len(await zm.events(event_id=range(1, 241)).list()) == 240
        assert await zm.events(event_id=range(1, 241)).count() == 240
        assert (await zm.events.get(12)).id == 12
        with pytest.raises(NotThere, match="has no event 9999"):
            await zm.events.get("9999")


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        ({"since": "5 minutes ago", "until": "10 minutes ago"}, "ends before it begins: from 2026-11-20 12:55:30 CET to"),
        ({"during": "2026-11-20 11:00 to 2026-11-20 10:00"}, "ends before it begins"),
        ({"since": "5 minutes ago", "until": "5 minutes ago"}, "ends before it begins"),
        ({"since": "11/12/2026"}, "expected a time such as"),
        ({"since": "at 10"}, "expected a time such as"),
        ({"during": "sometime"}, "expected a range of time such as"),
        ({"during": "yesterday", "since": "monday"}, "a range of its own"),
        ({"since": "9am to 10am", "until": "11am"}, "is a range already"),
        ({"since": "9am", "tz": "Mars/Olympus"}, "no time zone"),
        ({"since": "2026-03-29 2:30"}, "never came"),
        ({"event_id": "x"}, "no id of an event"),
        ({"event_id": 0}, "no id of an event"),
        ({"monitor": -1}, "no id of a monitor"),
        ({"min_alarm_frames": 5, "max_alarm_frames": 4}, "at least 5 and at most 4 frames"),
        ({"raw": [("Id) OR (1", "1")]}, "no filter"),
        ({"raw": [("Cause", "a/b")]}, "can't have the value"),
        ({"raw": [("Id <", "100")]}, "use event_id"),
    ],
)
async def test_what_makes_no_sense_is_refused_before_it_is_asked(filters: dict[str, Any], said: str) -> None:
    async with library(recorded(events=1)) as (zm, fake):
        with pytest.raises(FilterRefused) as refused:
            await zm.events(**filters).list()
        assert said in f"{refused.value} {refused.value.hint}"
        assert pages_asked(fake) == 0


async def test_a_filter_that_there_is_not_is_a_mistake_of_the_program() -> None:
    async with library(recorded(events=1)) as (zm, _):
        with pytest.raises(TypeError, match="no filter monitors: there are event_id, monitor"):
            zm.events(monitors=1)  # type: ignore[call-arg]
        with pytest.raises(FilterRefused):
            zm.events(limit=-1)


@pytest.mark.parametrize(
    ("personality", "as_what"), [(V1_34, "500-json"), (V1_36_33, "truncate"), (V1_38_4, "empty")], ids=lambda each: str(each)[:30]
)
@pytest.mark.parametrize("newest_first", [True, False])
async def test_rows_that_can_not_be_written_keep_no_other_from_being_read(
    personality: Personality,
    as_what: str,
    newest_first: bool,  # noqa: FBT001 - as it is asked for
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = recorded(personality, events=130)
    async with library(world) as (zm, fake):
        fake.unreadable["events"], fake.unreadable_as = {40, 41, 129}, as_what
        query = zm.events(newest_first=newest_first)
        with caplog.at_level(logging.WARNING):
            found = ids(await query.list())
        assert found == sorted(set(range(1, 131)) - {40, 41, 129}, reverse=newest_first)
        assert query.unreadable == (40, 41, 129)
        assert pages_asked(fake) < 110
        assert len([line for line in caplog.messages if "can't be read and is left out" in line]) == 3
        # Of a camera that records seldom it takes no more.
        before = pages_asked(fake)
        assert len(await zm.events(monitor=3, newest_first=newest_first).list()) == len(set(range(3, 131, 3)) - {40, 41, 129})
        assert pages_asked(fake) - before < 40


@pytest.mark.parametrize("newest_first", [True, False])
async def test_a_question_that_zoneminder_can_not_answer_is_no_row_to_be_searched_for(
    newest_first: bool,  # noqa: FBT001 - as it is asked for
) -> None:
    async with library(recorded()) as (zm, fake):
        with pytest.raises(VmsProtocolError, match="Unknown column"):
            await zm.events(raw=[("NoSuchColumn", "1")], newest_first=newest_first).list()
        assert pages_asked(fake) == 2


async def test_where_no_list_can_be_had_it_is_said_why() -> None:
    async with library(recorded(V1_36_36, events=3)) as (zm, fake):
        fake.fail("events/index", "500-json")
        with pytest.raises(VmsProtocolError, match="Countable") as raised:
            await zm.events().list()
        assert "zoneminder#4465" in raised.value.hint


async def test_a_list_that_follows_no_filter_is_not_read_for_ever() -> None:
    async with library(recorded(events=150)) as (zm, fake):
        first = await zm.events(limit=100).list()
        assert len(first) == 100

        def unfiltered(path: str, body: bytes) -> bytes:
            return same[0] if path.startswith("events/index") else body

        same = [b'{"events":[{"Event":{"Id":900,"MonitorId":1,"StartDateTime":"2026-11-20 10:00:00"}}],"pagination":{"count":7}}']
        fake.rewrite = unfiltered
        with pytest.raises(VmsProtocolError, match="other events than those"):
            await zm.events().list()


async def test_what_is_recorded_or_deleted_meanwhile_shifts_nothing() -> None:
    world = recorded(events=300)
    async with library(world) as (zm, _):
        found: list[int] = []
        async for row in zm.events():
            found.append(row.id)
            if row.id == 250:
                for number in (251, 250, 30):
                    world.delete_event(number)
                world.open_event(1)
        assert found == [number for number in range(300, 0, -1) if number != 30]


words = st.text(min_size=1, max_size=12)
alarm = st.integers(0, 3)


@settings(deadline=None)
@given(words, words, words, alarm, alarm)
def test_what_the_list_is_asked_for_is_never_less_than_what_is_wanted(
    before: str, text: str, after: str, low: int, has: int
) -> None:
    notes = before + text + after
    row = EventRow(id=1, monitor_id="1", start=NOON, notes=notes, alarm_frames=has)
    wanted = Wanted(notes=text, alarm_frames=(low, None))
    assert wanted.matches(row) == (has >= low)
    segments = dict(segments_of(wanted, UTC))
    assert segments["AlarmFrames >="] == str(low)
    pattern = segments.get("Notes REGEXP")
    assert pattern is None or re.search(pattern, notes, re.IGNORECASE | re.DOTALL)
    assert pattern is None or re.fullmatch(r"[A-Za-z0-9 .*]+", pattern)


@pytest.mark.parametrize(
    ("wanted", "segments"),
    [
        (Wanted(object_only=True), [("Notes REGEXP", "detected:")]),
        (Wanted(label="person"), [("Notes REGEXP", "detected:.*person")]),
        (Wanted(notes="50% / Tür"), [("Notes REGEXP", "50.* T.*r")]),
        (Wanted(notes="ü"), []),
        (Wanted(notes=re.compile("a|b")), []),
        (Wanted(cause="Motion", archived=True), [("Archived", "1"), ("Cause REGEXP", "Motion")]),
        (Wanted(tags=(3, 4), raw=(("Frames >", "5"),)), [("TagId", "3,4"), ("Frames >", "5")]),
        (Wanted(score=(10, 90), length_s=(None, 2.5)), [("MaxScore >=", "10"), ("MaxScore <=", "90"), ("Length <=", "2.5")]),
    ],
)
def test_filters_as_the_list_takes_them(wanted: Wanted, segments: list[tuple[str, str]]) -> None:
    assert segments_of(wanted, UTC) == segments


def test_what_a_row_says_is_looked_at_once_more() -> None:
    def row(**fields: Any) -> EventRow:  # noqa: ANN401 (a row's fields)
        return EventRow(**{"id": 1, "monitor_id": "1", "start": NOON, **fields})

    found = row(notes="[a] detected:Person:97% car:80%Motion: Door", cause="Motion", archived=True)
    assert Wanted(label="person", object_only=True).matches(found)
    assert not Wanted(label="door").matches(found)
    assert Wanted(notes=re.compile(r"car:\d+%"), cause="moti").matches(found)
    assert not Wanted(cause=re.compile("^Signal")).matches(found)
    assert not Wanted(archived=False).matches(found)
    assert not Wanted(alarm_frames=(0, None)).matches(row(alarm_frames=None))
    assert not Wanted(alarm_frames=(None, 5)).matches(row(alarm_frames=None))
