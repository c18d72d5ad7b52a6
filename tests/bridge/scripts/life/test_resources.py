from __future__ import annotations

import asyncio
import os
import signal
import threading

import pytest
from tests.bridge.scripts.life.lab import HEAD, Lab, alarm, living, version
from tests.fakes.clock import FakeClock, settle

from vms_bridge.scripting import ScriptStatus
from vms_bridge.scripts.life.meter import Usage
from vms_bridge.scripts.life.resources import LONGEST_HOLD_S, MOST_PROCESSOR_S, SAVED_S, Resources
from vms_bridge.scripts.life.values import Cause
from vms_bridge.scripts.worker.lockdown import MOST_THREADS

_MB = 1024 * 1024


class Worker:
    """Uses so much of the processor in a second, unless it is held, and so much memory."""

    def __init__(self, *, busy: float = 0.0, memory_bytes: int = 0, threads: int = 1) -> None:
        self.busy, self.memory_bytes, self.threads = busy, memory_bytes, threads
        self.used_s = 0.0
        self.is_held = self.is_hidden = self.is_gone = False
        self.ended: tuple[Cause, str] | None = None

    def usage(self) -> Usage | None:
        if self.is_hidden:
            raise PermissionError(1, "it is hidden")
        return None if self.is_gone else Usage(self.used_s, self.memory_bytes, self.threads)

    def hold(self) -> None:
        self.is_held = True

    def go_on(self) -> None:
        self.is_held = False

    def end(self, cause: Cause, text: str, hint: str = "") -> None:
        assert hint
        self.ended = cause, text


class Machine:
    """Has these workers, and time that passes."""

    def __init__(self, *workers: Worker, most_mb: int = 100) -> None:
        self.clock, self.workers = FakeClock(), workers
        self.resources = Resources(self.clock, share=0.5, most_bytes=most_mb * _MB)
        for number, worker in enumerate(workers):
            self.resources.add(f"script {number}", worker)

    async def run(self, seconds: int) -> list[float]:
        """Let time pass; returns which share of it each worker had."""
        before = [worker.used_s for worker in self.workers]
        task = asyncio.create_task(self.resources.run())
        await settle()
        for _ in range(seconds):
            for worker in self.workers:
                worker.used_s += 0.0 if worker.is_held else worker.busy
            await self.clock.advance(1.0)
        task.cancel()
        await asyncio.wait([task])
        return [(worker.used_s - used_s) / seconds for worker, used_s in zip(self.workers, before, strict=True)]


async def test_who_uses_more_than_its_share_is_held_up_until_it_has_its_share_and_others_are_not() -> None:
    busy, calm = Worker(busy=1.0), Worker(busy=0.2)
    machine = Machine(busy, calm)
    shares = await machine.run(100)
    assert shares[0] == pytest.approx(0.5 + SAVED_S * 0.5 / 100, abs=0.06)
    assert shares[1] == pytest.approx(0.2)
    assert machine.resources.held > 10
    assert not busy.is_held, "nobody stands still when nobody looks any more"
    assert machine.resources.share(calm) == pytest.approx(0.2, abs=0.05)


async def test_a_worker_with_many_threads_is_not_held_for_long_at_a_time() -> None:
    worker = Worker(busy=8.0)
    machine = Machine(worker)
    await machine.run(4)
    held = 0
    task = asyncio.create_task(machine.resources.run())
    worker.busy = 0.0
    await settle()
    for _ in range(20):
        await machine.clock.advance(1.0)
        held += worker.is_held
    task.cancel()
    await asyncio.wait([task])
    assert held <= LONGEST_HOLD_S + 1


async def test_who_has_used_most_of_what_the_kernel_lets_it_have_is_ended_before() -> None:
    worker = Worker(busy=0.1)
    worker.used_s = MOST_PROCESSOR_S - 0.05
    await Machine(worker).run(1)
    assert worker.ended is not None
    assert worker.ended[0] is Cause.PROCESSOR


async def test_where_all_together_need_too_much_memory_the_largest_is_ended() -> None:
    small, large = Worker(memory_bytes=40 * _MB), Worker(memory_bytes=70 * _MB)
    machine = Machine(small, large)
    await machine.run(1)
    assert small.ended is None
    assert large.ended is not None
    assert large.ended[0] is Cause.MEMORY
    assert "used 110 MB of memory, of 100 MB" in large.ended[1]
    assert machine.resources.used(large).memory_bytes == 70 * _MB


async def test_where_nothing_can_be_read_that_is_told_until_it_can(caplog: pytest.LogCaptureFixture) -> None:
    hidden, seen = Worker(), Worker(memory_bytes=_MB)
    hidden.is_hidden = True
    machine = Machine(hidden, seen)
    await machine.run(2)
    assert "what scripts use of the machine can't be read: [Errno 1] it is hidden" in caplog.text
    assert machine.resources.used(hidden) == machine.resources.used(Worker()) == Usage(0.0, 0)
    assert machine.resources.used(seen).memory_bytes == _MB
    assert machine.resources.share(Worker()) is None


async def test_who_has_ended_is_nothing_that_can_not_be_read(caplog: pytest.LogCaptureFixture) -> None:
    worker = Worker()
    worker.is_gone = True
    await Machine(worker).run(2)
    assert not caplog.records


async def test_who_has_too_many_threads_is_ended() -> None:
    some, many = Worker(threads=MOST_THREADS), Worker(threads=MOST_THREADS + 1)
    await Machine(some, many).run(1)
    assert some.ended is None
    assert many.ended == (Cause.THREADS, "it has 257 threads, of 256 that it may have")


async def test_who_has_taken_all_threads_that_there_may_be_is_ended_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    bomb = Worker(threads=5_000)
    await Machine(bomb).run(1)
    assert bomb.ended is not None
    assert bomb.ended[0] is Cause.THREADS


async def test_a_locked_worker_can_be_measured_held_and_is_ended_for_its_memory() -> None:
    lab = Lab(most_bytes=50_000_000)
    text = (
        HEAD + "kept = []\n@on.alarm()\nasync def seen(alarm):\n    kept.append(bytearray(60_000_000))\n    log.info('has it')\n"
    )
    looking = asyncio.create_task(lab.resources.run())
    async with living(lab) as script:
        script.want(version(text))
        await lab.until_state(ScriptStatus.READY)
        assert script.current is not None
        used = script.current.worker.usage()
        assert used is not None
        assert 3 * _MB < used.memory_bytes < 25 * _MB
        script.take(alarm())
        await lab.until_logged("has it")
        await lab.fake.advance(1.0)
        await lab.until_state(ScriptStatus.RESTARTING)
        assert script.trouble is not None
        assert "all scripts together used" in script.trouble.text
    looking.cancel()
    await asyncio.wait([looking])


async def test_a_bomb_of_memory_is_an_error_of_its_handler() -> None:
    lab = Lab()
    text = HEAD + "@on.alarm()\nasync def seen(alarm):\n    log.info(str(len(bytearray(10**9))))\n"
    async with living(lab) as script:
        script.want(version(text))
        await lab.until_state(ScriptStatus.READY)
        script.take(alarm())
        await lab.until_logged("MemoryError")
        assert script.course.state is ScriptStatus.READY
        assert script.current is not None
        os.kill(script.current.worker.pid, signal.SIGSTOP)  # somebody else's: a restart is not held up by it
