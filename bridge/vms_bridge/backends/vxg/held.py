"""A picture that is held in memory, as the bridge reads it on."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vms_bridge.errors import NoSuchPart

if TYPE_CHECKING:
    from vms_bridge.archive import ByteRange


class Picture:
    """A JPEG, or a part of one. Raises NoSuchPart for a part that it does not have."""

    content_type = "image/jpeg"

    def __init__(self, jpeg: bytes, part: ByteRange | None) -> None:
        self.length: int | None = len(jpeg)
        self.part: ByteRange | None = None
        if part is not None:
            last = len(jpeg) - 1 if part.last is None else min(part.last, len(jpeg) - 1)
            if not 0 <= part.first <= last:
                raise NoSuchPart(f"it has {len(jpeg)} bytes, and not those that were asked for", length=len(jpeg))
            self.part = replace(part, last=last)
            jpeg = jpeg[part.first : last + 1]
        self._rest = jpeg

    async def read(self) -> bytes:
        """Return all of it, and nothing after."""
        piece, self._rest = self._rest, b""
        return piece

    async def close(self) -> None:
        """Let go of it."""
        self._rest = b""
