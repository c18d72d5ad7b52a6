"""The frames of a ZoneMinder's event, by `vms_bridge.zoneminder`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from vms_bridge.errors import NoSuchEvent, TooLarge
from vms_bridge.threads import in_thread
from vms_bridge.zoneminder.portal import page_of

if TYPE_CHECKING:
    from typing import BinaryIO

    from vms_bridge.detect.values import Picture
    from vms_bridge.zoneminder import ZoneMinder

PICTURE_BYTES = 32 * 1024 * 1024
VIDEO_BYTES = 2 * 1024 * 1024 * 1024


class ZoneMinderEvent:
    """One event of a ZoneMinder, which is open: `async with ZoneMinder(...) as zm: ZoneMinderEvent(zm, 4711)`."""

    def __init__(self, zm: ZoneMinder, event_id: int) -> None:
        self.event_id = event_id
        self._client, self._page = zm.client, page_of(zm.url)

    async def picture(self, frame: int | str, *, width: int | None) -> Picture:
        """Return a frame. Raises VmsError, NoSuchEvent where it is not there, or not yet."""
        query = {"view": "image", "eid": str(self.event_id), "fid": str(frame)}
        if width is not None:
            query["width"] = str(width)
        status, content_type, body = await self._client.fetch(self._page, query, PICTURE_BYTES)
        if status != 200 or not body or not content_type.startswith("image/"):
            raise NoSuchEvent(f"ZoneMinder has no frame {frame} of event {self.event_id} (HTTP {status})")
        return body

    async def snapshot_number(self) -> int | None:
        """Return the number of the frame with the highest score. Raises VmsError."""
        return _whole((await self._said()).get("MaxScoreFrameId"))

    async def count(self) -> int | None:
        """Return how many frames there are, None while they become more. Raises VmsError."""
        said = await self._said()
        return _whole(said.get("Frames")) if said.get("EndDateTime", said.get("EndTime")) else None

    async def save_video(self, file: BinaryIO) -> None:
        """Write its video into a file, 2 GB at most. Raises VmsError."""
        stream = await self._client.open(self._page, {"view": "view_video", "eid": str(self.event_id)})
        try:
            if stream.status != 200:
                raise NoSuchEvent(f"ZoneMinder has no video of event {self.event_id} (HTTP {stream.status})")
            size = 0
            while piece := await stream.read():
                if (size := size + len(piece)) > VIDEO_BYTES:
                    raise TooLarge(f"the video of event {self.event_id} is larger than {VIDEO_BYTES} bytes")
                await in_thread("download", partial(file.write, piece))
        finally:
            stream.close()

    async def _said(self) -> dict[str, object]:
        value = await self._client.get(f"events/{self.event_id}")
        for key in ("event", "Event"):
            value = value.get(key) if isinstance(value, dict) else None
        return value if isinstance(value, dict) else {}


def _whole(value: object) -> int | None:
    text = str(value)
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 and int(text) > 0 else None
