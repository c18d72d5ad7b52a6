"""Has the hub give a picture of an event, whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.errors import MediaUnavailable, PictureRefused

if TYPE_CHECKING:
    from vms_bridge.archive import EventFrame
    from vms_bridge.clock import Clock
    from vms_bridge.views import HubView

MOST_BYTES = 32 * 1024 * 1024
FETCH_S = 20.0


async def fetch(hub: HubView, clock: Clock, frame: EventFrame) -> bytes:
    """Return a frame of an event. Raises MediaUnavailable, VmsError, PictureRefused, and TimeoutError after 20 s."""
    data = bytearray()
    async with clock.timeout(FETCH_S), hub.media(frame.event.system, frame) as media:
        async for piece in media.pieces():
            data += piece
            if len(data) > MOST_BYTES:
                break
    if len(data) > MOST_BYTES:
        raise PictureRefused(f"a frame of event {frame.event.format()} has more than {MOST_BYTES} bytes")
    if not data:
        raise MediaUnavailable(f"a frame of event {frame.event.format()} is empty")
    return bytes(data)
