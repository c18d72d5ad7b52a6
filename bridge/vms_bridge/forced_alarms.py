"""Alarms that are forced for a time: the bridge ends them, for a VMS keeps an alarm forced until it is told otherwise.

They are in the store, so that a bridge that was killed ends them when it is back.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from vms_bridge.commands import AckResult
from vms_bridge.errors import StoreError
from vms_bridge.logs import Trouble
from vms_bridge.store import Forced

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vms_bridge.clock import Clock
    from vms_bridge.commands import Ack
    from vms_bridge.store import Store
    from vms_bridge.views import MonitorKey

_LOGGER = logging.getLogger(__name__)
_RETRY_S = 5.0


class ForcedAlarms:
    """Keeps the time of each forced alarm and has it ended; `end` answers what became of that."""

    def __init__(self, clock: Clock, store: Store, end: Callable[[MonitorKey], Awaitable[Ack]]) -> None:
        self._clock = clock
        self._store = store
        self._end = end
        self._until: dict[MonitorKey, float] = {}
        self._ending: set[MonitorKey] = set()
        self._changed = asyncio.Event()
        self._trouble = Trouble(_LOGGER, "alarms forced for a time", clock.monotonic)

    async def begin(self, key: MonitorKey, seconds: float | None) -> None:
        """Note that the monitor's alarm was forced, for a time or (None) until somebody ends it."""
        self._until.pop(key, None)
        if seconds is not None:
            self._until[key] = self._clock.monotonic() + seconds
        self._changed.set()
        await self._keep(key, None if seconds is None else Forced(at=self._clock.now(), seconds=seconds))

    async def ended(self, key: MonitorKey) -> None:
        """Note that the monitor's alarm is no longer forced."""
        if self._until.pop(key, None) is not None:
            await self._keep(key, None)

    async def run(self) -> None:
        """End forced alarms in time, those of an earlier run included, until cancelled."""
        await self._remember()
        async with asyncio.TaskGroup() as group:
            while True:
                now = self._clock.monotonic()
                due = {key: until for key, until in self._until.items() if key not in self._ending}
                for key in [key for key, until in due.items() if until <= now]:
                    # Each by itself: a system that hangs must not hold up the others.
                    group.create_task(self._end_one(key), name=f"end the alarm of {key[0]}/{key[1]}")
                    self._ending.add(key)
                    del due[key]
                self._changed.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(min(due.values()) - now if due else None):
                        await self._changed.wait()

    async def end_all(self) -> None:
        """End them all before their time, side by side, for an orderly stop."""
        async with asyncio.TaskGroup() as group:
            for key in self._until:
                group.create_task(self._end_one(key), name=f"end the alarm of {key[0]}/{key[1]}")

    async def _remember(self) -> None:
        try:
            left = await self._store.forced_alarms()
        except StoreError as error:
            _LOGGER.warning("%s (%s)", error, error.hint)
            return
        for key, forced in left.items():
            rest = forced.at + timedelta(seconds=forced.seconds) - self._clock.now()
            # A clock that was set back must not make the alarm last longer than was asked.
            self._until.setdefault(key, self._clock.monotonic() + min(max(0.0, rest.total_seconds()), forced.seconds))

    async def _end_one(self, key: MonitorKey) -> None:
        try:
            ack = await self._end(key)
        finally:
            self._ending.discard(key)
        if ack.result in {AckResult.FAILED, AckResult.TIMEOUT}:
            hint = "it is tried again every few seconds; cancel it in the VMS meanwhile"
            self._trouble.report(f"{key[0]}/{key[1]} could not be ended yet: {ack.hint}", hint=hint, code=f"{key}")
            self._until[key] = self._clock.monotonic() + _RETRY_S
            self._changed.set()
            return
        await self.ended(key)
        if not self._until:
            self._trouble.over()

    async def _keep(self, key: MonitorKey, forced: Forced | None) -> None:
        try:
            await self._store.keep_forced_alarm(key, forced)
        except StoreError as error:
            _LOGGER.warning("%s (%s)", error, error.hint)
