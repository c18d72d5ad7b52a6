"""What a ZoneMinder has recorded, as the bridge can ask for it (`backends.base.CountingArchive`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.archive import LiveStream
from vms_bridge.backends.zoneminder.clips import Clips
from vms_bridge.backends.zoneminder.event_list import EventList
from vms_bridge.backends.zoneminder.line import held
from vms_bridge.backends.zoneminder.live import LiveVideo
from vms_bridge.backends.zoneminder.media import is_event_id
from vms_bridge.backends.zoneminder.pace import Allowance, Leftover
from vms_bridge.backends.zoneminder.pages import Pages
from vms_bridge.backends.zoneminder.system_log import read_log
from vms_bridge.backends.zoneminder.unreadable import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vms_bridge.archive import ByteRange, EventPage, EventQuery, Extent, FrameTimes, LogLine, LogQuery, MediaRef, VideoSource
    from vms_bridge.backends.base import Media
    from vms_bridge.backends.zoneminder.line import Line
    from vms_bridge.backends.zoneminder.session import ZoneMinderSession
    from vms_bridge.model import Event, EventRef

_SEARCHES_PER_S, _SEARCHES_AT_ONCE = 2.0, 8.0
"""What may be asked to find a row that spoils its page; few pages have one."""


class Recordings:
    """What can be asked of one connection's recordings; the questions go over its `line`."""

    def __init__(self, session: ZoneMinderSession, line: Line) -> None:
        connection, events = session.connection, session.events
        line.api.auth = connection.api.auth  # one login is enough
        self._line = line
        clock = connection.clock
        leftover = Leftover(lambda: connection.api.requests + line.api.requests, clock)
        unreadable = Unreadable(connection.name, None, clock)
        searches = Allowance(_SEARCHES_PER_S, clock, burst=_SEARCHES_AT_ONCE)
        rows = EventList(line.api, events.times, unreadable, searches)
        self._events, self._rows = events, rows
        self._pages = Pages(events, rows, leftover, clock)
        self._live = LiveVideo(line, connection.config, clock, pictures=session.pictures, ladders=session.ladders.by_id)
        self._clips = Clips(line, clock, events=events, rows=rows, pictures=session.pictures)

    async def page(self, query: EventQuery, after: str | None) -> EventPage:
        """Return a page of events. Raises MediaUnavailable or VmsError."""
        async with held(self._line):
            return await self._pages.page(query, after)

    async def extent(self, query: EventQuery) -> Extent:
        """Return how much there is. Raises MediaUnavailable or VmsError."""
        async with held(self._line):
            return await self._pages.extent(query)

    async def event(self, event_id: str) -> Event | None:
        """Return one event. Raises VmsError."""
        if not is_event_id(event_id):
            return None
        async with held(self._line):
            found = await self._rows.these([int(event_id)])
        return self._events.as_reported(found[0]) if found else None

    async def open(self, ref: MediaRef, part: ByteRange | None) -> Media:
        """Open a picture or clip. Raises MediaUnavailable or VmsError."""
        async with held(self._line):
            if isinstance(ref, LiveStream):
                return await self._live.film(ref.monitor)
            return await self._clips.open(ref, part)

    async def video_sources(self, monitor_id: str) -> Sequence[VideoSource]:
        """Return where H.264 or H.265 of a monitor can be had. Raises MediaUnavailable or VmsError."""
        async with held(self._line):
            return await self._live.sources(monitor_id)

    async def frame_times(self, event: EventRef) -> FrameTimes:
        """Return which pictures an event has. Raises MediaUnavailable or VmsError."""
        async with held(self._line):
            return await self._clips.frame_times(event)

    async def log(self, query: LogQuery) -> Sequence[LogLine]:
        """Return lines of the log. Raises MediaUnavailable or VmsError."""
        async with held(self._line):
            return await read_log(self._line.api, query)


class Archive:
    """Asks over the connection of the moment, which `live` gives, or raises VmsUnreachable."""

    def __init__(self, live: Callable[[], Recordings]) -> None:
        self._live = live

    async def events(self, query: EventQuery, after: str | None) -> EventPage:
        """Return a page of events, each by the id and with the values by which it was reported, or would be."""
        return await self._live().page(query, after)

    async def event(self, event_id: str) -> Event | None:
        """Return one event, as a page would have it."""
        return await self._live().event(event_id)

    async def extent(self, query: EventQuery) -> Extent:
        """Return how many events there are, and the oldest: one question, and one more for each bound in time."""
        return await self._live().extent(query)

    async def media(self, ref: MediaRef, byte_range: ByteRange | None) -> Media:
        """Open a picture, a clip that ZoneMinder has recorded as such, or what a monitor sees now."""
        return await self._live().open(ref, byte_range)

    async def video_sources(self, monitor_id: str) -> Sequence[VideoSource]:
        """Return where H.264 or H.265 of a monitor can be had now, the best first."""
        return await self._live().video_sources(monitor_id)

    async def frame_times(self, event: EventRef) -> FrameTimes:
        """Return which pictures an event has that was recorded as such, and when each was taken."""
        return await self._live().frame_times(event)

    async def logs(self, query: LogQuery) -> Sequence[LogLine]:
        """Return the newest lines of its log, a thousand at most."""
        return await self._live().log(query)
