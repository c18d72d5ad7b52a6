"""Takes pictures that are sent one after the other (`multipart/x-mixed-replace`) apart, however the bytes come."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vms_bridge.errors import VideoFailed

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST_PICTURE_BYTES = 20 * 1024 * 1024
_MOST_HEAD_BYTES = 16 * 1024
_BOUNDARY = re.compile(r'boundary="?([^";,\s]{1,200})', re.IGNORECASE)
_LENGTH = re.compile(rb"(?im)^content-length:[ \t]*([0-9]{1,9})[ \t]*\r?$")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_JPEG = b"\xff\xd8\xff"


class Splitter:
    """Reads one answer; `content_type` names the boundary. Raises VideoFailed for what is none, then or later."""

    def __init__(self, content_type: str, *, most_bytes: int = MOST_PICTURE_BYTES) -> None:
        found = _BOUNDARY.search(content_type)
        if found is None or not content_type.lower().startswith("multipart/"):
            raise VideoFailed(
                f"what came is no video: {content_type[:100]}", hint="does the monitor run, and may the user see it?"
            )
        self._boundary = b"--" + found[1].removeprefix("--").encode("latin-1", "replace")
        self._rest, self._most = bytearray(), most_bytes
        self._sought = 0
        """Up to where no boundary begins."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take in what has come; yield the pictures that are whole by now."""
        self._rest += data
        while (picture := self._next()) is not None:
            if picture.startswith(_JPEG):
                yield picture
        if len(self._rest) > self._most + _MOST_HEAD_BYTES:
            raise VideoFailed(f"what came is no picture, or one of more than {self._most} bytes")

    def _next(self) -> bytes | None:
        """Take the next part off; None where it is not whole yet."""
        rest = self._rest
        start = rest.find(self._boundary)
        if start < 0:
            return None
        head = _END_OF_HEAD.search(rest, start, start + _MOST_HEAD_BYTES)
        if head is None:
            if len(rest) - start > _MOST_HEAD_BYTES:
                raise VideoFailed("what came is no video: a part of it has no picture")
            return None
        body = head.end()
        said = _LENGTH.search(rest, start, body)
        if said is not None:
            end = body + int(said[1])
            if end - body > self._most:
                raise VideoFailed(f"a picture of {end - body} bytes is more than can be meant")
            if len(rest) < end:
                return None
        else:
            end = rest.find(self._boundary, max(body, self._sought))
            if end < 0:
                self._sought = max(body, len(rest) - len(self._boundary))
                return None
        picture = bytes(rest[body:end]).removesuffix(b"\n").removesuffix(b"\r")
        del rest[:end]
        self._sought = 0
        return picture
