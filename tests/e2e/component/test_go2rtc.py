"""WebRTC: Home Assistant's own go2rtc integration has the component's cameras, by a go2rtc that is a fake.

What it holds is all that the component does for it: which address go2rtc gets, that it can read it, that it stays the same.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest_asyncio
from tests.e2e.api import until
from tests.e2e.component.native import GONE
from tests.fakes.go2rtc import ANSWER, CANDIDATE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.e2e.component.native import Native

OFFER = "v=0\r\no=- 7 7 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\n"
WITHIN_S = 30.0


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def camera(native: Native) -> AsyncIterator[str]:
    """A camera of which there is WebRTC: as long as go2rtc takes addresses of http."""
    before, native.go2rtc.schemes = native.go2rtc.schemes, ["rtsp", "http", "https"]
    (entry,) = await native.home.entries("go2rtc")
    await native.home.reload(entry["entry_id"])
    entity = await native.home.entity(native.of("sim", "1", "camera"))
    await until(lambda: _has_webrtc(native, entity), WITHIN_S)
    yield entity
    native.go2rtc.schemes = before
    await native.home.reload(entry["entry_id"])


async def test_an_offer_is_answered(native: Native, camera: str) -> None:
    before = len(native.go2rtc.offers)
    told = await _offered(native, camera)
    assert [each["type"] for each in told] == ["session", "answer", "candidate"], (told, native.go2rtc.refused)
    assert (told[1]["answer"], told[2]["candidate"]["candidate"]) == (ANSWER, CANDIDATE)
    assert native.go2rtc.offers[before:] == [OFFER]
    await until(lambda: _none_is_open(native), WITHIN_S)
    assert await native.complaints(*GONE) == []


async def test_it_gets_the_stable_link_once(native: Native, camera: str) -> None:
    await _offered(native, camera)
    (link,) = native.go2rtc.added
    assert link.startswith(f"http://127.0.0.1:{native.port}/api/v1/media/monitors/sim/1/live.ts?"), link
    (name,) = native.go2rtc.streams
    assert native.go2rtc.streams[name][0] == link
    (entry,) = await native.home.entries("vms_bridge")
    await native.home.reload(entry["entry_id"])
    await until(lambda: _has_webrtc(native, camera), WITHIN_S)
    await _offered(native, camera)
    assert native.go2rtc.added == [link]
    assert native.go2rtc.refused == []
    assert await native.complaints(*GONE) == []


async def _offered(native: Native, camera: str) -> list[Any]:
    """Offer a session, and return the first three messages about it."""
    async with native.home.subscription("camera/webrtc/offer", entity_id=camera, offer=OFFER) as told, asyncio.timeout(WITHIN_S):
        return [await told.get() for _ in range(3)]


async def _has_webrtc(native: Native, camera: str) -> bool:
    try:
        found = await native.home.command("camera/capabilities", entity_id=camera)
    except AssertionError:  # the camera is not there yet
        return False
    return "web_rtc" in found["frontend_stream_types"]


async def _none_is_open(native: Native) -> bool:
    return native.go2rtc.sockets == 0
