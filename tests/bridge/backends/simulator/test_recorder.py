"""What the simulator has recorded: the same as it tells, page by page, and pictures of any moment."""

from __future__ import annotations

import asyncio
import subprocess
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.fakes.clock import FakeClock, settle

from vms_bridge.archive import (
    ByteRange,
    EventClip,
    EventFrame,
    EventQuery,
    FrameKind,
    LiveKind,
    LiveStream,
    LogQuery,
    MediaRef,
    RangeClip,
)
from vms_bridge.backends.simulator.backend import Simulator
from vms_bridge.backends.simulator.clips import FOLDER, QUIET_S, VISIT_S, all_names
from vms_bridge.backends.simulator.config import SimulatorConfig
from vms_bridge.backends.simulator.recorder import KEPT_S, PAGE
from vms_bridge.errors import MediaUnavailable, NoSuchPart
from vms_bridge.model import EventRef, LivePicture

if TYPE_CHECKING:
    from vms_bridge.model import Event

EPOCH = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def site(*, after_s: float = 3_600, cameras: int = 3) -> tuple[Simulator, FakeClock]:
    clock = FakeClock(EPOCH + timedelta(seconds=after_s))
    config = SimulatorConfig(epoch=EPOCH, cameras=cameras, width=320)
    return Simulator("sim", config, clock), clock


async def pages(simulator: Simulator, query: EventQuery) -> list[tuple[Event, ...]]:
    found, after = [], None
    while True:
        page = await simulator.archive.events(query, after)
        found.append(page.events)
        if page.after is None:
            return found
        after = page.after


def at(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=seconds)


async def test_pages_lead_back_to_the_beginning_and_leave_nothing_out() -> None:
    simulator, clock = site()
    found = await pages(simulator, EventQuery())
    events = [event for page in found for event in page]
    now = clock.now().timestamp()
    every = [event for camera in simulator._cameras.values() for event in camera.recorded(EPOCH.timestamp(), now, now)]
    assert len(events) > PAGE
    assert max(len(page) for page in found) <= PAGE
    assert sorted(event.id for event in events) == sorted(event.id for event in every)
    starts = [event.start or EPOCH for event in events]
    assert starts == sorted(starts, reverse=True)


@settings(max_examples=20, deadline=None)
@given(st.floats(-200, 1_000), st.floats(-200, 1_000), st.sets(st.sampled_from(["1", "2", "3", "9"])) | st.none())
def test_a_query_gives_what_began_in_its_time_at_its_monitors(since: float, until: float, monitors: set[str] | None) -> None:
    async def asked() -> None:
        simulator, _ = site(after_s=900)
        every = [event for page in await pages(simulator, EventQuery()) for event in page]
        query = EventQuery(since=at(since), until=at(until), monitors=None if monitors is None else frozenset(monitors))
        found = [event for page in await pages(simulator, query) for event in page]
        wanted = [
            event
            for event in every
            if event.start and at(since) <= event.start < at(until) and (monitors is None or event.monitor_id in monitors)
        ]
        assert found == wanted

    asyncio.run(asked())


async def test_a_world_that_is_old_and_quiet_is_looked_through_a_part_at_a_time() -> None:
    simulator, clock = site(after_s=86_400 * 100, cameras=150)
    for camera in simulator._cameras.values():
        camera.set_modes({"function": "Monitor"}, clock.now().timestamp())
    page = await simulator.archive.events(EventQuery(), None)
    assert page.events == ()
    assert page.after is not None
    further = await simulator.archive.events(EventQuery(), page.after)
    assert further.after is not None
    assert further.after < page.after


async def test_events_are_listed_for_two_days() -> None:
    simulator, clock = site(after_s=86_400 * 5, cameras=1)
    long_ago = clock.now() - timedelta(seconds=KEPT_S)
    assert (await simulator.archive.events(EventQuery(until=long_ago), None)).events == ()
    assert (await simulator.archive.events(EventQuery(until=long_ago + timedelta(days=1)), None)).events


async def test_no_page_begins_anywhere() -> None:
    simulator, _ = site()
    with pytest.raises(MediaUnavailable, match="no page begins after"):
        await simulator.archive.events(EventQuery(), "nonsense")


async def an_event(simulator: Simulator, monitor_id: str = "1") -> Event:
    page = await simulator.archive.events(EventQuery(monitors=frozenset({monitor_id})), None)
    return next(event for event in page.events if event.clip_ready)


async def read(simulator: Simulator, ref: MediaRef, part: ByteRange | None = None, most: int = 10_000) -> list[bytes]:
    media = await simulator.archive.media(ref, part)
    pieces: list[bytes] = []
    while len(pieces) < most and (piece := await media.read()):
        pieces.append(piece)
    await media.close()
    assert await media.read() == b""
    return pieces


@pytest.mark.parametrize("monitor_id", ["1", "3"])
@pytest.mark.parametrize("frame", [*FrameKind, 1, 3, "start"])
async def test_a_picture_of_any_frame(frame: FrameKind | int | str, monitor_id: str) -> None:
    simulator, _ = site()
    event = await an_event(simulator, monitor_id)
    assert event.start
    wanted = event.start if frame == "start" else frame
    assert not isinstance(wanted, str) or isinstance(wanted, FrameKind)
    [jpeg] = await read(simulator, EventFrame(event=EventRef("sim", 1, event.id), frame=wanted))
    assert Image.open(BytesIO(jpeg)).size == (320, 180)


async def test_a_part_of_a_picture() -> None:
    simulator, _ = site()
    ref = EventFrame(event=EventRef("sim", 1, (await an_event(simulator)).id))
    [whole] = await read(simulator, ref)
    assert await read(simulator, ref, ByteRange(first=10, last=19)) == [whole[10:20]]
    assert await read(simulator, ref, ByteRange(first=10)) == [whole[10:]]
    assert await read(simulator, ref, ByteRange(first=10, last=10_000_000)) == [whole[10:]]
    media = await simulator.archive.media(ref, ByteRange(first=10))
    assert (media.content_type, media.length, media.part) == (
        "image/jpeg", len(whole), ByteRange(first=10, last=len(whole) - 1),
    )  # fmt: skip
    with pytest.raises(MediaUnavailable, match="not those that were asked for"):
        await read(simulator, ref, ByteRange(first=len(whole)))


@pytest.mark.parametrize("monitor_id", ["1", "2", "3"])
async def test_a_clip_is_a_video_that_can_be_played_while_it_comes(monitor_id: str) -> None:
    simulator, _ = site()
    event = await an_event(simulator, monitor_id)
    ref = EventClip(event=EventRef("sim", 1, event.id))
    [whole] = await read(simulator, ref)
    assert whole[4:8] == b"ftyp"
    assert 0 < whole.find(b"moov") < whole.find(b"mdat"), "what a player needs first comes first"
    assert [whole] == await read(simulator, ref), "it is always the same"
    media = await simulator.archive.media(ref, ByteRange(first=100, last=10**9))
    part = ByteRange(first=100, last=len(whole) - 1)
    assert (media.content_type, media.length, media.part) == ("video/mp4", len(whole), part)
    assert await read(simulator, ref, ByteRange(first=100, last=199)) == [whole[100:200]]
    with pytest.raises(NoSuchPart) as refused:
        await read(simulator, ref, ByteRange(first=len(whole)))
    assert refused.value.length == len(whole)


async def test_every_event_has_a_clip_of_what_happens_in_it() -> None:
    simulator, _ = site()
    shown: dict[str, set[tuple[str, ...]]] = {}
    for page in await pages(simulator, EventQuery()):
        for event in page:
            if event.clip_ready:
                [clip] = await read(simulator, EventClip(event=EventRef("sim", 1, event.id)))
                shown.setdefault(sha256(clip).hexdigest(), set()).add((event.monitor_id, *sorted(event.labels)))
    assert len(shown) > 9
    # Continuous recording has the labels of all who came by, and shows one of them.
    assert all(len(kinds) == 1 for kinds in shown.values() if not any(kind[0] == "3" for kind in kinds))


async def test_a_clip_is_there_when_its_event_has_ended() -> None:
    simulator, clock = site()
    event = await an_event(simulator)
    assert event.start
    clock.set_by((event.start + timedelta(seconds=1) - clock.now()).total_seconds())
    with pytest.raises(MediaUnavailable, match="still recorded"):
        await read(simulator, EventClip(event=EventRef("sim", 1, event.id)))


def test_the_clips_are_small_and_all_there() -> None:
    files = {file.name: file.stat().st_size for file in FOLDER.iterdir()}
    assert files.keys() == set(all_names())
    assert sum(files.values()) <= 300_000


@pytest.mark.skipif(which("ffprobe") is None, reason="ffprobe is missing: apt-get install ffmpeg")
@pytest.mark.parametrize("name", all_names())
def test_ffprobe_agrees_that_they_are_videos(name: str) -> None:
    entries = ("-show_entries", "stream=codec_name,width,height,pix_fmt,r_frame_rate", "-of", "csv=p=0")
    found = subprocess.run(["ffprobe", "-v", "error", *entries, FOLDER / name], capture_output=True, text=True, check=True)  # noqa: S603, S607
    assert (found.stdout.strip(), found.stderr) == ("h264,480,270,yuv420p,5/1", "")


async def test_a_clip_of_a_range_is_a_film_of_what_was_seen() -> None:
    simulator, _ = site()
    start = (await an_event(simulator)).start or EPOCH
    frames = await read(simulator, RangeClip(monitor="1", start=start, end=start + timedelta(seconds=2)))
    assert len(frames) == 5
    assert all(frame.startswith(b"--frame\r\nContent-Type: image/jpeg") for frame in frames)


async def test_a_live_stream_goes_on_as_time_does() -> None:
    simulator, clock = site()
    media = await simulator.archive.media(LiveStream(monitor="2"), None)
    assert await media.read()
    second = asyncio.create_task(media.read())
    await settle()
    assert not second.done()
    await clock.advance(0.5)
    assert await second
    await media.close()
    assert await media.read() == b""
    assert len(await read(simulator, LivePicture(monitor="2"))) == 1


async def test_live_video_shows_visits_when_they_come() -> None:
    simulator, clock = site()
    (source,) = await simulator.archive.video_sources("1")
    assert source.kind is LiveKind.FILES
    names = [Path(url).name for url in source.urls]
    assert set(names) <= set(all_names())
    assert names.count("driveway-0.mp4") > len(names) / 2
    shown = {number: name for number, name in enumerate(names) if name != "driveway-0.mp4"}
    assert len(shown) > 20
    time, world = clock.now().timestamp(), simulator._world
    for name in names[: max(shown)]:
        visit = world.visit_at(1, time)
        if name != "driveway-0.mp4":
            assert visit is not None
            assert visit.start <= time <= visit.end
        time += QUIET_S if name == "driveway-0.mp4" else VISIT_S
    with pytest.raises(MediaUnavailable, match="no monitor"):
        await simulator.archive.video_sources("9")


@pytest.mark.parametrize(
    "ref",
    [
        EventClip(event=EventRef("sim", 1, "1-99999999999")),
        EventClip(event=EventRef("sim", 1, "1-f5")),
        EventFrame(event=EventRef("sim", 1, "x")),
        RangeClip(monitor="9", start=EPOCH, end=EPOCH),
        LiveStream(monitor="9"),
        LivePicture(monitor="9"),
    ],
    ids=repr,
)
async def test_there_is_nothing_of_what_never_was(ref: MediaRef) -> None:
    simulator, _ = site()
    with pytest.raises(MediaUnavailable, match="there is no"):
        await simulator.archive.media(ref, None)


@pytest.mark.parametrize("frame", [0, -5, 1_000_000, EPOCH - timedelta(days=1)])
async def test_there_is_no_frame_outside_of_an_event(frame: int | datetime) -> None:
    simulator, _ = site()
    event = await an_event(simulator)
    with pytest.raises(MediaUnavailable, match="has no frame"):
        await simulator.archive.media(EventFrame(event=EventRef("sim", 1, event.id), frame=frame), None)


async def test_the_log_tells_what_happened_the_newest_last() -> None:
    simulator, _ = site()
    lines = await simulator.archive.logs(LogQuery(most=5))
    assert len(lines) == 5
    assert [line.time for line in lines] == sorted(line.time for line in lines)
    of_all_years = await simulator.archive.logs(LogQuery(since=datetime(1, 1, 1, tzinfo=UTC), most=5))
    assert of_all_years == lines
    assert await simulator.archive.logs(LogQuery(until=datetime(1, 1, 1, tzinfo=UTC))) == []
    some = await simulator.archive.logs(LogQuery(since=at(600), until=at(1_200)))
    assert some
    assert all(at(600) <= line.time < at(1_200) for line in some)


async def test_cameras_without_video_record_single_pictures() -> None:
    clock = FakeClock(EPOCH + timedelta(hours=1))
    simulator = Simulator("sim", SimulatorConfig(epoch=EPOCH, cameras=2, pictures_only=1, width=320), clock)
    videos = (await simulator.archive.events(EventQuery(monitors=frozenset({"1"})), None)).events
    events = (await simulator.archive.events(EventQuery(monitors=frozenset({"2"})), None)).events
    assert any(event.clip_ready for event in videos)
    assert not any(event.clip_ready for event in events)
    event = next(event for event in events if event.is_over)
    ref = EventRef("sim", 1, event.id)
    assert event.start
    assert event.end
    frames = (await simulator.archive.frame_times(ref)).frames
    assert frames[0] == (1, 0.0)
    assert {round(after[1] - before[1], 3) for before, after in pairwise(frames)} == {0.5}
    assert frames[-1][1] <= (event.end - event.start).total_seconds()
    (picture,) = await read(simulator, EventFrame(event=ref, frame=frames[-1][0]))
    assert picture[:2] == b"\xff\xd8"
    with pytest.raises(MediaUnavailable, match="single pictures"):
        await read(simulator, EventClip(event=ref))
    with pytest.raises(MediaUnavailable, match="not recorded as single pictures"):
        await simulator.archive.frame_times(EventRef("sim", 1, next(one.id for one in videos if one.is_over)))
