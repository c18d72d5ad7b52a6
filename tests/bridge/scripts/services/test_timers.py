from __future__ import annotations

import asyncio

import pytest
from tests.bridge.scripts.services.waiting import Worker
from tests.fakes.clock import FakeClock

from vms_bridge.errors import BodyInvalid
from vms_bridge.scripts.services.table import Services
from vms_bridge.scripts.services.timers import rows


async def test_a_timer_is_over_when_the_bridges_time_has_passed() -> None:
    clock = FakeClock()
    services = Services(rows(clock), clock)
    asked = asyncio.create_task(services.answer(Worker(), "timer.open", {"seconds": 30}))
    await clock.advance(29.9)
    assert not asked.done()
    await clock.advance(0.1)
    assert (await asked).words == {}
    assert (await services.answer(Worker(), "timer.open", {"seconds": 0})).words == {}


@pytest.mark.parametrize("seconds", [-1, float("inf"), float("nan"), 1e12, "soon", None])
async def test_a_time_that_nobody_means_is_refused(seconds: object) -> None:
    clock = FakeClock()
    with pytest.raises(BodyInvalid):
        await Services(rows(clock), clock).answer(Worker(), "timer.open", {"seconds": seconds})
