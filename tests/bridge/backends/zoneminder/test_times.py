"""Times by more than one witness: what ZoneMinder tells of its zone may not be the zone that its events are in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.zoneminder.recorded import body

from vms_bridge.backends.zoneminder.event_times import OFFSETS, event_times
from vms_bridge.backends.zoneminder.local_time import LocalTime
from vms_bridge.backends.zoneminder.parse import EventRow, parse_event, parse_events
from vms_bridge.backends.zoneminder.time_witness import TimeWitness

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
        self.witness = TimeWitness("zm", self.local, lambda: 0.0)
        self.unix = unix
        self.number = 1

    def row(self, start: datetime, zone: ZoneInfo, *, seconds: float | None = None) -> EventRow:
        given = {"Id": self.number, "MonitorId": 1, "StartDateTime": written(start, zone), "EndDateTime": None}
        given |= {"StartTimeSecs": seconds or start.timestamp()} if self.unix else {}
        row = parse_event(given, self.local.reading, trusts_unix_times=self.local.by_clock is None)
        assert row is not None
        return row

    def begins(
        self, start: datetime, zone: ZoneInfo, *, age_s: float = 2.0, ahead_s: float = 0.0, seconds: float | None = None
    ) -> bool:
        """Have an event begin; `ahead_s`: by how much the web server's clock is wrong."""
        self.number += 1
        row = self.row(start, zone, seconds=seconds)
        self.witness.read([row])
        return self.witness.saw_begin(row, start + timedelta(seconds=age_s + ahead_s))

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
    assert "UTC-05:00, though it tells the time zone UTC" in (watched.local.problem or "")
    assert not watched.begins(NOW + timedelta(minutes=5), ZoneInfo("UTC"))
    assert watched.begins(NOW + timedelta(minutes=6), ZoneInfo("UTC"))
    assert (watched.local.name, watched.local.problem) == ("UTC", None)


def test_another_zone_that_is_told_is_seen_anew() -> None:
    watched = Watched(ZoneInfo("UTC"))
    for minute in range(2):
        watched.begins(NOW + timedelta(minutes=minute), NEW_YORK)
    watched.local.is_told(NEW_YORK)
    assert watched.local.offset is None
    assert watched.reads(NOW, NEW_YORK) == NOW
    watched.local.is_told(NEW_YORK)
    assert not watched.begins(NOW + timedelta(minutes=9), NEW_YORK)


def test_events_must_agree_one_after_the_other() -> None:
    watched = Watched(ZoneInfo("UTC"))
    for minute, real in enumerate((NEW_YORK, ZoneInfo("UTC"), NEW_YORK, BERLIN, NEW_YORK, KATHMANDU)):
        assert not watched.begins(NOW + timedelta(minutes=minute), real)
    assert watched.local.offset is None


def test_one_event_that_is_seen_twice_is_one_event() -> None:
    watched = Watched(ZoneInfo("UTC"))
    row = watched.row(NOW, NEW_YORK)
    assert not any(watched.witness.saw_begin(row, NOW + timedelta(seconds=age)) for age in range(5))


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
    assert not any(watched.witness.saw_begin(watched.row(NOW, NEW_YORK), None) for _ in range(4))
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
