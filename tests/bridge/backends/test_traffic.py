"""How long a VMS takes to answer, by how that ended."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest
from tests.fakes.clock import FakeClock

from vms_bridge import metrics
from vms_bridge.backends.traffic import Traffic
from vms_bridge.errors import TimedOut, VmsError, VmsProtocolError, VmsUnreachable
from vms_bridge.measures import Distribution


@dataclass
class Answer:
    status: int


async def answered(answer: Answer | Exception, clock: FakeClock) -> Answer:
    await clock.sleep(3)
    if isinstance(answer, Exception):
        raise answer
    return answer


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (Answer(200), "ok"),
        (Answer(206), "ok"),
        (Answer(404), "refused"),
        (Answer(500), "failed"),
        (TimedOut("too slow"), "timeout"),
        (VmsUnreachable("gone"), "unreachable"),
        (VmsProtocolError("nonsense"), "error"),
    ],
)
async def test_each_request_is_timed_by_how_it_ended(answer: Answer | Exception, outcome: str) -> None:
    clock = FakeClock()
    traffic = Traffic("zm", clock)
    task = asyncio.create_task(traffic.timed("whole", answered(answer, clock)))
    await clock.advance(3)
    if isinstance(answer, VmsError):
        with pytest.raises(type(answer)):
            await task
    else:
        assert await task is answer
    [reading] = traffic.readings()
    assert (reading.metric, reading.labels) == (metrics.VMS_REQUESTS, ("zm", "whole", outcome))
    assert isinstance(reading.value, Distribution)
    assert (sum(reading.value.counts), reading.value.sum) == (1, 3.0)


async def test_who_gives_up_is_counted_too() -> None:
    clock = FakeClock()
    traffic = Traffic("zm", clock)
    task = asyncio.create_task(traffic.timed("streamed", answered(Answer(200), clock)))
    await clock.advance(1)
    task.cancel()
    await asyncio.wait([task])
    [reading] = traffic.readings()
    assert reading.labels == ("zm", "streamed", "cancelled")
