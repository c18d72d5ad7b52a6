"""What a VMS has logged."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import hdrs

from vms_bridge.api import route, visible
from vms_bridge.api.context import CONTEXT, caller_of
from vms_bridge.api.models.logs import Log, LogFilter, LogLine
from vms_bridge.api.replies import reply
from vms_bridge.api.route import BASE, Answer, Reach, Route
from vms_bridge.archive import LogQuery
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from aiohttp import web


async def _log(request: web.Request) -> web.StreamResponse:
    asked = route.query(request, LogFilter)
    hub = request.app[CONTEXT].hub
    system = visible.whole_system(hub, caller_of(request), asked.system).key
    lines = await hub.logs(system, LogQuery(since=asked.since, until=asked.until, most=asked.limit))
    told = tuple(LogLine(time=one.time, level=one.level, component=one.component, message=one.message) for one in lines)
    return reply(request, Log(system=system, lines=told))


ROUTES = (
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/logs",
        name="get_log",
        subject="logs",
        scope=Scope.ADMIN,
        reach=Reach.NAMED,
        handler=_log,
        summary="What a VMS has logged",
        query=LogFilter,
        answers={200: Answer(meaning="the lines, the oldest first", contents=(Log,))},
        refusals={
            404: "there is no such system, or it has no log that can be asked for",
            502: "the VMS does not answer",
            504: "not in time",
        },
    ),
)
