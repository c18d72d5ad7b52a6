"""The component within a real Home Assistant, before a real bridge with simulated cameras and, where it can be had, a ZoneMinder.

It was added by its form with a pairing code; what it shows is held against what the bridge says.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import aiohttp
import pytest
from tests.e2e import zoneminder as zm
from tests.e2e.component.native import GONE
from tests.e2e.conftest import need
from tests.e2e.processes import listening

if TYPE_CHECKING:
    from tests.e2e.component.native import Native
    from tests.e2e.home_assistant import HomeAssistant
    from tests.e2e.zoneminder import ZoneMinder

VIDEO_WITHIN_S = 60.0


async def test_every_camera_is_there_and_true(native: Native) -> None:
    await native.is_true()
    devices = await native.home.devices()
    assert {native.bridge_id, native.of("sim"), native.of("sim", "1"), native.of("sim", "1", "1")} <= devices.keys()
    assert await native.complaints() == []


async def test_an_alarm_can_be_forced_and_ended(native: Native) -> None:
    home, name = native.home, native.of("sim", "1", "force_alarm")
    switch = await home.entity(name)
    await home.call(switch, "turn_on")
    await home.shows(name, "on", within=5)
    await home.shows(native.of("sim", "1", "motion"), "on", within=5)
    await home.call(switch, "turn_off")
    await home.shows(name, "off", within=5)
    assert await native.complaints() == []


async def test_its_live_video_plays(native: Native) -> None:
    home = native.home
    camera = await home.entity(native.of("sim", "1", "camera"))
    picture = await home.picture(f"/api/camera_proxy/{camera}")
    assert picture[:2] == b"\xff\xd8"
    await home.shows(native.of("sim", "1", "camera"), lambda seen: bool(seen.attributes["supported_features"] & 2))
    master = (await home.command("camera/stream", entity_id=camera))["url"]
    async with asyncio.timeout(VIDEO_WITHIN_S):
        playlist = await _text(home, master)
        (variant,) = [line for line in playlist.splitlines() if line and not line.startswith("#")]
        place = master.rpartition("/")[0]
        while not (pieces := re.findall(r"^(?!#)(\S+\.m4s)", await _text(home, f"{place}/{variant}"), re.MULTILINE)):  # noqa: ASYNC110 - see below
            await asyncio.sleep(0.2)  # a playlist has no event for its first segment
    _, _, head = await home.get(f"{place}/init.mp4")
    _, _, piece = await home.get(f"{place}/{pieces[0].removeprefix('./')}")
    assert head[4:8] == b"ftyp"
    assert b"moof" in piece[:2048]
    assert await native.complaints() == []


async def test_recordings_are_browsed_found_and_played(native: Native) -> None:
    home = native.home
    await home.shows(native.of("sim", "1", "last_event"), lambda seen: seen.attributes.get("clip_ready") is True, within=60)
    clip = await _first_clip(home, "media-source://vms_bridge")
    played = await home.command("media_source/resolve_media", media_content_id=clip)
    assert played["mime_type"] == "video/mp4"
    async with aiohttp.ClientSession(home.url) as nobody:
        async with nobody.get(played["url"], headers={"Range": "bytes=0-99"}) as response:
            assert (response.status, response.content_length) == (206, 100)
            assert (await response.read())[4:8] == b"ftyp"
        async with nobody.get(played["url"].partition("?")[0]) as response:
            assert response.status == 401
    assert await native.complaints() == []


async def test_movement_before_a_real_camera_is_shown_with_its_event(native: Native, real_vms: ZoneMinder | None) -> None:
    need(zm.what_is_missing())
    assert real_vms is not None
    home, motion, event = native.home, native.of("zm", "2", "motion"), native.of("zm", "2", "event")
    await home.shows(motion, "off", within=20)
    fired = home.states[await home.entity(event)].state
    await real_vms.motion(2, on=True)
    try:
        await home.shows(motion, "on", within=20)
        await home.shows(event, lambda seen: seen.state not in {fired, "unavailable"})
    finally:
        await real_vms.motion(2, on=False)
    await home.shows(motion, "off", within=30)
    assert await native.complaints() == []


@pytest.mark.parametrize(
    "order", ["bridge", "Home Assistant", "bridge, then Home Assistant", "Home Assistant while the bridge is down"]
)
async def test_all_is_true_soon_after_a_restart(native: Native, order: str) -> None:
    home, bridge = native.home, native.bridge
    match order:
        case "bridge":
            await bridge.stop()
            await home.shows(native.of("sim", "1", "motion"), "unavailable")
            await bridge.start()
        case "Home Assistant":
            await home.stop()
            await home.start()
        case "bridge, then Home Assistant":
            await bridge.stop()
            await bridge.start()
            await home.stop()
            await home.start()
        case _:
            await bridge.stop()
            await home.stop()
            await home.start()
            await bridge.start()
    await listening(native.port, within=30)
    await native.is_true()
    assert await native.complaints(*GONE) == []


async def test_it_claims_the_devices_and_can_be_turned_off_and_on(native: Native) -> None:
    claims = (await native.asks("discovery"))["claims"]
    assert len(claims) == 1
    entry = next(each for each in await native.home.command("config_entries/get", domain="vms_bridge"))
    await native.home.command("config_entries/disable", entry_id=entry["entry_id"], disabled_by="user")
    await native.home.command("config_entries/disable", entry_id=entry["entry_id"], disabled_by=None)
    await native.is_true()
    assert await native.complaints(*GONE) == []


async def _text(home: HomeAssistant, path: str) -> str:
    status, _, body = await home.get(path)
    assert status == 200, f"{status} {path}"
    return body.decode()


async def _first_clip(home: HomeAssistant, place: str) -> str:
    """Go down from a place of the media browser, by way of the simulator, to the first clip, and return its id."""
    for _ in range(8):
        node = await home.command("media_source/browse_media", media_content_id=place)
        for child in node["children"]:
            if child["can_play"] and child["media_content_type"].startswith("video"):
                return str(child["media_content_id"])
        below = [str(child["media_content_id"]) for child in node["children"] if child["can_expand"]]
        place = next((each for each in below if "sim" in each), below[0])
    raise AssertionError(f"there is no clip below {place}")
