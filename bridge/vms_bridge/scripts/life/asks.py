"""What a worker asks for: each ask in a task of its own, a bounded number of them, answered in the order in which they end."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING

from vms_bridge.boundary import GRACE_S, Boundary
from vms_bridge.errors import BridgeError
from vms_bridge.scripts.life.values import Ask
from vms_bridge.scripts.services.table import MOST_OF, MOST_UNDER_WAY, Answered
from vms_bridge.scripts.wire import WireError, pack

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Any

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.life.channel import Channel
    from vms_bridge.scripts.life.frames import AskFrame

_LOGGER = logging.getLogger(__name__)
MOST_WAITING_BYTES = 32 * 1024 * 1024
"""How much may wait to be sent to a worker that does not read it."""


class Asks:
    """Of one worker; `close` them when it has ended."""

    def __init__(self, channel: Channel, clock: Clock, answer: Callable[[Ask], Awaitable[Answered]]) -> None:
        self._channel, self._clock, self._answer = channel, clock, answer
        self._boundary = Boundary("what a script asks for", clock)
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._counts: Counter[str] = Counter()
        """How many of them are of each kind that has a bound of its own, and of all others."""
        self._turn = asyncio.Lock()
        self._waiting_bytes = 0
        self.are_open = False
        """Whether the worker runs what may ask."""

    def __len__(self) -> int:
        return len(self._under_way)

    def take(self, said: AskFrame, data: bytes) -> None:
        """Have it answered. Raises WireError where it may not be asked so."""
        if not self.are_open:
            raise WireError("it asks before it has anything to run")
        if said.id in self._under_way:
            raise WireError("it asks twice by the same number")
        kind, most = (said.what, MOST_OF[said.what]) if said.what in MOST_OF else ("", MOST_UNDER_WAY)
        if self._counts[kind] >= most:
            hint = f"at most {most} {kind or 'things that a script has asked for'} may be under way: wait for some of them"
            self._channel.send(_error(said.id, "too_many", f"too much {kind or 'that was asked for'} is under way", hint))
            return
        ask = Ask(what=said.what, words=said.words, data=data)
        task = asyncio.create_task(self._do(said.id, ask), name=f"ask: {said.what[:40]}")
        self._under_way[said.id] = task
        self._counts[kind] += 1
        task.add_done_callback(lambda _: self._over(said.id, kind))

    def _over(self, number: int, kind: str) -> None:
        self._under_way.pop(number, None)
        self._counts[kind] -= 1

    def cancel(self, number: int) -> None:
        """Stop what is under way by that number, if it still is."""
        if (task := self._under_way.get(number)) is not None:
            task.cancel()

    async def close(self) -> None:
        """Stop all of it; what does not end then is left behind."""
        self.are_open = False
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        if not tasks:
            return
        with suppress(TimeoutError):
            async with self._clock.timeout(GRACE_S):
                await asyncio.wait(tasks)
        for task in tasks:
            if not task.done():
                _LOGGER.error("%s does not end when it is cancelled; it is left behind", task.get_name())

    async def _do(self, number: int, ask: Ask) -> None:
        try:
            answered = await self._answer(ask)
        except BridgeError as error:
            await self._refuse(number, error.code, str(error), error.hint)
        except (Exception, asyncio.CancelledError) as error:
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            self._boundary.report_defect(ask.what[:40], error)
            hint = "this is a defect of the bridge: its log has more, please report it"
            await self._refuse(number, "error", f"{ask.what[:40]} failed in an unforeseen way", hint)
        else:
            await self._reply(number, answered)

    async def _reply(self, number: int, answered: Answered) -> None:
        try:
            frame = pack({"t": "answer", "id": number, "ok": dict(answered.words)}, answered.data)
        except WireError as error:
            await self._refuse(number, "too_large", f"the answer can't be sent: {error}", "ask for less at once")
            return
        if self._waiting_bytes + len(frame) > MOST_WAITING_BYTES:
            hint = "read what was asked for before asking for more"
            await self._refuse(number, "too_large", "too much waits to be read by the script already", hint)
        else:
            await self._send(frame)

    async def _refuse(self, number: int, code: str, message: str, hint: str) -> None:
        await self._send(pack(_error(number, code, message, hint)))

    async def _send(self, frame: bytes) -> None:
        """Send it when what was sent before has been read."""
        self._waiting_bytes += len(frame)
        try:
            async with self._turn:
                self._channel.send_frame(frame)
                await self._channel.drained()
        finally:
            self._waiting_bytes -= len(frame)


def _is_cancelled() -> bool:
    """Say whether somebody wants this task to end, and the cancellation is not that of something within."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _error(number: int, code: str, message: str, hint: str) -> dict[str, Any]:
    return {"t": "answer", "id": number, "error": {"code": code, "message": message, "hint": hint}}
