"""Each node has one identifier, which says where it is; nothing else is one."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from custom_components.vms_bridge.places import (
    FOUND,
    KINDS,
    LABELS,
    LATEST,
    Place,
    Wanted,
    end_of_hour,
    narrowed,
    span_of_day,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SETTINGS = settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
PRINTABLE = st.characters(exclude_categories=("C", "Z")) | st.just(" ")
TEXTS = st.text(PRINTABLE, min_size=1, max_size=12)
FIRST, LAST = datetime(1, 1, 2), datetime(9999, 12, 30)  # noqa: DTZ001 - hypothesis adds the zone
TIMES = st.datetimes(FIRST, LAST, timezones=st.just(UTC)).map(lambda time: time.replace(microsecond=0))
CAMERAS = st.from_regex(r"[a-z][a-z0-9_]{0,5}/[A-Za-z0-9_-]{1,6}", fullmatch=True)
WANTED = st.builds(
    Wanted,
    cameras=st.lists(CAMERAS, max_size=3).map(tuple),
    **{name: st.lists(TEXTS, max_size=3).map(tuple) for name in ("labels", "kinds", "zones", "plates", "faces")},
    words=st.just("") | TEXTS,
    since=st.none() | TIMES,
    until=st.none() | TIMES,
)
KEYS = st.tuples(st.none(), st.none()) | st.tuples(
    st.from_regex(r"[a-z][a-z0-9_]{0,31}", fullmatch=True), st.none() | st.from_regex(r"[A-Za-z0-9_-]{1,48}", fullmatch=True)
)
PLACES = st.builds(
    lambda keys, **said: Place(system=keys[0], monitor=keys[1], **said),
    KEYS,
    bridge_id=TEXTS,
    wanted=WANTED,
    day=st.none() | st.dates(),
    hour=st.none() | TIMES,
    shows=st.sampled_from(["", LABELS, KINDS, LATEST, FOUND]),
    after=st.none() | TEXTS,
)


@SETTINGS
@given(PLACES)
def test_an_identifier_says_which_place_it_is(place: Place) -> None:
    assert Place.parse(place.format()) == place


@SETTINGS
@given(st.text(max_size=40) | st.from_regex(r"b1(/[a-z]{1,6}=?[a-z0-9%-]{0,10}){0,4}", fullmatch=True))
def test_nothing_else_is_taken_for_one(text: str) -> None:
    place = Place.parse(text)
    assert place is None or place.format() == text


@pytest.mark.parametrize(
    "identifier",
    [
        "",
        "b1/",
        "b1/ZM",
        "b1/zm/a b",
        "b1/zm/1/2",
        "b1/label=",
        "b1/label=a%2",
        "b1/label=%FF",
        "b1/label=a%0Ab",
        "b1/kind=alarm/label=person",
        "b1/unknown=1",
        "b1/day=2025-02-30",
        "b1/day=2025-3-1",
        "b1/day=2025-03-01/day=2025-03-02",
        "b1/hour=2025-03-01T10:00:00",
        "b1/hour=2025-03-01T25:00:00Z",
        "b1/since=2025-03-01T10:00:00+00:00",
        "b1/camera=zm",
        "b1/show=everything",
        f"b1/label={'a' * 257}",
        f"b1/after={'a' * 1001}",
        "b1" + "/label=a" * 101,
        "b1" + "/camera=zm%2F1" * 51,
        "b1" + "/label=a" * 3_000,
    ],
)
def test_what_is_no_place(identifier: str) -> None:
    assert Place.parse(identifier) is None


def test_how_one_looks() -> None:
    wanted = Wanted(cameras=("zm/1",), labels=("license plate",), words="gate*", since=datetime(2025, 3, 1, tzinfo=UTC))
    place = Place(bridge_id="5f0c", system="zm", wanted=wanted, shows=FOUND, after="1.23")
    assert place.format() == (
        "5f0c/zm/camera=zm%2F1/label=license%20plate/words=gate%2A/since=2025-03-01T00:00:00Z/show=found/after=1.23"
    )
    assert wanted.query == {"monitor": ["zm/1"], "label": ["license plate"], "words": "gate*", "since": "2025-03-01T00:00:00Z"}


def test_a_day_is_as_long_as_clocks_say() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for day, hours in ((date(2025, 3, 29), 24), (date(2025, 3, 30), 23), (date(2025, 10, 26), 25)):
        since, until = span_of_day(day, berlin)
        assert until - since == timedelta(hours=hours)


def test_an_hour_is_longer_where_clocks_are_set_by_half_of_one() -> None:
    zone = ZoneInfo("Australia/Lord_Howe")
    before = datetime(2025, 4, 5, 14, 0, tzinfo=UTC)  # 1:00; at 2:00 the clock is set back to 1:30
    assert end_of_hour(before, zone) == before + timedelta(hours=1, minutes=30)
    assert end_of_hour(before - timedelta(hours=1), zone) == before
    assert end_of_hour(datetime(2025, 3, 1, 0, 30, tzinfo=UTC), ZoneInfo("Asia/Kolkata")) == datetime(
        2025, 3, 1, 1, 30, tzinfo=UTC
    )


def test_what_is_wanted_is_narrowed_only() -> None:
    early, late = datetime(2025, 3, 1, tzinfo=UTC), datetime(2025, 3, 2, tzinfo=UTC)
    assert narrowed(Wanted(), early, late) == Wanted(since=early, until=late)
    assert narrowed(Wanted(since=late), early, None) == Wanted(since=late)
    assert narrowed(Wanted(until=early), None, late) == Wanted(until=early)
