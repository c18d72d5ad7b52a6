"""Asks a system's archive in the background: a bounded number of times, and never round in a circle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.archive import EventQuery
from vms_bridge.errors import BackendDefect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from datetime import datetime

    from vms_bridge.archive import Extent, RecordedEvent, RecordedPage
    from vms_bridge.hub.archive import Archives

_MOST_EMPTY = 1_000
"""So many pages in a row may have nothing in them."""


class Spent(Exception):
    """So much has been asked that the rest has to wait for another time."""


class Listing:
    """Asks for events of one system, `most` times. Every method raises Spent, MediaUnavailable or VmsError."""

    def __init__(self, archives: Archives, system: str, *, most: int) -> None:
        self._archives, self._system, self._left = archives, system, most

    async def extent(self, monitor: str, since: datetime | None = None, until: datetime | None = None) -> Extent:
        """Return how much there is of a monitor that began in that time."""
        self._spend()
        return await self._archives.extent(self._system, query(monitor, since, until))

    async def pages(
        self, monitor: str | None, since: datetime | None, until: datetime | None
    ) -> AsyncIterator[Sequence[RecordedEvent]]:
        """Yield what began in that time, of a monitor or of all, page by page, the newest first."""
        after: str | None = None
        circle = Circle()
        while True:
            self._spend()
            page = await self._archives.events(self._system, query(monitor, since, until), after)
            yield once(page.events)
            after = page.after
            if after is None:
                return
            circle.check(page)

    def _spend(self) -> None:
        if self._left <= 0:
            raise Spent
        self._left -= 1


class Circle:
    """Finds out that pages lead nowhere: to one that was there before, or to nothing for too long."""

    def __init__(self) -> None:
        self._afters: set[str] = set()
        self._empty = 0

    def check(self, page: RecordedPage) -> None:
        """Hear of a page that another one follows. Raises BackendDefect."""
        after = page.after or ""
        self._empty = 0 if page.events else self._empty + 1
        if after in self._afters or self._empty > _MOST_EMPTY:
            raise BackendDefect("wrong values", f"EventPage: pages of events without an end, at `after` {after!r}")
        self._afters.add(after)


def query(monitor: str | None, since: datetime | None, until: datetime | None) -> EventQuery:
    """Return the question for what began in that time, of a monitor or of all."""
    monitors = None if monitor is None else frozenset({monitor})
    return EventQuery(since=since, until=until, monitors=monitors, in_background=True)


def once(events: Sequence[RecordedEvent]) -> Sequence[RecordedEvent]:
    """Return each event once, as it was listed last."""
    return list({event.ref.id: event for event in events}.values())
