"""Serves the bridge: runs the top level of the script, then its handlers, until it is told to stop."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any, TypeVar

from vms_bridge.script import kept, set_by_people
from vms_bridge.script.declared import DECLARED
from vms_bridge.script.happenings import happening
from vms_bridge.script.link import SEAT
from vms_bridge.scripts.wire import WireError
from vms_bridge.scripts.worker.joined import Joined
from vms_bridge.scripts.worker.printing import take_over
from vms_bridge.scripts.worker.source import run
from vms_bridge.scripts.worker.telling import Trouble, remember, trouble

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from datetime import tzinfo

    from vms_bridge.script.declared import Handler
    from vms_bridge.scripts.worker.channel import Channel

T = TypeVar("T")
GRACE_S = 2.0
"""How long a handler has to end after it was cancelled, before it is no longer waited for."""
MOST_TASKS = 1_000
"""How many tasks a script may have at once."""
_LAST_WORDS_S = 1.0


class Serving:
    """The life of one script in this process."""

    def __init__(self, loop: asyncio.AbstractEventLoop, channel: Channel, zone: tzinfo) -> None:
        self._loop, self._channel = loop, channel
        self._joined = Joined(loop, channel, zone)
        self._ended: asyncio.Future[int] = loop.create_future()
        self._in_order: asyncio.Queue[tuple[Mapping[str, Any], bytes, Handler]] = asyncio.Queue()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._own: set[asyncio.Task[Any]] = set()
        self._has_begun = self._is_stopping = False

    def run(self) -> int:
        """Serve until the bridge lets go, and return the code to exit with."""
        self._loop.set_task_factory(self._make_task)
        take_over(self._joined, self._loop)
        SEAT.link = self._joined
        self._channel.listen(self._hear, self._bridge_ended)
        while not self._ended.done():
            try:
                self._loop.run_until_complete(self._ended)
            except BaseException as error:  # noqa: BLE001 - SystemExit of a task of the script's comes out here
                if self._ended.done():
                    break
                self._joined.log_trouble(error, "a task wanted to end the script: ")
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        self._channel.drain(_LAST_WORDS_S)
        return self._ended.result()

    def _make_task(self, loop: asyncio.AbstractEventLoop, coro: Any, **more: Any) -> asyncio.Task[Any]:  # noqa: ANN401 - asyncio's
        if len(self._tasks) >= MOST_TASKS:
            coro.close()
            raise RuntimeError(f"the script has {MOST_TASKS} tasks already")
        task = asyncio.Task(coro, loop=loop, **more)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _own_task(self, coro: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin a task that does not count among the script's."""
        task = asyncio.Task(coro, loop=self._loop)
        self._own.add(task)
        task.add_done_callback(self._own.discard)
        return task

    def _bridge_ended(self, error: Exception | None) -> None:
        if self._ended.done():
            return
        if error is None:
            self._ended.set_result(0)
        else:
            self._ended.set_exception(error if isinstance(error, WireError) else WireError(f"{type(error).__name__}: {error}"))

    def _hear(self, said: dict[str, Any], data: bytes) -> None:
        kind = said["t"]
        if kind == "ping":
            self._channel.say({"t": "pong", "id": said.get("id")}, is_first=True)
        elif kind == "answer":
            self._joined.answer(said, data)
        elif kind == "call":
            self._called(said, data)
        elif kind == "changed":
            self._changed(said)
        elif kind == "source" and not self._has_begun:
            self._has_begun = True
            self._own_task(self._begin(said, data))
        elif kind == "stop" and not self._is_stopping:
            self._is_stopping = True
            self._own_task(self._stop(float(said.get("grace_s") or 0.0)))
        elif kind not in {"source", "stop"}:
            raise WireError(f"{kind[:40]!r} means nothing")

    async def _begin(self, said: Mapping[str, Any], data: bytes) -> None:
        file, text = str(said["file"]), str(said["text"])
        self._joined.file, self._joined.is_test = file, bool(said.get("test"))
        self._joined.tell_time(said.get("now"))
        set_by_people.take(said.get("settings") or {})
        kept.load(data)
        remember(file, text)
        error = await asyncio.wrap_future(self._joined.in_thread(lambda: run(text, file)))
        if error is not None:
            found = trouble(error, file)
            failed = {"t": "failed", "text": found.text, "traceback": found.traceback, "line": found.line}
            self._channel.say(failed)
            return
        DECLARED.is_closed = True
        try:
            self._channel.say({"t": "ready", **DECLARED.said()})
        except WireError as unsaid:
            self._channel.say({"t": "failed", "text": f"the script declares too much: {unsaid}", "traceback": "", "line": 0})
            return
        self._own_task(self._run_in_order())

    def _called(self, said: Mapping[str, Any], data: bytes) -> None:
        self._joined.tell_time(said.get("now"))
        number = int(said["trigger"])
        if not 0 <= number < len(DECLARED.handlers):
            raise WireError(f"there is no trigger {number}")
        handler = DECLARED.handlers[number]
        if "id" not in said:
            raise WireError("a call has no id")
        if handler.words.concurrent:
            self._own_task(self._answer(said, data, handler))
        else:
            self._in_order.put_nowait((said, data, handler))

    async def _run_in_order(self) -> None:
        while True:
            await self._answer(*await self._in_order.get())

    async def _answer(self, said: Mapping[str, Any], data: bytes, handler: Handler) -> None:
        started = time.monotonic()
        timeout_s = float(said.get("timeout_s") or handler.words.timeout_s)
        error = await self._within(handler, said.get("what") or {}, data, timeout_s)
        self._channel.say({"t": "done", "id": said["id"], "error": error, "took_s": round(time.monotonic() - started, 6)})

    async def _within(self, handler: Handler, what: Mapping[str, Any], data: bytes, timeout_s: float) -> dict[str, Any] | None:
        """Call it, and return what went wrong."""
        args = (happening(handler.words.kind, what, data),) if handler.takes else ()
        task = self._own_task(self._joined.outcome(handler.call, args))
        await asyncio.wait({task}, timeout=timeout_s)
        if not task.done() and not handler.is_async:
            self._joined.log(
                "warning", f"{handler.name} takes longer than {timeout_s:g} s: a plain `def` can't be cancelled", handler.line
            )
            await asyncio.wait({task})
        is_late = not task.done()
        if is_late:
            task.cancel()
            await asyncio.wait({task}, timeout=GRACE_S)
        if not task.done():
            text = f"{handler.name} took longer than {timeout_s:g} s, and does not let itself be cancelled"
            return Trouble(text=text, traceback="", line=handler.line).said(cancelled=True)
        error = task.result()
        if error is None:
            return None
        found = trouble(error, self._joined.file)
        if is_late and isinstance(error, asyncio.CancelledError):
            text = f"{handler.name} took longer than {timeout_s:g} s, and was cancelled; give it more by `timeout=`"
            return Trouble(text=text, traceback=found.traceback, line=found.line or handler.line).said(cancelled=True)
        return found.said()

    def _changed(self, said: Mapping[str, Any]) -> None:
        if "settings" in said:
            set_by_people.take(said["settings"])
        if "state" in said or "absent" in said:
            kept.change(said.get("state") or {}, said.get("absent") or ())

    async def _stop(self, grace_s: float) -> None:
        until = time.monotonic() + grace_s
        for handler in DECLARED.handlers:
            left_s = until - time.monotonic()
            if handler.words.kind == "shutdown" and left_s > 0:
                error = await self._within(handler, {}, b"", min(left_s, handler.words.timeout_s))
                if error is not None:
                    self._joined.log("error", error["traceback"] or error["text"], error["line"])
        if not self._ended.done():
            self._ended.set_result(0)
