"""Alarms that are forced for a time: the bridge ends them, for a VMS keeps an alarm forced until it is cancelled.

They are in the store, so that a bridge that was killed ends them when it is back.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from vms_bridge.commands import AckResult
from vms_bridge.errors import CommandRejected, StoreError, UnsupportedCommand
from vms_bridge.hub.own_alarms import OwnAlarms
from vms_bridge.logs import Trouble
from vms_bridge.store import Forced

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from vms_bridge.clock import Clock
    from vms_bridge.commands import Ack
    from vms_bridge.store import Store
    from vms_bridge.views import MonitorKey

    End = Callable[[MonitorKey, Callable[[], bool]], Awaitable[Ack]]

_LOGGER = logging.getLogger(__name__)
_RETRY_S = 5.0
_REFUSED_FOR_S = 600.0
"""How long refusals may last before an alarm is given up: monitors and systems go and come with a reload or a restart."""


@dataclass(slots=True, eq=False)
class _Timer:
    """The end of one forced alarm; forcing it anew makes another one."""

    forced: Forced
    due: float
    is_ending: bool = False
    refused_since: float | None = None


class ForcedAlarms:
    """Keeps the time of each forced alarm and has it ended.

    `end` waits for the monitor's turn, asks then whether that is still wanted, and answers what became of it. `forcing`,
    `began` and `ended` are for whose turn it is. `on_began` is called when a monitor's alarm is known to be forced.
    """

    def __init__(self, clock: Clock, store: Store, end: End, on_began: Callable[[MonitorKey], None] = lambda _key: None) -> None:
        self._clock = clock
        self._store = store
        self._end = end
        self._on_began = on_began
        self._timers: dict[MonitorKey, _Timer] = {}
        self.own = OwnAlarms(has_time=self._timers.__contains__)
        self._changed = asyncio.Event()
        self._trouble = Trouble(_LOGGER, "alarms forced for a time", clock.monotonic)

    @asynccontextmanager
    async def forcing(self, key: MonitorKey, seconds: float | None) -> AsyncIterator[None]:
        """Have the alarm that is forced within end after that time, or (None) when somebody ends it.

        Its time is kept before the VMS is asked: whether it obeyed a request that broke off, nobody knows. Only a refusal
        leaves everything as it was.
        """
        before = self._timers.get(key)
        after = None if seconds is None else self._timer(Forced(at=self._clock.now(), seconds=seconds), seconds)
        if after is not None:
            await self._set(key, after)
        try:
            yield
        except (CommandRejected, UnsupportedCommand):
            await self._set(key, before)
            raise
        if after is None:
            await self._set(key, None)
        else:
            after.due = self._clock.monotonic() + after.forced.seconds  # it has begun only now

    def began(self, key: MonitorKey) -> None:
        """Note that the monitor's alarm is forced, and has been seen."""
        self.own.began(key)
        self._on_began(key)

    async def ended(self, key: MonitorKey) -> None:
        """Note that the monitor's alarm is no longer forced."""
        self.own.ended(key)
        await self._set(key, None)

    async def run(self) -> None:
        """End forced alarms in time, those of an earlier run included, until cancelled."""
        await self._remember()
        async with asyncio.TaskGroup() as group:
            while True:
                now = self._clock.monotonic()
                for key, timer in self._timers.items():
                    if timer.due <= now and not timer.is_ending:
                        # Each by itself: a system that hangs must not hold up the others.
                        timer.is_ending = True
                        group.create_task(self._end_one(key, timer), name=f"end the alarm of {key[0]}/{key[1]}")
                self._changed.clear()
                next_s = min((timer.due - now for timer in self._timers.values() if not timer.is_ending), default=None)
                with suppress(TimeoutError):
                    async with self._clock.timeout(next_s):
                        await self._changed.wait()

    async def end_all(self, system: str | None = None) -> None:
        """End them all, or those of one system, before their time, side by side, for an orderly stop."""
        async with asyncio.TaskGroup() as group:
            for key, timer in self._timers.items():
                if system not in {None, key[0]}:
                    continue
                group.create_task(self._end_one(key, timer, is_stop=True), name=f"end the alarm of {key[0]}/{key[1]}")

    async def _remember(self) -> None:
        try:
            left = await self._store.forced_alarms()
        except StoreError as error:
            _LOGGER.warning("%s (%s)", error, error.hint)
            return
        for key, forced in left.items():
            rest = forced.at + timedelta(seconds=forced.seconds) - self._clock.now()
            # A clock that was set back must not make the alarm last longer than was asked.
            self._timers.setdefault(key, self._timer(forced, min(max(0.0, rest.total_seconds()), forced.seconds)))
            self.began(key)

    def _timer(self, forced: Forced, rest_s: float) -> _Timer:
        return _Timer(forced=forced, due=self._clock.monotonic() + rest_s)

    async def _end_one(self, key: MonitorKey, timer: _Timer, *, is_stop: bool = False) -> None:
        def is_current() -> bool:
            return self._timers.get(key) is timer

        def is_wanted() -> bool:
            # While this waited for its turn, somebody may have forced the alarm anew.
            return is_current() and (is_stop or timer.due <= self._clock.monotonic())

        try:
            ack = await self._end(key, is_wanted)
        finally:
            timer.is_ending = False
            self._changed.set()
        if ack.result in {AckResult.APPLIED, AckResult.UNCHANGED}:
            if not self._timers:
                self._trouble.over()
        elif is_current():
            await self._try_again(key, timer, ack)

    async def _try_again(self, key: MonitorKey, timer: _Timer, ack: Ack) -> None:
        now = self._clock.monotonic()
        timer.due = now + _RETRY_S
        if ack.result is not AckResult.REFUSED:
            timer.refused_since = None
        elif timer.refused_since is None:
            timer.refused_since = now
        elif now - timer.refused_since >= _REFUSED_FOR_S:
            _LOGGER.error(
                "%s/%s: its alarm was forced for a time and can't be ended, so that it may last for ever; given up: %s."
                " Cancel it in the VMS",
                *key,
                ack.hint,
            )
            await self._set(key, None)
            return
        hint = "it is tried again every few seconds; cancel it in the VMS meanwhile"
        self._trouble.report(f"{key[0]}/{key[1]} could not be ended yet: {ack.hint}", hint=hint, code=f"{key}")

    async def _set(self, key: MonitorKey, timer: _Timer | None) -> None:
        if self._timers.get(key) is timer:
            return
        if timer is None:
            del self._timers[key]
        else:
            self._timers[key] = timer
        self._changed.set()
        try:
            await self._store.keep_forced_alarm(key, None if timer is None else timer.forced)
        except StoreError as error:
            _LOGGER.warning("%s (%s)", error, error.hint)
