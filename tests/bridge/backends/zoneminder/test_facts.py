"""What a connection is built upon: learnt although it fails for a moment, kept, and asked for again."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.zoneminder.support import FastClock, MemoryFeed, memory_config
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.personality import V1_36_10, V1_36_20, V1_36_33
from tests.fakes.zoneminder.server import ADMIN, VIEWER
from tests.fakes.zoneminder.world import ALARM, ALERT

from vms_bridge.model import AlarmState, Capability, EndReason

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.backends.zoneminder.conftest import Serve

pytestmark = pytest.mark.virtual_time

TOKYO = "Asia/Tokyo"


@pytest.fixture
def clock() -> FastClock:
    return FastClock(60)


@pytest.mark.parametrize("clock", [FastClock(10)], ids=["slower"])
@pytest.mark.parametrize("kind", ["502", "503", "504", "500", "500-json", "empty", "truncate", "html"])
async def test_a_time_zone_that_fails_for_a_moment_is_asked_for_again_before_anything_is_told(kind: str, serve: Serve) -> None:
    world = World(zone=TOKYO)
    event = world.open_event(1)
    async with FakeZoneMinder(world) as fake:
        fake.fail("host/getTimeZone", kind, times=2)
        async with serve(fake) as (_, feed):
            await feed.until(lambda: feed.event(event.id))
            system = feed.snapshots[0].system
            assert (system.time_zone, system.detail) == (TOKYO, None)
            told = feed.event(event.id)
            assert told
            assert told.start == event.start.replace(microsecond=0)


@pytest.mark.parametrize("kind", ["500", "404", "garbage", "401"])
async def test_a_zone_that_was_never_told_makes_times_unknown_and_says_so(
    kind: str, serve: Serve, clock: FastClock, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(zone=TOKYO, now=clock.now)
    async with FakeZoneMinder(world) as fake:
        fake.fail("host/getTimeZone", kind)
        async with serve(fake) as (_, feed):
            assert fake.asked("host/getTimeZone") <= 5
            assert feed.system
            assert (feed.system.time_zone, feed.system.available) == (None, True)
            assert "time zone" in (feed.system.detail or "")
            assert "start and end of its events are unknown" in caplog.text
            event = world.alarm(1)
            assert event
            await feed.until(lambda: feed.states["1"].alarm is AlarmState.ALARM)
            world.calm(1)
            await feed.until(lambda: feed.states["1"].alarm is AlarmState.IDLE)
            told = feed.event(event.id)
            assert told
            assert (told.start, told.end, told.end_reason, told.is_over) == (None, None, EndReason.CLOSED, True)
            assert told.duration_s is not None

            fake.heal()
            again = world.open_event(2)
            await feed.until(lambda: feed.system and feed.system.time_zone == TOKYO)
            assert feed.system.detail is None
            await feed.until(lambda: (told := feed.event(again.id)) and told.start)
            told = feed.event(again.id)
            assert told
            assert told.start == again.start.replace(microsecond=0)


async def test_the_last_known_zone_is_known_after_a_restart(serve: Serve, clock: FastClock) -> None:
    world = World(zone=TOKYO, now=clock.now)
    event = world.open_event(1)
    async with FakeZoneMinder(world) as fake:
        async with serve(fake) as (_, feed):
            assert feed.system
            kept = feed.texts
        fake.fail("host/getTimeZone", "502")
        async with serve(fake, MemoryFeed(texts=kept)) as (_, feed):
            assert feed.system
            assert (feed.system.time_zone, feed.system.detail) == (TOKYO, None)
            await feed.until(lambda: feed.event(event.id))
            assert feed.events[0].start == event.start.replace(microsecond=0)


@pytest.mark.parametrize("kept", ["", "../../etc/passwd", "No/Such", "x" * 5000])
async def test_an_odd_text_in_the_store_is_no_zone(kept: str, serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake:
        fake.fail("host/getTimeZone", "404")
        async with serve(fake, MemoryFeed(texts={"time_zone": kept})) as (_, feed):
            assert feed.system
            assert feed.system.time_zone is None


async def test_a_zone_that_changes_while_a_connection_lives_is_taken_over_and_told(
    serve: Serve, clock: FastClock, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(now=clock.now)
    event = world.open_event(1)
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.event(event.id))
        generation = feed.generation
        world.set_zone(TOKYO)
        await feed.until(lambda: feed.system and feed.system.time_zone == TOKYO)
        assert "time zone is Asia/Tokyo now, it was UTC" in caplog.text
        right = event.start.replace(microsecond=0)
        await feed.until(lambda: (told := feed.event(event.id)) and told.start == right)
        later = world.open_event(2)
        await feed.until(lambda: feed.event(later.id))
        told = feed.event(later.id)
        assert told
        assert told.start == later.start.replace(microsecond=0)
        assert (feed.generation, feed.texts["time_zone"]) == (generation, TOKYO)
        assert len(feed.snapshots) == 1, "the connection is the same"


@pytest.mark.parametrize("after", [V1_36_20, V1_36_33], ids=lambda p: p.version)
async def test_another_version_begins_a_new_connection(
    after: object, serve: Serve, clock: FastClock, caplog: pytest.LogCaptureFixture
) -> None:
    """The numbers of alarm states shift between them."""
    world = World(replace(V1_36_10), now=clock.now)
    world.set_function(1, "Mocord")
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        world.set_state(1, ALERT)
        await feed.until(lambda: feed.states["1"].alarm is AlarmState.ALERT)
        world.upgrade(after)  # type: ignore[arg-type]  # parametrised
        await feed.until(lambda: feed.system and feed.system.version == world.personality.version)
        await feed.until(lambda: feed.states["1"].alarm is AlarmState.ALERT)
        assert len(feed.snapshots) == 2
        assert not feed.lost
        assert "it was 1.36.10; a new connection begins" in caplog.text


async def test_an_upgrade_shows_at_once_by_the_daemons_that_start_anew(tmp_path: Path, serve: Serve) -> None:
    clock = FastClock(4)
    world = World(replace(V1_36_10), now=clock.now, shm_dir=tmp_path)
    async with FakeZoneMinder(world) as fake:
        world.beat()
        async with serve(fake, settings=memory_config(fake)) as (_, feed):
            assert feed.states["1"].source == "shared_memory"
            world.upgrade(V1_36_33)
            world.set_state(1, ALARM)
            await feed.until(lambda: feed.system and feed.system.version == "1.36.33")
            await feed.until(lambda: feed.states["1"].alarm is AlarmState.ALARM)


async def test_a_version_that_can_not_be_read_for_a_moment_is_no_other_one(serve: Serve, clock: FastClock) -> None:
    async with FakeZoneMinder(World()) as fake, serve(fake) as (_, feed):
        for kind in ("garbage", "500", "html"):
            fake.fail("host/getVersion", kind)
            asked, began = fake.asked("host/getVersion"), clock.monotonic()
            await feed.until(lambda: fake.asked("host/getVersion") > asked and clock.monotonic() > began + 5)  # noqa: B023
        assert feed.system
        assert (len(feed.snapshots), feed.system.version, feed.lost) == (1, "1.36.33", [])


@pytest.mark.parametrize("clock", [FastClock(10)], ids=["slower"])
@pytest.mark.parametrize("path", ["states", "storage", "host/getLoad", "host/daemonCheck", "zones"])
async def test_what_fails_for_a_moment_while_a_connection_begins_is_there_at_once(path: str, serve: Serve) -> None:
    async with FakeZoneMinder(World()) as fake:
        fake.fail(path, "502", times=2)
        async with serve(fake) as (_, feed):
            system = feed.snapshots[0].system
            assert (system.run_state, system.load, system.running) == ("default", 0.5, True)
            assert system.storage
            assert feed.monitors["1"].zones


async def test_permissions_that_change_under_a_living_connection_are_noticed(serve: Serve, clock: FastClock) -> None:
    async with FakeZoneMinder(World()) as fake:
        fake.users["admin"].permissions = VIEWER
        async with serve(fake) as (_, feed):
            assert feed.system
            assert not feed.system.capabilities & {Capability.RUN_STATE, Capability.STORAGE}
            fake.users["admin"].permissions = ADMIN
            began = clock.monotonic()
            await feed.until(lambda: feed.system and Capability.RUN_STATE in feed.system.capabilities, 12)
            assert feed.system.run_states
            assert clock.monotonic() - began < 400
            fake.users["admin"].permissions = VIEWER
            await feed.until(lambda: feed.system and not feed.system.run_states)
            assert len(feed.lost) == 0
