from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from vms_bridge.scripts.trying.clock import JumpingClock

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


async def test_time_stands_still_until_it_jumps() -> None:
    clock, woken = JumpingClock(START), []

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append((seconds, clock.elapsed_s))

    tasks = [asyncio.create_task(sleeper(seconds)) for seconds in (7200.0, 30.0, 30.0, 0.0)]
    await turns()
    assert (woken, clock.due_s) == ([(0.0, 0.0)], 30.0)
    before = clock.moment()
    clock.jump(30.0)
    await turns()
    assert woken[1:] == [(30.0, 30.0), (30.0, 30.0)]
    assert (clock.now(), clock.due_s) == (START + timedelta(seconds=30), 7200.0)
    assert before.until(clock.moment()) == 30.0
    clock.jump(10.0)  # it never goes back
    assert clock.elapsed_s == 30.0
    clock.jump(7200.0)
    await asyncio.gather(*tasks)
    assert clock.due_s is None
    clock.pause(1e9)


async def test_who_gives_up_is_not_waited_for() -> None:
    clock = JumpingClock(START)
    first, second = (asyncio.create_task(clock.sleep(seconds)) for seconds in (5.0, 9.0))
    await turns()
    first.cancel()
    await turns()
    assert clock.due_s == 9.0
    clock.jump(20.0)
    await second


async def test_a_limit_ends_what_takes_too_long() -> None:
    clock = JumpingClock(START)

    async def limited(seconds: float | None) -> None:
        async with clock.timeout(seconds):
            await clock.sleep(100.0)

    slow, unlimited, at_once = (asyncio.create_task(limited(seconds)) for seconds in (60.0, None, 0.0))
    await turns()
    with pytest.raises(TimeoutError):
        await at_once
    assert clock.due_s == 60.0
    clock.jump(60.0)
    with pytest.raises(TimeoutError):
        await slow
    clock.jump(100.0)
    await unlimited
    async with clock.timeout(5.0) as limit:
        pass
    assert not limit.expired()
    assert clock.due_s is None
