"""The blueprints with the component: a door forces an alarm of which a phone gets the picture, then the clip; a light goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest_asyncio
from tests.e2e.blueprints import DOOR, LIGHT, Phone, automation, goes_on_and_off, phone_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.component.native import Native

LABELS = ["person", "car", "dog", "cat"]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def phone(native: Native) -> AsyncIterator[Phone]:
    """A phone with the companion app."""
    async with phone_of(native.home) as phone:
        yield phone


async def test_a_door_forces_an_alarm_of_which_a_phone_gets_the_picture_and_then_the_clip(native: Native, phone: Phone) -> None:
    home, forced = native.home, native.of("sim", "1", "force_alarm")
    event, switch = await home.entity(native.of("sim", "1", "event")), await home.entity(forced)
    await home.shows(forced, "off")
    await home.call(DOOR, "turn_off")
    async with (
        automation(home, "picture_notification", cameras=[event], phones=[phone.device]),
        automation(home, "alarm_by_sensor", sensors=[DOOR], cameras=[switch], seconds=3, with_cause=True),
    ):
        await home.call(DOOR, "turn_on")
        await home.shows(forced, "on", within=10)
        picture = await phone.gets("image")
        assert (await home.picture(picture["image"]))[:2] == b"\xff\xd8"
        clip = await phone.gets("video")
        status, headers, start = await home.get(clip["video"], {"Range": "bytes=0-99"})
        assert (status, headers["Content-Type"], start[4:8]) == (206, "video/mp4", b"ftyp")
        assert clip["tag"] in {told["data"]["tag"] for told in phone.told if "image" in told["data"]}
        await home.shows(forced, "off", within=15)
    _, _, place = unquote(picture["clickAction"]).partition("app,")
    assert await native.browse(place)
    assert await native.complaints() == []


async def test_what_a_camera_sees_at_night_switches_a_light_on_and_off(native: Native) -> None:
    home = native.home
    sensors = [await home.entity(native.of("sim", monitor, "last_event")) for monitor in ("1", "2", "3")]
    since = len(home.history)
    night = {"elevation": 90, "keep_on": 0}
    async with automation(home, "light_on_person", last_events=sensors, lights=[LIGHT], labels=LABELS, **night):
        await goes_on_and_off(home, since=since)
    assert await native.complaints() == []
