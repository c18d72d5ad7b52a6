"""Sends a live video to one who looks: as it comes, for as long as he takes it."""

from __future__ import annotations

import logging
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from vms_bridge.api.sending import STALLED_S, WRITE_BYTES
from vms_bridge.errors import BridgeError, VideoFailed, in_words

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from vms_bridge.archive import OpenMedia
    from vms_bridge.clock import Clock

_LOGGER = logging.getLogger(__name__)


async def watch(
    request: web.Request,
    open_video: Callable[[], AbstractAsyncContextManager[OpenMedia]],
    clock: Clock,
    *,
    content_type: str,
) -> web.StreamResponse:
    """Answer with the video. Raises BridgeError as long as nothing is sent.

    HEAD looks at nothing: a player that asks first whether there is something must not have a camera opened for that.
    """
    if request.method == hdrs.METH_HEAD:
        return await _begun(request, content_type)
    async with open_video() as opened:
        pieces = aiter(opened.pieces())
        first = await anext(pieces, None)
        if first is None:
            raise VideoFailed("the video ended before it began")
        response = await _begun(request, opened.content_type)
        try:
            await _write(response, first, clock)
            async for piece in pieces:
                await _write(response, piece, clock)
        except TimeoutError:
            _LOGGER.info("a live video was ended: whoever looks at it has taken nothing for %g s", STALLED_S)
            if request.transport is not None:
                request.transport.abort()
        except BridgeError as error:  # what was seen so far was whole: it ends here
            _LOGGER.info("a live video was ended: %s", in_words(error))
    return response


async def _begun(request: web.Request, content_type: str) -> web.StreamResponse:
    headers = {hdrs.CACHE_CONTROL: "private, no-store", hdrs.ACCEPT_RANGES: "none"}
    response = web.StreamResponse(status=HTTPStatus.OK, headers=headers)
    response.headers[hdrs.CONTENT_TYPE] = content_type
    await response.prepare(request)
    return response


async def _write(response: web.StreamResponse, piece: bytes, clock: Clock) -> None:
    """Write a piece. Raises TimeoutError, and ConnectionError where nobody takes it any more."""
    for start in range(0, len(piece), WRITE_BYTES):
        async with clock.timeout(STALLED_S):
            await response.write(piece[start : start + WRITE_BYTES])
