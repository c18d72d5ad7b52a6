"""Fills the index of a system with what its archive has: page by page, the newest first, and after a kill from where it was."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from vms_bridge.hub.listing import Circle, once, query

if TYPE_CHECKING:
    from vms_bridge.archive import RecordedPage
    from vms_bridge.hub.archive import Archives
    from vms_bridge.hub.system_index import Mark, SystemIndex

_FAILURES = 3
"""So often in a row a page may fail before another way is tried to it."""
_OVERLAP = timedelta(hours=1)
"""More than any time zone sets its clocks back, so that nothing is left out by it."""


class Backfill:
    """One page each turn, with the mark that says how far this is stored beside it."""

    def __init__(self, index: SystemIndex, archives: Archives, system: str) -> None:
        self._index, self._archives, self._system = index, archives, system
        self._circle, self._failures = Circle(), 0

    async def turn(self) -> bool:
        """Read the next page into the index, and say whether it was the last one. Raises BridgeError."""
        mark = self._next()
        self._failures += 1
        page = await self._archives.events(self._system, query(None, None, mark.until), mark.after)
        if page.after is not None:
            self._circle.check(page)
        is_complete = page.after is None or await self._index.is_full()
        await self._index.add(once(page.events), replace(_behind(mark, page), is_complete=is_complete))
        self._failures = 0
        return is_complete

    def _next(self) -> Mark:
        """Return where to go on: by time, where the archive does not go on from its own word any more."""
        mark = self._index.mark
        if mark.after is None:
            self._circle = Circle()
        if self._failures < _FAILURES or mark.after is None:
            return mark
        self._circle = Circle()
        return replace(mark, after=None, until=mark.oldest + _OVERLAP if mark.oldest else None)


def _behind(mark: Mark, page: RecordedPage) -> Mark:
    """Return the mark behind the page."""
    starts = [one.event.start for one in page.events if one.event.start is not None]
    oldest = min([*starts, *([mark.oldest] if mark.oldest else [])], default=None)
    return replace(mark, after=page.after, oldest=oldest)
