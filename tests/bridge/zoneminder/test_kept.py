"""What is read once: nobody gets what is older than he has asked for."""

from __future__ import annotations

import asyncio

import pytest

from vms_bridge.zoneminder.kept import Kept


class Slow:
    """Readings that end when they are let: each gives what was true when it began."""

    def __init__(self) -> None:
        self.value, self.reads = 0, 0
        self.gate = asyncio.Event()

    async def read(self) -> int:
        self.reads += 1
        value = self.value
        await self.gate.wait()
        if value < 0:
            raise ValueError("less than nothing")
        return value


async def settled() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_who_forces_it_gets_no_reading_that_began_before() -> None:
    slow = Slow()
    kept = Kept(slow.read)
    early = asyncio.create_task(kept.get())
    await settled()
    slow.value = 1
    late = [asyncio.create_task(kept.get(force_reload=True)) for _ in range(3)]
    patient = asyncio.create_task(kept.get())
    await settled()
    slow.gate.set()
    assert await early == 0
    assert await asyncio.gather(*late) == [1, 1, 1]
    assert await patient in {0, 1}
    assert slow.reads == 2


async def test_what_is_forgotten_while_it_is_read_is_not_kept() -> None:
    slow = Slow()
    kept = Kept(slow.read)
    reading = asyncio.create_task(kept.get())
    await settled()
    slow.value = 1
    kept.forget()
    slow.gate.set()
    assert await reading == 0
    assert await kept.get() == 1
    assert await kept.get() == 1
    assert slow.reads == 2


async def test_a_reading_that_fails_is_nobody_elses() -> None:
    slow = Slow()
    kept = Kept(slow.read)
    slow.gate.set()
    assert await kept.get() == 0
    slow.value = -1
    first, second = (asyncio.create_task(kept.get(force_reload=True)) for _ in range(2))
    for failed in (first, second):
        with pytest.raises(ValueError, match="less than nothing"):
            await failed
    assert await kept.get() == 0


async def test_who_gives_up_leaves_it_to_the_others() -> None:
    slow = Slow()
    kept = Kept(slow.read)
    first, second = (asyncio.create_task(kept.get()) for _ in range(2))
    await settled()
    first.cancel()
    slow.gate.set()
    assert await second == 0
    assert slow.reads == 2
