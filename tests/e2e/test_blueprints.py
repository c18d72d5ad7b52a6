"""The blueprints where Home Assistant has cameras by MQTT only: an alarm, its picture and its clip on a phone; a light."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest_asyncio
from tests.e2e.blueprints import DOOR, LIGHT, Phone, automation, goes_on_and_off, phone_of
from tests.e2e.bridge import Bridge
from tests.e2e.processes import free_ports

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest
    from tests.e2e.broker import Broker, Observer
    from tests.e2e.home_assistant import HomeAssistant

CONFIGURATION = """\
instance: blue
data_dir: {folder}/data
mqtt: {{url: "{broker}"}}
http: {{port: {port}, public_url: "http://127.0.0.1:{port}", message_links: all}}
systems:
  sim: {{type: simulator, pace: 5, width: 320}}
"""
CAMERA = "vms_bridge/blue/sim/1"
LABELS = ["person", "car", "dog", "cat"]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def blue(broker: Broker, mqtt: Observer, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Bridge]:
    """A bridge with simulated cameras, whose messages have links."""
    folder, (port,) = tmp_path_factory.mktemp("blue"), free_ports(1)
    bridge = Bridge(folder, CONFIGURATION.format(folder=folder, broker=broker.url, port=port))
    await bridge.start()
    try:
        await mqtt.state("vms_bridge/blue/sim/state", lambda state: state["available"])
        yield bridge
    finally:
        await bridge.stop()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def phone(home: HomeAssistant) -> AsyncIterator[Phone]:
    """A phone with the companion app."""
    async with phone_of(home) as phone:
        yield phone


async def test_a_door_forces_an_alarm_of_which_a_phone_gets_the_picture_and_then_the_clip(
    blue: Bridge, home: HomeAssistant, phone: Phone
) -> None:
    assert blue.program.is_running
    event, forced = await home.entity("blue-sim-1-event"), "blue-sim-1-force_alarm"
    await home.shows(forced, "off")
    await home.call(DOOR, "turn_off")
    async with (
        automation(home, "mqtt_picture_notification", cameras=[event], phones=[phone.device], with_clip=True),
        automation(home, "mqtt_alarm_by_sensor", sensors=[DOOR], cameras=[CAMERA], seconds=3, with_cause=True),
    ):
        await home.call(DOOR, "turn_on")
        await home.shows(forced, "on", within=10)
        picture = await phone.gets("image")
        assert (await home.picture(picture["image"]))[:2] == b"\xff\xd8"
        clip = await phone.gets("video")
        async with aiohttp.ClientSession() as phones, phones.get(clip["video"], headers={"Range": "bytes=0-99"}) as response:
            assert (response.status, response.content_type) == (206, "video/mp4")
            assert (await response.read())[4:8] == b"ftyp"
        await home.shows(forced, "off", within=15)
    assert picture["clickAction"] == f"entityId:{await home.entity('blue-sim-1-camera')}"
    assert await home.complaints() == []


async def test_what_a_camera_sees_at_night_switches_a_light_on_and_off(blue: Bridge, home: HomeAssistant) -> None:
    assert blue.program.is_running
    sensors = [await home.entity(f"blue-sim-{monitor}-last_event") for monitor in ("1", "2", "3")]
    since = len(home.history)
    night = {"elevation": 90, "keep_on": 0}
    async with automation(home, "light_on_person", last_events=sensors, lights=[LIGHT], labels=LABELS, **night):
        await goes_on_and_off(home, since=since)
    assert await home.complaints() == []
