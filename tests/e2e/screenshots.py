"""Make the pictures in docs/images: a real Home Assistant that shows simulated cameras. Run by scripts/screenshots.

With an argument only those of one door: `mqtt`, or `component`.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import aiohttp
from tests.e2e import home_assistant
from tests.e2e.bridge import Bridge
from tests.e2e.broker import Broker, Observer
from tests.e2e.chromium import Chromium
from tests.e2e.home_assistant import HomeAssistant
from tests.e2e.processes import free_ports, listening

from vms_bridge.sockets import api_socket

if TYPE_CHECKING:
    from tests.e2e.chromium import Page

IMAGES = Path(__file__).parents[2] / "docs" / "images"
CAMERAS = ("1", "2", "3")
TILES = {
    "motion": {"name": "Motion", "color": "red"},
    "alarm": {"name": "Alarm"},
    "armed": {"name": "Armed", "color": "green"},
    "force_alarm": {"name": "Force alarm", "color": "red"},
    "last_event_label": {"name": "Last seen"},
    "events_day": {"name": "Last day"},
}
CONFIGURATION = """\
instance: home
data_dir: {folder}/data
mqtt: {{url: "{broker}", commands: admin}}
systems:
  house: {{type: simulator, name: House, pace: 3}}
"""
NATIVE = """\
instance: home
data_dir: {folder}/data
http: {{port: {port}}}
systems:
  house: {{type: simulator, name: House, pace: 3}}
"""


async def main() -> None:
    """Start everything, wait until every camera has seen something, and take the pictures while one sees something."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="vms-bridge-") as name:
        folder = Path(name)
        async with Chromium(folder) as browser:
            if "component" not in sys.argv:
                await _over_mqtt(folder, browser)
            if "mqtt" not in sys.argv:
                await _component(folder / "native", browser)


async def _over_mqtt(folder: Path, browser: Chromium) -> None:
    """Take the pictures of what MQTT discovery shows."""
    broker = Broker(folder)
    await broker.start()
    mqtt = Observer(broker.port)
    await mqtt.start()
    async with HomeAssistant(folder, broker.port) as home:
        bridge = Bridge(folder, CONFIGURATION.format(folder=folder, broker=broker.url))
        await bridge.start()
        try:
            await _take_pictures(home, await browser.page(home))
        finally:
            await bridge.stop()
    mqtt.stop()
    await broker.stop()


async def _component(folder: Path, browser: Chromium) -> None:
    """Take the pictures of the component, before a bridge of its own."""
    folder.mkdir()  # noqa: ASYNC240 - nothing else runs
    (port,) = free_ports(1)
    bridge = Bridge(folder, NATIVE.format(folder=folder, port=port))
    await bridge.start()
    try:
        await listening(port, within=30)
        async with (
            HomeAssistant(folder, None, platform="vms_bridge") as home,
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(api_socket(folder / "data")))) as api,
        ):
            async with api.post("http://localhost/api/v1/pair/opening", json={}) as response:
                code = (await response.json())["code"]
            await home.flow("vms_bridge", {"url": f"http://127.0.0.1:{port}", "method": "pair"}, {"code": code})
            async with api.get("http://localhost/api/v1/info") as response:
                bridge_id = (await response.json())["bridge_id"]
            await _take_pictures_of_the_component(home, await browser.page(home), bridge_id)
    finally:
        await bridge.stop()


async def _take_pictures_of_the_component(home: HomeAssistant, page: Page, bridge_id: str) -> None:
    for camera in CAMERAS:
        seen = f"{bridge_id}/house/{camera}/picture"
        await home.shows(seen, lambda seen: seen.state not in home_assistant.UNKNOWN, within=180)
    device = (await home.devices())[f"{bridge_id}/house/1"]
    await _save(page, f"/config/devices/device/{device['id']}", (1280, 1000), "component-device.png", "Ended")
    await _save_live(home, page, bridge_id)
    await _save(page, await _newest_hour(home, bridge_id), (1280, 760), "component-media.png", "Play media")
    await _save(
        page, "/config/integrations/integration/vms_bridge", (1280, 800), "component-options.png", "Live video", "Configure"
    )


async def _newest_hour(home: HomeAssistant, bridge_id: str) -> str:
    """Return the path of the media browser's page with a camera's events of now."""
    place = f"media-source://vms_bridge/{bridge_id}/house/1"
    for below in ("/day=", "/hour="):
        children = (await home.command("media_source/browse_media", media_content_id=place))["children"]
        place = next(child["media_content_id"] for child in children if below in child["media_content_id"])
    levels = ("app,media-source://vms_bridge", f"video,{place}")
    return "/media-browser/browser/" + "/".join(quote(level, safe="") for level in levels)


async def _save_live(home: HomeAssistant, page: Page, bridge_id: str) -> None:
    """Take a picture of a dashboard while a camera's live video plays on it."""
    camera = await home.entity(f"{bridge_id}/house/1/camera")
    tiles = [
        {"type": "tile", "entity": await home.entity(f"{bridge_id}/house/1/{key}"), **tile}
        for key, tile in TILES.items()
        if f"{bridge_id}/house/1/{key}" in home.unique_ids
    ]
    video = {"type": "picture-entity", "entity": camera, "camera_view": "live", "show_name": False, "show_state": False}
    video["grid_options"] = {"columns": "full"}
    sections = [{"type": "grid", "column_span": 2, "cards": [video]}, {"type": "grid", "cards": tiles}]
    view = {"title": "Live", "path": "live", "type": "sections", "max_columns": 3, "sections": sections}
    await home.command("lovelace/dashboards/create", url_path="house-live", title="Live", mode="storage", show_in_sidebar=True)
    await home.command("lovelace/config/save", url_path="house-live", config={"views": [view]})
    await page.resize(1280, 640)
    await page.open("/house-live/live")
    await page.plays(within=120)
    await page.until("lab.change() > 0.02", "something moves in the video", within=120)
    await page.save(IMAGES / "component-live.png")


async def _take_pictures(home: HomeAssistant, page: Page) -> None:
    for camera in CAMERAS:
        await home.shows(f"home-house-{camera}-picture", lambda seen: seen.state not in home_assistant.UNKNOWN, within=180)
    await home.command(
        "lovelace/dashboards/create", url_path="house-cameras", title="Cameras", mode="storage", show_in_sidebar=True
    )
    await home.command("lovelace/config/save", url_path="house-cameras", config=await _dashboard(home))
    await _save(page, "/house-cameras/cameras", (1280, 560), "home-assistant.png", "Detected")
    device = (await home.devices())["vms_bridge-home-house-1"]
    await _save(page, f"/config/devices/device/{device['id']}", (1280, 930), "home-assistant-device.png", "Last event duration")


async def _dashboard(home: HomeAssistant) -> dict[str, object]:
    sections = []
    for camera in CAMERAS:
        picture = await home.entity(f"home-house-{camera}-camera")
        cards: list[dict[str, object]] = [
            {"type": "heading", "heading": home.states[picture].attributes["friendly_name"], "icon": "mdi:cctv"},
            {"type": "picture-entity", "entity": picture, "show_name": False, "show_state": False, "camera_view": "auto"},
        ]
        for key, tile in TILES.items():
            if (unique_id := f"home-house-{camera}-{key}") in home.unique_ids:
                cards.append({"type": "tile", "entity": await home.entity(unique_id), **tile})
        sections.append({"type": "grid", "cards": cards})
    return {"views": [{"title": "Cameras", "path": "cameras", "type": "sections", "max_columns": 3, "sections": sections}]}


async def _save(page: Page, path: str, size: tuple[int, int], name: str, text: str, *clicked: str) -> None:
    """Save a page as a picture when that text is on it, after clicks on these."""
    await page.resize(*size)
    await page.open(path)
    for each in clicked:
        await page.click(each)
    await page.shows(text, within=120)
    await page.settles()
    await page.save(IMAGES / name)


if __name__ == "__main__":
    asyncio.run(main())
