"""How many events there were when."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from aiohttp import hdrs

from vms_bridge.api import route
from vms_bridge.api.context import CONTEXT, caller_of
from vms_bridge.api.models.events import Count, Timeline, TimelineQuery
from vms_bridge.api.replies import reply
from vms_bridge.api.route import BASE, Answer, Reach, Route
from vms_bridge.api.searching import BUSY, search_of
from vms_bridge.errors import RequestInvalid
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from aiohttp import web


async def _timeline(request: web.Request) -> web.StreamResponse:
    asked = route.query(request, TimelineQuery)
    zone = await _zone(asked.time_zone)
    hub = request.app[CONTEXT].hub
    search = search_of(hub, caller_of(request), asked)
    found = () if search is None else await hub.timeline(search, asked.bucket, zone)
    counts = tuple(Count(start=each.start, events=each.events) for each in found)
    return reply(request, Timeline(bucket=asked.bucket, time_zone=asked.time_zone, counts=counts))


async def _zone(name: str) -> ZoneInfo:
    """Return the time zone of that name, which is read from a file at first. Raises RequestInvalid where there is none."""
    try:
        return await asyncio.to_thread(ZoneInfo, name)
    except (ValueError, OSError, LookupError):  # no such name, a path, a folder
        raise RequestInvalid(
            "the query can't be understood", mistakes=[("time_zone", "write the name of a time zone, as Europe/Berlin")]
        ) from None


ROUTES = (
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/timeline",
        name="get_timeline",
        subject="events",
        scope=Scope.READ,
        reach=Reach.OWN,
        handler=_timeline,
        summary="How many events began in each hour, day, week or month",
        query=TimelineQuery,
        answers={200: Answer(meaning="the counts, the oldest first", contents=(Timeline,))},
        refusals={503: BUSY},
    ),
)
