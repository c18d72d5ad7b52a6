"""Devices: who is below whom, what they are called, and which may be deleted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from custom_components.vms_bridge import async_remove_config_entry_device
from custom_components.vms_bridge.const import DOMAIN
from custom_components.vms_bridge.devices import identifier, target_of, zone_name
from custom_components.vms_bridge.models import Monitor, Target, Zone
from homeassistant.helpers import area_registry as ar
from homeassistant.helpers import device_registry as dr

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry
    from tests.component.fakes.bridge import FakeBridge

    Told = Callable[[], Awaitable[None]]


@pytest.fixture
def device(hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry) -> Callable[..., Any]:
    """Return a device of the registry by what it is about; None where there is none."""

    def find(system: str | None = None, monitor: str | None = None, zone: str | None = None) -> Any:
        registry, name = dr.async_get(hass), identifier(bridge.bridge_id, Target(system=system, monitor=monitor), zone)
        if zone is not None:
            return registry.async_get_child_device_by_identifier(name, component.entry_id)
        return registry.async_get_device_by_identifier(name, component.entry_id)

    return find


async def test_the_bridge_its_systems_and_their_monitors(hass: HomeAssistant, device: Callable[..., Any]) -> None:
    bridge, system, monitor = device(), device("zm"), device("zm", "1")
    assert (bridge.name, bridge.sw_version, bridge.manufacturer) == ("VMS Bridge", "0.1.0", "VMS Bridge")
    assert (system.name, system.model, system.sw_version, system.via_device_id) == ("Shed", "zoneminder", "1.36.33", bridge.id)
    assert (monitor.name, monitor.model, monitor.via_device_id) == ("Front door", "AXIS P3245", system.id)
    assert ar.async_get(hass).async_get_area(monitor.area_id).name == "Garden"  # type: ignore[union-attr]
    assert device("zm", "2").area_id is None


async def test_zones_are_parts_of_their_monitor(device: Callable[..., Any]) -> None:
    monitor, zone = device("zm", "1"), device("zm", "1", "1")
    assert (zone.name, zone.parent_device_id) == ("Front door Drive", monitor.id)
    assert device("zm", "1", "2").name == "Front door Lawn"


async def test_a_monitor_without_a_state_for_its_zones_has_none(
    bridge: FakeBridge, told: Told, device: Callable[..., Any]
) -> None:
    bridge.add_monitor("zm", "3", "Gate", zones={"1": "Drive"}, capabilities=["alarm_state"])
    await told()
    assert device("zm", "3") is not None
    assert device("zm", "3", "1") is None


async def test_what_is_called_another_name_is_so_at_once(bridge: FakeBridge, told: Told, device: Callable[..., Any]) -> None:
    before = device("zm", "1").id
    bridge.change_monitor("zm", "1", name="Gate")
    bridge.add_system("zm", name="Garage")
    await told()
    assert (device("zm", "1").id, device("zm", "1").name) == (before, "Gate")
    assert device("zm").name == "Garage"


async def test_an_instance_that_is_called_another_name(
    hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry, device: Callable[..., Any]
) -> None:
    bridge.name, bridge.version = "Cameras", "0.2.0"
    await hass.config_entries.async_reload(component.entry_id)
    await hass.async_block_till_done()
    assert (device().name, device().sw_version) == ("Cameras", "0.2.0")


async def test_which_may_be_deleted(
    hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry, told: Told, device: Callable[..., Any]
) -> None:
    yard, zone = device("zm", "2"), device("zm", "1", "2")
    for each in (device(), device("zm"), device("zm", "1"), yard, zone):
        assert not await async_remove_config_entry_device(hass, component, each)
    bridge.remove_monitor("zm", "2")
    bridge.change_monitor("zm", "1", zones=bridge.monitors["zm", "1"]["zones"][:1])
    await told()
    for each in (yard, zone):
        assert await async_remove_config_entry_device(hass, component, each)
    assert not await async_remove_config_entry_device(hass, component, device("zm", "1", "1"))
    await hass.config_entries.async_unload(component.entry_id)
    assert not await async_remove_config_entry_device(hass, component, yard)


async def test_one_that_was_deleted_comes_back_with_its_camera(
    hass: HomeAssistant,
    bridge: FakeBridge,
    component: MockConfigEntry,  # noqa: ARG001
    told: Told,
    device: Callable[..., Any],
    find: Callable[..., str],
) -> None:
    bridge.remove_monitor("zm", "2")
    await told()
    dr.async_get(hass).async_remove_device(device("zm", "2").id)
    await hass.async_block_till_done()
    assert hass.states.get("binary_sensor.yard_motion") is None
    bridge.add_monitor("zm", "2", "Yard", motion=True)
    await told()
    assert hass.states.get(find("binary_sensor", "motion", "zm", "2")).state == "on"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("zone", "name"),
    [("Drive", "Door Drive"), ("Door", "Door zone"), ("Door left", "Door left"), ("Doorway", "Door Doorway"), ("", "Door 7")],
)
def test_names_of_zones(zone: str, name: str) -> None:
    assert zone_name(Monitor(system="zm", key="1", name="Door"), Zone(key="7", name=zone, kind="")) == name


@pytest.mark.parametrize(
    ("target", "zone"),
    [
        (Target(), None),
        (Target(system="zm"), None),
        (Target(system="zm", monitor="1"), None),
        (Target(system="zm", monitor="1"), "2"),
    ],
)
def test_what_a_device_is_about(target: Target, zone: str | None) -> None:
    class Device:
        identifiers = frozenset({("other", "x"), identifier("b1", target, zone)})

    assert target_of("b1", Device()) == (target, zone)  # type: ignore[arg-type]
    assert target_of("b2", Device()) is None  # type: ignore[arg-type]


def test_its_ids_are_the_domains() -> None:
    assert identifier("b1", Target(system="zm", monitor="1"), "2") == (DOMAIN, "b1/zm/1/2")
