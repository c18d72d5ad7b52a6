"""Pictures and clips as they are asked for one by one, of a ZoneMinder that says odd things of them."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.zoneminder.support import FastClock, MemoryFeed, config
from tests.fakes.gate import Gate
from tests.fakes.zoneminder import FakeLine, FakeZoneMinder, World
from tests.fakes.zoneminder.media import ANNOTATED, JPEG, clip_of, frame_of
from tests.fakes.zoneminder.personality import V1_34, V1_36_33, V1_38_4
from tests.fakes.zoneminder.render import CAMERA_SECRET

from vms_bridge.archive import ByteRange, EventClip, EventFrame, EventQuery, FrameKind, LogQuery, RangeClip
from vms_bridge.backends.zoneminder.backend import ZoneMinder
from vms_bridge.errors import MediaUnavailable, NoSuchEvent, NoSuchPart, VmsError, VmsUnreachable
from vms_bridge.model import EventRef, LivePicture

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.bridge.backends.zoneminder.conftest import Serve
    from tests.fakes.zoneminder import FakeEvent, Personality

    from vms_bridge.archive import MediaRef
    from vms_bridge.backends.base import Media

pytestmark = pytest.mark.virtual_time
START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def ref(event: FakeEvent | int) -> EventRef:
    return EventRef("zm", 1, str(event if isinstance(event, int) else event.id))


def world_with_an_event(personality: Personality = V1_36_33) -> tuple[World, FakeEvent]:
    world = World(personality)
    event = world.open_event(1, start=START)
    event.end, event.length, event.frames, event.alarm_frames = START + timedelta(seconds=20), 20.0, 101, 5
    return world, event


@asynccontextmanager
async def opened(backend: ZoneMinder, what: MediaRef, part: ByteRange | None = None) -> AsyncIterator[Media]:
    media = await backend.archive.media(what, part)
    try:
        yield media
    finally:
        await media.close()


async def rest(media: Media) -> int:
    """Read it to its end, and return how many bytes there were."""
    size = 0
    while piece := await media.read():
        size += len(piece)
    return size


async def read(backend: ZoneMinder, what: MediaRef, part: ByteRange | None = None) -> bytes:
    async with opened(backend, what, part) as media:
        pieces = []
        while piece := await media.read():
            assert len(piece) <= 256 * 1024
            pieces.append(piece)
        return b"".join(pieces)


@pytest.mark.parametrize("personality", [V1_34, V1_36_33, V1_38_4], ids=lambda p: p.version)
async def test_a_clip_and_its_parts(personality: Personality, serve: Serve) -> None:
    world, event = world_with_an_event(personality)
    whole = clip_of(event)
    clip = EventClip(event=ref(event))
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        async with opened(backend, clip) as media:
            assert (media.content_type, media.length, media.part) == ("video/mp4", len(whole), None)
        assert await read(backend, clip) == whole
        end = len(whole) - 1
        for first, last, given in (
            (0, None, (0, end)),
            (0, 0, (0, 0)),  # which ZoneMinder takes for all of it
            (0, 1, (0, 1)),
            (0, 10**12, (0, end)),
            (100, None, (100, end)),
            (100, 199, (100, 199)),
            (end, None, (end, end)),
            (end - 5, 10**12, (end - 5, end)),  # of which it says that there is more than there is
        ):
            part = ByteRange(first=first, last=last)
            async with opened(backend, clip, part) as media:
                assert media.part == ByteRange(first=given[0], last=given[1])
                assert media.length == len(whole)
            assert await read(backend, clip, part) == whole[given[0] : given[1] + 1]
        for first, last in ((end + 1, None), (end + 1, end + 10), (10**12, None), (5, 4), (-3, 4)):
            with pytest.raises(NoSuchPart) as refused:
                await backend.archive.media(clip, ByteRange(first=first, last=last))
            assert refused.value.length == len(whole)


async def test_a_players_parts_cost_one_question_each(serve: Serve) -> None:
    world, event = world_with_an_event()
    clip = EventClip(event=ref(event))
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        for first in range(0, 100_000, 10_000):
            await read(backend, clip, ByteRange(first=first, last=first + 9_999))
        assert fake.clips_asked == 11, "its length is asked for once"
        assert fake.asked("events/index/Id:") == 1


@pytest.mark.parametrize("personality", [V1_34, V1_36_33, V1_38_4], ids=lambda p: p.version)
async def test_pictures_of_an_event(personality: Personality, serve: Serve) -> None:
    world, event = world_with_an_event(personality)
    event.is_annotated = True
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        for frame, jpeg in (
            (FrameKind.BEST, JPEG),
            (FrameKind.ALARM, JPEG),
            (FrameKind.FIRST, frame_of(event, 1)),
            (FrameKind.ANNOTATED, ANNOTATED),
            (7, frame_of(event, 7)),
            (START, frame_of(event, 1)),
            (START + timedelta(seconds=10), frame_of(event, 51)),
            (START + timedelta(seconds=20.5), frame_of(event, 101)),
        ):
            picture = EventFrame(event=ref(event), frame=frame)
            assert await read(backend, picture) == jpeg
            async with opened(backend, picture) as media:
                assert (media.content_type, media.length, media.part) == ("image/jpeg", len(jpeg), None)
            assert await read(backend, picture, ByteRange(first=3, last=9)) == jpeg[3:10]
            with pytest.raises(NoSuchPart):
                await backend.archive.media(picture, ByteRange(first=len(jpeg)))
        assert await read(backend, LivePicture(monitor="1")) == JPEG


@pytest.mark.parametrize(
    "frame", [0, -1, 102, 10**9, START - timedelta(minutes=1), START + timedelta(minutes=1), FrameKind.ANNOTATED]
)
@pytest.mark.parametrize("personality", [V1_36_33, V1_38_4], ids=lambda p: p.version)
async def test_there_is_no_picture_of_what_never_was(personality: Personality, frame: int | datetime, serve: Serve) -> None:
    world, event = world_with_an_event(personality)
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        with pytest.raises(MediaUnavailable, match=r"no frame|empty|no picture") as refused:
            await backend.archive.media(EventFrame(event=ref(event), frame=frame), None)
        assert not isinstance(refused.value, NoSuchEvent)


async def test_an_event_that_is_gone_is_called_so(serve: Serve) -> None:
    world, event = world_with_an_event()
    newest = world.close_event(world.open_event(2, start=START).id)
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        await read(backend, EventClip(event=ref(event)))
        world.delete_event(event.id)
        for gone in (
            EventClip(event=ref(event)),
            EventFrame(event=ref(event)),
            EventClip(event=ref(99)),
            EventFrame(event=ref(99)),
        ):
            with pytest.raises(NoSuchEvent, match="ZoneMinder has no event"):
                await backend.archive.media(gone, None)
        world.delete_event(newest.id)
        with pytest.raises(NoSuchEvent, match="ZoneMinder has no event"):
            await backend.archive.media(EventClip(event=ref(newest)), None)


async def test_a_list_that_lacks_what_is_there_says_of_no_event_that_it_is_gone(serve: Serve) -> None:
    world, event = world_with_an_event()
    world.close_event(world.open_event(2, start=START).id)
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        fake.fail("events/index/Id:", "no-rows")
        for asked in (EventClip(event=ref(event)), EventClip(event=ref(99))):
            with pytest.raises(MediaUnavailable, match="does not say now") as refused:
                await backend.archive.media(asked, None)
            assert not isinstance(refused.value, NoSuchEvent)
        fake.heal()
        await read(backend, EventClip(event=ref(event)))


async def test_a_clip_that_there_is_not_says_why(serve: Serve) -> None:
    clock = FastClock()
    world, event = world_with_an_event()
    event.is_jpegs = True
    crashed = world.open_event(2, start=START)
    world.close_event(world.open_event(2, start=START + timedelta(minutes=1)).id)
    running = world.open_event(3, start=clock.now())
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, feed):
        await feed.until(lambda: feed.event(running.id))
        for one, reason in ((event, "single pictures"), (crashed, "never finished"), (running, "still recorded")):
            with pytest.raises(MediaUnavailable, match=reason) as refused:
                await backend.archive.media(EventClip(event=ref(one)), None)
            assert refused.value.hint
        assert fake.clips_asked == 0
        with pytest.raises(MediaUnavailable, match="whole events and single pictures only"):
            await backend.archive.media(RangeClip(monitor="1", start=START, end=START), None)
        for number in ("x", "1&view=options", "\N{ARABIC-INDIC DIGIT ONE}", "", "9" * 5_000):
            with pytest.raises(MediaUnavailable, match="numbers"):
                await backend.archive.media(EventClip(event=EventRef("zm", 1, number)), None)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("html", "web page"), ("500", "HTTP 500"), ("404", "HTTP 404"), ("403", "does not show"), ("empty", "empty"),
        ("redirect", "redirects"), ("close", "in time"), ("truncate", "broke off"), ("garbage", "is no clip"),
    ],
)  # fmt: skip
async def test_what_is_no_clip_is_none(kind: str, said: str, serve: Serve) -> None:
    world, event = world_with_an_event()
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        fake.fail("view_video", kind)
        with pytest.raises(MediaUnavailable, match=said) as refused:
            await read(backend, EventClip(event=ref(event)))
        assert "access-" not in str(refused.value) + refused.value.hint, "no token in what is said"
        fake.heal()
        assert await read(backend, EventClip(event=ref(event))) == clip_of(event)


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("short", "broke off"), ("416", "HTTP 416"), ("another-part", "another part"), ("packed", "coding"),
    ],
)  # fmt: skip
async def test_a_clip_that_is_not_given_as_it_should_be(fault: str, said: str, serve: Serve) -> None:
    world, event = world_with_an_event()
    clip, part = EventClip(event=ref(event)), ByteRange(first=1_000, last=99_999)
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        await read(backend, clip)
        fake.clip_fault = fault
        with pytest.raises(MediaUnavailable, match=said):
            await read(backend, clip, part)


async def test_a_clip_that_is_longer_than_it_says_ends_where_it_was_said_to(serve: Serve) -> None:
    world, event = world_with_an_event()
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        fake.clip_fault = "long"
        for _ in range(3):
            assert await read(backend, EventClip(event=ref(event))) == clip_of(event)


async def test_where_parts_are_ignored_the_whole_is_given_or_its_beginning(serve: Serve) -> None:
    world, event = world_with_an_event()
    clip, whole = EventClip(event=ref(event)), clip_of(event)
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        fake.clip_fault = "ignores-range"
        assert await read(backend, clip, ByteRange(first=0, last=99)) == whole[:100]
        async with opened(backend, clip, ByteRange(first=100, last=199)) as media:
            assert (media.length, media.part) == (len(whole), None)
        assert await read(backend, clip, ByteRange(first=100, last=199)) == whole


async def test_a_clip_that_hangs_in_the_middle_ends_in_time(serve: Serve) -> None:
    world, event = world_with_an_event()
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        clips = backend._recordings._clips if backend._recordings else None
        assert clips
        clips.begin_s = 0.3
        fake.clip_fault = "hangs"
        async with opened(backend, EventClip(event=ref(event))) as media:
            assert await media.read()
            with pytest.raises(MediaUnavailable, match=r"broke off.*did not answer in time"):
                await rest(media)


async def test_a_token_that_has_run_out_is_renewed_before_the_first_byte(serve: Serve, clock: FastClock) -> None:
    world, event = world_with_an_event()
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        await read(backend, EventClip(event=ref(event)))
        await clock.sleep(31)  # a refusal sooner than that after a login would be no matter of the token
        fake.revoke_tokens()
        assert await read(backend, EventClip(event=ref(event))) == clip_of(event)
        await clock.sleep(31)
        fake.revoke_tokens()
        assert await read(backend, LivePicture(monitor="1")) == JPEG


async def test_who_may_not_see_it_is_told_so(serve: Serve) -> None:
    world, event = world_with_an_event()
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        await read(backend, EventClip(event=ref(event)))
        fake.users["admin"].permissions = frozenset({"monitors:view"})
        with pytest.raises(MediaUnavailable, match="does not show the picture of monitor 1"):
            await backend.archive.media(LivePicture(monitor="1"), None)
        with pytest.raises(MediaUnavailable, match="web page") as refused:
            await backend.archive.media(EventClip(event=ref(event)), None)
        assert "Events: View" in refused.value.hint
        assert not isinstance(refused.value, NoSuchEvent), "its row can't be read either: so nobody says that it is gone"


async def test_a_proxy_s_login_is_got_through_and_named_where_it_is_not(serve: Serve) -> None:
    world, event = world_with_an_event()
    clip = EventClip(event=ref(event))
    settings = {"http_username": "proxy", "http_password": "s\N{LATIN SMALL LETTER E WITH ACUTE}same:1"}
    async with (
        FakeZoneMinder(world, gate=Gate("basic")) as fake,
        serve(fake, settings=config(fake.url, **settings)) as (backend, _),
    ):
        assert await read(backend, clip, ByteRange(first=0, last=9)) == clip_of(event)[:10]
        fake.gate = Gate("digest")
        with pytest.raises(MediaUnavailable, match="wants a login by digest"):
            await backend.archive.media(clip, None)


async def test_the_connection_can_be_lost_in_the_middle_of_a_clip(serve: Serve) -> None:
    world, event = world_with_an_event()
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        async with opened(backend, EventClip(event=ref(event))) as media:
            assert backend._recordings
            await backend._recordings._line.api.__aexit__()
            with pytest.raises(MediaUnavailable, match="broke off"):
                await rest(media)
        with pytest.raises(MediaUnavailable, match="not open"):
            await backend.archive.media(LivePicture(monitor="1"), None)


async def test_four_slow_viewers_delay_no_alarm(serve: Serve, tmp_path: Path) -> None:
    world, event = world_with_an_event()
    event.clip = tmp_path / "large.mp4"
    event.clip.write_bytes(clip_of(event) * 100)
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, feed):
        viewers = [await backend.archive.media(EventClip(event=ref(event)), None) for _ in range(8)]
        for viewer in viewers:
            assert await viewer.read()
        alarm = world.alarm(2)
        assert alarm
        await feed.until(lambda: feed.event(alarm.id), seconds=3)
        for viewer in viewers:
            await viewer.close()


async def test_a_clip_goes_on_when_the_system_is_lost_and_ends_when_it_is_taken_away(tmp_path: Path) -> None:
    world, event = world_with_an_event()
    event.clip = tmp_path / "large.mp4"
    event.clip.write_bytes(clip_of(event) * 100)
    feed = MemoryFeed()
    async with FakeZoneMinder(world) as fake:
        backend = ZoneMinder("zm", config(fake.url, timeout=1), FastClock())
        running = asyncio.create_task(backend.run(feed))
        await feed.until(lambda: backend._session)
        clip = EventClip(event=ref(event))
        media = await backend.archive.media(clip, None)
        fake.fail("events", "close")
        fake.fail("monitors", "close")
        with pytest.raises(VmsUnreachable):
            await running
        with pytest.raises(VmsUnreachable, match="not connected"):
            await backend.archive.media(clip, None)
        assert await rest(media) == event.clip.stat().st_size
        await media.close()
        await media.close()
        assert await media.read() == b""
        fake.heal()
        running = asyncio.create_task(backend.run(feed))
        await feed.until(lambda: backend._session)
        media = await backend.archive.media(clip, None)
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running
        with pytest.raises(MediaUnavailable):
            await rest(media)
        await media.close()


async def test_the_newest_lines_of_the_log(serve: Serve) -> None:
    world = World()
    begin = START.timestamp()
    world.log = [FakeLine(begin + number, f"line {number}") for number in range(1_500)]
    world.log[-1] = FakeLine(begin + 1_499, f"Can't open rtsp://user:{CAMERA_SECRET}@camera/?token=access-1-é", -2, "zmc_m1")
    world.log[-2] = FakeLine(begin + 1_498, "x" * 5_000, -3, "zmdc")
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, _):
        lines = await backend.archive.logs(LogQuery(most=5))
        assert [line.time for line in lines] == [START + timedelta(seconds=number) for number in range(1_495, 1_500)]
        assert (lines[-1].level, lines[-1].component) == ("error", "zmc_m1")
        assert CAMERA_SECRET not in lines[-1].message
        assert "access-" not in lines[-1].message
        assert "camera/" in lines[-1].message
        assert (lines[-2].level, len(lines[-2].message)) == ("fatal", 2_000)
        assert len(await backend.archive.logs(LogQuery(most=10_000))) == 1_000
        some = LogQuery(since=START + timedelta(seconds=1_200), until=START + timedelta(seconds=1_250))
        assert [line.message for line in await backend.archive.logs(some)] == [f"line {number}" for number in range(1_200, 1_250)]
        world.log = []
        assert await backend.archive.logs(LogQuery()) == []
        world.log = [FakeLine(begin + number, "line") for number in range(100)]  # just one page
        assert len(await backend.archive.logs(LogQuery())) == 100
        fake.users["admin"].permissions = frozenset({"events:view", "monitors:view"})
        with pytest.raises(MediaUnavailable, match="may not read the log"):
            await backend.archive.logs(LogQuery())
        fake.fail("logs", "404")
        with pytest.raises(VmsError):
            await backend.archive.logs(LogQuery())


async def test_an_open_event_s_picture_is_asked_for_again(serve: Serve) -> None:
    world = World()
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, feed):
        event = world.alarm(1)
        assert event
        await feed.until(lambda: feed.event(event.id))
        fake.fail("index.php", "404", times=2)
        assert await read(backend, EventFrame(event=ref(event))) == JPEG
        page = await backend.archive.events(EventQuery(), None)
        assert [one.id for one in page.events] == [str(event.id)]
