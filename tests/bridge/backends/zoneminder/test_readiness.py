"""An event's picture and clip are said to be ready when they are, and not before."""

from __future__ import annotations

import asyncio
from datetime import UTC
from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.zoneminder.support import FastClock, MemoryFeed, config
from tests.fakes.backend import event as plain_event
from tests.fakes.clock import FakeClock
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.personality import V1_36_33, V1_38_4

from vms_bridge.backends.zoneminder.event_values import event_of, has_clip, has_media
from vms_bridge.backends.zoneminder.readiness import Readiness
from vms_bridge.backends.zoneminder.tracked import Tracked
from vms_bridge.errors import MediaUnavailable
from vms_bridge.model import EventPicture, EventRef, Resume
from vms_bridge.zoneminder import EventRow
from vms_bridge.zoneminder.parse import parse_event

if TYPE_CHECKING:
    from tests.bridge.backends.zoneminder.conftest import Serve
    from tests.fakes.zoneminder import Personality

pytestmark = pytest.mark.virtual_time
NOT_ALL = ("None", "Ondemand", "KeyFrames", "KeyFrames+Ondemand")


@pytest.fixture
def clock() -> FastClock:
    return FastClock(20)


def told(feed: MemoryFeed, number: int) -> list[tuple[bool, bool, bool]]:
    """Return what was told of this event, one after the other: whether it was over, its picture there, its clip."""
    mine = [event for event in feed.events if event.id == str(number)]
    steps = [(event.is_over, event.snapshot_ready, event.clip_ready) for event in mine]
    return [step for place, step in enumerate(steps) if place == 0 or steps[place - 1] != step]


def recording(world: World, decoding: str) -> int:
    world.set_function(1, "Mocord")
    world.monitors[1].decoding = decoding
    return world.open_event(1, "Continuous", "").id


@pytest.mark.parametrize(
    ("personality", "decoding"), [*((V1_38_4, decoding) for decoding in NOT_ALL), (V1_36_33, "None")], ids=str
)
async def test_what_is_not_decoded_has_a_picture_after_its_end(
    personality: Personality, decoding: str, serve: Serve, clock: FastClock
) -> None:
    world = World(personality, now=clock.now)
    before = recording(world, decoding)
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.event(before))
        world.close_event(before)
        number = recording(world, decoding)
        await feed.until(lambda: feed.event(number))
        await clock.sleep(15)
        assert told(feed, number) == [(False, False, False)]
        assert fake.pictures_asked == 1, "but for the one that has ended it would be in vain"
        world.close_event(number)
        await feed.until(lambda: (seen := feed.event(number)) and seen.snapshot_ready)
        assert told(feed, number) == [(False, False, False), (True, False, True), (True, True, True)]
        assert told(feed, before) == told(feed, number)


@pytest.mark.parametrize("personality", [V1_36_33, V1_38_4], ids=lambda p: p.version)
async def test_what_is_decoded_has_a_picture_at_once(personality: Personality, serve: Serve, clock: FastClock) -> None:
    world = World(personality, now=clock.now)
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.cursor)
        for _ in range(3):
            event = world.alarm(1)
            assert event is not None
            await feed.until(lambda number=event.id: feed.event(number))  # type: ignore[misc]  # a default of its own
            world.calm(1)
            await feed.until(lambda number=event.id: feed.event(number).is_over)  # type: ignore[misc,union-attr]
            assert told(feed, event.id) == [(False, True, False), (True, True, True)]
        assert fake.pictures_asked == 1, "a monitor proves itself once in a while"


async def test_a_picture_that_is_missing_is_not_said_to_be_there(serve: Serve, clock: FastClock) -> None:
    """The disk is full, the decoder fails, the user may not see it: whatever it is."""
    world = World(V1_38_4, now=clock.now)
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.cursor)
        fake.fail("index.php", "404")
        event = world.alarm(1)
        assert event is not None
        await feed.until(lambda: feed.event(event.id))
        await clock.sleep(5)
        assert told(feed, event.id) == [(False, False, False)]
        fake.heal()
        await feed.until(lambda: (seen := feed.event(event.id)) and seen.snapshot_ready)
        assert told(feed, event.id) == [(False, False, False), (False, True, False)]
        world.calm(1)
        following = world.alarm(1)
        assert following is not None
        await feed.until(lambda: feed.event(following.id))
        assert told(feed, following.id) == [(False, True, False)]


async def test_a_picture_that_never_comes_is_never_said_to_be_there(serve: Serve, clock: FastClock) -> None:
    world = World(V1_38_4, now=clock.now)
    world.monitors[1].decoding = "KeyFrames"
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.cursor)
        event = world.open_event(1, has_picture=False)
        await feed.until(lambda: feed.event(event.id))
        world.close_event(event.id)
        await feed.until(lambda: (seen := feed.event(event.id)) and seen.is_over)
        await clock.sleep(70)
        assert told(feed, event.id) == [(False, False, False), (True, False, True)]
        assert fake.pictures_asked <= 10


@pytest.mark.parametrize("clock", [FastClock(60)], ids=["fast"])
async def test_a_check_that_nobody_answers_says_nothing(serve: Serve, clock: FastClock) -> None:
    world = World(V1_38_4, now=clock.now)
    number = recording(world, "None")
    async with FakeZoneMinder(world) as fake, serve(fake, settings=config(fake.url, poll_interval=2)) as (_, feed):
        await feed.until(lambda: feed.event(number))
        fake.fail("index.php", "close")
        world.close_event(number)
        await feed.until(lambda: (seen := feed.event(number)) and seen.snapshot_ready, 15)
        assert told(feed, number) == [(False, False, False), (True, False, True), (True, True, True)]
        assert fake.pictures_asked >= 2, "it was asked for, and in the end believed all the same"


class Asked:
    """Pictures that are there; and surroundings that leave it to checks to find that out."""

    def __init__(self) -> None:
        self.ids: list[str] = []
        self.may_spend = False

    async def has(self, event_id: str, *, within_s: float) -> bool:
        assert within_s > 0
        self.ids.append(event_id)
        return True

    def take(self) -> bool:
        return self.may_spend

    def has_pictures_at_end(self, monitor_id: str) -> bool:
        assert monitor_id
        return False


async def test_what_others_have_spent_costs_no_checks_of_its_own() -> None:
    clock, asked = FakeClock(), Asked()
    readiness = Readiness(asked, clock, context=asked, spare=asked)  # type: ignore[arg-type]  # as much of them as is used
    waiting = [Tracked(plain_event(number), checked_at=clock.monotonic()) for number in range(1, 6)]
    following = asyncio.create_task(readiness.follow(lambda: [each for each in waiting if each.event.id not in asked.ids]))
    try:
        await clock.advance(60)
        assert asked.ids == []
        asked.may_spend = True
        await clock.advance(1)
        assert asked.ids == ["1", "2", "3", "4"], "as many at once as are allowed after a pause"
    finally:
        following.cancel()
        await asyncio.wait([following])


async def test_who_decodes_some_of_an_alarm_may_have_a_picture_during_it(serve: Serve, clock: FastClock) -> None:
    world = World(V1_38_4, now=clock.now)
    world.monitors[1].decoding = "KeyFrames"
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.cursor)
        event = world.open_event(1)
        await feed.until(lambda: feed.event(event.id))
        event.has_picture = True
        await feed.until(lambda: (seen := feed.event(event.id)) and seen.snapshot_ready)
        assert told(feed, event.id) == [(False, False, False), (False, True, False)]


async def test_a_web_server_that_hangs_holds_up_no_event(serve: Serve, clock: FastClock) -> None:
    world = World(V1_38_4, now=clock.now)
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.cursor)
        fake.fail("index.php", "hang")
        began = clock.monotonic()
        for _ in range(5):
            for number in (1, 2, 3):
                event = world.alarm(number)
                assert event is not None
                await feed.until(lambda number=event.id: feed.event(number))  # type: ignore[misc]
                assert told(feed, event.id) == [(False, False, False)]
                world.calm(number)
        assert clock.monotonic() - began < 60, "a second (of the network's, not of this clock) is waited once, not for each"


async def test_who_fetches_a_picture_in_vain_is_heard(serve: Serve, clock: FastClock) -> None:
    world = World(V1_38_4, now=clock.now)
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, feed):
        await feed.until(lambda: feed.cursor)
        first = world.alarm(1)
        assert first is not None
        await feed.until(lambda: feed.event(first.id))
        assert told(feed, first.id) == [(False, True, False)]
        fake.fail("index.php", "404")
        with pytest.raises(MediaUnavailable):
            await backend.picture(EventPicture(event=EventRef("zm", 1, str(first.id))))
        world.calm(1)
        second = world.alarm(1)
        assert second is not None
        await feed.until(lambda: feed.event(second.id))
        assert told(feed, second.id) == [(False, False, False)]
        fake.heal()
        await backend.picture(EventPicture(event=EventRef("zm", 1, str(second.id))))
        await feed.until(lambda: (seen := feed.event(second.id)) and seen.snapshot_ready)


async def test_looks_at_pictures_are_few(serve: Serve, clock: FastClock) -> None:
    world = World(V1_38_4, monitors=60, now=clock.now)
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.cursor)
        fake.fail("index.php", "404")
        for number in world.monitors:
            world.alarm(number)
        await feed.until(lambda: len(feed.events) == 60)
        for number in world.monitors:
            world.calm(number)
        began = clock.monotonic()
        await clock.sleep(60)
        elapsed = clock.monotonic() - began
        assert fake.pictures_asked <= 8 + 4 + 0.2 * (elapsed + 10)


@pytest.mark.parametrize("clock", [FastClock(6)], ids=["slower"])  # else a picture comes late where the machine is busy
@pytest.mark.timeout(60)
async def test_what_there_was_no_time_to_look_at_is_believed_in_the_end(serve: Serve, clock: FastClock) -> None:
    world = World(V1_38_4, monitors=40, now=clock.now)
    for number in world.monitors:
        world.set_function(number, "Record")
        world.monitors[number].decoding = "None"
        world.open_event(number, "Continuous", "")
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: len(feed.events) == 40, 15)
        for number in world.monitors:
            world.close_event(number)
        await feed.until(lambda: all((seen := feed.event(number)) and seen.snapshot_ready for number in world.monitors), 40)
        assert fake.pictures_asked <= 25


async def test_what_was_missed_is_told_by_its_rows(serve: Serve, clock: FastClock) -> None:
    world = World(V1_38_4, now=clock.now)
    for _ in range(3):
        world.close_event(world.open_event(1).id)
    feed = MemoryFeed(Resume(cursor="0@"))
    async with FakeZoneMinder(world) as fake, serve(fake, feed):
        await feed.until(lambda: len(feed.events) == 3)
        assert all(told(feed, number) == [(True, True, True)] for number in (1, 2, 3))
        assert fake.pictures_asked == 0


@pytest.mark.parametrize(
    ("row", "clip", "media"),
    [
        ({"EndDateTime": None, "DefaultVideo": "incomplete.h264.mp4"}, False, False),
        ({"EndDateTime": None, "DefaultVideo": "7-video.mp4"}, False, False),
        ({"DefaultVideo": "7-video.mp4"}, True, True),
        ({"DefaultVideo": "7-video.h264.mp4", "SaveJPEGs": 0}, True, True),
        ({"DefaultVideo": "incomplete.h264.mp4", "SaveJPEGs": 0}, False, False),
        ({"DefaultVideo": "incomplete.mp4", "SaveJPEGs": 3}, False, True),
        ({"DefaultVideo": "", "SaveJPEGs": "1"}, False, True),
        ({"DefaultVideo": None, "SaveJPEGs": "0"}, False, False),
        ({}, False, True),
    ],
)
def test_what_a_row_tells_of_media(row: dict[str, object], clip: bool, media: bool) -> None:  # noqa: FBT001 (a table)
    given = {"Id": 7, "MonitorId": 1, "StartDateTime": "2026-11-20 10:00:00", "EndDateTime": "2026-11-20 10:00:05", **row}
    read = parse_event(given, UTC)
    assert isinstance(read, EventRow)
    assert (has_clip(read), has_media(read)) == (clip, media)
    assert event_of(read, {}, snapshot_ready=False).clip_ready is clip
