"""Fields of answers: each of VXG's spellings, and whatever else may stand there."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.vxg import fields, rows

NOON = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)
json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
NAMES = st.sampled_from(
    [
        *("id", "camid", "name", "time", "start", "end", "url", "token", "access_tokens", "status", "recording", "meta", "thumb"),
        *(
            "preview",
            "filemeta",
            "webrtc",
            "expire",
            "channels",
            "objects",
            "3",
            "caps",
            "enabled",
            "duration",
            "created",
            "rtsp",
        ),
    ]
)


@pytest.mark.parametrize(
    "said",
    [
        "2026-11-20T12:00:00.250000",
        "2026-11-20T12:00:00.25",
        "2026-11-20T12:00:00.250Z",
        "2026-11-20T13:00:00.250+01:00",
        "20261120T120000.250",
        NOON.timestamp(),
    ],
)
def test_a_time_in_each_of_its_spellings(said: object) -> None:
    assert fields.moment(said) == NOON


@pytest.mark.parametrize(
    "said",
    [
        *("", "noon", "2026-13-40T00:00:00", "0001-01-01T00:00:00+14:00", 1e30, True, None, [], "9" * 100),
        *("0001-01-01T00:00:00", "9999-12-31T23:59:59", -1e10, 253_402_300_000),  # nobody can reckon with these
    ],
)
def test_what_is_no_time(said: object) -> None:
    assert fields.moment(said) is None


@given(st.datetimes(datetime(1971, 1, 1), datetime(2100, 1, 1)), st.integers(-14 * 60, 14 * 60))  # noqa: DTZ001 (a zone is added)
def test_a_time_comes_back_as_it_went(when: datetime, minutes: int) -> None:
    aware = when.replace(tzinfo=timezone(timedelta(minutes=minutes)))
    assert fields.moment(fields.written(aware)) == aware
    assert "+" not in fields.written(aware)


def test_days_and_words() -> None:
    assert fields.day("2026-11-20") == date(2026, 11, 20)
    assert fields.day("2026-11-40") is None
    assert fields.day(20261120) is None
    assert [fields.flag(word) for word in ("true", "ON", 1)] == [True] * 3
    assert [fields.flag(word) for word in ("0", "off", 0)] == [False] * 3
    assert [fields.flag(word) for word in ("maybe", None, 7)] == [None] * 3
    odd: list[object] = ["x", 5.5, True, 10**30, "-5", []]
    assert [fields.whole(said) for said in odd] == [None] * 6
    assert (fields.whole(5), fields.whole("5"), fields.whole(5.0)) == (5, 5, 5)
    assert (fields.number(5), fields.number("5.5")) == (5.0, 5.5)
    odd = [float("inf"), "nan", True, []]
    assert [fields.number(said) for said in odd] == [None] * 4
    assert fields.tags({"a": 1, "b": True, "c": None, "d": [1], "e": "x"}) == {"a": "1", "b": "true", "c": "", "e": "x"}


@given(st.dictionaries(NAMES, json, max_size=8))
def test_any_row_is_a_value_or_none(raw: dict[str, Any]) -> None:
    for read in (
        rows.channel,
        rows.group,
        rows.event,
        rows.event_type,
        rows.motion_region,
        rows.live_urls,
        rows.image,
        rows.clip,
    ):
        read(raw)
    rows.recording(raw, 1, None)
    rows.timeline({"objects": [raw]}, 3)
    rows.days(raw)


@given(json)
def test_anything_is_read_or_not(raw: Any) -> None:  # noqa: ANN401
    for read in (fields.text, fields.whole, fields.number, fields.flag, fields.moment, fields.day, fields.tags, fields.wholes):
        read(raw)
    fields.text(raw).encode()
    assert isinstance(rows.url(raw), str | None)
