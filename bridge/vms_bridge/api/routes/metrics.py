"""What the bridge counts and measures, for Prometheus."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from vms_bridge import metrics
from vms_bridge.api.context import CONTEXT
from vms_bridge.api.measured import SINK, of_connections, of_world
from vms_bridge.api.replies import takes_gzip
from vms_bridge.api.route import Answer, Route
from vms_bridge.api.routes.ws import LIVE
from vms_bridge.threads import in_thread
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from vms_bridge.measures import Reading

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_TURN: web.AppKey[asyncio.Lock] = web.AppKey("_TURN", asyncio.Lock)


def set_up(app: web.Application) -> None:
    """Have what the API itself knows be read too, for as long as the application, which has its context already, is there."""
    app[_TURN] = asyncio.Lock()

    async def measure(_app: web.Application) -> AsyncIterator[None]:
        unread = app[CONTEXT].hub.measures.add(partial(_readings, app))
        yield
        unread()

    app.cleanup_ctx.append(measure)


def _readings(app: web.Application) -> Iterator[Reading]:
    context = app[CONTEXT]
    yield metrics.SINK_CONNECTED.of(bool(context.addresses), SINK)
    yield metrics.API_WEBSOCKETS.of(app[LIVE].clients)
    yield from context.traffic.readings()
    yield from of_connections(context.connections)
    yield from of_world(context.hub, context.bridge)


async def _metrics(request: web.Request) -> web.StreamResponse:
    async with request.app[_TURN]:  # one at a time: many who ask at once take one thread, and not many
        readings = request.app[CONTEXT].hub.measures.read()
        text = await in_thread("metrics", partial(_exposed, readings))
    answer = web.Response(body=text, headers={hdrs.CONTENT_TYPE: CONTENT_TYPE, hdrs.VARY: hdrs.ACCEPT_ENCODING})
    if takes_gzip(request):
        answer.enable_compression(web.ContentCoding.gzip)
    return answer


def _exposed(readings: Sequence[Reading]) -> bytes:
    from vms_bridge.api.exposition import exposition  # noqa: PLC0415  # who is asked for no metrics needs no prometheus-client

    return exposition(readings)


ROUTES = (
    Route(
        method=hdrs.METH_GET,
        path="/metrics",
        name="get_metrics",
        subject="bridge",
        scope=Scope.READ,
        handler=_metrics,
        summary="What the bridge counts and measures, for Prometheus",
        description="All rows of docs/metrics.md, in Prometheus' text format 0.0.4.",
        answers={200: Answer(meaning="what there is now", contents=("text/plain",))},
    ),
)
