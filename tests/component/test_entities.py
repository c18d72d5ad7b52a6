"""Entities by the catalogue: which there are, when they are available, and when they write."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from custom_components.vms_bridge.catalogue import ROWS
from custom_components.vms_bridge.const import PLATFORMS
from custom_components.vms_bridge.entity import mode_row
from custom_components.vms_bridge.models import Target
from homeassistant.const import EVENT_STATE_CHANGED, EVENT_STATE_REPORTED, STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import callback
from homeassistant.helpers import entity_registry as er
from tests.component.fakes.bridge import TOKEN_ID, Token
from tests.component.lines import found, lost
from tests.component.states import state

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from homeassistant.core import Event, HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry
    from tests.component.fakes.bridge import FakeBridge

    Told = Callable[[], Awaitable[None]]
    Find = Callable[..., str]

OF_MQTT_ONLY = {"replay"}


def known(hass: HomeAssistant, entry: MockConfigEntry) -> dict[str, er.RegistryEntry]:
    return {each.unique_id: each for each in er.async_entries_for_config_entry(er.async_get(hass), entry.entry_id)}


async def test_each_row_is_an_entity(hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry) -> None:
    bridge.scope = "admin"
    modes = dict.fromkeys(("function", "capturing", "analysing", "recording"), ("None", "On"))
    bridge.add_monitor("zm", "1", "Front door", zones={"1": "Drive"}, modes=modes)
    bridge.watch("zm", "1", person=1)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    there, id_ = known(hass, entry), bridge.bridge_id
    wanted = {f"{id_}/update"}
    prefixes = {"bridge": id_, "system": f"{id_}/zm", "storage": f"{id_}/zm/0", "monitor": f"{id_}/zm/1"}
    prefixes |= {"zone": f"{id_}/zm/1/1", "object": f"{id_}/zm/1/person"}
    for scope, prefix in prefixes.items():
        wanted |= {f"{prefix}/{row.key}" for row in ROWS[scope] if row.key not in OF_MQTT_ONLY and row.platform in PLATFORMS}
    assert wanted <= there.keys()
    assert not [each for each in there if each.endswith("/replay")]
    for of_scope in ROWS.values():
        for row in of_scope:
            for each in (
                each for each in there.values() if each.unique_id.endswith(f"/{row.key}") and each.domain == row.platform
            ):
                assert each.translation_key == row.key
                assert (each.entity_category or None) == row.category


async def test_none_by_default_is_off(hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry) -> None:
    there = known(hass, component)
    assert there[f"{bridge.bridge_id}/zm/1/lag"].disabled_by is er.RegistryEntryDisabler.INTEGRATION
    assert there[f"{bridge.bridge_id}/zm/1/motion"].disabled_by is None


async def test_what_a_monitor_can_not_do_is_no_entity(
    hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry
) -> None:
    there = known(hass, component)
    assert f"{bridge.bridge_id}/zm/2/motion" in there
    assert f"{bridge.bridge_id}/zm/2/armed" not in there
    assert f"{bridge.bridge_id}/zm/2/capture_fps" not in there


@pytest.mark.parametrize(
    ("scope", "has_switch", "has_restart"), [("read", False, False), ("control", True, False), ("admin", True, True)]
)
async def test_what_the_token_may_not_command_is_not_offered(
    hass: HomeAssistant,
    bridge: FakeBridge,
    entry: MockConfigEntry,
    scope: str,
    has_switch: bool,  # noqa: FBT001
    has_restart: bool,  # noqa: FBT001
) -> None:
    bridge.scope = scope
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    there, id_ = known(hass, entry), bridge.bridge_id
    assert (f"{id_}/zm/1/armed" in there) is has_switch
    assert (f"{id_}/zm/1/function" in there) is has_switch
    assert (f"{id_}/zm/run_state" in there) is has_switch
    assert (f"{id_}/zm/1/restart" in there) is has_restart
    assert f"{id_}/zm/1/motion" in there


async def test_a_limited_token_works(hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry) -> None:
    bridge.tokens[TOKEN_ID] = Token(bridge.token, "control", monitors=["zm/2"])
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    there, id_ = known(hass, entry), bridge.bridge_id
    assert f"{id_}/zm/2/motion" in there
    assert f"{id_}/zm/1/motion" not in there
    assert f"{id_}/version" in there
    assert f"{id_}/undelivered" not in there


async def test_a_system_that_is_lost(
    hass: HomeAssistant,
    bridge: FakeBridge,
    component: MockConfigEntry,  # noqa: ARG001
    told: Told,
    find: Find,
) -> None:
    bridge.change_system("zm", available=False, problem=True, detail="nobody answers", running=None, load=None)
    bridge.change_state("zm", "1", available=False, motion=None, connected=None, zones={"1": None})
    await told()
    assert state(hass, find("binary_sensor", "connectivity", "zm")) == "off"
    assert state(hass, find("binary_sensor", "problem", "zm")) == "on"
    assert hass.states.get(find("binary_sensor", "problem", "zm")).attributes["detail"] == "nobody answers"  # type: ignore[union-attr]
    assert state(hass, find("sensor", "monitors", "zm")) == "2"
    assert state(hass, find("binary_sensor", "running", "zm")) == STATE_UNAVAILABLE
    assert state(hass, find("sensor", "storage_used", "zm", part="0")) == STATE_UNAVAILABLE
    assert state(hass, find("binary_sensor", "motion", "zm", "1")) == STATE_UNAVAILABLE
    assert state(hass, find("binary_sensor", "occupancy", "zm", "1", part="1")) == STATE_UNAVAILABLE
    assert state(hass, find("switch", "armed", "zm", "1")) == STATE_UNAVAILABLE
    assert state(hass, find("binary_sensor", "connectivity", "zm", "1")) == STATE_UNKNOWN
    assert state(hass, find("sensor", "last_event", "zm", "1")) == STATE_UNKNOWN
    assert state(hass, find("binary_sensor", "motion", "zm", "2")) == "off"


async def test_a_bridge_that_is_lost(hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry, find: Find) -> None:
    connectivity = find("binary_sensor", "connectivity")
    bridge.drop_all()
    await lost(hass, component.runtime_data)
    others = [
        each.entity_id for each in known(hass, component).values() if each.disabled_by is None and each.entity_id != connectivity
    ]
    assert {state(hass, each) for each in others} == {STATE_UNAVAILABLE}
    assert state(hass, connectivity) == "off"
    await found(hass, component.runtime_data)
    assert state(hass, connectivity) == "on"
    assert state(hass, find("binary_sensor", "motion", "zm", "1")) == "off"


async def test_a_camera_that_comes_and_goes(
    hass: HomeAssistant,
    bridge: FakeBridge,
    component: MockConfigEntry,  # noqa: ARG001
    told: Told,
    find: Find,
) -> None:
    bridge.add_monitor("zm", "3", "Gate", motion=True)
    await told()
    motion = find("binary_sensor", "motion", "zm", "3")
    assert state(hass, motion) == "on"
    bridge.remove_monitor("zm", "3")
    await told()
    assert state(hass, motion) == STATE_UNAVAILABLE
    bridge.add_monitor("zm", "3", "Gate")
    await told()
    assert state(hass, motion) == "off"


async def test_what_a_camera_can_do_no_more(
    hass: HomeAssistant,
    bridge: FakeBridge,
    component: MockConfigEntry,  # noqa: ARG001
    told: Told,
    find: Find,
) -> None:
    armed, score = find("switch", "armed", "zm", "1"), find("sensor", "score", "zm", "1")
    zone = find("binary_sensor", "occupancy", "zm", "1", part="2")
    kept = [each for each in bridge.monitors["zm", "1"]["capabilities"] if each not in {"arm", "zone_state"}]
    bridge.change_monitor("zm", "1", capabilities=kept)
    await told()
    assert state(hass, armed) == STATE_UNAVAILABLE
    assert state(hass, zone) == STATE_UNAVAILABLE
    assert state(hass, score) == "0"
    bridge.change_monitor("zm", "1", capabilities=[*kept, "arm", "zone_state"])
    await told()
    assert state(hass, armed) == "on"
    assert state(hass, zone) == "off"


async def test_zones_and_storages_come_at_once(
    hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry, told: Told, find: Find
) -> None:
    zones = bridge.monitors["zm", "1"]["zones"]
    bridge.change_monitor("zm", "1", zones=[*zones, {**zones[0], "key": "3", "name": "Gate"}])
    storage = bridge.systems["zm"]["state"]["storage"]
    bridge.change_system(
        "zm", storage={**storage, "1": {"name": "Second", "total": None, "used": 5_000_000_000, "percent": None}}
    )
    await told()
    assert state(hass, find("binary_sensor", "occupancy", "zm", "1", part="3")) == "off"
    used = find("sensor", "storage_used", "zm", part="1")
    assert float(state(hass, used)) == 5
    assert hass.states.get(used).name == "Shed Second used"  # type: ignore[union-attr]
    assert f"{bridge.bridge_id}/zm/1/storage_used_percent" not in known(hass, component)


async def test_a_mode_of_its_own_is_a_select(
    hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry, told: Told, find: Find
) -> None:
    bridge.add_monitor("zm", "3", "Gate", modes={"night_vision": ("auto", "on"), "Odd": ("a", "b")})
    await told()
    select = find("select", "mode_night_vision", "zm", "3")
    assert hass.states.get(select).name == "Gate Night vision mode"  # type: ignore[union-attr]
    assert state(hass, select) == "on"
    await hass.services.async_call("select", "select_option", {"entity_id": select, "option": "auto"}, blocking=True)
    assert (bridge.commands[-1]["command"], bridge.commands[-1]["value"]) == ("night_vision", "auto")
    assert f"{bridge.bridge_id}/zm/3/mode_Odd" not in known(hass, component)


def test_the_row_of_such_a_mode() -> None:
    row = mode_row("night_vision")
    assert (row.key, row.field, row.command, row.level) == ("mode_night_vision", "mode_night_vision", "night_vision", "control")


async def test_a_state_is_written_only_where_another_is_to_be_seen(
    hass: HomeAssistant,
    bridge: FakeBridge,
    component: MockConfigEntry,  # noqa: ARG001
    told: Told,
    find: Find,
) -> None:
    written: list[str] = []

    @callback
    def note(event: Event[Any]) -> None:
        written.append(event.data["entity_id"])

    hass.bus.async_listen(EVENT_STATE_REPORTED, note, event_filter=callback(lambda _: True))
    hass.bus.async_listen(EVENT_STATE_CHANGED, note)
    await told()
    written.clear()
    bridge.change_state("zm", "1", motion=True)
    await told()
    assert written == [find("binary_sensor", "motion", "zm", "1")]


async def test_many_monitors(bridge: FakeBridge, component: MockConfigEntry, told: Told) -> None:
    """A change of one of them is told to its own listeners, however many others there are."""
    coordinator = component.runtime_data
    heard: list[str] = []
    for number in range(100, 160):
        bridge.add_monitor("zm", str(number), capabilities=["alarm_state"], entities=["motion"])
        coordinator.listen(Target(system="zm", monitor=str(number)), partial(heard.append, str(number)))
    await told()
    assert len(coordinator.monitors) == 62
    heard.clear()
    bridge.change_state("zm", "150", motion=True)
    await told()
    assert heard == ["150"]
