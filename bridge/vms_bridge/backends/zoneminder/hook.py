"""What a ZoneMinder takes in from outside: `event`, by which it says itself that an event begins or ends.

It is called by what is set as EventStartCommand and EventEndCommand of a monitor (1.37.5 and newer). Nothing in it is believed:
the bridge reads ZoneMinder's events at once instead of at its next turn, and reports what it finds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from vms_bridge.backends.zoneminder.pace import Allowance
from vms_bridge.receivers import Receiver

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from typing import Protocol

    from vms_bridge.clock import Clock

    class Events(Protocol):
        """What is told that an event begins or ends."""

        def announced(self, event_id: int) -> None:
            """Look at once."""


_LOOKS_PER_S, _LOOKS_AT_ONCE = 0.25, 8.0
"""Beyond the regular turns; each may take a few requests where the event's row is not there yet."""


class Announced(BaseModel):
    """Which event begins, or ends."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    event: int = Field(ge=1, lt=2**63, description="The event, by its id in ZoneMinder.")


class Announcements:
    """Has one connection's events looked at for what was announced, no faster than ZoneMinder can bear: the rest is put off."""

    def __init__(self, events: Events, clock: Clock) -> None:
        self._events = events
        self._looks = Allowance(_LOOKS_PER_S, clock, burst=_LOOKS_AT_ONCE)
        self._owed = 0

    def note(self, event_id: int) -> None:
        """Note an event; of several that wait the newest stands for all, since all are read together."""
        self._owed = max(self._owed, event_id)
        self.look()

    def look(self) -> None:
        """Have looked at what was put off, if its time has come."""
        if self._owed and self._looks.take():
            event_id, self._owed = self._owed, 0
            self._events.announced(event_id)


def event_receiver(receive: Callable[[Announced], Awaitable[None]]) -> Receiver:
    """Return what is registered with the hub."""
    return Receiver(
        name="event",
        meaning="the events of this ZoneMinder are read at once: one begins, or ends",
        body=Announced,
        receive=receive,
        most_bytes=256,
        rate=20.0,
        burst=200.0,
    )
