"""Cameras: a picture of now, live video where there is some, and what can be switched."""

from __future__ import annotations

import asyncio
import sys
from http import HTTPStatus
from typing import TYPE_CHECKING

import pytest
from custom_components.vms_bridge.const import DOMAIN
from homeassistant.components.camera import Camera, async_get_image, async_get_stream_source
from homeassistant.components.camera.prefs import DynamicStreamSettings
from homeassistant.const import ATTR_ENTITY_ID
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import entity_registry as er
from pytest_homeassistant_custom_component.common import MockConfigEntry
from tests.component.fakes.bridge import Token
from tests.component.fakes.media import JPEG
from tests.component.live_lab import camera_of, has_stream, soon, until
from tests.component.states import state_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
    from tests.component.fakes.bridge import FakeBridge

    type Told = Callable[[], Awaitable[None]]
    type Find = Callable[..., str]

PICTURE = "/api/v1/media/monitors/zm/1/picture"
FORMS = "/api/v1/media/monitors/zm/1/live"
FILM = "monitors/zm/1/live.mjpeg"
PART = b"--frame\r\nContent-Type: image/jpeg\r\n\r\n" + JPEG + b"\r\n"


class FakeStream:
    """Core's stream, as far as a camera has to do with it."""

    def __init__(self, source: str) -> None:
        self.source, self.available = source, True
        self.ended = 0
        self.sources: list[str] = []
        self.updated: Callable[[], None] = lambda: None
        self.dynamic_stream_settings = DynamicStreamSettings(preload_stream=True)
        self.hangs = False

    def set_update_callback(self, updated: Callable[[], None]) -> None:
        self.updated = updated

    def update_source(self, source: str) -> None:
        self.source = source
        self.sources.append(source)

    async def stop(self) -> None:
        self.ended += 1
        if self.hangs:
            await asyncio.Event().wait()


@pytest.fixture
def camera(component: MockConfigEntry, find: Find) -> str:
    """Return the front door's camera."""
    assert component.runtime_data.is_connected
    return find("camera", "camera", "zm", "1")


@pytest.fixture
def created(monkeypatch: pytest.MonkeyPatch) -> list[FakeStream]:
    """Return the streams that core has begun to make."""
    streams: list[FakeStream] = []

    def create(_hass: HomeAssistant, source: str, **_: object) -> FakeStream:
        streams.append(FakeStream(source))
        return streams[-1]

    monkeypatch.setattr(sys.modules[Camera.__module__], "create_stream", create)
    return streams


async def playing(hass: HomeAssistant, entity_id: str, created: list[FakeStream]) -> FakeStream:
    """Have somebody look at the camera's stream."""
    await until(hass, entity_id, has_stream)
    assert await camera_of(hass, entity_id).async_create_stream() is not None
    return created[-1]


# The picture


async def test_the_picture_is_of_now(
    hass: HomeAssistant, bridge: FakeBridge, camera: str, hass_client: ClientSessionGenerator
) -> None:
    client = await hass_client()
    response = await client.get(f"/api/camera_proxy/{camera}", params={"width": "320", "height": "240"})
    assert (response.status, response.content_type) == (HTTPStatus.OK, "image/jpeg")
    asked = await bridge.asked(PICTURE)
    assert not asked.query
    bridge.pictures["monitors/zm/1/picture"] = JPEG + b"later"
    assert (await async_get_image(hass, camera)).content == JPEG + b"later"


async def test_who_asks_at_the_same_time_gets_the_same_picture(hass: HomeAssistant, bridge: FakeBridge, camera: str) -> None:
    bridge.hold(PICTURE)
    looking = [asyncio.create_task(async_get_image(hass, camera)) for _ in range(5)]
    await bridge.asked(PICTURE)
    bridge.release(PICTURE)
    assert {image.content for image in await asyncio.gather(*looking)} == {JPEG}
    assert sum(asked.path == PICTURE for asked in bridge.requests) == 1


async def test_no_picture_of_before_is_shown(hass: HomeAssistant, bridge: FakeBridge, camera: str) -> None:
    assert (await async_get_image(hass, camera)).content == JPEG
    bridge.answer(PICTURE, 502, code="vms")
    with pytest.raises(HomeAssistantError):
        await async_get_image(hass, camera)
    await bridge.stop()
    await until(hass, camera, lambda state: state.state == "unavailable")
    with pytest.raises(HomeAssistantError):
        await async_get_image(hass, camera)


async def test_a_monitor_of_which_nothing_live_is_to_be_had_is_not_available(
    hass: HomeAssistant, bridge: FakeBridge, camera: str, told: Told
) -> None:
    assert state_of(hass, camera).state == "idle"
    bridge.change_monitor("zm", "1", capabilities=["events", "event_picture"])
    await told()
    assert state_of(hass, camera).state == "unavailable"
    with pytest.raises(HomeAssistantError):
        await async_get_image(hass, camera)


# States and commands


async def test_it_says_whether_the_vms_records(hass: HomeAssistant, bridge: FakeBridge, camera: str, told: Told) -> None:
    bridge.change_state("zm", "1", is_recording=True)
    await told()
    assert state_of(hass, camera).state == "recording"
    bridge.change_state("zm", "1", is_recording=False)
    await told()
    assert state_of(hass, camera).state == "idle"


@pytest.mark.parametrize(
    ("armed", "detection", "enabled"),
    [(True, True, True), (True, False, False), (False, True, False), (True, None, True), (None, None, False)],
)
async def test_it_says_whether_the_vms_looks_for_motion(
    hass: HomeAssistant, bridge: FakeBridge, camera: str, told: Told, armed: object, detection: object, enabled: object
) -> None:
    bridge.change_state("zm", "1", armed=armed, detection=detection)
    await told()
    assert state_of(hass, camera).attributes.get("motion_detection", False) is enabled


async def test_motion_detection_is_paused_and_goes_on(hass: HomeAssistant, bridge: FakeBridge, camera: str, told: Told) -> None:
    bridge.change_state("zm", "1", armed=False, detection=False)
    await told()
    target = {ATTR_ENTITY_ID: camera}
    await hass.services.async_call("camera", "enable_motion_detection", target, blocking=True)
    await hass.services.async_call("camera", "disable_motion_detection", target, blocking=True)
    said = [(command["command"], command["value"]) for command in bridge.commands]
    assert said == [("armed", "ON"), ("detection", "ON"), ("detection", "OFF")]


async def test_a_monitor_that_can_only_be_armed_is(hass: HomeAssistant, bridge: FakeBridge, camera: str, told: Told) -> None:
    bridge.change_monitor("zm", "1", entities=["camera", "armed"])
    await told()
    target = {ATTR_ENTITY_ID: camera}
    await hass.services.async_call("camera", "disable_motion_detection", target, blocking=True)
    await hass.services.async_call("camera", "enable_motion_detection", target, blocking=True)
    assert [(command["command"], command["value"]) for command in bridge.commands] == [("armed", "OFF"), ("armed", "ON")]


async def test_where_nothing_can_be_switched_that_is_said(
    hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry, find: Find
) -> None:
    assert component.runtime_data.is_connected
    for service in ("enable_motion_detection", "disable_motion_detection"):
        with pytest.raises(ServiceValidationError) as refused:
            await hass.services.async_call(
                "camera", service, {ATTR_ENTITY_ID: find("camera", "camera", "zm", "2")}, blocking=True
            )
        assert refused.value.translation_key == "no_motion_detection"
    assert bridge.commands == []


# Video


async def test_there_is_a_stream_where_there_is_video_and_only_there(
    hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry, find: Find
) -> None:
    bridge.forms["zm/2"] = ["mjpeg", "hologram"]
    assert await hass.config_entries.async_setup(entry.entry_id)
    await until(hass, find("camera", "camera", "zm", "1"), has_stream)
    await bridge.asked("/api/v1/media/monitors/zm/2/live")
    other = find("camera", "camera", "zm", "2")
    assert not has_stream(state_of(hass, other))
    assert await async_get_stream_source(hass, other) is None


async def test_the_source_is_the_bridges_link_and_stays_the_same(hass: HomeAssistant, bridge: FakeBridge, camera: str) -> None:
    await until(hass, camera, has_stream)
    first, second = await async_get_stream_source(hass, camera), await async_get_stream_source(hass, camera)
    assert first is not None
    assert first == second
    assert first.startswith(f"{bridge.url}/api/v1/media/monitors/zm/1/live.ts?auth=")
    assert sum(asked.path == "/api/v1/links" for asked in bridge.requests) == 1


@pytest.mark.parametrize(
    "path", ["exec:/bin/sh", "file:///config/secrets.yaml", "//elsewhere/live.ts", "/api/v1/tokens", 5, None]
)
async def test_a_link_that_leads_elsewhere_is_not_opened(
    hass: HomeAssistant, bridge: FakeBridge, camera: str, path: object
) -> None:
    await until(hass, camera, has_stream)
    bridge.answer("/api/v1/links", 201, {"url": path, "path": path, "key": "k", "token": None, "until": None, "uses": None})
    with pytest.raises(HomeAssistantError) as refused:
        await async_get_stream_source(hass, camera)
    assert refused.value.translation_key == "live_video"


async def test_who_prefers_pictures_gets_no_stream(
    hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry, find: Find
) -> None:
    hass.config_entries.async_update_entry(entry, options={"live": {"prefer": "mjpeg"}})
    assert await hass.config_entries.async_setup(entry.entry_id)
    await bridge.asked(FORMS)
    camera = find("camera", "camera", "zm", "1")
    assert not has_stream(state_of(hass, camera))
    assert await async_get_stream_source(hass, camera) is None


async def test_who_wants_a_stream_before_it_is_known_whether_there_is_one_waits(
    hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry, find: Find
) -> None:
    bridge.hold(FORMS)
    assert await hass.config_entries.async_setup(entry.entry_id)
    waiting = asyncio.create_task(async_get_stream_source(hass, find("camera", "camera", "zm", "1")))
    await bridge.asked(FORMS)
    bridge.release(FORMS)
    assert await waiting is not None


async def test_what_video_there_is_is_asked_again_when_the_monitor_changes(
    hass: HomeAssistant, bridge: FakeBridge, camera: str
) -> None:
    await until(hass, camera, has_stream)
    bridge.forms["zm/1"] = ["mjpeg"]
    bridge.change_monitor("zm", "1", name="Main door")
    await until(hass, camera, lambda state: not has_stream(state))
    bridge.forms["zm/1"] = ["ts"]
    bridge.change_monitor("zm", "1", name="Front door")
    await until(hass, camera, has_stream)


async def test_a_vms_that_does_not_answer_leaves_what_was_known(hass: HomeAssistant, bridge: FakeBridge, camera: str) -> None:
    await until(hass, camera, has_stream)
    asked = sum(each.path == FORMS for each in bridge.requests)
    bridge.answer(FORMS, 504, code="unreachable")
    bridge.change_monitor("zm", "1", name="Main door")
    await bridge.asked(FORMS, asked + 1)
    assert has_stream(state_of(hass, camera))


async def test_a_stream_reads_from_where_the_video_is_now(
    hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry, camera: str, created: list[FakeStream]
) -> None:
    stream = await playing(hass, camera, created)
    assert (stream.source, stream.sources) == (f"{await async_get_stream_source(hass, camera)}", [])
    first, other = stream.source, Token(f"vb_0123456789_{'B' * 43}", "control")
    bridge.tokens["0123456789"], bridge.link_key = other, "another"
    component.runtime_data.client.token = other.text
    bridge.change_state("zm", "1", score=5)
    await soon(lambda: bool(stream.sources))
    assert stream.sources == [await async_get_stream_source(hass, camera)]
    assert stream.source != first


async def test_a_link_that_is_good_no_more_is_made_anew_when_the_stream_fails(
    hass: HomeAssistant, bridge: FakeBridge, camera: str, created: list[FakeStream]
) -> None:
    stream = await playing(hass, camera, created)
    first = stream.source
    stream.available = False
    stream.updated()
    await bridge.asked("/api/v1/links", 2)
    assert stream.sources == []  # the link is the same: it fails for another reason
    assert state_of(hass, camera).state != "unavailable"
    camera_of(hass, camera)._renewed = -60.0
    bridge.link_key = "another"
    renewing = camera_of(hass, camera)._renewing
    assert renewing is not None
    await renewing
    stream.updated()
    await soon(lambda: bool(stream.sources))
    assert stream.source != first


async def test_a_monitor_that_goes_while_it_is_looked_at_ends_all_of_that(
    hass: HomeAssistant,
    bridge: FakeBridge,
    camera: str,
    created: list[FakeStream],
    hass_client: ClientSessionGenerator,
) -> None:
    stream = await playing(hass, camera, created)
    bridge.streams[FILM] = PART
    client = await hass_client()
    response = await client.get(f"/api/camera_proxy_stream/{camera}")
    assert (response.status, response.headers["Content-Type"]) == (HTTPStatus.OK, "multipart/x-mixed-replace;boundary=frame")
    assert await response.content.readexactly(len(PART)) == PART
    bridge.remove_monitor("zm", "1")
    async with asyncio.timeout(30):
        assert await response.content.read() == b""
    await soon(lambda: stream.ended == 1 and bridge.streaming == 0)
    assert state_of(hass, camera).state == "unavailable"
    bridge.add_monitor("zm", "1", "Front door")
    await until(hass, camera, has_stream)


async def test_a_camera_that_is_removed_ends_its_stream_however_that_hangs(
    hass: HomeAssistant, component: MockConfigEntry, camera: str, created: list[FakeStream], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.vms_bridge.camera._STOP_S", 0.01)
    stream = await playing(hass, camera, created)
    stream.hangs, settings = True, stream.dynamic_stream_settings
    assert await hass.config_entries.async_unload(component.entry_id)
    assert (stream.ended, stream.dynamic_stream_settings.preload_stream) == (1, False)
    assert settings.preload_stream  # what people have chosen stays
    stream.updated()  # its thread ends later
    await hass.async_block_till_done()


async def test_viewers_of_pictures_end_with_the_camera(
    hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry, camera: str, hass_client: ClientSessionGenerator
) -> None:
    bridge.streams[FILM] = PART
    client = await hass_client()
    response = await client.get(f"/api/camera_proxy_stream/{camera}")
    assert await response.content.readexactly(len(PART)) == PART
    assert bridge.streaming == 1
    assert await hass.config_entries.async_unload(component.entry_id)
    async with asyncio.timeout(30):
        assert await response.content.read() == b""
    await soon(lambda: bridge.streaming == 0)


async def test_a_viewer_who_goes_is_missed_by_the_bridge_too(
    bridge: FakeBridge, camera: str, hass_client: ClientSessionGenerator
) -> None:
    bridge.streams[FILM] = PART
    client = await hass_client()
    response = await client.get(f"/api/camera_proxy_stream/{camera}")
    assert await response.content.readexactly(len(PART)) == PART
    bridge.end_streams()
    async with asyncio.timeout(30):
        assert await response.content.read() == b""
    assert bridge.streaming == 0


async def test_pictures_that_can_not_be_had_are_no_answer(
    bridge: FakeBridge, camera: str, hass_client: ClientSessionGenerator
) -> None:
    client = await hass_client()
    for status, content_type in (
        (200, "text/html"),
        (200, "multipart/x-mixed-replace; boundary=a\tb"),
        (404, "application/problem+json"),
    ):
        bridge.answer(f"/api/v1/media/{FILM}", status, b"<html>", headers={"Content-Type": content_type})
        assert (await client.get(f"/api/camera_proxy_stream/{camera}")).status == HTTPStatus.BAD_GATEWAY


# Video of a bridge that speaks TLS


@pytest.fixture
async def shown(hass: HomeAssistant, tls_bridge: FakeBridge) -> str:
    """Return the camera of a bridge whose certificate is pinned; it has a stream."""
    data = {
        "url": tls_bridge.url,
        "fingerprint": tls_bridge.fingerprint,
        "token": tls_bridge.token,
        "bridge_id": tls_bridge.bridge_id,
    }
    entry = MockConfigEntry(domain=DOMAIN, unique_id=tls_bridge.bridge_id, data=data)
    entry.add_to_hass(hass)
    assert await hass.config_entries.async_setup(entry.entry_id)
    camera = er.async_get(hass).async_get_entity_id("camera", DOMAIN, f"{tls_bridge.bridge_id}/zm/1/camera")
    assert camera is not None
    await until(hass, camera, has_stream)
    return camera


async def test_video_over_tls_comes_through_home_assistant_which_knows_the_certificate(
    hass: HomeAssistant, tls_bridge: FakeBridge, shown: str, hass_client_no_auth: ClientSessionGenerator
) -> None:
    tls_bridge.streams["monitors/zm/1/live.ts"] = b"\x47" * 188
    source = await async_get_stream_source(hass, shown)
    assert source is not None
    assert source == await async_get_stream_source(hass, shown)
    base, path = source.split("/api/", 1)
    assert base == f"http://127.0.0.1:{hass.http.server_port}"
    client = await hass_client_no_auth()
    response = await client.get(f"/api/{path}")
    assert (response.status, response.content_type) == (HTTPStatus.OK, "video/mp2t")
    assert await response.content.readexactly(188) == b"\x47" * 188
    assert await hass.config_entries.async_unload(hass.config_entries.async_entries(DOMAIN)[0].entry_id)
    async with asyncio.timeout(30):
        assert await response.content.read() == b""
    assert (await client.get(f"/api/{path}")).status == HTTPStatus.NOT_FOUND
    await soon(lambda: tls_bridge.streaming == 0)


async def test_nobody_without_the_ticket_is_shown_anything(
    hass: HomeAssistant, tls_bridge: FakeBridge, shown: str, hass_client_no_auth: ClientSessionGenerator
) -> None:
    source = await async_get_stream_source(hass, shown)
    assert source is not None
    client = await hass_client_no_auth()
    for auth in ("", "a" * 43, source[-42:]):
        assert (await client.get("/api/vms_bridge/live/video.ts", params={"auth": auth})).status == HTTPStatus.NOT_FOUND
    tls_bridge.answer("/api/v1/media/monitors/zm/1/live.ts", 502, code="video")
    assert (await client.get(f"/api/{source.split('/api/', 1)[1]}")).status == HTTPStatus.BAD_GATEWAY
