"""The index of events: how far it has come, and making it anew."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import hdrs

from vms_bridge.api import route, visible
from vms_bridge.api.context import CONTEXT, caller_of
from vms_bridge.api.models.systems import Index, RebuildBody, Rebuilding, SystemIndex
from vms_bridge.api.replies import reply
from vms_bridge.api.route import BASE, Answer, Reach, Route
from vms_bridge.api.routes.systems import index_of
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from aiohttp import web


async def _look(request: web.Request) -> web.StreamResponse:
    caller = caller_of(request)
    seen = [view for view in visible.systems(request.app[CONTEXT].hub, caller) if caller.sees(view.key)]
    return reply(request, Index(systems=tuple(SystemIndex(system=view.key, index=index_of(view)) for view in seen)))


async def _rebuild(request: web.Request) -> web.StreamResponse:
    asked = await route.body(request, RebuildBody)
    hub, caller = request.app[CONTEXT].hub, caller_of(request)
    if asked.system is None:
        visible.everything(caller)
        systems = tuple(hub.systems)
    else:
        systems = (visible.whole_system(hub, caller, asked.system).key,)
    await hub.rebuild_index(asked.system)
    return reply(request, Rebuilding(systems=systems), status=HTTPStatus.ACCEPTED)


ROUTES = (
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/index",
        name="get_index",
        subject="index",
        scope=Scope.READ,
        reach=Reach.OWN,
        handler=_look,
        summary="How far the index of each system's events has come",
        answers={200: Answer(meaning="how far it has come", contents=(Index,))},
    ),
    Route(
        method=hdrs.METH_POST,
        path=f"{BASE}/index/rebuild",
        name="rebuild_index",
        subject="index",
        scope=Scope.ADMIN,
        reach=Reach.NAMED,
        handler=_rebuild,
        summary="Forget the index and make it anew from what the VMSs have",
        description="It begins at once, with the newest events, and goes on in the background: `index` says how far it is.",
        body=RebuildBody,
        answers={202: Answer(meaning="it has begun", contents=(Rebuilding,))},
        refusals={404: "there is no such system", 503: "the index can't be written"},
    ),
)
