"""Serves the bridge: runs the top level of the script, then its handlers, until it is told to stop."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, TypeVar

from vms_bridge.script import kept, set_by_people
from vms_bridge.script.declared import DECLARED
from vms_bridge.script.link import SEAT
from vms_bridge.scripts.wire import WireError
from vms_bridge.scripts.worker.calling import Calling
from vms_bridge.scripts.worker.joined import Joined
from vms_bridge.scripts.worker.printing import take_over
from vms_bridge.scripts.worker.source import run
from vms_bridge.scripts.worker.telling import remember, trouble

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping
    from datetime import tzinfo

    from vms_bridge.scripts.worker.channel import Channel

T = TypeVar("T")
MOST_TASKS = 1_000
"""How many tasks a script may have at once."""
_LAST_WORDS_S = 1.0


class Serving:
    """The life of one script in this process."""

    def __init__(self, loop: asyncio.AbstractEventLoop, channel: Channel, zone: tzinfo) -> None:
        self._loop, self._channel = loop, channel
        self._joined = Joined(loop, channel, zone)
        self._ended: asyncio.Future[int] = loop.create_future()
        self._calling = Calling(loop, self._joined, self._own_task)
        self._tasks: set[asyncio.Task[Any]] = set()
        self._own: set[asyncio.Task[Any]] = set()
        self._has_begun = self._is_stopping = False

    def run(self) -> int:
        """Serve until the bridge lets go, and return the code to exit with."""
        self._loop.set_task_factory(self._make_task)
        streams = take_over(self._joined, self._loop)
        SEAT.link = self._joined
        self._channel.listen(self._hear, self._bridge_ended)
        while not self._ended.done():
            try:
                self._loop.run_until_complete(self._ended)
            except BaseException as error:  # noqa: BLE001 - SystemExit of a task of the script's comes out here
                if self._ended.done():
                    break
                self._joined.log_trouble(error, "a task wanted to end the script: ")
        for stream in streams:
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

    def _called(self, said: Mapping[str, Any], data: bytes) -> None:
        self._joined.tell_time(said.get("now"))
        trigger, number = int(said["trigger"]), said.get("id")
        if not 0 <= trigger < len(DECLARED.handlers):
            raise WireError(f"there is no trigger {trigger}")
        if number is None:
            raise WireError("a call has no id")
        handler = DECLARED.handlers[trigger]

        def ended(error: dict[str, Any] | None) -> None:
            self._channel.say({"t": "done", "id": number, "error": error})

        timeout_s = float(said.get("timeout_s") or handler.words.timeout_s)
        self._calling.call(handler, said.get("what") or {}, data, timeout_s=timeout_s, ended=ended)

    def _changed(self, said: Mapping[str, Any]) -> None:
        self._joined.tell_time(said.get("now"))
        if "settings" in said:
            set_by_people.take(said["settings"])
        if "state" in said or "absent" in said:
            kept.change(said.get("state") or {}, said.get("absent") or ())

    async def _stop(self, grace_s: float) -> None:
        until = time.monotonic() + grace_s
        for handler in DECLARED.handlers:
            left_s = until - time.monotonic()
            if handler.words.kind == "shutdown" and left_s > 0:
                error = await self._calling.once(handler, timeout_s=min(left_s, handler.words.timeout_s))
                if error is not None:
                    self._joined.log("error", error["traceback"] or error["text"], error["line"])
        if not self._ended.done():
            self._ended.set_result(0)
