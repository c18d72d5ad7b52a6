"""Live video by the API: what go2rtc, players and slow readers get."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from tests.bridge.api.lab import Api, closed, serving, until
from tests.bridge.api.world import World
from tests.fakes.backend import EVERYTHING, monitor
from tests.fakes.live import Camera

from vms_bridge.api.sending import STALLED_S
from vms_bridge.archive import LiveForm, LiveStream
from vms_bridge.boundary import Boundary
from vms_bridge.clock import SystemClock
from vms_bridge.errors import MediaUnavailable, VideoFailed, VmsUnreachable
from vms_bridge.hub.live import OpenLive
from vms_bridge.model import Capability
from vms_bridge.tokens import Scope
from vms_bridge.video.upstream import Upstream

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    from vms_bridge.archive import ByteRange, MediaRef, OpenMedia

FORMS = tuple(LiveForm)
TYPES = {"ts": "video/mp2t", "mp4": "video/mp4", "mjpeg": "multipart/x-mixed-replace; boundary=frame"}


class Filmed(World):
    """A hub with one camera for all monitors, which a test drives."""

    def __init__(self) -> None:
        super().__init__()
        clock = SystemClock()
        self.camera = Camera(forms=FORMS)
        self.looking = 0
        self.upstream = Upstream("zm/1", self.camera, FORMS, clock, boundary=Boundary("live", clock), on_end=lambda: None)

    def media(self, system: str, ref: MediaRef, byte_range: ByteRange | None = None) -> AbstractAsyncContextManager[OpenMedia]:
        assert isinstance(ref, LiveStream)
        assert (system, byte_range) == ("zm", None)
        self.opened.append((ref, None))
        return self._look(ref.form)

    @asynccontextmanager
    async def _look(self, form: LiveForm) -> AsyncIterator[OpenMedia]:
        if self.film.refusal is not None:
            raise self.film.refusal
        self.looking += 1
        try:
            async with self.upstream.viewing(form) as pieces:
                yield OpenLive(form, pieces)
        finally:
            self.looking -= 1


@pytest.fixture
async def world() -> AsyncIterator[Filmed]:
    world = Filmed()
    yield world
    await world.upstream.close()


@pytest.fixture
async def api(tmp_path: Path, world: Filmed) -> AsyncIterator[Api]:
    async with serving(tmp_path, hub=world) as api:
        yield api
    assert world.looking == 0


class Look:
    """One who looks, over a connection of his own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def head(self) -> tuple[str, dict[str, str]]:
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        return lines[0], {name.lower(): value for name, _, value in (line.partition(": ") for line in lines[1:] if line)}

    async def chunk(self) -> bytes:
        """Return the next chunk, nothing at the end."""
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        return (await self.reader.readexactly(size + 2))[:-2]


async def look(api: Api, form: str = "ts", *, method: str = "GET", monitor: str = "1") -> Look:
    reader, writer = await api.connect()
    path = f"/api/v1/media/monitors/zm/{monitor}/live.{form}"
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: {api.host}\r\nAuthorization: Bearer {api.token()}\r\n\r\n".encode())
    return Look(reader, writer)


@pytest.mark.parametrize("form", FORMS)
async def test_what_a_player_gets(api: Api, world: Filmed, form: LiveForm) -> None:
    looking = await look(api, form)
    await until(lambda: world.looking)
    world.camera.give(b"G a")
    status, headers = await looking.head()
    assert status == "HTTP/1.1 200 OK"
    assert headers["content-type"] == TYPES[form]
    assert headers["cache-control"] == "private, no-store"
    assert headers["accept-ranges"] == "none"
    assert headers["transfer-encoding"] == "chunked"
    assert b"G a" in await looking.chunk()
    world.camera.give(b"G b")
    assert b"G b" in await looking.chunk()
    assert world.opened == [(LiveStream(monitor="1", form=form), None)]
    await closed(looking.writer)
    await until(lambda: not world.looking)


async def test_a_player_that_asks_first_opens_no_camera(api: Api, world: Filmed) -> None:
    for form in FORMS:
        answer = await api.ask("HEAD", f"/api/v1/media/monitors/zm/1/live.{form}", token=api.token())
        assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (200, TYPES[form].partition(";")[0])
    assert (await api.ask("HEAD", "/api/v1/media/monitors/zm/9/live.ts", token=api.token())).status == 404
    assert world.opened == []


async def test_a_form_that_there_is_not(api: Api) -> None:
    assert (await api.get("/api/v1/media/monitors/zm/1/live.hls", token=api.token())).status == 404


@pytest.mark.parametrize("forms", [tuple(LiveForm), (LiveForm.MJPEG,), ()])
async def test_which_forms_there_are(api: Api, world: Filmed, forms: tuple[LiveForm, ...]) -> None:
    world.live = forms
    answer = await api.get("/api/v1/media/monitors/zm/1/live", token=api.token())
    assert (answer.status, answer.said) == (200, {"forms": list(forms)})
    assert world.opened == []


async def test_there_may_be_no_live_video_at_all_and_a_vms_that_can_not_be_asked(api: Api, world: Filmed) -> None:
    world.live = MediaUnavailable("system zm has no live video")
    assert (await api.get("/api/v1/media/monitors/zm/1/live", token=api.token())).said == {"forms": []}
    world.live = VmsUnreachable("it is away")
    answer = await api.get("/api/v1/media/monitors/zm/1/live", token=api.token())
    assert (answer.status, answer.code) == (502, "unreachable")
    world.add_monitor("zm", monitor(3, capabilities=EVERYTHING - {Capability.LIVE_STREAM}))
    assert (await api.get("/api/v1/media/monitors/zm/3/live", token=api.token())).said == {"forms": []}
    assert (await api.get("/api/v1/media/monitors/zm/9/live", token=api.token())).code == "not_found"


@pytest.mark.parametrize(
    ("refusal", "status", "code"),
    [(MediaUnavailable("only pictures", hint="live.mjpeg"), 404, "media"), (VideoFailed("no camera"), 502, "video")],
)
async def test_why_there_is_none_is_told(
    api: Api, world: Filmed, refusal: MediaUnavailable | VideoFailed, status: int, code: str
) -> None:
    world.camera.faults = [refusal]
    world.upstream = Upstream(
        "zm/1", world.camera, FORMS, SystemClock(), boundary=Boundary("live", SystemClock()), on_end=lambda: None
    )
    answer = await api.get("/api/v1/media/monitors/zm/1/live.ts", token=api.token())
    assert (answer.status, answer.code, answer.said["detail"]) == (status, code, str(refusal))


async def test_fifty_see_the_same_of_one_source(api: Api, world: Filmed) -> None:
    looking = [await look(api) for _ in range(50)]
    await until(lambda: world.looking == 50)
    world.camera.give(b"G a")
    assert {(await each.head())[0] for each in looking} == {"HTTP/1.1 200 OK"}
    assert {await each.chunk() for each in looking} == {b"G a"}
    assert len(world.camera.began) == 1


async def test_one_who_reads_nothing_holds_up_nobody_and_is_let_go(api: Api, world: Filmed) -> None:
    slow, quick = await look(api), await look(api)
    slow.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's
    await until(lambda: world.looking == 2)
    large = bytes(500_000)
    for number in range(40):
        world.camera.give(b"G %d" % number)
        world.camera.give(large, is_key=False)
        if not number:
            await quick.head()
        assert await quick.chunk() == b"G %d" % number
        assert b"".join([await quick.chunk() for _ in range(2)]) == large
    for _ in range(3):
        await api.clock.advance(STALLED_S / 2)
    await until(lambda: world.looking == 1)
    world.camera.give(b"G on")
    assert await quick.chunk() == b"G on"


async def test_another_codec_ends_the_answer_and_not_the_connection(api: Api, world: Filmed) -> None:
    looking = await look(api)
    await until(lambda: world.looking)
    world.camera.give(b"G a")
    await looking.head()
    assert await looking.chunk() == b"G a"
    assert world.camera.to is not None
    world.camera.to.begin("hevc")
    assert await looking.chunk() == b""


async def test_a_revoked_token_sees_no_more(api: Api, world: Filmed) -> None:
    token, text = api.hub.tokens.add(Scope.READ)
    reader, writer = await api.connect()
    writer.write(
        f"GET /api/v1/media/monitors/zm/1/live.ts HTTP/1.1\r\nHost: {api.host}\r\nAuthorization: Bearer {text}\r\n\r\n".encode()
    )
    await until(lambda: world.looking)
    world.camera.give(b"G a")
    await reader.readuntil(b"\r\n\r\n")
    await api.hub.tokens.revoke(token.id)
    await api.clock.advance(2)
    await until(lambda: not world.looking)
