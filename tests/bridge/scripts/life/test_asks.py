"""What a worker has asked for, answered over a channel that nobody reads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from tests.fakes.clock import FakeClock, settle

from vms_bridge.scripts.life.asks import MOST_WAITING_BYTES, Asks
from vms_bridge.scripts.life.frames import AskFrame
from vms_bridge.scripts.services.table import Answered
from vms_bridge.scripts.wire import Inflow

if TYPE_CHECKING:
    from vms_bridge.scripts.life.channel import Channel
    from vms_bridge.scripts.life.values import Ask


class Unread:
    """A channel that is full until it is read."""

    def __init__(self) -> None:
        self.is_read = asyncio.Event()
        self.frames: list[bytes] = []

    def send_frame(self, frame: bytes) -> None:
        self.frames.append(frame)

    async def drained(self) -> None:
        await self.is_read.wait()

    def said(self) -> list[dict[str, Any]]:
        inflow, found = Inflow(), []
        for frame in self.frames:
            inflow.add(frame)
            while (each := inflow.take()) is not None:
                found.append(each[0])
        return found


async def test_words_of_answers_that_wait_are_counted_as_their_bytes_are() -> None:
    words, size = {"text": "x" * 900_000}, 900_100

    async def answer(_: Ask) -> Answered:
        return Answered(words)

    channel = Unread()
    asks = Asks(cast("Channel", channel), FakeClock(), answer)
    asks.are_open = True
    for number in range(60):
        asks.take(AskFrame.model_validate({"t": "ask", "id": number, "what": "archive.find"}), b"")
    await settle()
    assert len(channel.frames) == 1
    channel.is_read.set()
    await settle(200)
    assert len(asks) == 0
    answers = channel.said()
    answered = [each for each in answers if "ok" in each]
    assert len(answers) == 60
    assert MOST_WAITING_BYTES - size <= len(answered) * size <= MOST_WAITING_BYTES
    assert {each["error"]["code"] for each in answers if "error" in each} == {"too_large"}
