"""Requests that were made lately: each is run once, however often it comes, and its id is used for nothing else."""

from __future__ import annotations

import asyncio
import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from vms_bridge.commands import Ack, AckResult, Command
from vms_bridge.errors import CommandRejected
from vms_bridge.hub.answered import Answered, Key

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from vms_bridge.clock import Clock

    Progress = Callable[[Ack], None]

REMEMBERED_S = 600.0
REMEMBERED_MOST = 4096


class AnswerMemory(Protocol):
    """Where answers are kept beyond a restart."""

    async def load(self) -> Mapping[Key, Answered]:
        """Return what earlier runs have kept."""

    async def note(self, changes: Mapping[Key, Answered | None]) -> None:
        """Keep these, and forget those that are None."""


@dataclass(slots=True, eq=False)
class _Request:
    """One request: what was asked for, when, and who waits for its answer."""

    digest: str
    named: str
    since: float
    answer: asyncio.Future[Ack]
    listeners: list[Progress] = field(default_factory=list)
    is_kept: bool = False

    def report(self, ack: Ack) -> None:
        """Send progress to everybody who has asked for this."""
        for listener in list(self.listeners):
            listener(ack)


class Requests:
    """Remembers by door, principal and `request_id` what was asked for, for ten minutes and 4096 requests.

    `run` answers whatever happens to a command, and sends its progress meanwhile. With a `memory` answers outlive the bridge.
    """

    def __init__(
        self,
        clock: Clock,
        run: Callable[[Command, Progress | None], Awaitable[Ack]],
        memory: AnswerMemory | None = None,
    ) -> None:
        self._clock = clock
        self._run = run
        self._memory = memory
        self._known: dict[Key, _Request] = {}
        self._forgotten: set[Key] = set()
        """Those of which the memory still has to hear."""
        self._loading: asyncio.Task[None] | None = None

    async def submit(self, command: Command, progress: Progress | None) -> Ack:
        """Run the command, or return what becomes of the same one before. Raises CommandRejected for an id that was another's."""
        if command.request_id is None:
            return await self._run(command, progress)
        if self._memory is not None:
            await self._loaded(self._memory)
        self._forget_old()
        key = (command.origin.door, command.origin.principal, command.request_id)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._begin(key, command)
        elif known.digest != _digest(command):
            raise _used(known)
        elif progress is not None and not known.answer.done():
            progress(Ack.of(command, AckResult.RUNNING, self._clock.now()))
        if progress is not None:
            known.listeners.append(progress)
        try:
            return await asyncio.shield(known.answer)
        finally:
            if progress is not None:
                known.listeners.remove(progress)

    async def close(self) -> None:
        """Abandon what is under way."""
        tasks: list[asyncio.Future[Any]] = [known.answer for known in self._known.values() if not known.answer.done()]
        if self._loading is not None:
            tasks.append(self._loading)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _loaded(self, memory: AnswerMemory) -> None:
        """Wait until the memory was read, once."""
        if self._loading is None:
            self._loading = asyncio.create_task(self._load(memory), name="answers to commands: load")
        if not self._loading.done():
            await asyncio.shield(self._loading)

    async def _load(self, memory: AnswerMemory) -> None:
        now, monotonic = self._clock.moment(), self._clock.monotonic()
        aged = [(answered.asked.until(now), key, answered) for key, answered in (await memory.load()).items()]
        for age_s, key, answered in sorted(
            ((age_s, key, answered) for age_s, key, answered in aged if age_s is not None and age_s <= REMEMBERED_S),
            key=lambda one: one[0],
            reverse=True,
        ):
            answer: asyncio.Future[Ack] = asyncio.get_running_loop().create_future()
            answer.set_result(answered.ack)
            self._known[key] = _Request(answered.digest, answered.named, monotonic - age_s, answer, is_kept=True)
        self._forgotten.update(key for _, key, _ in aged if key not in self._known)

    def _begin(self, key: Key, command: Command) -> _Request:
        asked = self._clock.moment()

        async def run() -> Ack:
            ack = await self._run(command, request.report)
            if self._memory is not None:
                # Kept before it is given: whoever has it may count on it.
                answered = Answered(digest=request.digest, named=request.named, ack=ack, asked=asked)
                changes: dict[Key, Answered | None] = dict.fromkeys(self._forgotten)
                self._forgotten.clear()
                request.is_kept = True
                await self._memory.note({**changes, key: answered})
            return ack

        task = asyncio.create_task(run(), name=f"command {command.name}")
        request = _Request(_digest(command), f"{command.name} of {command.target}", self._clock.monotonic(), task)
        return request

    def _forget_old(self) -> None:
        """Forget what is older than ten minutes, and of the rest so many that there is room for one more."""
        before = self._clock.monotonic() - REMEMBERED_S
        too_many = len(self._known) - REMEMBERED_MOST + 1
        old: list[Key] = []
        for key, known in self._known.items():
            if known.since >= before and len(old) >= too_many:
                break
            if known.answer.done():
                old.append(key)
        for key in old:
            if self._known.pop(key).is_kept:
                self._forgotten.add(key)


def _digest(command: Command) -> str:
    """Return what stands for all that is asked for: neither the level nor the time that its sender has set belongs to it."""
    asked = repr((command.target, command.action, command.name, command.origin))
    return hashlib.sha256(asked.encode()).hexdigest()


def _used(before: _Request) -> CommandRejected:
    return CommandRejected(
        f"nothing was done: its request_id belongs to another command, {before.named}, for ten minutes",
        hint="take a new request_id for each command, and repeat one only with all that belonged to it",
    )
