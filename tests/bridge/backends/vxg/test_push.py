"""Alerts that are pushed: a hint to look, and no more than that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.bridge.backends.vxg.support import backend_of, running
from tests.bridge.backends.zoneminder.support import MemoryFeed
from tests.fakes.stomp import FakeBroker
from tests.fakes.vxg import FakeVxg

from vms_bridge.backends.vxg.config import PushConfig

if TYPE_CHECKING:
    from tests.fakes.virtual_time import VirtualClock


def push(fake: FakeBroker) -> PushConfig:
    return PushConfig(url=fake.url, topic="/topic/alarms", username="ai", password="secret")  # type: ignore[arg-type]


async def test_an_alert_has_events_be_looked_at_at_once(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake, FakeBroker() as broker:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock, poll_interval=60, push=push(broker)), feed):
            await broker.subscribed()
            await asyncio.sleep(1)
            made = fake.world.happen(101)
            began = clock.elapsed
            broker.tell({"camera_id": 101, "event_id": made.id, "event": "motion"})
            await feed.until(lambda: any(event.id == str(made.id) for event in feed.events), 30)
            assert clock.elapsed - began < 1


async def test_alerts_without_end_have_it_look_no_faster_than_is_good(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake, FakeBroker() as broker:
        backend = backend_of(fake, clock, poll_interval=60, push=push(broker))
        async with running(backend, MemoryFeed()):
            await broker.subscribed()
            before = fake.count["GET /api/v2/storage/events/"]
            for _ in range(100):
                broker.tell({"camera_id": 101})
                broker.tell({"camera_id": 999})
                await asyncio.sleep(0.05)
            assert fake.count["GET /api/v2/storage/events/"] - before <= 22


async def test_a_broker_that_is_away_loses_nothing_and_is_asked_again(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        feed = MemoryFeed()
        async with FakeBroker() as broker:
            settings = push(broker)
            port = broker.port
        async with running(backend_of(fake, clock, push=settings), feed):
            made = fake.world.happen(101)
            await feed.until(lambda: any(event.id == str(made.id) for event in feed.events), 30)
            async with FakeBroker(port=port) as again:
                await again.subscribed()
                again.drop()
                await again.subscribed()


async def test_a_check_says_whether_alerts_are_pushed(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake:
        async with FakeBroker() as broker:
            settings = push(broker)
            (_, good) = await backend_of(fake, clock, push=settings).check()
            assert (good.problem, "/topic/alarms" in good.text) == (False, True)
            broker.password = "another"
            (_, refused) = await backend_of(fake, clock, push=settings).check()
            assert refused.problem
            assert "Access refused" in refused.text
        (_, away) = await backend_of(fake, clock, push=settings).check()
        assert away.problem
        assert away.hint


async def test_what_was_pushed_while_nobody_listened_is_looked_for_at_once(clock: VirtualClock) -> None:
    async with FakeVxg(channels=1, clock=clock) as fake, FakeBroker() as broker:
        feed = MemoryFeed()
        async with running(backend_of(fake, clock, poll_interval=60, push=push(broker)), feed):
            await broker.subscribed()
            await asyncio.sleep(1)
            broker.drop()
            missed = fake.world.happen(101)
            began = clock.elapsed
            await feed.until(lambda: any(event.id == str(missed.id) for event in feed.events), 30)
            assert clock.elapsed - began < 5


async def test_a_connection_that_held_is_asked_for_again_soon_however_often_it_was_lost(clock: VirtualClock) -> None:
    async with (
        FakeVxg(channels=1, clock=clock) as fake,
        FakeBroker() as broker,
        running(backend_of(fake, clock, push=push(broker)), MemoryFeed()),
    ):
        for _ in range(8):
            await broker.subscribed()
            await asyncio.sleep(35)
            broker.drop()
            began = clock.elapsed
        await broker.subscribed()
        assert clock.elapsed - began < 5
