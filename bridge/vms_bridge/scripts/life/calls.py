"""Has a worker call its handlers for what waits: one after the other, and beside them those that are declared `concurrent`."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from vms_bridge.measures import Histogram

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.life.inbox import Inbox
    from vms_bridge.scripts.life.logs import ScriptLog
    from vms_bridge.scripts.life.queue import Queue, Waiting
    from vms_bridge.scripts.life.values import Done, Ending, Mistake
    from vms_bridge.scripts.values import Trigger

MOST_CONCURRENT = 16
"""How many handlers of one script run beside each other."""


class Called(Protocol):
    """A worker, as far as it is called here."""

    @property
    def ending(self) -> Ending | None:
        """How it has ended; None while it is there."""

    def call(
        self, trigger: int, what: Mapping[str, Any], data: bytes = b"", *, timeout_s: float, now: float
    ) -> asyncio.Future[Done]:
        """Have it call the handler of a trigger, at once; what becomes of that may be WorkerGone."""


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


@dataclass(slots=True, eq=False)
class _Lane:
    """What waits for its turn, and how many may have it at once."""

    queue: Queue
    turns: int
    under_way: int = 0


class Calls:
    """Of one worker: from `begin` on, until `stop`, or until the worker has ended. Nothing in it waits for anything."""

    def __init__(self, worker: Called, inbox: Inbox, clock: Clock, counts: CallCounts, log: ScriptLog) -> None:
        self._worker, self._inbox, self._clock, self._counts, self._log = worker, inbox, clock, counts, log
        self._lanes = (_Lane(inbox.serial, 1), _Lane(inbox.concurrent, MOST_CONCURRENT))
        self._is_open = False
        self._news = asyncio.Event()

    def begin(self) -> None:
        """Call for what waits, and for what comes as soon as it comes."""
        self._is_open = True
        self._inbox.on_news = self._look
        self._look()

    def stop(self) -> None:
        """Call for nothing more; what waits is left for the worker that comes after."""
        self._is_open = False

    async def at_rest(self) -> None:
        """Wait until nothing waits and nothing is under way."""
        while len(self._inbox) or any(lane.under_way for lane in self._lanes):
            self._news.clear()
            await self._news.wait()

    def _look(self) -> None:
        for lane in self._lanes:
            while len(lane.queue) and lane.under_way < lane.turns and self._is_open and self._worker.ending is None:
                self._call(lane, lane.queue.take())

    def _call(self, lane: _Lane, waiting: Waiting) -> None:
        trigger, occurrence, counts = waiting.trigger, waiting.occurrence, self._counts
        counts.called += 1
        if occurrence.at_s:
            counts.waited.observe(self._clock.monotonic() - occurrence.at_s)
        now = self._clock.now().timestamp()
        done = self._worker.call(trigger.id, occurrence.what, occurrence.data, timeout_s=trigger.timeout_s, now=now)
        lane.under_way += 1
        done.add_done_callback(partial(self._over, lane, trigger))

    def _over(self, lane: _Lane, trigger: Trigger, ended: asyncio.Future[Done]) -> None:
        lane.under_way -= 1
        if ended.exception() is None:  # that the worker has ended is for others to find out
            self._note(trigger, ended.result())
        self._look()
        self._news.set()

    def _note(self, trigger: Trigger, done: Done) -> None:
        if done.is_cancelled:
            self._counts.cancelled += 1
        if done.mistake is not None:
            self._counts.failed += 1
            self._log.logged("error", f"{trigger.handler}: {said(done.mistake)}", done.mistake.line)


def said(mistake: Mistake) -> str:
    """Return a mistake for people: its traceback, if it has one."""
    return mistake.traceback or mistake.text
