"""The table of services: what is asked for is bounded, read strictly, and answered or refused in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.fakes.clock import FakeClock

from vms_bridge.errors import BodyInvalid, NotFound, TooManyRequests
from vms_bridge.scripts.services.table import MOST_DEPTH, Answered, Asked, ServiceRow, Services
from vms_bridge.scripts.values import Permissions

if TYPE_CHECKING:
    from collections.abc import Callable

ANYBODY = Permissions()


class Word(Asked):
    word: str
    times: int = 1


class Worker:
    """Somebody who asks."""

    def __init__(self, name: str) -> None:
        self.name, self.permissions = name, ANYBODY

    def at_end(self, undo: Callable[[], None]) -> Callable[[], None]:  # the services here hold nothing
        return undo


async def _repeat(asker: object, asked: Word, data: bytes) -> Answered:
    del asker
    return Answered({"said": asked.word * asked.times}, data)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def services(clock: FakeClock) -> Services:
    row = ServiceRow(what="word.repeat", asked=Word, do=_repeat, rate=2.0, burst=3.0, most_bytes=4)
    return Services([row], clock)


async def test_what_is_asked_for_is_done(services: Services) -> None:
    answered = await services.answer(Worker("gate"), "word.repeat", {"word": "no", "times": 2}, b"more")
    assert answered == Answered({"said": "nono"}, b"more")
    assert services.names == {"word.repeat"}


@pytest.mark.parametrize(
    ("words", "data", "said"),
    [
        ({}, b"", "word: Field required"),
        ({"word": 5}, b"", "word: Input should be a valid string"),
        ({"word": "a", "speed": 1}, b"", "speed: Extra inputs are not permitted"),
        ({"word": "a"}, b"12345", "takes at most 4 bytes, and not 5"),
    ],
)
async def test_what_makes_no_sense_is_refused_by_name(
    services: Services, words: dict[str, object], data: bytes, said: str
) -> None:
    with pytest.raises(BodyInvalid, match=said):
        await services.answer(Worker("gate"), "word.repeat", words, data)


async def test_what_there_is_not_is_told(services: Services) -> None:
    with pytest.raises(NotFound, match=r"'word\.shout'"):
        await services.answer(Worker("gate"), "word.shout", {})
    with pytest.raises(NotFound) as refused:
        await services.answer(Worker("gate"), "x" * 10_000, {})
    assert len(str(refused.value)) < 200


async def test_each_script_has_its_own_pace(services: Services, clock: FakeClock) -> None:
    for _ in range(3):
        await services.answer(Worker("gate"), "word.repeat", {"word": "a"})
    with pytest.raises(TooManyRequests) as refused:
        await services.answer(Worker("gate"), "word.repeat", {"word": "a"})
    assert refused.value.retry_after_s == 0.5
    await services.answer(Worker("siren"), "word.repeat", {"word": "a"})
    await clock.advance(0.5)
    await services.answer(Worker("gate"), "word.repeat", {"word": "a"})


class Anything(Asked):
    value: object


async def test_what_is_nested_too_deep_is_refused_before_anybody_makes_json_of_it(clock: FakeClock) -> None:
    async def keep(asker: object, asked: Anything, data: bytes) -> Answered:
        del asker, data
        return Answered({"kept": asked.value})

    services = Services([ServiceRow(what="value.keep", asked=Anything, do=keep)], clock)
    value: object = 1
    for _ in range(MOST_DEPTH - 1):
        value = [value]
    assert (await services.answer(Worker("gate"), "value.keep", {"value": value})).words == {"kept": value}
    for deep in ([value], {"a": {"b": value}}):
        with pytest.raises(BodyInvalid, match="nested more than 32 deep"):
            await services.answer(Worker("gate"), "value.keep", {"value": deep})
