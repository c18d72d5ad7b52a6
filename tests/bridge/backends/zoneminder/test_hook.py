"""ZoneMinder's own word that an event begins or ends: the bridge looks at once, and believes what it sees, and nothing else."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import ValidationError
from tests.bridge.backends.zoneminder.support import FastClock, MemoryFeed, config
from tests.fakes.clock import FakeClock
from tests.fakes.zoneminder import FakeZoneMinder, World

from vms_bridge.backends.zoneminder.backend import ZoneMinder
from vms_bridge.backends.zoneminder.hook import Announced, Announcements
from vms_bridge.errors import VmsUnreachable

pytestmark = pytest.mark.virtual_time

SELDOM = {"poll_interval": 60.0, "monitors_interval": 60.0}
"""So seldom is anything read by itself that a test does not get to see it."""


async def test_it_looks_at_once_when_an_event_begins_and_when_it_ends() -> None:
    feed = MemoryFeed()
    async with FakeZoneMinder(World(monitors=1)) as fake:
        backend = ZoneMinder("zm", config(fake.url, **SELDOM), FastClock(speed=1.0))
        running = asyncio.create_task(backend.run(feed))
        try:
            await feed.until(lambda: feed.states.get("1") and feed.states["1"].source == "events", seconds=9)
            receive = feed.receivers["event"].receive
            event = fake.world.alarm(1)
            assert event is not None
            assert feed.event(event.id) is None
            await receive(Announced(event=event.id))
            await feed.until(lambda: feed.event(event.id), seconds=9)
            await receive(Announced(event=10**15))  # of which there is nothing to be seen
            fake.world.calm(1)
            await receive(Announced(event=event.id))
            await feed.until(lambda: (last := feed.event(event.id)) and last.end, seconds=9)
            assert {each.id for each in feed.events} == {str(event.id)}
        finally:
            running.cancel()
            await asyncio.wait([running])


async def test_while_it_is_not_connected_nothing_can_be_looked_at() -> None:
    backend, feed = ZoneMinder("zm", config("http://127.0.0.1:9/zm"), FakeClock()), MemoryFeed()
    running = asyncio.create_task(backend.run(feed))
    await feed.until(lambda: feed.receivers)
    with pytest.raises(VmsUnreachable, match="not connected"):
        await feed.receivers["event"].receive(Announced(event=1))
    running.cancel()
    await asyncio.wait([running])


class Looks:
    def __init__(self) -> None:
        self.seen: list[int] = []

    def announced(self, event_id: int) -> None:
        self.seen.append(event_id)


async def test_a_flood_is_looked_at_as_often_as_zoneminder_can_bear_and_its_newest_at_last() -> None:
    clock, events = FakeClock(), Looks()
    announcements = Announcements(events, clock)
    for number in range(1, 101):
        announcements.note(number)
    assert events.seen == [1, 2, 3, 4, 5, 6, 7, 8]
    for _ in range(60):
        await clock.advance(1)
        announcements.look()
    assert events.seen[8:] == [100]
    for _ in range(60):
        await clock.advance(1)
        announcements.note(101)
    assert len(events.seen) - 9 <= 8 + 60 / 4


@pytest.mark.parametrize(
    "said", [{}, {"event": 0}, {"event": -1}, {"event": 2**63}, {"event": "1"}, {"event": 1, "monitor": 2}], ids=repr
)
def test_what_names_no_event(said: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Announced.model_validate(said, strict=True)
