"""Home Assistant's own MQTT integration takes what the bridge announces and says of scripts, also without the component."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pytest_homeassistant_custom_component.common import async_fire_mqtt_message

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.typing import MqttMockHAClient

SNAPSHOTS = Path(__file__).parents[1] / "bridge" / "mqtt" / "homeassistant" / "__snapshots__" / "test_discovery"
ROOT = "vms_bridge/home"
VALUES: dict[str, Any] = {"cars": 3, "motion": True, "siren": False, "minutes": 5, "mode": "Night", "note": "hello"}
ENTITIES = {
    "cars": ("sensor", "3"),
    "motion": ("binary_sensor", "on"),
    "siren": ("switch", "off"),
    "minutes": ("number", "5"),
    "mode": ("select", "Night"),
    "note": ("text", "hello"),
}


@pytest.fixture
def expected_lingering_timers() -> bool:
    """Bear the timers of Home Assistant's MQTT client, which this is not about."""
    return True


@pytest.fixture
async def announced(hass: HomeAssistant, mqtt_mock: MqttMockHAClient, caplog: pytest.LogCaptureFixture) -> MqttMockHAClient:
    """Have the devices of the bridge and of a script be announced, and both be at work."""
    caplog.clear()
    for name, topic in (("bridge", "_bridge"), ("script", "_script-gate")):
        payload = json.loads((SNAPSHOTS / f"test_payloads_change_only_on_purpose[{name}].json").read_text(encoding="utf-8"))
        payload["o"], payload["dev"]["sw"] = {"name": "VMS Bridge", "sw": "1"}, "1"
        async_fire_mqtt_message(hass, f"homeassistant/device/vms_bridge_home/{topic}/config", json.dumps(payload))
        await hass.async_block_till_done()
    async_fire_mqtt_message(hass, f"{ROOT}/status", "online")
    said = {"v": 1, "available": True, "status": "ready", "reason": None, "since": None, "failures": 0, "dropped": 0}
    async_fire_mqtt_message(hass, f"{ROOT}/script/gate/status", json.dumps(said))
    await hass.async_block_till_done()
    assert [each.message for each in caplog.records if "mqtt" in each.name and each.levelname in {"WARNING", "ERROR"}] == []
    return mqtt_mock


def say(hass: HomeAssistant, **values: object) -> None:
    for key, value in values.items():
        said = json.dumps({"v": 1, "value": value, "attributes": {"why": "a car"}})
        async_fire_mqtt_message(hass, f"{ROOT}/script/gate/{key}/state", said)


def state(hass: HomeAssistant, entity_id: str) -> str:
    found = hass.states.get(entity_id)
    assert found is not None, entity_id
    return found.state


@pytest.mark.usefixtures("announced")
async def test_entities_show_what_the_script_says(hass: HomeAssistant) -> None:
    say(hass, **VALUES)
    await hass.async_block_till_done()
    assert {key: state(hass, f"{platform}.vms_bridge_gate_{key}") for key, (platform, _) in ENTITIES.items()} == {
        key: shown for key, (_, shown) in ENTITIES.items()
    }
    cars = hass.states.get("sensor.vms_bridge_gate_cars")
    assert cars is not None
    assert cars.attributes["why"] == "a car"
    say(hass, **dict.fromkeys(VALUES))
    await hass.async_block_till_done()
    unknown = {key: state(hass, f"{platform}.vms_bridge_gate_{key}") for key, (platform, _) in ENTITIES.items()}
    assert unknown == {**dict.fromkeys(ENTITIES, "unknown"), "note": ""}


@pytest.mark.usefixtures("announced")
async def test_they_are_unavailable_while_the_script_is_not_at_work_and_its_status_says_why(hass: HomeAssistant) -> None:
    say(hass, cars=3)
    said = {"v": 1, "available": False, "status": "quarantined", "reason": "it ends", "since": None, "failures": 5, "dropped": 0}
    async_fire_mqtt_message(hass, f"{ROOT}/script/gate/status", json.dumps(said))
    await hass.async_block_till_done()
    assert state(hass, "sensor.vms_bridge_gate_cars") == "unavailable"
    assert state(hass, "sensor.vms_bridge_gate_status") == "Quarantined"


@pytest.mark.usefixtures("announced")
async def test_events_fire(hass: HomeAssistant) -> None:
    said = {"v": 1, "event_type": "ring", "time": "2026-11-20T11:00:00Z", "attributes": {"how": "long"}}
    async_fire_mqtt_message(hass, f"{ROOT}/script/gate/bell/event", json.dumps(said))
    told = {"v": 1, "time": "2026-11-20T11:00:00Z", "script": "gate", "title": None, "message": "hi", "targets": None, "data": {}}
    async_fire_mqtt_message(hass, f"{ROOT}/notification", json.dumps(told))
    await hass.async_block_till_done()
    bell, notification = hass.states.get("event.vms_bridge_gate_bell"), hass.states.get("event.vms_bridge_home_notification")
    assert bell is not None
    assert notification is not None
    assert (bell.attributes["event_type"], bell.attributes["how"]) == ("ring", "long")
    assert (notification.attributes["message"], notification.attributes["script"]) == ("hi", "gate")


async def test_commands_go_to_the_script(hass: HomeAssistant, announced: MqttMockHAClient) -> None:
    say(hass, **VALUES)
    await hass.async_block_till_done()
    for platform, service, key, data, payload in (
        ("switch", "turn_on", "siren", {}, "ON"),
        ("button", "press", "test", {}, "PRESS"),
        ("number", "set_value", "minutes", {"value": 7}, "7"),
        ("select", "select_option", "mode", {"option": "Day"}, "Day"),
        ("text", "set_value", "note", {"value": "bye"}, "bye"),
    ):
        announced.async_publish.reset_mock()
        target = {"entity_id": f"{platform}.vms_bridge_gate_{key}"}
        await hass.services.async_call(platform, service, {**target, **data}, blocking=True)
        (call,) = announced.async_publish.mock_calls
        topic, said, qos, retain = call.args[:4]
        assert (topic, str(said), qos, retain) == (f"{ROOT}/script/gate/set/{key}", payload, 1, False)
