"""Which labels, zones, faces and kinds events have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import hdrs

from vms_bridge.api import route
from vms_bridge.api.context import CONTEXT, caller_of
from vms_bridge.api.models.events import ValueCount, Values, ValuesQuery
from vms_bridge.api.replies import reply
from vms_bridge.api.route import BASE, Answer, Reach, Route
from vms_bridge.api.searching import BUSY, search_of
from vms_bridge.index import ValueCounts
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from aiohttp import web


async def _values(request: web.Request) -> web.StreamResponse:
    asked = route.query(request, ValuesQuery)
    hub = request.app[CONTEXT].hub
    search = search_of(hub, caller_of(request), asked)
    found = ValueCounts(counts=()) if search is None else await hub.values(search, asked.of, asked.limit)
    values = tuple(ValueCount(value=each.value, events=each.events) for each in found.counts)
    return reply(request, Values(of=asked.of, values=values, is_complete=found.is_complete))


ROUTES = (
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/values",
        name="list_values",
        subject="events",
        scope=Scope.READ,
        reach=Reach.OWN,
        handler=_values,
        summary="Which labels, zones, faces or kinds events have, and how many events each",
        query=ValuesQuery,
        answers={200: Answer(meaning="the values, the most frequent first", contents=(Values,))},
        refusals={503: BUSY},
    ),
)
