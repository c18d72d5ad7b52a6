"""Compares what an archive lists of a time with what the index has of it: what is missed comes, what was purged goes."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from vms_bridge.clock import Clock
    from vms_bridge.hub.listing import Listing
    from vms_bridge.hub.system_index import SystemIndex

SECOND_LOOK_S = 5.0
"""A loss is believed when it shows again after that long."""
MOST_ROWS = 10_000
_MARGIN = timedelta(seconds=1)
"""The index may round times."""


class Comparison:
    """Compares for one system."""

    def __init__(self, index: SystemIndex, clock: Clock) -> None:
        self._index, self._clock = index, clock

    async def compare(self, monitor: str | None, since: datetime | None, until: datetime | None, listing: Listing) -> None:
        """Make the index true of what began in that time, of a monitor or of all. Raises BridgeError, and Spent."""
        rows = await self._index.rows(monitor, since, until, most=MOST_ROWS)
        if len(rows) == MOST_ROWS:  # the rest another time
            since = rows[-1].event.start
            rows = [row for row in rows if row.event.start != since]
        seen = await self._read(monitor, since, until, listing)
        missing = [row for row in rows if row.ref.id not in seen]
        if not missing:
            return
        await self._clock.sleep(SECOND_LOOK_S)
        starts = [row.event.start for row in missing if row.event.start is not None]
        if len(starts) == len(missing):
            since, until = min(starts), max(starts)
        seen = await self._read(monitor, since, until, listing)
        await self._index.forget([row.ref.id for row in missing if row.ref.id not in seen])

    async def _read(self, monitor: str | None, since: datetime | None, until: datetime | None, listing: Listing) -> set[str]:
        seen: set[str] = set()
        since, until = since and since - _MARGIN, until and until + _MARGIN
        async for events in listing.pages(monitor, since, until):
            await self._index.add(events)
            seen.update(event.ref.id for event in events)
        return seen
