"""Calls the handlers of the script: one after the other, or beside each other where that is declared, and each in its time."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from vms_bridge.script.happenings import happening
from vms_bridge.scripts.worker.telling import Trouble, trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from vms_bridge.script.declared import Handler
    from vms_bridge.scripts.worker.joined import Joined

    Ended = Callable[[dict[str, Any] | None], None]

GRACE_S = 2.0
"""How long a handler has to end after it was cancelled, before it is no longer waited for."""


class Calling:
    """Calls them. Nothing here waits: a call that comes while nothing is under way begins in the same turn of the loop."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, joined: Joined, begin: Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]]
    ) -> None:
        self._loop, self._joined, self._begin = loop, joined, begin
        self._waiting: deque[Callable[[], None]] = deque()
        self._is_busy = False

    def call(self, handler: Handler, what: Mapping[str, Any], data: bytes, *, timeout_s: float, ended: Ended) -> None:
        """Have it called; `ended` is told what went wrong, if anything did."""
        args = (happening(handler.words.kind, what, data),) if handler.takes else ()
        if handler.words.concurrent:
            self._start(handler, args, timeout_s, ended)
            return

        def and_the_next(error: dict[str, Any] | None) -> None:
            self._is_busy = False
            ended(error)
            if self._waiting:
                self._waiting.popleft()()

        def start() -> None:
            self._is_busy = True
            self._start(handler, args, timeout_s, and_the_next)

        if self._is_busy:
            self._waiting.append(start)
        else:
            start()

    async def once(self, handler: Handler, *, timeout_s: float) -> dict[str, Any] | None:
        """Call it for nothing that has happened, whatever else is under way; returns what went wrong."""
        ended: asyncio.Future[dict[str, Any] | None] = self._loop.create_future()
        args = (happening(handler.words.kind, {}, b""),) if handler.takes else ()
        self._start(handler, args, timeout_s, ended.set_result)
        return await ended

    def _start(self, handler: Handler, args: tuple[object, ...], timeout_s: float, ended: Ended) -> None:
        task = self._begin(self._joined.outcome(handler.call, args, needs_await=handler.is_async))
        _Call(handler, self._joined, timeout_s, ended).begin(self._loop, task)


class _Call:
    """One call that is under way: it is cancelled when its time is over, and given up where it does not end then."""

    def __init__(self, handler: Handler, joined: Joined, timeout_s: float, ended: Ended) -> None:
        self._handler, self._joined, self._timeout_s, self._ended = handler, joined, timeout_s, ended
        self._is_late = self._is_over = False

    def begin(self, loop: asyncio.AbstractEventLoop, task: asyncio.Task[BaseException | None]) -> None:
        """Watch its task."""
        self._loop, self._task = loop, task
        self._limit = loop.call_later(self._timeout_s, self._cancel)
        task.add_done_callback(self._done)

    def _cancel(self) -> None:
        handler = self._handler
        if not handler.is_async:
            text = f"{handler.name} takes longer than {self._timeout_s:g} s: a plain `def` can't be cancelled"
            self._joined.log("warning", text, handler.line)
            return
        self._is_late = True
        self._task.cancel()
        self._limit = self._loop.call_later(GRACE_S, self._give_up)

    def _give_up(self) -> None:
        text = f"{self._handler.name} took longer than {self._timeout_s:g} s, and does not let itself be cancelled"
        self._end(Trouble(text=text, traceback="", line=self._handler.line).said(cancelled=True))

    def _done(self, task: asyncio.Task[BaseException | None]) -> None:
        self._limit.cancel()
        error = asyncio.CancelledError() if task.cancelled() else task.result()
        self._end(None if error is None else self._said(error))

    def _said(self, error: BaseException) -> dict[str, Any]:
        found = trouble(error, self._joined.file)
        if not (self._is_late and isinstance(error, asyncio.CancelledError)):
            return found.said()
        text = f"{self._handler.name} took longer than {self._timeout_s:g} s, and was cancelled; give it more by `timeout=`"
        return Trouble(text=text, traceback=found.traceback, line=found.line or self._handler.line).said(cancelled=True)

    def _end(self, error: dict[str, Any] | None) -> None:
        if not self._is_over:
            self._is_over = True
            self._ended(error)
