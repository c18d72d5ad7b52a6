"""The events of a group, page by page, the newest first: by the time that the last of a page began, and not by counting.

Rows come and go while pages are read, so that an offset would skip some and show others twice.
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from vms_bridge.archive import EventPage
from vms_bridge.errors import MediaUnavailable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.archive import EventQuery
    from vms_bridge.backends.vxg.session import Session
    from vms_bridge.vxg import EventRow
    from vms_bridge.vxg.events import Filters

PAGE = 240
"""What comes by one request, with some to spare for those of the page before: so no row can slip through between two."""
_APART_S = 1.0
"""How long a page that is read in the background waits, so that others are asked between two of them."""
_SLACK = timedelta(milliseconds=1)
"""Whether the end of a time is in it is not known: it is asked for a little more, and what is too much left out."""
_LONGEST = 20_000


class Pages:
    """Reads them over one connection."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()

    async def page(self, session: Session, query: EventQuery, after: str | None) -> EventPage:
        """Return a page. Raises MediaUnavailable or VmsError."""
        if not query.in_background:
            return await self._read(session, query, _parsed(after))
        async with self._turn:
            await session.connection.clock.sleep(_APART_S)
            return await self._read(session, query, _parsed(after))

    async def _read(self, session: Session, query: EventQuery, last: tuple[datetime, frozenset[int]] | None) -> EventPage:
        vxg = session.connection.vxg
        before, known = last if last is not None else (None, frozenset[int]())
        end = min((each for each in (query.until, before) if each is not None), default=None)
        channel = _only(session, query.monitors)
        rows: list[EventRow] = []
        filters: Filters = {"newest_first": True}
        if query.since is not None:
            filters["start"] = query.since - _SLACK
        if end is not None:
            filters["end"] = end + _SLACK
        async for row in vxg.events.each(channel, **filters):
            if row.id in known or (before is not None and row.time > before):
                continue
            rows.append(row)
            if len(rows) == PAGE:
                break
        rows.sort(key=lambda row: (row.time, row.id), reverse=True)
        now = await vxg.now()
        events = [session.events.as_event(row, now) for row in rows if _is_asked(session, query, row)]
        if len(rows) < PAGE:
            return EventPage(events=tuple(events))
        return EventPage(events=tuple(events), after=_written(rows, before, known))


def _is_asked(session: Session, query: EventQuery, row: EventRow) -> bool:
    if query.since is not None and row.time < query.since:
        return False
    if query.until is not None and row.time >= query.until:
        return False
    if query.monitors is not None and str(row.camera_id) not in query.monitors:
        return False
    return session.cameras.get(row.camera_id) is not None


def _only(session: Session, monitors: frozenset[str] | None) -> int | None:
    """Return the one channel that is asked for; None: several, or all."""
    if monitors is None or len(monitors) != 1:
        return None
    (one,) = monitors
    return session.camera(one).row.id


def _written(rows: Sequence[EventRow], before: datetime | None, known: frozenset[int]) -> str:
    """Say where the next page begins: at the time of the last row, without those of that time that were given already."""
    last = rows[-1].time
    given = {row.id for row in rows if row.time == last} | (known if last == before else set())
    return json.dumps([last.isoformat(), sorted(given)], separators=(",", ":"))


def _parsed(after: str | None) -> tuple[datetime, frozenset[int]] | None:
    if after is None:
        return None
    try:
        time, ids = json.loads(after[:_LONGEST])
        return datetime.fromisoformat(time).astimezone(UTC), frozenset(map(int, ids))
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise MediaUnavailable("no page begins there", hint="begin with the first page") from None
