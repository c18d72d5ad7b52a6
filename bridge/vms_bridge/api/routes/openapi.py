"""The API's own description."""

from __future__ import annotations

import asyncio
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from aiohttp import hdrs

from vms_bridge.api.replies import reply_raw
from vms_bridge.api.route import BASE, Answer, Reach, Route
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from aiohttp import web


async def _document(request: web.Request) -> web.StreamResponse:
    return reply_raw(request, await asyncio.to_thread(document))


@cache
def document() -> bytes:
    """Return the document as it is in the package."""
    return (files("vms_bridge") / "schemas" / "openapi.json").read_bytes()


ROUTES = (
    Route(
        method=hdrs.METH_GET,
        path=f"{BASE}/openapi.json",
        name="get_openapi",
        subject="bridge",
        scope=Scope.READ,
        reach=Reach.ALL,
        handler=_document,
        summary="This document",
        answers={200: Answer(meaning="OpenAPI 3.1", contents=("application/json",))},
    ),
)
