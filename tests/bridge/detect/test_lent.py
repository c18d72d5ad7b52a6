"""Pictures that others bring to detection: they wait for its own work, each for its turn, and not for ever."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.bridge.detect.lab import settings
from tests.fakes.clock import FakeClock, settle

from vms_bridge.detect.engine import EngineHealth, EngineState
from vms_bridge.detect.lent import MOST_WAITING, PATIENCE_S, Lent
from vms_bridge.detect.values import Found, Inferred
from vms_bridge.errors import EngineGone, ModelRefused, TooManyRequests

if TYPE_CHECKING:
    from vms_bridge.detect.values import Picture


class BusyEngine:
    """An engine for which a test says how much waits; each picture takes until `go_on`."""

    def __init__(self) -> None:
        self.waiting = 0
        self.at_work: list[tuple[str, float]] = []
        self.go_on = asyncio.Event()
        self.most = 0
        self.is_gone = False

    @property
    def health(self) -> EngineHealth:
        return EngineHealth(state=EngineState.RUNNING, since_s=0.0, waiting=self.waiting)

    async def infer(self, model: str, picture: Picture, *, least_score: float) -> Inferred:
        assert isinstance(picture, bytes)
        if self.is_gone:
            raise EngineGone("the process has ended")
        self.at_work.append((model, least_score))
        self.most = max(self.most, len(self.at_work))
        await self.go_on.wait()
        self.at_work.pop()
        return Inferred(found=(Found(picture.decode(), 0.5, (0, 0, 1, 1)), Found("x", 0.9, (0, 0, 1, 1))), width=1, height=1)


@pytest.fixture
async def engine() -> BusyEngine:
    return BusyEngine()


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def lent(engine: BusyEngine, clock: FakeClock) -> Lent:
    return Lent(engine, settings(), clock)


async def test_it_waits_until_nothing_of_detections_own_waits(lent: Lent, engine: BusyEngine, clock: FakeClock) -> None:
    engine.waiting = 1
    asked = asyncio.create_task(lent.look(b"dog", None))
    await clock.advance(5)
    assert engine.at_work == []
    engine.waiting = 0
    await clock.advance(1)
    assert engine.at_work == [("street", 0.5)]
    engine.go_on.set()
    assert [one.label for one in await asked] == ["x", "dog"]


async def test_an_engine_that_never_rests_has_no_time_for_it(lent: Lent, engine: BusyEngine, clock: FakeClock) -> None:
    engine.waiting = 1
    asked = asyncio.create_task(lent.look(b"dog", None))
    await clock.advance(PATIENCE_S + 1)
    with pytest.raises(TooManyRequests, match="has had no time"):
        await asked
    engine.waiting = 0
    engine.go_on.set()
    assert await lent.look(b"dog", None)


async def test_one_at_a_time_and_not_too_many(lent: Lent, engine: BusyEngine) -> None:
    asked = [asyncio.create_task(lent.look(b"dog", "street")) for _ in range(MOST_WAITING)]
    await settle()
    with pytest.raises(TooManyRequests, match="wait for detection already"):
        await lent.look(b"dog", None)
    asked.pop().cancel()
    await settle()
    engine.go_on.set()
    assert all(await asyncio.gather(*asked))
    assert engine.most == 1


async def test_who_fails_or_goes_gives_its_turn_to_the_next(lent: Lent, engine: BusyEngine) -> None:
    first = asyncio.create_task(lent.look(b"dog", None))
    await settle()
    second = asyncio.create_task(lent.look(b"cat", None))
    first.cancel()
    await asyncio.wait([first])
    engine.go_on.set()
    assert await second
    engine.is_gone = True
    with pytest.raises(EngineGone):
        await lent.look(b"dog", None)
    engine.is_gone = False
    assert await lent.look(b"dog", None)


async def test_a_model_that_there_is_not(lent: Lent) -> None:
    with pytest.raises(ModelRefused, match="there is no model 'faces'") as refusal:
        await lent.look(b"dog", "faces")
    assert refusal.value.hint == "there are street"
