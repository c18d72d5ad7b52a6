"""Every route that there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.api.context import CONTEXT
from vms_bridge.api.route import Route, add_routes
from vms_bridge.api.routes import (
    catalogue,
    clips,
    commands,
    discovery,
    events,
    hooks,
    index,
    info,
    links,
    live,
    logs,
    media,
    metrics,
    monitors,
    openapi,
    pair,
    scripts,
    systems,
    timeline,
    tokens,
    values,
    ws,
)
from vms_bridge.api.running import Runner

if TYPE_CHECKING:
    from aiohttp import web

ROUTES: tuple[Route, ...] = (
    *info.ROUTES,
    *systems.ROUTES,
    *monitors.ROUTES,
    *catalogue.ROUTES,
    *events.ROUTES,
    *timeline.ROUTES,
    *values.ROUTES,
    *media.ROUTES,
    *clips.ROUTES,
    *links.ROUTES,
    *live.ROUTES,
    *commands.ROUTES,
    *discovery.ROUTES,
    *index.ROUTES,
    *logs.ROUTES,
    *hooks.ROUTES,
    *scripts.ROUTES,
    *ws.ROUTES,
    *openapi.ROUTES,
    *tokens.ROUTES,
    *pair.ROUTES,
    *metrics.ROUTES,
)


def set_up(app: web.Application) -> None:
    """Have the application, which has its context already, answer by all of them."""
    runner = app[commands.RUNNER] = Runner(app[CONTEXT].hub)

    async def close(_app: web.Application) -> None:
        await runner.close()

    app.on_cleanup.append(close)
    ws.set_up(app)
    metrics.set_up(app)
    add_routes(app, ROUTES)
