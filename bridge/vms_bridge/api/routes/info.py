"""Who the bridge is, and how it fares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import hdrs

from vms_bridge.api.context import CONTEXT
from vms_bridge.api.models.info import PROTOCOLS, Health, Info
from vms_bridge.api.replies import reply
from vms_bridge.api.route import BASE, Answer, Reach, Route
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from aiohttp import web


async def _info(request: web.Request) -> web.StreamResponse:
    context = request.app[CONTEXT]
    return reply(request, Info(bridge_id=context.hub.bridge_id, name=context.bridge.name, protocol=PROTOCOLS))


async def _health(request: web.Request) -> web.StreamResponse:
    context = request.app[CONTEXT]
    state = context.hub.state
    return reply(
        request,
        Health(
            version=context.bridge.version,
            instance=context.bridge.instance,
            epoch=context.hub.epoch,
            problem=state.problem,
            undelivered=state.undelivered,
            given_up=state.given_up,
        ),
    )


ROUTES = (
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/info",
        name="get_info",
        subject="bridge",
        scope=None,
        reach=Reach.ALL,
        handler=_info,
        summary="Who the bridge is",
        description="What needs no token to be known.",
        answers={200: Answer(meaning="who it is", contents=(Info,))},
    ),
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/health",
        name="get_health",
        subject="bridge",
        scope=Scope.READ,
        handler=_health,
        summary="How the bridge itself fares",
        answers={200: Answer(meaning="how it fares", contents=(Health,))},
    ),
)
