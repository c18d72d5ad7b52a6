"""The WebSocket, and requests to the clients that it has."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from vms_bridge.api import route
from vms_bridge.api.context import CONTEXT
from vms_bridge.api.models.requests import Answered, RequestBody
from vms_bridge.api.replies import reply
from vms_bridge.api.route import BASE, Answer, Reach, Route
from vms_bridge.api.routes.commands import RUNNER
from vms_bridge.api.websocket.closing import Closing, defect
from vms_bridge.api.websocket.commands import Means
from vms_bridge.api.websocket.greeting import greet
from vms_bridge.api.websocket.live import Live
from vms_bridge.api.websocket.session import Session
from vms_bridge.api.websocket.socket import Socket
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LIVE: web.AppKey[Live] = web.AppKey("LIVE", Live)


def set_up(app: web.Application) -> None:
    """Give the application, which has its context already, what its WebSockets share; they end before it does."""
    context = app[CONTEXT]
    live = app[LIVE] = Live(context.hub, context.clock, context.traffic.states)

    async def run(_app: web.Application) -> AsyncIterator[None]:
        running = asyncio.create_task(live.run(), name="api-live")
        yield
        running.cancel()
        await asyncio.wait([running])

    async def end(_app: web.Application) -> None:
        live.end_all()

    app.cleanup_ctx.append(run)
    app.on_shutdown.append(end)


async def _socket(request: web.Request) -> web.StreamResponse:
    context = request.app[CONTEXT]
    socket = Socket(request, context.clock)
    await socket.open()
    try:
        caller = await greet(socket, request)
        means = Means(hub=context.hub, clock=context.clock, runner=request.app[RUNNER])
        why = await Session(socket, caller, request.app[LIVE], means, context.rates.by_token).run()
    except Closing as closing:
        why = closing
    except Exception as error:  # noqa: BLE001 - the border: no problem can be answered any more
        why = defect(error)
    await socket.close(why)
    return socket.response


async def _ask(request: web.Request) -> web.StreamResponse:
    asked = await route.body(request, RequestBody)
    answer = await request.app[CONTEXT].hub.ask(asked.kind, asked.content, within_s=asked.within)
    return reply(request, Answered(content=answer))


ROUTES = (
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/ws",
        name="open_websocket",
        subject="websocket",
        scope=None,
        reach=Reach.OWN,
        handler=_socket,
        summary="States, events and commands over a WebSocket",
        description="Who comes in says so by messages: see docs/websocket.md, and the JSON Schema `websocket.json`.",
        answers={101: Answer(meaning="the WebSocket is open")},
        refusals={400: "it is no request for a WebSocket"},
    ),
    Route(
        method=hdrs.METH_POST,
        path=f"{BASE}/requests",
        name="ask_client",
        subject="websocket",
        scope=Scope.ADMIN,
        reach=Reach.NONE,
        handler=_ask,
        summary="Ask a client of the WebSocket that answers such requests",
        description="The client that has claimed the kind last is asked, and no other: it may have done what was asked for.",
        body=RequestBody,
        answers={200: Answer(meaning="its answer", contents=(Answered,))},
        refusals={503: "nobody answers such requests now", 504: "it has not answered in time, or can't"},
    ),
)
