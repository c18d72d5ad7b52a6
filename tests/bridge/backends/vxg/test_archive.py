"""What was recorded, and what channels see now."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.vxg.support import backend_of, running
from tests.bridge.backends.zoneminder.support import MemoryFeed
from tests.fakes.vxg import FakeVxg

from vms_bridge.archive import ByteRange, EventClip, EventFrame, EventQuery, FrameKind, LiveStream, LogQuery, RangeClip
from vms_bridge.commands import VmsTarget
from vms_bridge.errors import MediaUnavailable, NoSuchEvent, NoSuchPart
from vms_bridge.model import EventPicture, EventRef, LivePicture

if TYPE_CHECKING:
    from tests.fakes.virtual_time import VirtualClock

    from vms_bridge.backends.base import Media
    from vms_bridge.backends.vxg.archive import Archive
    from vms_bridge.model import Event


def ref(number: int | str) -> EventRef:
    return EventRef("cloud", 1, str(number))


async def whole(media: Media) -> bytes:
    pieces = []
    while piece := await media.read():
        pieces.append(piece)
    await media.close()
    return b"".join(pieces)


async def all_of(archive: Archive, query: EventQuery, between: object = None) -> list[Event]:
    found: list[Event] = []
    after = None
    while True:
        page = await archive.events(query, after)
        found += page.events
        after = page.after
        if after is None:
            return found
        if callable(between):
            between()


async def test_the_picture_of_an_event_that_was_just_told_costs_no_request_to_the_api(clock: VirtualClock) -> None:
    async with FakeVxg(channels=2, clock=clock) as fake:
        backend, feed = backend_of(fake, clock), MemoryFeed()
        async with running(backend, feed):
            made = fake.world.happen(102)
            await feed.until(lambda: feed.event(made.id), 10)
            event = f"GET /api/v2/storage/events/{made.id}/"
            jpeg = await backend.picture(EventPicture(event=ref(made.id)))
            assert jpeg.endswith(str(made.id).encode())
            assert asked(fake, event) == 0
            await asyncio.sleep(fake.media.life_s + 100)
            assert await backend.picture(EventPicture(event=ref(made.id))) == jpeg
            assert asked(fake, event) == 1, "its address had expired"
            fake.group.channels.remove(102)
            await backend.refresh(VmsTarget())
            with pytest.raises(NoSuchEvent):
                await backend.picture(EventPicture(event=ref(made.id)))


def asked(fake: FakeVxg, what: str) -> int:
    return sum(f"{method} {path.partition('?')[0]}" == what for method, path in fake.requests)


async def test_pages_hold_each_event_once_though_others_come_meanwhile(clock: VirtualClock) -> None:
    async with FakeVxg(channels=2, clock=clock) as fake:
        for number in range(1_300):  # several of one time, over the ends of pages
            fake.world.happen(101 + number % 2, ago_s=float(number // 7) * 3)
        backend = backend_of(fake, clock)
        async with running(backend, MemoryFeed()):
            before = {str(number) for number in fake.world.events}
            found = await all_of(backend.archive, EventQuery(), lambda: fake.world.happen(101))
            assert len({event.id for event in found}) == len(found)
            assert before <= {event.id for event in found}
            starts = [event.start for event in found if event.start]
            assert starts == sorted(starts, reverse=True)


async def test_rows_that_can_not_be_read_end_no_list(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        for number in range(600):
            fake.world.happen(101, ago_s=float(number), odd={"time": "soon"} if number % 100 == 7 else {})
        backend = backend_of(fake, clock)
        async with running(backend, MemoryFeed()):
            assert len(await all_of(backend.archive, EventQuery())) == 594


async def test_what_is_deleted_while_a_page_is_read_makes_no_other_slip_through(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        made = [fake.world.happen(101, ago_s=float(number)) for number in range(1_500)]
        backend = backend_of(fake, clock)
        async with running(backend, MemoryFeed()):
            gone = iter(made)

            def between(_method: str, path: str) -> None:
                if path == "/api/v2/storage/events/":
                    for _ in range(5):
                        fake.world.events.pop(next(gone).id, None)

            fake.between = between
            found = {event.id for event in await all_of(backend.archive, EventQuery())}
            fake.between = None
            assert {str(number) for number in fake.world.events} <= found


async def test_a_query_is_of_its_time_and_its_monitors(clock: VirtualClock) -> None:
    async with FakeVxg(channels=3, clock=clock) as fake:
        made = [fake.world.happen(101 + number % 3, ago_s=100.0 - number) for number in range(30)]
        backend = backend_of(fake, clock)
        async with running(backend, MemoryFeed()):
            since, until = made[6].time, made[18].time
            found = await all_of(backend.archive, EventQuery(since=since, until=until, monitors=frozenset({"101", "103"})))
            assert {event.id for event in found} == {str(each.id) for each in made[6:18] if each.camid != 102}
            one = await all_of(backend.archive, EventQuery(monitors=frozenset({"102"}), in_background=True))
            assert {event.monitor_id for event in one} == {"102"}
            assert len(one) == 10
            with pytest.raises(MediaUnavailable):
                await backend.archive.events(EventQuery(monitors=frozenset({"999"})), None)
            for wrong in ("x", "[1]", '["2026-01-01T00:00:00+00:00", [[]]]', "[null, []]", "[" * 9_000, '["0001-01-01", []]'):
                with pytest.raises(MediaUnavailable, match="no page"):
                    await backend.archive.events(EventQuery(), wrong)


async def test_a_clip_is_made_once_and_read_in_parts(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        fake.world.record(101, fake.world.now() - timedelta(seconds=300), 300)
        made = fake.world.happen(101, ago_s=60)
        backend = backend_of(fake, clock)
        async with running(backend, MemoryFeed()):
            clip = EventClip(event=ref(made.id))
            media = await backend.archive.media(clip, None)
            assert (media.content_type, media.part) == ("video/mp4", None)
            video = await whole(media)
            assert media.length == len(video)
            part = await backend.archive.media(clip, ByteRange(first=1_000, last=1_999))
            assert part.part == ByteRange(first=1_000, last=1_999)
            assert await whole(part) == video[1_000:2_000]
            end = await backend.archive.media(clip, ByteRange(first=len(video) - 5))
            assert await whole(end) == video[-5:]
            assert len(fake.world.clips) == 1
            (kept,) = fake.world.clips.values()
            assert kept.delete_at is not None
            with pytest.raises(NoSuchPart):
                await backend.archive.media(clip, ByteRange(first=10**9))
            start = fake.world.now() - timedelta(seconds=200)
            of_range = RangeClip(monitor="101", start=start, end=start + timedelta(seconds=10))
            assert await whole(await backend.archive.media(of_range, None))
            assert not fake.media.refused, "no credential was shown to the store"


@pytest.mark.parametrize("odd", ["nonsense", "bytes 5000-5999/200000", "bytes 500-1499/*"])
async def test_a_part_that_is_another_one_is_refused(clock: VirtualClock, odd: str) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        fake.world.record(101, fake.world.now() - timedelta(seconds=300), 300)
        made = fake.world.happen(101, ago_s=60)
        backend = backend_of(fake, clock)
        async with running(backend, MemoryFeed()):
            fake.media.odd_range = odd
            with pytest.raises(MediaUnavailable, match="another part"):
                await backend.archive.media(EventClip(event=ref(made.id)), ByteRange(first=1_000, last=1_999))
            assert fake.media.at_once == 0


async def test_who_gives_up_waiting_for_a_clip_gets_the_same_one_later(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        fake.world.record(101, fake.world.now() - timedelta(seconds=300), 300)
        made = fake.world.happen(101, ago_s=60)
        fake.world.task_delay_s = 40.0
        backend = backend_of(fake, clock)
        clip = EventClip(event=ref(made.id))
        async with running(backend, MemoryFeed()):
            for _ in range(2):
                with pytest.raises(TimeoutError):
                    await asyncio.wait_for(backend.archive.media(clip, None), 10)
            both = await asyncio.gather(backend.archive.media(clip, None), backend.archive.media(clip, None))
            assert len({await whole(media) for media in both}) == 1
            assert len(fake.world.clips) == 1


async def test_what_there_is_no_clip_of_is_said(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        going_on, unrecorded = fake.world.happen(101), fake.world.happen(101, ago_s=600)
        backend = backend_of(fake, clock)
        async with running(backend, MemoryFeed()):
            with pytest.raises(MediaUnavailable, match="goes on"):
                await backend.archive.media(EventClip(event=ref(going_on.id)), None)
            with pytest.raises(MediaUnavailable, match="nothing is recorded"):
                await backend.archive.media(EventClip(event=ref(unrecorded.id)), None)
            with pytest.raises(NoSuchEvent):
                await backend.archive.media(EventClip(event=ref(99_999)), None)
            now = fake.world.now()
            with pytest.raises(MediaUnavailable, match="at most"):
                await backend.archive.media(RangeClip(monitor="101", start=now - timedelta(days=1), end=now), None)
            with pytest.raises(MediaUnavailable):
                await backend.archive.logs(LogQuery())


async def test_pictures_of_events_and_of_now(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        made, bare = fake.world.happen(101, ago_s=60), fake.world.happen(101, ago_s=50, thumb_s=None)
        backend = backend_of(fake, clock)
        async with running(backend, MemoryFeed()):
            for frame in (FrameKind.BEST, FrameKind.ANNOTATED, 1, made.time):
                media = await backend.archive.media(EventFrame(event=ref(made.id), frame=frame), None)
                assert (await whole(media))[:2] == b"\xff\xd8"
            part = await backend.archive.media(EventFrame(event=ref(made.id)), ByteRange(first=0, last=1))
            assert await whole(part) == b"\xff\xd8"
            with pytest.raises(NoSuchPart):
                await backend.archive.media(EventFrame(event=ref(made.id)), ByteRange(first=10**9))
            for wrong in (7, made.time + timedelta(seconds=3)):
                with pytest.raises(MediaUnavailable):
                    await backend.archive.media(EventFrame(event=ref(made.id), frame=wrong), None)
            with pytest.raises(MediaUnavailable, match="no picture yet"):
                await backend.picture(EventPicture(event=ref(bare.id)))
            assert (await backend.picture(LivePicture(monitor="101")))[:2] == b"\xff\xd8"
            with pytest.raises(MediaUnavailable):
                await backend.picture(LivePicture(monitor="102"))
            sources = await backend.archive.video_sources("101")
            assert [str(source.kind) for source in sources] == ["rtsp", "http"]
            fake.world.channels[101].protocols = ()
            assert await backend.archive.video_sources("101") == []


async def test_a_film_leaves_the_rate_of_pictures_as_it_was(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        channel = fake.world.channels[101]
        channel.image_period = 30.0
        feed = MemoryFeed()
        backend = backend_of(fake, clock)
        async with running(backend, feed):
            film = await backend.archive.media(LiveStream(monitor="101"), None)
            first = await film.read()
            assert b"Content-Type: image/jpeg" in first
            assert channel.image_period == 1.0
            assert feed.texts["samplings"]
            await film.read()
            await film.close()
            assert channel.image_period == 30.0
            assert await film.read() == b""
            assert not feed.texts.get("samplings")


async def test_a_rate_is_put_back_after_a_kill_too(clock: VirtualClock) -> None:
    async with FakeVxg(channels=2, clock=clock) as fake:
        channel = fake.world.channels[101]
        feed = MemoryFeed(texts={"samplings": '[{"channel_id":101,"before_s":20.0,"ours_s":1.0},{"channel_id":7}]'})
        channel.image_period = 1.0
        async with running(backend_of(fake, clock), feed):
            await asyncio.sleep(5)
        assert channel.image_period == 1.0, "what can't be read is nothing"
        feed.texts["samplings"] = (
            '[{"channel_id":101,"before_s":20.0,"ours_s":1.0},{"channel_id":102,"before_s":null,"ours_s":2.0}]'
        )
        fake.world.channels[102].image_period = 0.5
        async with running(backend_of(fake, clock), feed):
            await asyncio.sleep(5)
        assert channel.image_period == 20.0
        assert fake.world.channels[102].image_period == 0.5, "somebody else has set that since"
        assert not feed.texts.get("samplings")


async def test_a_film_of_a_vms_that_does_not_answer_is_closed_all_the_same(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        fake.world.channels[101].image_period = 30.0
        feed = MemoryFeed()
        backend = backend_of(fake, clock, timeout=2)
        async with running(backend, feed):
            film = await backend.archive.media(LiveStream(monitor="101"), None)
            await film.read()
            fake.faults.add("/api/v4/images/", "hang")
            await film.close()
            assert feed.texts["samplings"], "it is put back later"
            fake.faults.heal()
        async with running(backend, feed):
            await feed.until(lambda: fake.world.channels[101].image_period == 30.0)


async def test_the_rate_of_a_channel_that_is_gone_is_forgotten(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed(texts={"samplings": '[{"channel_id":999,"before_s":20.0,"ours_s":1.0}]'})
        async with running(backend_of(fake, clock), feed):
            await feed.until(lambda: not feed.texts.get("samplings"))


async def test_it_says_of_itself_what_is_wrong(clock: VirtualClock) -> None:
    async with FakeVxg(channels=2, clock=clock) as fake:
        fake.world.clock_ahead_s = 120
        fake.world.channels[101].status = "inactive"
        findings = await backend_of(fake, clock).check()
        assert "2 channels, 1 of them away" in findings[0].text
        assert any("clock is 120 s off" in each.text and each.problem for each in findings)
        fake.group.channels.clear()
        assert any("no channels" in each.text for each in await backend_of(fake, clock).check())
        fake.world.groups.clear()
        (refused,) = await backend_of(fake, clock, token=fake.mint.of_group(5)).check()
        assert refused.problem
        assert refused.hint
