"""One worker, from its start to its end: what it is told, what it asks, and how it has ended. Used once.

Nothing that it sends is trusted: frames are read within bounds and by their models, asks are answered a bounded number at a
time, and whoever waits for something of it is told when it ends, and why.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, Self, TypeVar

from vms_bridge.logs import plain
from vms_bridge.scripts import wire
from vms_bridge.scripts.life import frames
from vms_bridge.scripts.life.asks import Asks
from vms_bridge.scripts.life.channel import MOST_UNREAD_BYTES
from vms_bridge.scripts.life.ending import ending_of
from vms_bridge.scripts.life.launch import WORKER, launch, lines
from vms_bridge.scripts.life.values import (
    Ask,
    Begin,
    Cause,
    Declared,
    Done,
    Ending,
    Level,
    Mistake,
    Sandbox,
    ScriptBroken,
    Work,
    WorkerGone,
)
from vms_bridge.scripts.life.watchdog import CALL_GRACE_S, LOAD_S, PING_STEPS, START_S, STEP_S, Held, Watchdog

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.life.launch import Launched
    from vms_bridge.scripts.life.meter import Usage
    from vms_bridge.scripts.services.table import Answered

_LOGGER = logging.getLogger(__name__)
MOST_CALLS = 64
"""How many calls may be under way."""
_LAST_WORDS_S = 2.0
"""How long what a worker has still said is read once it has ended."""
_STOP_S = 1.0
"""How much longer than it was given a worker may take to end."""
_Value = TypeVar("_Value")


class Listener(Protocol):
    """Who hears what a worker says by itself."""

    def logged(self, level: str, text: str, line: int | None) -> None:
        """Hear a line of its log; `level` is debug, info, warning or error."""


class Worker:
    """A worker; `close` it, however it has ended."""

    def __init__(self, launched: Launched, clock: Clock, listener: Listener, asks: Asks, sandbox: Sandbox) -> None:
        loop = asyncio.get_running_loop()
        self._launched, self._clock, self._listener, self._asks, self._sandbox = launched, clock, listener, asks, sandbox
        self._channel = launched.channel
        self._numbers = itertools.count(1)
        self._calls: dict[int, asyncio.Future[Done]] = {}
        self._leveled: asyncio.Future[Level] = loop.create_future()
        self._declared: asyncio.Future[Declared] | None = None
        self._watchdog = Watchdog()
        self._held = Held(clock)
        self._why: Ending | None = None
        self._said_last = ""
        self._ended: asyncio.Future[Ending] = loop.create_future()
        self._unheard: asyncio.Future[None] = loop.create_future()
        """Done when nothing more comes of its socket."""
        self._channel.listen(self._take, self._hear_no_more)
        self._living = asyncio.create_task(self._live(), name=f"worker: {launched.pid}")

    @classmethod
    async def start(
        cls,
        begin: Begin,
        clock: Clock,
        *,
        answer: Callable[[Ask], Awaitable[Answered]],
        listener: Listener,
        program: Sequence[str] = WORKER,
    ) -> Self:
        """Start one and tell it how to lock itself down. Raises WorkerGone."""
        try:
            launched = await launch(program, clock)
        except (OSError, RuntimeError) as error:  # the latter where no thread could be begun to wait for it
            text = f"its process could not be started: {getattr(error, 'strerror', None) or error}"
            raise WorkerGone(Ending(cause=Cause.NOT_STARTED, text=text)) from None
        worker = cls(launched, clock, listener, Asks(launched.channel, clock, answer), begin.sandbox)
        worker._watchdog.limit("begin", START_S, "lock itself down")
        worker._send(_begin(begin))
        return worker

    @property
    def pid(self) -> int:
        """Its process number."""
        return self._launched.pid

    def usage(self) -> Usage | None:
        """Return what it has used of the machine; None once it has ended. Blocking. Raises OSError."""
        return self._launched.meter.read()

    @property
    def ending(self) -> Ending | None:
        """How it has ended; None while it is there."""
        return self._ended.result() if self._ended.done() else None

    @property
    def asks(self) -> int:
        """How much of what it has asked for is under way."""
        return len(self._asks)

    async def level(self) -> Level:
        """Wait until it has locked itself down; returns behind what it stands. Raises WorkerGone."""
        return await self._or_gone(self._leveled)

    async def load(self, work: Work) -> Declared:
        """Have it run the top level of a script, once; returns what that has declared. Raises ScriptBroken, WorkerGone."""
        await self.level()
        self._declared = asyncio.get_running_loop().create_future()
        self._watchdog.limit("load", LOAD_S, "come to the end of its top level")
        self._asks.are_open = True
        try:
            self._send(_source(work), json.dumps(work.state, separators=(",", ":"), ensure_ascii=False).encode())
        except wire.WireError as error:
            raise ScriptBroken(Mistake(text=f"it can't be given to a worker: {error}")) from None
        return await self._or_gone(self._declared)

    def call(
        self, trigger: int, what: Mapping[str, Any], data: bytes = b"", *, timeout_s: float, now: float
    ) -> asyncio.Future[Done]:
        """Have it call the handler of a trigger, at once; wait for what becomes of that, which may be WorkerGone.

        A call that takes too long it cancels itself, and is ended where it can't. Who stops to wait changes nothing.
        """
        if self._ended.done():
            raise WorkerGone(self._ended.result())
        if len(self._calls) >= MOST_CALLS:  # whoever calls sees to it
            raise RuntimeError(f"more than {MOST_CALLS} calls of one worker are under way")
        number = next(self._numbers)
        done: asyncio.Future[Done] = asyncio.get_running_loop().create_future()
        said = {"t": "call", "id": number, "trigger": trigger, "what": what, "timeout_s": timeout_s, "now": now}
        try:
            self._send(said, data)
        except wire.WireError as error:
            done.set_result(Done(mistake=Mistake(text=f"what has happened can't be told: {error}")))
            return done
        self._calls[number] = done
        self._watchdog.limit(number, timeout_s + CALL_GRACE_S, "come to the end of a call")
        return done

    def tell(self, words: Mapping[str, Any]) -> None:
        """Tell it that something has `changed`: `settings` or `state`. Raises WireError for what is too large."""
        self._send({"t": "changed", **words})

    def hold(self) -> None:
        """Have it stand still until `go_on`; no time limit of its own runs meanwhile."""
        if self._why is None:
            self._held.begin()
            self._launched.signal(signal.SIGSTOP)

    def go_on(self) -> None:
        """Have it go on."""
        self._held.end()
        self._launched.signal(signal.SIGCONT)

    def end(self, cause: Cause, text: str, hint: str = "", *, code: str = "") -> None:
        """End it at once, for this; the first cause counts."""
        if self._why is None:
            self._why = Ending(cause=cause, text=text, hint=hint, code=code)
        self._launched.signal(signal.SIGKILL)

    async def stop(self, grace_s: float) -> Ending:
        """Have it end by itself within that time, its last handlers called; returns how it has ended."""
        if not self._ended.done():
            if self._why is None:
                self._why = Ending(cause=Cause.STOPPED, text="the bridge has stopped it")
            self.go_on()
            with suppress(wire.WireError):
                self._send({"t": "stop", "grace_s": grace_s})
            try:
                with suppress(TimeoutError):
                    async with self._clock.timeout(grace_s + _STOP_S):
                        await self.ended()
            finally:
                self.end(Cause.STOPPED, "the bridge has stopped it")
        return await self.ended()

    async def ended(self) -> Ending:
        """Wait for its end; returns how that was."""
        return await asyncio.shield(self._ended)

    async def close(self) -> None:
        """End it, if it has not ended, and let go of all of it."""
        self.end(Cause.STOPPED, "the bridge has stopped it")
        try:
            await asyncio.shield(self._living)
        finally:
            if not self._living.done():  # whoever waits was cancelled; it was killed, so this is soon over
                await asyncio.wait([self._living])

    async def _or_gone(self, wanted: asyncio.Future[_Value]) -> _Value:
        either: list[asyncio.Future[Any]] = [wanted, self._ended]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if wanted.done():
            return wanted.result()
        raise WorkerGone(self._ended.result())

    def _send(self, said: Mapping[str, Any], data: bytes = b"") -> None:
        """Send it. Raises WireError for what can't be sent."""
        self._channel.send(said, data)

    async def _live(self) -> None:
        """Hear and watch it until it has ended, and tell everybody who waits."""
        written = [
            asyncio.create_task(self._hear(self._launched.output, "info"), name=f"worker: {self.pid}: output"),
            asyncio.create_task(self._hear(self._launched.errors, "warning"), name=f"worker: {self.pid}: errors"),
        ]
        watching = asyncio.create_task(self._watch(), name=f"worker: {self.pid}: watch")
        code = await self._launched.wait()
        watching.cancel()  # nothing else waits here: `close` shields it
        try:
            with suppress(TimeoutError):
                async with self._clock.timeout(_LAST_WORDS_S):
                    await asyncio.wait([self._unheard, *written])
        finally:
            for task in written:
                task.cancel()
            outcomes = await asyncio.gather(*written, watching, return_exceptions=True)
            self._launched.close()
            self._ended.set_result(ending_of(code, self._why, self._said_last))
            self._lose_calls()
            await self._asks.close()
            for defect in outcomes:
                if isinstance(defect, Exception):
                    _LOGGER.error("what a script's worker says was not taken in", exc_info=defect)

    def _hear_no_more(self, error: Exception | None) -> None:
        if isinstance(error, wire.WireError):
            self.end(Cause.PROTOCOL, f"it broke the protocol: {error}", "this is no mistake of a script's: read what it does")
        elif error is not None:
            _LOGGER.error("what a script's worker says was not taken in", exc_info=error)
            self.end(Cause.PROTOCOL, "what it said was not taken in", "this is a defect of the bridge: please report it")
        elif self._channel.is_unread:
            self.end(Cause.PROTOCOL, f"it does not read: more than {MOST_UNREAD_BYTES // 1024**2} MB wait for it")
        self._unheard.set_result(None)

    def _take(self, frame: dict[str, Any], data: bytes) -> None:
        """Take in what it says. Raises WireError."""
        said = frames.understand(frame)
        if data and not isinstance(said, frames.AskFrame):
            raise wire.WireError("there are bytes behind what has none")
        match said:
            case frames.PongFrame():
                self._take_pong(said)
            case frames.LogFrame():
                self._listener.logged(said.level, said.text, said.line)
            case frames.AskFrame():
                self._asks.take(said, data)
            case frames.CancelFrame():
                self._asks.cancel(said.id)
            case frames.DoneFrame():
                self._take_done(said)
            case frames.LevelFrame():
                self._take_level(said)
            case frames.RefusedFrame():
                self._take_refused(said)
            case frames.ReadyFrame() | frames.FailedFrame():
                self._take_load(said)

    def _take_pong(self, said: frames.PongFrame) -> None:
        if not self._watchdog.answered(said.id):
            raise wire.WireError("it answers a ping that it was not sent")

    def _take_level(self, said: frames.LevelFrame) -> None:
        is_open = said.level == Sandbox.PROCESS.value
        if self._leveled.done() or (is_open and self._sandbox is Sandbox.REQUIRED):
            raise wire.WireError("it names a level that it was not asked for")
        self._watchdog.over("begin")
        self._leveled.set_result(Level(level=said.level, details=said.details))

    def _take_refused(self, said: frames.RefusedFrame) -> None:
        if self._leveled.done():  # what is said by then is a script's, and no advice is to follow from it
            raise wire.WireError("it is locked in, and says that it can't be")
        hint = "scripts.sandbox: process would run scripts without this boundary: see docs/scripting.md before"
        self.end(Cause.REFUSED, plain(said.text), hint, code=said.code)

    def _take_load(self, said: frames.ReadyFrame | frames.FailedFrame) -> None:
        if self._declared is None or self._declared.done():
            raise wire.WireError("it tells of a top level that it was not given")
        self._watchdog.over("load")
        if isinstance(said, frames.ReadyFrame):
            declared = Declared(triggers=said.triggers, entities=said.entities)
            self._declared.set_result(declared)
        else:
            mistake = Mistake(text=said.text, traceback=said.traceback, line=said.line)
            self._declared.set_exception(ScriptBroken(mistake))
            self._declared.exception()  # whoever loads it may have stopped to wait

    def _take_done(self, said: frames.DoneFrame) -> None:
        done = self._calls.pop(said.id, None)
        if done is None:
            raise wire.WireError("it tells the end of a call that is not under way")
        self._watchdog.over(said.id)
        error = said.error
        mistake = None if error is None else Mistake(text=error.text, traceback=error.traceback, line=error.line)
        if not done.done():
            done.set_result(Done(mistake=mistake, is_cancelled=error is not None and error.cancelled))

    def _lose_calls(self) -> None:
        for done in self._calls.values():
            if not done.done():
                done.set_exception(WorkerGone(self._ended.result()))
        self._calls.clear()

    async def _hear(self, stream: asyncio.StreamReader, level: str) -> None:
        async for line in lines(stream, self._clock):
            if line.strip():
                if level == "warning":
                    self._said_last = line
                self._listener.logged(level, line, None)

    async def _watch(self) -> None:
        """Ask again and again whether it is there, and end it when it is not, or takes too long."""
        for step in itertools.count():
            if step % PING_STEPS == 0 and self._leveled.done():  # before that it has other things to do
                self._send({"t": "ping", "id": step})
                self._watchdog.pinged(step)
            before = self._clock.monotonic()
            self._held.take()
            await self._clock.sleep(STEP_S)
            passed_s = self._clock.monotonic() - before - self._held.take()
            if (overdue := self._watchdog.step(passed_s)) is not None:
                self.end(Cause.TIMEOUT, overdue, "use `await` for what waits, and let long work pause")


def _begin(begin: Begin) -> dict[str, Any]:
    return {
        "t": "begin",
        "memory_bytes": begin.memory_bytes,
        "uid": begin.uid,
        "modules": list(begin.modules),
        "time_zone": begin.time_zone,
        "level": begin.sandbox.value,
    }


def _source(work: Work) -> dict[str, Any]:
    return {
        "t": "source",
        "text": work.text,
        "file": work.file,
        "settings": work.settings,
        "test": work.is_test,
        "now": work.now,
    }
