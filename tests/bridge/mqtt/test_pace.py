"""Pace over all who ask: how much at once, how much in a second, and that a round comes to its end."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.clock import FakeClock, settle

from vms_bridge.mqtt.pace import Pace, Rounds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine


@asynccontextmanager
async def running(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    task = asyncio.create_task(work)
    await settle()
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


@settings(max_examples=60, deadline=None)
@given(
    per_s=st.sampled_from([10.0, 200.0]),
    burst=st.sampled_from([1, 5, 10]),
    rests=st.lists(st.sampled_from([0.0, 0.001, 0.05, 3.0]), min_size=1, max_size=60),
)
def test_no_second_has_more_than_its_share(per_s: float, burst: int, rests: list[float]) -> None:
    async def play() -> None:
        clock = FakeClock()
        pace = Pace(clock, per_s, burst=burst)
        went: list[float] = []

        async def work() -> None:
            for rest in rests:
                if rest:
                    await clock.sleep(rest)
                await pace.turn()
                went.append(clock.monotonic())

        async with running(work()):
            await clock.advance(sum(rests) + len(rests) / per_s + 1)
        assert len(went) == len(rests), "and all come through"
        for index, at in enumerate(went):
            together = [each for each in went[index:] if each - at < 1.0]
            assert len(together) <= burst + per_s + 1

    asyncio.run(play())


class Work:
    """Rounds that take as long as they are told to."""

    def __init__(self, *, takes_s: float = 0.0, apart_s: float = 2.0) -> None:
        self.clock = FakeClock()
        self.takes_s = takes_s
        self.began: list[float] = []
        self.ended = 0
        self.rounds = Rounds(self.clock, self._one, apart_s=apart_s)

    async def _one(self) -> None:
        self.began.append(self.clock.monotonic() - 1000.0)
        if self.takes_s:
            await self.clock.sleep(self.takes_s)
        self.ended += 1


async def test_nobody_asks_and_nothing_is_done() -> None:
    work = Work()
    async with running(work.rounds.run()):
        await work.clock.advance(60)
    assert work.began == []


async def test_the_first_comes_at_once_even_before_it_runs() -> None:
    work = Work()
    work.rounds.ask()
    async with running(work.rounds.run()):
        assert work.began == [0.0]


@pytest.mark.parametrize("takes_s", [0.0, 0.5, 7.0])
async def test_one_at_work_and_one_that_waits(takes_s: float) -> None:
    work = Work(takes_s=takes_s)
    async with running(work.rounds.run()):
        for _ in range(500):
            work.rounds.ask()
            await work.clock.advance(0.0012)
        assert len(work.began) == 1
        await work.clock.advance(60)
        assert work.began == [0.0, max(2.0, takes_s)]
        assert work.ended == 2


async def test_who_asks_without_end_gets_a_round_each_time_one_may_begin() -> None:
    work = Work(takes_s=0.1)
    async with running(work.rounds.run()):
        for _ in range(100):
            work.rounds.ask()
            await work.clock.advance(0.1)
        assert [round(each) for each in work.began] == [0, 2, 4, 6, 8]


async def test_who_wants_it_earlier_gets_it_earlier_and_it_serves_both() -> None:
    work = Work()
    async with running(work.rounds.run()):
        work.rounds.ask(in_s=5.0)
        await work.clock.advance(1.0)
        work.rounds.ask(in_s=9.0)
        work.rounds.ask(in_s=1.0)
        await work.clock.advance(60)
    assert work.began == [2.0]
