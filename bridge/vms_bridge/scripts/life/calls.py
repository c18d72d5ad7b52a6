"""Has a worker call its handlers for what waits: one after the other, and beside them those that are declared `concurrent`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, Protocol

from vms_bridge.measures import Histogram
from vms_bridge.scripts.life.values import WorkerGone

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.life.inbox import Inbox
    from vms_bridge.scripts.life.logs import ScriptLog
    from vms_bridge.scripts.life.queue import Queue, Waiting
    from vms_bridge.scripts.life.values import Done, Ending, Mistake

MOST_CONCURRENT = 16
"""How many handlers of one script run beside each other."""


class Called(Protocol):
    """A worker, as far as it is called here."""

    @property
    def ending(self) -> Ending | None:
        """How it has ended; None while it is there."""

    async def call(self, trigger: int, what: Mapping[str, Any], data: bytes = b"", *, timeout_s: float, now: float) -> Done:
        """Have it call the handler of a trigger. Raises WorkerGone."""


@dataclass(slots=True)
class CallCounts:
    """What became of calls of a script's handlers, since the bridge has started."""

    called: int = 0
    failed: int = 0
    cancelled: int = 0
    asked: int = 0
    refused: int = 0
    """Of what it has asked for: what it asks for too often."""
    waited: Histogram = field(default_factory=Histogram)
    """From a change to the call of a handler for it."""
    took: Histogram = field(default_factory=Histogram)


class Calls:
    """Of one worker; `run` it until it is cancelled, or the worker has ended."""

    def __init__(self, worker: Called, inbox: Inbox, clock: Clock, counts: CallCounts, log: ScriptLog) -> None:
        self._worker, self._inbox, self._clock, self._counts, self._log = worker, inbox, clock, counts, log
        self._under_way = 0
        self._turns = asyncio.Semaphore(MOST_CONCURRENT)
        self._rest = asyncio.Event()

    async def run(self) -> None:
        """Call for what waits; that the worker has ended is for others to find out."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._one_by_one(self._inbox.serial), name="script: calls")
                group.create_task(self._beside(self._inbox.concurrent, group), name="script: concurrent calls")
        except* WorkerGone:
            pass

    async def at_rest(self) -> None:
        """Wait until nothing waits and nothing is under way."""
        while self._under_way or len(self._inbox):
            self._rest.clear()
            await self._rest.wait()

    async def _one_by_one(self, queue: Queue) -> NoReturn:
        while True:
            await self._call(await self._next(queue))

    async def _beside(self, queue: Queue, group: asyncio.TaskGroup) -> NoReturn:
        while True:
            await self._turns.acquire()
            waiting = await self._next(queue)
            task = group.create_task(self._call(waiting), name="script: concurrent call")
            task.add_done_callback(lambda _: self._turns.release())

    async def _next(self, queue: Queue) -> Waiting:
        """Take the first one of them. Raises WorkerGone, with all of them left for the worker that comes after."""
        await queue.filled()
        if self._worker.ending is not None:
            raise WorkerGone(self._worker.ending)
        return queue.take()

    async def _call(self, waiting: Waiting) -> None:
        trigger, occurrence, counts = waiting.trigger, waiting.occurrence, self._counts
        self._under_way += 1
        counts.called += 1
        if occurrence.at_s:
            counts.waited.observe(self._clock.monotonic() - occurrence.at_s)
        try:
            now = self._clock.now().timestamp()
            done = await self._worker.call(trigger.id, occurrence.what, occurrence.data, timeout_s=trigger.timeout_s, now=now)
        finally:
            self._under_way -= 1
            self._rest.set()
        counts.took.observe(done.took_s)
        if done.is_cancelled:
            counts.cancelled += 1
        if done.mistake is not None:
            counts.failed += 1
            self._log.logged("error", f"{trigger.handler}: {said(done.mistake)}", done.mistake.line)


def said(mistake: Mistake) -> str:
    """Return a mistake for people: its traceback, if it has one."""
    return mistake.traceback or mistake.text
