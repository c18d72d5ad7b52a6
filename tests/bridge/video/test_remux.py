"""Real videos by the real child: what comes of them can be begun with, and ends where the camera changes its mind."""

from __future__ import annotations

import asyncio
import json
import sys
from contextlib import aclosing
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from vms_bridge.archive import LiveForm
from vms_bridge.backends.simulator.clips import FOLDER
from vms_bridge.clock import SystemClock
from vms_bridge.errors import VideoFailed
from vms_bridge.video.child import Child, need_video
from vms_bridge.video.decoder import decoding
from vms_bridge.video.jobs import Input, Limits, Reading, Remux
from vms_bridge.video.wire import Frame, Kind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

SAMPLES = Path(__file__).parent / "samples"
"""Made by samples/draw: a second each of H.264, of H.264 with pictures that come out of order, of H.265, and of MPEG-4."""
TICKS = 90_000


async def remuxed(*files: str | Path, most: int = 10_000, limits: Limits | None = None, since_s: float = 0.0) -> list[Frame]:
    source = Input(reading=Reading.FILES, urls=tuple(map(str, files)), is_paced=False, is_repeated=False)
    child = await Child.start(Remux(input=source, since_s=since_s, limits=limits or Limits(share=1.0)), SystemClock())
    found: list[Frame] = []
    try:
        async with aclosing(child.frames()) as frames:
            async for frame in frames:
                found.append(frame)
                if len(found) >= most:
                    break
    finally:
        await child.close()
    return found


def of(frames: Sequence[Frame], *kinds: Kind) -> list[Frame]:
    return [frame for frame in frames if frame.kind in kinds]


def pids(data: bytes) -> list[int]:
    assert len(data) % 188 == 0
    assert {data[start] for start in range(0, len(data), 188)} == {0x47}
    return [int.from_bytes(data[start + 1 : start + 3], "big") & 0x1FFF for start in range(0, len(data), 188)]


def times(data: bytes) -> list[float]:
    """Return when each picture in a piece of MPEG-TS is to be shown, in seconds."""
    found = []
    for start in range(0, len(data), 188):
        packet = data[start : start + 188]
        if not packet[1] & 0x40 or int.from_bytes(packet[1:3], "big") & 0x1FFF in {0, 0x1000}:
            continue
        body = packet[4 + (1 + packet[4] if packet[3] & 0x20 else 0) :]
        assert body[:4] == b"\0\0\1\xe0"
        pts = (body[9] >> 1 & 7) << 30 | body[10] << 22 | (body[11] >> 1) << 15 | body[12] << 7 | body[13] >> 1
        found.append(pts / TICKS)
    return found


def boxes(data: bytes) -> list[str]:
    found, start = [], 0
    while start < len(data):
        size = int.from_bytes(data[start : start + 4], "big")
        found.append(data[start + 4 : start + 8].decode())
        assert size >= 8
        start += size
    assert start == len(data)
    return found


@pytest.mark.parametrize(
    ("name", "codec", "tag"), [("h264", "h264", b"avc1"), ("reordered", "h264", b"avc1"), ("h265", "hevc", b"hvc1")]
)
async def test_both_forms_can_be_begun_with(name: str, codec: str, tag: bytes) -> None:
    frames = await remuxed(SAMPLES / f"{name}.mp4")
    hello = json.loads(frames[0].content)
    assert (frames[0].kind, hello["codec"], hello["width"], hello["height"]) == (Kind.HELLO, codec, 96, 64)
    ts = of(frames, Kind.TS_KEY, Kind.TS)
    assert [frame.kind for frame in ts] == [Kind.TS_KEY, *[Kind.TS] * 4] * 2
    for frame in ts:
        assert frame.content[0] == 0x47, "what go2rtc looks for"
        if frame.kind is Kind.TS_KEY:
            assert pids(frame.content)[:2] == [0, 0x1000], "the tables come first"
        assert 0x11 not in pids(frame.content)
    (head,) = of(frames, Kind.MP4_HEAD)
    assert boxes(head.content) == ["ftyp", "moov"]
    assert tag in head.content
    mp4 = of(frames, Kind.MP4_KEY, Kind.MP4)
    assert [frame.kind for frame in mp4] == [Kind.MP4_KEY, *[Kind.MP4] * 4, Kind.MP4_KEY, *[Kind.MP4] * 3]
    assert {tuple(boxes(frame.content)) for frame in mp4} == {("moof", "mdat")}


async def test_times_go_on_from_clip_to_clip_and_begin_where_they_are_to() -> None:
    frames = await remuxed(SAMPLES / "h264.mp4", SAMPLES / "h264.mp4", since_s=100.0)
    assert len(of(frames, Kind.HELLO)) == 1, "the second is of the same kind"
    shown = [time for frame in of(frames, Kind.TS_KEY, Kind.TS) for time in times(frame.content)]
    assert len(shown) == 20
    assert shown[0] == pytest.approx(100.0, abs=0.2)
    assert [round(later - before, 3) for before, later in pairwise(shown)] == [0.1] * 19


async def test_pictures_that_come_out_of_order_are_shown_in_it() -> None:
    frames = await remuxed(SAMPLES / "reordered.mp4")
    shown = [time for frame in of(frames, Kind.TS_KEY, Kind.TS) for time in times(frame.content)]
    assert shown != sorted(shown)
    assert len(set(shown)) == 10


async def test_a_camera_that_changes_its_codec_begins_anew() -> None:
    frames = await remuxed(SAMPLES / "h264.mp4", SAMPLES / "h265.mp4")
    kinds = [json.loads(frame.content)["codec"] for frame in of(frames, Kind.HELLO)]
    assert kinds == ["h264", "hevc"]
    assert len(of(frames, Kind.MP4_HEAD)) == 2
    shown = [time for frame in of(frames, Kind.TS_KEY, Kind.TS) for time in times(frame.content)]
    assert len(shown) == 20
    assert shown[10] > shown[9]


async def test_a_camera_that_is_set_to_another_size_is_looked_at_anew() -> None:
    # What is in one file with it is not handed on as if it were of the same kind: a live source is opened once more.
    frames = await remuxed(SAMPLES / "changed.h264", SAMPLES / "h264.mp4")
    assert len(of(frames, Kind.HELLO)) == 2
    ts = of(frames, Kind.TS_KEY, Kind.TS)
    assert [frame.kind for frame in ts] == [Kind.TS_KEY, *[Kind.TS] * 4] * 3
    shown = [time for frame in ts for time in times(frame.content)]
    assert shown == sorted(set(shown)), "pictures without times get some"


async def test_what_can_not_be_handed_on_as_it_is() -> None:
    with pytest.raises(VideoFailed, match="mpeg4, which can't be handed on") as failed:
        await remuxed(SAMPLES / "mpeg4.mp4")
    assert "H.264" in failed.value.hint


async def test_what_is_no_video(tmp_path: Path) -> None:
    text = tmp_path / "video.mp4"
    text.write_text("no video at all")
    for path in (text, tmp_path / "nothing.mp4"):
        with pytest.raises(VideoFailed) as failed:
            await remuxed(path)
        assert "Traceback" not in str(failed.value)


async def test_no_other_protocol_is_opened_than_is_meant(tmp_path: Path) -> None:
    playlist = tmp_path / "video.m3u8"
    playlist.write_text("#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nhttp://127.0.0.1:9/secret.ts\n#EXT-X-ENDLIST\n")
    with pytest.raises(VideoFailed):
        await remuxed(playlist)
    rtsp = Input(reading=Reading.RTSP, urls=(str(SAMPLES / "h264.mp4"),))
    child = await Child.start(Remux(input=rtsp), SystemClock())
    try:
        with pytest.raises(VideoFailed):
            async for _ in child.frames():
                pass
    finally:
        await child.close()


async def test_memory_is_bounded() -> None:
    with pytest.raises(VideoFailed):
        await remuxed(SAMPLES / "h264.mp4", limits=Limits(memory_bytes=64 * 1024 * 1024, share=1.0))


async def test_the_simulators_clips_follow_one_another() -> None:
    frames = await remuxed(*sorted(FOLDER.glob("*.mp4")))
    assert len(of(frames, Kind.HELLO)) == 1
    assert len(of(frames, Kind.TS_KEY)) >= len(list(FOLDER.glob("*.mp4")))


async def test_pictures_are_decoded_of_what_is_handed_on() -> None:
    pieces = [frame.content for frame in of(await remuxed(SAMPLES / "h264.mp4"), Kind.TS_KEY, Kind.TS)]

    async def fed() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    async with decoding(fed(), LiveForm.MPEG_TS, SystemClock(), rate=30, width=48) as pictures:
        picture = await anext(pictures)
    assert (picture.width, picture.height, len(picture.pixels)) == (48, 32, 48 * 32 * 3)
    assert len(set(picture.pixels)) > 10


STARTS = """
import asyncio, sys
from vms_bridge.clock import SystemClock
from vms_bridge.video.child import Child
from vms_bridge.video.jobs import Input, Reading, Remux

async def main():
    child = await Child.start(Remux(input=Input(reading=Reading.FILES, urls=(sys.argv[1],))), SystemClock())
    async for frame in child.frames():
        print(child.pid, flush=True)
        await asyncio.sleep(3600)

asyncio.run(main())
"""


async def test_a_child_ends_with_its_bridge_however_that_ends() -> None:
    program = (sys.executable, "-c", STARTS, str(SAMPLES / "h264.mp4"))
    process = await asyncio.create_subprocess_exec(*program, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    child = int(await process.stdout.readline())
    assert await asyncio.to_thread(is_running, child)
    process.kill()
    await process.wait()
    while await asyncio.to_thread(is_running, child):  # noqa: ASYNC110 - another's child
        await asyncio.sleep(0.01)


def is_running(pid: int) -> bool:
    """Say whether it runs; one that has ended may be left for somebody to ask about it."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_this_bridge_can_read_video() -> None:
    need_video()
