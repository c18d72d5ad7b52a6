"""How much may be asked, and when."""

from __future__ import annotations

import asyncio

from tests.fakes.clock import FakeClock

from vms_bridge.backends.zoneminder.pace import Allowance, Halves, Reserve


async def test_a_reserve_is_used_up_before_anybody_waits_and_fills_again() -> None:
    clock = FakeClock()
    pace = Reserve(Allowance(0.1, clock, burst=12.0), Allowance(0.5, clock, burst=4.0))
    for _ in range(12 + 4):
        await pace.wait()
    waiting = asyncio.create_task(pace.wait())
    await clock.advance(1.9)
    assert not waiting.done()
    await clock.advance(0.2)
    assert waiting.done()
    await clock.advance(120)
    for _ in range(12 + 4):
        await pace.wait()


async def test_two_who_share_an_allowance_get_it_by_turns_while_both_want_it() -> None:
    clock = FakeClock()
    halves = Halves(Allowance(0.5, clock, burst=1.0), clock)
    taken = {"one": 0, "other": 0}
    for _ in range(40):
        for _ in range(3):  # one asks more often than the other, and always before it
            taken["one"] += halves.one.take()
        taken["other"] += halves.other.take()
        await clock.advance(1)
    assert taken["one"] == taken["other"] == 10
    for _ in range(40):
        taken["one"] += halves.one.take()
        await clock.advance(1)
    assert taken["one"] >= 10 + 17


async def test_whether_there_is_one_shows_without_taking_it() -> None:
    clock = FakeClock()
    pace = Allowance(0.5, clock, burst=1.0)
    assert [pace.left for _ in range(3)] == [1, 1, 1]
    assert pace.take()
    assert pace.left == 0
    await clock.advance(2)
    assert pace.left == 1
