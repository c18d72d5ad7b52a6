"""Make the pictures in docs/images: a real Home Assistant that shows simulated cameras. Run by scripts/screenshots."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from tests.e2e import home_assistant
from tests.e2e.bridge import Bridge
from tests.e2e.broker import Broker, Observer
from tests.e2e.home_assistant import HomeAssistant

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


async def _save(home: HomeAssistant, path: str, size: str, name: str, text: str) -> None:
    python = home_assistant.venv() / "bin" / "python"
    browser = await asyncio.create_subprocess_exec(python, BROWSER, home.url, home.token, path, size, IMAGES / name, text)
    assert await browser.wait() == 0, f"no picture of {path}"


if __name__ == "__main__":
    asyncio.run(main())
