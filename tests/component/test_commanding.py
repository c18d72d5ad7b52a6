"""Switches, selects and buttons: what they say to the bridge, and what they show."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from custom_components.vms_bridge.select import labels
from homeassistant.const import STATE_UNKNOWN
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import entity_registry as er
from tests.component.states import state

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry
    from tests.component.fakes.bridge import FakeBridge

    Told = Callable[[], Awaitable[None]]
    Find = Callable[..., str]


@pytest.mark.parametrize(("key", "command"), [("armed", "armed"), ("force_alarm", "alarm"), ("detection", "detection")])
async def test_a_switch(
    hass: HomeAssistant,
    bridge: FakeBridge,
    component: MockConfigEntry,  # noqa: ARG001
    told: Told,
    find: Find,
    key: str,
    command: str,
) -> None:
    switch = find("switch", key, "zm", "1")
    for service, value, shows in (("turn_on", "ON", "on"), ("turn_off", "OFF", "off"), ("turn_on", "ON", "on")):
        await hass.services.async_call("switch", service, {"entity_id": switch}, blocking=True)
        await told()
        asked = bridge.commands[-1]
        assert (asked["system"], asked["monitor"], asked["command"], asked["value"]) == ("zm", "1", command, value)
        assert state(hass, switch) == shows


async def test_a_switch_shows_what_is_so(
    hass: HomeAssistant,
    bridge: FakeBridge,
    component: MockConfigEntry,  # noqa: ARG001
    told: Told,
    find: Find,
) -> None:
    switch = find("switch", "armed", "zm", "1")
    bridge.refuse("armed", hint="not now")
    with pytest.raises(ServiceValidationError, match="not now"):
        await hass.services.async_call("switch", "turn_off", {"entity_id": switch}, blocking=True)
    await told()
    assert state(hass, switch) == "on"
    bridge.change_state("zm", "1", armed=None)
    await told()
    assert state(hass, switch) == STATE_UNKNOWN


async def test_a_number(hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry, told: Told, find: Find) -> None:  # noqa: ARG001
    number = find("number", "detection_threshold", "zm", "1")
    bridge.change_state("zm", "1", detection_threshold=0.5)
    await told()
    assert state(hass, number) == "0.5"
    await hass.services.async_call("number", "set_value", {"entity_id": number, "value": 0.65}, blocking=True)
    assert (bridge.commands[-1]["command"], bridge.commands[-1]["value"]) == ("detection_threshold", "0.65")


async def test_a_number_with_bounds(hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry, find: Find) -> None:
    number = find("number", "section_length", "zm", "1")
    er.async_get(hass).async_update_entity(number, disabled_by=None)
    assert await hass.config_entries.async_reload(component.entry_id)
    shown = hass.states.get(number)
    assert shown is not None
    assert shown.state == "600.0"
    said = {name: shown.attributes[name] for name in ("min", "max", "step", "mode", "unit_of_measurement")}
    assert said == {"min": 1.0, "max": 86_400.0, "step": 1.0, "mode": "box", "unit_of_measurement": "s"}
    await hass.services.async_call("number", "set_value", {"entity_id": number, "value": 300}, blocking=True)
    assert (bridge.commands[-1]["command"], bridge.commands[-1]["value"]) == ("section_length", "300")


async def test_the_profiles_of_detection_are_those_that_the_bridge_names(
    hass: HomeAssistant,
    bridge: FakeBridge,
    component: MockConfigEntry,  # noqa: ARG001
    told: Told,
    find: Find,
) -> None:
    select = find("select", "detection_profile", "zm", "1")
    bridge.change_state("zm", "1", detection_profile="night", detection_profiles=["default", "night"])
    await told()
    assert state(hass, select) == "night"
    assert hass.states.get(select).attributes["options"] == ["default", "night"]  # type: ignore[union-attr]


async def test_a_select(hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry, told: Told, find: Find) -> None:  # noqa: ARG001
    select = find("select", "function", "zm", "1")
    assert state(hass, select) == "Modect"
    assert hass.states.get(select).attributes["options"] == ["Off", "Monitor", "Modect"]  # type: ignore[union-attr]
    await hass.services.async_call("select", "select_option", {"entity_id": select, "option": "Off"}, blocking=True)
    await told()
    assert (bridge.commands[-1]["command"], bridge.commands[-1]["value"]) == ("function", "None")
    assert state(hass, select) == "Off"


async def test_what_can_be_chosen_follows_the_vms(
    hass: HomeAssistant,
    bridge: FakeBridge,
    component: MockConfigEntry,  # noqa: ARG001
    told: Told,
    find: Find,
) -> None:
    function, run_state = find("select", "function", "zm", "1"), find("select", "run_state", "zm")
    bridge.change_monitor("zm", "1", modes={"function": ["Monitor", "Record"]})
    bridge.change_system("zm", run_states=["default", "night"], run_state="night")
    await told()
    assert hass.states.get(function).attributes["options"] == ["Monitor", "Record"]  # type: ignore[union-attr]
    assert state(hass, function) == STATE_UNKNOWN  # it is in one that can't be chosen any more
    assert state(hass, run_state) == "night"
    await hass.services.async_call("select", "select_option", {"entity_id": run_state, "option": "default"}, blocking=True)
    assert (bridge.commands[-1]["system"], bridge.commands[-1].get("monitor"), bridge.commands[-1]["value"]) == (
        "zm",
        None,
        "default",
    )


async def test_run_states_that_make_no_sense(
    hass: HomeAssistant,
    bridge: FakeBridge,
    component: MockConfigEntry,  # noqa: ARG001
    told: Told,
    find: Find,
) -> None:
    value = {**bridge.systems["zm"], "state": {**bridge.systems["zm"]["state"], "run_states": 7}}
    bridge.item({"what": "system", "system": "zm", "value": value})
    await told()
    assert hass.states.get(find("select", "run_state", "zm")).attributes["options"] == []  # type: ignore[union-attr]


async def test_buttons(hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry, find: Find) -> None:
    bridge.scope = "admin"
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    for key in ("end_alarm", "restart"):
        await hass.services.async_call("button", "press", {"entity_id": find("button", key, "zm", "1")}, blocking=True)
        asked = bridge.commands[-1]
        assert (asked["system"], asked["monitor"], asked["command"], asked.get("value")) == ("zm", "1", key, None)


async def test_a_camera_is_moved_and_sent_to_a_preset(
    hass: HomeAssistant,
    bridge: FakeBridge,
    component: MockConfigEntry,  # noqa: ARG001
    told: Told,
    find: Find,
) -> None:
    for key, value in {"ptz_left": "left", "ptz_zoom_in": "zoom_in", "ptz_stop": "stop"}.items():
        await hass.services.async_call("button", "press", {"entity_id": find("button", key, "zm", "1")}, blocking=True)
        asked = bridge.commands[-1]
        assert (asked["system"], asked["monitor"], asked["command"], asked["value"]) == ("zm", "1", "ptz", value)
    preset = find("select", "preset", "zm", "1")
    bridge.change_state("zm", "1", presets=["Gate", "None"])
    await told()
    assert hass.states.get(preset).attributes["options"] == ["Gate", "Off"]  # type: ignore[union-attr]
    assert state(hass, preset) == STATE_UNKNOWN
    for option, value in {"Gate": "Gate", "Off": "None"}.items():
        await hass.services.async_call("select", "select_option", {"entity_id": preset, "option": option}, blocking=True)
        assert (bridge.commands[-1]["command"], bridge.commands[-1]["value"]) == ("preset", value)
        assert state(hass, preset) == STATE_UNKNOWN, "the VMS does not say"
    bridge.change_state("zm", "1", preset="Gate")
    await told()
    assert state(hass, preset) == "Gate"


def test_labels_are_those_of_mqtt() -> None:
    assert labels(("None", "Monitor")) == {"None": "Off", "Monitor": "Monitor"}
    assert labels(("None", "Off", "none")) == {"None": "(None)", "Off": "Off", "none": "(none)"}
    assert labels(("Off", "(none)", "none")) == {"Off": "Off", "(none)": "(none)", "none": "(none 2)"}
