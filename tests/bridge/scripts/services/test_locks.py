from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.bridge.scripts.services.waiting import Worker
from tests.fakes.clock import FakeClock, settle

from vms_bridge.errors import BodyInvalid, NotFound, TooManyRequests
from vms_bridge.scripts.services.locks import MOST_HELD, MOST_HOLD_S, AskedLock, AskedRelease, LockHeld, Locks, rows
from vms_bridge.scripts.services.table import Services

if TYPE_CHECKING:
    from collections.abc import Mapping


class Room:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.told: list[tuple[str, str]] = []
        self.services = Services(rows(self.clock, lambda name, text: self.told.append((name, text))), self.clock)

    async def ask(self, who: Worker, what: str, **words: object) -> Mapping[str, Any]:
        return (await self.services.answer(who, what, words)).words

    def begin(self, who: Worker, name: str, timeout_s: float = 10.0) -> asyncio.Task[Mapping[str, Any]]:
        return asyncio.create_task(self.ask(who, "lock.acquire", name=name, timeout_s=timeout_s))


async def test_one_at_a_time_holds_a_lock_in_the_order_in_which_they_came() -> None:
    room, a, b, c = Room(), Worker("a"), Worker("b"), Worker("c")
    first = await room.ask(a, "lock.acquire", name="gate")
    second, third = room.begin(b, "gate"), room.begin(c, "gate")
    await settle()
    assert not second.done()
    await room.ask(a, "lock.release", lock=first["lock"])
    held = await second
    assert not third.done()
    await room.ask(b, "lock.release", lock=held["lock"])
    assert (await third)["lock"] not in {first["lock"], held["lock"]}


async def test_a_worker_that_ends_holds_nothing_any_more_and_waits_for_nothing() -> None:
    room, a, b, c = Room(), Worker("a"), Worker("b"), Worker("c")
    await room.ask(a, "lock.acquire", name="gate")
    second, third = room.begin(b, "gate"), room.begin(c, "gate")
    await settle()
    b.end()
    a.end()
    await third
    with pytest.raises(asyncio.CancelledError):
        await second
    assert (a.holds, b.holds, c.holds) == (0, 0, 1)


async def test_who_waits_for_too_long_is_told_who_holds_it() -> None:
    room, a, b = Room(), Worker("a"), Worker("b")
    await room.ask(a, "lock.acquire", name="gate")
    for who, says in ((b, "the script a has held it for 5.0 s"), (a, "this script itself has held it for 10.0 s")):
        waiting = room.begin(who, "gate", 5)
        await room.clock.advance(5)
        with pytest.raises(LockHeld, match=says):
            await waiting
        assert who.holds == (who is a)


async def test_who_holds_a_lock_for_an_hour_loses_it_and_is_told_so() -> None:
    room, a, b, c = Room(), Worker("a"), Worker("b"), Worker("c")
    held = await room.ask(a, "lock.acquire", name="gate", line=12)
    other = await room.ask(c, "lock.acquire", name="lamp")
    await room.clock.advance(MOST_HOLD_S - 20)
    await room.ask(c, "lock.release", lock=other["lock"])
    waiting = room.begin(b, "gate", 60)
    await room.clock.advance(19)
    assert (waiting.done(), room.told) == (False, [])
    await room.clock.advance(1)
    await waiting
    ((script, text),) = room.told
    assert script == "a"
    assert text.startswith("line 12: the lock 'gate' was taken away, for it was held for 60 minutes")
    with pytest.raises(NotFound, match="holds no lock"):
        await room.ask(a, "lock.release", lock=held["lock"])
    assert (a.holds, b.holds, c.holds) == (0, 1, 0)
    await room.clock.advance(MOST_HOLD_S)
    assert [name for name, _ in room.told] == ["a", "b"]


async def test_two_that_wait_for_each_other_are_told_so(caplog: pytest.LogCaptureFixture) -> None:
    room, a, b = Room(), Worker("a"), Worker("b")
    await room.ask(a, "lock.acquire", name="gate")
    await room.ask(b, "lock.acquire", name="lamp")
    one, other = room.begin(a, "lamp", 5), room.begin(b, "gate", 8)
    await room.clock.advance(5)
    with pytest.raises(LockHeld, match="they wait for each other: a waits for 'lamp' -> b waits for 'gate'") as told:
        await one
    assert "same order" in told.value.hint
    assert "scripts wait for each other's locks" in caplog.text
    a.end()
    assert (await other)["lock"]


async def test_what_is_not_held_is_not_released_and_nobody_holds_too_many() -> None:
    room, a, b = Room(), Worker("a"), Worker("b")
    held = await room.ask(a, "lock.acquire", name="gate")
    waiting = room.begin(b, "gate")
    await settle()
    for who, number in ((b, held["lock"]), (a, 77), (b, held["lock"] + 1)):
        with pytest.raises(NotFound, match="holds no lock"):
            await room.ask(who, "lock.release", lock=number)
    waiting.cancel()
    await settle()
    for number in range(MOST_HELD - 1):
        await room.ask(a, "lock.acquire", name=str(number))
    with pytest.raises(TooManyRequests, match="at most"):
        await room.ask(a, "lock.acquire", name="one more")
    for words in ({"name": ""}, {"name": "a", "timeout_s": 0}, {"name": "a", "timeout_s": float("nan")}, {}):
        with pytest.raises(BodyInvalid):
            await room.ask(a, "lock.acquire", **words)


@settings(max_examples=60, deadline=None)
@given(steps=st.lists(st.tuples(st.sampled_from("aer"), st.integers(0, 3), st.sampled_from("xy")), max_size=30))
def test_never_two_hold_one_and_nobody_waits_for_a_free_one(steps: list[tuple[str, int, str]]) -> None:
    async def play() -> None:
        locks, workers = Locks(FakeClock(), lambda *_: None), [Worker(str(number)) for number in range(4)]
        tasks: list[asyncio.Task[Any]] = []
        for what, number, name in steps:
            worker = workers[number]
            if what == "a":
                tasks.append(asyncio.create_task(locks.acquire(worker, AskedLock(name=name), b"")))
            elif what == "e":
                worker.end()
            else:
                mine = [one.number for one in locks._claims.values() if one.asker is worker and one.granted.done()]
                for held in mine[:1]:
                    await locks.release(worker, AskedRelease(lock=held), b"")
            await settle(3)
            for lock_name, queue in locks._queues.items():
                assert [one.granted.done() for one in queue] == [True] + [False] * (len(queue) - 1)
                assert all(one.name == lock_name for one in queue)
        for worker in workers:
            worker.end()
        assert (len(locks), locks._queues) == (0, {})
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(play())
