"""Requests that were made lately: each is run once, however often it comes, and its id is used for nothing else."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from vms_bridge.commands import Ack, AckResult, Command
from vms_bridge.errors import CommandRejected

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vms_bridge.clock import Clock

    Progress = Callable[[Ack], None]

REMEMBERED_S = 600.0
REMEMBERED_MOST = 4096
_Key: TypeAlias = tuple[str, str | None, str]
"""Door, principal and id: whoever asks has ids of his own."""


@dataclass(slots=True, eq=False)
class _Request:
    """One request: what was asked for, when, and who waits for its answer."""

    command: Command
    since: float
    task: asyncio.Task[Ack]
    listeners: list[Progress] = field(default_factory=list)

    def report(self, ack: Ack) -> None:
        """Send progress to everybody who has asked for this."""
        for listener in list(self.listeners):
            listener(ack)


class Requests:
    """Remembers by door, principal and `request_id` what was asked for, for ten minutes and 4096 requests.

    `run` answers whatever happens to a command, and sends its progress meanwhile.
    """

    def __init__(self, clock: Clock, run: Callable[[Command, Progress | None], Awaitable[Ack]]) -> None:
        self._clock = clock
        self._run = run
        self._known: dict[_Key, _Request] = {}

    async def submit(self, command: Command, progress: Progress | None) -> Ack:
        """Run the command, or return what becomes of the same one before. Raises CommandRejected for an id that was another's."""
        if command.request_id is None:
            return await self._run(command, progress)
        self._forget_old()
        key = (command.origin.door, command.origin.principal, command.request_id)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._begin(command)
        elif known.command != command:
            raise _used(known.command)
        elif progress is not None and not known.task.done():
            progress(Ack.of(command, AckResult.RUNNING, self._clock.now()))
        if progress is not None:
            known.listeners.append(progress)
        try:
            return await asyncio.shield(known.task)
        finally:
            if progress is not None:
                known.listeners.remove(progress)

    async def close(self) -> None:
        """Abandon what is under way."""
        tasks = [known.task for known in self._known.values() if not known.task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, command: Command) -> _Request:
        async def run() -> Ack:
            return await self._run(command, request.report)

        task = asyncio.create_task(run(), name=f"command {command.name}")
        request = _Request(command=command, since=self._clock.monotonic(), task=task)
        return request

    def _forget_old(self) -> None:
        """Forget what is older than ten minutes, and of the rest so many that there is room for one more."""
        before = self._clock.monotonic() - REMEMBERED_S
        too_many = len(self._known) - REMEMBERED_MOST + 1
        old: list[_Key] = []
        for key, known in self._known.items():
            if known.since >= before and len(old) >= too_many:
                break
            if known.task.done():
                old.append(key)
        for key in old:
            del self._known[key]


def _used(before: Command) -> CommandRejected:
    return CommandRejected(
        f"nothing was done: its request_id belongs to another command, {before.name} of {before.target}, for ten minutes",
        hint="take a new request_id for each command, and repeat one only with all that belonged to it",
    )
