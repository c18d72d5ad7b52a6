"""Live video through the hub: read once whoever looks, of what is shown only, and in bounds."""

from __future__ import annotations

import sys
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from tests.bridge.hub.test_archive import archived
from tests.fakes import video_worker
from tests.fakes.backend import EVERYTHING, system_state
from tests.fakes.clock import FakeClock

from vms_bridge.archive import LiveForm, LiveKind, LiveStream, VideoPicture, VideoSource
from vms_bridge.backends.simulator.backend import Simulator
from vms_bridge.backends.simulator.config import SimulatorConfig
from vms_bridge.clock import SystemClock
from vms_bridge.errors import BackendDefect, BridgeError, MediaBusy, MediaUnavailable, VideoFailed, VmsUnreachable
from vms_bridge.hub.live import MOST_DECODERS, MOST_SOURCES, MOST_VIEWERS, Live
from vms_bridge.model import Capability, SystemUpdate

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from vms_bridge.archive import ByteRange, MediaRef
    from vms_bridge.hub.archive import Archives

FAKE = (sys.executable, "-I", "-S", str(Path(video_worker.__file__)))
TS = LiveForm.MPEG_TS
JPEG = b"\xff\xd8\xff picture"


@dataclass
class Film:
    content_type: str = "multipart/x-mixed-replace; boundary=f"
    length: int | None = None
    part: ByteRange | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        for _ in range(3):
            yield b"--f\r\n\r\n" + JPEG + b"\r\n--f"


@dataclass
class FakeArchives:
    """Monitors whose names say what their video does; those that begin with `mjpeg` have only pictures."""

    opened: list[MediaRef] = field(default_factory=list)

    def check_live(self, system: str, key: str) -> None:
        if key == "none":
            raise MediaUnavailable(f"system {system} has no monitor {key!r}")

    async def video_sources(self, system: str, key: str) -> Sequence[VideoSource]:
        if key.startswith("mjpeg"):
            return []
        return [VideoSource(kind=LiveKind.RTSP, urls=(f"rtsp://{system}/{key}",), name="the camera")]

    @asynccontextmanager
    async def media(self, system: str, ref: MediaRef, byte_range: ByteRange | None) -> AsyncIterator[Film]:
        assert (system, byte_range) == ("zm", None)
        self.opened.append(ref)
        yield Film()


@pytest.fixture
async def archives() -> FakeArchives:
    return FakeArchives()


@pytest.fixture
async def live(archives: FakeArchives) -> AsyncIterator[Live]:
    made = Live(cast("Archives", archives), SystemClock(), program=(*FAKE, "by_url"))
    yield made
    await made.close()


def ref(monitor: str, form: LiveForm = TS) -> LiveStream:
    return LiveStream(monitor=monitor, form=form)


async def test_both_forms_come_of_one_child(live: Live) -> None:
    async with live.open("zm", ref("endless")) as ts, live.open("zm", ref("endless", LiveForm.MP4)) as mp4:
        assert (ts.content_type, mp4.content_type) == ("video/mp2t", "video/mp4")
        assert await anext(ts.pieces()) == b"G ts 0"
        assert await anext(mp4.pieces()) == b"head of h264 1x1"
        assert len(live._upstreams) == 1


async def test_fifty_look_at_one_camera(live: Live) -> None:
    async with AsyncExitStack() as stack:
        looking = [await stack.enter_async_context(live.open("zm", ref("endless"))) for _ in range(50)]
        assert {await anext(each.pieces()) for each in looking} == {b"G ts 0"}
        assert len(live._upstreams) == 1


async def test_mjpeg_is_a_picture_a_part(live: Live, archives: FakeArchives) -> None:
    async with live.open("zm", ref("mjpeg", LiveForm.MJPEG)) as opened:
        assert opened.content_type == "multipart/x-mixed-replace; boundary=frame"
        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(JPEG)}\r\n\r\n".encode()
        assert await anext(opened.pieces()) == head + JPEG + b"\r\n"
    assert archives.opened == [LiveStream(monitor="mjpeg")]


async def test_what_there_is_not(live: Live) -> None:
    for asked, said in ((ref("none"), "no monitor"), (ref("endless", LiveForm("hls")), "form hls")):
        with pytest.raises(MediaUnavailable, match=said):
            async with live.open("zm", asked):
                pass
    for monitor in ("mjpeg", "tells"):
        async with live.open("zm", ref(monitor)) as opened:
            with pytest.raises(BridgeError):
                await anext(opened.pieces())


async def test_in_which_forms_a_monitor_can_be_looked_at(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is opened to find it out, and where nothing can read video there are pictures all the same."""
    assert await live.forms("zm", "endless") == (LiveForm.MPEG_TS, LiveForm.MP4, LiveForm.MJPEG)
    assert await live.forms("zm", "mjpeg") == (LiveForm.MJPEG,)
    with pytest.raises(MediaUnavailable):
        await live.forms("zm", "none")
    monkeypatch.setattr("vms_bridge.hub.live.can_read_video", lambda: False)
    assert await live.forms("zm", "endless") == (LiveForm.MJPEG,)
    assert live._upstreams == {}


async def test_not_more_is_read_than_is_bearable(live: Live) -> None:
    async with AsyncExitStack() as stack:
        for number in range(MOST_SOURCES):
            await stack.enter_async_context(live.open("zm", ref(f"mjpeg{number}", LiveForm.MJPEG)))
        with pytest.raises(MediaBusy, match=f"{MOST_SOURCES} live videos"):
            await stack.enter_async_context(live.open("zm", ref("one too many", LiveForm.MJPEG)))
        await stack.enter_async_context(live.open("zm", ref("mjpeg0", LiveForm.MJPEG)))


async def test_not_more_look_at_one_than_is_bearable(live: Live) -> None:
    async with AsyncExitStack() as stack:
        for _ in range(MOST_VIEWERS):
            await stack.enter_async_context(live.open("zm", ref("mjpeg", LiveForm.MJPEG)))
        with pytest.raises(MediaBusy, match=f"{MOST_VIEWERS} look"):
            await stack.enter_async_context(live.open("zm", ref("mjpeg", LiveForm.MJPEG)))


async def test_a_system_that_is_taken_away_ends_its_video(live: Live) -> None:
    async with live.open("zm", ref("endless")) as opened:
        pieces = opened.pieces()
        assert await anext(pieces) == b"G ts 0"
        live.forget("other")
        while await anext(pieces) != b"G ts 7":
            pass
        live.forget("zm")
        assert [piece async for piece in pieces] == []
    assert live._upstreams == {}


async def test_pictures_that_come_one_by_one_are_handed_on_as_they_are(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody decodes them here, and nothing is needed for it."""
    monkeypatch.setattr("vms_bridge.hub.live.can_read_video", lambda: False)
    live._decoders = MOST_DECODERS
    async with live.frames("zm", "mjpeg", 1_000, width=640) as pictures:
        assert await anext(pictures) == JPEG
    assert live._upstreams["zm", "mjpeg", False].broadcast.viewers == 0


async def test_no_more_of_them_are_handed_on_than_are_wanted() -> None:
    clock = FakeClock()
    live = Live(cast("Archives", FakeArchives()), clock)

    async def every() -> AsyncIterator[bytes]:
        for number in range(30):
            yield b"%d" % number
            await clock.advance(0.1)

    assert [picture async for picture in live._thinned(every(), 2)] == [b"0", b"5", b"10", b"15", b"20", b"25"]


async def test_not_more_is_decoded_than_is_bearable(live: Live) -> None:
    live._decoders = MOST_DECODERS
    with pytest.raises(MediaBusy, match="decoded already"):
        async with live.frames("zm", "endless", 5, width=640):
            pass


@dataclass
class Simulated(FakeArchives):
    """The simulator's."""

    simulator: Simulator = field(default_factory=lambda: Simulator("sim", SimulatorConfig(), SystemClock()))

    async def video_sources(self, system: str, key: str) -> Sequence[VideoSource]:
        assert system == "sim"
        return await self.simulator.archive.video_sources(key)


async def test_simulated_cameras_have_live_video_as_go2rtc_wants_it() -> None:
    live = Live(cast("Archives", Simulated()), SystemClock())
    try:
        async with live.open("sim", ref("1")) as ts, live.open("sim", ref("1", LiveForm.MP4)) as mp4:
            first = await anext(ts.pieces())
            pids = [int.from_bytes(first[start + 1 : start + 3], "big") & 0x1FFF for start in range(0, len(first), 188)]
            assert (first[0], pids[:2], ts.content_type) == (0x47, [0, 0x1000], "video/mp2t")
            assert (await anext(mp4.pieces()))[4:8] == b"ftyp"
        async with live.frames("sim", "1", 5, width=240) as pictures:
            picture = await anext(pictures)
        assert isinstance(picture, VideoPicture)
        assert (picture.width, picture.height, len(picture.pixels)) == (240, 135, 240 * 135 * 3)
    finally:
        await live.close()


class Filming:
    """A backend's answer to where video is."""

    sources: object = ()

    async def video_sources(self, monitor_id: str) -> Sequence[VideoSource]:
        assert monitor_id == "1"
        return cast("Sequence[VideoSource]", self.sources)


async def test_the_hub_asks_the_backend_by_its_own_ids_and_believes_no_nonsense(tmp_path: Path) -> None:
    async with archived(tmp_path) as (hub, backend, feed):
        filming = Filming()
        backend.video_sources = filming.video_sources  # type: ignore[attr-defined]  # an archive may have it
        good = VideoSource(kind=LiveKind.RTSP, urls=("rtsp://cam/",), name="cam")
        filming.sources = [good] * 100
        assert len(await hub._archives.video_sources("zm", "door")) == 8
        assert TS in await hub.live_forms("zm", "door")
        for nonsense in ("rtsp://", [1], [VideoSource(kind=LiveKind.RTSP, urls=(1,), name="x")]):  # type: ignore[arg-type]  # nonsense
            filming.sources = nonsense
            with pytest.raises(BackendDefect):
                await hub._archives.video_sources("zm", "door")
        for system, key in (("zm", "1"), ("zm", "3"), ("other", "door")):
            with pytest.raises(MediaUnavailable):
                async with hub.media(system, LiveStream(monitor=key, form=TS)):
                    pass
        feed.emit(SystemUpdate(state=system_state(capabilities=EVERYTHING - {Capability.LIVE_STREAM})))
        with pytest.raises(MediaUnavailable, match="no live video"):
            async with hub.media("zm", LiveStream(monitor="door", form=TS)):
                pass


async def test_a_backend_that_does_not_know_has_only_pictures(tmp_path: Path) -> None:
    async with archived(tmp_path) as (hub, backend, _):
        assert await hub._archives.video_sources("zm", "door") == []
        async with hub.media("zm", LiveStream(monitor="door")) as media:
            with pytest.raises(VideoFailed, match="no video: video/mp4"):
                await anext(aiter(media.pieces()))
        assert backend.asked == [(LiveStream(monitor="1"), None)]
        assert backend.clips[0].is_closed
        hub.remove_system("zm")
        with pytest.raises((MediaUnavailable, VmsUnreachable)):
            await hub._archives.video_sources("zm", "door")
