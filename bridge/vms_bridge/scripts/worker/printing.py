"""Takes what a script prints, logs by `logging`, and leaves unhandled, into its log, with the line that it came from."""

from __future__ import annotations

import asyncio
import builtins
import io
import logging
import sys
import threading
import time
from typing import TYPE_CHECKING, NoReturn, SupportsIndex

from vms_bridge.script.link import author_line

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vms_bridge.scripts.worker.joined import Joined

_MOST_LINE = 8_000
_LEVELS = ((logging.ERROR, "error"), (logging.WARNING, "warning"), (logging.INFO, "info"), (0, "debug"))


class Lines(io.TextIOBase):
    """A stream whose lines are lines of the log."""

    def __init__(self, joined: Joined, level: str) -> None:
        self._joined, self._level = joined, level
        self._begun = ""
        self._lock = threading.RLock()

    def writable(self) -> bool:
        """Say that it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Log each whole line."""
        if not isinstance(text, str):
            raise TypeError(f"write() takes a text, and not {type(text).__name__}")
        with self._lock:
            *whole, self._begun = (self._begun + text).split("\n") if "\n" in text else [self._begun + text]
            if len(self._begun) > _MOST_LINE:
                whole, self._begun = [*whole, self._begun], ""
        line = author_line() if whole else 0
        for each in whole:
            self._joined.log(self._level, each[: _MOST_LINE * 2], line)
        return len(text)

    def flush(self) -> None:
        """Log what has no end of line yet."""
        with self._lock:
            begun, self._begun = self._begun, ""
        if begun:
            self._joined.log(self._level, begun, author_line())


class Records(logging.Handler):
    """What is logged by the module `logging` goes the same way."""

    def __init__(self, joined: Joined) -> None:
        super().__init__()
        self._joined = joined

    def emit(self, record: logging.LogRecord) -> None:
        """Log it."""
        try:
            text = self.format(record)
        except Exception as error:  # noqa: BLE001 - the script's own arguments format it
            text = f"{record.msg!r} can't be formatted: {error}"
        level = next(name for least, name in _LEVELS if record.levelno >= least)
        self._joined.log(level, text, record.lineno if record.pathname == self._joined.file else 0)


def take_over(joined: Joined, loop: asyncio.AbstractEventLoop) -> Sequence[Lines]:
    """From now on everything that the script says goes into its log; returns what is to be flushed in the end."""
    streams = sys.stdout, sys.stderr = Lines(joined, "info"), Lines(joined, "warning")
    root = logging.getLogger()
    root.addHandler(Records(joined))
    root.setLevel(logging.DEBUG)
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    logging.raiseExceptions = False

    def unraisable(found: sys.UnraisableHookArgs) -> None:
        error = found.exc_value or RuntimeError("something was raised where nothing can be done about it")
        joined.log_trouble(error, "raised while something was cleared away: ")

    def in_thread(found: threading.ExceptHookArgs) -> None:
        if found.exc_value is not None:
            joined.log_trouble(found.exc_value, "a thread has ended: ")

    def in_loop(_loop: asyncio.AbstractEventLoop, context: Mapping[str, object]) -> None:
        error = context.get("exception")
        if isinstance(error, BaseException):
            joined.log_trouble(error, "a task has ended: ")
        else:
            joined.log("error", str(context.get("message")), 0)

    sys.unraisablehook = unraisable
    threading.excepthook = in_thread
    loop.set_exception_handler(in_loop)
    _refuse_what_blocks(joined)
    return streams


def _refuse_what_blocks(joined: Joined) -> None:
    """Say what to do instead, where something would hold up everything else. It is advice, and no boundary."""
    sleep = time.sleep

    def sleep_in_thread(seconds: float | SupportsIndex, /) -> None:
        if joined.is_on_loop:
            raise RuntimeError(
                f"time.sleep({seconds!r}) would hold up the whole script: write `await sleep({seconds!r})`, of vms_bridge.script"
            )
        sleep(seconds)

    def no_input(_prompt: object = "") -> NoReturn:
        raise RuntimeError("a script has no terminal to ask at: use a setting, a webhook or an entity instead of input()")

    def no_run(*_args: object, **_kwargs: object) -> NoReturn:
        raise RuntimeError("the bridge runs a loop for the script already: declare `async def` handlers, and `await` in them")

    time.sleep = sleep_in_thread
    builtins.input = no_input
    for owner, name in ((asyncio, "run"), (asyncio.Runner, "run"), (asyncio, "new_event_loop")):
        setattr(owner, name, no_run)
