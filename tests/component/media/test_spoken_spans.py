"""Times in English and German words, at half past two on Thursday, 13 March 2025, in Berlin."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from custom_components.vms_bridge.spoken_spans import Listener, Span, written
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SETTINGS = settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2025, 3, 13, 14, 30, 20, 500, tzinfo=BERLIN)
LISTENER = Listener(NOW, BERLIN)
ZONES = st.sampled_from(
    [BERLIN, ZoneInfo("UTC"), ZoneInfo("Australia/Lord_Howe"), ZoneInfo("America/Sao_Paulo"), ZoneInfo("Asia/Kathmandu")]
)
FIRST, LAST = datetime(1970, 1, 3), datetime(2199, 12, 28)  # noqa: DTZ001 - hypothesis adds the zone
TIMES = st.datetimes(FIRST, LAST, timezones=st.just(UTC)).map(lambda time: time.replace(microsecond=0))
SAID = (
    "last letzte letzten 3 3h hours stunden monday montag yesterday gestern heute morgen abend evening night nacht since seit "
    "before vor bis until to .. - 2025-03-10 2025-03 2025-03-10T11:00 2025-13-40 10.3. 31.2. 29.2. 29 february 8:00 25:00 8pm 20 "
    "uhr 8:00-10:00 ago week woche month in the of am from von 9999-12-31 0001-01-01 99:99 montagabend this diese 10 march 2025"
)
WORDS = st.sampled_from(SAID.split())


def local(text: str) -> datetime:
    """Return a time as the clock in Berlin shows it."""
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN).astimezone(UTC)


@pytest.mark.parametrize(
    ("phrases", "since", "until"),
    [
        ("today|heute|2025-03-13|13.3.|13.03.2025", "2025-03-13", "2025-03-14"),
        ("13 March|March 13, 2025|13. März|13th of march 2025", "2025-03-13", "2025-03-14"),
        ("yesterday|Gestern|wednesday|Mittwoch|last wednesday|on wednesday", "2025-03-12", "2025-03-13"),
        ("vorgestern|the day before yesterday|2 days ago|vor zwei Tagen", "2025-03-11", "2025-03-12"),
        ("thursday|Donnerstag", "2025-03-13", "2025-03-14"),
        ("last thursday|letzten Donnerstag", "2025-03-06", "2025-03-07"),
        ("last monday|letzten Montag|monday", "2025-03-10", "2025-03-11"),
        ("14 march|14.3.", "2024-03-14", "2024-03-15"),
        ("29 february|29.2.", "2024-02-29", "2024-03-01"),
        ("morning|this morning|heute Morgen|heute früh|today morning|morgens", "2025-03-13T06:00", "2025-03-13T12:00"),
        ("afternoon|Nachmittag|heute nachmittag", "2025-03-13T12:00", "2025-03-13T18:00"),
        ("evening|yesterday evening|gestern Abend|mittwochabend|last evening", "2025-03-12T18:00", "2025-03-12T22:00"),
        ("this evening|heute Abend", "2025-03-13T18:00", "2025-03-13T22:00"),
        ("night|last night|letzte Nacht|yesterday night|gestern nacht", "2025-03-12T22:00", "2025-03-13T06:00"),
        ("tonight|heute Nacht", "2025-03-13T22:00", "2025-03-14T06:00"),
        ("monday morning|morning of 2025-03-10|am Montag früh|in the morning on monday", "2025-03-10T06:00", "2025-03-10T12:00"),
        ("last hour|past 60 minutes|letzte Stunde|the last 1h", "2025-03-13T13:30:20", None),
        ("last 3 hours|letzten drei Stunden|die letzten 3 Stunden|past three hours|last 3h", "2025-03-13T11:30:20", None),
        ("last 2 weeks|letzte 2 Wochen|last 14 days", "2025-02-27T14:30:20", None),
        ("3 hours ago|vor 3 Stunden", "2025-03-13T11:30:20", "2025-03-13T12:30:20"),
        ("a week ago|vor einer Woche|last week|letzte Woche", "2025-03-03", "2025-03-10"),
        ("this week|diese Woche", "2025-03-10", "2025-03-17"),
        ("last month|letzten Monat|2025-02", "2025-02-01", "2025-03-01"),
        ("this month|dieser Monat|2025-03", "2025-03-01", "2025-04-01"),
        ("2025-03-10T11:00|monday 11:00|montag um 11 uhr|11am monday|monday at 11 am", "2025-03-10T11:00", "2025-03-10T12:00"),
        ("20:15", "2025-03-12T20:15", "2025-03-12T21:15"),
        ("8:00-10:30|8:00 to 10:30|von 8:00 bis 10:30|between 8am and 10:30", "2025-03-13T08:00", "2025-03-13T10:30"),
        ("gestern 20:00 bis 22:00|yesterday 8pm to 10pm|yesterday 20:00-22:00", "2025-03-12T20:00", "2025-03-12T22:00"),
        ("yesterday 22:00 to 2:00|yesterday 22:00-2:00", "2025-03-12T22:00", "2025-03-13T02:00"),
        ("monday to wednesday|von Montag bis Mittwoch|between monday and wednesday", "2025-03-10", "2025-03-13"),
        ("2025-03-10..2025-03-12|10.3. bis 12.3.", "2025-03-10", "2025-03-13"),
        ("2025-03-10T11:00..2025-03-10T11:30", "2025-03-10T11:00", "2025-03-10T11:30"),
        ("since monday|seit Montag|since last monday", "2025-03-10", None),
        ("since 8:00|seit 8 Uhr|ab 8:00", "2025-03-13T08:00", None),
        ("after monday|nach Montag", "2025-03-11", None),
        ("before monday|vor Montag|before 2025-03-10", None, "2025-03-10"),
        ("until monday|bis Montag", None, "2025-03-11"),
        ("until 2025-03-10T11:00", None, "2025-03-10T11:00"),
    ],
)
def test_what_people_mean(phrases: str, since: str | None, until: str | None) -> None:
    meant = Span(None if since is None else local(since), None if until is None else local(until))
    for phrase in phrases.split("|"):
        assert LISTENER.span(phrase) == meant, phrase


@pytest.mark.parametrize(
    "phrase",
    [
        "",
        "gate",
        "8",
        "last",
        "last gate",
        "3 gates ago",
        "last 0 hours",
        "25:00",
        "8:75",
        "13pm",
        "0am",
        "31.2.",
        "2025-02-30",
        "2025-13",
        "30 february",
        "2025-03-10T25:00",
        "8:00-8:00",
        "today to yesterday",
        "since",
        "since gate",
        "to",
        "1969-12-31",
        "2200-01-01",
        "last 9999 weeks",
        "until last 3 hours",
        "today " * 30,
    ],
)
def test_what_is_no_time(phrase: str) -> None:
    assert LISTENER.span(phrase) is None


def test_the_night_that_is_now() -> None:
    early = Listener(NOW.replace(hour=2), BERLIN)
    assert early.span("tonight") == early.span("last night") == Span(local("2025-03-12T22:00"), local("2025-03-13T06:00"))
    assert early.span("afternoon") == Span(local("2025-03-12T12:00"), local("2025-03-12T18:00"))


@SETTINGS
@given(st.lists(WORDS, max_size=7).map(" ".join) | st.text(max_size=90), TIMES, ZONES)
def test_a_phrase_means_a_span_or_nothing(phrase: str, now: datetime, zone: ZoneInfo) -> None:
    span = Listener(now, zone).span(phrase)
    assert span is None or span.since is not None or span.until is not None
    assert span is None or span.since is None or span.until is None or span.since < span.until


@SETTINGS
@given(st.none() | TIMES, st.none() | TIMES, TIMES, ZONES, st.sampled_from([("since", "before"), ("seit", "vor")]))
def test_what_is_written_means_the_same_whenever_it_is_said(
    since: datetime | None, until: datetime | None, now: datetime, zone: ZoneInfo, words: tuple[str, str]
) -> None:
    first, last = (until, since) if since is not None and until is not None and until < since else (since, until)
    if first == last:
        last = None
    phrase = written(Span(first, last), zone, since=words[0], before=words[1])
    assert Listener(now, zone).span(phrase) == (Span(first, last) if phrase else None)


@pytest.mark.parametrize(
    ("since", "until", "phrase"),
    [
        ("2025-03-13", "2025-03-14", "2025-03-13"),
        ("2025-03-10", "2025-03-14", "2025-03-10..2025-03-13"),
        ("2025-03-10T06:00", "2025-03-10T12:00:30", "2025-03-10T06:00..2025-03-10T12:00:30"),
        ("2025-03-10", None, "since 2025-03-10"),
        (None, "2025-03-10T08:00", "before 2025-03-10T08:00"),
        (None, None, ""),
    ],
)
def test_how_it_is_written(since: str | None, until: str | None, phrase: str) -> None:
    span = Span(None if since is None else local(since), None if until is None else local(until))
    assert written(span, BERLIN, since="since", before="before") == phrase


def test_an_hour_that_the_clock_shows_twice_is_written_with_its_offset() -> None:
    second = datetime(2025, 10, 26, 1, 30, tzinfo=UTC)
    assert written(Span(second, None), BERLIN, since="since", before="before") == "since 2025-10-26T02:30+01:00"
