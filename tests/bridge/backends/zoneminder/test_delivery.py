"""Cameras whose pictures stop: one that comes late is no stream, and old rows tell of the past."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.zoneminder.support import RECORDED, FastClock, memory_config
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.personality import V1_36_33, V1_38_4
from tests.fakes.zoneminder.world import ALARM

from vms_bridge import model
from vms_bridge.backends.zoneminder.delivery import Delivery
from vms_bridge.backends.zoneminder.monitor_ladder import Lags, MonitorLadder
from vms_bridge.zoneminder import AlarmState, MonitorRow
from vms_bridge.zoneminder.memory import Sample

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.bridge.backends.zoneminder.conftest import Serve

pytestmark = pytest.mark.virtual_time

NOW = 1_800_000_000
LAGS = Lags(events=2.0, status=None, monitors=15.0)
OLD = MonitorRow(id="1", name="x", function="Modect", status="Connected", capture_fps=5.0)


def new(written: str, fps: float = 5.0, status: str = "Connected") -> MonitorRow:
    return MonitorRow(id="1", name="x", capturing="Always", recording="OnMotion", status=status, capture_fps=fps, updated=written)


def sample(last_write: int | None, *, startup: int = -42, signal: bool = True, fps: float | None = 5.0, frame: int = 0) -> Sample:
    return Sample(
        alarm=AlarmState.IDLE, last_event=0, is_detecting=True, has_signal=signal, startup=NOW + startup, heartbeat=NOW,
        last_write=0 if last_write is None else NOW + last_write, imagesize=0, sign=(frame, 0), capture_fps=fps,
    )  # fmt: skip


class Camera:
    """A monitor, looked at twice a second by its memory, and what is told of it; times are since the start."""

    def __init__(self, row: MonitorRow = OLD) -> None:
        self.ladder = MonitorLadder(row=row)
        self.ladder.take_row(row, 0.0, is_starting=False)
        self.told: list[tuple[float, bool | None]] = []
        self.at = 0.0

    def look(self, seen: Sample | None) -> None:
        if seen is None:
            self.ladder.lost_memory("gone", self.at)
        elif seen is not self.ladder.memory.sample:
            self.ladder.saw(seen, self.at or -1.0)
        state = self.ladder.state(datetime.fromtimestamp(NOW + self.at, UTC), self.at, LAGS)
        self.ladder.was_emitted(state)
        if not self.told or self.told[-1][1] is not state.connected:
            self.told.append((self.at, state.connected))
        self.at += 0.5

    def look_until(self, at: float, seen: Sample | None) -> None:
        while self.at < at:
            self.look(seen)

    def pictures(self, until: float) -> None:
        """Let pictures come, some a second."""
        while self.at < until:
            self.look(sample(int(self.at), frame=int(self.at * 2)))


def recorded_halt() -> Iterator[tuple[float, Sample | None]]:
    """Yield when the memory changed after the camera had halted, and how it was then."""
    text = (RECORDED / "timeline-camera-halt-1.38.4.txt").read_text()
    for line in re.findall(r"^ +\d.*$", text, re.MULTILINE):
        at, valid, signal, write, _, startup, fps, *_ = line.split()
        yield (
            float(at),
            sample(int(write) or None, startup=int(startup), signal=signal == "1", fps=float(fps)) if valid == "1" else None,
        )


@pytest.mark.parametrize("fps", [None, 5.0], ids=["1.38.4", "1.36.33"])
def test_a_camera_that_halts_stays_disconnected(fps: float | None) -> None:
    """As recorded; in 1.36 the rate stays what it was when the late picture comes. All the while the row says Connected."""
    camera = Camera()
    for at, seen in recorded_halt():
        camera.look_until(at, camera.ladder.memory.sample)
        camera.look(seen if fps is None or seen is None or not seen.capture_fps else sample(seen.last_write - NOW, fps=fps))
    camera.look_until(90, camera.ladder.memory.sample)
    assert [connected for _, connected in camera.told] == [True, False]
    assert camera.told[1][0] < 6


def test_late_pictures_at_each_try_are_no_stream() -> None:
    camera = Camera()
    camera.pictures(3)
    for number, at in enumerate((12, 23, 34), 1):
        camera.look_until(at, camera.ladder.memory.sample)
        camera.look(sample(at, frame=number + 100))
        camera.look_until(at + 7, camera.ladder.memory.sample)
        camera.look(sample(None, startup=at, signal=False))
    assert [connected for _, connected in camera.told] == [True, False]


def test_pictures_that_keep_coming_are_a_stream() -> None:
    camera = Camera()
    camera.pictures(3)
    camera.look_until(20, camera.ladder.memory.sample)
    camera.pictures(30)
    assert [connected for _, connected in camera.told] == [True, False, True]
    assert 22 <= camera.told[2][0] <= 23.5


def test_a_slow_camera_is_a_stream_too() -> None:
    camera = Camera()
    for at in range(0, 60, 10):
        camera.look(sample(at, fps=0.1, frame=at))
        camera.look_until(at + 10, camera.ladder.memory.sample)
    assert camera.told == [(0.0, True)]
    camera.look_until(120, camera.ladder.memory.sample)
    for at in range(120, 160, 10):
        camera.look(sample(at, fps=0.1, frame=at))
        camera.look_until(at + 10, camera.ladder.memory.sample)
    assert [connected for _, connected in camera.told] == [True, False, True]


def test_a_daemon_that_starts_anew_is_given_time_only_if_its_camera_was_there() -> None:
    camera = Camera()
    camera.pictures(3)
    camera.look_until(8, sample(None, startup=3, signal=False))
    camera.pictures(20)
    assert [connected for _, connected in camera.told] == [True]
    camera.look_until(40, camera.ladder.memory.sample)
    camera.look_until(50, sample(None, startup=40, signal=False))
    assert [connected for _, connected in camera.told] == [True, False]


def test_a_row_from_before_does_not_bring_a_lost_camera_back() -> None:
    """The memory is made anew while the camera is away: for a moment there is only the row, which nobody has written since."""
    camera = Camera(new("12:00:00"))
    camera.pictures(3)
    camera.look_until(15, camera.ladder.memory.sample)
    camera.ladder.take_row(new("12:00:00"), 15, is_starting=False)
    camera.look_until(18, None)
    assert [connected for _, connected in camera.told] == [True, False]


def rows(*seen: tuple[float, MonitorRow]) -> list[bool]:
    delivery, found = Delivery(), []
    for at, row in seen:
        delivery.read(row, at, is_starting=False)
        found.append(delivery.by_row(row))
    return found


def test_by_rows_pictures_have_to_be_there_twice_after_an_interruption() -> None:
    assert rows(
        (0, new("00")), (15, new("15", 0.0, "Running")), (30, new("30", 0.46)), (45, new("45", 0.0)),
        (60, new("60")), (75, new("60")), (90, new("90")), (105, new("105")),
    ) == [True, False, False, False, False, False, True, True]  # fmt: skip
    halted = MonitorRow(id="1", name="x", function="Modect", status="Running", capture_fps=0.0)
    assert rows((0, OLD), (15, halted), (30, OLD), (35, OLD), (42, OLD)) == [True, False, False, False, True]
    assert rows((0, halted), (15, OLD), (30, OLD)) == [False, False, True]


def test_a_daemon_that_was_started_by_us_is_believed_at_its_first_row() -> None:
    delivery = Delivery()
    delivery.read(new("00"), 0, is_starting=False)
    delivery.read(new("05", 0.0, "Running"), 5, is_starting=True)
    delivery.read(new("08"), 8, is_starting=True)
    assert delivery.by_row(new("08"))
    idle = MonitorRow(id="1", name="x", function="None", status="NotRunning")
    assert rows((0, OLD), (15, idle), (30, OLD)) == [True, False, True]


def test_a_row_that_nobody_writes_any_more_tells_nothing() -> None:
    assert rows((0, new("00")), (15, new("00")), (45, new("00")), (46, new("00"))) == [True, True, True, False]
    slow = new("00", fps=0.05)
    assert rows((0, slow), (60, slow), (61, slow)) == [True, True, False]
    on_demand = MonitorRow(id="1", name="x", capturing="Ondemand", status="Connected", capture_fps=5.0, updated="00")
    assert rows((0, on_demand), (100, on_demand)) == [True, True]
    assert rows((0, OLD), (600, OLD)) == [True, True]


def test_a_row_that_nobody_writes_any_more_has_no_rates() -> None:
    camera = Camera(new("12:00:00"))
    camera.at = 50.0
    camera.ladder.take_row(new("12:00:00"), 50, is_starting=False)
    state = camera.ladder.state(datetime.fromtimestamp(NOW, UTC), 50, LAGS)
    assert (state.connected, state.capture_fps, state.bandwidth_bytes) == (False, None, None)
    assert state.detail == "its daemon shows no sign of life"
    camera.ladder.was_asked(AlarmState.ALARM, None, 50)
    assert camera.ladder.status.answer is None


async def test_a_hung_daemon_without_shared_memory(clock: FastClock, serve: Serve) -> None:
    world = World(V1_38_4, now=clock.now)
    async with FakeZoneMinder(world) as fake, serve(fake) as (_, feed):
        await feed.until(lambda: feed.states["1"].connected)
        world.alarm(1)
        await feed.until(lambda: feed.states["1"].alarm is model.AlarmState.ALARM)
        world.silent.add(1)
        await feed.until(lambda: feed.states["1"].connected is False, 10)
        assert feed.states["1"].capture_fps is None
        world.set_state(1, ALARM)
        await feed.until(lambda: feed.states["1"].alarm is None, 10)
        world.silent.clear()
        await feed.until(lambda: feed.states["1"].connected)
        await feed.until(lambda: feed.states["1"].alarm is model.AlarmState.ALARM)


async def test_a_camera_that_halts_and_comes_back(tmp_path: Path, serve: Serve) -> None:
    clock = FastClock(10)
    world = World(V1_36_33, now=clock.now, shm_dir=tmp_path)

    async def beat() -> None:
        while True:
            world.beat()
            await asyncio.sleep(0.02)

    life = asyncio.create_task(beat())
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.states["1"].connected)
        await clock.sleep(3)
        world.silent.add(1)
        await feed.until(lambda: feed.states["1"].connected is False)
        seen = len(feed.history)
        world.memories[1].beat(clock.now().timestamp())
        await clock.sleep(8)
        assert not any(state.connected for number, state in feed.history[seen:] if number == "1")
        world.silent.clear()
        await feed.until(lambda: feed.states["1"].connected)
    life.cancel()
