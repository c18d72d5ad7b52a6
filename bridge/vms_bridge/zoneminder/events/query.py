"""A question for events, asked when its answer is read: page by page by their ids, which the database finds at once.

Neither a page's number nor a count is asked for: both take the longer the more there is, and events that are recorded or deleted
meanwhile would shift every page.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vms_bridge.errors import VmsError, VmsProtocolError
from vms_bridge.zoneminder.events.filters import MOST_NAMED, segments_of
from vms_bridge.zoneminder.events.halving import PAGE, Page, Search, between, may_be_a_row

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
    from datetime import tzinfo

    from vms_bridge.zoneminder.connection import Connection
    from vms_bridge.zoneminder.events.filters import Wanted
    from vms_bridge.zoneminder.events.rows import EventRows
    from vms_bridge.zoneminder.values import EventRow

_BROKEN = {
    (1, 36, 36): "1.36.36 can't list events where no login is wanted and PHP is 8 (zoneminder#4465): update ZoneMinder",
    (1, 37, 66): "1.37.66 to 1.37.68 can't list events (zoneminder#4353): update ZoneMinder",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a question is answered with."""

    connection: Connection
    rows: EventRows
    zone: tzinfo
    """In which ZoneMinder writes times."""
    wanted: Wanted
    tags_of: Callable[[Sequence[int]], Awaitable[dict[int, tuple[str, ...]]]] | None = None
    """Reads the tags of these events; None where they are not wanted."""


class EventQuery:
    """What was asked for; read it with `async for`, or all at once with `list`. It may be read several times, each time anew."""

    def __init__(self, prepare: Callable[[], Awaitable[Reading]], *, limit: int | None = None, newest_first: bool = True) -> None:
        self._prepare, self._limit, self._newest_first = prepare, limit, newest_first
        self._bad = _Bad()

    @property
    def unreadable(self) -> tuple[int, ...]:
        """The ids of events that ZoneMinder can't write as JSON, which are left out; known once they were come across."""
        return tuple(sorted(self._bad))

    async def __aiter__(self) -> AsyncIterator[EventRow]:
        """Return the events one by one; no more than a page of them is held. Raises FilterRefused or VmsError."""
        async for page in self.pages():
            for row in page:
                yield row

    async def pages(self) -> AsyncIterator[tuple[EventRow, ...]]:
        """Return them in pages of some hundred at most. Raises FilterRefused or VmsError."""
        if self._limit == 0:
            return
        reading = await self._prepare()
        left = self._limit
        async for page in self._read(reading):
            shown = page if left is None else page[:left]
            if reading.tags_of is not None and shown:
                tags = await reading.tags_of([row.id for row in shown])
                shown = tuple(replace(row, tags=tags.get(row.id, ())) for row in shown)
            left = None if left is None else left - len(shown)
            if shown:
                yield shown
            if left == 0:
                return

    async def list(self) -> tuple[EventRow, ...]:
        """Return all of them. Raises FilterRefused or VmsError."""
        return tuple([row async for row in self])

    async def first(self) -> EventRow | None:
        """Return the first one, if there is one. Raises FilterRefused or VmsError."""
        asked = EventQuery(self._prepare, limit=1, newest_first=self._newest_first)
        return next(iter(await asked.list()), None)

    async def count(self) -> int:
        """Return how many there are: as ZoneMinder counts, or by reading them where it can't be asked so exactly.

        Raises FilterRefused or VmsError.
        """
        if self._limit == 0:
            return 0
        reading = await self._prepare()
        found = 0
        if reading.wanted.is_exact and _takes_all(reading) and not reading.wanted.is_nothing:
            for ids in _named(reading.wanted):
                asked = [*between(0, None), *ids, *segments_of(reading.wanted, reading.zone)]
                try:
                    rows, count = await reading.rows.counted(asked, ascending=False, limit=1)
                except VmsError as error:
                    if not may_be_a_row(error):
                        raise
                    break
                if count is None:
                    break
                found += count if rows else 0
            else:
                return found if self._limit is None else min(found, self._limit)
        found = 0
        async for page in self.pages():
            found += len(page)
        return found

    async def _read(self, reading: Reading) -> AsyncIterator[tuple[EventRow, ...]]:
        wanted = reading.wanted
        if wanted.is_nothing:
            return
        asked = segments_of(wanted, reading.zone)
        for ids in _named(wanted, reverse=self._newest_first):
            low, high, has_more = 0, None, True
            while has_more:
                page = await self._page(reading, [*ids, *asked], low, high)
                _check_followed(page.rows, low, high)
                has_more = page.has_more
                if self._newest_first:
                    high = page.read_to
                    has_more = has_more and high > low + 1
                else:
                    low = max(low, page.read_to)
                yield tuple(row for row in _each_once(page.rows) if wanted.matches(row))

    async def _page(self, reading: Reading, asked: Sequence[tuple[str, str]], low: int, high: int | None) -> Page:
        """Return the next page in the order that is wanted, with `read_to` in either."""
        limit = PAGE if self._limit is None or not reading.wanted.is_exact else min(PAGE, self._limit)
        try:
            rows, count = await reading.rows.counted([*between(low, high), *asked], ascending=not self._newest_first, limit=limit)
        except VmsError as error:
            if not may_be_a_row(error):
                raise
            return await self._past_bad_ones(reading, asked, (low, high), error)
        has_more = bool(rows) and (len(rows) >= limit or (count is not None and count > len(rows)))
        return Page(rows, has_more=has_more, read_to=rows[-1].id if rows else low)

    async def _past_bad_ones(
        self, reading: Reading, asked: Sequence[tuple[str, str]], bounds: tuple[int, int | None], error: VmsError
    ) -> Page:
        low, high = bounds
        if reading.wanted.events is not None and len(reading.wanted.events) == 1:
            await _explain(error, reading.connection)
            raise error
        if asked:
            await _check_question(reading, asked, error)
        known = set(self._bad)
        search = Search(reading.rows.ask, self._bad, _Unhurried(), reason=error, near=low or high or 0, scope=asked)
        try:
            if self._newest_first:
                return await search.below(high, low)
            page = await search.above(low, low)
        except VmsError as failed:
            await _explain(failed, reading.connection)
            raise
        finally:
            for number in sorted(set(self._bad) - known):
                reading.connection.log.warning("event %d can't be read and is left out: look at its cause and notes", number)
        return Page(page.rows, has_more=page.has_more, read_to=max(page.read_to, low, *(row.id for row in page.rows)))


class _Bad:
    """The ids of the rows that could not be read."""

    def __init__(self) -> None:
        self._numbers: set[int] = set()

    def __contains__(self, number: object) -> bool:
        return number in self._numbers

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def above(self, low: int) -> int | None:
        return min((number for number in self._numbers if number > low), default=None)

    async def add(self, number: int, error: VmsError) -> None:
        del error
        self._numbers.add(number)

    async def forget(self, number: int, *, is_readable: bool) -> None:
        del is_readable
        self._numbers.discard(number)


class _Unhurried:
    """Who reads a list for a person waits for nothing between requests."""

    async def wait(self) -> None:
        """Return at once."""


def _named(wanted: Wanted, *, reverse: bool = False) -> list[list[tuple[str, str]]]:
    """Return the filters for the events that are named, as many at a time as an address takes; one without where none is."""
    if wanted.events is None:
        return [[]]
    numbers = sorted(wanted.events, reverse=reverse)
    parts = [numbers[first : first + MOST_NAMED] for first in range(0, len(numbers), MOST_NAMED)]
    return [[("Id", str(number)) for number in part] for part in parts]


def _takes_all(reading: Reading) -> bool:
    """Say whether the times are filtered exactly: not where clocks are set around them."""
    wanted = reading.wanted
    exact = {f"{time.astimezone(reading.zone):%Y-%m-%d %H:%M:%S}" for time in (wanted.since, wanted.until) if time is not None}
    asked = {value for name, value in segments_of(wanted, reading.zone) if name.startswith("StartTime")}
    return exact == asked


def _check_followed(rows: Sequence[EventRow], low: int, high: int | None) -> None:
    """Raise where the list is not what was asked for: it would be read for ever."""
    if not all(low < row.id and (high is None or row.id < high) for row in rows):
        raise VmsProtocolError(
            "api/events answered with other events than those that were asked for",
            hint="does a proxy change ZoneMinder's addresses? The part `/events/index/Id >:1` has to arrive as it is",
        )


def _each_once(rows: Sequence[EventRow]) -> Iterator[EventRow]:
    """Yield each event once: one with two of the tags that are asked for is listed twice."""
    last = None
    for row in rows:
        if row.id != last:
            yield row
        last = row.id


async def _check_question(reading: Reading, asked: Sequence[tuple[str, str]], error: VmsError) -> None:
    """Raise the error if it comes for a list of no rows, too: then it is the question, and no row is to be searched for."""
    try:
        await reading.rows.counted([*between(0, 1), *asked], ascending=True, limit=1)
    except VmsError as again:
        if may_be_a_row(again):
            await _explain(error, reading.connection)
            raise error from None
        raise


async def _explain(error: VmsError, connection: Connection) -> None:
    """Say it in the error where this very version is known not to have a list of events."""
    try:
        numbers = (await connection.version()).numbers
    except VmsError:
        return
    broken = (1, 37, 66) if (1, 37, 66) <= numbers <= (1, 37, 68) else numbers
    error.hint = _BROKEN.get(broken, error.hint)
