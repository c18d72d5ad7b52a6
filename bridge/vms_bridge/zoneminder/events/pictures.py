"""Pictures of events, and the addresses that a browser can have them by."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from vms_bridge.errors import MediaUnavailable
from vms_bridge.part_files import replaced
from vms_bridge.zoneminder.events.asked_media import PICTURE_LIMIT_BYTES, check_jpeg, clip_query, explained, frame_query
from vms_bridge.zoneminder.events.filters import FilterRefused

if TYPE_CHECKING:
    from os import PathLike

    from vms_bridge.zoneminder.connection import Connection

FRAMES = ("snapshot", "alarm", "objdetect", "objdetect_jpg")
_AS_ASKED = {"objdetect": "objdetect_jpg"}
_AGAIN_S = (1.0, 2.0)
"""A frame of an event that has just begun may not be on the disk yet."""


class Pictures:
    """Fetches them; every method raises FilterRefused for a frame that can't be meant."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def fetch(self, number: int, fid: str | int, *, at: str | None = None, is_open: bool) -> bytes:
        """Return a JPEG, from the portal or from another server's page. Raises MediaUnavailable or VmsError."""
        frame, page = frame_named(fid), at or f"{self._connection.url}/index.php"
        for pause in _AGAIN_S if is_open else ():
            try:
                return await self._fetch(page, number, frame)
            except MediaUnavailable:
                await self._connection.clock.sleep(pause)
        return await self._fetch(page, number, frame)

    async def picture_url(self, number: int, fid: str | int) -> str:
        """Return the address of a picture, with the token in it."""
        return await self._url(frame_query(str(number), frame_named(fid)))

    async def video_url(self, number: int) -> str:
        """Return the address of a video, with the token in it."""
        return await self._url(clip_query(str(number)))

    async def _url(self, query: dict[str, str]) -> str:
        token = await self._connection.client.auth.token()
        return f"{self._connection.url}/index.php?{urlencode(query if token is None else {**query, 'token': token})}"

    async def _fetch(self, page: str, number: int, frame: str) -> bytes:
        what = f"event {number}"
        with explained(f"picture of {what}"):
            status, content_type, body = await self._connection.client.fetch(
                page, frame_query(str(number), frame), PICTURE_LIMIT_BYTES
            )
        if status in {401, 403}:
            hint = "it needs the permission Events: View"
            raise MediaUnavailable(f"ZoneMinder does not show the picture of {what} to this user", hint=hint)
        if status >= 400 or not body:
            raise MediaUnavailable(f"{what} has no picture {frame} (HTTP {status})", hint=_why(frame))
        check_jpeg(body, content_type, what)
        return body


def frame_named(fid: str | int) -> str:
    """Return what index.php is asked for. Raises FilterRefused."""
    text = str(fid)
    if text in FRAMES:
        return _AS_ASKED.get(text, text)
    if text.isascii() and text.isdecimal() and len(text) < 10 and int(text) > 0:
        return str(int(text))
    raise FilterRefused(f"there is no picture {text[:40]!r}", hint=f"ask for a frame's number from 1 on, or {', '.join(FRAMES)}")


def _why(frame: str) -> str:
    if frame == "objdetect_jpg":
        return "no detection hook has left one"
    return "has the event such a frame, and is it not deleted?"


async def save_picture(path: str | PathLike[str], name: str, picture: bytes) -> Path:
    """Write it to a file, or under that name into a folder, and return where it is. Raises OutputError or NoRoom."""
    return await asyncio.to_thread(_written, Path(path), name, picture)


def _written(path: Path, name: str, picture: bytes) -> Path:
    target = path / name if path.is_dir() else path
    with replaced(target) as file:
        file.write(picture)
    return target
