"""Sensors: what is a value, and what is not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from custom_components.vms_bridge.sensor import VmsBridgeSensor
from homeassistant.const import STATE_UNKNOWN
from tests.component.states import state_of as shown

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry
    from tests.component.fakes.bridge import FakeBridge

    Told = Callable[[], Awaitable[None]]
    Find = Callable[..., str]


async def test_values(hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry, find: Find) -> None:  # noqa: ARG001
    assert shown(hass, find("sensor", "alarm", "zm", "1")).state == "idle"
    assert shown(hass, find("sensor", "capture_fps", "zm", "1")).state == "14.99"
    assert shown(hass, find("sensor", "source", "zm", "1")).state == "shared_memory"
    assert shown(hass, find("sensor", "events_day", "zm", "1")).state == "2"
    assert shown(hass, find("sensor", "load", "zm")).state == "0.42"
    assert shown(hass, find("sensor", "version", "zm")).state == "1.36.33"
    assert shown(hass, find("sensor", "monitors", "zm")).state == "2"
    assert shown(hass, find("sensor", "version")).state == "0.1.0"
    assert shown(hass, find("sensor", "systems")).state == "1"
    assert shown(hass, find("sensor", "undelivered")).state == "0"


async def test_bytes_are_shown_as_people_read_them(hass: HomeAssistant, component: MockConfigEntry, find: Find) -> None:  # noqa: ARG001
    used = shown(hass, find("sensor", "storage_used", "zm", part="0"))
    assert (float(used.state), used.attributes["unit_of_measurement"]) == (10, "GB")
    assert shown(hass, find("sensor", "storage_used_percent", "zm", part="0")).state == "10.0"


async def test_the_last_event(
    hass: HomeAssistant,
    bridge: FakeBridge,
    component: MockConfigEntry,  # noqa: ARG001
    told: Told,
    find: Find,
) -> None:
    assert shown(hass, find("sensor", "last_event", "zm", "1")).state == STATE_UNKNOWN
    start = datetime(2026, 11, 28, 12, 0, tzinfo=UTC)
    event = bridge.event(
        "zm", "1", type="end", label="person", start=start, end=datetime(2026, 11, 28, 12, 0, 22, tzinfo=UTC), cause=""
    )
    await told()
    last = shown(hass, find("sensor", "last_event", "zm", "1"))
    assert last.state == "2026-11-28T12:00:00+00:00"
    assert (last.attributes["id"], last.attributes["label"]) == (event, "person")
    assert shown(hass, find("sensor", "last_event_label", "zm", "1")).state == "person"
    assert shown(hass, find("sensor", "last_event_duration", "zm", "1")).state == "22.0"
    assert shown(hass, find("sensor", "last_event_cause", "zm", "1")).state == STATE_UNKNOWN


async def test_an_alarm_state_of_its_own_is_unknown(
    hass: HomeAssistant,
    bridge: FakeBridge,
    component: MockConfigEntry,  # noqa: ARG001
    told: Told,
    find: Find,
) -> None:
    alarm = find("sensor", "alarm", "zm", "1")
    for said, state in (("alert", "alert"), ("panic", STATE_UNKNOWN), ("prealarm", "prealarm"), (None, STATE_UNKNOWN)):
        bridge.change_state("zm", "1", alarm=said)
        await told()
        assert shown(hass, alarm).state == state


@pytest.mark.parametrize("nonsense", ["many", True, [1], {"a": 1}, None])
async def test_nonsense_is_unknown(
    hass: HomeAssistant,
    bridge: FakeBridge,
    component: MockConfigEntry,  # noqa: ARG001
    told: Told,
    find: Find,
    nonsense: Any,
) -> None:
    state = {**bridge.state("zm", "1"), "score": nonsense, "source": 7, "capture_fps": 12}
    bridge.item({"what": "state", "system": "zm", "monitor": "1", "value": state})
    await told()
    assert shown(hass, find("sensor", "score", "zm", "1")).state == STATE_UNKNOWN
    assert shown(hass, find("sensor", "source", "zm", "1")).state == STATE_UNKNOWN
    assert shown(hass, find("sensor", "capture_fps", "zm", "1")).state == "12"


async def test_parts_that_make_no_sense_are_unknown(
    hass: HomeAssistant,
    bridge: FakeBridge,
    component: MockConfigEntry,  # noqa: ARG001
    told: Told,
    find: Find,
) -> None:
    state = {**bridge.state("zm", "1"), "zones": [1]}
    bridge.item({"what": "state", "system": "zm", "monitor": "1", "value": state})
    bridge.item({"what": "last_event", "system": "zm", "monitor": "1", "value": {"start": "yesterday"}})
    await told()
    assert shown(hass, find("binary_sensor", "occupancy", "zm", "1", part="1")).state == STATE_UNKNOWN
    assert shown(hass, find("sensor", "last_event", "zm", "1")).state == STATE_UNKNOWN


async def test_a_long_text_is_cut(
    hass: HomeAssistant,
    bridge: FakeBridge,
    component: MockConfigEntry,  # noqa: ARG001
    told: Told,
    find: Find,
) -> None:
    bridge.change_state("zm", "1", source="x" * 300)
    await told()
    assert shown(hass, find("sensor", "source", "zm", "1")).state == "x" * 255


def test_the_recorder_keeps_no_attributes() -> None:
    assert "*" in VmsBridgeSensor._unrecorded_attributes
