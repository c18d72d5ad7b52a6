"""Questions to whoever has said that it answers them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from tests.fakes.clock import FakeClock

from vms_bridge.errors import NobodyAnswers, RequestUnanswered, TooManyRequests
from vms_bridge.hub.questions import MOST_ANSWERING, Questions

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping


def saying(name: str) -> Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]]:
    async def answer(content: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"by": name, **content}

    return answer


async def test_who_has_said_last_that_it_answers_is_asked() -> None:
    questions = Questions(FakeClock())
    questions.answering("notify", saying("first"))
    last = questions.answering("notify", saying("last"))
    assert await questions.ask("notify", {"text": "hi"}, within_s=5) == {"by": "last", "text": "hi"}
    last.close()
    last.close()
    assert await questions.ask("notify", {}, within_s=5) == {"by": "first"}
    with pytest.raises(NobodyAnswers):
        await questions.ask("open_door", {}, within_s=5)


async def test_where_all_have_gone_nobody_answers() -> None:
    questions = Questions(FakeClock())
    questions.answering("notify", saying("only")).close()
    with pytest.raises(NobodyAnswers, match="notify"):
        await questions.ask("notify", {}, within_s=5)


async def test_an_answer_is_waited_for_no_longer_than_was_said() -> None:
    clock = FakeClock()
    questions = Questions(clock)

    async def never(_: Mapping[str, Any]) -> Mapping[str, Any]:
        await asyncio.Event().wait()
        return {}

    questions.answering("notify", never)
    asked = asyncio.create_task(questions.ask("notify", {}, within_s=5))
    await clock.advance(4.9)
    assert not asked.done()
    await clock.advance(0.2)
    with pytest.raises(RequestUnanswered, match="within 5 s"):
        await asked


async def test_a_time_out_of_who_answers_is_its_own() -> None:
    questions = Questions(FakeClock())

    async def late(_: Mapping[str, Any]) -> Mapping[str, Any]:
        raise TimeoutError

    questions.answering("notify", late)
    with pytest.raises(TimeoutError):
        await questions.ask("notify", {}, within_s=5)


async def test_there_is_room_for_so_many_and_no_more() -> None:
    questions = Questions(FakeClock())
    held = [questions.answering(f"kind_{number % 3}", saying("one")) for number in range(MOST_ANSWERING)]
    with pytest.raises(TooManyRequests):
        questions.answering("notify", saying("one too many"))
    held[0].close()
    questions.answering("notify", saying("now"))
