"""One worker at work for a script: started with a version, called for what happens, and ended in order."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from vms_bridge.errors import TooManyRequests
from vms_bridge.script_errors import ScriptsOff
from vms_bridge.scripts.life.calls import Calls
from vms_bridge.scripts.life.launch import WORKER
from vms_bridge.scripts.life.process import Worker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.own_entities import OwnEntity
    from vms_bridge.scripts.life.calls import CallCounts
    from vms_bridge.scripts.life.copy import Copy
    from vms_bridge.scripts.life.inbox import Hears, Inbox
    from vms_bridge.scripts.life.logs import ScriptLog
    from vms_bridge.scripts.life.resources import Resources
    from vms_bridge.scripts.life.values import Ask, Begin, Declared, Ending, Level, Work
    from vms_bridge.scripts.services.table import Answered, Asker
    from vms_bridge.scripts.values import Occurrence, Permissions, Source, Trigger

DRAIN_S = 5.0
"""How long a worker may go on with what waits when another one has taken its place."""
STOP_S = 2.0
"""How long a worker may take for its last handlers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A script as it is to run: `id` names all that it is made of, `modules` are those that it imports."""

    id: str
    source: Source
    permissions: Permissions
    modules: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """What a version has declared, read and found to be possible."""

    triggers: Sequence[Trigger]
    entities: Sequence[OwnEntity] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tools:
    """What scripts are run with, the same for all."""

    clock: Clock
    begin: Callable[[Version], Begin]
    work: Callable[[Version], Awaitable[Work]]
    """Return what a worker is given: with the settings and the state as they are now. Raises BridgeError."""
    read: Callable[[Version, Declared], Read]
    """Return what it has declared. Raises BridgeError."""
    declare: Callable[[Version, Read], None]
    """Have it be known that a version is accepted that has declared this. Raises BridgeError."""
    hear: Callable[[Version, Sequence[Trigger], Callable[[Trigger, Occurrence], None], Callable[[str], None]], Hears]
    """Make what calls for these triggers; the last is told what the author should know."""
    answer: Callable[[Asker, Ask], Awaitable[Answered]]
    resources: Resources
    turns: asyncio.Semaphore
    """How many may start at a time."""
    on_change: Callable[[str], None]
    """Called with the name of a script that fares otherwise now."""
    program: Sequence[str] = WORKER


class Run:
    """A worker with what belongs to it; `close` it."""

    def __init__(self, worker: Worker, version: Version, copy: Copy, level: Level, declared: Declared) -> None:
        self.worker, self.version, self.copy, self.level, self.declared = worker, version, copy, level, declared
        self.asker = copy.asker
        self._inbox: Inbox | None = None
        self._calls: Calls | None = None
        self._forget: Callable[[], None] = _nothing

    @classmethod
    async def start(cls, version: Version, tools: Tools, log: ScriptLog, counts: CallCounts, copy: Copy) -> Self:
        """Start a worker and have it run the top level. Raises WorkerGone, ScriptBroken, BridgeError."""
        asker = copy.asker

        async def answer(ask: Ask) -> Answered:
            counts.asked += 1
            if asker.is_closed:  # it was killed after it had said that
                raise ScriptsOff("the script was ended")
            try:
                return await tools.answer(asker, ask)
            except TooManyRequests as error:
                counts.refused += 1
                log.logged("warning", f"{error}: {error.hint}")
                raise

        async with tools.turns:
            worker = await Worker.start(tools.begin(version), tools.clock, answer=answer, listener=log, program=tools.program)
            forget = tools.resources.add(version.source.name, worker)
            try:
                level = await worker.level()
                declared = await worker.load(await tools.work(version))
                run = cls(worker, version, copy, level, declared)
            except BaseException:
                forget()
                try:
                    await worker.close()
                finally:
                    asker.close()
                raise
            run._forget = forget
            return run

    def begin(self, inbox: Inbox, tools: Tools, log: ScriptLog, counts: CallCounts) -> None:
        """Have its handlers called for what is in there, and comes."""
        self._inbox = inbox
        self._calls = Calls(self.worker, inbox, tools.clock, counts, log)
        self._calls.begin()

    async def drain(self, clock: Clock) -> int:
        """Have it go on with what waits for a while, or until it has ended; returns how much waits then, for nobody."""
        if self._calls is None or self._inbox is None:
            return 0
        either = [asyncio.ensure_future(each) for each in (self._calls.at_rest(), self.worker.ended())]
        try:
            with suppress(TimeoutError):
                async with clock.timeout(DRAIN_S):
                    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in either:
                each.cancel()
        self.call_no_more()
        return len(self._inbox)

    async def stop(self) -> Ending:
        """Have it end in order; returns how it has ended."""
        self.call_no_more()
        return await self.worker.stop(STOP_S)

    async def close(self) -> None:
        """End it, if it has not ended, and let go of all that was held for it."""
        self.call_no_more()
        self._forget()
        try:
            await self.worker.close()
        finally:
            self.asker.close()

    def call_no_more(self) -> None:
        """Have no handler called any more."""
        if self._calls is not None:
            self._calls.stop()


def _nothing() -> None:
    """Have nothing to forget."""
