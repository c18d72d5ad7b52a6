"""What is forced, by the trigger in shared memory: it counts once the daemon has gone past it."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.backends.zoneminder.support import RECORDED
from tests.fakes.zoneminder.memory import SIZES, MemoryWriter

from vms_bridge.backends.zoneminder.trigger import Trigger
from vms_bridge.zoneminder import AlarmState
from vms_bridge.zoneminder.memory import Force, MonitorMemory, Sample

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.virtual_time

NOW = 1_800_000_000.0
VERSIONS = {600: (1, 34, 26), 760: (1, 36, 33), 768: (1, 36, 36), 864: (1, 37, 70), 872: (1, 38, 4), 888: (1, 39, 20)}
PLAIN = Sample(
    alarm=AlarmState.IDLE, last_event=0, is_detecting=True, has_signal=True, startup=1, heartbeat=1, last_write=1, imagesize=0
)


class Daemon:
    """A capture daemon, and the eyes on its memory."""

    def __init__(self) -> None:
        self.trigger = Trigger()
        self.sample = PLAIN
        self.trigger.saw(self.sample)

    def look(self, **changes: object) -> Force | None:
        self.sample = replace(self.sample, **changes)  # type: ignore[arg-type]  # fields by keyword
        self.trigger.saw(self.sample)
        return self.trigger.force

    def frame(self, **changes: object) -> Force | None:
        return self.look(sign=(self.sample.sign[0] + 1, 0), **changes)


@pytest.mark.parametrize(
    ("name", "force", "alarm"),
    [
        ("1-forced-alarm", Force.ALARM, AlarmState.ALARM),
        ("1-forced-alert", Force.NOTHING, AlarmState.ALERT),
        ("1-forced-idle", Force.NOTHING, AlarmState.IDLE),
        ("1-forced-off", Force.NO_ALARM, AlarmState.IDLE),
        ("2-motion-alarm", Force.NOTHING, AlarmState.ALARM),
    ],
)
def test_recorded_triggers(tmp_path: Path, name: str, force: Force, alarm: AlarmState) -> None:
    shutil.copy(RECORDED / f"zm.mmap.{name}-1.38.4.bin", tmp_path / "zm.mmap.1")
    raw = (tmp_path / "zm.mmap.1").read_bytes()
    memory = MonitorMemory(tmp_path, "1", (1, 38, 4))
    sample = memory.sample(0, int.from_bytes(raw[128:136], "little"))
    assert (sample.force, sample.alarm) == (force, alarm)
    memory.close()


@pytest.mark.parametrize("size", SIZES)
def test_a_sign_of_life_is_seen_in_every_layout(tmp_path: Path, size: int) -> None:
    writer = MemoryWriter(tmp_path, "1", size=size, from_one=size != 600)
    writer.create(NOW)
    memory = MonitorMemory(tmp_path, "1", VERSIONS[size])
    before = memory.sample(0, NOW)
    writer.set_trigger(1, b"Forced Web")
    forced = memory.sample(0.1, NOW)
    assert (forced.force, forced.sign) == (Force.ALARM, before.sign)
    writer.beat(NOW)
    assert memory.sample(0.2, NOW).sign != before.sign
    memory.close()


def test_a_trigger_of_another_size_tells_nothing(tmp_path: Path) -> None:
    writer = MemoryWriter(tmp_path, "1")
    writer.create(NOW)
    writer.overwrite((561).to_bytes(4, "little"), 760)
    memory = MonitorMemory(tmp_path, "1", (1, 36, 33))
    assert memory.sample(0, NOW).force is None
    memory.close()


def test_what_a_tool_has_written_counts_at_the_next_frame() -> None:
    daemon = Daemon()
    assert daemon.frame() is Force.NOTHING
    assert daemon.look(force=Force.ALARM) is Force.NOTHING
    assert daemon.look() is Force.NOTHING
    assert daemon.frame() is Force.ALARM
    assert daemon.frame(force=Force.NOTHING) is Force.ALARM, "that frame may have been looked at before"
    assert daemon.frame() is Force.NOTHING


def test_a_trigger_that_comes_and_goes_between_two_frames_never_counted() -> None:
    """`zmu -a` writes that there is to be no alarm, and at once that there is to be one."""
    daemon = Daemon()
    daemon.frame()
    daemon.look(force=Force.NO_ALARM)
    assert daemon.frame(force=Force.ALARM) is Force.NOTHING
    assert daemon.frame() is Force.ALARM


@pytest.mark.parametrize(
    ("alarm", "force", "counts"),
    [
        (AlarmState.ALARM, Force.ALARM, True),
        (AlarmState.ALARM, Force.NO_ALARM, False),
        (AlarmState.IDLE, Force.ALARM, False),
        (AlarmState.IDLE, Force.NO_ALARM, True),
    ],
)
def test_a_state_that_follows_is_as_good_as_a_frame(alarm: AlarmState, force: Force, *, counts: bool) -> None:
    daemon = Daemon()
    daemon.frame(alarm=AlarmState.ALERT)
    assert (daemon.frame(force=force, alarm=alarm) is force) is counts


def test_a_new_daemon_is_believed_as_it_is_found() -> None:
    daemon = Daemon()
    daemon.frame()
    daemon.look(force=Force.ALARM)
    assert daemon.look(startup=2, force=Force.NOTHING) is Force.NOTHING
    assert daemon.look(startup=3, force=Force.ALARM) is Force.ALARM


def test_of_a_memory_that_never_moves_no_sign_is_awaited() -> None:
    assert Daemon().look(force=Force.NO_ALARM) is Force.NO_ALARM


@given(st.lists(st.tuples(st.booleans(), st.sampled_from(Force))))
def test_what_counts_was_there_before_a_frame_and_after_it(looks: list[tuple[bool, Force]]) -> None:
    daemon = Daemon()
    daemon.frame()
    counted = {Force.NOTHING}
    written = Force.NOTHING
    for is_frame, force in looks:
        now = daemon.frame(force=force) if is_frame else daemon.look(force=force)
        if is_frame and force is written:
            counted = {force}
        written = force
        assert now in counted
