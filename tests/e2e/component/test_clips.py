"""What a real ZoneMinder has recorded: browsed to in Home Assistant, fetched through it, and seen in Chromium."""

from __future__ import annotations

import asyncio
import json
import subprocess
from shutil import which
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
from tests.e2e import zoneminder as zm
from tests.e2e.api import until
from tests.e2e.component.native import SOURCE
from tests.e2e.conftest import need

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.chromium import Page
    from tests.e2e.component.native import Native
    from tests.e2e.zoneminder import ZoneMinder

SIZE = (320, 240)


@pytest.fixture(scope="module", autouse=True)
def _needs_zoneminder() -> None:
    need(zm.what_is_missing() or (None if which("ffprobe") else "ffprobe is missing: apt-get install ffmpeg"))


async def test_a_video_of_zoneminder_is_browsed_and_played(
    native: Native, real_vms: ZoneMinder, page: Page, tmp_path: Path
) -> None:
    event = await _alarm(native, real_vms, 1)
    assert event["clip_ready"] is True, event
    child = await _in_the_media_browser(native, event)
    assert child["media_content_type"] == "video/mp4"
    assert child["media_content_id"].endswith("/clip")
    await _plays(native, page, child, tmp_path)
    status, headers, _ = await native.home.get(child["thumbnail"])
    assert (status, headers["Content-Type"]) == (200, "image/jpeg")
    assert await native.complaints() == []


async def test_an_event_of_single_pictures_is_browsed_and_played(
    native: Native, real_vms: ZoneMinder, page: Page, tmp_path: Path
) -> None:
    before = await real_vms.monitor(2)
    await real_vms.edit(2, VideoWriter="0", SaveJPEGs="3")
    try:
        await real_vms.until_alarm(2, 1, within=60)
        event = await until(lambda: _of_pictures(native, real_vms), 120)
        child = await _in_the_media_browser(native, event)
        assert (child["media_content_type"], child["media_class"]) == ("video/mp4", "video")
        await _plays(native, page, child, tmp_path)
        assert await native.complaints() == []
    finally:
        await real_vms.edit(2, VideoWriter=str(before["VideoWriter"]), SaveJPEGs=str(before["SaveJPEGs"]))
        await real_vms.until_alarm(2, 1, within=60)


async def _plays(native: Native, page: Page, child: dict[str, Any], folder: Path) -> None:
    """Fetch a clip whole and in part, and have Chromium play it from the page that lists it."""
    played = await native.resolve(child["media_content_id"])
    assert played["mime_type"] == "video/mp4"
    status, headers, clip = await native.home.get(played["url"])
    assert (status, headers["Content-Type"], headers["Content-Length"]) == (200, "video/mp4", str(len(clip))), clip[:300]
    assert await asyncio.to_thread(_probed, clip, folder / "clip.mp4") == ("h264", *SIZE)
    status, _, part = await native.home.get(played["url"], {"Range": "bytes=100-199"})
    assert (status, part) == (206, clip[100:200])
    levels = (f"app,{SOURCE}", f"video,{child['place']}")
    await page.open("/media-browser/browser/" + "/".join(quote(level, safe="") for level in levels))
    await page.click(child["title"])
    assert await page.plays() == SIZE


async def _alarm(native: Native, zoneminder: ZoneMinder, monitor: int) -> Any:
    """Have an alarm of some seconds, and return its event as the bridge tells it once it is over and settled."""
    before = await native.newest_event(f"zm/{monitor}")
    await zoneminder.zmu("-m", str(monitor), "-a")
    await asyncio.sleep(4)  # so long the clip is, at least
    await zoneminder.zmu("-m", str(monitor), "-c")

    async def ended() -> Any:
        event = await native.newest_event(f"zm/{monitor}")
        is_new = event is not None and (before is None or event["id"] != before["id"])
        return event if is_new and event["end"] else None

    return await until(ended, 40)


async def _of_pictures(native: Native, zoneminder: ZoneMinder) -> Any:
    """Have an event of single pictures: the first alarm after the change may still be a video's."""
    event = await _alarm(native, zoneminder, 2)
    return None if event["clip_ready"] else event


async def _in_the_media_browser(native: Native, event: Any) -> dict[str, Any]:
    """Go down to an event by system, camera, day and hour, and return its node, with that of the hour as `place`.

    The newest hour need not be its own: while it was waited for, another may have begun in the next one.
    """
    camera = (await native.way_to(event["system"], event["monitor"]))[1]["media_content_id"]
    for day in [day for day in await _below(native, camera) if "/day=" in day][:2]:
        for hour in [hour for hour in await _below(native, day) if "/hour=" in hour]:
            for child in await native.browse(hour):
                if f"/{event['id']}" in child["media_content_id"]:
                    return {**child, "place": hour}
    raise AssertionError(event["id"])


async def _below(native: Native, place: str) -> list[str]:
    return [child["media_content_id"] for child in await native.browse(place)]


def _probed(clip: bytes, file: Path) -> tuple[str, int, int]:
    file.write_bytes(clip)
    shown = ("-show_entries", "stream=codec_name,width,height", "-of", "json")
    said = subprocess.run([which("ffprobe") or "", "-v", "error", *shown, file], capture_output=True, check=True).stdout
    (stream,) = json.loads(said)["streams"]
    return stream["codec_name"], stream["width"], stream["height"]
