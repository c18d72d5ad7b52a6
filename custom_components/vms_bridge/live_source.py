"""Where Home Assistant's stream and go2rtc get a camera's live video from."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import hdrs
from homeassistant.core import callback

from .client import path_of
from .viewers import MPEG_TS

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    import aiohttp

    from .client import Address, BridgeClient
    from .coordinator import VmsBridgeCoordinator
    from .relay import Relay, Ticket


class LiveSource:
    """The address of one camera's video.

    That of an http bridge is the bridge's own link, which is the same at each call and dies with the token. The client sees to it
    that it leads nowhere else: FFmpeg would open a file of Home Assistant's, and go2rtc run a program, if a false bridge said so.
    Of an https bridge it is one of Home Assistant's relay, for neither can check a certificate that is pinned.
    """

    def __init__(self, coordinator: VmsBridgeCoordinator, system: str, monitor: str, relay: Relay) -> None:
        self._coordinator = coordinator
        self._parts = ("media", "monitors", system, monitor, "live.ts")
        self._relay = relay
        self._ticket: Ticket | None = None
        self._link: str | None = None
        self._made_for: tuple[Address, str | None] | None = None
        self._asking = asyncio.Lock()

    @property
    def is_stale(self) -> bool:
        """Say whether an address was given that is for another address or token of the bridge than those of now."""
        return self._made_for is not None and self._made_for != _means(self._coordinator.client)

    async def url(self, *, anew: bool = False) -> str | None:
        """Return the address; `anew` asks the bridge for it again. None: Home Assistant has no server. Raises BridgeError."""
        async with self._asking:
            client = self._coordinator.client
            means = _means(client)
            if client.address.is_encrypted:
                self._link, self._made_for = None, means
                if self._ticket is None:
                    self._ticket = self._relay.ticket(self._open)
                return self._ticket.url
            self.close()
            if anew or self._link is None or self._made_for != means:
                self._link, self._made_for = await client.link(path_of(*self._parts)), means
            return self._link

    @callback
    def close(self) -> None:
        """Have the relay show it no more."""
        if self._ticket is not None:
            self._ticket.close()
            self._ticket = None

    def _open(self) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        return self._coordinator.client.media(path_of(*self._parts), headers={hdrs.ACCEPT: MPEG_TS})


def _means(client: BridgeClient) -> tuple[Address, str | None]:
    return client.address, client.token
