"""When events are read: in turns, at once when shared memory shows one, ever more seldom while they can't be read."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.pace import Bell
from vms_bridge.backoff import Backoff
from vms_bridge.errors import VmsError, VmsUnreachable
from vms_bridge.logs import Trouble
from vms_bridge.zoneminder import PermissionMissing

if TYPE_CHECKING:
    from typing import Protocol

    from vms_bridge.backends.zoneminder.connection import Connection
    from vms_bridge.backends.zoneminder.events import EventTracker

    class Listener(Protocol):
        """Who has to know whether events can be read."""

        def monitor_count(self) -> int:
            """Return how many monitors there are."""

        def events_health_changed(self) -> None:
            """Note that events can be read, or can't any more."""


_LOG = logging.getLogger(__name__)
_POLLS_S = (0.05, 0.1, 0.2, 0.4)
_APART_S = 0.2
_LIVE_S = 10.0
"""What is read so soon after the last poll, beyond the interval between two polls, is reported as live, not as late."""
_LONGEST_WAIT_S = 5.0
"""As for everything that is lost: all is to be true again within 10 s of its return."""
PAGES_PER_S = 0.5
PAGES_AT_ONCE = 4.0
"""What was missed is read no faster than it can be reported, and a little of it at once."""


@dataclass(slots=True)
class LastRead:
    """When the events of a system were read last, whichever connection did; monotonic."""

    at: float = float("-inf")


@dataclass(slots=True)
class EventHealth:
    """How the reading of one connection's events goes; who follows them writes it."""

    is_good: bool = False
    """Whether what is known of them is current."""
    has_trouble: bool = False
    """Whether they were asked for in vain."""
    is_refused: bool = False
    """Whether this user may not read them at all."""


class EventFollower:
    """The loop around one connection's event tracker."""

    def __init__(
        self, connection: Connection, tracker: EventTracker, *, listener: Listener, health: EventHealth, last: LastRead
    ) -> None:
        name, clock, interval = connection.name, connection.clock, connection.config.poll_interval
        self._tracker, self._clock, self._interval, self._listener, self._last = tracker, clock, interval, listener, last
        self._pages, self._health = connection.pages, health
        self._bell = Bell(clock)
        self._trouble = Trouble(_LOG, f"{name}: events", clock.monotonic)
        self._behind = Trouble(_LOG, f"{name}: events that were missed", clock.monotonic)
        self._catch_up_wait = Backoff(interval, _LONGEST_WAIT_S)
        self._catch_up_at = float("-inf")
        self._has_begun = False
        self._awaited_event = self._awaited_end = self._polls = 0
        self._next_turn = asyncio.Event()
        """Set when the turn that is still to begin is over."""

    def ring(self) -> asyncio.Event:
        """Read events now; what is returned is set when that is done, and at once while they can't be read."""
        self._bell.ring()
        return self._next_turn

    def expect_event(self, event_id: int) -> None:
        """Note that an event begins whose row may not be there yet."""
        if event_id > self._tracker.read_to:
            self._awaited_event = max(self._awaited_event, event_id)
            self._bell.ring()

    def expect_end(self, event_id: int) -> None:
        """Note that an event is about to be closed."""
        self._awaited_end = event_id
        self._tracker.expect_end(event_id)
        self._bell.ring()

    async def follow(self) -> None:
        """Read until cancelled. Raises VmsUnreachable."""
        try:
            await self._follow()
        finally:
            self._next_turn.set()

    async def _follow(self) -> None:
        backoff = Backoff(self._interval, _LONGEST_WAIT_S)
        while True:
            try:
                await self._turn()
            except VmsUnreachable:
                raise
            except VmsError as error:
                self._health.is_good = self._has_begun = False
                self._health.has_trouble, self._health.is_refused = True, isinstance(error, PermissionMissing)
                self._trouble.report(error, hint=error.hint)
                self._listener.events_health_changed()
                self._next_turn.set()
                await self._clock.sleep(backoff.failed())
            else:
                backoff.reset()
                self._trouble.over()
                self._health.has_trouble = self._health.is_refused = False
                self._set_good()
                await self._wait()

    async def _turn(self) -> None:
        turn, self._next_turn = self._next_turn, asyncio.Event()
        try:
            await self._read()
        finally:
            turn.set()

    async def _read(self) -> None:
        is_late = self._clock.monotonic() - self._last.at > _LIVE_S + self._interval
        if self._has_begun and not is_late:
            await self._tracker.turn()
        else:
            # After a failure, or a sleep of this process, what was read before may be anywhere.
            self._has_begun = False
            await self._tracker.begin(self._listener.monitor_count(), late=is_late)
            self._has_begun = True
            # What is known to have ended may have a successor, and what was in trouble works again only when this is read.
            await self._tracker.turn()
        self._last.at = self._clock.monotonic()
        self._set_good()
        await self._catch_up()

    async def _catch_up(self) -> None:
        """Read what was missed, as far as the pace allows; that it fails must not keep what happens now from being reported."""
        while self._tracker.is_behind and self._clock.monotonic() >= self._catch_up_at and self._pages.take():
            try:
                await self._tracker.catch_up()
            except VmsUnreachable:
                raise
            except VmsError as error:
                self._behind.report(error, hint=error.hint)
                self._catch_up_at = self._clock.monotonic() + self._catch_up_wait.failed()
            else:
                self._behind.over()
                self._catch_up_wait.reset()

    async def _wait(self) -> None:
        """Wait for the next turn; when shared memory shows that rows are on their way, only as long as they take."""
        is_awaited = self._awaited_event > self._tracker.read_to or self._tracker.is_open(self._awaited_end)
        if is_awaited and self._polls < len(_POLLS_S):
            self._polls += 1
            await self._clock.sleep(_POLLS_S[self._polls - 1])
            return
        self._awaited_event = self._awaited_end = self._polls = 0
        polled = self._clock.monotonic()
        interval = min(self._interval, 1 / PAGES_PER_S) if self._tracker.is_behind else self._interval
        if await self._bell.wait(interval):
            # Many alarms at once are read together.
            await self._clock.sleep(max(0.0, _APART_S - (self._clock.monotonic() - polled)))

    def _set_good(self) -> None:
        if not self._health.is_good:
            self._health.is_good = True
            self._listener.events_health_changed()
