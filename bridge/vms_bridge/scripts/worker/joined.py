"""Joins the authors' API with the bridge: sends what is asked for, and brings the answers to whoever waits for them."""

from __future__ import annotations

import asyncio
import threading
import time
from concurrent.futures import Future
from concurrent.futures.thread import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from vms_bridge.script.declared import is_async
from vms_bridge.script.errors import TooLarge, TooMany, error_of
from vms_bridge.scripts.wire import MOST_BYTES, WireError
from vms_bridge.scripts.worker.channel import MOST_WAITING_BYTES
from vms_bridge.scripts.worker.telling import MOST_TEXT, cut, trouble

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import tzinfo

    from vms_bridge.scripts.worker.channel import Channel

T = TypeVar("T")
MOST_ASKED = 1_024
"""How much may be asked for at once; the bridge allows less, and says so in its answers."""
_STACK_BYTES = 4 * 1024 * 1024
"""Of a thread: it counts against the memory that there may be, used or not."""


class Joined:
    """The link of this process."""

    def __init__(self, loop: asyncio.AbstractEventLoop, channel: Channel, zone: tzinfo) -> None:
        self.file = ""
        self.is_test = False
        self._loop, self._channel, self._zone = loop, channel, zone
        self._main = threading.get_ident()
        self._lock = threading.Lock()
        self._asked: dict[int, tuple[Future[Any], Callable[[Mapping[str, Any], bytes], Any]]] = {}
        self._number = 0
        self._told_at, self._told = time.monotonic(), time.time()
        self._threads: ThreadPoolExecutor | None = None
        channel.tell_dropped = self._tell_dropped
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def is_on_loop(self) -> bool:
        """Whether this is the loop's thread."""
        return threading.get_ident() == self._main

    def ask(self, what: str, words: Mapping[str, Any], make: Callable[[Mapping[str, Any], bytes], T], data: bytes) -> Future[T]:
        """Ask the bridge at once. Raises TooMany and TooLarge."""
        if len(data) > MOST_BYTES:
            raise TooLarge(f"{what}: at most {MOST_BYTES // 2**20} MB can be sent, and not {len(data)} bytes")
        future: Future[T] = Future()
        with self._lock:
            if len(self._asked) >= MOST_ASKED or self._channel.waiting_bytes > MOST_WAITING_BYTES:
                raise TooMany(f"{what}: {len(self._asked)} things are asked for already", hint="wait for answers, with `await`")
            self._number += 1
            number = self._number
            self._asked[number] = (future, make)
        try:
            self._channel.say({"t": "ask", "id": number, "what": what, "with": words}, data)
        except WireError as error:
            self._forget(number)
            raise TooLarge(f"{what}: {error}") from None
        future.add_done_callback(lambda done: self._given_up(number) if done.cancelled() else None)
        return future

    def answer(self, said: Mapping[str, Any], data: bytes) -> None:
        """Bring an answer to whoever waits for it."""
        found = self._forget(int(said["id"]))
        if found is None:
            return
        future, make = found
        if not future.set_running_or_notify_cancel():
            return
        error = said.get("error")
        if error is not None:
            code, message = str(error.get("code") or "error"), str(error.get("message") or "it failed")
            future.set_exception(error_of(code, message, str(error.get("hint") or "")))
            return
        words = said.get("ok") or {}
        try:
            future.set_result(make(words, data))
        except Exception as error:  # noqa: BLE001 - an answer that can't be read is an error of whoever asked
            future.set_exception(error)

    def _forget(self, number: int) -> tuple[Future[Any], Callable[[Mapping[str, Any], bytes], Any]] | None:
        with self._lock:
            return self._asked.pop(number, None)

    def _given_up(self, number: int) -> None:
        if self._forget(number) is not None:
            self._channel.say({"t": "cancel", "id": number})

    def log(self, level: str, text: str, line: int) -> None:
        """Send a line of the log; while the bridge does not keep up, lines are left out, and counted."""
        self._channel.say({"t": "log", "level": level, "text": cut(text, MOST_TEXT * 4), "line": line}, may_drop=True)

    def _tell_dropped(self, number: int) -> None:
        self.log("warning", f"{number} lines of this log were left out: they came faster than they could be written", 0)

    def log_trouble(self, error: BaseException, before: str = "") -> None:
        """Log what was raised where no handler's answer can tell it."""
        found = trouble(error, self.file)
        self.log("error", f"{before}{found.traceback or found.text}", found.line)

    def tell_time(self, now: object) -> None:
        """Take the bridge's time."""
        if isinstance(now, int | float) and not isinstance(now, bool):
            self._told_at, self._told = time.monotonic(), float(now)

    def now(self) -> datetime:
        """Say what time it is by the bridge's clock; in a test it stands still until the bridge says more."""
        passed_s = 0.0 if self.is_test else time.monotonic() - self._told_at
        return datetime.fromtimestamp(self._told + passed_s, self._zone)

    def in_thread(self, call: Callable[[], T]) -> Future[T]:
        """Have that called in the one thread for what is not `async def`."""
        if self._threads is None:
            threading.stack_size(_STACK_BYTES)
            self._threads = ThreadPoolExecutor(1, "script")
        return self._threads.submit(call)

    def later(self, call: Callable[[], object]) -> None:
        """Have that called soon on the loop."""
        self._loop.call_soon_threadsafe(call)

    def run(self, handler: Callable[..., object], args: tuple[object, ...]) -> None:
        """Call that soon, by its kind in the thread or as a task; what it raises is logged."""
        self._loop.call_soon_threadsafe(self._begin, handler, args)

    def _begin(self, handler: Callable[..., object], args: tuple[object, ...]) -> None:
        task = self._loop.create_task(self._logged(handler, args))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _logged(self, handler: Callable[..., object], args: tuple[object, ...]) -> None:
        error = await self.outcome(handler, args, needs_await=is_async(handler))
        if error is not None:
            self.log_trouble(error)

    async def outcome(
        self, handler: Callable[..., object], args: tuple[object, ...], *, needs_await: bool
    ) -> BaseException | None:
        """Call it and return what it has raised, whatever that is."""
        try:
            if needs_await:
                await handler(*args)  # type: ignore[misc] # it is one
            else:
                return await asyncio.wrap_future(self.in_thread(lambda: _caught(handler, args)))
        except BaseException as error:  # noqa: BLE001 - SystemExit would end the loop
            return error
        return None


def _caught(handler: Callable[..., object], args: tuple[object, ...]) -> BaseException | None:
    try:
        handler(*args)
    except BaseException as error:  # noqa: BLE001 - in the thread it would end nothing but the thread
        return error
    return None
