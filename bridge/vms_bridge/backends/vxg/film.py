"""What a channel sees, picture by picture, made by the VMS as long as somebody looks: one a second.

It is for who takes pictures only; video is what `Archive.video_sources` names.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from vms_bridge.errors import MediaUnavailable, VmsError

if TYPE_CHECKING:
    from vms_bridge.backends.vxg.cameras import Camera
    from vms_bridge.backends.vxg.session import Session

_LOGGER = logging.getLogger(__name__)
EVERY_S = 1.0
_BOUNDARY = "frame"


class Film:
    """JPEGs one after the other, as `multipart/x-mixed-replace`. Raises MediaUnavailable where too many are looked at."""

    content_type = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"

    def __init__(self, session: Session, camera: Camera) -> None:
        if not session.samplings.has_room:
            raise MediaUnavailable("too many channels are looked at already", hint="look at fewer at a time")
        self.length: int | None = None
        self.part = None
        self._vxg, self._camera = session.connection.vxg, camera
        self._images = self._vxg.images.sample(camera.row, EVERY_S, keep=session.samplings)
        self._is_closed = False

    async def read(self) -> bytes:
        """Return the next picture, once there is one; nothing after `close`. Raises MediaUnavailable or VmsError."""
        if self._is_closed:
            return b""
        image = await anext(self._images, None)
        if image is None:
            return b""
        jpeg = await self._vxg.images.fetch(image)
        return f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode() + jpeg + b"\r\n"

    async def close(self) -> None:
        """Have the VMS make pictures as fast as before, now or, where it does not answer, at the next connection."""
        self._is_closed = True
        try:
            await self._images.aclose()
        except VmsError as error:
            _LOGGER.warning(
                "channel %d makes more pictures than before, until the bridge connects anew: %s", self._camera.row.id, error
            )
