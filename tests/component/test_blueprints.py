"""The blueprints, as automations of Home Assistant: what they do when something happens, and when it does not."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from custom_components.vms_bridge.media_ids import media_content_id, media_path
from homeassistant.components.automation.config import AUTOMATION_BLUEPRINT_SCHEMA
from homeassistant.components.blueprint.models import Blueprint
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.selector import selector
from homeassistant.util import dt as dt_util
from homeassistant.util.yaml import load_yaml_dict
from pytest_homeassistant_custom_component.common import async_fire_time_changed, async_mock_service
from tests.component.blueprint_house import BRIDGE_ID, FOLDER, House, said

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from freezegun.api import FrozenDateTimeFactory
    from homeassistant.core import HomeAssistant

FILES = sorted(FOLDER.glob("*.yaml"))
NATIVE, MQTT = "vms_bridge", "mqtt"
PICTURE = "/api/vms_bridge/media/entry_of_vms_bridge/zm-1234/picture.jpg"
CLIP = "/api/vms_bridge/media/entry_of_vms_bridge/zm-1234/clip.mp4"


@pytest.fixture
async def house(hass: HomeAssistant, tmp_path: Path) -> AsyncIterator[House]:
    yield House(hass, tmp_path)
    if hass.states.get("automation.ours") is not None:  # what it waits for ends with it
        await hass.services.async_call("automation", "turn_off", {"entity_id": "automation.ours"}, blocking=True)
        await hass.async_block_till_done()


async def later(house: House, freezer: FrozenDateTimeFactory, **time: float) -> None:
    freezer.tick(timedelta(**time))
    async_fire_time_changed(house.hass, dt_util.utcnow())
    await house.settle()


def test_there_are_few_and_short_ones() -> None:
    assert 0 < len(FILES) <= 6
    for path in FILES:
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, path.name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_home_assistant_takes_it_with_its_defaults(hass: HomeAssistant, path: Path) -> None:
    blueprint = Blueprint(load_yaml_dict(path), expected_domain="automation", path=path.name, schema=AUTOMATION_BLUEPRINT_SCHEMA)
    assert blueprint.validate() is None
    assert blueprint.metadata["description"]
    for name, field in blueprint.inputs.items():
        assert field["name"], name
        if "default" in field:
            validate: Any = selector(field["selector"])  # each kind of selector can be called, their base can't
            validate(field["default"])
    assert hass.is_running


# The picture notification


async def test_phones_get_the_picture_and_then_the_clip_in_its_place(house: House) -> None:
    event = house.camera(NATIVE)
    (anna, to_anna), (ben, to_ben) = house.phone("Anna Pixel"), house.phone("Ben iPhone")
    await house.automate("picture_notification", cameras=[event], phones=[anna, ben])
    await house.fire(event)
    for calls in (to_anna, to_ben):
        (first,) = calls
        assert (first.data["title"], first.data["message"]) == ("Front door", "person · Drive")
        assert first.data["data"]["image"] == PICTURE
        assert "video" not in first.data["data"]
    await house.fire(event, "end", end_reason="closed")
    assert len(to_anna) == 1
    await house.fire(event, "media", end_reason="closed", clip_ready=True)
    for calls in (to_anna, to_ben):
        first_said, then_said = said(calls)
        assert then_said["video"] == CLIP
        assert then_said["tag"] == first_said["tag"] == "vms_bridge_zm-1234"
        assert then_said["alert_once"] is True
        assert then_said["push"] == {"sound": "none", "interruption-level": "passive"}
    await house.fire(event, "media", end_reason="closed", clip_ready=True, archived=True)
    assert len(to_anna) == len(to_ben) == 2


async def test_a_tap_leads_into_home_assistant_and_nothing_is_signed(house: House) -> None:
    event = house.camera(NATIVE)
    phone, calls = house.phone("Pixel")
    await house.automate("picture_notification", cameras=[event], phones=[phone])
    await house.fire(event, clip_ready=True)
    node = f"app%2Cmedia-source%3A%2F%2Fvms_bridge%2F{BRIDGE_ID}%2Fzm%2F1%2Fshow%3Dlatest"
    for data in said(calls):
        assert data["url"] == data["clickAction"] == f"/media-browser/browser/{node}"
    assert "authSig" not in json.dumps([call.data for call in calls])


async def test_a_tap_leads_to_the_camera(house: House) -> None:
    event = house.camera(NATIVE)
    phone, calls = house.phone("Pixel")
    await house.automate("picture_notification", cameras=[event], phones=[phone], tap="camera", is_critical=True)
    await house.fire(event)
    (data,) = said(calls)
    assert data["clickAction"] == "entityId:camera.front_door"  # Android
    assert data["entity_id"] == "camera.front_door"  # iOS, where there is no url
    assert "url" not in data
    assert data["push"]["sound"]["critical"] == 1
    assert (data["ttl"], data["priority"], data["channel"]) == (0, "high", "alarm_stream")


async def test_an_id_that_is_no_segment_of_a_path_is_written_as_the_view_reads_it(house: House) -> None:
    event = house.camera(NATIVE)
    phone, calls = house.phone("Pixel")
    await house.automate("picture_notification", cameras=[event], phones=[phone])
    odd = "zm-Türe/1 ?&%2F"
    await house.fire(event, id=odd, media_id=media_content_id(BRIDGE_ID, odd, "clip"))
    (data,) = said(calls)
    assert data["image"] == media_path("entry_of_vms_bridge", odd, "picture")


async def test_a_picture_that_is_not_there_yet_is_waited_for(house: House) -> None:
    event = house.camera(NATIVE)
    phone, calls = house.phone("Pixel")
    await house.automate("picture_notification", cameras=[event], phones=[phone])
    await house.fire(event, snapshot_ready=False)
    assert not calls
    await house.fire(event, "media")
    assert [data["image"] for data in said(calls)] == [PICTURE]


async def test_without_a_picture_it_comes_all_the_same(house: House, freezer: FrozenDateTimeFactory) -> None:
    event = house.camera(NATIVE)
    phone, calls = house.phone("Pixel")
    await house.automate("picture_notification", cameras=[event], phones=[phone], with_clip=False)
    await house.fire(event, snapshot_ready=False, labels=[], zones=[])
    await later(house, freezer, seconds=6)
    (call,) = calls
    assert call.data["message"] == "Motion"
    assert "image" not in call.data["data"]
    await house.fire(event, "media", clip_ready=True)
    assert len(calls) == 1


@pytest.mark.parametrize(
    "message",
    [
        {"labels": ["cat"], "label": "cat"},
        {"labels": [], "label": None, "score": None},
        {"zones": ["Street"]},
        {"score": 0.3},
        {"score": None},
    ],
)
async def test_another_event_is_worth_nothing(house: House, message: dict[str, Any]) -> None:
    event = house.camera(NATIVE)
    phone, calls = house.phone("Pixel")
    filters = {"labels": ["Person"], "zones": ["drive"], "least_score": 0.5}
    await house.automate("picture_notification", cameras=[event], phones=[phone], **filters)
    await house.fire(event, **message)
    assert not calls


async def test_it_comes_once_when_the_label_is_known_late(house: House) -> None:
    event = house.camera(NATIVE)
    phone, calls = house.phone("Pixel")
    await house.automate("picture_notification", cameras=[event], phones=[phone], labels=["person"], with_clip=False)
    await house.fire(event, labels=[])
    assert not calls
    await house.fire(event, "media")
    await house.fire(event, "end", end_reason="closed")
    assert len(calls) == 1


async def test_what_is_shown_again_after_a_loss_is_no_event(house: House) -> None:
    event, other = house.camera(NATIVE), house.camera(NATIVE, "garden", "2")
    phone, calls = house.phone("Pixel")
    await house.automate("picture_notification", cameras=[event], phones=[phone], with_clip=False)
    await house.fire(other)
    assert not calls
    await house.set(event, "unavailable")
    await house.fire(event)  # as it was before it was unavailable
    assert not calls
    await house.set(event, "unavailable")
    assert not calls


async def test_a_pause_keeps_new_events_away_and_no_clip(house: House, freezer: FrozenDateTimeFactory) -> None:
    event = house.camera(NATIVE)
    phone, calls = house.phone("Pixel")
    await house.automate("picture_notification", cameras=[event], phones=[phone], cooldown=60)
    await house.fire(event)
    freezer.tick(10)
    await house.fire(event, id="zm-1235")
    assert len(calls) == 1
    await house.fire(event, "media", clip_ready=True)
    assert ["video" in data for data in said(calls)] == [False, True]
    freezer.tick(60)
    await house.fire(event, id="zm-1236")
    assert said(calls)[-1]["tag"] == "vms_bridge_zm-1236"


async def test_a_phone_that_is_gone_keeps_nothing_from_the_others(house: House) -> None:
    event = house.camera(NATIVE)
    phone, calls = house.phone("Pixel")
    also = {"action": "test.also", "data": {"id": "{{ event_id }}"}}
    told = async_mock_service(house.hass, "test", "also")
    only_if = {"condition": "state", "entity_id": "input_boolean.away", "state": "on"}
    await house.set("input_boolean.away", "off")
    await house.automate("picture_notification", cameras=[event], phones=["gone", phone], also=[also], only_if=[only_if])
    await house.fire(event, id="zm-1")
    assert not calls
    await house.set("input_boolean.away", "on")
    await house.fire(event, id="zm-2")
    assert len(calls) == 1
    assert [call.data["id"] for call in told] == ["zm-2"]


async def test_over_mqtt_the_picture_is_that_of_the_image_entity_and_the_clip_a_link(house: House) -> None:
    event = house.camera(MQTT)
    phone, calls = house.phone("Pixel")
    await house.automate("mqtt_picture_notification", cameras=[event], phones=[phone], with_clip=True)
    await house.set("image.front_door", (dt_util.utcnow() - timedelta(minutes=5)).isoformat())
    await house.fire(event)
    assert not calls, "the picture of the event before is none of this one"
    await house.set("image.front_door", dt_util.utcnow().isoformat())
    (data,) = said(calls)
    assert data["image"] == "/api/image_proxy/image.front_door"
    assert data["entity_id"] == "camera.front_door"
    await house.fire(event, "media", clip_ready=True, clip_url="https://cameras.example/clip?auth=1")
    assert said(calls)[1]["video"] == "https://cameras.example/clip?auth=1"


# Light


async def _light(house: House, platform: str = NATIVE, **inputs: object) -> tuple[str, list[Any], list[Any]]:
    device = house.device(platform, "front_door", "front")
    sensor = house.entity("sensor", platform, "front_door_last_event", device)
    on, off = async_mock_service(house.hass, "light", "turn_on"), async_mock_service(house.hass, "light", "turn_off")
    await house.set("light.porch", "off")
    await house.set("sun.sun", "below_horizon", elevation=-12.0)
    await house.automate("light_on_person", last_events=[sensor], lights=["light.porch"], **inputs)
    return sensor, on, off


@pytest.mark.parametrize("platform", [NATIVE, MQTT])
async def test_a_person_at_night_has_light_until_some_time_after_the_event(
    house: House, freezer: FrozenDateTimeFactory, platform: str
) -> None:
    sensor, on, off = await _light(house, platform, keep_on=60)
    await house.fire(sensor, labels=["car"])
    assert not on
    await house.fire(sensor, labels=["car", "Person"])
    assert [call.data["entity_id"] for call in on] == [["light.porch"]]
    await house.set("light.porch", "on")
    await later(house, freezer, seconds=300)
    assert not off, "the event goes on"
    await house.fire(sensor, "end", end_reason="closed", end=dt_util.utcnow().isoformat())
    await later(house, freezer, seconds=30)
    assert not off
    await later(house, freezer, seconds=31)
    assert [call.data["entity_id"] for call in off] == [["light.porch"]]


async def test_the_next_person_keeps_the_light_on(house: House, freezer: FrozenDateTimeFactory) -> None:
    sensor, _, off = await _light(house, keep_on=60)
    await house.fire(sensor, end_reason="closed", end=dt_util.utcnow().isoformat())
    await house.set("light.porch", "on")
    await later(house, freezer, seconds=40)
    await house.fire(sensor, id="zm-1235", end_reason="closed", end=dt_util.utcnow().isoformat())
    await later(house, freezer, seconds=40)
    assert not off
    await later(house, freezer, seconds=21)
    assert len(off) == 1


async def test_an_event_whose_end_nobody_tells_does_not_light_for_ever(house: House, freezer: FrozenDateTimeFactory) -> None:
    sensor, _, off = await _light(house, keep_on=60, longest=2)
    await house.fire(sensor)
    await later(house, freezer, seconds=121)
    await later(house, freezer, seconds=61)
    assert len(off) == 1


@pytest.mark.parametrize(
    ("sun", "light", "message"),
    [
        (20.0, "off", {}),  # by day
        (-12.0, "on", {}),  # somebody has switched it on
        (-12.0, "off", {"labels": ["cat"]}),
        (-12.0, "off", {"late": True}),
        (-12.0, "off", {"zones": ["Street"]}),
        (-12.0, "off", {"end_reason": "closed", "end": "2026-01-01T00:00:00+00:00"}),  # an update of an old one
        (-12.0, "off", {"start": "2026-01-01T00:00:00+00:00"}),  # shown again after a restart
        (-12.0, "off", {"start": None}),
    ],
)
async def test_light_is_left_alone(house: House, sun: float, light: str, message: dict[str, Any]) -> None:
    sensor, on, _ = await _light(house, zones=["drive"])
    await house.set("sun.sun", "there", elevation=sun)
    await house.set("light.porch", light)
    await house.fire(sensor, **message)
    assert not on


# Alarm


async def _door(house: House) -> None:
    await house.set("binary_sensor.door", "off", friendly_name="Back door")


async def test_a_door_forces_an_alarm_for_so_long(house: House) -> None:
    await _door(house)
    calls = async_mock_service(house.hass, NATIVE, "force_alarm")
    await house.automate("alarm_by_sensor", sensors=["binary_sensor.door"], cameras=["switch.garden_force_alarm"], seconds=45)
    await house.set("binary_sensor.door", "on", friendly_name="Back door")
    (call,) = calls
    assert call.data == {"entity_id": ["switch.garden_force_alarm"], "seconds": 45}


async def test_a_cause_is_told_where_it_is_wanted(house: House) -> None:
    await _door(house)
    calls = async_mock_service(house.hass, NATIVE, "force_alarm")
    ring = {"trigger": "event", "event_type": "ring"}
    await house.automate(
        "alarm_by_sensor", sensors=["binary_sensor.door"], cameras=["switch.a", "switch.b"], with_cause=True, triggers=[ring]
    )
    await house.set("binary_sensor.door", "on", friendly_name="Back door")
    house.hass.bus.async_fire("ring")
    await house.settle()
    assert [call.data["cause"] for call in calls] == ["Back door", "Home Assistant"]
    assert calls[0].data["entity_id"] == ["switch.a", "switch.b"]


@pytest.mark.parametrize("blueprint", ["alarm_by_sensor", "mqtt_alarm_by_sensor"])
async def test_what_is_no_change_to_that_state_forces_nothing(house: House, blueprint: str) -> None:
    await _door(house)
    forced, published = async_mock_service(house.hass, NATIVE, "force_alarm"), async_mock_service(house.hass, "mqtt", "publish")
    cameras = ["switch.garden_force_alarm"] if blueprint == "alarm_by_sensor" else ["vms_bridge/home/zm/1"]
    await house.automate(blueprint, sensors=["binary_sensor.door"], cameras=cameras)
    for state in ("unavailable", "on", "unknown", "on", "off"):
        await house.set("binary_sensor.door", state)
    await house.set("binary_sensor.window", "on")
    assert not forced
    assert not published


async def test_over_mqtt_the_command_is_published_to_each_camera(house: House) -> None:
    await _door(house)
    calls = async_mock_service(house.hass, "mqtt", "publish")
    await house.automate(
        "mqtt_alarm_by_sensor",
        sensors=["binary_sensor.door"],
        cameras=["vms_bridge/home/zm/1", " vms_bridge/home/zm/2/ "],
        seconds=45,
        with_cause=True,
        cause="A door",
    )
    await house.set("binary_sensor.door", "on")
    assert [call.data["topic"] for call in calls] == ["vms_bridge/home/zm/1/set/alarm", "vms_bridge/home/zm/2/set/alarm"]
    assert all(call.data["qos"] == 1 and call.data["retain"] is False for call in calls)
    payloads = [json.loads(cv.string(call.data["payload"])) for call in calls]
    assert len({payload.pop("request_id") for payload in payloads}) == 2
    assert payloads == [{"value": "ON", "seconds": 45, "cause": "A door"}] * 2
