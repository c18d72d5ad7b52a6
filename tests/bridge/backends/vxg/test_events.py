"""Events and alarms: none is lost, and none lasts, whatever others do meanwhile and whatever clocks say."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.vxg.support import backend_of, running
from tests.bridge.backends.zoneminder.support import MemoryFeed
from tests.fakes.vxg import FakeVxg

from vms_bridge.commands import SetAlarm, VmsTarget
from vms_bridge.errors import VmsUnreachable
from vms_bridge.model import AlarmState, Resume

if TYPE_CHECKING:
    from tests.fakes.virtual_time import VirtualClock

    from vms_bridge.model import Event, EventBatch

GATE = VmsTarget(monitor_id="101")


class SlowFeed(MemoryFeed):
    """A store that is busy while it is `held`."""

    def __init__(self) -> None:
        super().__init__()
        self.free = asyncio.Event()
        self.free.set()
        self.recording = asyncio.Event()

    async def record(self, batch: EventBatch) -> None:
        self.recording.set()
        await self.free.wait()
        await super().record(batch)


def alarm(feed: MemoryFeed, monitor: str = "101") -> AlarmState | None:
    return feed.states[monitor].alarm


def is_forced(feed: MemoryFeed) -> bool | None:
    return feed.states["101"].forced


def told(feed: MemoryFeed, number: int) -> list[Event]:
    return [event for event in feed.events if event.id == str(number)]


async def test_who_gives_up_waiting_for_a_refresh_makes_nobody_miss_an_event(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = SlowFeed()
        backend = backend_of(fake, clock, poll_interval=60)
        async with running(backend, feed):
            await asyncio.sleep(45)
            made = fake.world.happen(101, ago_s=30, late_s=30)
            feed.free.clear()
            feed.recording.clear()
            asking = asyncio.create_task(backend.refresh(VmsTarget()))
            await asyncio.wait_for(feed.recording.wait(), 30)
            asking.cancel()
            await asyncio.wait({asking})
            feed.free.set()
            await feed.until(lambda: told(feed, made.id), 130)


async def test_who_waits_for_a_refresh_of_a_system_that_goes_is_told(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        backend = backend_of(fake, clock, poll_interval=60)
        async with running(backend, feed) as task:
            fake.faults.add("/api/v2/storage/events/", "hang")
            asking = asyncio.create_task(backend.refresh(GATE))
            await asyncio.sleep(10)
            task.cancel()
            await asyncio.wait({task})
            with pytest.raises(VmsUnreachable):
                await asyncio.wait_for(asking, 30)


async def test_alarms_and_events_are_over_in_time_though_the_vms_does_not_answer(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock, hold=5), feed):
            made = fake.world.happen(101)
            await feed.until(lambda: alarm(feed) is AlarmState.ALARM, 5)
            fake.faults.add("/api/", "hang")
            await feed.until(lambda: alarm(feed) is AlarmState.IDLE, 6)
            await feed.until(lambda: told(feed, made.id)[-1].is_over, 1)


async def test_a_forced_alarm_goes_on_over_a_restart(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        backend = backend_of(fake, clock, hold=5)
        async with running(backend, feed):
            await backend.execute(GATE, SetAlarm(on=True))
            await feed.until(lambda: alarm(feed) is AlarmState.ALARM, 5)
        await asyncio.sleep(100)
        backend = backend_of(fake, clock, hold=5)
        (made,) = fake.world.events.values()
        async with running(backend, feed):
            assert is_forced(feed), "from the first moment on"
            await asyncio.sleep(100)
            assert (alarm(feed), feed.states["101"].event_id) == (AlarmState.ALARM, str(made.id))
            await backend.execute(GATE, SetAlarm(on=False))
            await feed.until(lambda: alarm(feed) is AlarmState.IDLE, 5)
            assert 200 <= (told(feed, made.id)[-1].duration_s or 0) <= 210
            assert not is_forced(feed)
        async with running(backend_of(fake, clock, hold=5), feed):
            assert alarm(feed) is AlarmState.IDLE


@pytest.mark.parametrize("kept", ["", "{}", "[1]", '[["a", 1]]', "[[1, 2, 3]]", "nonsense", "[" * 5_000])
async def test_what_was_kept_of_forced_alarms_and_can_not_be_read_is_nothing(clock: VirtualClock, kept: str) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed(texts={"forced": kept})
        async with running(backend_of(fake, clock), feed):
            assert alarm(feed) is AlarmState.IDLE


async def test_a_camera_whose_clock_is_ahead_is_alarmed_for_as_long_as_any_other(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock, hold=5), feed):
            made = fake.world.happen(101, ago_s=-3_600, late_s=-3_600)
            await feed.until(lambda: told(feed, made.id), 5)
            assert alarm(feed) is AlarmState.ALARM
            await feed.until(lambda: alarm(feed) is AlarmState.IDLE, 6)
        async with running(backend_of(fake, clock, hold=5), feed):
            assert alarm(feed) is AlarmState.IDLE


@pytest.mark.parametrize("seconds", [3_600, -3_600])
async def test_somebody_sets_this_machines_clock_and_nothing_changes(clock: VirtualClock, seconds: float) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock, hold=5), feed):
            await asyncio.sleep(5)
            clock.set_by(seconds)
            fake.world.clock_ahead_s -= seconds  # VXG's has stayed as it was
            made = fake.world.happen(101)
            await feed.until(lambda: alarm(feed) is AlarmState.ALARM, 5)
            assert not told(feed, made.id)[0].is_over
            await feed.until(lambda: alarm(feed) is AlarmState.IDLE, 8)
            assert told(feed, made.id)[-1].end == made.time + timedelta(seconds=5)


async def test_vxgs_own_clock_is_set_back_and_no_event_is_lost(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        fake.world.clock_ahead_s = 3_600.0
        feed = MemoryFeed()
        async with running(backend_of(fake, clock), feed):
            before = fake.world.happen(101)
            await feed.until(lambda: told(feed, before.id), 5)
            fake.world.clock_ahead_s = 0.0
            await asyncio.sleep(700)  # its time is asked for each ten minutes
            after = fake.world.happen(101)
            await feed.until(lambda: told(feed, after.id), 5)


async def test_where_the_bridge_goes_on_does_not_move_back_by_restarts(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock, hold=5), feed):
            made = fake.world.happen(101)
            await feed.until(lambda: told(feed, made.id), 5)
            await asyncio.sleep(20)
        cursor = feed.cursor
        for _ in range(3):
            async with running(backend_of(fake, clock, hold=5), feed):
                await asyncio.sleep(20)
        assert feed.cursor == cursor


async def test_tags_of_an_event_that_waits_for_its_channel_are_not_lost(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock, poll_interval=0.5, channels_interval=3_600), feed):
            new = fake.add_channel("Barn")
            fake.group.channels.append(new.id)
            made = fake.world.happen(new.id, meta={"person": "1"}, meta_s=2)
            await feed.until(lambda: told(feed, made.id), 30)
            assert told(feed, made.id)[-1].labels == ("person",)
            assert alarm(feed, str(new.id)) is AlarmState.ALARM
            assert len([event for batch in feed.batches for event in batch.events if event.id == str(made.id)]) == 1


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00", "9999-12-31T23:59:59.999999", 1e300, None, "soon"])
async def test_an_event_of_no_time_harms_no_other(clock: VirtualClock, time: object) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        spoilt = fake.world.happen(101, ago_s=3, odd={"time": time})
        async with running(backend_of(fake, clock), feed) as task:
            made = fake.world.happen(101)
            await feed.until(lambda: told(feed, made.id), 10)
            await asyncio.sleep(60)
            assert not task.done()
            assert not told(feed, spoilt.id)


async def test_rates_of_pictures_that_can_not_be_put_back_keep_no_event_waiting(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        left = [{"channel_id": number, "before_s": 20.0, "ours_s": 1.0} for number in (101, 999)]
        feed = MemoryFeed(texts={"samplings": json.dumps(left)})
        fake.faults.add("/api/v4/images/", "hang")
        async with running(backend_of(fake, clock), feed):
            made = fake.world.happen(101)
            await feed.until(lambda: told(feed, made.id), 5)


async def test_an_event_that_was_over_does_not_go_on_again_by_a_clock_that_is_measured_anew(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        fake.world.clock_ahead_s = 8.0
        async with running(backend_of(fake, clock, hold=10), feed):
            made = fake.world.happen(101)
            await feed.until(lambda: feed.events and feed.events[-1].is_over, 15)
        before = MemoryFeed(Resume(cursor=feed.cursor, recent_events=(told(feed, made.id)[-1],)))
        fake.world.clock_ahead_s = 0.0
        async with running(backend_of(fake, clock, hold=10), before):
            await asyncio.sleep(20)
        assert told(before, made.id)[0].end == made.time + timedelta(seconds=10)
