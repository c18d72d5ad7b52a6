"""ZoneMinder's list of events, one request at a time: asked for so that every version gives what was asked for.

All of them want a filter in the path and `page`, `limit` and `sort` in the query: without a filter 1.38 takes every parameter
for a column, without a limit it gives all there is, and none of them says what it sorts by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vms_bridge.errors import VmsProtocolError
from vms_bridge.zoneminder.client import segments
from vms_bridge.zoneminder.events.halving import PAGE
from vms_bridge.zoneminder.parse import as_float, as_id, as_int, as_text, mapping, parse_count, parse_event, rows
from vms_bridge.zoneminder.refusals import NotThere

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime, tzinfo
    from typing import Protocol

    from vms_bridge.zoneminder.events.halving import Filters
    from vms_bridge.zoneminder.values import EventRow

    class Asked(Protocol):
        """Whoever is asked: a `Client`, or what stands before one."""

        async def get_dated(
            self, path: str, query: Mapping[str, str], *, timeout_s: float | None = None
        ) -> tuple[object, datetime | None]:
            """GET `api/<path>.json`: its JSON, and when it was answered. Raises VmsError."""


class EventRows:
    """Asks for rows of the list of events; every method raises VmsError.

    `zone` returns the zone to read times in, `trusts_unix_times` whether what rows say of UTC is to be believed. `is_whole`:
    rows have all of their columns.
    """

    def __init__(
        self,
        asked: Asked,
        zone: Callable[[], tzinfo],
        *,
        trusts_unix_times: Callable[[], bool] = lambda: True,
        is_whole: bool = False,
    ) -> None:
        self._asked, self._zone, self._trusts, self._is_whole = asked, zone, trusts_unix_times, is_whole
        self.start_column, self.knows_column = "StartDateTime", False
        """What the start is called in this version, as far as rows have shown it; every version takes `StartTime` in a filter."""

    async def ask(
        self,
        filters: Filters,
        *,
        ascending: bool = True,
        limit: int = PAGE,
        page: int = 1,
        timeout_s: float | None = None,
        sort: str = "Id",
    ) -> list[EventRow]:
        """Return that page of the rows, in the order of their ids."""
        found, _ = await self.counted(filters, ascending=ascending, limit=limit, page=page, timeout_s=timeout_s, sort=sort)
        return found

    async def counted(
        self,
        filters: Filters,
        *,
        ascending: bool = True,
        limit: int = PAGE,
        page: int = 1,
        timeout_s: float | None = None,
        sort: str = "Id",
    ) -> tuple[list[EventRow], int | None]:
        """Return that page of the rows, in the order of their ids, and how many there are on all pages if that is said."""
        try:
            answer, date = await self.request(
                filters, ascending=ascending, limit=limit, page=page, timeout_s=timeout_s, sort=sort
            )
        except NotThere:
            if page == 1:
                raise
            return [], None  # ZoneMinder's answer for a page behind the last
        found = self.parsed(answer, date)
        return sorted(found, key=lambda row: row.id, reverse=not ascending), parse_count(answer)

    def parsed(self, answer: object, date: datetime | None) -> list[EventRow]:
        """Return the rows of an answer, all of which have to be some."""
        trusts, zone, columns = self._trusts(), self._zone(), _all_columns if self._is_whole else _none
        listed = rows(answer, "events", "Event")
        parsed = (parse_event(row, zone, trusts_unix_times=trusts, date=date, more=columns(row)) for row in listed)
        found = [event for event in parsed if event is not None]
        if len(found) < len(mapping(answer)["events"]):  # whose row it is, it does not say; so nobody is missing for sure
            raise VmsProtocolError("api/events answered with rows without an id or a start", hint="look at ZoneMinder's log")
        if found:
            self.start_column, self.knows_column = "StartTime" if _has_old_names(answer) else "StartDateTime", True
        return found

    async def request(
        self, filters: Filters, *, ascending: bool, limit: int, page: int = 1, timeout_s: float | None = None, sort: str = "Id"
    ) -> tuple[object, datetime | None]:
        """Return an answer that has a list of events, and when it was given."""
        query = {"sort": sort, "direction": "asc" if ascending else "desc", "limit": str(limit), "page": str(page)}
        answer, date = await self._asked.get_dated(f"events/index/{segments(*filters)}", query, timeout_s=timeout_s)
        if not isinstance(mapping(answer).get("events"), (list, dict)):
            raise VmsProtocolError("api/events answered without a list of events", hint="look at ZoneMinder's log")
        return answer, date


def _has_old_names(answer: object) -> bool:
    found = rows(answer, "events", "Event")
    return bool(found) and "StartDateTime" not in found[0]


def _none(_: Mapping[str, Any]) -> Mapping[str, Any]:
    return {}


def _all_columns(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a row says beyond what everybody wants."""
    return {
        "name": as_text(row.get("Name")),
        "storage_id": as_id(row.get("StorageId")),
        "scheme": as_text(row.get("Scheme")),
        "fspath": as_text(row.get("FileSystemPath")),
        "total_score": as_int(row.get("TotScore")),
        "average_score": as_float(row.get("AvgScore")),
        "width": as_int(row.get("Width")),
        "height": as_int(row.get("Height")),
        "disk_bytes": as_int(row.get("DiskSpace")),
        "raw": row,
    }
