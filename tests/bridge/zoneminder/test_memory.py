from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.bridge.backends.zoneminder.support import RECORDED
from tests.fakes.zoneminder.memory import SIZES, MemoryWriter

from vms_bridge.zoneminder import AlarmState
from vms_bridge.zoneminder.memory import LAYOUTS, MonitorMemory, Unusable, counts_from_one

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_800_000_000.0
VERSIONS = {600: (1, 34, 26), 760: (1, 36, 33), 768: (1, 36, 36), 864: (1, 37, 70), 872: (1, 38, 4), 888: (1, 39, 20)}
STATES = (AlarmState.IDLE, AlarmState.PREALARM, AlarmState.ALARM, AlarmState.ALERT, AlarmState.IDLE)


def written(directory: Path, size: int = 760, *, from_one: bool = True) -> tuple[MemoryWriter, MonitorMemory]:
    writer = MemoryWriter(directory, "1", size=size, from_one=from_one)
    writer.create(NOW)
    return writer, MonitorMemory(directory, "1", VERSIONS.get(size, (1, 36, 33)))


def test_fake_and_reader_know_the_same_sizes() -> None:
    assert set(SIZES) == set(LAYOUTS)


@pytest.mark.parametrize("size", SIZES)
def test_every_layout(tmp_path: Path, size: int) -> None:
    writer, memory = written(tmp_path, size, from_one=size != 600)
    writer.set(
        last_event=2**40, imagesize=1234, score=77, capture_fps=12.5, analysis_fps=6.25, cause=b"Motion\0x", active=0, signal=0
    )
    for number, state in enumerate(STATES):
        writer.set(state=number)
        assert memory.sample(number, NOW).alarm is state
    sample = memory.sample(9, NOW)
    assert (sample.last_event, sample.imagesize, sample.is_detecting, sample.has_signal) == (2**40, 1234, False, False)
    assert (sample.startup, sample.last_write) == (NOW, NOW)
    assert sample.score == (None if size == 600 else 77)
    assert sample.capture_fps == (None if size == 600 else 12.5)
    assert sample.cause == "Motion"
    memory.close()


@pytest.mark.parametrize(
    ("name", "version", "state"),
    [
        ("1-idle-1.36.33", (1, 36, 33), AlarmState.IDLE),
        ("1-alarm-1.36.33", (1, 36, 33), AlarmState.ALARM),
        ("1-alert-1.36.33", (1, 36, 33), AlarmState.ALERT),
        ("3-tape-1.36.33", (1, 36, 33), AlarmState.IDLE),
        ("1-alarm-by-motion-1.36.33", (1, 36, 33), AlarmState.ALARM),
        ("1-idle-1.36.37", (1, 36, 37), AlarmState.IDLE),
        ("1-alarm-1.36.37", (1, 36, 37), AlarmState.ALARM),
    ],
)
def test_recorded_files(tmp_path: Path, name: str, version: tuple[int, int, int], state: AlarmState) -> None:
    shutil.copy(RECORDED / f"zm.mmap.{name}.bin", tmp_path / "zm.mmap.1")
    memory = MonitorMemory(tmp_path, "1", version)
    raw = (tmp_path / "zm.mmap.1").read_bytes()
    beat = LAYOUTS[int.from_bytes(raw[:4], "little")].heartbeat
    assert beat
    sample = memory.sample(0, int.from_bytes(raw[beat : beat + 8], "little"))
    assert (sample.alarm, sample.imagesize, sample.has_signal, sample.is_detecting) == (state, 320 * 240 * 4, True, True)
    assert sample.capture_fps == pytest.approx(5, abs=0.5)
    assert 1_795_000_000 < sample.last_write < 1_796_000_000
    if "motion" in name:
        assert sample.cause == "Motion"
    memory.close()


@pytest.mark.parametrize(
    ("name", "state", "event", "score", "scored", "cause"),
    [
        ("2-motion-idle", AlarmState.IDLE, 2, 0, (False, False, False), "Motion:Left"),
        ("2-motion-prealarm", AlarmState.PREALARM, 0, 4, (True, False, False), ""),
        ("2-motion-alarm", AlarmState.ALARM, 3, 8, (True, True, False), "Motion:Left,Right"),
        ("2-motion-alert", AlarmState.ALERT, 3, 0, (False, False, False), "Motion:Left,Right"),
        ("1-forced-alarm", AlarmState.ALARM, 44, 255, (False,), "Forced Web"),
        ("1-forced-alert", AlarmState.ALERT, 44, 0, (False,), "Forced Web"),
        ("1-forced-idle", AlarmState.IDLE, 44, 0, (False,), "Forced Web"),
        ("1-forced-off", AlarmState.IDLE, 44, 0, (False,), "Forced Web"),
    ],
)
def test_recorded_files_of_1_38(
    tmp_path: Path, name: str, state: AlarmState, event: int, score: int, scored: tuple[bool, ...], cause: str
) -> None:
    raw = (RECORDED / f"zm.mmap.{name}-1.38.4.bin").read_bytes()
    (tmp_path / "zm.mmap.1").write_bytes(raw)
    memory = MonitorMemory(tmp_path, "1", (1, 38, 4))
    memory.expect_zones(len(scored))
    beat = int.from_bytes(raw[128:136], "little")
    sample = memory.sample(0, beat)
    assert (sample.alarm, sample.last_event, sample.score, sample.scored_zones) == (state, event, score, scored)
    assert (sample.is_forced_off, sample.cause) == (name == "1-forced-off", cause)
    assert (sample.has_signal, sample.is_detecting, sample.imagesize) == (True, True, 320 * 240 * 4)
    assert (sample.heartbeat, sample.last_write) == (beat, beat)
    assert 1_795_000_000 < sample.startup < beat
    assert sample.capture_fps == pytest.approx(5, abs=0.5)
    memory.expect_zones(len(scored) + 1)
    assert memory.sample(1, beat).scored_zones is None
    memory.close()


def test_enum_of_one_size_follows_the_version() -> None:
    assert counts_from_one(760, (1, 36, 16))
    assert not counts_from_one(760, (1, 36, 15))
    assert not counts_from_one(600, (1, 34, 26))
    assert counts_from_one(872, (1, 38, 0))


def test_same_bytes_are_the_same_sample(tmp_path: Path) -> None:
    writer, memory = written(tmp_path)
    first = memory.sample(0, NOW)
    assert memory.sample(1, NOW) is first
    writer.set(score=3)
    assert memory.sample(2, NOW) is not first


def test_new_file_is_noticed(tmp_path: Path) -> None:
    writer, memory = written(tmp_path)
    memory.sample(0, NOW)
    identity = memory.identity
    writer.create(NOW + 1, state=2)
    assert memory.sample(1, NOW + 1).alarm is AlarmState.ALARM
    assert memory.identity != identity


def test_file_that_is_going_is_left_at_once(tmp_path: Path) -> None:
    writer, memory = written(tmp_path)
    memory.sample(0, NOW)
    writer.set(valid=0)
    with pytest.raises(Unusable, match="starting or stopping") as caught:
        memory.sample(0.01, NOW)
    assert caught.value.is_passing
    writer.create(NOW)
    assert memory.sample(0.02, NOW).alarm is AlarmState.IDLE


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="daemon does not run"):
        MonitorMemory(tmp_path, "1", (1, 36, 33)).sample(0, NOW)


def test_silent_daemon(tmp_path: Path) -> None:
    _, memory = written(tmp_path)
    with pytest.raises(Unusable, match="sign of life"):
        memory.sample(0, NOW + 31)


@pytest.mark.parametrize("length", [0, 2, 100, 759])
def test_file_cut_short(tmp_path: Path, length: int) -> None:
    writer, memory = written(tmp_path)
    memory.sample(0, NOW)
    writer.truncate(length)
    with pytest.raises(Unusable):
        memory.sample(0.1, NOW)
    with pytest.raises(Unusable):
        memory.sample(1, NOW)


@pytest.mark.parametrize(
    ("size", "version"), [(632, (1, 35, 10)), (840, (1, 37, 50)), (768, (1, 37, 3)), (2**31, (1, 36, 33)), (0, (1, 36, 33))]
)
def test_unknown_layouts_are_refused(tmp_path: Path, size: int, version: tuple[int, int, int]) -> None:
    (tmp_path / "zm.mmap.1").write_bytes(size.to_bytes(4, "little") + bytes(2000))
    with pytest.raises(Unusable) as caught:
        MonitorMemory(tmp_path, "1", version).sample(0, NOW)
    assert caught.value.is_passing == (size == 0)


def test_layout_that_changes_in_place(tmp_path: Path) -> None:
    writer, memory = written(tmp_path)
    memory.sample(0, NOW)
    writer.overwrite((768).to_bytes(4, "little"))
    with pytest.raises(Unusable, match="changed"):
        memory.sample(0.1, NOW)


def test_what_is_no_plain_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "zm.mmap.1")
    (tmp_path / "zm.mmap.2").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere").write_bytes(bytes(2000))
    (tmp_path / "zm.mmap.3").mkdir()
    for number in "123":
        with pytest.raises(Unusable):
            MonitorMemory(tmp_path, number, (1, 36, 33)).sample(0, NOW)


def test_id_never_becomes_a_path(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="number"):
        MonitorMemory(tmp_path, "../1", (1, 36, 33))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(SIZES), st.binary(min_size=900, max_size=1100))
def test_any_bytes(tmp_path: Path, size: int, raw: bytes) -> None:
    (tmp_path / "zm.mmap.1").write_bytes(size.to_bytes(4, "little") + raw)
    memory = MonitorMemory(tmp_path, "1", VERSIONS[size])
    try:
        sample = memory.sample(0, NOW)
        assert sample.capture_fps is None or 0 <= sample.capture_fps < 10_000
    except Unusable:
        pass
    finally:
        memory.close()


@pytest.mark.parametrize("size", SIZES)
def test_a_clock_that_was_set_back_keeps_no_dead_daemon_alive(tmp_path: Path, size: int) -> None:
    writer, memory = written(tmp_path, size, from_one=size != 600)
    back = NOW - 3600
    with pytest.raises(Unusable, match="ahead"):
        memory.sample(1, back)
    writer.set(heartbeat=int(back), last_write=int(back))  # alive: its start alone is of the time before
    assert memory.sample(2, back).startup == NOW
    with pytest.raises(Unusable, match="sign of life"):
        memory.sample(3, back + 60)


@pytest.mark.parametrize(
    ("size", "raw", "detects"), [(760, 0, False), (760, 1, True), (872, 1, False), (872, 2, True), (864, 0, False)]
)
def test_newer_layouts_count_their_modes_from_one(tmp_path: Path, size: int, raw: int, detects: bool) -> None:  # noqa: FBT001
    writer, memory = written(tmp_path, size)
    writer.overwrite(bytes([raw]), 69 if size == 760 else 94)
    assert memory.sample(0, NOW).is_detecting is detects


@pytest.mark.parametrize("size", [864, 872, 888])
def test_zones_have_scores(tmp_path: Path, size: int) -> None:
    writer = MemoryWriter(tmp_path, "1", size=size, zones=3)
    writer.create(NOW)
    memory = MonitorMemory(tmp_path, "1", VERSIONS[size])
    assert memory.sample(0, NOW).scored_zones is None
    memory.expect_zones(3)
    first = memory.sample(0, NOW)
    assert first.scored_zones == (False, False, False)
    assert memory.sample(0, NOW) is first
    writer.score_zones(0, 7, 255)
    assert memory.sample(0, NOW).scored_zones == (False, True, True)


@pytest.mark.parametrize("count", [1, 2, 4, 5, 1500, 5000])
def test_scores_of_another_number_of_zones_are_nobodys(tmp_path: Path, count: int) -> None:
    writer = MemoryWriter(tmp_path, "1", size=872, zones=3)
    writer.create(NOW)
    writer.score_zones(1, 1, 1)
    memory = MonitorMemory(tmp_path, "1", (1, 38, 4))
    memory.expect_zones(count)
    assert memory.sample(0, NOW).scored_zones is None
    memory.expect_zones(3)
    assert memory.sample(0, NOW).scored_zones == (True, True, True)


def test_many_zones(tmp_path: Path) -> None:
    writer = MemoryWriter(tmp_path, "1", size=888, zones=400)
    writer.create(NOW)
    writer.score_zones(*[0] * 399, 1)
    memory = MonitorMemory(tmp_path, "1", (1, 39, 20))
    memory.expect_zones(400)
    assert memory.sample(0, NOW).scored_zones == (*[False] * 399, True)


def test_a_file_that_ends_before_the_zones_tells_the_rest(tmp_path: Path) -> None:
    writer = MemoryWriter(tmp_path, "1", size=872, zones=2)
    writer.create(NOW)
    writer.score_zones(1, 1)
    memory = MonitorMemory(tmp_path, "1", (1, 38, 4))
    memory.expect_zones(2)
    assert memory.sample(0, NOW).scored_zones == (True, True)
    writer.truncate(872 + 560)
    sample = memory.sample(0, NOW)
    assert (sample.alarm, sample.scored_zones) == (AlarmState.IDLE, None)


def test_scores_behind_no_trigger_data_are_none(tmp_path: Path) -> None:
    writer = MemoryWriter(tmp_path, "1", size=872, zones=1)
    writer.create(NOW)
    writer.overwrite((552).to_bytes(4, "little"), 872)
    memory = MonitorMemory(tmp_path, "1", (1, 38, 4))
    memory.expect_zones(1)
    assert memory.sample(0, NOW).scored_zones is None


def test_older_layouts_have_no_scores(tmp_path: Path) -> None:
    _, memory = written(tmp_path, 760)
    memory.expect_zones(1)
    assert memory.sample(0, NOW).scored_zones is None
