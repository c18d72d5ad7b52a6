"""ZoneMinder's list of events, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.api import NotThere, segments
from vms_bridge.backends.zoneminder.parse import mapping, parse_count, parse_events, rows
from vms_bridge.errors import VmsProtocolError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from vms_bridge.backends.zoneminder.api import Api
    from vms_bridge.backends.zoneminder.local_time import LocalTime
    from vms_bridge.backends.zoneminder.parse import EventRow

PAGE = 100


class EventList:
    """Asks for rows of one connection's event list; every method raises VmsError."""

    def __init__(self, api: Api, local: LocalTime) -> None:
        self._api, self.local = api, local
        self._start_column = "StartDateTime"

    async def page(self, filters: Sequence[tuple[str, str]], *, ascending: bool = True, page: int = 1) -> list[EventRow]:
        """Return up to `PAGE` rows in the order of their ids; none behind the last page."""
        query = {"sort": "Id", "direction": "asc" if ascending else "desc", "limit": str(PAGE), "page": str(page)}
        try:
            answer = await self._ask(filters, query)
        except NotThere:
            if page == 1:
                raise
            return []  # ZoneMinder's answer for a page behind the last
        found = parse_events(answer, self.local.reading)
        if found:
            self._start_column = "StartTime" if _has_old_names(answer) else "StartDateTime"
        return sorted(found, key=lambda row: row.id, reverse=not ascending)

    async def present(self, numbers: Sequence[int]) -> set[int]:
        """Return which of these ids there are."""
        there: set[int] = set()
        for first in range(0, len(numbers), PAGE):
            page = await self.page([("Id", str(number)) for number in numbers[first : first + PAGE]])
            there |= {row.id for row in page}
        return there

    async def after(self, time: datetime) -> list[EventRow]:
        """Return the first page of what began after that time."""
        return await self.page([(f"{self._start_column} >", self._local(time))])

    async def first_after(self, time: datetime, *, above: int) -> EventRow | None:
        """Return the first row above that id that began after that time."""
        found = await self._first([("Id >", str(above)), (f"{self._start_column} >", self._local(time))])
        return next(iter(parse_events(found, self.local.reading)), None)

    async def count_before(self, time: datetime, *, above: int) -> int | None:
        """Return how many rows above that id began before that time, as far as is told."""
        return parse_count(await self._first([("Id >", str(above)), (f"{self._start_column} <", self._local(time))]))

    async def _first(self, filters: Sequence[tuple[str, str]]) -> object:
        return await self._ask(filters, {"sort": "Id", "direction": "asc", "limit": "1", "page": "1"})

    def _local(self, time: datetime) -> str:
        return f"{time.astimezone(self.local.reading):%Y-%m-%d %H:%M:%S}"

    async def _ask(self, filters: Sequence[tuple[str, str]], query: dict[str, str]) -> object:
        answer = await self._api.get(f"events/index/{segments(*filters)}", query)
        if not isinstance(mapping(answer).get("events"), (list, dict)):
            raise VmsProtocolError("api/events answered without a list of events", hint="look at ZoneMinder's log")
        return answer


def _has_old_names(answer: object) -> bool:
    found = rows(answer, "events", "Event")
    return bool(found) and "StartDateTime" not in found[0]
