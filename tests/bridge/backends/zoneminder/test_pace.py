"""How much may be asked, and when."""

from __future__ import annotations

import asyncio

from tests.fakes.clock import FakeClock

from vms_bridge.backends.zoneminder.pace import Allowance, Reserve


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
