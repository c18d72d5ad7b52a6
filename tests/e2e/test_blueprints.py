"""The blueprints within a real Home Assistant, before a real bridge: a phone gets picture and clip."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest_asyncio
from aiohttp import web
from tests.e2e.home_assistant import COMPONENT, HomeAssistant
from tests.e2e.processes import free_ports
from tests.e2e.test_component import Native, native  # noqa: F401, TC002 - a fixture
from tests.e2e.waiting import Changes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

MORE = """
automation: !include automations.yaml
mobile_app:
sun:
input_boolean: {door: {name: Back door}, lamp: {name: Lamp}}
template:
  - light:
      - name: Porch
        state: "{{ is_state('input_boolean.lamp', 'on') }}"
        turn_on: {action: input_boolean.turn_on, target: {entity_id: input_boolean.lamp}}
        turn_off: {action: input_boolean.turn_off, target: {entity_id: input_boolean.lamp}}
"""
SEEN_WITHIN_S = 90.0


@dataclass
class Phone:
    """The server that a phone's notifications go through."""

    url: str
    told: list[dict[str, Any]] = field(default_factory=list)
    device: str = ""
    changes: Changes = field(default_factory=Changes)

    async def push(self, request: web.Request) -> web.Response:
        """Take a notification."""
        self.told.append(await request.json())
        self.changes.tell()
        return web.json_response({}, status=201)

    async def gets(self, key: str, *, within: float = SEEN_WITHIN_S) -> dict[str, Any]:
        """Wait until a notification with that in its data has come, and return the first one's data."""
        look = lambda: next((said["data"] for said in self.told if key in said.get("data", {})), None)  # noqa: E731
        return await self.changes.until(look, lambda: f"a notification with {key}; there were {self.told}", within)


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def phone(native: Native) -> AsyncIterator[Phone]:  # noqa: F811 - the fixture
    """A phone with the companion app, in a Home Assistant that has the blueprints."""
    home = native.home
    await home.stop()
    shutil.copytree(COMPONENT.parents[1] / "blueprints", home.config / "blueprints")
    (home.config / "automations.yaml").write_text("[]\n")
    with (home.config / "configuration.yaml").open("a") as file:
        file.write(MORE)
    (port,) = free_ports(1)
    phone = Phone(f"http://127.0.0.1:{port}/push")
    application = web.Application()
    application.router.add_post("/push", phone.push)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        await home.start()
        await register(home, phone)
        yield phone
    finally:
        await runner.cleanup()


async def register(home: HomeAssistant, phone: Phone) -> None:
    """Add the phone, as the companion app does."""
    app = {"push_token": "token", "push_url": phone.url}
    said = {
        "app_data": app,
        "app_id": "app",
        "app_name": "App",
        "app_version": "1",
        "device_id": "phone",
        "device_name": "My Phone",
    }
    kind = {"manufacturer": "Someone", "model": "Phone", "os_name": "Android", "supports_encryption": False}
    await home._post("/api/mobile_app/registrations", json_={**said, **kind})
    devices = await home.command("config/device_registry/list")
    phone.device = next(device["id"] for device in devices if device["name"] == "My Phone")


async def automate(home: HomeAssistant, blueprint: str, **inputs: object) -> None:
    """Have an automation made of that blueprint."""
    use = {"path": f"vms_bridge/{blueprint}.yaml", "input": inputs}
    made = {"alias": blueprint, "use_blueprint": use}
    await home._post(f"/api/config/automation/config/{blueprint}", json_=made)
    states = {state["entity_id"]: state["state"] for state in await home.command("get_states")}
    assert states[f"automation.{blueprint}"] == "on"


async def test_a_door_forces_an_alarm_of_which_a_phone_gets_the_picture_and_then_the_clip(native: Native, phone: Phone) -> None:  # noqa: F811
    home = native.home
    event, switch = [await home.entity(native.of("sim", "1", key)) for key in ("event", "force_alarm")]
    await home.shows(native.of("sim", "1", "force_alarm"), "off")
    await automate(home, "picture_notification", cameras=[event], phones=[phone.device])
    await automate(home, "alarm_by_sensor", sensors=["input_boolean.door"], cameras=[switch], seconds=3, with_cause=True)
    await home.call("input_boolean.door", "turn_on")
    await home.shows(native.of("sim", "1", "force_alarm"), "on", within=10)
    picture = await phone.gets("image")
    assert (await home.picture(picture["image"]))[:2] == b"\xff\xd8"
    clip = await phone.gets("video")
    status, headers, start = await home.get(clip["video"], {"Range": "bytes=0-99"})
    assert (status, headers["Content-Type"], start[4:8]) == (206, "video/mp4", b"ftyp")
    _, _, place = unquote(picture["clickAction"]).partition("app,")
    browsed = await home.command("media_source/browse_media", media_content_id=place)
    assert browsed["children"]
    await home.shows(native.of("sim", "1", "force_alarm"), "off", within=15)


async def test_what_a_camera_sees_at_night_switches_a_light_on_and_off(native: Native, phone: Phone) -> None:  # noqa: F811
    home = native.home
    assert phone.device
    sensors = [await home.entity(native.of("sim", monitor, "last_event")) for monitor in ("1", "2")]
    labels = ["person", "car", "dog", "cat"]
    since = len(home.history)
    night = {"elevation": 90, "keep_on": 0}
    await automate(home, "light_on_person", last_events=sensors, lights=["light.porch"], labels=labels, **night)
    look = lambda state: lambda: any(seen.entity_id == "light.porch" and seen.state == state for seen in home.history[since:])  # noqa: E731
    await home._changes.until(look("on"), lambda: "the light is on", SEEN_WITHIN_S)
    await home._changes.until(look("off"), lambda: "it is off again", SEEN_WITHIN_S)
    assert [line for line in home.logged("blueprint") if "vms_bridge" in line] == []
