"""Live video of a ZoneMinder: where it is to be had, the best first, and that no zms is left behind."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.backends.zoneminder.support import config
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.media import JPEG
from tests.fakes.zoneminder.personality import V1_34, V1_36_33, V1_38_4
from tests.fakes.zoneminder.render import CAMERA_SECRET

from vms_bridge.archive import LiveKind, LiveStream
from vms_bridge.errors import MediaUnavailable
from vms_bridge.video.pictures import Splitter

if TYPE_CHECKING:
    from tests.bridge.backends.zoneminder.conftest import Serve
    from tests.fakes.zoneminder import Personality

pytestmark = pytest.mark.virtual_time

SERVED: dict[str, object] = {"RTSPServer": 1, "RTSPStreamName": "front door"}


def world(columns: dict[str, object] | None = None, personality: Personality = V1_36_33) -> World:
    made = World(personality)
    made.monitors[1].columns = columns or {}
    return made


async def sources(
    serve: Serve,
    columns: dict[str, object],
    options: dict[str, str],
    **settings: Any,  # noqa: ANN401 - of the configuration
) -> list[tuple[LiveKind, str]]:
    async with (
        FakeZoneMinder(world(columns), settings=options) as fake,
        serve(fake, settings=config(fake.url, **settings)) as (backend, _),
    ):
        found = await backend.archive.video_sources("1")
        assert CAMERA_SECRET not in repr(found)
        return [(source.kind, url) for source in found for url in source.urls]


@pytest.mark.parametrize("personality", [V1_34, V1_36_33, V1_38_4], ids=lambda p: p.version)
async def test_pictures_come_from_zms_which_is_told_to_end(personality: Personality, serve: Serve) -> None:
    async with FakeZoneMinder(world(personality=personality)) as fake, serve(fake) as (backend, _):
        media = await backend.archive.media(LiveStream(monitor="1"), None)
        splitter = Splitter(media.content_type)
        found: list[bytes] = []
        while len(found) < 3:
            found += splitter.feed(await media.read())
        assert found[:3] == [JPEG] * 3
        assert len(fake.films) == 1
        await media.close()
        assert fake.films == {}
        assert await media.read() == b""


async def test_two_who_look_have_two_keys(serve: Serve) -> None:
    async with FakeZoneMinder(world()) as fake, serve(fake) as (backend, _):
        one, other = [await backend.archive.media(LiveStream(monitor="1"), None) for _ in range(2)]
        assert len(fake.films) == 2
        assert all(len(key) == 6 and key.isdecimal() for key in fake.films), "zms knows no longer ones"
        await one.close()
        assert len(fake.films) == 1
        assert await other.read()
        await other.close()
        assert fake.films == {}


async def test_where_there_is_none_it_is_said_why(serve: Serve) -> None:
    async with FakeZoneMinder(world()) as fake, serve(fake) as (backend, _):
        with pytest.raises(MediaUnavailable, match="no live video of monitor 99") as refused:
            await backend.archive.media(LiveStream(monitor="99"), None)
        assert "Stream: View" in refused.value.hint
        fake.users["admin"].permissions = fake.users["admin"].permissions - {"stream:view"}
        with pytest.raises(MediaUnavailable, match="does not show"):
            await backend.archive.media(LiveStream(monitor="1"), None)
        with pytest.raises(MediaUnavailable, match="numbers"):
            await backend.archive.media(LiveStream(monitor="x"), None)
        with pytest.raises(MediaUnavailable, match="no monitor 99"):
            await backend.archive.video_sources("99")


async def test_a_zms_that_hangs_is_let_go(serve: Serve) -> None:
    async with FakeZoneMinder(world()) as fake, serve(fake) as (backend, _):
        media = await backend.archive.media(LiveStream(monitor="1"), None)
        fake.fail("index.php", "hang")
        async with asyncio.timeout(10):
            await media.close()
        assert await media.read() == b""


async def test_the_rtsp_server_where_the_monitor_says_so(serve: Serve) -> None:
    ((kind, url),) = await sources(serve, SERVED, {"ZM_MIN_RTSP_PORT": "20000"})
    assert kind is LiveKind.RTSP
    place, _, query = url.partition("?")
    assert place == "rtsp://127.0.0.1:20000/front%20door"
    assert query.startswith("token=access-")


async def test_without_a_login_there_is_no_token(serve: Serve) -> None:
    lab = world(SERVED, replace(V1_36_33, auth=False))
    async with (
        FakeZoneMinder(lab, settings={"ZM_MIN_RTSP_PORT": "20000"}) as fake,
        serve(fake, settings=config(fake.url, username=None, password=None)) as (backend, _),
    ):
        (source,) = await backend.archive.video_sources("1")
    assert source.urls == ("rtsp://127.0.0.1:20000/front%20door",)


@pytest.mark.parametrize("port", ["", "0", "65536", "nonsense", "-1"])
async def test_a_port_that_is_none_is_none(port: str, serve: Serve) -> None:
    assert await sources(serve, SERVED, {"ZM_MIN_RTSP_PORT": port}) == []


@pytest.mark.parametrize("columns", [{"RTSPServer": 0, "RTSPStreamName": "x"}, {"RTSPServer": 1, "RTSPStreamName": ""}, {}])
async def test_what_is_not_served_is_not_asked_for(columns: dict[str, object], serve: Serve) -> None:
    assert await sources(serve, columns, {"ZM_MIN_RTSP_PORT": "20000"}) == []


async def test_an_option_that_nobody_may_read_is_not_set(serve: Serve) -> None:
    assert await sources(serve, {**SERVED, "Go2RTCEnabled": 1}, {}) == []


async def test_go2rtc_comes_first(serve: Serve) -> None:
    options = {"ZM_MIN_RTSP_PORT": "20000", "ZM_GO2RTC_PATH": "http://zm.example:1984/api/"}
    found = await sources(serve, {**SERVED, "Go2RTCEnabled": "1"}, options, camera_streams=True)
    assert [kind for kind, _ in found] == [LiveKind.HTTP, LiveKind.RTSP, LiveKind.RTSP]
    assert found[0][1] == "http://zm.example:1984/api/stream.ts?src=1"
    assert found[2][1] == f"rtsp://user:{CAMERA_SECRET}@camera/"


@pytest.mark.parametrize("base", ["", "file:///etc", "zm.example", "http://"])
async def test_an_address_of_go2rtc_that_is_none(base: str, serve: Serve) -> None:
    assert await sources(serve, {"Go2RTCEnabled": 1}, {"ZM_GO2RTC_PATH": base}) == []


@pytest.mark.parametrize(
    ("columns", "url"),
    [
        ({"Path": "rtsp://cam/live", "User": "us er", "Pass": "p@ss"}, "rtsp://us%20er:p%40ss@cam/live"),
        ({"Path": "rtsps://a:b@cam:322/live?x=1", "User": "other", "Pass": "x"}, "rtsps://a:b@cam:322/live?x=1"),
        ({"Path": "rtsp://cam/live", "User": "", "Pass": ""}, "rtsp://cam/live"),
        ({"Path": "/dev/video0"}, None),
        ({"Path": "http://cam/video"}, None),
        ({"Path": "file:///etc/passwd"}, None),
        ({"Path": ""}, None),
        ({"Path": "rtsp:///live"}, None),
    ],
)
async def test_the_camera_itself_where_that_is_allowed(columns: dict[str, object], url: str | None, serve: Serve) -> None:
    assert await sources(serve, columns, {}) == []
    found = await sources(serve, columns, {}, camera_streams=True)
    assert [one for _, one in found] == ([] if url is None else [url])


async def test_options_are_not_read_again_for_everybody_who_looks(serve: Serve) -> None:
    async with FakeZoneMinder(world(SERVED), settings={"ZM_MIN_RTSP_PORT": "20000"}) as fake, serve(fake) as (backend, _):
        for _ in range(5):
            await backend.archive.video_sources("1")
        assert fake.asked("configs/viewByName/ZM_MIN_RTSP_PORT") == 1
