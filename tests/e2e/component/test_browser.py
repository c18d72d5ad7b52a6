"""The component as a person meets it: Home Assistant's own pages in a real Chromium.

A bridge is added by its form with a pairing code, live video is looked at, an alarm is forced, clips are browsed, searched and
played.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest_asyncio
from tests.e2e.api import until
from tests.e2e.component.native import SOURCE

if TYPE_CHECKING:
    from tests.e2e.chromium import Page
    from tests.e2e.component.native import Native

DASHBOARD = "lab-camera"


async def test_it_is_added_by_its_form_with_a_pairing_code(native: Native, page: Page) -> None:
    home = native.home
    (entry,) = await home.entries("vms_bridge")
    await home.remove(entry["entry_id"])
    await home.no_entity(native.of("sim", "1", "motion"))
    await until(lambda: _is_claimed_by(native, 0), 20)

    await page.open("/config/integrations/dashboard")
    await page.click("Add integration")
    await page.fill("Search for a brand name", "VMS Br")
    await page.click("VMS Bridge")
    await page.fill("Address", f"http://127.0.0.1:{native.port}")
    await page.click("Submit")
    await page.fill("Code", await native.pairing_code())
    await page.click("Submit")
    await page.click("Skip and finish")

    await native.is_true(within=30)  # from the last click on
    await until(lambda: _is_claimed_by(native, 1), 20)
    assert await native.complaints() == []


async def test_its_live_video_is_seen(native: Native, page: Page, dashboard: str) -> None:
    await native.home.shows(native.of("sim", "1", "camera"), lambda seen: bool(seen.attributes["supported_features"] & 2))
    await page.open(dashboard)
    width, height = await page.plays(within=90)
    assert width > height > 0
    assert await native.complaints() == []


async def test_an_alarm_is_forced_by_a_click(native: Native, page: Page, dashboard: str) -> None:
    home, name = native.home, native.of("sim", "1", "force_alarm")
    await page.open(dashboard)
    await page.click("Force it")
    await home.shows(name, "on")
    await home.shows(native.of("sim", "1", "motion"), "on")
    await page.click("Force it")
    await home.shows(name, "off")
    assert await native.complaints() == []


async def test_a_clip_is_browsed_to_and_played(native: Native, page: Page) -> None:
    await native.home.shows(
        native.of("sim", "1", "last_event"), lambda seen: seen.attributes.get("clip_ready") is True, within=60
    )
    await page.open(f"/media-browser/browser/{quote(f'app,{SOURCE}', safe='')}")
    nodes = await until(lambda: _way_to_a_clip(native), 60)
    for node in nodes:
        await page.click(_without_count(node["title"]), whole=False)
    await page.click(_clip_of(await native.browse(nodes[-1]["media_content_id"]))["title"])
    width, height = await page.plays()
    assert width > height > 0
    assert await native.complaints() == []


async def test_a_clip_is_searched_for_and_played(native: Native, page: Page) -> None:
    event = await _event_with_a_clip(native)
    name, day = event["monitor_name"], event["start"][:10]
    asked = f"{event['labels'][0]} {day}" if event["labels"] else f'camera:"{name}" {day}'
    bridge = f"video,{SOURCE}/{native.bridge_id}/sim"
    await page.open(f"/media-browser/browser/{quote(f'app,{SOURCE}', safe='')}/{quote(bridge, safe='')}")
    await page.fill("Search", asked)
    await page.enter()
    found = await native.home.command("media_source/search_media", media_content_id=bridge.partition(",")[2], search_query=asked)
    await page.click(_clip_of(found["result"])["title"])
    await page.plays()
    assert await native.complaints() == []


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def dashboard(native: Native) -> str:
    """A dashboard with a camera's live video, and a button that forces its alarm; return its path."""
    home = native.home
    camera, switch = await home.entity(native.of("sim", "1", "camera")), await home.entity(native.of("sim", "1", "force_alarm"))
    cards: list[dict[str, object]] = [
        {"type": "picture-entity", "entity": camera, "camera_view": "live"},
        {"type": "button", "entity": switch, "name": "Force it", "tap_action": {"action": "toggle"}},
    ]
    await home.command("lovelace/dashboards/create", url_path=DASHBOARD, title="Camera", mode="storage")
    view = {"title": "Camera", "path": "camera", "cards": cards}
    await home.command("lovelace/config/save", url_path=DASHBOARD, config={"views": [view]})
    return f"/{DASHBOARD}/camera"


async def _is_claimed_by(native: Native, number: int) -> bool:
    return len((await native.asks("discovery"))["claims"]) == number


async def _way_to_a_clip(native: Native) -> list[dict[str, Any]] | None:
    """Return the nodes to the newest hour once a clip in it is ready: in one that has just begun none need be."""
    nodes = await native.way_to("sim", "1")
    children = await native.browse(nodes[-1]["media_content_id"])
    return nodes if any(child["can_play"] for child in children) else None


async def _event_with_a_clip(native: Native) -> Any:
    async def look() -> Any:
        events = (await native.asks("events?system=sim&limit=50"))["events"]
        return next((event for event in events if event["clip_ready"]), None)

    return await until(look, 60)


def _clip_of(children: list[dict[str, Any]]) -> dict[str, Any]:
    """Return one of the first clips: of a long list a page draws the first, and of what has come since it was listed none."""
    clips = [child for child in children if child["can_play"] and child["media_content_type"].startswith("video")]
    return clips[:4][-1]


def _without_count(title: str) -> str:
    """Return a title without the number of events behind it, which grows."""
    return title.partition(" (")[0]
