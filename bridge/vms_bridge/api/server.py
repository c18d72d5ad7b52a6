"""The application: what holds for every request, in its order, before a route answers it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from vms_bridge.api.access import Caller, authenticate, caller_of, came_by_link, knock, say_goodbye
from vms_bridge.api.connections import Door, connection_of
from vms_bridge.api.context import CONTEXT, Context, context_of, visit_of
from vms_bridge.api.limits import neighbourhood
from vms_bridge.api.linking import by_link
from vms_bridge.api.problems import problems
from vms_bridge.api.route import admit, route_of
from vms_bridge.api.routes.table import set_up
from vms_bridge.api.visits import receive
from vms_bridge.errors import NotFound, RequestError, RequestInvalid, TooManyRequests
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from vms_bridge.api.visits import Visit

_LOGGER = logging.getLogger(__name__)
_BODY_S = 10.0
_READING = frozenset({hdrs.METH_GET, hdrs.METH_HEAD, hdrs.METH_OPTIONS})
_ALWAYS = {
    "Server": "vms-bridge",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
}

_BY_LINK = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; media-src 'self'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "cross-origin",
}
"""A link is made to be opened from elsewhere, by a page or by the browser's own player; and nobody keeps what it opens."""


def application(context: Context) -> web.Application:
    """Return the application."""
    app = web.Application(
        middlewares=[_counted, problems, _received, _known, _admitted, _whole],
        client_max_size=context.config.limits.body_kb * 1_024,
    )
    app[CONTEXT] = context
    app.on_response_prepare.append(_with_headers)
    set_up(app)
    return app


@web.middleware
async def _counted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Count each request by its route and by what became of it, and how long an answer took that was made whole."""
    context = context_of(request)
    began = context.clock.monotonic()
    answer = await handler(request)
    route = route_of(request)
    took_s = context.clock.monotonic() - began if isinstance(answer, web.Response) else None
    context.traffic.answered("none" if route is None else route.name, answer.status, took_s)
    return answer


@web.middleware
async def _received(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what is not meant for the API, or comes by way of somebody else's page."""
    context = context_of(request)
    try:
        receive(request, context.config)
    except RequestError:
        _limit(context, neighbourhood(connection_of(request).address), None)
        raise
    return await handler(request)


@web.middleware
async def _known(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find out who asks, and whether he asks too often."""
    context, visit, route = context_of(request), visit_of(request), route_of(request)
    _guard_receivers(request, context, visit)
    caller = authenticate(request, visit, context.hub, context.rates) or await by_link(request)
    _limit(context, neighbourhood(visit.address), caller)
    if caller is None and route is None:
        caller_of(request)  # what there is, and what not, is nothing that strangers need to know
    if caller is not None and caller.door is Door.SOCKET and request.method not in _READING:
        resource = request.match_info.route.resource
        _LOGGER.info("user %s by the socket: %s %s", caller.uid, request.method, resource.canonical if resource else "?")
    try:
        return await handler(request)
    finally:
        say_goodbye(request)


def _guard_receivers(request: web.Request, context: Context, visit: Visit) -> None:
    """Let nobody come to anything else by the socket for hooks; count calls of receivers before their secrets are looked at."""
    route = route_of(request)
    if visit.door is Door.HOOKS and (route is None or Door.HOOKS not in route.doors):
        _limit(context, visit.address, None)
        raise NotFound("this socket leads to receivers, and to nothing else", hint="write POST, and the path of a receiver")
    if route is not None and route.scope is Scope.HOOK:
        knock(request, visit, context.hub, context.rates)


def _limit(context: Context, place: str, caller: Caller | None) -> None:
    """Raise TooManyRequests for who asks too often; not by the socket, to which there are few ways, nor (here) by a link."""
    if caller is None:
        wait_s = context.rates.strangers.take(place)
    elif caller.token is not None and caller.door is not Door.LINK:
        wait_s = context.rates.by_token.take(caller.token.id)
    else:
        return
    if wait_s:
        raise TooManyRequests("that was asked too often", hint="ask less often, or follow the WebSocket", retry_after_s=wait_s)


@web.middleware
async def _admitted(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse who may not use the route, of whose body nothing is read."""
    if (route := route_of(request)) is not None:
        admit(request, route)
    return await handler(request)


@web.middleware
async def _whole(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Have all of the body, in time, before the handler sees any: so none has to wait for it, and what is read is bounded."""
    if request.body_exists:
        if request.headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
            raise web.HTTPUnsupportedMediaType
        route = route_of(request)
        if route is not None and route.most_bytes > context_of(request).config.limits.body_kb * 1_024:
            request = request.clone(client_max_size=route.most_bytes)
        try:
            async with context_of(request).clock.timeout(_BODY_S):
                await request.read()
        except TimeoutError:
            raise RequestInvalid(f"the body did not come within {_BODY_S:g} s") from None
    return await handler(request)


async def _with_headers(request: web.Request, response: web.StreamResponse) -> None:
    response.headers.setdefault(hdrs.CACHE_CONTROL, "no-store")
    for name, value in (_ALWAYS | _BY_LINK if came_by_link(request) else _ALWAYS).items():
        response.headers[name] = value
