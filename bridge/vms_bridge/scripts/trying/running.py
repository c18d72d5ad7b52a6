"""The real worker of a script in a trial, and what is noted of all that it says."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from vms_bridge.clock import SystemClock
from vms_bridge.errors import BridgeError
from vms_bridge.scripts.life.calls import MOST_CONCURRENT
from vms_bridge.scripts.life.process import Worker
from vms_bridge.scripts.life.queue import MOST_WAITING, Queue
from vms_bridge.scripts.life.values import Begin, WorkerGone
from vms_bridge.scripts.trying.transcript import EntryKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.life.queue import Waiting
    from vms_bridge.scripts.life.values import Ask, Declared, Ending, Level, Work
    from vms_bridge.scripts.services.table import Answered, Asker
    from vms_bridge.scripts.trying.transcript import Transcript
    from vms_bridge.scripts.values import Occurrence, Permissions, Trigger

WAITING = frozenset({"timer.open", "wait.open", "lock.acquire", "frames.next", "monitor.clip"})
"""What a script asks for that is answered only when time has passed, or something has happened."""
UNTOLD = frozenset({*WAITING, "lock.release", "media.read", "media.drop"})
"""What is no news."""
_SHOWN_BYTES = 2_000
_GRACE_S = 3.0


class Running:
    """A script that has been started; `deliver` has its handlers called, in their order."""

    def __init__(self, name: str, permissions: Permissions, transcript: Transcript, clock: Clock) -> None:
        self.name, self.permissions = name, permissions
        self._transcript, self._clock = transcript, clock
        self._ask: Callable[[Asker, Ask], Awaitable[Answered]] | None = None
        self._worker: Worker | None = None
        self._undo: list[Callable[[], None]] = []
        self._waiting, self._beside = Queue(), Queue()
        """What is called one after the other, and what may be called beside others; ordered and dropped as in the bridge."""
        self._in_order: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Task[None]] = set()
        self._answering = self._under_way = self._concurrent = self.news = 0
        self.is_over = self._drops = False
        self.gone: Ending | None = None
        """How it has ended by itself, if it has."""

    @property
    def worker(self) -> Worker:
        """Its process."""
        if self._worker is None:
            raise RuntimeError("it has not been started")
        return self._worker

    @property
    def pid(self) -> int:
        """The process's number."""
        return self.worker.pid

    @property
    def is_answering(self) -> bool:
        """Whether it is being answered, and not for want of time passing."""
        return self._answering > 0

    @property
    def waits_for_itself(self) -> bool:
        """Whether a handler is under way that has asked for nothing."""
        return self._under_way > 0 and not self.worker.asks

    def at_end(self, undo: Callable[[], None]) -> Callable[[], None]:
        """Have this called when the worker ends; what is returned takes that back."""
        self._undo.append(undo)

        def take_back() -> None:
            with suppress(ValueError):
                self._undo.remove(undo)

        return take_back

    @asynccontextmanager
    async def started(self, begin: Begin, ask: Callable[[Asker, Ask], Awaitable[Answered]]) -> AsyncIterator[Level]:
        """Start it, locked, with who answers what it asks; it has ended when this ends. Raises WorkerGone."""
        self._ask = ask
        self._worker = await Worker.start(begin, SystemClock(), answer=self._answer, listener=self)
        watching = asyncio.create_task(self._watch(self._worker), name="trial: end of the worker")
        try:
            yield await self._worker.level()
        finally:
            self.is_over = True
            await self._worker.stop(_GRACE_S)
            await self._worker.close()
            await watching
            for undo in reversed(self._undo):
                undo()
            for task in self._calls:
                task.cancel()
            await asyncio.gather(*self._calls, return_exceptions=True)

    def tell(self, words: Mapping[str, Any]) -> None:
        """Tell it that something has changed."""
        if not self.is_over:
            self.worker.tell(words)

    async def load(self, work: Work) -> Declared:
        """Have it run its top level. Raises ScriptBroken, WorkerGone."""
        return await self.worker.load(work)

    def deliver(self, trigger: Trigger, occurrence: Occurrence) -> None:
        """Have the handler called: when those before it have ended, or at once where it may run beside them."""
        queue = self._beside if trigger.concurrent else self._waiting
        if queue.offer(trigger, occurrence) and not self._drops:
            self._drops = True
            hint = "what waits for longest is dropped, but alarms last; use debounce= or once_per="
            self.fail(trigger.handler, f"{MOST_WAITING:,} calls wait: the script can't keep up", hint=hint)
        if trigger.concurrent and self._concurrent < MOST_CONCURRENT:
            self._concurrent += 1
            self._spawn(self._call_beside())
        elif not trigger.concurrent and (self._in_order is None or self._in_order.done()):
            self._in_order = self._spawn(self._call_in_order())

    def logged(self, level: str, text: str, line: int | None) -> None:
        """Note a line of its log."""
        self.news += 1
        self._transcript.add(EntryKind.LOG, text, {"level": level, "line": line})

    def note(self, kind: EntryKind, what: str, words: Mapping[str, Any]) -> None:
        """Note something else in the transcript."""
        self._transcript.add(kind, what, words)

    def fail(self, handler: str, text: str, **more: Any) -> None:  # noqa: ANN401 - JSON
        """Note that something has failed."""
        self._transcript.add(EntryKind.FAILED, handler, {"text": text, **more})

    def _spawn(self, call: Any) -> asyncio.Task[None]:  # noqa: ANN401 - a coroutine
        task: asyncio.Task[None] = asyncio.create_task(call)
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)
        return task

    async def _call_in_order(self) -> None:
        while len(self._waiting):
            await self._call(self._waiting.take())

    async def _call_beside(self) -> None:
        try:
            while len(self._beside):
                await self._call(self._beside.take())
        finally:
            self._concurrent -= 1

    async def _call(self, waiting: Waiting) -> None:
        if self.is_over:
            return
        trigger, occurrence = waiting.trigger, waiting.occurrence
        words = {"line": trigger.line, "trigger": trigger.kind}
        self._transcript.add(EntryKind.CALLED, trigger.handler, words)
        began_s, now = self._clock.monotonic(), self._clock.now().timestamp()
        self._under_way += 1
        try:
            done = await self.worker.call(trigger.id, occurrence.what, occurrence.data, timeout_s=trigger.timeout_s, now=now)
        except WorkerGone:
            if self.gone is not None or not self.is_over:  # and not at the trial's end, which is in the middle of what lasts
                self.fail(trigger.handler, "the script's process has ended while it was called", line=trigger.line)
            return
        finally:
            self._under_way -= 1
            self.news += 1
        took_s = self._clock.monotonic() - began_s
        if done.mistake is not None:
            self.fail(trigger.handler, done.mistake.text, line=done.mistake.line, traceback=done.mistake.traceback)
        elif took_s > trigger.timeout_s:
            text = f"it has taken {took_s:g} s: the bridge would have cancelled it after {trigger.timeout_s:g} s; say timeout="
            self.fail(trigger.handler, text, line=trigger.line)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Have the bridge be at work for it: time does not pass meanwhile."""
        self.news += 1
        self._answering += 1
        try:
            yield
        finally:
            self._answering -= 1
            self.news += 1

    @contextmanager
    def _waited(self) -> Iterator[None]:
        """Have time pass, and tell the worker that it has: by itself it does not know in a trial."""
        self.news += 1
        try:
            yield
        finally:
            self.tell({"now": self._clock.now().timestamp()})
            self.news += 1

    async def _answer(self, ask: Ask) -> Answered:
        if self._ask is None:
            raise RuntimeError("it asks before it has been started")
        try:
            with self._waited() if ask.what in WAITING else self.at_work():
                answered = await self._ask(self, ask)
        except BridgeError as error:
            self._note(ask, {"error": {"code": error.code, "message": str(error)}})
            raise
        self._note(ask, {"answer": dict(answered.words)} if answered.words else {})
        return answered

    def _note(self, ask: Ask, became: Mapping[str, Any]) -> None:
        if ask.what in UNTOLD and "error" not in became:
            return
        words: dict[str, Any] = {"with": dict(ask.words)}
        if ask.data:
            words |= _shown(ask.data)
        self._transcript.add(EntryKind.DID, ask.what, {**words, **became})

    async def _watch(self, worker: Worker) -> None:
        ending = await worker.ended()
        self.news += 1
        if not self.is_over:
            self.gone, self.is_over = ending, True


def _shown(data: bytes) -> dict[str, Any]:
    """Return bytes as text where they are some, else how many there are."""
    try:
        text = data[:_SHOWN_BYTES].decode()
    except UnicodeDecodeError:
        return {"bytes": len(data)}
    return {"text": text} if len(data) <= _SHOWN_BYTES else {"text": text, "bytes": len(data)}
