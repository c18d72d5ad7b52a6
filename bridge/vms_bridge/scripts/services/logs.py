"""Logs, for scripts that may read them: those of the VMSs, and the bridge's own."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from vms_bridge.archive import MOST_LINES, LogQuery
from vms_bridge.scripts.permissions import require_flag
from vms_bridge.scripts.services import visible
from vms_bridge.scripts.services.getting import in_time
from vms_bridge.scripts.services.monitors import Name
from vms_bridge.scripts.services.plain import plain
from vms_bridge.scripts.services.table import Answered, Asked, ServiceRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vms_bridge.archive import LogLine
    from vms_bridge.clock import Clock
    from vms_bridge.scripts.services.table import Asker
    from vms_bridge.views import HubView

LOG_S = 30.0
LONGEST_LINE = 500
"""Of a line so much is told: a thousand of them have to find room in an answer."""
_LEVELS = {
    "debug": 10,
    "info": 20,
    "notice": 20,
    "warning": 30,
    "warn": 30,
    "error": 40,
    "fatal": 50,
    "panic": 50,
    "critical": 50,
}
"""What VMSs call them too; what is not known is told with what is `info`."""
_LOOKED_AT = 10
"""So many times as many lines are looked at as are wanted, where most are of another level."""


class AskedLines(Asked):
    """Which lines: the newest of that level or above."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    limit: Annotated[int, Field(ge=1, le=1_000)] = 100


class AskedSystemLines(AskedLines):
    """Of which system, and since when."""

    system: Name
    since: AwareDatetime | None = None


@dataclass(frozen=True, slots=True)
class Logs:
    """Reads them."""

    hub: HubView
    clock: Clock

    async def system(self, asker: Asker, asked: AskedSystemLines, _data: bytes) -> Answered:
        """Return lines of a system's log. Raises PermissionMissing, NotFound, MediaUnavailable, VmsError."""
        require_flag(asker.permissions, "logs")
        view = visible.whole_system(self.hub, asker, asked.system)
        most = asked.limit if asked.level == "debug" else min(MOST_LINES, asked.limit * _LOOKED_AT)
        async with in_time(self.clock, LOG_S, f"the log of system {view.key}"):
            lines = await self.hub.logs(view.key, LogQuery(since=asked.since, most=most))
        least = _LEVELS[asked.level]
        wanted = [line for line in lines if _LEVELS.get(line.level.lower(), 20) >= least]
        return Answered({"lines": _said(wanted[-asked.limit :])})

    async def bridge(self, asker: Asker, asked: AskedLines, _data: bytes) -> Answered:
        """Return lines of the bridge's own log, the oldest first. Raises PermissionMissing."""
        require_flag(asker.permissions, "logs")
        level = logging.getLevelNamesMapping()[asked.level.upper()]
        return Answered({"lines": _said(self.hub.own_log(level, asked.limit))})


def _said(lines: Iterable[LogLine]) -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = plain(
        [
            {
                "time": line.time,
                "level": line.level[:20],
                "component": line.component[:100],
                "text": line.message[:LONGEST_LINE],
            }
            for line in lines
        ]
    )
    return said


def rows(hub: HubView, clock: Clock) -> Sequence[ServiceRow]:
    """Return which logs can be read."""
    logs = Logs(hub, clock)
    return (
        ServiceRow(what="system.logs", asked=AskedSystemLines, do=logs.system, rate=0.5, burst=10.0),
        ServiceRow(what="bridge.logs", asked=AskedLines, do=logs.bridge, rate=1.0, burst=10.0),
    )
