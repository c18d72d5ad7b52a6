"""Systems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import hdrs

from vms_bridge.api import visible
from vms_bridge.api.context import CONTEXT, caller_of
from vms_bridge.api.models.states import SystemState
from vms_bridge.api.models.systems import IndexState, System, Systems
from vms_bridge.api.replies import reply
from vms_bridge.api.route import BASE, Answer, Reach, Route
from vms_bridge.entities import SYSTEM, offered
from vms_bridge.entities.states import system_body
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from aiohttp import web

    from vms_bridge.views import SystemView


async def _all(request: web.Request) -> web.StreamResponse:
    seen = visible.systems(request.app[CONTEXT].hub, caller_of(request))
    return reply(request, Systems(systems=tuple(system_of(view) for view in seen)))


async def _one(request: web.Request) -> web.StreamResponse:
    view = visible.system(request.app[CONTEXT].hub, caller_of(request), request.match_info["system"])
    return reply(request, system_of(view))


def system_of(view: SystemView) -> System:
    """Return what the API says of a system."""
    return System(
        key=view.key,
        name=view.name,
        kind=view.kind,
        monitors=tuple(view.monitors),
        capabilities=tuple(sorted(view.state.capabilities)),
        entities=tuple(row.key for row in offered(SYSTEM, view.state.capabilities, view)),
        index=index_of(view),
        state=SystemState(system_body(view)),
    )


def index_of(view: SystemView) -> IndexState | None:
    """Return what the API says of the index of a system's events."""
    index = view.index
    if index is None:
        return None
    return IndexState(
        is_complete=index.is_complete, events=index.events, expected=index.expected, oldest=index.oldest, detail=index.detail
    )


ROUTES = (
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/systems",
        name="list_systems",
        subject="systems",
        scope=Scope.READ,
        reach=Reach.OWN,
        handler=_all,
        summary="Every system, as it is now",
        answers={200: Answer(meaning="the systems", contents=(Systems,))},
    ),
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/systems/{{system}}",
        name="get_system",
        subject="systems",
        scope=Scope.READ,
        reach=Reach.NAMED,
        handler=_one,
        summary="One system, as it is now",
        answers={200: Answer(meaning="the system", contents=(System,))},
        refusals={404: "there is no such system"},
    ),
)
