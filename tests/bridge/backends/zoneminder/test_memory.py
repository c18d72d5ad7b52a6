"""Shared memory as a source: it is fast, steps down when it fails, and comes back."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.zoneminder.support import FastClock, MemoryFeed, memory_config
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.personality import ALL, V1_36_33, V1_36_36, V1_38_4
from tests.fakes.zoneminder.world import ALARM, ALERT, IDLE, PREALARM, TAPE

from vms_bridge.backends.zoneminder.backend import ZoneMinder
from vms_bridge.commands import Restart, SetArmed, SetMotionDetection, VmsTarget
from vms_bridge.errors import CommandRejected, VmsUnreachable
from vms_bridge.model import AlarmState, Capability, EndReason, Resume

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.bridge.backends.zoneminder.conftest import Serve
    from tests.fakes.zoneminder import Personality

    from vms_bridge.model import EventBatch

pytestmark = pytest.mark.virtual_time


@pytest.fixture
def clock() -> FastClock:
    return FastClock(10)


async def beating(world: World) -> None:
    while True:
        world.beat()
        await asyncio.sleep(0.05)


@pytest.fixture
async def world(tmp_path: Path, clock: FastClock) -> AsyncIterator[World]:
    world = World(now=clock.now, shm_dir=tmp_path)
    life = asyncio.create_task(beating(world))
    yield world
    life.cancel()


@pytest.mark.parametrize("personality", ALL, ids=lambda p: p.version)
async def test_every_version_is_seen_at_once(personality: Personality, tmp_path: Path, clock: FastClock, serve: Serve) -> None:
    world = World(personality, now=clock.now, shm_dir=tmp_path)
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        first = feed.snapshots[0].states["1"]
        assert (first.source, first.lag_s, first.alarm, first.detection) == ("shared_memory", 0.05, AlarmState.IDLE, True)
        assert first.connected
        assert (Capability.SCORE in feed.monitors["1"].capabilities) == (personality.shm_size != 600)
        await feed.until(lambda: feed.batches)
        for state, meant in ((PREALARM, "prealarm"), (ALARM, "alarm"), (ALERT, "alert"), (TAPE, "idle"), (IDLE, "idle")):
            world.set_state(1, state)
            await feed.until(lambda meant=meant: feed.states["1"].alarm == meant)  # type: ignore[misc]  # bound per turn
        world.set_state(1, ALARM, score=99, cause=b"Motion")
        await feed.until(lambda: feed.states["1"].cause == "Motion")
        if personality.shm_size != 600:
            await feed.until(lambda: feed.states["1"].score == 99)


@pytest.mark.parametrize("personality", [V1_36_33, V1_36_36, V1_38_4], ids=lambda p: p.version)
async def test_detection_pauses_without_a_restart(
    personality: Personality, tmp_path: Path, clock: FastClock, serve: Serve
) -> None:
    world = World(personality, now=clock.now, shm_dir=tmp_path)
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (backend, feed):
        assert Capability.DETECTION in feed.monitors["1"].capabilities
        await backend.execute(VmsTarget(monitor_id="1"), SetMotionDetection(on=False))
        await feed.until(lambda: feed.states["1"].detection is False)
        assert feed.states["1"].armed
        assert world.alarm(1) is None
        await backend.execute(VmsTarget(monitor_id="1"), SetMotionDetection(on=True))
        await feed.until(lambda: feed.states["1"].detection)
        world.alarm(1)
        await feed.until(lambda: feed.states["1"].alarm is AlarmState.ALARM)
        assert world.monitors[1].restarts == 0


async def test_a_restarted_daemon_knows_of_no_pause(world: World, serve: Serve) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (backend, feed):
        await backend.execute(VmsTarget(monitor_id="1"), SetMotionDetection(on=False))
        await feed.until(lambda: feed.states["1"].detection is False)
        world.restart_monitor(1)
        await feed.until(lambda: feed.states["1"].detection)


@pytest.mark.parametrize(("function", "said"), [("Mocord", "continuous recording"), ("Monitor", "not armed")])
async def test_a_pause_that_would_do_harm_is_refused(function: str, said: str, world: World, serve: Serve) -> None:
    world.set_function(1, function)
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (backend, feed):
        with pytest.raises(CommandRejected, match=said) as caught:
            await backend.execute(VmsTarget(monitor_id="1"), SetMotionDetection(on=False))
        assert "use armed" in caught.value.hint
        assert not world.monitors[1].is_forced_off
        assert feed.states["1"].detection == (True if function == "Mocord" else None)


async def test_what_the_configuration_hides_is_described_and_not_watched(world: World, serve: Serve) -> None:
    feed = MemoryFeed()
    feed.hidden = {"2"}
    world.set_function(2, "Mocord")  # without shared memory its alarm would be asked for
    async with FakeZoneMinder(world) as fake, serve(fake, feed, memory_config(fake)):
        assert feed.monitors.keys() == {"1", "2", "3"}
        assert feed.states.keys() == {"1", "3"}
        await feed.until(lambda: feed.batches)
        world.set_state(2, ALARM)
        world.set_state(3, ALARM)
        await feed.until(lambda: feed.states["3"].alarm is AlarmState.ALARM)
        world.set_state(3, IDLE)
        await feed.until(lambda: feed.states["3"].alarm is AlarmState.IDLE)
        assert "2" not in feed.states
        assert not fake.asked("monitors/alarm/id:2")
        feed.hidden = set()
        world.monitors[2].name = "Now shown"
        await feed.until(lambda: "2" in feed.states and feed.states["2"].alarm is AlarmState.ALARM)


async def test_event_rows_follow_the_alarm_without_waiting_for_the_poll(world: World, serve: Serve, clock: FastClock) -> None:
    async with FakeZoneMinder(world) as fake:
        settings = memory_config(fake, poll_interval=60, monitors_interval=600)
        async with serve(fake, settings=settings) as (_, feed):
            await feed.until(lambda: feed.batches)
            began = clock.monotonic()
            event = world.alarm(1)
            assert event is not None
            await feed.until(lambda: feed.event(event.id))
            world.calm(1)
            await feed.until(lambda: (seen := feed.event(event.id)) and seen.end)
            assert clock.monotonic() - began < 10


async def test_row_that_comes_after_its_alarm(world: World, serve: Serve, clock: FastClock) -> None:
    async with FakeZoneMinder(world) as fake:
        settings = memory_config(fake, poll_interval=60, monitors_interval=600)
        async with serve(fake, settings=settings) as (_, feed):
            await feed.until(lambda: feed.batches)
            asked, began = fake.asked("events/index/Id >"), clock.monotonic()
            world.set_state(1, ALARM, last_event=1)
            await feed.until(lambda: fake.asked("events/index/Id >") > asked)
            world.open_event(1)
            await feed.until(lambda: feed.event(1))
            assert clock.monotonic() - began < 10


async def test_an_event_is_over_when_its_capture_daemon_has_died_and_started_again(
    world: World, serve: Serve, clock: FastClock
) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.batches)
        orphan = world.alarm(1)
        assert orphan is not None
        await feed.until(lambda: feed.states["1"].event_id == str(orphan.id))
        await clock.sleep(5)
        world.restart_monitor(1)
        await feed.until(lambda: (seen := feed.event(orphan.id)) and seen.end_reason is EndReason.ABANDONED)
        await feed.until(lambda: feed.states["1"].is_recording is False)
        assert feed.states["1"].event_id is None


async def test_what_a_dead_daemon_has_left_open_is_not_taken_for_open_by_the_next_connection(
    world: World, serve: Serve, clock: FastClock
) -> None:
    orphan = world.alarm(1)
    assert orphan is not None
    await clock.sleep(5)
    world.restart_monitor(1)
    feed = MemoryFeed(Resume(cursor="0@"))
    async with FakeZoneMinder(world) as fake, serve(fake, feed, memory_config(fake)):
        await feed.until(lambda: feed.event(orphan.id))
        assert [event.end_reason for event in feed.events] == [EndReason.ABANDONED]
        assert feed.states["1"].event_id is None


async def test_steps_down_and_up_again(world: World, serve: Serve) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.batches)
        world.memories[1].remove()
        await feed.until(lambda: feed.states["1"].source == "events")
        assert feed.states["1"].alarm == "idle"
        assert feed.states["1"].connected, "a daemon that starts anew is no lost camera"
        world.start_memory(1)
        world.set_state(1, ALARM)
        await feed.until(lambda: feed.states["1"].source == "shared_memory")
        assert feed.states["1"].alarm is AlarmState.ALARM
        assert feed.states["2"].source == "shared_memory"


async def test_unknown_layout_is_told_once_and_left(world: World, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    world.start_memory(1, size=840)
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.states["1"].source == "events")
        await feed.until(lambda: feed.states["2"].event_id is None and feed.batches)
        assert caplog.text.count("840 bytes") == 1


async def test_a_file_cut_short_is_told_when_it_stays_so(world: World, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        world.silent = {1}
        whole = world.memories[1].path.read_bytes()
        world.memories[1].path.write_bytes(whole[:500])
        await feed.until(lambda: feed.states["1"].source == "events")
        assert "shorter" not in caplog.text
        await feed.until(lambda: "shorter than its own layout" in caplog.text)
        assert "restart the monitor" in caplog.text
        world.memories[1].path.write_bytes(b"\x48\x03" + bytes(1000))
        await feed.until(lambda: "(840 bytes" in (feed.states["1"].source_reason or ""))
        world.memories[1].path.write_bytes(whole)
        world.silent = set()
        await feed.until(lambda: feed.states["1"].source == "shared_memory")
        assert "works again" in caplog.text


@pytest.mark.parametrize("kind", ["close", "500", "html", "401"])
async def test_alarms_go_on_while_the_api_is_lost(
    kind: str, world: World, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (backend, feed):
        await feed.until(lambda: feed.batches)
        fake.revoke_tokens()
        fake.fail("", kind)
        await feed.until(lambda: feed.lost)
        assert "alarms still come by shared memory" in feed.lost[0]
        for state, meant in ((ALARM, "alarm"), (IDLE, "idle")):
            world.set_state(1, state)
            await feed.until(lambda meant=meant: feed.states["1"].alarm == meant)  # type: ignore[misc]  # bound per turn
            now = feed.states["1"]
            assert (now.available, now.connected, now.source) == (True, True, "shared_memory")
            assert (now.armed, now.modes, now.is_recording, now.events_total) == (None, {}, None, None)
        with pytest.raises(VmsUnreachable):
            await backend.execute(VmsTarget(monitor_id="1"), SetArmed(on=False))
        world.memories[2].remove()
        await feed.until(lambda: not feed.states["2"].available)
        missed = world.close_event(world.open_event(1).id)
        assert len(feed.lost) == 1
        fake.heal()
        await feed.until(lambda: feed.states["1"].armed)
        await feed.until(lambda: feed.event(missed.id))
        assert caplog.text.count("still come by shared memory") == 1
        assert "works again" in caplog.text


async def test_with_the_shared_memory_everything_is_lost(world: World, serve: Serve) -> None:
    async with FakeZoneMinder(world) as fake:
        serving = serve(fake, settings=memory_config(fake))
        _, feed = await serving.__aenter__()
        await feed.until(lambda: feed.batches)
        fake.fail("", "close")
        await feed.until(lambda: feed.lost)
        for memory in world.memories.values():
            memory.remove()
        await feed.until(lambda: not any(state.available for state in feed.states.values()))
        feed.lost.clear()  # nothing is cancelled: it ends by itself
        with pytest.raises(VmsUnreachable):
            await serving.__aexit__(None, None, None)


async def test_camera_that_stops_sending(world: World, serve: Serve) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        world.silent = {1, 2}
        world.memories[1].set(signal=0)
        await feed.until(lambda: feed.states["1"].connected is False)
        now = world.now().timestamp()
        world.memories[2].set(last_write=int(now) - 20, heartbeat=int(now))
        await feed.until(lambda: feed.states["2"].connected is False)
        world.memories[1].set(signal=1, last_write=int(world.now().timestamp()))
        await feed.until(lambda: feed.states["1"].connected)


async def test_silent_daemon_loses_its_place(world: World, serve: Serve) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        world.silent.add(1)
        world.memories[1].set(heartbeat=int(world.now().timestamp()) - 60, startup=1)
        await feed.until(lambda: feed.states["1"].source == "events")


async def test_memory_of_another_zoneminder_by_its_pictures(world: World, serve: Serve, caplog: pytest.LogCaptureFixture) -> None:
    world.memories[1].set(imagesize=320 * 240)
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.states["1"].source == "events")
        assert feed.states["2"].source == "shared_memory"
        assert "another ZoneMinder" in caplog.text


async def test_memory_of_another_zoneminder_by_its_events(world: World, serve: Serve) -> None:
    event = world.close_event(world.open_event(2).id)
    world.memories[1].set(last_event=event.id)
    world.memories[2].set(last_event=event.id)
    world.memories[3].set(last_event=777)
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.states["1"].source == "events")
        await feed.until(lambda: feed.states["3"].source == "events")
        assert feed.states["2"].source == "shared_memory"


async def test_memory_of_another_zoneminder_by_its_first_event(world: World, serve: Serve, clock: FastClock) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.batches)
        await clock.sleep(5)
        world.memories[1].set(last_event=777)
        await feed.until(lambda: feed.states["1"].source == "events")
        assert feed.states["2"].source == "shared_memory"


async def test_memory_of_another_zoneminder_by_an_event_that_it_does_not_know(
    world: World, serve: Serve, clock: FastClock
) -> None:
    world.set_function(2, "Mocord")
    before = world.open_event(2, "Continuous")  # of a daemon that has died; its successor has none yet
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.states["2"].event_id == str(before.id))
        await clock.sleep(3)
        world.open_event(1)
        world.alarm(3)
        await feed.until(lambda: feed.states["1"].source == "events")
        await clock.sleep(10)
        assert (feed.states["2"].source, feed.states["3"].source) == ("shared_memory", "shared_memory")


async def test_an_event_that_a_killed_daemon_has_left_open_raises_no_doubt(world: World, serve: Serve, clock: FastClock) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.batches)
        fake.fail("", "close")
        left = world.open_event(1)
        now = world.now().timestamp()
        world.memories[1].create(now, startup=int(now) + 1)
        await clock.sleep(5)
        fake.heal()
        await feed.until(lambda: feed.event(left.id))
        await clock.sleep(15)
        assert feed.states["1"].source == "shared_memory"


async def test_a_page_that_fails_says_nothing_of_whose_the_memory_is(world: World, serve: Serve, clock: FastClock) -> None:
    world.memories[1].set(last_event=777)
    async with FakeZoneMinder(world) as fake:
        fake.fail("events/index/Id:", "500")
        async with serve(fake, settings=memory_config(fake)) as (_, feed):
            await feed.until(lambda: feed.batches)
            await clock.sleep(15)
            assert feed.states["1"].source == "shared_memory"
            fake.heal()
            await feed.until(lambda: feed.states["1"].source == "events")


async def test_events_that_were_deleted_raise_no_doubt(world: World, serve: Serve) -> None:
    world.next_event = 50
    kept = world.close_event(world.open_event(2).id)
    for number, event in ((1, 20), (2, kept.id), (3, 21)):
        world.memories[number].set(last_event=event)
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (backend, feed):
        session = backend._session
        assert session is not None
        memory = session._memory
        assert memory is not None
        await feed.until(lambda: not memory._foreign.has_doubts)
        assert feed.states["1"].source == "shared_memory"


async def test_detection_paused_from_outside(world: World, serve: Serve) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        world.memories[1].set(active=0)
        await feed.until(lambda: feed.states["1"].detection is False)
        assert feed.states["1"].armed


async def test_restart_shows_from_loss_to_return(world: World, serve: Serve) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (backend, feed):
        seen = len(feed.history)
        await backend.execute(VmsTarget(monitor_id="1"), Restart())
        assert fake.restarts == [1]
        await feed.until(lambda: feed.states["1"].connected)
        assert next(state.connected for number, state in feed.history[seen:] if number == "1") is False


async def test_disarming_is_no_lost_camera(world: World, serve: Serve) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (backend, feed):
        seen = len(feed.history)
        await backend.execute(VmsTarget(monitor_id="1"), SetArmed(on=False))
        await feed.until(lambda: feed.states["1"].armed is False)
        await feed.until(lambda: feed.states["1"].source == "shared_memory")
        assert all(state.connected for number, state in feed.history[seen:] if number == "1")


async def test_monitors_that_come_later(world: World, serve: Serve) -> None:
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        world.add_monitor(8)
        await feed.until(lambda: "8" in feed.states and feed.states["8"].source == "shared_memory")
        world.remove_monitor(8)
        await feed.until(lambda: "8" not in feed.monitors)


async def test_directory_that_is_not_there(world: World, serve: Serve, tmp_path: Path) -> None:
    async with FakeZoneMinder(world) as fake:
        world.shm_dir = tmp_path / "nowhere"
        async with serve(fake, settings=memory_config(fake)) as (_, feed):
            await feed.until(lambda: feed.states["1"].source == "events")
    assert world.personality is V1_36_33


class SlowStore(MemoryFeed):
    """A store that brings a transaction to its end, whoever is cancelled meanwhile."""

    def __init__(self) -> None:
        super().__init__()
        self.is_cancelled, self.may_end = asyncio.Event(), asyncio.Event()

    async def record(self, batch: EventBatch) -> None:
        if batch.events:
            try:
                await self.may_end.wait()
            except asyncio.CancelledError:
                self.is_cancelled.set()
                await self.may_end.wait()
                raise
        await super().record(batch)


async def test_a_stop_does_not_get_lost_in_a_loss_of_the_same_moment(world: World, clock: FastClock) -> None:
    feed = SlowStore()
    async with FakeZoneMinder(world) as fake, asyncio.timeout(15):
        task = asyncio.create_task(ZoneMinder("zm", memory_config(fake), clock).run(feed))
        await feed.until(lambda: feed.snapshots)
        world.alarm(1)
        fake.fail("monitors", "500")
        await feed.is_cancelled.wait()
        task.cancel()
        await asyncio.sleep(0)
        feed.may_end.set()
        await asyncio.wait({task})
        assert task.cancelled()
