"""Time, as the bridge has it: scripts go by it, so that it can be made to pass where they are tried."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from vms_bridge.script.durations import MOST_S
from vms_bridge.scripts.services.table import Answered, Asked, ServiceRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.services.table import Asker


class AskedTimer(Asked):
    """After how long."""

    seconds: Annotated[float, Field(ge=0, le=MOST_S, allow_inf_nan=False)]


class Timers:
    """Says when some time has passed; who waits no more cancels."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def open(self, _: Asker, asked: AskedTimer, _data: bytes) -> Answered:
        """Answer when so much time has passed."""
        if asked.seconds > 0:
            await self._clock.sleep(asked.seconds)
        return Answered()


def rows(clock: Clock) -> Sequence[ServiceRow]:
    """Return what can be asked for."""
    timers = Timers(clock)
    return (ServiceRow(what="timer.open", asked=AskedTimer, do=timers.open, rate=100.0, burst=200.0),)
