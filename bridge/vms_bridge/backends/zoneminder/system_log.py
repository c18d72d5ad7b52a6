"""ZoneMinder's own log, by its API: the newest lines, a few pages of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.archive import LogLine
from vms_bridge.errors import MediaUnavailable
from vms_bridge.zoneminder import NotThere, PermissionMissing
from vms_bridge.zoneminder.parse import parse_logs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.archive import LogQuery
    from vms_bridge.zoneminder import Client, LogRow

_PAGE = 100
_MOST_PAGES = 10
"""Each is counted by ZoneMinder's database, and a log may have millions of lines."""
_LONGEST = 2_000
_LEVELS = {-4: "panic", -3: "fatal", -2: "error", -1: "warning", 0: "info"}


async def read_log(client: Client, query: LogQuery) -> Sequence[LogLine]:
    """Return lines of the log, the oldest first. Raises MediaUnavailable or VmsError."""
    found: dict[int, LogRow] = {}
    for page in range(1, _MOST_PAGES + 1):
        rows = await _page(client, page)
        found |= {row.id: row for row in rows if _is_asked(row, query)}  # new lines push old ones to the next page
        is_behind = query.since is not None and any(row.time < query.since for row in rows)
        if len(rows) < _PAGE or is_behind or len(found) >= query.most:
            break
    newest = sorted(found.values(), key=lambda row: (row.time, row.id))[-query.most :]
    return [
        LogLine(
            time=row.time,
            message=client.quoted(row.message, longest=_LONGEST),
            level=_LEVELS.get(row.level, "debug" if row.level > 0 else "panic"),
            component=row.component,
        )
        for row in newest
    ]


async def _page(client: Client, page: int) -> list[LogRow]:
    query = {"sort": "TimeKey", "direction": "desc", "limit": str(_PAGE), "page": str(page)}
    try:
        return parse_logs(await client.get("logs", query))
    except NotThere:
        if page == 1:
            raise
        return []  # ZoneMinder's answer for a page behind the last
    except PermissionMissing as error:
        raise MediaUnavailable(f"this user may not read the log: {error}", hint="it needs the permission System: View") from None


def _is_asked(row: LogRow, query: LogQuery) -> bool:
    return (query.since is None or row.time >= query.since) and (query.until is None or row.time < query.until)
