"""Hands live video on to those who look at one camera through Home Assistant."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import hdrs, web
from homeassistant.core import callback

from .const import LOGGER
from .errors import BridgeError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from homeassistant.core import HomeAssistant

MPEG_TS = "video/mp2t"
MJPEG = "multipart/x-mixed-replace"
MOST_VIEWERS = 16
"""How many look at one camera in this way; each costs the bridge a connection."""
HEAD_S = 30.0
"""A bridge says within 25 s that no picture comes."""
SILENT_S = 60.0
"""A video of which nothing comes, and a viewer who takes nothing, is ended after so long."""
_BOUNDARY = re.compile(r"multipart/x-mixed-replace; ?boundary=[A-Za-z0-9'()+_,./:=?-]{1,70}")


class Viewers:
    """Those who look at one camera, until somebody ends that, or Home Assistant ends."""

    def __init__(self, hass: HomeAssistant) -> None:
        self._hass = hass
        self._limits: set[asyncio.Timeout] = set()
        """One for each, by which it ends where nothing comes any more, or at once."""

    @property
    def count(self) -> int:
        """How many look now."""
        return len(self._limits)

    @callback
    def end(self) -> None:
        """End it for all who look now: to them it is as if the video were over."""
        ended, self._limits = self._limits, set()
        for limit in ended:
            if not limit.expired():
                limit.reschedule(self._hass.loop.time())

    async def show(
        self,
        request: web.Request,
        open_video: Callable[[], AbstractAsyncContextManager[aiohttp.ClientResponse]],
        kind: str,
    ) -> web.StreamResponse | None:
        """Answer with a video of that kind (`MPEG_TS`, `MJPEG`) until it, or whoever looks, has enough; None: there is none."""
        if len(self._limits) >= MOST_VIEWERS:
            return None
        response: web.StreamResponse | None = None
        try:
            async with asyncio.timeout(HEAD_S) as limit:
                self._limits.add(limit)
                try:
                    async with open_video() as video:
                        response = _answer(video, kind)
                        if response is not None:
                            await response.prepare(request)
                            await self._hand_on(video, response, limit)
                finally:
                    self._limits.discard(limit)
        except (BridgeError, TimeoutError, aiohttp.ClientError, OSError) as error:
            LOGGER.debug("A live video has ended: %s", str(error) or "it was to end, or nothing came")
        return response if response is not None and response.prepared else None

    async def _hand_on(self, video: aiohttp.ClientResponse, response: web.StreamResponse, limit: asyncio.Timeout) -> None:
        """Write what comes, no faster than it is taken."""
        while limit in self._limits and not self._hass.is_stopping:
            limit.reschedule(self._hass.loop.time() + SILENT_S)
            piece = await video.content.readany()
            if not piece:
                return
            await response.write(piece)


def _answer(video: aiohttp.ClientResponse, kind: str) -> web.StreamResponse | None:
    """Return the head of our own answer, None where the bridge's is no such video: nothing but its type is handed on."""
    content_type = video.headers.get(hdrs.CONTENT_TYPE, "")
    is_right = _BOUNDARY.fullmatch(content_type) if kind == MJPEG else video.content_type == kind
    if video.status != 200 or not is_right:
        LOGGER.debug("There is no live video: the answer is %s, %s", video.status, video.content_type)
        return None
    response = web.StreamResponse(headers={hdrs.CACHE_CONTROL: "no-store", "X-Content-Type-Options": "nosniff"})
    response.headers[hdrs.CONTENT_TYPE] = content_type if kind == MJPEG else kind
    return response
