"""The thread that looks at shared memory, when what it looks at does not answer."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, TypeVar, cast

from tests.fakes.clock import FakeClock
from tests.fakes.zoneminder.memory import MemoryWriter

from vms_bridge.backends.zoneminder.sampler import Sampler
from vms_bridge.backends.zoneminder.shm import Sample, Unusable

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

_T = TypeVar("_T")


class HangingDirectory:
    """A directory on a file system that hangs from `answers.clear()` to `answers.set()`."""

    def __init__(self, real: Path) -> None:
        self._real = real
        self.answers = threading.Event()
        self.answers.set()

    def __truediv__(self, name: str) -> Path:
        self.answers.wait(5)
        return self._real / name


async def in_vain(clock: FakeClock, work: Coroutine[None, None, _T]) -> _T:
    """Have it wait until its patience is over."""
    task = asyncio.create_task(work)
    await clock.advance(5.0)
    return await task


async def test_what_was_seen_before_a_file_system_hung_is_no_truth(tmp_path: Path) -> None:
    clock = FakeClock()
    for number in "12":
        MemoryWriter(tmp_path, number, size=760, from_one=True).create(clock.now().timestamp())
    directory = HangingDirectory(tmp_path)
    sampler = Sampler(cast("Path", directory), (1, 36, 33), clock)
    ((number, seen),) = await sampler.look({"1": 0})
    assert number == "1"
    assert isinstance(seen, Sample)

    directory.answers.clear()
    ((number, problem),) = await in_vain(clock, sampler.look({"1": 0, "2": 0}))
    assert number == "1"
    assert isinstance(problem, Unusable)
    assert "does not answer" in str(problem)
    assert problem.hint
    assert await in_vain(clock, sampler.look({"1": 0, "2": 0})) == []

    directory.answers.set()
    news: list[str] = []
    while len(news) < 2:
        news += [number for number, seen in await sampler.look({"1": 0, "2": 0}) if isinstance(seen, Sample)]
    assert sorted(news) == ["1", "2"]
    sampler.close()


async def test_causes_are_not_waited_for_without_end(tmp_path: Path) -> None:
    clock = FakeClock()
    MemoryWriter(tmp_path, "1").create(clock.now().timestamp(), cause=b"Motion")
    sampler = Sampler(tmp_path, (1, 36, 33), clock)
    assert len(await sampler.look({"1": 0})) == 1
    answers = threading.Event()
    sampler._thread.submit(answers.wait, 5)
    assert await in_vain(clock, sampler.causes(["1"])) == {}
    ((_, problem),) = await in_vain(clock, sampler.look({"1": 0}))
    assert isinstance(problem, Unusable)
    answers.set()
    while not (causes := await sampler.causes(["1"])):
        pass
    assert causes == {"1": "Motion"}
    sampler.close()
