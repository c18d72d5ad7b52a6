"""Two blueprints with the component itself: what a bridge says becomes a notification, and what a door says a command."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest
from custom_components.vms_bridge.media_ids import media_path
from custom_components.vms_bridge.places import LATEST, Place
from homeassistant.util import dt as dt_util
from tests.component.blueprint_house import House, said

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry
    from tests.component.fakes.bridge import FakeBridge

    Find = Callable[..., str]


@pytest.fixture
async def house(hass: HomeAssistant, component: MockConfigEntry, tmp_path: Path) -> AsyncIterator[House]:
    """A house whose cameras are those of the bridge."""
    assert component.runtime_data.is_connected
    yield House(hass, tmp_path)
    await hass.services.async_call("automation", "turn_off", {"entity_id": "automation.ours"}, blocking=True)
    await hass.async_block_till_done()


async def told(house: House, bridge: FakeBridge) -> None:
    """Wait until what the bridge has said is dealt with, but for what automations wait for."""
    for _ in range(2):
        await bridge.delivered()
        await house.settle()


async def test_an_event_of_the_bridge_becomes_a_picture_and_then_a_clip(
    house: House, bridge: FakeBridge, component: MockConfigEntry, find: Find
) -> None:
    phone, calls = house.phone("Pixel")
    await house.automate("picture_notification", cameras=[find("event", "event", "zm", "1")], phones=[phone], labels=["person"])
    start = dt_util.utcnow()
    bridge.event("zm", "2", id="zm-70", type="new", start=start, label="person", labels=["person"], snapshot_ready=True)
    bridge.event("zm", "1", id="zm-71", type="new", start=start, label="person", labels=["person"], snapshot_ready=True)
    await told(house, bridge)
    bridge.event("zm", "1", id="zm-71", type="media", end=start, clip_ready=True)
    await told(house, bridge)
    first, then = said(calls)
    assert first["image"] == media_path(component.entry_id, "zm-71", "picture")
    assert then["video"] == media_path(component.entry_id, "zm-71", "clip")
    place = Place.parse(unquote(first["url"].rpartition("/")[2]).removeprefix("app,media-source://vms_bridge/"))
    assert place == Place(bridge_id=bridge.bridge_id, system="zm", monitor="1", shows=LATEST)


async def test_the_camera_that_a_tap_opens_is_that_of_the_event(house: House, bridge: FakeBridge, find: Find) -> None:
    phone, calls = house.phone("Pixel")
    await house.automate("picture_notification", cameras=[find("event", "event", "zm", "1")], phones=[phone], tap="camera")
    bridge.event("zm", "1", id="zm-71", type="new", start=dt_util.utcnow(), snapshot_ready=True)
    await told(house, bridge)
    (data,) = said(calls)
    assert data["entity_id"] == find("camera", "camera", "zm", "1")
    assert data["clickAction"] == f"entityId:{find('camera', 'camera', 'zm', '1')}"


async def test_a_door_forces_an_alarm_by_the_bridge(house: House, bridge: FakeBridge, find: Find) -> None:
    await house.set("binary_sensor.door", "off", friendly_name="Back door")
    await house.automate(
        "alarm_by_sensor",
        sensors=["binary_sensor.door"],
        cameras=[find("switch", "force_alarm", "zm", "1")],
        seconds=45,
        with_cause=True,
    )
    await house.set("binary_sensor.door", "on", friendly_name="Back door")
    command = await bridge.commanded()
    assert {"command": "alarm", "value": "ON", "seconds": 45, "cause": "Back door"}.items() <= command.items()


async def test_light_follows_the_sensor_last_event(hass: HomeAssistant, house: House, bridge: FakeBridge, find: Find) -> None:
    await house.set("light.porch", "off")
    await house.set("sun.sun", "below_horizon", elevation=-12.0)
    lit: list[object] = []
    hass.services.async_register("light", "turn_on", lit.append)
    sensor = find("sensor", "last_event", "zm", "1")
    await house.automate("light_on_person", last_events=[sensor], lights=["light.porch"])
    bridge.event("zm", "1", id="zm-71", type="new", start=dt_util.utcnow(), labels=[])
    await told(house, bridge)
    assert not lit
    bridge.event("zm", "1", id="zm-71", type="update", label="person", labels=["person"])
    await told(house, bridge)
    assert len(lit) == 1
