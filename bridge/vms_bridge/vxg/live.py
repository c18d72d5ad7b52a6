"""Live video: where it is, by which protocols, and until when."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from vms_bridge.errors import BridgeError, MediaUnavailable
from vms_bridge.vxg import rows
from vms_bridge.vxg.lanes import AT_ONCE
from vms_bridge.vxg.session import channel_id

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

    from vms_bridge.vxg.channels import Channels
    from vms_bridge.vxg.media import Media
    from vms_bridge.vxg.session import Session
    from vms_bridge.vxg.values import ChannelRow, Image, LiveUrls


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelLive:
    """A channel with its live addresses, or with why there are none."""

    channel: ChannelRow
    urls: LiveUrls | None = None
    error: BridgeError | None = None


class Live:
    """What cameras show now."""

    def __init__(self, session: Session, channels: Channels, media: Media) -> None:
        self._session, self._channels, self._media = session, channels, media

    async def urls(self, channel: ChannelRow | int) -> LiveUrls:
        """Return where its live video is; each has a ticket in it, and an end. Raises VmsError."""
        return rows.live_urls(await self._session.ask_of(channel, "GET", "/api/v4/live/watch/"))

    async def urls_of_all(self, channels: Iterable[ChannelRow] | None = None) -> AsyncIterator[ChannelLive]:
        """Yield each channel of the group, or of these, with its live addresses; one without any is told with its error.

        Raises VmsError where the channels can't be listed.
        """
        left = iter(await self._channels.list() if channels is None else channels)
        while some := list(islice(left, AT_ONCE)):
            for each in await asyncio.gather(*map(self._of, some)):
                yield each

    async def check(self, url: str) -> None:
        """Look at where live video is said to be, for whoever opens it. Raises MediaUnavailable where nobody may be led.

        That is a private network, unless its host is listed.
        """
        await self._media.check(url, "live video")

    async def _of(self, channel: ChannelRow) -> ChannelLive:
        try:
            return ChannelLive(channel=channel, urls=await self.urls(channel))
        except BridgeError as error:
            return ChannelLive(channel=channel, error=error)

    async def image(self, channel: ChannelRow | int) -> Image:
        """Return the latest preview; its bytes are had by `images.fetch`. Raises MediaUnavailable or VmsError."""
        number = channel_id(channel)
        found = rows.image(await self._session.ask_of(channel, "GET", "/api/v4/live/image/"), number)
        if found is None:
            raise MediaUnavailable(
                f"channel {number} has no preview", hint="has it ever been online? ask for one by live.refresh"
            )
        return found

    async def refresh(self, channel: ChannelRow | int) -> None:
        """Have a fresh preview be made, which takes some seconds. Raises VmsError."""
        await self._session.ask_of(channel, "POST", "/api/v2/cameras/{id}/preview/update/")
