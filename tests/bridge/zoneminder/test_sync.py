"""The library without an event loop: types, errors, iteration, interruption, and that nothing is left behind."""

from __future__ import annotations

import asyncio
import concurrent.futures
import queue
import threading
from typing import TYPE_CHECKING, assert_type

import pytest
from tests.bridge.zoneminder.support import PASSWORD, USER
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.personality import V1_38_4

from vms_bridge.errors import VmsAuthFailed
from vms_bridge.synced import Runner, each
from vms_bridge.zoneminder import MonitorRow, RunState, VersionInfo
from vms_bridge.zoneminder.large_answers import LARGE_BYTES
from vms_bridge.zoneminder.sync import ZoneMinder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def in_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("zoneminder")]


async def test_everything_has_its_type() -> None:
    def script(url: str) -> list[str]:
        with ZoneMinder(url, USER, PASSWORD) as zm:
            assert in_threads() == ["zoneminder"]
            monitors = zm.monitors.list(force_reload=True)
            assert_type(monitors, tuple[MonitorRow, ...])
            assert_type(zm.version(), VersionInfo)
            assert_type(zm.states.active(), RunState | None)
            assert_type(zm.monitors.snapshot(1), bytes)
            assert_type(zm.configs.get("ZM_PATH_ZMS"), str | None)
            with pytest.raises(TypeError, match="unexpected keyword"):
                zm.monitors.find(nmae="x")  # type: ignore[call-arg]
            return [monitor.name for monitor in monitors]

    async with FakeZoneMinder(World()) as fake:
        assert await asyncio.to_thread(script, fake.url) == ["Camera 1", "Camera 2", "Camera 3"]
    assert in_threads() == []


async def test_what_is_raised_comes_out_and_the_thread_ends() -> None:
    def script(url: str) -> None:
        with ZoneMinder(url, USER, "wrong"):
            raise AssertionError("it is not let in")

    async with FakeZoneMinder(World()) as fake:
        with pytest.raises(VmsAuthFailed):
            await asyncio.to_thread(script, fake.url)
    assert in_threads() == []


async def test_it_may_be_opened_again() -> None:
    def script(url: str) -> int:
        zm = ZoneMinder(url, USER, PASSWORD)
        with zm:
            first = len(zm.monitors.list())
        with zm:
            return first + len(zm.monitors.list(force_reload=True))

    async with FakeZoneMinder(World()) as fake:
        assert await asyncio.to_thread(script, fake.url) == 6


async def test_answers_that_are_read_by_a_process_of_their_own_are_read_from_a_thread_too() -> None:
    def script(url: str) -> int:
        with ZoneMinder(url, USER, PASSWORD) as zm:
            return len(zm.monitors.list())

    async with FakeZoneMinder(World(V1_38_4, monitors=100)) as fake:
        sizes: list[int] = []

        def weigh(_: str, body: bytes) -> bytes:
            sizes.append(len(body))
            return body

        fake.rewrite = weigh
        assert await asyncio.to_thread(script, fake.url) == 100
        assert max(sizes) > LARGE_BYTES


async def test_several_threads_may_ask_one() -> None:
    def script(url: str) -> list[int]:
        with ZoneMinder(url, USER, PASSWORD) as zm, concurrent.futures.ThreadPoolExecutor(4) as threads:
            found = [threads.submit(zm.monitors.list, force_reload=True) for _ in range(12)]
            return [len(each_one.result()) for each_one in found]

    async with FakeZoneMinder(World()) as fake:
        assert await asyncio.to_thread(script, fake.url) == [3] * 12


class Counted:
    """Numbers, one after the other, and whether anybody has said that it is enough."""

    def __init__(self) -> None:
        self.is_closed = False

    async def numbers(self) -> AsyncIterator[int]:
        try:
            for number in range(5):
                await asyncio.sleep(0)
                yield number
        finally:
            self.is_closed = True


def test_an_iterator_is_ended_by_who_has_enough() -> None:
    runner, counted = Runner("zoneminder-test"), Counted()
    runner.start()
    assert list(each(runner, counted.numbers())) == [0, 1, 2, 3, 4]
    counted.is_closed = False
    for number in (found := each(runner, counted.numbers())):
        if number == 2:
            break
    found.close()  # type: ignore[attr-defined]  # what the end of a function does
    assert counted.is_closed
    left = each(runner, counted.numbers())
    assert next(left) == 0
    runner.stop()
    runner.stop()
    left.close()  # type: ignore[attr-defined]  # behind the end of `with`
    with pytest.raises(RuntimeError, match="use it by"):
        next(each(runner, counted.numbers()))


def test_what_is_under_way_at_the_end_is_cancelled() -> None:
    runner = Runner("zoneminder-test")
    runner.start()
    said: queue.SimpleQueue[str] = queue.SimpleQueue()

    async def forever() -> None:
        said.put("began")
        try:
            await asyncio.Event().wait()
        finally:
            said.put("ended")

    def wait() -> None:
        try:
            runner.run(forever())
        except concurrent.futures.CancelledError:
            said.put("cancelled")

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert said.get(timeout=10) == "began"
    runner.stop()
    waiting.join(10)
    assert [said.get_nowait(), said.get_nowait()] == ["ended", "cancelled"]


def test_it_does_not_wait_for_itself() -> None:
    runner = Runner("zoneminder-test")
    runner.start()

    async def inside() -> None:
        runner.run(asyncio.sleep(0))

    with pytest.raises(RuntimeError, match="wait for itself"):
        runner.run(inside())
    runner.stop()
