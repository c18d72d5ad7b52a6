"""Pages of what ZoneMinder has recorded, the newest events first: by their ids, which its database finds at once.

Sorted by date, or counted, a page of a monitor that records seldom takes seconds. So the times of a question are turned into
ids once, by what began around them, and each page is a range of ids.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from vms_bridge.archive import EventPage, Extent
from vms_bridge.backends.zoneminder.stretches import Stretches
from vms_bridge.errors import MediaUnavailable

if TYPE_CHECKING:
    from collections.abc import Collection
    from contextlib import AbstractAsyncContextManager

    from vms_bridge.archive import EventQuery
    from vms_bridge.backends.zoneminder.event_list import EventList
    from vms_bridge.backends.zoneminder.pace import Leftover
    from vms_bridge.backends.zoneminder.sources.open_events import OpenEvents
    from vms_bridge.clock import Clock
    from vms_bridge.model import Event
    from vms_bridge.zoneminder import EventRow
    from vms_bridge.zoneminder.events.halving import Page

_AFTER = re.compile(r"([0-9]{1,18})\.([0-9]{1,18})")
_AT_ONCE = 2
"""So many people's questions are asked at a time."""
_MOST_NAMED = 100
"""More monitors than that would make an address that web servers refuse: then all events are read, and these chosen."""
_NEAR = timedelta(minutes=10)
"""So much earlier than its id says an event may begin: pictures from before an alarm belong to it."""
_FAR = timedelta(minutes=130)
"""The same where clocks are set, or it is not known when: local times are then off by an hour or two."""
_SETS_CLOCKS = timedelta(hours=3)
_ROWS_AT_ONCE = 25


@dataclass(frozen=True, slots=True)
class _Span:
    """The ids between which to look, both left out; `high` None: without a bound."""

    high: int | None
    low: int

    @property
    def is_empty(self) -> bool:
        return self.high is not None and self.high <= self.low + 1


class Pages:
    """Reads pages of one connection's events."""

    def __init__(self, events: OpenEvents, rows: EventList, leftover: Leftover, clock: Clock) -> None:
        self._events, self._rows, self._leftover = events, rows, leftover
        self._stretches = Stretches(rows, clock, is_listed=events.is_listed)
        self._asking = asyncio.Semaphore(_AT_ONCE)

    async def page(self, query: EventQuery, after: str | None) -> EventPage:
        """Return a page. Raises MediaUnavailable or VmsError."""
        span = _parsed(after)
        await self._events.newest()  # then it is known which events are open
        async with self._turn(query):
            return await self._page(query, span or await self._span(query))

    async def extent(self, query: EventQuery) -> Extent:
        """Return how many events the query finds, and the oldest one. Raises MediaUnavailable or VmsError."""
        named = _named(query)
        if named is None and query.monitors is not None:
            return Extent()  # too many to be named
        async with self._turn(query):
            span = await self._span(query)
            if span.is_empty or named == []:
                return Extent(events=0)
            count, row = await self._rows.extent(span.low, span.high, named or [], query.since, query.until)
        return Extent(events=count, oldest=None if row is None else self._events.as_reported(row))

    def _turn(self, query: EventQuery) -> AbstractAsyncContextManager[None]:
        return self._leftover.turn() if query.in_background else self._asking

    async def _span(self, query: EventQuery) -> _Span:
        """Find the ids around the times that are asked about."""
        zone = self._rows.local.reading
        high, low = None, 0
        if query.until is not None:
            high = await self._rows.first_from(_later(query.until, _slack(query.until, zone)))
        if query.since is not None:
            low = await self._rows.last_before(_later(query.since, -_slack(query.since, zone)))
        return _Span(high, low)

    async def _page(self, query: EventQuery, span: _Span) -> EventPage:
        named = _named(query)
        if span.is_empty or named == []:
            return EventPage(events=())
        reads_all = query.in_background and query.monitors is None
        page = await (self._many(span) if reads_all else self._rows.below(span.high, span.low, named or []))
        wanted = [row for row in page.rows if _is_asked(row, query)]
        after = f"{page.read_to}.{span.low}" if page.has_more and page.read_to > span.low + 1 else None
        return EventPage(events=tuple(await self._reported(wanted)), after=after)

    async def _many(self, span: _Span) -> Page:
        """Return as much of the newest of it as one question brings."""
        page = None if span.high is None else await self._stretches.below(span.high, span.low)
        if page is None:
            page = await self._rows.below(span.high, span.low)
            self._stretches.saw(page)
        return page

    async def _reported(self, rows: Collection[EventRow]) -> list[Event]:
        """Return these rows' events, the one that began last first."""
        events: list[Event] = []
        for number, row in enumerate(sorted(rows, key=lambda row: (row.start, row.id), reverse=True), 1):
            events.append(self._events.as_reported(row))
            if number % _ROWS_AT_ONCE == 0:
                await asyncio.sleep(0)  # a page takes some milliseconds, and alarms wait for none
        return events


def _named(query: EventQuery) -> list[str] | None:
    """Return the monitors to ask for; None where all are asked for, of which some may be chosen."""
    if query.monitors is None or len(query.monitors) > _MOST_NAMED:
        return None
    return sorted((number for number in query.monitors if number.isascii() and number.isdecimal()), key=_by_number)


def _is_asked(row: EventRow, query: EventQuery) -> bool:
    is_late_enough = query.since is None or row.start >= query.since
    is_early_enough = query.until is None or row.start < query.until
    return is_late_enough and is_early_enough and (query.monitors is None or row.monitor_id in query.monitors)


def _parsed(after: str | None) -> _Span | None:
    if after is None:
        return None
    found = _AFTER.fullmatch(after)
    if found is None:
        raise MediaUnavailable(f"no page begins after {after!r}")
    return _Span(int(found[1]), int(found[2]))


def _slack(time: datetime, zone: tzinfo) -> timedelta:
    """Return by how much events may lie on the other side of this time than their ids say."""
    around = {_later(time, each).astimezone(zone).utcoffset() for each in (-_SETS_CLOCKS, timedelta(0), _SETS_CLOCKS)}
    return _NEAR if len(around) == 1 and isinstance(zone, ZoneInfo) else _FAR


def _later(time: datetime, by: timedelta) -> datetime:
    """Return the time that much later, or the end of all time."""
    try:
        moved = time.astimezone(UTC) + by
    except OverflowError:
        moved = datetime.max.replace(tzinfo=UTC) if by > timedelta(0) else datetime.min.replace(tzinfo=UTC)
    # A day within the calendar, wherever its clocks are.
    return min(max(moved, datetime(1970, 1, 2, tzinfo=UTC)), datetime(9998, 12, 30, tzinfo=UTC))


def _by_number(text: str) -> tuple[int, str]:
    return len(text), text
