"""Times by more than one witness: what ZoneMinder tells of its zone may not be the zone that its events are in."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bridge.backends.zoneminder.support import FastClock, MemoryFeed, config
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.personality import V1_36_33, V1_38_4
from tests.fakes.zoneminder.recorded import body

from vms_bridge.backends.zoneminder import KIND
from vms_bridge.backends.zoneminder.local_time import LocalTime
from vms_bridge.backends.zoneminder.time_witness import TimeWitness
from vms_bridge.logs import Trouble
from vms_bridge.model import Resume
from vms_bridge.zoneminder.event_times import OFFSETS, event_times
from vms_bridge.zoneminder.parse import parse_event, parse_events

if TYPE_CHECKING:
    from tests.bridge.backends.zoneminder.conftest import Serve
    from tests.fakes.zoneminder import FakeEvent, Personality

    from vms_bridge.zoneminder import EventRow

pytestmark = pytest.mark.virtual_time

NEW_YORK, BERLIN, KATHMANDU = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Kathmandu")
LORD_HOWE, LONDON, AUCKLAND = ZoneInfo("Australia/Lord_Howe"), ZoneInfo("Europe/London"), ZoneInfo("Pacific/Auckland")
ZONES = (ZoneInfo("UTC"), NEW_YORK, BERLIN, KATHMANDU, LORD_HOWE, LONDON, AUCKLAND, ZoneInfo("Asia/Kolkata"))
WHEN = st.integers(946_684_800, 2_145_916_800).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))


def written(time: datetime, zone: ZoneInfo) -> str:
    return f"{time.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def test_recorded_rows_tell_their_times_whatever_zone_is_told() -> None:
    """Of that server PHP, the operating system and the database were in New York; PHP might as well have said UTC."""
    for zone in ZONES:
        (closed,) = parse_events(body("events-closed-motion"), zone)
        assert closed.start == datetime(2026, 11, 28, 2, 1, 48, tzinfo=UTC)
        assert closed.end == datetime(2026, 11, 28, 2, 1, 53, tzinfo=UTC)
        assert closed.times is not None
        assert (closed.times.offset, closed.times.shift) == (timedelta(hours=-5), timedelta(0))
        (opened,) = parse_events(body("events-open-motion"), zone)
        assert (opened.start, opened.end) == (closed.start, None)


@settings(max_examples=300)
@given(WHEN, st.integers(0, 40_000), st.sampled_from(ZONES), st.sampled_from(ZONES))
def test_rows_with_unix_times_need_no_zone(start: datetime, length: int, real: ZoneInfo, told: ZoneInfo) -> None:
    end = start + timedelta(seconds=length)
    times = event_times(
        written(start, real), written(end, real), told, start_s=start.timestamp(), end_s=end.timestamp(), length_s=length + 0.2
    )
    assert times is not None
    assert (times.start, times.end) == (start, end)
    assert not times.shift


@settings(max_examples=300)
@given(WHEN, st.integers(1, 40_000), st.sampled_from(ZONES))
def test_a_length_says_which_pass_of_the_repeated_hour_an_end_is_in(start: datetime, length: int, zone: ZoneInfo) -> None:
    end = start + timedelta(seconds=length)
    times = event_times(written(start, zone), written(end, zone), zone, length_s=float(length))
    assert times is not None
    assert times.end is not None
    assert times.end - times.start == end - start
    if all(written(start, zone) != written(start - timedelta(hours=hours), zone) for hours in (0.5, 1)):
        assert times.start == start


@pytest.mark.parametrize(
    ("start", "end", "length", "zone", "ended", "shift"),
    [
        # the start is in UTC and the end is local (1.38.1, zoneminder#4807)
        ("2026-11-20 10:00:00", "2026-11-20 05:10:00", 600.0, UTC, "10:10:00", -5.0),
        ("2026-11-20 10:00:00", "2026-11-20 15:55:00", 600.0, UTC, "10:10:00", 5.75),
        ("2026-11-20 10:00:00", "2026-11-20 10:10:03", 600.0, UTC, "10:10:03", 0.0),
        ("2026-11-20 10:00:00", "2026-11-20 10:40:00", 600.0, UTC, "10:10:00", 0.5),
        # what is off by no zone's difference is no matter of zones
        ("2026-11-20 10:00:00", "2026-11-20 10:17:00", 600.0, UTC, "10:17:00", 0.0),
        ("2026-11-20 10:00:00", "2026-11-20 09:00:00", None, UTC, "10:00:00", None),
        ("2026-11-20 10:00:00", "2026-11-20 09:00:00", 0.0, UTC, "10:00:00", None),
    ],
)
def test_an_end_that_its_length_contradicts(
    start: str, end: str, length: float | None, zone: ZoneInfo, ended: str, shift: float | None
) -> None:
    times = event_times(start, end, zone, length_s=length)
    assert times is not None
    assert times.end is not None
    assert f"{times.end:%H:%M:%S}" == ended
    assert times.shift == (None if shift is None else timedelta(hours=shift))


@settings(max_examples=200)
@given(
    *(st.text(max_size=20) | st.datetimes().map(str) | st.datetimes(timezones=st.just(UTC)).map(str) for _ in range(2)),
    st.sampled_from(ZONES),
    *(st.none() | st.floats() | st.integers(-(10**18), 10**18) for _ in range(3)),
)
def test_any_times(start: str, end: str, zone: ZoneInfo, start_s: float, end_s: float, length: float) -> None:
    times = event_times(start, end, zone, start_s=start_s, end_s=end_s, length_s=length)
    assert times is None or times.end is None or times.end.tzinfo is UTC


class Watched:
    """A witness of events that begin one after the other."""

    def __init__(self, told: ZoneInfo | None, *, unix: bool = False) -> None:
        self.local = LocalTime(told)
        self.witness = TimeWitness(self.local, Trouble(logging.getLogger("test"), "times", lambda: 0.0))
        self.unix = unix
        self.number = 1

    def row(self, start: datetime, zone: ZoneInfo, *, seconds: float | None = None, date: datetime | None = None) -> EventRow:
        given = {"Id": self.number, "MonitorId": 1, "StartDateTime": written(start, zone), "EndDateTime": None}
        given |= {"StartTimeSecs": seconds or start.timestamp()} if self.unix else {}
        row = parse_event(given, self.local.reading, trusts_unix_times=self.local.by_clock is None, date=date)
        assert row is not None
        return row

    def begins(
        self, start: datetime, zone: ZoneInfo, *, age_s: float = 2.0, ahead_s: float = 0.0, seconds: float | None = None
    ) -> bool:
        """Have an event begin; `ahead_s`: by how much the web server's clock is wrong."""
        self.number += 1
        row = self.row(start, zone, seconds=seconds, date=start + timedelta(seconds=age_s + ahead_s))
        return self.witness.weigh([row], [row])

    def reads(self, start: datetime, zone: ZoneInfo) -> datetime:
        return self.row(start, zone).start


NOW = datetime(2026, 11, 28, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize("real", ZONES, ids=str)
@pytest.mark.parametrize("told", ZONES, ids=str)
def test_two_events_correct_the_zone(told: ZoneInfo, real: ZoneInfo) -> None:
    watched = Watched(told)
    is_right = NOW.astimezone(told).utcoffset() == NOW.astimezone(real).utcoffset()
    assert not watched.begins(NOW, real)
    assert watched.local.by_clock is None, "one event proves nothing"
    later = NOW + timedelta(minutes=3)
    assert watched.begins(later, real) is not is_right
    assert watched.reads(later, real) == later
    assert (watched.local.problem is None) is is_right
    assert (watched.local.name == str(told)) is is_right


def test_what_is_told_rightly_later_is_believed_again() -> None:
    """PHP keeps telling UTC; it is the host that was set to UTC now."""
    watched = Watched(ZoneInfo("UTC"))
    for minute in range(2):
        watched.begins(NOW + timedelta(minutes=minute), NEW_YORK)
    assert watched.local.name == "UTC-05:00"
    assert "UTC-05:00, though it names the time zone UTC" in (watched.local.problem or "")
    assert not watched.begins(NOW + timedelta(minutes=5), ZoneInfo("UTC"))
    assert watched.begins(NOW + timedelta(minutes=6), ZoneInfo("UTC"))
    assert (watched.local.name, watched.local.problem) == ("UTC", None)


def test_another_zone_that_is_told_is_seen_anew() -> None:
    watched = Watched(ZoneInfo("UTC"))
    for minute in range(2):
        watched.begins(NOW + timedelta(minutes=minute), NEW_YORK)
    watched.local.set_zone(NEW_YORK)
    assert watched.local.offset is None
    assert watched.reads(NOW, NEW_YORK) == NOW
    watched.local.set_zone(NEW_YORK)
    assert not watched.begins(NOW + timedelta(minutes=9), NEW_YORK)


def test_events_must_agree_one_after_the_other() -> None:
    watched = Watched(ZoneInfo("UTC"))
    for minute, real in enumerate((NEW_YORK, ZoneInfo("UTC"), NEW_YORK, BERLIN, NEW_YORK, KATHMANDU)):
        assert not watched.begins(NOW + timedelta(minutes=minute), real)
    assert watched.local.offset is None


def test_one_event_that_is_seen_twice_is_one_event() -> None:
    watched = Watched(ZoneInfo("UTC"))
    rows = [watched.row(NOW, NEW_YORK, date=NOW + timedelta(seconds=age)) for age in range(5)]
    assert not any(watched.witness.weigh([row], [row]) for row in rows)


@pytest.mark.parametrize("zone", [BERLIN, LORD_HOWE, NEW_YORK, AUCKLAND], ids=str)
@pytest.mark.parametrize("unix", [True, False])
def test_changes_of_the_clocks_contradict_nothing(zone: ZoneInfo, *, unix: bool) -> None:
    """An event may begin before one, and be seen after it; the repeated hour is nobody's mistake."""
    watched = Watched(zone, unix=unix)
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    changes = [
        hour
        for hour in (begin + timedelta(hours=number) for number in range(24 * 365))
        if hour.astimezone(zone).utcoffset() != (hour + timedelta(hours=1)).astimezone(zone).utcoffset()
    ]
    assert len(changes) == 2
    for change in changes:
        for second in range(0, 3 * 3600, 29):
            assert not watched.begins(change - timedelta(hours=1) + timedelta(seconds=second), zone, age_s=20)
            assert watched.local.problem is None


def test_a_zone_that_is_wrong_follows_the_change_of_the_clocks() -> None:
    watched = Watched(ZoneInfo("UTC"))
    change = datetime(2026, 11, 1, 6, 0, tzinfo=UTC)
    for minute in (-9, -8, 1, 2):
        watched.begins(change + timedelta(minutes=minute), NEW_YORK)
        expected = "UTC-04:00" if minute in {-8, 1} else "UTC" if minute < 0 else "UTC-05:00"
        assert watched.local.name == expected


@pytest.mark.parametrize("age_s", [-59, 0, 59])
def test_an_event_may_be_seen_a_moment_late(age_s: float) -> None:
    watched = Watched(ZoneInfo("UTC"))
    assert not watched.begins(NOW, KATHMANDU, age_s=age_s)
    assert watched.begins(NOW + timedelta(minutes=5), KATHMANDU, age_s=age_s)
    assert watched.local.name == "UTC+05:45"


@pytest.mark.parametrize("ahead_s", [90, 400, 15 * 60, 45 * 60, 20 * 3600, -23 * 3600, 61 * 60 + 5])
def test_a_clock_that_is_wrong_corrects_no_zone(ahead_s: float) -> None:
    """A proxy's, for instance: no two zones are so far apart."""
    watched = Watched(BERLIN)
    for minute in range(4):
        assert not watched.begins(NOW + timedelta(minutes=minute), BERLIN, ahead_s=ahead_s)
    assert watched.local.offset is None
    assert (watched.local.problem is None) is (ahead_s == 90)
    watched.begins(NOW + timedelta(minutes=9), BERLIN)
    assert watched.local.problem is None


def test_without_a_clock_there_is_no_witness() -> None:
    watched = Watched(BERLIN)
    rows = [watched.row(NOW, NEW_YORK) for _ in range(4)]
    assert not any(watched.witness.weigh([row], [row]) for row in rows)
    assert watched.local.problem is None


def test_unix_times_that_contradict_what_is_told_are_told() -> None:
    watched = Watched(ZoneInfo("UTC"), unix=True)
    assert not watched.begins(NOW, NEW_YORK)
    assert watched.local.name == "UTC-05:00"
    assert watched.reads(NOW, NEW_YORK) == NOW
    assert watched.local.problem
    assert not watched.begins(NOW + timedelta(minutes=1), NEW_YORK), "that was known"


def test_unix_times_are_not_believed_against_the_clock() -> None:
    """1.38.1 writes a start in UTC, and takes it for a local time when it counts its seconds."""
    watched = Watched(NEW_YORK, unix=True)
    for minute in range(2):
        begun = NOW + timedelta(minutes=minute)
        watched.begins(begun, ZoneInfo("UTC"), seconds=(begun + timedelta(hours=5)).timestamp())
    assert watched.local.name == "UTC"
    assert watched.local.problem
    begun = NOW + timedelta(minutes=7)
    times = event_times(
        written(begun, ZoneInfo("UTC")),
        written(begun + timedelta(minutes=10), NEW_YORK),
        watched.local.reading,
        start_s=(begun + timedelta(hours=5)).timestamp(),
        end_s=(begun + timedelta(minutes=10)).timestamp(),
        length_s=600.0,
        trusts_unix_times=False,
    )
    assert times is not None
    assert (times.start, times.end, times.shift) == (begun, begun + timedelta(minutes=10), timedelta(0))


def test_real_zones_are_known_offsets() -> None:
    offsets = {NOW.astimezone(ZoneInfo(name)).utcoffset() for name in ("Pacific/Chatham", "Australia/Eucla", "America/St_Johns")}
    assert offsets <= OFFSETS


# A whole connection.


@pytest.fixture
def clock() -> FastClock:
    return FastClock(20)


def mistaken(clock: FastClock, personality: Personality, real: ZoneInfo, told: str) -> World:
    """PHP tells another zone than the host and the database have."""
    world = World(personality, now=clock.now, zone=real.key)
    world.zone_name = told
    return world


def right(event: FakeEvent) -> datetime:
    return event.start.replace(microsecond=0)


@pytest.mark.parametrize(
    ("real", "told", "named"),
    [(NEW_YORK, "UTC", None), (ZoneInfo("UTC"), "America/New_York", "UTC"), (KATHMANDU, "Asia/Kolkata", "UTC+05:45")],
    ids=str,
)
async def test_a_zone_that_is_told_wrongly_is_corrected_by_the_second_event(
    real: ZoneInfo, told: str, named: str | None, clock: FastClock, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    named = named or str(timezone(clock.now().astimezone(real).utcoffset() or timedelta(0)))
    world = mistaken(clock, V1_36_33, real, told)
    async with FakeZoneMinder(world) as fake:
        before = MemoryFeed()
        async with serve(fake, before) as (_, feed):
            await feed.until(lambda: feed.cursor)
            first = world.open_event(1)
            await feed.until(lambda: feed.event(first.id))
            assert feed.system
            assert (feed.system.time_zone, feed.system.detail) == (told, None)
            second = world.open_event(2)
            for event in (first, second):
                await feed.until(lambda event=event: (seen := feed.event(event.id)) and seen.start == right(event))  # type: ignore[misc]
            await feed.until(lambda: feed.system and feed.system.time_zone == named)
            assert f"its events are in {named}, though it names the time zone {told}" in (feed.system.detail or "")
            assert "date.timezone in php.ini" in caplog.text
            world.close_event(first.id)
            await feed.until(lambda: (seen := feed.event(first.id)) and seen.end)
            seen = feed.event(first.id)
            assert seen
            assert first.end
            assert seen.end == first.end.replace(microsecond=0)
        after = MemoryFeed(texts=before.texts)
        async with serve(fake, after):
            assert after.system
            assert after.system.time_zone == named, "that was kept"
            await after.until(lambda: after.event(second.id))
            assert (after.event(second.id) or first).start == right(second)


async def test_what_was_mended_is_believed_again(clock: FastClock, serve: Serve) -> None:
    world = mistaken(clock, V1_36_33, NEW_YORK, "UTC")
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.cursor)
        for number in (1, 2):
            event = world.open_event(number)
            await feed.until(lambda event=event: feed.event(event.id))  # type: ignore[misc]
        await feed.until(lambda: feed.system and feed.system.detail)
        world.zone = ZoneInfo("UTC")
        for number in (1, 2, 3):
            event = world.open_event(number)
            await feed.until(lambda event=event: feed.event(event.id))  # type: ignore[misc]
        await feed.until(lambda: (seen := feed.event(event.id)) and seen.start == right(event))
        await feed.until(lambda: feed.system and (feed.system.time_zone, feed.system.detail) == ("UTC", None))


async def test_rows_that_tell_their_times_are_right_from_the_first_on(clock: FastClock, serve: Serve) -> None:
    world = mistaken(clock, V1_38_4, NEW_YORK, "UTC")
    missed = [world.close_event(world.open_event(1).id) for _ in range(3)]
    missed[0].start -= timedelta(days=4)
    opened = world.open_event(2)
    async with FakeZoneMinder(world) as fake, serve(fake, MemoryFeed(Resume(cursor="0@"))) as (_, feed):
        await feed.until(lambda: feed.event(opened.id) and feed.event(missed[-1].id))
        for event in (*missed, opened):
            assert (told := feed.event(event.id))
            assert told.start == right(event)
        await feed.until(lambda: feed.system and "though it names the time zone UTC" in (feed.system.detail or ""))


@pytest.mark.parametrize("personality", [V1_36_33, V1_38_4], ids=lambda p: p.version)
async def test_a_zone_that_was_never_told_is_not_needed_where_rows_tell(
    personality: Personality, clock: FastClock, serve: Serve
) -> None:
    world = mistaken(clock, personality, NEW_YORK, "")
    event = world.open_event(1)
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.event(event.id))
        assert (told := feed.event(event.id))
        assert told.start == (right(event) if personality is V1_38_4 else None)


async def test_what_began_long_ago_is_no_witness(clock: FastClock, serve: Serve) -> None:
    """It may have begun exactly so many hours ago as zones are apart."""
    world = World(V1_36_33, monitors=6, now=clock.now)
    for number in range(1, 7):
        event = world.open_event(number)
        event.start -= timedelta(hours=2)
        if number > 3:
            world.close_event(event.id)
    feed = MemoryFeed(Resume(cursor="1@"))
    async with FakeZoneMinder(world) as fake, serve(fake, feed):
        await feed.until(lambda: len(feed.events) >= 5)
        await clock.sleep(10)
        assert feed.system
        assert (feed.system.time_zone, feed.system.detail) == ("UTC", None)


@pytest.mark.parametrize("proxy", ["no date", "a cache"])
async def test_an_answer_without_its_time_proves_nothing(proxy: str, clock: FastClock, serve: Serve) -> None:
    world = mistaken(clock, V1_36_33, NEW_YORK, "UTC")
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        if proxy == "no date":
            fake.clock_ahead_s = None
        else:
            fake.headers = {"Age": "7"}
        await feed.until(lambda: feed.cursor)
        for number in (1, 2, 3):
            event = world.open_event(number)
            await feed.until(lambda event=event: feed.event(event.id))  # type: ignore[misc]
        await clock.sleep(3)
        assert feed.system
        assert (feed.system.time_zone, feed.system.detail) == ("UTC", None)


async def test_a_proxy_with_a_clock_of_its_own_is_told_and_corrects_nothing(clock: FastClock, serve: Serve) -> None:
    world = World(V1_36_33, now=clock.now)
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        fake.clock_ahead_s = 600
        await feed.until(lambda: feed.cursor)
        for number in (1, 2, 3):
            event = world.open_event(number)
            await feed.until(lambda event=event: feed.event(event.id))  # type: ignore[misc]
        await feed.until(
            lambda: feed.system and "its events begin 10 minutes off its web server's clock" in (feed.system.detail or "")
        )
        assert all(event.start == right(world.events[int(event.id)]) for event in feed.events)
        fake.clock_ahead_s = 0
        world.open_event(1)
        await feed.until(lambda: feed.system and feed.system.detail is None)


async def test_starts_in_another_zone_than_ends_are_told_and_mended(clock: FastClock, serve: Serve) -> None:
    world = World(V1_38_4, now=clock.now, zone="America/New_York")
    world.writes_start_in_utc = True
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.cursor)
        first = world.open_event(1)
        await feed.until(lambda: feed.event(first.id))
        await clock.sleep(2)
        world.close_event(first.id)
        await feed.until(lambda: (seen := feed.event(first.id)) and seen.is_over)
        assert (told := feed.event(first.id))
        assert told.start
        assert told.end
        assert told.end >= told.start
        await feed.until(lambda: feed.system and "hours off their length" in (feed.system.detail or ""))
        for number in (2, 3):
            event = world.open_event(number)
            await feed.until(lambda event=event: feed.event(event.id))  # type: ignore[misc]
        await feed.until(lambda: (seen := feed.event(event.id)) and seen.start == right(event))
        world.close_event(event.id)
        await feed.until(lambda: (seen := feed.event(event.id)) and seen.is_over)
        assert (told := feed.event(event.id))
        assert event.end
        assert told.end == event.end.replace(microsecond=0)


# What `check` says.


async def said(world: World, clock: FastClock, ahead_s: float = 0.0) -> str:
    async with FakeZoneMinder(world) as fake:
        fake.clock_ahead_s = ahead_s
        found = await KIND.create("zm", config(fake.url), clock).check()
    return "\n".join(f"{finding.text} -> {finding.hint}" for finding in found if finding.problem)


@pytest.mark.parametrize("personality", [V1_36_33, V1_38_4], ids=lambda p: p.version)
async def test_check_says_that_events_are_in_another_zone(personality: Personality, clock: FastClock) -> None:
    world = mistaken(clock, personality, KATHMANDU, "UTC")
    world.open_event(1)
    text = "its events are in UTC+05:45, though it names the time zone UTC -> set TIMEZONE"
    assert text in await said(world, clock)
    world.zone_name = "Asia/Kathmandu"
    assert not await said(world, clock)


async def test_check_knows_events_that_have_run_for_a_while(clock: FastClock) -> None:
    world = World(V1_36_33, now=clock.now, zone="Europe/Berlin")
    event = world.open_event(1)
    event.start -= timedelta(hours=2)
    event.length = 7200.0
    assert not await said(world, clock)
    world.zone_name = "UTC"
    assert "though it names the time zone UTC" in await said(world, clock)
    world.close_event(event.id)
    assert not await said(world, clock), "what is over is no witness"


async def test_check_compares_clocks_and_ends(clock: FastClock) -> None:
    world = World(V1_38_4, now=clock.now, zone="America/New_York")
    assert "its web server's clock is 9 minutes behind that of this machine -> compare" in await said(world, clock, ahead_s=-540)
    world.writes_start_in_utc = True
    world.open_event(1).start -= timedelta(minutes=5)
    world.close_event(1)
    assert "hours off their length -> " in await said(world, clock)
