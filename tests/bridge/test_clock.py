"""Time limits: those of the machine's clock, and those that a test drives, mean the same."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from tests.fakes.clock import FakeClock

from vms_bridge.clock import Moment, SystemClock

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vms_bridge.clock import Clock


async def _machine(seconds: float) -> None:
    await asyncio.sleep(seconds)


def clocks() -> list[tuple[Clock, Callable[[float], Awaitable[None]]]]:
    fake = FakeClock()
    return [(SystemClock(), _machine), (fake, fake.advance)]


@pytest.mark.parametrize(("clock", "passes"), clocks(), ids=["machine", "driven"])
class TestEach:
    async def test_an_overrun_is_a_timeout(self, clock: Clock, passes: Callable[[float], Awaitable[None]]) -> None:
        async def work() -> bool:
            with pytest.raises(TimeoutError):
                async with clock.timeout(0.02) as limit:
                    await asyncio.Event().wait()
            return limit.expired()

        task = asyncio.create_task(work())
        await passes(0.05)
        assert await task

    async def test_what_is_done_in_time_is_left_alone(self, clock: Clock, passes: Callable[[float], Awaitable[None]]) -> None:
        async with clock.timeout(0.02) as limit:
            await asyncio.sleep(0)
        await passes(0.05)
        assert not limit.expired()

    async def test_the_inner_limit_ends_before_the_outer(self, clock: Clock, passes: Callable[[float], Awaitable[None]]) -> None:
        async def work() -> str:
            async with clock.timeout(60) as outer:
                try:
                    async with clock.timeout(0.02):
                        await asyncio.Event().wait()
                except TimeoutError:
                    await asyncio.sleep(0)
                    return f"inner, outer {outer.expired()}"
            return "none"

        task = asyncio.create_task(work())
        await passes(0.05)
        assert await task == "inner, outer False"

    async def test_the_outer_limit_goes_through_the_inner(self, clock: Clock, passes: Callable[[float], Awaitable[None]]) -> None:
        async def work() -> str:
            try:
                async with clock.timeout(0.02):
                    try:
                        async with clock.timeout(60):
                            await asyncio.Event().wait()
                    except TimeoutError:
                        return "inner"
            except TimeoutError:
                return "outer"
            return "none"

        task = asyncio.create_task(work())
        await passes(0.05)
        assert await task == "outer"

    async def test_a_cancellation_stays_one(self, clock: Clock, passes: Callable[[float], Awaitable[None]]) -> None:
        async def work() -> None:
            async with clock.timeout(0.02):
                await asyncio.Event().wait()

        task = asyncio.create_task(work())
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await passes(0.05)

    async def test_another_timeout_within_is_not_its_own(self, clock: Clock, passes: Callable[[float], Awaitable[None]]) -> None:
        with pytest.raises(TimeoutError, match="of a socket"):
            async with clock.timeout(60) as limit:
                raise TimeoutError("of a socket")
        assert not limit.expired()
        await passes(0)

    @pytest.mark.parametrize("seconds", [0, -1.0])
    async def test_no_time_at_all_ends_at_the_first_wait(
        self, seconds: float, clock: Clock, passes: Callable[[float], Awaitable[None]]
    ) -> None:
        with pytest.raises(TimeoutError):
            async with clock.timeout(seconds):
                await asyncio.Event().wait()
        await passes(0)

    async def test_without_a_limit_it_waits(self, clock: Clock, passes: Callable[[float], Awaitable[None]]) -> None:
        done = asyncio.Event()

        async def work() -> bool:
            async with clock.timeout(None) as limit:
                await done.wait()
            return limit.expired()

        task = asyncio.create_task(work())
        await passes(0.05)
        done.set()
        assert await task is False


async def test_time_that_stands_still_limits_nothing() -> None:
    clock = FakeClock()
    async with clock.timeout(0.01):
        await asyncio.sleep(0.03)
    await clock.advance(1)
    assert clock.sleeping == 0


def moment(uptime_s: float, *, boot: str = "first", wall_s: float = 0.0) -> Moment:
    return Moment(boot=boot, uptime_s=uptime_s, wall=datetime(2026, 11, 20, tzinfo=UTC) + timedelta(seconds=wall_s))


@pytest.mark.parametrize(
    ("before", "after", "seconds"),
    [
        (moment(100), moment(104.5, wall_s=4.5), 4.5),
        (moment(100), moment(104, wall_s=-7200), 4),  # the wall clock was set, back or forth
        (moment(100), moment(104, wall_s=7200), 4),
        (moment(100), moment(99), None),  # time does not go back: this is not known then
        (moment(5000), moment(20, boot="second", wall_s=25), 25),  # the machine was started anew
        (moment(5000), moment(20, boot="second", wall_s=19), None),  # a clock that has lost the time it was off
        (moment(5000), moment(20, boot="second", wall_s=-60), None),
    ],
)
def test_how_long_ago_is_known_beyond_a_restart(before: Moment, after: Moment, seconds: float | None) -> None:
    assert before.until(after) == seconds


def test_the_machines_moments_are_of_one_start() -> None:
    clock = SystemClock()
    first, second = clock.moment(), SystemClock().moment()
    assert first.boot == second.boot
    assert 0 <= (first.until(second) or 0.0) < 5
