"""The pictures and clips of a trial: a small grey JPEG of everything, and bytes that pass for a film."""

from __future__ import annotations

from base64 import b64decode
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from vms_bridge.archive import ClipContent, ClipPart, ClipRange, EventClip, EventFrame
from vms_bridge.errors import NoSuchPart
from vms_bridge.model import EventRef, LivePicture

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from vms_bridge.archive import ByteRange, MediaRef, OpenMedia

JPEG = b64decode(
    "/9j//gAQTGF2YzYyLjI4LjEwMgD/2wBDAAgEBAQEBAUFBQUFBQYGBgYGBgYGBgYGBgYHBwcICAgHBwcGBgcHCAgICAkJCQgICAgJCQoKCgwMCwsODg4RERT/"
    "xABLAAEAAAAAAAAAAAAAAAAAAAAAAQEAAAAAAAAAAAAAAAAAAAABEAEAAAAAAAAAAAAAAAAAAAAAEQEBAAAAAAAAAAAAAAAAAAAAIf/AABEIABAAEAMBIgAC"
    "EQADEQD/2gAMAwEAAhEDEQA/AAAor//Z"
)
"""Grey, of 16 x 16 pixels."""
FILM = b"\x00\x00\x00\x18ftypisom\x00\x00\x02\x00isomiso2" + bytes(4_096)
"""It begins as an MP4 does, and has no pictures."""
_AT = datetime(2026, 1, 1, tzinfo=UTC)
"""Of an event whose times nobody asks for."""


@dataclass(frozen=True, slots=True)
class MadeUp:
    """A picture or clip that is read as if it came from a system."""

    content_type: str
    content: bytes
    length: int
    part: ByteRange | None = None

    @classmethod
    def of(cls, ref: MediaRef, byte_range: ByteRange | None) -> Self:
        """Return what is asked for. Raises NoSuchPart."""
        is_picture = isinstance(ref, EventFrame | LivePicture)
        whole = JPEG if is_picture else FILM
        if byte_range is not None and byte_range.first >= len(whole):
            raise NoSuchPart("it has not so many bytes", length=len(whole))
        last = len(whole) - 1 if byte_range is None or byte_range.last is None else byte_range.last
        content = whole if byte_range is None else whole[byte_range.first : last + 1]
        return cls("image/jpeg" if is_picture else "video/mp4", content, len(whole), byte_range)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield its bytes."""
        yield self.content


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip as the hub makes them, of one event that is made up."""

    content: ClipContent

    @classmethod
    def of(cls, asked: ClipRange | EventClip) -> Self:
        """Return what is asked for."""
        if isinstance(asked, ClipRange):
            event, start, end = EventRef(asked.system, 1, "trial"), asked.since, asked.until
        else:
            event, start, end = asked.event, _AT, _AT
        duration_s = (end - start).total_seconds()
        part = ClipPart(event=event, start=start, end=end, at_s=0.0)
        return cls(
            ClipContent(
                version="trial",
                length=len(FILM),
                parts=(part,),
                gaps=(),
                duration_s=duration_s,
                codec="h264",
                width=16,
                height=16,
                is_encoded=False,
                is_settled=True,
            )
        )

    @asynccontextmanager
    async def open(self, byte_range: ByteRange | None) -> AsyncIterator[OpenMedia]:
        """Open it, or a part of it. Raises NoSuchPart."""
        yield MadeUp.of(EventClip(event=self.content.parts[0].event), byte_range)
