"""A picture or clip that is held in memory whole, as the bridge reads it on; and which part of one there is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vms_bridge.errors import NoSuchPart

if TYPE_CHECKING:
    from vms_bridge.archive import ByteRange


class Held:
    """All of it, or a part. Raises NoSuchPart for a part that it does not have."""

    def __init__(self, content_type: str, content: bytes, part: ByteRange | None) -> None:
        self.content_type = content_type
        self.length: int | None = len(content)
        self.part: ByteRange | None = None
        if part is not None:
            first, last = within(part, len(content), "it")
            self.part = replace(part, last=last)
            content = content[first : last + 1]
        self._rest = content

    async def read(self) -> bytes:
        """Return all of it, and nothing after."""
        piece, self._rest = self._rest, b""
        return piece

    async def close(self) -> None:
        """Let go of it."""
        self._rest = b""


def within(part: ByteRange, length: int, what: str) -> tuple[int, int]:
    """Return the first and the last byte that there are of a part in something of this length. Raises NoSuchPart."""
    last = length - 1 if part.last is None else min(part.last, length - 1)
    if not 0 <= part.first <= last:
        raise NoSuchPart(f"{what} has {length} bytes, and not those that were asked for", length=length)
    return part.first, last
