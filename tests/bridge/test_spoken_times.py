"""Times as people say them: what is meant, in every zone and when clocks change, and what is no time."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vms_bridge.spoken_times import Ambiguous, Listener, NotUnderstood, Span

patiently = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 28, 14, 30, tzinfo=UTC)
"""A Saturday, 15:30 in Berlin."""
HERE = Listener(now=NOW, zone=BERLIN)
ZONES = [
    ZoneInfo(name)
    for name in ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Chatham")
]
zones = st.sampled_from(ZONES)
moments = st.datetimes(datetime(1990, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - as hypothesis wants its bounds


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("now", "2026-11-28T15:30"),
        ("1 hour ago", "2026-11-28T14:30"),
        ("an hour ago", "2026-11-28T14:30"),
        ("half an hour ago", "2026-11-28T15:00"),
        ("2h", "2026-11-28T13:30"),
        ("1.5 hours ago", "2026-11-28T14:00"),
        ("90 s", "2026-11-28T15:28:30"),
        ("7d", "2026-11-21T15:30"),
        ("  4  Weeks AGO ", "2026-10-31T15:30"),
        ("in 2 days", "2026-11-30T15:30"),
        ("today", "2026-11-28"),
        ("yesterday", "2026-11-27"),
        ("tomorrow at noon", "2026-11-29T12:00"),
        ("yesterday 8pm", "2026-11-27T20:00"),
        ("8:30 pm yesterday", "2026-11-27T20:30"),
        ("yesterday at 20:15:30", "2026-11-27T20:15:30"),
        ("8am", "2026-11-28T08:00"),
        ("12am", "2026-11-28"),
        ("12 pm", "2026-11-28T12:00"),
        ("midnight", "2026-11-28"),
        ("monday", "2026-11-23"),
        ("saturday", "2026-11-28"),
        ("last saturday", "2026-11-21"),
        ("on tue at 7:05", "2026-11-24T07:05"),
        ("next monday", "2026-11-30"),
        ("2026-11-20", "2026-11-20"),
        ("2026-11-20 8pm", "2026-11-20T20:00"),
        ("2026-11-20T11:00", "2026-11-20T11:00"),
        ("2026-11-20 11:00:30", "2026-11-20T11:00:30"),
        ("2026-11-20T11:00Z", "2026-11-20T12:00"),
        ("2026-11-20T11:00+05:30", "2026-11-20T06:30"),
        ("2026-07-01", "2026-07-01"),
    ],
)
def test_points(text: str, meant: str) -> None:
    assert HERE.point(text) == berlin(meant)


@pytest.mark.parametrize(
    ("text", "meant"),
    [("90d", "2027-02-26T15:30"), ("monday", "2026-11-30"), ("saturday", "2026-12-05"), ("1 day ago", "2026-11-27T15:30")],
)
def test_what_is_still_to_come(text: str, meant: str) -> None:
    assert HERE.point(text, ahead=True) == berlin(meant)


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("yesterday 8pm to 10pm", "2026-11-27T20:00", "2026-11-27T22:00"),
        ("yesterday 10pm until 2am", "2026-11-27T22:00", "2026-11-28T02:00"),
        ("yesterday 8pm to midnight", "2026-11-27T20:00", "2026-11-28"),
        ("8pm to 10pm yesterday", "2026-11-27T20:00", "2026-11-27T22:00"),
        ("11pm to 1am today", "2026-11-27T23:00", "2026-11-28T01:00"),
        ("10 minutes ago to 5 minutes ago", "2026-11-28T15:20", "2026-11-28T15:25"),
        ("2 hours ago to now", "2026-11-28T13:30", "2026-11-28T15:30"),
        ("between 8:00 and 9:30", "2026-11-28T08:00", "2026-11-28T09:30"),
        ("from monday to wednesday", "2026-11-23", "2026-11-26"),
        ("2026-11-20 - 2026-11-21", "2026-11-20", "2026-11-22"),
        ("2026-11-20T11:00 to 12:00", "2026-11-20T11:00", "2026-11-20T12:00"),
        ("yesterday", "2026-11-27", "2026-11-28"),
        ("2026-10-25", "2026-10-25", "2026-10-26"),
        ("last 2 hours", "2026-11-28T13:30", "2026-11-28T15:30"),
        ("the past hour", "2026-11-28T14:30", "2026-11-28T15:30"),
        ("last 7d", "2026-11-21T15:30", "2026-11-28T15:30"),
        ("this week", "2026-11-23", "2026-11-30"),
        ("last week", "2026-11-16", "2026-11-23"),
        ("this month", "2026-11-01", "2026-12-01"),
        ("last month", "2026-10-01", "2026-11-01"),
        ("1 hour ago", "2026-11-28T14:30", None),
        ("since yesterday 8pm", "2026-11-27T20:00", None),
    ],
)
def test_spans(text: str, since: str, until: str | None) -> None:
    assert HERE.span(text) == Span(since=berlin(since), until=None if until is None else berlin(until))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "soon",
            "5",
            "-2h",
            "2 parsecs ago",
            "13pm",
            "0am",
            "25:00",
            "2026-13-01",
            "2026-02-30",
            "yesterday 8",
            "last",
            "ago",
            "in",
        ),
        *("99999999999d", "999999 weeks ago", "0001-01-01T00:00+14:00", "9999-12-31T23:00-10:00", "٣h", "x" * 10_000, "\0"),
    ],
)
def test_no_points(text: str) -> None:
    with pytest.raises(NotUnderstood, match="expected a time such as"):
        HERE.point(text)
    with pytest.raises(NotUnderstood):
        HERE.span(text)


@pytest.mark.parametrize("text", ["now to yesterday", "5 minutes ago to 10 minutes ago", "2026-11-21 to 2026-11-20 8am"])
def test_spans_that_end_before_they_begin(text: str) -> None:
    with pytest.raises(NotUnderstood, match="ends before it begins"):
        HERE.span(text)


@pytest.mark.parametrize(
    "text",
    ["yesterday to", "to yesterday", "8 to 10", "9999-12-31", "9999-12-31 to 9999-12-31", "last 999999 weeks", "last parsec"],
)
def test_no_spans(text: str) -> None:
    with pytest.raises(NotUnderstood):
        HERE.span(text)


def test_without_a_zone_that_of_the_machine_is_meant() -> None:
    here = Listener(now=NOW)
    assert here.point("2026-11-20T11:00") == datetime(2026, 11, 20, 11).astimezone(UTC)
    assert here.span("2026-07-01").since == datetime(2026, 7, 1).astimezone(UTC)


@patiently
@given(
    now=moments,
    zone=zones,
    first=st.integers(1, 999_999),
    last=st.integers(0, 999_998),
    unit=st.sampled_from(["second", "minute"]),
)
def test_time_that_has_passed_is_the_same_everywhere(now: datetime, zone: ZoneInfo, first: int, last: int, unit: str) -> None:
    span = f"{first} {unit}s ago to {last} {unit}s ago"
    second = timedelta(seconds=1 if unit == "second" else 60)
    heard = Listener(now=now, zone=zone)
    if last >= first:
        with pytest.raises(NotUnderstood):
            heard.span(span)
    else:
        assert heard.span(span) == Span(since=now - first * second, until=now - last * second)


@patiently
@given(now=moments, zone=zones, back=st.integers(0, 10_000))
def test_a_day_is_the_zones_day(now: datetime, zone: ZoneInfo, back: int) -> None:
    day = (now - timedelta(days=back)).astimezone(zone).date()
    span = Listener(now=now, zone=zone).span(day.isoformat())
    assert span.until is not None
    assert timedelta(hours=22) <= span.until - span.since <= timedelta(hours=26)
    assert span.since <= datetime.combine(day, time(12), zone) < span.until


@patiently
@given(
    now=moments,
    zone=zones,
    hours=st.tuples(st.integers(0, 23), st.integers(0, 23)),
    words=st.sampled_from(["yesterday ", "2026-10-25 ", "2026-03-29 ", ""]),
)
def test_from_one_time_of_day_to_another(now: datetime, zone: ZoneInfo, hours: tuple[int, int], words: str) -> None:
    first, last = hours
    span = Listener(now=now, zone=zone).span(f"{words}{first}:00 to {last}:00")
    assert span.until is not None
    assert timedelta() < span.until - span.since <= timedelta(hours=26)
    begins, ends = span.since.astimezone(zone), span.until.astimezone(zone)
    assert not _is_there(datetime.combine(begins.date(), time(first), zone)) or begins.hour == first
    assert ends.date() - begins.date() in {timedelta(0), timedelta(1), timedelta(2)}


@patiently
@given(now=moments, zone=zones, point=moments)
def test_what_is_written_is_read(now: datetime, zone: ZoneInfo, point: datetime) -> None:
    heard = Listener(now=now, zone=zone)
    assert heard.point(point.isoformat()) == point
    local = point.astimezone(zone)
    written = heard.point(local.replace(tzinfo=None).isoformat(sep=" "))
    assert written in {
        point,
        point + timedelta(hours=1),
        point - timedelta(hours=1),
        point + timedelta(minutes=30),
        point - timedelta(minutes=30),
    }
    if not local.fold:
        assert written == point


WORDS = st.sampled_from(
    [
        "yesterday",
        "last",
        "8pm",
        "to",
        "ago",
        "2",
        "hours",
        "monday",
        "-",
        "2026-11-20",
        "9999-12-31",
        "0001-01-01",
        "at",
        "12:00",
        "week",
        "+14:00",
    ]
)


@patiently
@given(now=moments, zone=zones, text=st.one_of(st.text(max_size=30), st.lists(WORDS, max_size=6).map(" ".join)))
def test_whatever_is_said_it_is_a_time_or_not(now: datetime, zone: ZoneInfo, text: str) -> None:
    heard = Listener(now=now, zone=zone)
    for listen in (heard.point, heard.span):
        try:
            meant = listen(text)
        except NotUnderstood:
            continue
        else:
            assert isinstance(meant, datetime | Span)
            first = meant if isinstance(meant, datetime) else meant.since
            assert first.utcoffset() == timedelta(0)


def _is_there(local: datetime) -> bool:
    """Say whether the zone's clocks show this time at all."""
    return local.astimezone(UTC).astimezone(local.tzinfo).replace(fold=0) == local.replace(fold=0)


def test_a_day_in_the_calendar_is_none_of_the_clock() -> None:
    """As 2011-12-30, which there was not on Samoa."""
    apia = Listener(now=datetime(2012, 1, 5, tzinfo=UTC), zone=ZoneInfo("Pacific/Apia"))
    with pytest.raises(NotUnderstood, match="ends before it begins"):
        apia.span("2011-12-30")
    assert apia.span("2011-12-31").since.astimezone(ZoneInfo("Pacific/Apia")).date() == date(2011, 12, 31)


@pytest.mark.parametrize("text", ["2026-10-25T02:30", "2026-10-25 2:30", "2026-10-25 2:30 to 2026-10-25 4:00"])
def test_who_is_strict_has_an_hour_that_comes_twice_said_exactly(text: str) -> None:
    listener = Listener(now=NOW, zone=BERLIN, is_strict=True)
    with pytest.raises(Ambiguous) as refused:
        listener.span(text)
    assert str(refused.value) == (
        "02:30 came twice on 2026-10-25, as clocks were set back: write 2026-10-25T02:30+02:00 or 2026-10-25T02:30+01:00"
    )
    assert HERE.span(text).since == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # who is not takes the first
    assert listener.point("2026-10-25T02:30+01:00") == datetime(2026, 10, 25, 1, 30, tzinfo=UTC)


def test_who_is_strict_learns_that_a_time_never_came() -> None:
    listener = Listener(now=NOW, zone=BERLIN, is_strict=True)
    with pytest.raises(Ambiguous, match=r"02:30 never came on 2026-03-29, as clocks were set ahead: write .*03:30\+02:00 or .*"):
        listener.point("2026-03-29 2:30")


def test_days_and_amounts_are_never_in_doubt() -> None:
    havana = ZoneInfo("America/Havana")  # where the first hour of a day comes twice
    strict = Listener(now=NOW, zone=havana, is_strict=True)
    assert strict.point("2026-11-01") == Listener(now=NOW, zone=havana).point("2026-11-01")
    now = datetime(2026, 10, 25, 1, 30, tzinfo=UTC)
    assert Listener(now=now, zone=BERLIN, is_strict=True).point("1 hour ago") == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
