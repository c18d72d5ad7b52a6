"""The thread that looks at shared memory, when what it looks at does not answer."""

from __future__ import annotations

import asyncio
import threading
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, TypeVar, cast

import pytest
from tests.fakes.clock import FakeClock
from tests.fakes.zoneminder.memory import MemoryWriter

from vms_bridge.backends.zoneminder.sampler import Sampler
from vms_bridge.zoneminder import AlarmState
from vms_bridge.zoneminder.memory import Sample, Unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator, Mapping
    from pathlib import Path

    OpenSampler = Callable[[Path, FakeClock], Sampler]

_T = TypeVar("_T")


class HangingDirectory:
    """A directory on a file system that hangs from `answers.clear()` to `answers.set()`."""

    def __init__(self, real: Path) -> None:
        self._real = real
        self.answers = threading.Event()
        self.answers.set()

    def __truediv__(self, name: str) -> Path:
        self.answers.wait(15)
        return self._real / name


@pytest.fixture
def open_sampler() -> Iterator[OpenSampler]:
    with ExitStack() as opened:
        yield lambda directory, clock: opened.enter_context(closing(Sampler(directory, (1, 36, 33), clock)))


async def in_vain(clock: FakeClock, work: Coroutine[None, None, _T]) -> _T:
    """Have it wait until its patience is over."""
    task = asyncio.create_task(work)
    await clock.advance(5.0)
    return await task


async def test_what_was_seen_before_a_file_system_hung_is_no_truth(tmp_path: Path, open_sampler: OpenSampler) -> None:
    clock = FakeClock()
    for number in "12":
        MemoryWriter(tmp_path, number, size=760, from_one=True).create(clock.now().timestamp())
    directory = HangingDirectory(tmp_path)
    sampler = open_sampler(cast("Path", directory), clock)
    ((number, seen),) = (await sampler.read({"1": 0})).items()
    assert number == "1"
    assert isinstance(seen, Sample)

    directory.answers.clear()
    ((number, problem),) = (await in_vain(clock, sampler.read({"1": 0, "2": 0}))).items()
    assert number == "1"
    assert isinstance(problem, Unusable)
    assert "does not answer" in str(problem)
    assert problem.hint
    assert await in_vain(clock, sampler.read({"1": 0, "2": 0})) == {}

    directory.answers.set()
    changes: list[str] = []
    while len(changes) < 2:
        changes += [number for number, seen in (await sampler.read({"1": 0, "2": 0})).items() if isinstance(seen, Sample)]
    assert sorted(changes) == ["1", "2"]


async def until_news_of(sampler: Sampler, monitor_id: str, zones: Mapping[str, int]) -> Mapping[str, Sample | Unusable]:
    """Return the first news that the monitor is in, with what came before."""
    changes: dict[str, Sample | Unusable] = {}
    while monitor_id not in changes:
        changes |= await sampler.changes(zones)
    return changes


async def test_what_is_urgent_comes_at_once_and_the_rest_at_the_next_whole_look(
    tmp_path: Path, open_sampler: OpenSampler
) -> None:
    clock, zones = FakeClock(), {"1": 0, "2": 0}
    one, two = (MemoryWriter(tmp_path, number, size=760, from_one=True) for number in "12")
    for writer in (one, two):
        writer.create(clock.now().timestamp())
    sampler = open_sampler(tmp_path, clock)
    assert (await sampler.read(zones)).keys() == {"1", "2"}

    one.set(capture_fps=12.5)
    two.set(state=2)
    changes = await until_news_of(sampler, "2", zones)
    assert changes.keys() == {"2"}
    seen = changes["2"]
    assert isinstance(seen, Sample)
    assert seen.alarm is AlarmState.ALARM

    await clock.advance(0.5)
    seen = (await until_news_of(sampler, "1", zones))["1"]
    assert isinstance(seen, Sample)
    assert seen.capture_fps == 12.5


async def test_after_something_urgent_every_frame_counts_for_a_second(tmp_path: Path, open_sampler: OpenSampler) -> None:
    clock, zones = FakeClock(), {"1": 0}
    writer = MemoryWriter(tmp_path, "1", size=760, from_one=True)
    writer.create(clock.now().timestamp())
    sampler = open_sampler(tmp_path, clock)
    await sampler.read(zones)
    writer.set(state=2)
    await until_news_of(sampler, "1", zones)
    for fps in (1.0, 2.0, 3.0):
        writer.set(capture_fps=fps)
        seen = (await until_news_of(sampler, "1", zones))["1"]
        assert isinstance(seen, Sample)
        assert seen.capture_fps == fps


async def test_monitors_that_come_and_go_are_adopted_between_two_looks(tmp_path: Path, open_sampler: OpenSampler) -> None:
    clock = FakeClock()
    for number in "12":
        MemoryWriter(tmp_path, number, size=760, from_one=True).create(clock.now().timestamp())
    sampler = open_sampler(tmp_path, clock)
    assert (await sampler.read({"1": 0})).keys() == {"1"}
    assert "2" in await until_news_of(sampler, "2", {"1": 0, "2": 0})
    assert "3" in await until_news_of(sampler, "3", {"3": 0})


async def test_a_file_system_that_hangs_between_two_looks_makes_everything_unknown(
    tmp_path: Path, open_sampler: OpenSampler
) -> None:
    clock, zones = FakeClock(), {"1": 0}
    writer = MemoryWriter(tmp_path, "1", size=760, from_one=True)
    writer.create(clock.now().timestamp())
    directory = HangingDirectory(tmp_path)
    sampler = open_sampler(cast("Path", directory), clock)
    await sampler.read(zones)
    writer.set(state=2)
    await until_news_of(sampler, "1", zones)

    directory.answers.clear()
    changes: Mapping[str, Sample | Unusable] = {}
    while not any(isinstance(seen, Unusable) for seen in changes.values()):
        changes = await in_vain(clock, sampler.changes({"1": 0, "2": 0}))
    assert isinstance(changes["1"], Unusable)
    directory.answers.set()
    assert isinstance((await until_news_of(sampler, "1", zones))["1"], Sample)
