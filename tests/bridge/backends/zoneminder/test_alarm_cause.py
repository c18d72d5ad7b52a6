"""What caused an alarm, also where it is within a recording that has a cause of its own."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.backends.zoneminder.support import RECORDED, FastClock, MemoryFeed, config, memory_config
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.memory import SIZES, MemoryWriter
from tests.fakes.zoneminder.personality import V1_36_33, V1_38_4
from tests.fakes.zoneminder.world import ALARM, ALERT, IDLE

from vms_bridge import model
from vms_bridge.backends.zoneminder.alarm_cause import AlarmCause
from vms_bridge.zoneminder import AlarmState
from vms_bridge.zoneminder.memory import Force, MonitorMemory, Sample

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.bridge.backends.zoneminder.conftest import Serve
    from tests.fakes.zoneminder import Personality

pytestmark = pytest.mark.virtual_time

NOW = 1_800_000_000.0
VERSIONS = {600: (1, 34, 26), 760: (1, 36, 33), 768: (1, 36, 36), 864: (1, 37, 70), 872: (1, 38, 4), 888: (1, 39, 20)}
OLD = Sample(
    alarm=AlarmState.IDLE, last_event=7, is_detecting=True, has_signal=True, startup=1, heartbeat=1, last_write=1, imagesize=0
)
NEW = replace(OLD, has_event_causes=True, scored_zones=(False, False))
BOTH = pytest.mark.parametrize("personality", [V1_36_33, V1_38_4], ids=lambda p: p.version)


def cause(*samples: Sample) -> str | None:
    found = AlarmCause()
    for sample in samples:
        found.saw(sample)
    return found.text


@pytest.fixture
def clock() -> FastClock:
    return FastClock(10)


@pytest.mark.parametrize("size", SIZES)
def test_every_layout_tells_the_causes(tmp_path: Path, size: int) -> None:
    writer = MemoryWriter(tmp_path, "1", size=size, from_one=size != 600)
    writer.create(NOW, cause=b"Motion All")
    writer.set_trigger(1, b"Forced Web")
    memory = MonitorMemory(tmp_path, "1", VERSIONS[size])
    sample = memory.sample(0, NOW)
    assert (sample.cause, sample.forced_cause) == ("Motion All", "Forced Web")
    writer.set_trigger(1, b"x" * 40)
    assert memory.sample(1, NOW).forced_cause == "x" * 32
    memory.close()


@pytest.mark.parametrize(("name", "forced"), [("1-forced-alarm", "Forced Web"), ("2-motion-alarm", "")])
def test_recorded_causes(tmp_path: Path, name: str, forced: str) -> None:
    shutil.copy(RECORDED / f"zm.mmap.{name}-1.38.4.bin", tmp_path / "zm.mmap.1")
    raw = (tmp_path / "zm.mmap.1").read_bytes()
    memory = MonitorMemory(tmp_path, "1", (1, 38, 4))
    sample = memory.sample(0, int.from_bytes(raw[128:136], "little"))
    assert sample.forced_cause == forced
    assert cause(sample) == sample.cause
    memory.close()


def test_the_cause_lasts_as_long_as_the_alarm() -> None:
    moved = replace(OLD, alarm=AlarmState.ALARM, cause="Motion All")
    assert cause(OLD, moved) == "Motion All"
    assert cause(OLD, moved, replace(moved, alarm=AlarmState.ALERT)) == "Motion All"
    assert cause(OLD, moved, replace(OLD, cause="Motion All")) is None
    assert cause(OLD, replace(OLD, alarm=AlarmState.PREALARM, cause="Motion All")) is None
    found = AlarmCause()
    found.saw(moved)
    found.forget()
    assert found.text is None


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("Motion All", "Motion All"),
        (" Continuous ", None),
        ("Motion Continuous All", "Motion All"),
        ("", None),
        ("Continuous", None),
    ],
)
def test_up_to_1_36_what_is_written_is_the_alarms(written: str, told: str | None) -> None:
    calm = replace(OLD, cause=written)  # also if it is what it was before
    assert cause(calm, replace(calm, alarm=AlarmState.ALARM)) == told


def test_up_to_1_36_an_alarm_that_is_forced_within_an_event_has_the_triggers_cause() -> None:
    forced = replace(OLD, alarm=AlarmState.ALARM, force=Force.ALARM, forced_cause="Forced Web")
    assert cause(replace(OLD, cause=" Continuous "), forced) == "Forced Web"
    assert cause(OLD, replace(forced, force=Force.NOTHING)) is None, "that is of the last one that was forced"


def test_from_1_37_on_what_is_written_is_the_events() -> None:
    calm = replace(NEW, cause="Continuous")
    alarm = replace(calm, alarm=AlarmState.ALARM)
    assert cause(calm, alarm) is None
    assert cause(calm, replace(alarm, scored_zones=(False, True))) == "Motion"
    assert cause(calm, replace(alarm, force=Force.ALARM, forced_cause="Doorbell", scored_zones=(True, True))) == "Doorbell"
    before = replace(NEW, cause="Motion:Left")
    again = replace(before, alarm=AlarmState.ALARM, force=Force.ALARM, forced_cause="Forced Web")
    assert cause(before, again) == "Forced Web", "the event is that of the alarm before"
    assert cause(replace(before, is_detecting=False), replace(before, alarm=AlarmState.ALARM, scored_zones=None)) is None


def test_from_1_37_on_the_cause_of_an_event_that_the_alarm_begins_comes_a_moment_later() -> None:
    """The state is written first, then the row of the event, then its cause."""
    calm = replace(NEW, cause="Forced Web")
    first = replace(calm, alarm=AlarmState.ALARM, scored_zones=(True, False))
    assert cause(calm, first) == "Motion"
    assert cause(calm, first, replace(first, last_event=8, cause="Motion:Left")) == "Motion:Left"
    assert cause(calm, replace(first, last_event=8)) == "Forced Web", "another event with the same cause"


def test_a_cause_that_is_there_at_the_first_look_is_believed() -> None:
    assert cause(replace(NEW, alarm=AlarmState.ALARM, cause="Motion:Left")) == "Motion:Left"
    assert cause(replace(NEW, alarm=AlarmState.ALARM, cause="Continuous")) is None


@given(
    st.lists(
        st.builds(
            replace,
            st.sampled_from([OLD, NEW]),
            alarm=st.sampled_from([*AlarmState, None]),
            cause=st.sampled_from(["", "Continuous", " Continuous ", "Motion", "Continuous Continuous"]),
            last_event=st.integers(0, 2),
            force=st.sampled_from([*Force, None]),
            forced_cause=st.sampled_from(["", "Forced Web"]),
            scored_zones=st.sampled_from([None, (), (True,)]),
        )
    )
)
def test_an_alarm_is_never_caused_by_continuous_recording(samples: Sequence[Sample]) -> None:
    found = AlarmCause()
    for sample in samples:
        found.saw(sample)
        assert found.text != ""
        assert "Continuous" not in (found.text or "")
        if sample.alarm not in {AlarmState.ALARM, AlarmState.ALERT}:
            assert found.text is None


def told(feed: MemoryFeed) -> str | None:
    return feed.states["1"].cause


@BOTH
async def test_an_alarm_within_continuous_recording(
    personality: Personality, tmp_path: Path, clock: FastClock, serve: Serve
) -> None:
    world = World(personality, now=clock.now, shm_dir=tmp_path)
    world.set_function(1, "Mocord")
    section = world.open_event(1, "Continuous", "")
    world.memories[1].set(cause=b"Continuous" if personality is V1_38_4 else b" Continuous ", last_event=section.id)
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.states["1"].event_id == str(section.id))
        assert told(feed) is None
        world.move(1, "All")
        world.set_state(1, ALARM, **({} if personality is V1_38_4 else {"cause": b"Motion All"}))
        await feed.until(lambda: feed.states["1"].alarm is model.AlarmState.ALARM)
        assert told(feed) == ("Motion" if personality is V1_38_4 else "Motion All")
        world.set_state(1, ALERT)
        await feed.until(lambda: feed.states["1"].alarm is model.AlarmState.ALERT)
        assert told(feed)
        world.move(1)
        world.set_state(1, IDLE, **({} if personality is V1_38_4 else {"cause": b""}))
        await feed.until(lambda: feed.states["1"].alarm is model.AlarmState.IDLE)
        assert told(feed) is None
        world.write_trigger(1, 1, b"Forced Web")
        world.set_state(1, ALARM)
        await feed.until(lambda: feed.states["1"].alarm is model.AlarmState.ALARM)
        assert told(feed) == "Forced Web"


async def test_without_shared_memory_the_cause_of_an_alarm_within_a_recording_is_unknown(clock: FastClock, serve: Serve) -> None:
    world = World(now=clock.now)
    world.set_function(1, "Mocord")
    world.open_event(1, "Continuous", "")
    async with FakeZoneMinder(world) as fake, serve(fake, settings=config(fake.url)) as (_, feed):
        await feed.until(lambda: feed.states["1"].source == "status")
        world.set_state(1, ALARM)
        await feed.until(lambda: feed.states["1"].alarm is model.AlarmState.ALARM)
        assert feed.states["1"].cause is None
        world.alarm(2)
        await feed.until(lambda: feed.states["2"].alarm is model.AlarmState.ALARM)
        assert feed.states["2"].cause == "Motion"
