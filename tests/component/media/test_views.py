"""Clips and pictures through Home Assistant: as the bridge gives them, to who may see them, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from homeassistant.components.media_player.browse_media import async_process_play_media_url
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from tests.component.fakes.media import CLIP, JPEG

from .conftest import MORNING, SOURCE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import ClientResponse
    from aiohttp.test_utils import TestClient
    from aiohttp.web import Application, Request
    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
    from pytest_homeassistant_custom_component.typing import ClientSessionGenerator, WebSocketGenerator
    from tests.component.fakes.bridge import Asked, FakeBridge

    Browser = TestClient[Request, Application]

pytestmark = pytest.mark.filterwarnings("ignore::aiohttp.web_exceptions.NotAppKeyWarning")
"""Home Assistant's own."""
BRIDGE = "5f0c7a52e9d14b0c"


@pytest.fixture
async def browser(hass_client: ClientSessionGenerator, recorded: FakeBridge, component: MockConfigEntry) -> Browser:  # noqa: ARG001
    """A browser in which an administrator is signed in."""
    browser: Browser = await hass_client()
    return browser


@pytest.fixture
def path(recorded: FakeBridge, component: MockConfigEntry) -> str:  # noqa: ARG001 - first, for what is there at the start
    """Where the media of the bridge's events are."""
    return f"/api/vms_bridge/media/{component.entry_id}"


@pytest.fixture
def may_see(hass: HomeAssistant, hass_admin_user: MockUser, path: str) -> object:  # noqa: ARG001 - the cameras are there
    """Have the user see but the cameras with these keys, of the system zm."""

    def limit(*keys: str) -> None:
        hass_admin_user.groups = []
        registry = er.async_get(hass)
        cameras = [registry.async_get_or_create("camera", "vms_bridge", f"{BRIDGE}/zm/{key}/camera").entity_id for key in keys]
        hass_admin_user.mock_policy({"entities": {"entity_ids": {camera: {"read": True} for camera in cameras}}})

    return limit


async def get(
    browser: Browser, url: str, headers: Mapping[str, str] | None = None, method: str = "GET"
) -> tuple[ClientResponse, bytes]:
    """Return an answer, and what is in it."""
    response = await browser.request(method, url, headers=headers)
    return response, await response.read()


def media_requests(bridge: FakeBridge) -> list[Asked]:
    """Return the requests for clips and pictures."""
    return [request for request in bridge.requests if "/media/events/" in request.path]


async def test_a_clip_and_a_picture(browser: Browser, path: str) -> None:
    response, body = await get(browser, f"{path}/zm-700/clip.mp4")
    assert (response.status, body) == (200, CLIP)
    shown = response.headers
    assert (shown["Content-Type"], shown["Content-Length"], shown["Accept-Ranges"]) == ("video/mp4", str(len(CLIP)), "bytes")
    assert (shown["X-Content-Type-Options"], shown["Content-Disposition"]) == ("nosniff", 'inline; filename="zm-700.mp4"')
    assert shown["Cache-Control"] == "private, max-age=300"
    response, body = await get(browser, f"{path}/zm-700/picture.jpg")
    assert (response.status, body, response.headers["Content-Type"]) == (200, JPEG, "image/jpeg")


async def test_a_part_of_a_clip(browser: Browser, path: str) -> None:
    clip = f"{path}/zm-700/clip.mp4"
    response, body = await get(browser, clip, {"Range": "bytes=10-19"})
    assert (response.status, body, response.headers["Content-Range"]) == (206, CLIP[10:20], f"bytes 10-19/{len(CLIP)}")
    tag = response.headers["ETag"]
    response, body = await get(browser, clip, {"Range": "bytes=-5", "If-Range": tag})
    assert (response.status, body) == (206, CLIP[-5:])
    response, body = await get(browser, clip, {"Range": "bytes=-5", "If-Range": '"older"'})
    assert (response.status, body) == (200, CLIP)
    response, body = await get(browser, clip, {"Range": f"bytes={len(CLIP)}-"})
    assert (response.status, response.headers["Content-Range"]) == (416, f"bytes */{len(CLIP)}")
    response, body = await get(browser, clip, {"If-None-Match": tag})
    assert (response.status, body) == (304, b"")


async def test_head_says_what_get_would_give(browser: Browser, path: str) -> None:
    response, body = await get(browser, f"{path}/zm-700/clip.mp4", {"Range": "bytes=0-9"}, "HEAD")
    assert (response.status, body, response.headers["Content-Length"]) == (200, b"", str(len(CLIP)))
    response, body = await get(browser, f"{path}/zm-801/clip.mp4", method="HEAD")
    assert (response.status, body) == (404, b"")


async def test_nothing_of_a_request_but_what_is_wanted_goes_to_the_bridge(
    browser: Browser, path: str, recorded: FakeBridge
) -> None:
    wanted = {"Range": "bytes=0-9", "If-None-Match": '"x"', "If-Range": '"y"'}
    await get(
        browser,
        f"{path}/zm-700/clip.mp4?frame=first",
        {**wanted, "Cookie": "a=b", "If-Match": '"z"', "Accept": "*/*"},
    )
    (asked,) = media_requests(recorded)
    assert (asked.path, asked.query) == ("/api/v1/media/events/zm-700/clip", {})
    assert {name: asked.headers[name] for name in wanted} == wanted
    assert asked.headers["Authorization"] == f"Bearer {recorded.token}"
    sent = {name.lower() for name in asked.headers} - {name.lower() for name in wanted}
    assert sent <= {"host", "accept", "accept-encoding", "authorization", "user-agent"}


async def test_an_unusable_header_is_not_passed_on(browser: Browser, path: str, recorded: FakeBridge) -> None:
    response, _ = await get(browser, f"{path}/zm-700/clip.mp4", {"Range": f"bytes=0-9{' ' * 1_000},2-3"})
    assert response.status == 200
    assert "Range" not in media_requests(recorded)[-1].headers


async def test_what_there_is_not(browser: Browser, path: str) -> None:
    events = ("zm-999/clip.mp4", "zm-801/clip.mp4", "zm-/clip.mp4", "vxg/clip.mp4", "~em0t/clip.mp4", "zm-700%2F1/clip.mp4")
    for below in (*events, "zm-700/clip", "zm-700/../clip.mp4"):
        response, body = await get(browser, f"{path}/{below}")
        assert response.status == 404
        assert body == b"" or b"Not Found" in body


async def test_an_event_with_an_odd_id(browser: Browser, path: str, recorded: FakeBridge) -> None:
    recorded.clips["events/zm-a b/ü/clip"] = b"odd"
    recorded.add_event("zm", "7", id="zm-a b/ü", start=MORNING)
    response, body = await get(browser, f"{path}/~em0tYSBiL8O8/clip.mp4")
    assert (response.status, body, response.headers["Content-Disposition"]) == (200, b"odd", 'inline; filename="zm-a_b__.mp4"')


async def test_no_stranger_is_let_in(hass_client_no_auth: ClientSessionGenerator, path: str, recorded: FakeBridge) -> None:
    recorded.requests.clear()
    stranger = await hass_client_no_auth()
    for file in ("clip.mp4", "picture.jpg"):
        assert (await stranger.get(f"{path}/zm-700/{file}")).status == 401
    assert (await stranger.get("/api/vms_bridge/media/other/zm-700/clip.mp4")).status == 401
    assert media_requests(recorded) == []


async def test_a_signed_path_opens_it(
    hass: HomeAssistant, hass_client_no_auth: ClientSessionGenerator, path: str, recorded: FakeBridge
) -> None:
    recorded.add_event("zm", "7", id="zm-a b/ü", start=MORNING)
    stranger = await hass_client_no_auth()
    for event in ("zm-700", "~em0tYSBiL8O8"):
        signed = async_process_play_media_url(hass, f"{path}/{event}/clip.mp4", allow_relative_url=True)
        assert (await stranger.get(signed)).status == 200


async def test_a_user_sees_the_cameras_that_he_may_read(browser: Browser, path: str, may_see: object) -> None:
    may_see("7")  # type: ignore[operator]
    assert (await get(browser, f"{path}/zm-700/clip.mp4"))[0].status == 200
    may_see("1")  # type: ignore[operator]
    for file in ("clip.mp4", "picture.jpg"):
        for method in ("GET", "HEAD"):
            response, body = await get(browser, f"{path}/zm-700/{file}", method=method)
            assert (response.status, CLIP in body) == (403, False)
    assert (await get(browser, f"{path}/zm-999/clip.mp4"))[0].status == 404


async def test_a_bridge_that_says_of_another_system_is_not_believed(
    browser: Browser, path: str, may_see: object, recorded: FakeBridge
) -> None:
    may_see("7")  # type: ignore[operator]
    for said in ({"system": "vxg", "monitor": "7"}, {"system": "zm", "monitor": 7}, {}):
        recorded.answer("/api/v1/events/zm-700", 200, said)
        assert (await get(browser, f"{path}/zm-700/clip.mp4"))[0].status == 502


@pytest.mark.usefixtures("path")
async def test_a_user_finds_the_cameras_that_he_may_read(
    hass: HomeAssistant, hass_ws_client: WebSocketGenerator, may_see: object
) -> None:
    assert await async_setup_component(hass, "media_source", {})
    socket = await hass_ws_client()
    may_see("7")  # type: ignore[operator]

    async def children(identifier: str, kind: str = "browse_media", **query: str) -> list[str] | None:
        await socket.send_json_auto_id({"type": f"media_source/{kind}", "media_content_id": f"{SOURCE}/{identifier}", **query})
        answer = await socket.receive_json()
        return (
            [each["title"] for each in answer["result"].get("children", answer["result"].get("result"))]
            if answer["success"]
            else None
        )

    assert await children(f"{BRIDGE}/zm") == ["Latest", "By label", "By kind", "Gate"]
    assert await children(f"{BRIDGE}/zm/1") is None
    assert all(" · Gate · " in title for title in await children(f"{BRIDGE}/zm/show=latest") or [""])
    assert await children(f"{BRIDGE}/show=labels") == ["dog", "person"]
    assert await children(BRIDGE, "search_media", search_query="camera:yard") == ['Found: "yard" (0)']
    assert await children(f"{BRIDGE}/zm/1", "search_media", search_query="") is None
    may_see()  # type: ignore[operator]
    assert await children(BRIDGE) == ["Latest", "By label", "By kind"]
    assert await children(f"{BRIDGE}/zm") == ["Latest", "By label", "By kind"]
    for shown in ("latest", "labels"):
        assert await children(f"{BRIDGE}/show={shown}") == []
    assert await children(f"{BRIDGE}/label=person") == ["Latest"]


async def test_a_bridge_that_is_gone(browser: Browser, path: str, recorded: FakeBridge, caplog: pytest.LogCaptureFixture) -> None:
    await recorded.stop()
    response, body = await get(browser, f"{path}/zm-700/clip.mp4")
    assert (response.status, body) == (503, b"")
    assert "Traceback" not in caplog.text


REFUSED = [
    ((503, "busy", {"Retry-After": "7"}), 503),
    ((429, "too_many", {"Retry-After": "7"}), 503),
    ((404, "gone", {}), 404),
    ((422, "clip", {}), 404),
    ((504, "unreachable", {}), 504),
    ((502, "vms", {}), 502),
    ((403, "forbidden", {}), 502),
    ((302, "other", {"Location": "http://127.0.0.1:1/"}), 502),
]
"""What a bridge answers, and what comes of it."""


async def test_what_the_bridge_refuses(browser: Browser, path: str, recorded: FakeBridge) -> None:
    for (status, code, headers), answered in REFUSED:
        recorded.answer("/api/v1/media/events/zm-700/clip", status, code=code, headers=headers)
        response, body = await get(browser, f"{path}/zm-700/clip.mp4")
        assert (response.status, body) == (answered, b"")
        assert response.headers.get("Retry-After") == headers.get("Retry-After")


async def test_an_unloaded_entry_has_nothing(
    hass: HomeAssistant, browser: Browser, path: str, component: MockConfigEntry
) -> None:
    assert await hass.config_entries.async_unload(component.entry_id)
    assert (await get(browser, f"{path}/zm-700/clip.mp4"))[0].status == 404
    assert (await get(browser, "/api/vms_bridge/media/other/zm-700/clip.mp4"))[0].status == 404
    assert await hass.config_entries.async_remove(component.entry_id)
    assert (await get(browser, f"{path}/zm-700/clip.mp4"))[0].status == 404
