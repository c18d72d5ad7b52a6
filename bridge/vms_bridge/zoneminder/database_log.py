"""Lines for ZoneMinder's table Logs, which its log page shows, by its API: for programs with an event loop.

    async with database_log(zm.client, settings) as handler:
        logging.getLogger("zmesdetect").addHandler(handler)

The user needs System: Edit, or ZoneMinder its option ZM_LOG_INJECT.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import deque
from contextlib import asynccontextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, NamedTuple

from vms_bridge.clock import SystemClock
from vms_bridge.errors import VmsAuthFailed, VmsError
from vms_bridge.logs import plain
from vms_bridge.zoneminder.refusals import ServerFailed
from vms_bridge.zoneminder.zmlog import code, text_of, threshold, zm_level

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from vms_bridge.clock import Clock
    from vms_bridge.concealment import Secrets
    from vms_bridge.zoneminder.client import Client
    from vms_bridge.zoneminder.zmlog import LogSettings

__all__ = ["database_log"]

_LOG = logging.getLogger("vms_bridge.zoneminder")
_MOST_WAITING = 1000
_MOST_CHARACTERS = 2000
_PAUSE_S = 30.0
_LAST_S = 5.0
_is_writing: ContextVar[bool] = ContextVar("is_writing", default=False)
"""Whether it is the writing of a line that logs: that would never end."""


@asynccontextmanager
async def database_log(
    client: Client,
    settings: LogSettings,
    secrets: Secrets | None = None,
    *,
    clock: Clock | None = None,
) -> AsyncIterator[logging.Handler]:
    """Give a handler whose lines become rows in the background, in order; at the end what waits has 5 s more.

    A thousand lines wait at most, the oldest go. While ZoneMinder can't take them it is tried again every 30 s; a user who
    may not write ends it. Either is told once to `vms_bridge.zoneminder`'s logger.
    """
    handler, time = _Rows(settings, secrets), clock or SystemClock()
    writer = asyncio.create_task(_write(client, handler, time), name="ZoneMinder's log")
    try:
        yield handler
    finally:
        handler.end()
        with suppress(TimeoutError):
            async with time.timeout(_LAST_S):
                await asyncio.shield(writer)
        writer.cancel()
        await asyncio.gather(writer, return_exceptions=True)
        handler.close()


class _Rows(logging.Handler):
    """Keeps lines for who writes them, whichever thread they come from."""

    def __init__(self, settings: LogSettings, secrets: Secrets | None) -> None:
        super().__init__(threshold(settings.database_level))
        self._settings, self._secrets = settings, secrets
        self._loop = asyncio.get_running_loop()
        self.waiting: deque[Mapping[str, str]] = deque(maxlen=_MOST_WAITING)
        self.come = asyncio.Event()
        self.is_over = False

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a line; those of the writing itself are left out."""
        if self.is_over or _is_writing.get():
            return
        self.waiting.append(self._row(record))
        with suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self.come.set)

    def end(self) -> None:
        """Take no more."""
        self.is_over = True
        self.come.set()

    def _row(self, record: logging.LogRecord) -> Mapping[str, str]:
        text = text_of(record, self._secrets)[:_MOST_CHARACTERS]
        values = _Row(
            f"{record.created:.6f}",
            self._settings.name[:32],
            str(self._settings.server_id),
            str(record.process or os.getpid()),
            str(zm_level(record.levelno)),
            code(record.levelno),
            text,
            plain(record.filename)[:255],
            str(min(record.lineno, 65_535)),
        )
        return {f"Log[{column}]": value for column, value in zip(_Row._fields, values, strict=True)}


class _Row(NamedTuple):
    """The table's columns."""

    TimeKey: str
    Component: str
    ServerId: str
    Pid: str
    Level: str
    Code: str
    Message: str
    File: str
    Line: str


async def _write(client: Client, handler: _Rows, clock: Clock) -> None:
    _is_writing.set(True)
    is_told = False
    while handler.waiting or not handler.is_over:
        if not handler.waiting:
            handler.come.clear()
            await handler.come.wait()
            continue
        row = handler.waiting.popleft()
        try:
            await _post(client, row)
            is_told = False
        except VmsAuthFailed as error:
            _LOG.warning("ZoneMinder's log can't be written, and is no more: %s. %s", error, error.hint)
            handler.end()
            handler.waiting.clear()
        except VmsError as error:
            if len(handler.waiting) < _MOST_WAITING:
                handler.waiting.appendleft(row)
            if not is_told:
                _LOG.warning("ZoneMinder's log can't be written for now: %s", error)
            is_told = True
            await clock.sleep(_PAUSE_S)


async def _post(client: Client, row: Mapping[str, str]) -> None:
    """Write a row. Raises VmsError.

    Letters that the table can't hold (up to 1.36 it knows Western European ones only, then none beyond the basic plane) fail as
    a whole row, without a word that could be relied on: such a row is written with their numbers.
    """
    try:
        await client.change("POST", "logs", row)
    except ServerFailed:
        western = {name: value.encode("cp1252", "backslashreplace").decode("cp1252") for name, value in row.items()}
        if western == row:
            raise
        await client.change("POST", "logs", western)
