"""Forced alarms: told apart from others, and commands that are applied only when ZoneMinder has done something."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.zoneminder.commanded import house, living
from tests.bridge.backends.zoneminder.support import FastClock, MemoryFeed, config, memory_config
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.personality import V1_36_33, V1_38_4
from tests.fakes.zoneminder.world import ALARM, ALERT, IDLE, PREALARM

from vms_bridge.commands import AckResult, Restart, SetAlarm, SetMode, SetMotionDetection, VmsTarget
from vms_bridge.errors import VmsUnreachable
from vms_bridge.model import AlarmState

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.backends.zoneminder.conftest import Serve
    from tests.fakes.zoneminder import Personality

    from vms_bridge.commands import Action

pytestmark = pytest.mark.virtual_time
BOTH = pytest.mark.parametrize("personality", [V1_36_33, V1_38_4], ids=lambda p: p.version)


@pytest.fixture
def clock() -> FastClock:
    return FastClock(10)


def shown(feed: MemoryFeed) -> tuple[AlarmState | None, bool | None]:
    return feed.states["1"].alarm, feed.states["1"].forced


@BOTH
async def test_shared_memory_tells_a_forced_alarm_from_another(
    personality: Personality, tmp_path: Path, clock: FastClock, serve: Serve
) -> None:
    world = World(personality, now=clock.now, shm_dir=tmp_path)
    async with living(world), FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (backend, feed):
        await feed.until(lambda: feed.states["1"].source == "shared_memory")
        assert feed.states["1"].forced is False
        world.alarm(1)
        await feed.until(lambda: feed.states["1"].alarm is AlarmState.ALARM)
        assert feed.states["1"].forced is False
        await backend.execute(VmsTarget(monitor_id="1"), SetAlarm(on=True))
        await feed.until(lambda: feed.states["1"].forced)
        await backend.execute(VmsTarget(monitor_id="1"), SetAlarm(on=False))
        await feed.until(lambda: feed.states["1"].forced is False)
        world.calm(1)
        await feed.until(lambda: feed.states["1"].alarm is AlarmState.IDLE)
        assert all(state.forced is False for number, state in feed.history if number == "1" and state.alarm is AlarmState.IDLE)


async def test_a_trigger_that_is_pending_forces_nothing_yet(tmp_path: Path, clock: FastClock, serve: Serve) -> None:
    """Capturing on demand without a viewer: the alarm comes with the first picture."""
    world = World(V1_38_4, now=clock.now, shm_dir=tmp_path)
    async with living(world), FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.states["1"].source == "shared_memory")
        world.write_trigger(1, 1, b"Forced Web")
        await clock.sleep(2)
        assert shown(feed) == (AlarmState.IDLE, False)
        world.set_state(1, ALARM)
        await feed.until(lambda: feed.states["1"].forced)


async def test_a_forced_alarm_is_known_while_the_api_is_lost(tmp_path: Path, clock: FastClock, serve: Serve) -> None:
    world = World(now=clock.now, shm_dir=tmp_path)
    async with living(world), FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.states["1"].source == "shared_memory")
        await clock.sleep(2)
        fake.fail("", "close")
        await feed.until(lambda: feed.lost and feed.states["1"].available)
        world.force_on(1)
        await feed.until(lambda: feed.states["1"].forced)


@BOTH
async def test_without_shared_memory_the_event_tells_what_it_can(
    personality: Personality, clock: FastClock, serve: Serve
) -> None:
    world = World(personality, now=clock.now)
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, feed):
        await feed.until(lambda: feed.states["1"].source == "events")
        assert feed.states["1"].forced is False
        world.alarm(1)
        await feed.until(lambda: feed.states["1"].alarm is AlarmState.ALARM)
        # Somebody may have forced it as well.
        assert shown(feed)[1] is None
        world.calm(1)
        await feed.until(lambda: feed.states["1"].alarm is AlarmState.IDLE)
        assert feed.states["1"].forced is False
        await backend.execute(VmsTarget(monitor_id="1"), SetAlarm(on=True))
        await feed.until(lambda: shown(feed) == (AlarmState.ALARM, True))
        world.is_alert_after_alarms = True
        await backend.execute(VmsTarget(monitor_id="1"), SetAlarm(on=False))
        await backend.refresh(VmsTarget(monitor_id="1"))
        assert shown(feed) == (AlarmState.ALERT, False)


async def test_an_event_says_no_longer_that_its_alarm_is_forced_once_that_was_cancelled(clock: FastClock, serve: Serve) -> None:
    world = World(now=clock.now)
    async with FakeZoneMinder(world) as fake, serve(fake) as (backend, feed):
        await backend.execute(VmsTarget(monitor_id="1"), SetAlarm(on=True))
        await feed.until(lambda: feed.states["1"].forced)
        world.silent.add(1)  # something moves all the time, so that the event goes on
        await backend.execute(VmsTarget(monitor_id="1"), SetAlarm(on=False))
        await backend.refresh(VmsTarget(monitor_id="1"))
        assert shown(feed) == (AlarmState.ALARM, None)
        await backend.execute(VmsTarget(monitor_id="1"), SetAlarm(on=True))
        await backend.refresh(VmsTarget(monitor_id="1"))
        assert feed.states["1"].forced


@BOTH
@pytest.mark.parametrize("has_memory", [True, False], ids=["memory", "api"])
async def test_an_alarm_is_forced_and_ended(
    personality: Personality, tmp_path: Path, clock: FastClock, *, has_memory: bool
) -> None:
    world = World(personality, now=clock.now, shm_dir=tmp_path)
    world.is_alert_after_alarms = True
    async with living(world), FakeZoneMinder(world) as fake:
        settings = memory_config(fake) if has_memory else config(fake.url)
        async with house(tmp_path, clock, settings) as one:
            await one.shows(alarm=AlarmState.IDLE)
            assert (await one.command(SetAlarm(on=True))).result is AckResult.APPLIED
            assert (one.state.alarm, one.state.forced) == (AlarmState.ALARM, True)
            assert (await one.command(SetAlarm(on=False))).result is AckResult.APPLIED
            # Motion follows when ZoneMinder has recorded PostEventCount frames more.
            assert (one.state.alarm, one.state.forced) == (AlarmState.ALERT, False)
            world.calm(1)
            await one.shows(alarm=AlarmState.IDLE)


async def test_one_that_only_its_forcer_knows_of_is_known_to_be_forced(tmp_path: Path, clock: FastClock) -> None:
    """Mocord without shared memory: a forced alarm leaves no trace but its own state."""
    world = World(now=clock.now)
    world.set_function(1, "Mocord")
    world.open_event(1, "Continuous", "")
    async with FakeZoneMinder(world) as fake, house(tmp_path, clock, config(fake.url)) as one:
        await one.shows(alarm=AlarmState.IDLE)
        assert (await one.command(SetAlarm(on=True))).result is AckResult.APPLIED
        assert (one.state.alarm, one.state.forced) == (AlarmState.ALARM, True)
        assert (await one.command(SetAlarm(on=False))).result is AckResult.APPLIED
        assert (one.state.alarm, one.state.forced) == (AlarmState.IDLE, False)
        world.set_state(1, ALARM)
        await one.shows(alarm=AlarmState.ALARM)
        assert one.state.forced is None


@BOTH
@pytest.mark.parametrize("has_memory", [True, False], ids=["memory", "api"])
async def test_a_daemon_that_hangs_forces_nothing(
    personality: Personality, tmp_path: Path, clock: FastClock, *, has_memory: bool
) -> None:
    world = World(personality, now=clock.now, shm_dir=tmp_path)
    world.is_alert_after_alarms = True
    async with living(world), FakeZoneMinder(world) as fake:
        settings = memory_config(fake) if has_memory else config(fake.url)
        async with house(tmp_path, clock, settings) as one:
            await one.shows(alarm=AlarmState.IDLE)
            assert (await one.command(SetAlarm(on=True))).result is AckResult.APPLIED
            assert (await one.command(SetAlarm(on=False))).result is AckResult.APPLIED
            world.silent.add(1)
            one.hurry()
            ack = await one.command(SetAlarm(on=True))
            assert (ack.result, ack.code) == (AckResult.TIMEOUT, "unverified")
            assert one.state.forced is not True


async def test_a_hung_daemons_trigger_does_not_count_when_its_memory_comes_back(
    tmp_path: Path, clock: FastClock, serve: Serve
) -> None:
    world = World(now=clock.now, shm_dir=tmp_path)
    async with living(world), FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.states["1"].source == "shared_memory")
        await clock.sleep(1)
        world.set_state(1, ALERT)
        await feed.until(lambda: feed.states["1"].alarm is AlarmState.ALERT)
        world.silent.add(1)
        world.write_trigger(1, 1)
        world.memories[1].set(valid=0)
        await feed.until(lambda: feed.states["1"].source != "shared_memory")
        world.memories[1].set(valid=1)
        await feed.until(lambda: feed.states["1"].source == "shared_memory")
        assert shown(feed) == (AlarmState.ALERT, False)


@pytest.mark.parametrize(
    ("state", "before", "action"),
    [
        (ALARM, {"forced": False}, SetAlarm(on=True)),
        (ALARM, {"forced": True}, SetAlarm(on=True)),
        (ALARM, {"forced": True}, SetAlarm(on=False)),
        (PREALARM, {"forced": False}, SetAlarm(on=True)),
        (ALERT, {"forced": False}, SetAlarm(on=False)),
        (IDLE, {"detection": True}, SetMotionDetection(on=False)),
        (IDLE, {"detection": False}, SetMotionDetection(on=True)),
        (ALARM, {"detection": True}, SetMotionDetection(on=False)),
        (IDLE, {"detection": True}, SetMotionDetection(on=True)),
        (IDLE, {"detection": False}, SetMotionDetection(on=False)),
    ],
)
async def test_what_a_hung_daemons_memory_shows_is_no_proof(
    state: int, before: dict[str, bool], action: Action, tmp_path: Path, clock: FastClock
) -> None:
    """The command's own tool has written there what is wanted, or it was there before."""
    world = World(now=clock.now, shm_dir=tmp_path)
    async with living(world), FakeZoneMinder(world) as fake, house(tmp_path, clock, memory_config(fake)) as one:
        await one.shows(source="shared_memory")
        world.set_state(1, state)
        if before.get("forced"):
            world.force_on(1)
        if before.get("detection") is False:
            world.force_off(1, on=True)
        await one.shows(**before)
        await clock.sleep(2)
        world.silent.add(1)
        await clock.sleep(1)
        one.hurry()
        assert (await one.command(action)).result is AckResult.TIMEOUT
        for name, value in before.items():
            assert getattr(one.state, name) is value


async def test_what_a_living_daemon_shows_already_is_proof(tmp_path: Path, clock: FastClock) -> None:
    world = World(now=clock.now, shm_dir=tmp_path)
    async with living(world), FakeZoneMinder(world) as fake, house(tmp_path, clock, memory_config(fake)) as one:
        await one.shows(source="shared_memory")
        world.alarm(1)
        await one.shows(alarm=AlarmState.ALARM, forced=False)
        assert (await one.command(SetAlarm(on=True))).result is AckResult.APPLIED
        assert one.state.forced
        assert (await one.command(SetAlarm(on=True))).result is AckResult.APPLIED
        assert (await one.command(SetMotionDetection(on=True))).result is AckResult.UNCHANGED
        assert (await one.command(SetMotionDetection(on=False))).result is AckResult.APPLIED
        assert (await one.command(SetMotionDetection(on=False))).result is AckResult.UNCHANGED


async def test_a_look_at_a_daemon_that_hangs_says_so(tmp_path: Path, clock: FastClock, serve: Serve) -> None:
    world = World(now=clock.now, shm_dir=tmp_path)
    async with living(world), FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (backend, feed):
        await feed.until(lambda: feed.states["1"].source == "shared_memory")
        await clock.sleep(1)
        await backend.refresh(VmsTarget(monitor_id="1"))
        world.silent.add(1)
        await clock.sleep(1)
        with pytest.raises(VmsUnreachable, match="monitor 1 shows no sign of life"):
            await backend.refresh(VmsTarget(monitor_id="1"))


async def test_no_frame_is_awaited_of_a_daemon_that_was_just_ended(tmp_path: Path, clock: FastClock, serve: Serve) -> None:
    world = World(now=clock.now, shm_dir=tmp_path)
    async with living(world), FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (backend, feed):
        await feed.until(lambda: feed.states["1"].source == "shared_memory")
        await clock.sleep(1)
        fake.fail("monitors/1", "slow")
        look = asyncio.create_task(backend.refresh(VmsTarget(monitor_id="1")))
        await feed.until(lambda: fake.asked("monitors/1"))
        world.set_function(1, "None")
        world.restart_monitor(1)
        await feed.until(lambda: feed.states["1"].source != "shared_memory")
        fake.heal()
        await look


@pytest.mark.parametrize("action", [SetMode(mode="function", value="Nodect"), Restart()])
async def test_a_look_for_a_mode_asks_for_no_alarm(action: Action, clock: FastClock, serve: Serve) -> None:
    """Neither a status nor the turn of events tells of a mode."""
    world = World(now=clock.now)
    async with FakeZoneMinder(world) as fake, serve(fake, settings=config(fake.url, poll_interval=60)) as (backend, feed):
        await feed.until(lambda: feed.states["1"].source == "events")
        await backend.execute(VmsTarget(monitor_id="1"), action)
        asked = fake.asked("events"), fake.asked("monitors/alarm")
        fake.fail("events", "hang")
        await backend.refresh(VmsTarget(monitor_id="1"))
        assert (fake.asked("events"), fake.asked("monitors/alarm")) == asked
        fake.heal()
        await backend.execute(VmsTarget(monitor_id="1"), SetAlarm(on=True))
        await backend.refresh(VmsTarget(monitor_id="1"))
        assert feed.states["1"].alarm is AlarmState.ALARM
