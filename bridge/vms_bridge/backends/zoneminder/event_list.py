"""ZoneMinder's list of events."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vms_bridge.errors import VmsError, VmsProtocolError
from vms_bridge.zoneminder import segments
from vms_bridge.zoneminder.events.halving import PAGE, Page, Search, between, may_be_a_row
from vms_bridge.zoneminder.events.rows import EventRows
from vms_bridge.zoneminder.parse import mapping, parse_count

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from vms_bridge.backends.zoneminder.api import Api
    from vms_bridge.backends.zoneminder.pace import Pace
    from vms_bridge.backends.zoneminder.time_witness import TimeWitness
    from vms_bridge.backends.zoneminder.unreadable import Unreadable
    from vms_bridge.zoneminder import EventRow
    from vms_bridge.zoneminder.events.halving import Filters

_ROWS_AT_ONCE = 25


class EventList:
    """Asks for rows of one connection's event list; every method raises VmsError.

    Rows that can't be read are left out, so that they keep no others from being read: `unreadable` has their ids.
    """

    def __init__(self, api: Api, times: TimeWitness, unreadable: Unreadable, pace: Pace) -> None:
        self._api, self.times, self.local, self._pace = api, times, times.local, pace
        self.unreadable = unreadable
        self._rows = EventRows(api, lambda: self.local.reading, trusts_unix_times=lambda: self.local.by_clock is None)

    async def above(self, low: int, *, known_to: int = 0) -> Page:
        """Return the first rows above that id; up to `known_to` there was no trouble with them before."""
        bad = self.unreadable.above(low)
        if bad is not None and bad - low <= PAGE:
            return await self._search(near=known_to or low).above(low, known_to)
        try:
            rows = await self._rows.ask([("Id >", str(low))])
        except VmsError as error:
            if not may_be_a_row(error):
                raise
            return await self._search(error, near=known_to or low).above(low, known_to)
        return Page(rows, has_more=len(rows) >= PAGE)

    async def newest(self, pages: int, *, near: int = 0) -> list[EventRow]:
        """Return the newest rows first, so many pages of them if there are as many; `near` was read before."""
        newest: list[EventRow] = []
        for page in range(1, pages + 1):
            try:
                some = await self._rows.ask([("Id >", "0")], ascending=False, page=page)
            except VmsError as error:
                if not may_be_a_row(error):
                    raise
                return newest or await self._search(error, near=near).newest()
            newest += some
            if len(some) < PAGE:
                break
        return newest

    async def these(self, numbers: Sequence[int]) -> list[EventRow]:
        """Return the rows with these ids, as far as there are any and they can be read."""
        found: list[EventRow] = []
        readable = [number for number in numbers if number not in self.unreadable]
        for first in range(0, len(readable), PAGE):
            asked = readable[first : first + PAGE]
            try:
                rows = await self._rows.ask([("Id", str(number)) for number in asked])
            except VmsError as error:
                if not may_be_a_row(error):
                    raise
                rows = await self._search(error).these(asked)
            # An unfollowed filter would list other events, not these.
            found += [row for row in rows if row.id in asked]
        return found

    async def present(self, numbers: Sequence[int]) -> set[int]:
        """Return which of these ids there are; what can't be read is there."""
        return {row.id for row in await self.these(numbers)} | {number for number in numbers if number in self.unreadable}

    async def gone(self, missing: Collection[int], there: Iterable[int]) -> set[int]:
        """Return which of these rows are gone, by an answer that has those beside them that were `there`.

        A list that is cut in half says of the other half that it is gone. So they are asked for with rows from both sides, or
        more than they are from one; where there are none, one of those is missing too, or one of these is not, nothing is
        said of any.
        """
        low, high, most = min(missing), max(missing), len(missing) + 1
        others = sorted(number for number in there if number not in missing and number not in self.unreadable)
        below, above = [n for n in others if n < low][-most:], [n for n in others if n > high][:most]
        if not (below and above) and len(below) + len(above) < most:
            return set()
        present = await self.present([*missing, *below, *above])
        return set(missing) if present == {*below, *above} else set()

    async def again(self, number: int) -> list[EventRow]:
        """Try a row that could not be read; it is returned where it can be now."""
        return await self._search().again(number)

    async def first_after(self, time: datetime, *, above: int) -> EventRow | None:
        """Return the first row above that id that began after that time."""
        return next(
            iter(await self._rows.ask([("Id >", str(above)), (f"{self._rows.start_column} >", self._local(time))], limit=1)), None
        )

    async def count_before(self, time: datetime, *, above: int) -> int | None:
        """Return how many rows above that id began before that time, as far as the API says."""
        filters = [("Id >", str(above)), (f"{self._rows.start_column} <", self._local(time))]
        try:
            answer, _ = await self._rows.request(filters, ascending=True, limit=1)
            return parse_count(answer)
        except VmsProtocolError:
            return None

    async def below(self, high: int | None, low: int, monitors: Sequence[str] = ()) -> Page:
        """Return the newest rows between these ids (None: no bound), of these monitors (none: of all), in descending order.

        `read_to` of the page is the lowest id above which nothing is left out.
        """
        try:
            found = await self._rows.ask([*between(low, high), *_of(monitors)], ascending=False)
        except VmsError as error:
            if not may_be_a_row(error):
                raise
            return await self._search(error, near=low, scope=_of(monitors)).below(high, low)
        is_followed = all(low < row.id and (high is None or row.id < high) for row in found)
        if not is_followed or (monitors and not {row.monitor_id for row in found} <= set(monitors)):
            raise VmsProtocolError("api/events answered with other events than those that were asked for")
        return Page(found, has_more=len(found) >= PAGE, read_to=found[-1].id if found else low)

    async def between(self, low: int, high: int) -> list[EventRow]:
        """Return all rows between these ids, in descending order, those of monitors too that this user may not see."""
        answer, date = await self._api.get_dated(f"events/search/{segments(*between(low, high))}", {})
        listed = mapping(answer).get("results")
        if not isinstance(listed, list):
            raise VmsProtocolError("api/events/search answered without results", hint="look at ZoneMinder's log")
        found: list[EventRow] = []
        for first in range(0, len(listed), _ROWS_AT_ONCE):
            found += self._rows.parsed({"events": listed[first : first + _ROWS_AT_ONCE]}, date)
            await asyncio.sleep(0)  # all of them take some milliseconds, and alarms wait for none
        if not all(low < row.id < high for row in found):
            raise VmsProtocolError("api/events/search answered with other events than those that were asked for")
        return sorted(found, key=lambda row: row.id, reverse=True)

    async def extent(
        self, low: int, high: int | None, monitors: Sequence[str], since: datetime | None, until: datetime | None
    ) -> tuple[int | None, EventRow | None]:
        """Return how many rows there are between these ids that began in that time, and the lowest of them.

        None where that is not known: one row that can't be read is the lowest.
        """
        filters = [*between(low, high), *_of(monitors)]
        if (since is not None or until is not None) and not self._rows.knows_column:
            await self._rows.ask([("Id >", "0")], ascending=False, limit=1)
        filters += [] if since is None else [(f"{self._rows.start_column} >=", self._local(since))]
        filters += [] if until is None else [(f"{self._rows.start_column} <", self._local(until))]
        try:
            answer, date = await self._rows.request(filters, ascending=True, limit=1)
            found = self._rows.parsed(answer, date)
        except VmsError as error:
            if not may_be_a_row(error):
                raise
            return None, None
        count = parse_count(answer)
        return (len(found) if not found else count), next(iter(found), None)

    async def last_before(self, time: datetime) -> int:
        """Return the id of the row that began last before that time, 0 where there is none."""
        return next((row.id for row in await self._beside(time, "<")), 0)

    async def first_from(self, time: datetime) -> int | None:
        """Return the id of the row that began first from that time on, None where there is none."""
        return next((row.id for row in await self._beside(time, ">=")), None)

    async def _beside(self, time: datetime, side: str) -> list[EventRow]:
        if not self._rows.knows_column:
            await self._rows.ask([("Id >", "0")], ascending=False, limit=1)
        filters = [(f"{self._rows.start_column} {side}", self._local(time))]
        return await self._rows.ask(filters, ascending=side != "<", limit=1, sort=self._rows.start_column)

    def _search(self, reason: VmsError | None = None, *, near: int = 0, scope: Filters = ()) -> Search:
        return Search(self._rows.ask, self.unreadable, self._pace, reason=reason, near=near, scope=scope)

    def _local(self, time: datetime) -> str:
        return f"{time.astimezone(self.local.reading):%Y-%m-%d %H:%M:%S}"


def _of(monitors: Sequence[str]) -> list[tuple[str, str]]:
    return [("MonitorId", number) for number in monitors]
