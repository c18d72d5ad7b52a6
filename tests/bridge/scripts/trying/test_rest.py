from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path  # noqa: TC003

import pytest

from vms_bridge.clock import SystemClock
from vms_bridge.scripts.trying import rest
from vms_bridge.scripts.trying.rest import NeverAtRest, come_to_rest
from vms_bridge.scripts.trying.still import NotSeen, look_at


class Worked:
    """What a test says of a worker."""

    def __init__(self) -> None:
        self.pid, self.news = 1, 0
        self.is_over = self.is_answering = self.waits_for_itself = False


async def test_it_is_at_rest_when_nothing_of_it_has_run_between_two_looks() -> None:
    worked, pictures = Worked(), iter([None, "a", "b", "b", "c", "d", "d"])
    await come_to_rest(worked, looks=lambda _pid: next(pictures))
    assert next(pictures, "none") == "none"


async def test_news_between_two_looks_count() -> None:
    worked, count = Worked(), 0

    def look(_pid: int) -> str:
        nonlocal count
        count += 1
        worked.news += count == 2
        return "same"

    await come_to_rest(worked, looks=look)
    assert count == 4


async def test_who_is_answered_is_not_at_rest() -> None:
    worked = Worked()
    worked.is_answering = True
    waiting = asyncio.create_task(come_to_rest(worked, looks=lambda _pid: "same"))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    worked.is_answering = False
    await waiting


async def test_who_has_ended_is_at_rest() -> None:
    worked = Worked()
    worked.is_over = True
    await come_to_rest(worked, looks=lambda _pid: None)


async def test_who_waits_for_itself_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "_ASLEEP_S", 0.02)
    worked = Worked()
    worked.waits_for_itself = True
    began = SystemClock().monotonic()
    await come_to_rest(worked, looks=lambda _pid: "same")
    assert SystemClock().monotonic() - began > 0.02


async def test_it_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rest, "_PATIENCE_S", 0.02)
    with pytest.raises(NeverAtRest):
        await come_to_rest(Worked(), looks=lambda _pid: None)


def test_a_process_that_sleeps_and_one_that_works() -> None:
    program = "import sys\nsys.stdout.write('up'); sys.stdout.flush()\nsys.stdin.read()"
    with subprocess.Popen(  # noqa: S603 - this very Python
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.read(2) == b"up"
        while (before := look_at(process.pid)) is None:
            pass
        assert before == look_at(process.pid)
        process.kill()
    assert look_at(process.pid) == ()
    assert look_at(os.getpid()) is None  # this test runs


def test_what_proc_says(tmp_path: Path) -> None:
    task = tmp_path / "7" / "task" / "7"
    task.mkdir(parents=True)
    assert look_at(7, root=tmp_path) is None  # it goes away just now
    for state, is_still in (("S (sleeping)", True), ("R (running)", False), ("D (disk sleep)", False), ("Z (zombie)", True)):
        (task / "status").write_text(f"Name:\tx\nState:\t{state}\nvoluntary_ctxt_switches:\t4\nnonvoluntary_ctxt_switches:\t1\n")
        assert (look_at(7, root=tmp_path) is not None) == is_still
    (task / "status").write_text("Name:\tx\n")
    assert look_at(7, root=tmp_path) is None
    assert look_at(2**22 + 1, root=tmp_path) == (), "there is no such process"


def test_a_process_that_is_hidden_is_not_taken_for_one_at_rest(tmp_path: Path) -> None:
    with pytest.raises(NotSeen, match="hides what this process does"):
        look_at(os.getpid(), root=tmp_path)
