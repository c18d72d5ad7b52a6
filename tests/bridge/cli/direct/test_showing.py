"""What the library's values are in JSON: all of them, in its words, and nothing that it hides."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone
from pathlib import PurePosixPath
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vms_bridge.cli.direct.showing import flat, said, shortened, shown_time
from vms_bridge.zoneminder import AlarmState


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    name: str = "x"
    at: datetime = datetime(2026, 11, 20, 12, tzinfo=timezone(timedelta(hours=1)))
    password: str = field(default="open-sesame", repr=False)
    parts: tuple[AlarmState, ...] = (AlarmState.IDLE,)


@pytest.mark.parametrize(
    ("value", "json_value"),
    [
        (Row(), {"name": "x", "at": "2026-11-20T11:00:00Z", "parts": ["idle"]}),
        (timedelta(minutes=1), 60.0),
        (ZoneInfo("Europe/Berlin"), "Europe/Berlin"),
        (PurePosixPath("/events/1"), "/events/1"),
        ({1: None, AlarmState.IDLE: True}, {"1": None, "idle": True}),
        (frozenset({"b", "a"}), ["a", "b"]),
    ],
)
def test_a_value(value: object, json_value: object) -> None:
    assert said(value) == json_value


@settings(max_examples=50)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.datetimes(timezones=st.just(UTC)),
        lambda parts: st.tuples(parts, parts) | st.lists(parts) | st.dictionaries(st.text(), parts),
        max_leaves=10,
    )
)
def test_whatever_there_is_becomes_json(value: object) -> None:
    json.dumps(said(value))


def test_words_for_people() -> None:
    assert flat({"function": "Modect", "enabled": True}) == "function: Modect, enabled: yes"
    assert flat(("a", None)) == "a, None"
    assert shortened("a\nb") == "a b"
    assert shortened("x" * 90) == f"{'x' * 79}…"
    assert shown_time(datetime(2026, 11, 20, 12, tzinfo=UTC), ZoneInfo("Europe/Berlin")) == "2026-11-20 13:00:00"
    assert shown_time(None, None) is None
