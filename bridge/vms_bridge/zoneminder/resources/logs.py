"""ZoneMinder's log, as far as it is in its database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.zoneminder.parse import listed, parse_logs
from vms_bridge.zoneminder.refusals import NotThere

if TYPE_CHECKING:
    from datetime import datetime

    from vms_bridge.zoneminder.connection import Connection
    from vms_bridge.zoneminder.values import LogRow

_PAGE = 100
_MOST_PAGES = 50


class Logs:
    """The log: always read anew, and no more of it than is wanted, since that is slow where it is long."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list(
        self, limit: int = 100, *, component: str | None = None, worst: int | None = None, since: datetime | None = None
    ) -> tuple[LogRow, ...]:
        """Return the newest lines, the newest first; at most 5,000 are looked at. Raises VmsError, it wants System: View.

        `component` is a program such as zmc_m1; `worst` is the mildest level that is wanted, such as -1 for warnings and all
        that is worse; `since` is how far back.
        """
        found: list[LogRow] = []
        for page in range(1, _MOST_PAGES + 1):
            size = _PAGE if component or worst is not None else min(_PAGE, max(1, limit))
            query = {"sort": "TimeKey", "direction": "desc", "limit": str(size), "page": str(page)}
            try:
                answer = await self._connection.client.get("logs", query)
            except NotThere:
                break  # past the last page
            lines = parse_logs(answer)
            for line in lines:
                if since is not None and line.time < since:
                    return tuple(found)
                if component in {None, line.component} and (worst is None or line.level <= worst):
                    found.append(line)
                if len(found) >= limit:
                    return tuple(found)
            if len(listed(answer, "logs")) < size:
                break
        return tuple(found)
