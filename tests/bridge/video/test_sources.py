"""Where live video comes from: the best source that gives something."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.fakes import video_worker

from vms_bridge.archive import LiveForm, LiveKind, VideoSource
from vms_bridge.clock import SystemClock
from vms_bridge.errors import MediaUnavailable, VideoFailed
from vms_bridge.video.broadcast import Broadcast
from vms_bridge.video.decoder import decoding
from vms_bridge.video.sources import PICTURE_FORMS, VIDEO_FORMS, Pictures, VideoByChild

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from vms_bridge.archive import ByteRange, VideoPicture

FAKE = (sys.executable, "-I", "-S", str(Path(video_worker.__file__)))
BY_URL = (*FAKE, "by_url")


def ladder(*ways: str) -> Callable[[], Awaitable[Sequence[VideoSource]]]:
    async def found() -> Sequence[VideoSource]:
        return [VideoSource(kind=LiveKind.RTSP, urls=(f"rtsp://u:hidden-word@cam/{way}",), name=f"the {way} one") for way in ways]

    return found


async def read(*ways: str) -> Broadcast:
    to = Broadcast(VIDEO_FORMS)
    await VideoByChild(ladder(*ways), SystemClock(), program=BY_URL).read(to, 0.0)
    return to


async def test_what_a_child_gives_gets_to_who_looks() -> None:
    to = Broadcast(VIDEO_FORMS)
    viewers = {form: to.join(form) for form in VIDEO_FORMS}
    await VideoByChild(ladder("ends"), SystemClock(), program=BY_URL).read(to, 0.0)
    assert [await viewers[LiveForm.MPEG_TS].next() for _ in range(4)] == [b"G ts %d" % number for number in range(4)]
    assert [await viewers[LiveForm.MP4].next() for _ in range(2)] == [b"head of h264 1x1", b"mp4 0"]


async def test_the_next_one_where_the_first_gives_nothing() -> None:
    assert (await read("tells", "nonsense", "ends")).pieces == 8


async def test_why_there_is_none_is_what_the_best_one_says() -> None:
    with pytest.raises(VideoFailed, match="the tells one: 401 Unauthorized") as failed:
        await read("tells", "nonsense")
    assert "hidden-word" not in str(failed.value)


async def test_one_that_has_given_something_is_not_left_for_a_worse_one() -> None:
    with pytest.raises(VideoFailed, match="SIGSEGV"):
        await read("segv", "ends")


async def test_where_there_are_only_pictures_it_is_said_so() -> None:
    with pytest.raises(MediaUnavailable, match="only pictures") as refused:
        await read()
    assert "live.mjpeg" in refused.value.hint


async def test_who_stops_reading_leaves_no_child(tmp_path: Path) -> None:
    del tmp_path
    to = Broadcast(VIDEO_FORMS)
    viewer = to.join(LiveForm.MPEG_TS)
    reading = asyncio.create_task(VideoByChild(ladder("endless"), SystemClock(), program=BY_URL).read(to, 0.0))
    assert await viewer.next() == b"G ts 0"
    reading.cancel()
    await asyncio.wait([reading])
    assert reading.cancelled()


@dataclass
class Film:
    data: list[bytes]
    content_type: str = "multipart/x-mixed-replace; boundary=f"
    length: int | None = None
    part: ByteRange | None = None

    async def pieces(self) -> AsyncIterator[bytes]:
        for data in self.data:
            yield data


async def test_pictures_are_handed_on_one_by_one() -> None:
    film = Film([b"--f\r\n\r\n\xff\xd8\xff1\r\n--f\r\n\r", b"\n\xff\xd8\xff2\r\n--f"])

    @asynccontextmanager
    async def opened() -> AsyncIterator[Film]:
        yield film

    to = Broadcast(PICTURE_FORMS)
    viewer = to.join(LiveForm.MJPEG)
    await Pictures(opened).read(to, 0.0)
    assert [await viewer.next() for _ in range(2)] == [b"\xff\xd8\xff1", b"\xff\xd8\xff2"]


async def all_of(pictures: AsyncIterator[VideoPicture], seen: list[VideoPicture]) -> None:
    async for picture in pictures:
        seen.append(picture)  # noqa: PERF401 - it ends by an error, and what came before counts


async def fed(*pieces: bytes) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


async def test_decoded_pictures_come_and_the_newest_wins() -> None:
    async with decoding(
        fed(b"abc", b"d"), LiveForm.MPEG_TS, SystemClock(), rate=1e9, width=1, program=(*FAKE, "echo")
    ) as pictures:
        seen = [await anext(pictures)]
        with pytest.raises(VideoFailed, match="has ended"):
            await all_of(pictures, seen)
    times = [each.time.timestamp() for each in seen]
    assert times == sorted(times)
    assert times[-1] == float(ord("d"))
    assert {(each.width, each.height, each.pixels) for each in seen} == {(1, 1, bytes(3))}


async def test_a_decoder_that_dies_says_so() -> None:
    async with decoding(fed(b"a"), LiveForm.MJPEG, SystemClock(), rate=1, width=640, program=(*FAKE, "segv")) as pictures:
        with pytest.raises(VideoFailed, match="SIGSEGV"):
            await anext(pictures)


async def test_what_is_wrong_with_the_video_is_told_by_its_pictures_too() -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"a"
        raise VideoFailed("no camera")

    async with decoding(broken(), LiveForm.MPEG_TS, SystemClock(), rate=1, width=640, program=(*FAKE, "echo")) as pictures:
        with pytest.raises(VideoFailed, match="no camera"):
            await all_of(pictures, [])
