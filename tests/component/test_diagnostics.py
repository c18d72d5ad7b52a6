"""What a download for a report of a fault holds, and what it must not."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from custom_components.vms_bridge.diagnostics import async_get_config_entry_diagnostics, async_get_device_diagnostics
from custom_components.vms_bridge.models import Target
from homeassistant.helpers import device_registry as dr

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry
    from tests.component.conftest import Told
    from tests.component.fakes.bridge import FakeBridge

SECRET = "Grandmother at 192.168.7.7"
"""What people have typed somewhere, or a VMS has said."""


@pytest.fixture
async def entry_with_secrets(component: MockConfigEntry, bridge: FakeBridge, told: Told) -> MockConfigEntry:
    """An entry whose bridge says SECRET wherever it has a text of its own."""
    bridge.add_system("priv", name=SECRET, detail=SECRET, run_state=SECRET, run_states=[SECRET])
    bridge.add_monitor("priv", "7", SECRET, area=SECRET, model=SECRET, zones={"1": SECRET}, cause=SECRET, detail=SECRET)
    bridge.event("priv", "7", cause=SECRET, labels=[SECRET], text=SECRET, plates=[SECRET], faces=[SECRET], tags=[SECRET])
    bridge.change_health(problem=SECRET)
    bridge.set_notices({"kind": "vms", "system": "priv", "monitor": "7", "text": SECRET, "hint": SECRET})
    await told()
    return component


def holds_none_of(found: dict[str, Any], *secrets: str) -> None:
    text = json.dumps(found)
    for secret in secrets:
        assert secret not in text


async def test_the_whole_entry(hass: HomeAssistant, entry_with_secrets: MockConfigEntry, bridge: FakeBridge) -> None:
    found = await async_get_config_entry_diagnostics(hass, entry_with_secrets)

    holds_none_of(
        found, SECRET, "Grandmother", bridge.token, bridge.token[-20:], "127.0.0.1", bridge.bridge_id, "Front door", "Garden"
    )
    assert found["entry"] == {
        "version": "1.1",
        "source": "user",
        "state": "loaded",
        "is_encrypted": False,
        "is_certificate_pinned": False,
        "port": bridge.port,
        "options": {"prefers_mjpeg": False, "notify_old_s": 60},
    }
    assert found["bridge"]["version"] == bridge.version
    assert found["bridge"]["scope"] == "control"
    assert found["bridge"]["protocols"] == [1, 1]
    assert found["bridge"]["is_connected"] is True
    assert found["bridge"]["has_problem"] is True
    assert [notice["kind"] for notice in found["bridge"]["notices"]] == ["vms"]
    assert {system["key"] for system in found["systems"]} == {"zm", "priv"}
    assert {(monitor["system"], monitor["key"]) for monitor in found["monitors"]} == {("zm", "1"), ("zm", "2"), ("priv", "7")}
    (private,) = [monitor for monitor in found["monitors"] if monitor["system"] == "priv"]
    assert private["zones"] == 1
    assert private["state"]["available"] is True
    assert private["last_event"]["type"] == "new"
    assert found["entities"]["enabled"]


async def test_one_device(hass: HomeAssistant, entry_with_secrets: MockConfigEntry, bridge: FakeBridge) -> None:
    registry, entry_id = dr.async_get(hass), entry_with_secrets.entry_id
    told = {"": {"bridge"}, "/priv": {"system"}, "/priv/7": {"system", "monitor"}, "/priv/7/1": {"system", "monitor", "zone"}}
    for path, parts in told.items():
        name = ("vms_bridge", f"{bridge.bridge_id}{path}")
        main, child = (
            registry.async_get_device_by_identifier(name, entry_id),
            registry.async_get_child_device_by_identifier(name, entry_id),
        )
        device = main or child
        assert device is not None, path

        found = await async_get_device_diagnostics(hass, entry_with_secrets, device)

        holds_none_of(found, SECRET, bridge.token, "127.0.0.1", bridge.bridge_id)
        assert found.keys() == {"entry", "entities", "bridge"} | parts
        assert found.get("zone") in {None, "1"}


async def test_a_bridge_that_is_away(hass: HomeAssistant, component: MockConfigEntry, bridge: FakeBridge) -> None:
    coordinator, changed = component.runtime_data, asyncio.Event()
    coordinator.listen(Target(), changed.set)
    await bridge.stop()
    async with asyncio.timeout(30):
        while coordinator.is_connected:
            changed.clear()
            await changed.wait()
    found = await async_get_config_entry_diagnostics(hass, component)
    assert found["bridge"]["is_connected"] is False
    assert found["bridge"]["lost_at"] is not None


async def test_an_entry_that_is_not_loaded(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    found = await async_get_config_entry_diagnostics(hass, entry)
    assert found["entry"]["state"] == "not_loaded"
    assert found.keys() == {"entry", "entities"}


async def test_a_device_that_is_not_of_the_bridge(hass: HomeAssistant, component: MockConfigEntry) -> None:
    device = dr.async_get(hass).async_get_or_create(config_entry_id=component.entry_id, identifiers={("other", "x")})
    found = await async_get_device_diagnostics(hass, component, device)
    assert found.keys() == {"entry", "entities"}


async def test_nonsense_of_a_bridge_is_not_passed_on(
    hass: HomeAssistant, component: MockConfigEntry, bridge: FakeBridge, told: Told
) -> None:
    bridge.item({"what": "bridge", "value": {"undelivered": {"a": SECRET}, "given_up": "x" * 500, "claims": SECRET}})
    await told()
    found = await async_get_config_entry_diagnostics(hass, component)
    assert found["bridge"]["undelivered"] == "?"
    assert found["bridge"]["given_up"] == "x" * 64
    assert found["bridge"]["claims"] is None
