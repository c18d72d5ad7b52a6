"""Waiting for something to happen, from within a handler (`wait_for`)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from vms_bridge.script.durations import MOST_S
from vms_bridge.scripts.services.table import Answered, Asked, ServiceRow
from vms_bridge.scripts.triggers.spec import read_wait
from vms_bridge.scripts.triggers.triggers import ScriptTriggers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.services.table import Asker
    from vms_bridge.scripts.triggers.dispatch import Dispatcher
    from vms_bridge.scripts.triggers.schedule import Site
    from vms_bridge.scripts.values import Occurrence, Permissions, Trigger
    from vms_bridge.views import MonitorKey


class AskedWait(Asked):
    """What is waited for, as a trigger is declared, and how long at most; None: for as long as it takes."""

    trigger: dict[str, Any]
    timeout_s: Annotated[float, Field(ge=0, le=MOST_S, allow_inf_nan=False)] | None = None


class Waits:
    """Waits for what happens; `hears` says of what a script with these permissions may be told (`permissions.hears`)."""

    def __init__(
        self, dispatcher: Dispatcher, clock: Clock, site: Site, hears: Callable[[Permissions, MonitorKey], bool]
    ) -> None:
        self._dispatcher, self._clock, self._site, self._hears = dispatcher, clock, site, hears

    async def open(self, asker: Asker, asked: AskedWait, _: bytes) -> Answered:
        """Answer with what has happened, once it has, or that it has not. Raises TriggerRefused."""
        trigger = read_wait(asked.trigger, asker.permissions, self._site)
        happened: asyncio.Future[Occurrence] = asyncio.get_running_loop().create_future()

        def deliver(_: Trigger, occurrence: Occurrence) -> None:
            if not happened.done():
                happened.set_result(occurrence)

        triggers = ScriptTriggers([trigger], self._clock, deliver, sees=lambda key: self._hears(asker.permissions, key))
        waiting = self._dispatcher.wait(asker.name, triggers)
        needs_time = trigger.for_s or trigger.debounce_s
        keeping = asyncio.create_task(waiting.run(), name=f"script {asker.name}: wait") if needs_time else None
        try:
            with suppress(TimeoutError):
                async with self._clock.timeout(asked.timeout_s):
                    await asyncio.wait({happened})
        finally:
            waiting.close()
            if keeping is not None:
                keeping.cancel()
        if not happened.done():
            return Answered({"timed_out": True})
        occurrence = happened.result()
        return Answered({"what": occurrence.what}, occurrence.data)


def rows(
    dispatcher: Dispatcher, clock: Clock, site: Site, hears: Callable[[Permissions, MonitorKey], bool]
) -> Sequence[ServiceRow]:
    """Return what can be asked for."""
    waits = Waits(dispatcher, clock, site, hears)
    return (ServiceRow(what="wait.open", asked=AskedWait, do=waits.open, rate=20.0, burst=50.0),)
