"""Waiting for something to happen, from within a handler (`wait_for`)."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

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

MOST_SECONDS = 31 * 86_400.0


class AskedWait(Asked):
    """What is waited for, as a trigger is declared, and how long at most; None: for as long as it takes."""

    trigger: dict[str, Any]
    timeout_s: Annotated[float, Field(ge=0, le=MOST_SECONDS, allow_inf_nan=False)] | None = None


class Waits:
    """Waits for what happens; `sees` says whether a script with these permissions sees a monitor."""

    def __init__(self, dispatcher: Dispatcher, clock: Clock, site: Site, sees: Callable[[Permissions, MonitorKey], bool]) -> None:
        self._dispatcher, self._clock, self._site, self._sees = dispatcher, clock, site, sees

    async def open(self, asker: Asker, asked: AskedWait, _: bytes) -> Answered:
        """Answer with what has happened, once it has, or that it has not. Raises TriggerRefused."""
        trigger = read_wait(asked.trigger, asker.permissions, self._site)
        happened: asyncio.Future[Occurrence] = asyncio.get_running_loop().create_future()

        def deliver(_: Trigger, occurrence: Occurrence) -> None:
            if not happened.done():
                happened.set_result(occurrence)

        triggers = ScriptTriggers([trigger], self._clock, deliver, sees=lambda key: self._sees(asker.permissions, key))
        joined = self._dispatcher.join(asker.name, triggers)
        keeping = asyncio.create_task(joined.run(), name=f"script {asker.name}: wait")
        try:
            with suppress(TimeoutError):
                async with self._clock.timeout(asked.timeout_s):
                    await asyncio.wait({happened})
        finally:
            joined.close()
            keeping.cancel()
        if not happened.done():
            return Answered({"timed_out": True})
        occurrence = happened.result()
        return Answered({"what": occurrence.what}, occurrence.data)


def rows(
    dispatcher: Dispatcher, clock: Clock, site: Site, sees: Callable[[Permissions, MonitorKey], bool]
) -> Sequence[ServiceRow]:
    """Return what can be asked for."""
    waits = Waits(dispatcher, clock, site, sees)
    return (ServiceRow(what="wait.open", asked=AskedWait, do=waits.open, rate=20.0, burst=50.0),)
