"""Holds the index of a system to what its VMS has, without listing all of it anew.

A monitor's total, which the VMS reports anyway, is compared with what the index has. Where they differ at two checks, the VMS is
asked how many events of the monitor there are, and for the oldest: what began before that was purged. What still differs is
searched for by halves. What numbers can't show is found by reading everything again and again, slowly; somewhat less so where a
VMS reports none.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from itertools import accumulate
from typing import TYPE_CHECKING

from vms_bridge.hub.comparison import MOST_ROWS, SECOND_LOOK_S, Comparison
from vms_bridge.hub.listing import Listing, Spent

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from vms_bridge.clock import Clock
    from vms_bridge.hub.archive import Archives
    from vms_bridge.hub.system import System
    from vms_bridge.hub.system_index import SystemIndex
    from vms_bridge.index import Bucket, IndexedEvent

CHECK_S = 60.0
_APART_S = 600.0
"""A monitor is not asked for again before that: its total may be wrong for a while, or for good."""
_AT_LEAST_S, _UNTOLD_S = 24 * 3_600.0, 3_600.0
"""A monitor is asked for once in so long, whatever is reported of it; and where no total is."""
_READ_APART_S = 600.0
"""So seldom a page is read once more where numbers show what differs: for what they can't show."""
_MOST_REQUESTS = 200
"""Of one check; what is not settled by then is settled by the next ones."""
_PAGE = 100
"""So many events are listed rather than searched for by halves."""
_OPEN = timedelta(minutes=10), timedelta(days=2)
"""From when to when after its beginning an open event, of which nothing is reported, is checked again."""
_MOST_OPEN = 20
_OPEN_APART_S = 3_600.0


class Reconciler:
    """Checks one system's index again and again; what it remembers is for its own economy only.

    How far it has got with reading everything again stands in the index's mark: that takes days, and a restart must not end it.
    """

    def __init__(self, index: SystemIndex, system: System, archives: Archives, clock: Clock) -> None:
        self._index, self._system, self._archives, self._clock = index, system, archives, clock
        self._comparison = Comparison(index, clock)
        self._differences: dict[str, int] = {}
        """By monitor: how many more the VMS had at the last check."""
        self._errors: dict[str, int] = {}
        """By monitor: how many more its total says than there were when it was asked for last."""
        self._asked_at: dict[str, float] = {}
        self._began = clock.monotonic()
        self._can_count: bool | None = None
        """Whether the VMS can be asked how many events there are; None: not known yet."""
        self._read_at = clock.monotonic()
        self._open_at: dict[str, float] = {}

    async def check(self) -> None:
        """Compare, and settle what differs. Raises BridgeError."""
        listing = Listing(self._archives, self._system.key, most=_MOST_REQUESTS)
        try:
            if self._can_count is None:
                await self._find_out(listing)
            is_full = await self._index.is_full()  # then what is old goes, and no number is to be held to any other
            if self._can_count and not is_full:
                for monitor in list(self._due(await self._index.counts())):
                    await self._settle(monitor, listing)
            if not self._can_count or is_full or self._clock.monotonic() - self._read_at >= _READ_APART_S:
                await self._read_again(listing, to_the_end=not is_full)
            await self._check_open(listing)
        except Spent:
            self._asked_at.clear()

    async def doubt(self, row: IndexedEvent) -> None:
        """Check whether this event is still there, and as it is known. Raises BridgeError."""
        with suppress(Spent):
            await self._compare_one(row, Listing(self._archives, self._system.key, most=_MOST_OPEN))

    async def _find_out(self, listing: Listing) -> None:
        for monitor in list(self._system.monitors)[:1]:
            self._can_count = (await listing.extent(monitor)).events is not None

    def _due(self, counts: Mapping[str, int]) -> Iterator[str]:
        """Yield the monitors that have to be asked for."""
        now = self._clock.monotonic()
        for monitor in self._system.monitors.keys() | counts.keys():
            if self._system.id_of(monitor) is None:  # of one that is not shown, or by another key
                continue
            quiet_s = now - self._asked_at.get(monitor, self._began)
            before, difference = self._differences.get(monitor, 0), self._difference(monitor, counts.get(monitor, 0))
            self._differences[monitor] = difference
            is_apart = monitor not in self._asked_at or quiet_s >= _APART_S
            # What is just under way differs once, or now in one direction and now in the other.
            longest_s = _UNTOLD_S if self._total(monitor) is None else _AT_LEAST_S
            if (difference * before > 0 and is_apart) or quiet_s >= longest_s:
                yield monitor

    def _difference(self, monitor: str, count: int) -> int:
        total = self._total(monitor)
        return 0 if total is None else total - count - self._errors.get(monitor, 0)

    def _total(self, monitor: str) -> int | None:
        view = self._system.monitors.get(monitor)
        return None if view is None else view.state.events_total

    async def _settle(self, monitor: str, listing: Listing) -> None:
        self._asked_at[monitor] = self._clock.monotonic()
        there = await self._purge(monitor, listing)
        if there is None:
            return
        if (await self._index.counts()).get(monitor, 0) != there:
            await self._halve(monitor, there, listing)
        total, count = self._total(monitor), (await self._index.counts()).get(monitor, 0)
        self._errors[monitor] = 0 if total is None else total - count
        self._differences.pop(monitor, None)

    async def _purge(self, monitor: str, listing: Listing) -> int | None:
        """Let go what is older than the oldest event that the VMS has, if it says so twice; return how many there are."""
        before: frozenset[str] = frozenset()
        while True:
            extent = await listing.extent(monitor)
            if extent.events is None or (extent.events and extent.oldest is None):
                return extent.events
            older = await self._index.ids_before(monitor, extent.oldest, most=MOST_ROWS)
            if not older:
                return extent.events
            if gone := [each for each in older if each in before]:
                await self._index.forget(gone)
                if len(older) < MOST_ROWS:
                    return extent.events
                older = []
            before = frozenset(older)
            await self._clock.sleep(SECOND_LOOK_S)

    async def _halve(self, monitor: str, there: int, listing: Listing) -> None:
        """Find the days on which the VMS has more or fewer events of the monitor, and compare what began on them."""
        days = [day for day in await self._index.days(monitor) if day.events]
        spans = [(0, len(days), there)]
        while spans:
            first, end, there = spans.pop()
            here = sum(day.events for day in days[first:end])
            if here == there:
                continue
            since = days[first].start if first else None
            until = days[end].start if end < len(days) else None
            if min(here, there) <= _PAGE or end - first <= 1:
                await self._comparison.compare(monitor, since, until, listing)
                continue
            middle = _middle(days, first, end)
            newer = (await listing.extent(monitor, days[middle].start, until)).events or 0
            spans += [(first, middle, max(0, there - newer)), (middle, end, newer)]

    async def _read_again(self, listing: Listing, *, to_the_end: bool) -> None:
        """Compare the next page or so, from the newest to the oldest, and from the newest again."""
        self._read_at = self._clock.monotonic()
        until = self._index.mark.read_again
        rows = await self._index.rows(None, None, until, most=_PAGE)
        is_end = len(rows) < _PAGE
        since = rows[-1].event.start if rows and not (is_end and to_the_end) else None
        if since is not None or to_the_end:
            await self._comparison.compare(None, since, until, listing)
        await self._index.note_read_again(None if is_end else since)

    async def _check_open(self, listing: Listing) -> None:
        """Check again what is open as far as is known, and that nobody reports of: it was when it was read."""
        now, time = self._clock.monotonic(), self._clock.now()
        self._open_at = {event_id: at for event_id, at in self._open_at.items() if now - at < _OPEN_APART_S}
        least, most = _OPEN
        for row in await self._index.rows(None, time - most, time - least, most=_MOST_OPEN, is_open=True):
            if row.ref.id not in self._system.events.by_id and row.ref.id not in self._open_at:
                self._open_at[row.ref.id] = now
                await self._compare_one(row, listing)

    async def _compare_one(self, row: IndexedEvent, listing: Listing) -> None:
        if (start := row.event.start) is not None:
            await self._comparison.compare(row.monitor, start, start + timedelta(seconds=1), listing)


def _middle(days: Sequence[Bucket], first: int, end: int) -> int:
    """Return the day behind the first one from which on there are half of the events of these days, or about that."""
    half = sum(day.events for day in days[first:end]) / 2
    counted = accumulate(day.events for day in days[first:end])
    return min(end - 1, first + 1 + next((number for number, count in enumerate(counted) if count >= half), 0))
