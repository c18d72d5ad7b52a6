"""Make the pictures in docs/images: a real Home Assistant that shows simulated cameras. Run by scripts/screenshots."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from urllib.parse import quote

import aiohttp
from tests.e2e import home_assistant
from tests.e2e.bridge import Bridge
from tests.e2e.broker import Broker, Observer
from tests.e2e.home_assistant import HomeAssistant
from tests.e2e.processes import free_ports, listening

from vms_bridge.sockets import api_socket

IMAGES = Path(__file__).parents[2] / "docs" / "images"
BROWSER = Path(__file__).parent / "lab" / "browser.py"
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
  house: {{type: simulator, name: House, pace: 6}}
"""
NATIVE = """\
instance: home
data_dir: {folder}/data
http: {{port: {port}}}
systems:
  house: {{type: simulator, name: House, pace: 6}}
"""


async def main() -> None:
    """Start everything, wait until every camera has seen something, and take the pictures while one sees something."""
    IMAGES.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="vms-bridge-") as name:
        folder = Path(name)
        broker = Broker(folder)
        await broker.start()
        mqtt = Observer(broker.port)
        await mqtt.start()
        async with HomeAssistant(folder, broker.port) as home:
            bridge = Bridge(folder, CONFIGURATION.format(folder=folder, broker=broker.url))
            await bridge.start()
            try:
                await _take_pictures(home)
            finally:
                await bridge.stop()
        mqtt.stop()
        await broker.stop()
        await _component(folder / "native")


async def _component(folder: Path) -> None:
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
                of_camera = f"{(await response.json())['bridge_id']}/house/1"
            await home.shows(f"{of_camera}/picture", lambda seen: seen.state not in home_assistant.UNKNOWN, within=180)
            device = (await home.devices())[of_camera]
            await _save(home, f"/config/devices/device/{device['id']}", "1280x1000", "component-device.png", "Force alarm")
            await _save_live(home, await home.entity(f"{of_camera}/camera"))
            browser = f"/media-browser/browser/{quote('app,media-source://vms_bridge', safe='')}"
            await _save(home, browser, "1280x700", "component-media.png", "House")
            options = "/config/integrations/integration/vms_bridge"
            await _save(home, options, "1280x800", "component-options.png", "Live video", "Configure")
    finally:
        await bridge.stop()


async def _save_live(home: HomeAssistant, camera: str) -> None:
    card = {"type": "picture-entity", "entity": camera, "camera_view": "live", "show_state": False}
    await home.command("lovelace/dashboards/create", url_path="house-live", title="Live", mode="storage", show_in_sidebar=True)
    view = {"title": "Live", "path": "live", "type": "panel", "cards": [card]}
    await home.command("lovelace/config/save", url_path="house-live", config={"views": [view]})
    await _save(home, "/house-live/live", "1280x760", "component-live.png", home.states[camera].attributes["friendly_name"])


async def _take_pictures(home: HomeAssistant) -> None:
    for camera in CAMERAS:
        await home.shows(f"home-house-{camera}-picture", lambda seen: seen.state not in home_assistant.UNKNOWN, within=180)
    await home.command(
        "lovelace/dashboards/create", url_path="house-cameras", title="Cameras", mode="storage", show_in_sidebar=True
    )
    await home.command("lovelace/config/save", url_path="house-cameras", config=await _dashboard(home))
    await _save(home, "/house-cameras/cameras", "1280x560", "home-assistant.png", "Detected")
    device = (await home.devices())["vms_bridge-home-house-1"]
    await _save(home, f"/config/devices/device/{device['id']}", "1280x930", "home-assistant-device.png", "Last event duration")


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


async def _save(home: HomeAssistant, path: str, size: str, name: str, text: str, *labels: str) -> None:
    python = home_assistant.venv() / "bin" / "python"
    said = (home.url, home.token, path, size, str(IMAGES / name), text, *labels)
    browser = await asyncio.create_subprocess_exec(python, BROWSER, *said)
    assert await browser.wait() == 0, f"no picture of {path}"


if __name__ == "__main__":
    asyncio.run(main())
