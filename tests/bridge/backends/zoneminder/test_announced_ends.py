"""Ends of events that the shared memory announces, among so many newer events that their rows are far back."""

from __future__ import annotations

import logging
from datetime import UTC

import pytest
from tests.bridge.backends.zoneminder.support import FastClock, MemoryFeed, config
from tests.fakes.zoneminder import FakeZoneMinder, World

from vms_bridge.backends.zoneminder.api import Api
from vms_bridge.backends.zoneminder.event_list import EventList
from vms_bridge.backends.zoneminder.events import EventTracker
from vms_bridge.backends.zoneminder.local_time import LocalTime
from vms_bridge.backends.zoneminder.media import Pictures
from vms_bridge.backends.zoneminder.pace import Allowance
from vms_bridge.backends.zoneminder.readiness import Readiness
from vms_bridge.backends.zoneminder.time_witness import TimeWitness
from vms_bridge.backends.zoneminder.unreadable import Unreadable
from vms_bridge.logs import Trouble
from vms_bridge.model import Event, Resume

pytestmark = pytest.mark.virtual_time


@pytest.fixture
def clock() -> FastClock:
    return FastClock()


@pytest.fixture
def world(clock: FastClock) -> World:
    return World(now=clock.now)


class Quiet:
    """Surroundings that say nothing, to a tracker that stands alone."""

    async def ensure_described(self, monitor_ids: object) -> None:
        pass

    def zone_names(self, monitor_id: str) -> dict[str, str]:  # noqa: ARG002 - the contract's parameter
        return {}

    def tags_of(self, event_id: int) -> None:
        pass

    def writes_pictures(self, monitor_id: str) -> bool:  # noqa: ARG002 - the contract's parameter
        return False

    def has_pictures_at_end(self, monitor_id: str) -> bool:  # noqa: ARG002 - the contract's parameter
        return False

    def is_dead(self, monitor_id: str) -> bool:  # noqa: ARG002 - the contract's parameter
        return False

    def has_begun_anew(self, event: Event) -> bool:  # noqa: ARG002 - the contract's parameter
        return False

    def open_events_changed(self, monitor_ids: object) -> None:
        pass


async def test_ends_that_the_memory_announces_wait_for_no_budget(world: World, clock: FastClock) -> None:
    feed = MemoryFeed(Resume(cursor="0@"))
    async with FakeZoneMinder(world) as fake, Api(config(fake.url), clock) as api:
        nothing = Allowance(0.0, clock, burst=0.0)
        times = TimeWitness(LocalTime(UTC), Trouble(logging.getLogger("test"), "times", clock.monotonic))
        readiness = Readiness(Pictures(api, fake.url, clock), clock, context=Quiet(), spare=nothing)
        rows = EventList(api, times, Unreadable("zm", feed, clock), nothing)
        tracker = EventTracker(rows, clock, feed, catch_up_days=7, context=Quiet(), readiness=readiness, spare=nothing)
        await tracker.begin(3, late=False)
        events = [world.open_event(1 + number % 3) for number in range(90)]
        await tracker.turn()
        for event in events[:60]:
            world.close_event(event.id)
        await tracker.turn()
        assert not any((told := feed.event(event.id)) and told.end for event in events[:60])
        for event in events[:60]:
            tracker.expect_end(event.id)
        asked = fake.count
        await tracker.turn()
        assert all((told := feed.event(event.id)) and told.end for event in events[:60])
        assert fake.count - asked == 2
        tracker.expect_end(events[0].id)  # that it has ended is known
        await tracker.turn()
        assert fake.count - asked == 3
