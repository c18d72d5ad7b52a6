"""When events are read: in turns, at once when shared memory shows one, ever more seldom while they can't be read."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.pace import Bell
from vms_bridge.errors import VmsError, VmsUnreachable
from vms_bridge.logs import Trouble

if TYPE_CHECKING:
    from typing import Protocol

    from vms_bridge.backends.zoneminder.events import EventTracker
    from vms_bridge.clock import Clock

    class Listener(Protocol):
        """Who has to know whether events can be read."""

        def monitor_count(self) -> int:
            """Return how many monitors there are."""

        def events_health_changed(self) -> None:
            """Hear that events can be read, or can't any more."""


_LOG = logging.getLogger(__name__)
_LOOKS_S = (0.05, 0.1, 0.2, 0.4)
_APART_S = 0.2
_LONGEST_WAIT_S = 60.0


class EventFollower:
    """The loop around one connection's event tracker."""

    def __init__(self, name: str, tracker: EventTracker, clock: Clock, *, interval: float, listener: Listener) -> None:
        self._tracker, self._clock, self._interval, self._listener = tracker, clock, interval, listener
        self._bell = Bell(clock)
        self._trouble = Trouble(_LOG, f"{name}: events", clock.monotonic)
        self._have_caught_up = False
        self._awaited_event = self._awaited_end = self._looks = 0
        self.is_good = False
        """Whether what the tracker knows is current."""

    @property
    def has_trouble(self) -> bool:
        """Whether events were asked for in vain."""
        return self._trouble.is_on

    def ring(self) -> None:
        """Read events now."""
        self._bell.ring()

    def expect_event(self, event_id: int) -> None:
        """Hear that an event begins whose row may not be there yet."""
        if event_id > self._tracker.read_to:
            self._awaited_event = max(self._awaited_event, event_id)
            self._bell.ring()

    def expect_end(self, event_id: int) -> None:
        """Hear that an event is about to be closed."""
        self._awaited_end = event_id
        self._tracker.expect_end(event_id)
        self._bell.ring()

    async def follow(self) -> None:
        """Read until cancelled. Raises VmsUnreachable."""
        failures = 0
        while True:
            try:
                await self._read()
            except VmsUnreachable:
                raise
            except VmsError as error:
                failures += 1
                self.is_good = False
                self._trouble.report(error, hint=error.hint)
                self._listener.events_health_changed()
                await self._clock.sleep(min(self._interval * 2 ** min(failures, 5), _LONGEST_WAIT_S))
            else:
                failures = 0
                self._trouble.over()
                self._set_good()
                await self._wait()

    async def _read(self) -> None:
        if self._have_caught_up:
            await self._tracker.turn()
            return
        await self._tracker.begin(self._listener.monitor_count())
        # What is open now is known, though what was missed has yet to be told.
        self._set_good()
        await self._tracker.catch_up()
        self._have_caught_up = True

    async def _wait(self) -> None:
        """Wait for the next turn; when shared memory shows that rows are on their way, only as long as they take."""
        is_awaited = self._awaited_event > self._tracker.read_to or self._tracker.is_open(self._awaited_end)
        if is_awaited and self._looks < len(_LOOKS_S):
            self._looks += 1
            await self._clock.sleep(_LOOKS_S[self._looks - 1])
            return
        self._awaited_event = self._awaited_end = self._looks = 0
        looked = self._clock.monotonic()
        if await self._bell.wait(self._interval):
            # Many alarms at once are read together.
            await self._clock.sleep(max(0.0, _APART_S - (self._clock.monotonic() - looked)))

    def _set_good(self) -> None:
        if not self.is_good:
            self.is_good = True
            self._listener.events_health_changed()
