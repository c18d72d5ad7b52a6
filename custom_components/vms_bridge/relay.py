"""Live video for the programs beside Home Assistant that can't check a bridge's certificate.

Home Assistant's stream (FFmpeg, which checks none by default) and go2rtc (which knows public authorities only) take nothing but
an address. Given that of an https bridge, they would show its link to whoever is in between. So they get an address of Home
Assistant itself, on this machine, with a ticket that nobody can guess; the component, which knows the bridge's certificate,
fetches the video.
"""

from __future__ import annotations

import secrets
from ipaddress import ip_address
from typing import TYPE_CHECKING

from aiohttp import web
from homeassistant.core import callback
from homeassistant.helpers.http import HomeAssistantView
from homeassistant.util.hass_dict import HassKey

from .const import DOMAIN
from .viewers import MPEG_TS, Viewers

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    import aiohttp
    from homeassistant.core import HomeAssistant

_RELAY: HassKey[Relay] = HassKey(f"{DOMAIN}_relay")
_ANY_V4, _ANY_V6 = frozenset({"0.0.0.0", "127.0.0.1", "localhost"}), frozenset({"::", "::1"})  # noqa: S104 - read, not bound
_PATH = f"/api/{DOMAIN}/live/video.ts"


class Ticket:
    """Leave to look at one camera through the relay, until it is closed."""

    def __init__(
        self, relay: Relay, text: str, open_video: Callable[[], AbstractAsyncContextManager[aiohttp.ClientResponse]]
    ) -> None:
        self._relay, self._text, self._open_video = relay, text, open_video
        self.viewers = Viewers(relay.hass)

    @property
    def url(self) -> str | None:
        """The address for programs of this machine, the same each time; None while Home Assistant has none.

        The parameter is called `auth` because Home Assistant strikes that out of its logs.
        """
        base = own_address(self._relay.hass)
        return None if base is None else f"{base}{_PATH}?auth={self._text}"

    async def show(self, request: web.Request) -> web.StreamResponse | None:
        """Answer with the video; None: there is none."""
        return await self.viewers.show(request, self._open_video, MPEG_TS)

    @callback
    def close(self) -> None:
        """Make it good for nothing, and end the video for whoever looks."""
        self._relay.drop(self._text)
        self.viewers.end()


class Relay:
    """All tickets that are good."""

    def __init__(self, hass: HomeAssistant) -> None:
        self.hass = hass
        self._tickets: dict[str, Ticket] = {}

    @callback
    def ticket(self, open_video: Callable[[], AbstractAsyncContextManager[aiohttp.ClientResponse]]) -> Ticket:
        """Return a new ticket for the video that is opened so."""
        text = secrets.token_urlsafe(32)
        made = self._tickets[text] = Ticket(self, text, open_video)
        return made

    @callback
    def find(self, text: str) -> Ticket | None:
        """Return the ticket with this text."""
        return self._tickets.get(text)

    @callback
    def drop(self, text: str) -> None:
        """Make it good for nothing."""
        self._tickets.pop(text, None)


class RelayView(HomeAssistantView):
    """Shows a video to who has its ticket and is a program of this machine."""

    url = _PATH
    name = f"api:{DOMAIN}:live"
    requires_auth = False

    def __init__(self, relay: Relay) -> None:
        self._relay = relay

    async def get(self, request: web.Request) -> web.StreamResponse:
        """Show it. For anybody else there is nothing here: by a 401 Home Assistant would ban its own address."""
        ticket = self._relay.find(request.query.get("auth", ""))
        if ticket is None or not is_own(self._relay.hass, request.remote):
            raise web.HTTPNotFound
        response = await ticket.show(request)
        if response is None:
            raise web.HTTPBadGateway
        return response


@callback
def async_relay(hass: HomeAssistant) -> Relay:
    """Return Home Assistant's one relay; the first call adds its view."""
    relay = hass.data.get(_RELAY)
    if relay is None:
        relay = hass.data[_RELAY] = Relay(hass)
        hass.http.register_view(RelayView(relay))
    return relay


@callback
def own_address(hass: HomeAssistant) -> str | None:
    """Return the address at which programs of this machine reach Home Assistant; None where it has no server."""
    api = hass.config.api
    if api is None:
        return None
    bound = _bound(hass)
    if not bound or bound & _ANY_V4:
        host = "127.0.0.1"
    elif bound & _ANY_V6:
        host = "[::1]"
    else:
        first = min(bound)
        host = f"[{first}]" if ":" in first else first
    return f"{'https' if api.use_ssl else 'http'}://{host}:{api.port}"


def _bound(hass: HomeAssistant) -> frozenset[str]:
    """Return the addresses that Home Assistant's server listens at; none: at all of them."""
    return frozenset(hass.http.server_host or ())


def is_own(hass: HomeAssistant, remote: str | None) -> bool:
    """Say whether who asks is on this machine: a proxy's clients are not, for Home Assistant puts their own addresses here."""
    try:
        return remote is not None and (ip_address(remote).is_loopback or remote in _bound(hass))
    except ValueError:
        return False
