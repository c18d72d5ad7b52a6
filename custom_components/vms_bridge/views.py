"""Gives clips and pictures of events to who may see them, through Home Assistant: a phone outside needs no way to the bridge.

Of a request only what says which part is wanted goes to the bridge, and of the bridge's answer only what is on a list comes
back: it may be old, new, or malicious. Nothing is held whole.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from weakref import WeakKeyDictionary

import aiohttp
from aiohttp import hdrs, web
from homeassistant.components.http.const import KEY_HASS_USER
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import callback
from homeassistant.helpers.http import HomeAssistantView

from .client import path_of
from .const import DOMAIN, LOGGER
from .errors import BridgeError, Busy, CannotConnect, NotABridge, NotFound, Unanswered
from .media_access import may_see, may_see_all
from .media_ids import FILES, MEDIA_PATH, PICTURE, EventRef, from_segment

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from homeassistant.core import HomeAssistant

    from .coordinator import VmsBridgeConfigEntry, VmsBridgeCoordinator
    from .media_ids import Item

STALLED_S: Final = 60.0
"""Who takes nothing for so long is let go."""
MOST_PICTURES: Final = 8
"""How many pictures a bridge is asked for at a time: its VMS gives a few only, and a page of the browser has 200."""
QUEUED_S: Final = 30.0
"""How long a picture waits for its turn at most."""
_ITEMS: Final[dict[str, Item]] = {name: item for item, name in FILES.items()}
_FORWARDED = (hdrs.RANGE, hdrs.IF_RANGE, hdrs.IF_NONE_MATCH)
_LONGEST_HEADER = 1_000
_WITHOUT_SCRIPTS = (
    "image/jpeg image/png image/webp video/mp4 video/webm video/quicktime video/mp2t video/mpeg video/x-matroska video/x-msvideo"
)
_TYPES = frozenset(_WITHOUT_SCRIPTS.split())
"""What may come back: nothing that a browser would run, as it does SVG."""
_RETURNED: Final[dict[str, re.Pattern[str]]] = {
    hdrs.ACCEPT_RANGES: re.compile(r"bytes|none"),
    hdrs.CACHE_CONTROL: re.compile(r"private, (?:no-store|max-age=[0-9]{1,5})"),
    hdrs.CONTENT_LENGTH: re.compile(r"[0-9]{1,18}"),
    hdrs.CONTENT_RANGE: re.compile(r"bytes (?:[0-9]{1,18}-[0-9]{1,18}|\*)/(?:[0-9]{1,18}|\*)"),
    hdrs.ETAG: re.compile(r'(?:W/)?"[!#-~]{0,128}"'),
}
"""Which headers come back, and how they must look."""
_BODILESS = frozenset({HTTPStatus.NOT_MODIFIED, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE})


class MediaView(HomeAssistantView):
    """`/api/vms_bridge/media/{entry_id}/{event}/clip.mp4` and `…/picture.jpg`: all is in the path, which can be signed."""

    url = f"{MEDIA_PATH}/{{entry_id}}/{{event}}/{{file}}"
    name = f"api:{DOMAIN}:media"
    requires_auth = True

    def __init__(self, hass: HomeAssistant) -> None:
        self._hass = hass
        self._turns: WeakKeyDictionary[VmsBridgeCoordinator, asyncio.Semaphore] = WeakKeyDictionary()

    async def get(self, request: web.Request, entry_id: str, event: str, file: str) -> web.StreamResponse:
        """Give it, or the part that is asked for: 404 for what there is not, 403 for a camera that the user may not see."""
        entry: VmsBridgeConfigEntry | None = self._hass.config_entries.async_get_entry(entry_id)
        ref, item = EventRef.parse(from_segment(event)), _ITEMS.get(file)
        if entry is None or entry.domain != DOMAIN or entry.state is not ConfigEntryState.LOADED or ref is None or item is None:
            raise web.HTTPNotFound
        coordinator = entry.runtime_data

        def goes_on() -> bool:
            return entry.state is ConfigEntryState.LOADED and entry.runtime_data is coordinator

        try:
            await self._check(request, coordinator, ref)
            if item != PICTURE:
                return await _pass_on(request, coordinator, ref, item, goes_on)
            turn = self._turns.setdefault(coordinator, asyncio.Semaphore(MOST_PICTURES))
            async with _in(turn):
                return await _pass_on(request, coordinator, ref, item, goes_on)
        except BridgeError as error:
            LOGGER.debug("%s of %s can't be had: %s", item, ref.format(), error.detail)
            return _refusal(error)

    async def head(self, request: web.Request, entry_id: str, event: str, file: str) -> web.StreamResponse:
        """Say what `get` would give."""
        return await self.get(request, entry_id, event, file)

    async def _check(self, request: web.Request, coordinator: VmsBridgeCoordinator, ref: EventRef) -> None:
        """Raise HTTPForbidden where the user may not see the event's camera; BridgeError where that can't be found out.

        Never Unauthorized: Home Assistant takes that for a wrong login, and bans the address in the end.
        """
        user = request[KEY_HASS_USER]
        if may_see_all(user):
            return
        event = await coordinator.client.get(path_of("events", ref.format()))
        system, monitor = event.get("system"), event.get("monitor")
        if system != ref.system or not isinstance(monitor, str):
            raise NotABridge("it does not say which camera the event is of")
        if not may_see(self._hass, user, coordinator.bridge_id, ref.system, monitor):
            raise web.HTTPForbidden


@callback
def async_register(hass: HomeAssistant) -> None:
    """Open the view; it is there also while no bridge is."""
    hass.http.register_view(MediaView(hass))


@asynccontextmanager
async def _in(turn: asyncio.Semaphore) -> AsyncIterator[None]:
    """Wait until it is our turn. Raises Busy where that does not come in time."""
    try:
        async with asyncio.timeout(QUEUED_S):
            await turn.acquire()
    except TimeoutError:
        raise Busy("too many pictures are asked for at a time") from None
    try:
        yield
    finally:
        turn.release()


async def _pass_on(
    request: web.Request, coordinator: VmsBridgeCoordinator, ref: EventRef, item: Item, goes_on: Callable[[], bool]
) -> web.StreamResponse:
    """Answer with what the bridge gives, as it comes. Raises BridgeError as long as nothing is sent."""
    path = path_of("media", "events", ref.format(), item)
    # HEAD is asked for by GET, and what comes left unread: of a refusal to HEAD nobody learns why it is one.
    async with coordinator.client.media(path, headers=_forwarded(request)) as upstream:
        response = _response(upstream, f"{re.sub('[^A-Za-z0-9._-]', '_', ref.format())[:100]}{FILES[item][-4:]}")
        try:
            await response.prepare(request)
            if request.method != hdrs.METH_HEAD and upstream.status not in _BODILESS:
                await _copy(upstream, response, goes_on)
        except (aiohttp.ClientError, OSError, TimeoutError) as error:  # of either side
            LOGGER.debug("%s of %s was broken off: %s", item, ref.format(), error)
            _break_off(request, response)
        return response


async def _copy(upstream: aiohttp.ClientResponse, response: web.StreamResponse, goes_on: Callable[[], bool]) -> None:
    """Send what comes, no faster than it is taken. Raises ClientError, OSError or TimeoutError where either side gives up."""
    async for piece in upstream.content.iter_any():
        if not goes_on():
            raise ConnectionError("the bridge's entry is unloaded")
        async with asyncio.timeout(STALLED_S):
            await response.write(piece)


def _forwarded(request: web.Request) -> Mapping[str, str]:
    """Return what of a request the bridge gets to know: which part is wanted, and what is there already."""
    names = _FORWARDED if request.method == hdrs.METH_GET else (hdrs.IF_NONE_MATCH,)
    wanted = {name: request.headers.get(name, "") for name in names}
    return {name: value for name, value in wanted.items() if value and len(value) <= _LONGEST_HEADER}


def _response(upstream: aiohttp.ClientResponse, name: str) -> web.StreamResponse:
    """Return the answer, without what is in it. Raises NotABridge for what is no picture or clip."""
    headers = {
        header: value
        for header, looks in _RETURNED.items()
        if (value := upstream.headers.get(header)) is not None and looks.fullmatch(value)
    }
    headers.setdefault(hdrs.CACHE_CONTROL, "private, no-store")
    headers["X-Content-Type-Options"] = "nosniff"
    if upstream.status in _BODILESS:
        headers.pop(hdrs.CONTENT_LENGTH, None)
        return web.Response(status=upstream.status, headers=headers)
    if upstream.content_type not in _TYPES:
        raise NotABridge("what the bridge gives is no picture or clip")
    headers[hdrs.CONTENT_TYPE] = upstream.content_type
    headers[hdrs.CONTENT_DISPOSITION] = f'inline; filename="{name}"'
    return web.StreamResponse(status=upstream.status, headers=headers)


def _break_off(request: web.Request, response: web.StreamResponse) -> None:
    """End the connection at once: without its end, what was sent can't be taken for the whole."""
    response.force_close()
    if request.transport is not None:
        request.transport.abort()


def _refusal(error: BridgeError) -> web.Response:
    """Return the answer for what can't be had; what the bridge says of it is for the log."""
    headers = {hdrs.CACHE_CONTROL: "no-store"}
    match error:
        case NotFound():
            status = HTTPStatus.NOT_FOUND
        case Busy():
            status = HTTPStatus.SERVICE_UNAVAILABLE
            headers[hdrs.RETRY_AFTER] = str(max(1, round(error.retry_after_s)))
        case CannotConnect():
            status = HTTPStatus.SERVICE_UNAVAILABLE
        case Unanswered():
            status = HTTPStatus.GATEWAY_TIMEOUT
        case _:
            status = HTTPStatus.NOT_FOUND if error.code == "clip" else HTTPStatus.BAD_GATEWAY
    return web.Response(status=status, headers=headers)
