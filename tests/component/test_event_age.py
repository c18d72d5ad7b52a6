"""How old the news of an event is."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from custom_components.vms_bridge.event_age import is_old
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry


def ago(seconds: float) -> str:
    return (dt_util.utcnow() - timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


@pytest.mark.parametrize(
    ("message", "is_past"),
    [
        ({"start": 10.0, "end": None}, False),
        ({"start": 500.0, "end": 10.0}, False),
        ({"start": 500.0, "end": None}, True),
        ({"start": 500.0, "end": 400.0}, True),
        ({"start": None, "end": None}, True),
        ({}, True),
        ({"start": "yesterday", "end": 7}, True),
        ({"start": "2026-11-28T12:00:00"}, True),
        ({"start": "2026-99-99T12:00:00Z"}, True),
        ({"start": "0001-01-01T00:00:00+05:00"}, True),
    ],
)
def test_by_what_happened_last(message: dict[str, Any], is_past: bool) -> None:  # noqa: FBT001
    told = {name: ago(value) if isinstance(value, float) else value for name, value in message.items()}  # now, not at collection
    assert is_old(told, MockConfigEntry(), 0.0) is is_past


def test_by_the_bridges_clock() -> None:
    entry = MockConfigEntry()
    assert not is_old({"start": ago(3600)}, entry, -3600.0)
    assert is_old({"start": ago(-3000)}, entry, 3600.0)


def test_as_people_have_chosen() -> None:
    entry = MockConfigEntry(options={"events": {"notify_old_s": 300}})
    assert not is_old({"start": ago(200)}, entry, 0.0)
