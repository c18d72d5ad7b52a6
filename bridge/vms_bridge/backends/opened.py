"""A picture or clip that a VMS gives, as the bridge reads it on: piece by piece, and no more than was promised."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.errors import MediaUnavailable, VmsError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from vms_bridge.archive import ByteRange
    from vms_bridge.downloads import Stream

_HEAD_BYTES = 16
"""So much is read before anybody learns that there is something: it shows what it is."""


class Opened:
    """What is open; `what` names it for people, `let_go` is called when it is closed.

    `left` is how many bytes there are to give (None: as many as come), behind `skipped` ones that nobody wants.
    """

    def __init__(self, stream: Stream, what: str, content_type: str, let_go: Callable[[], Awaitable[None]]) -> None:
        self._stream, self._what, self._let_go = stream, what, let_go
        self.content_type, self.said_type = content_type, stream.content_type
        self.length: int | None = None
        self.part: ByteRange | None = None
        self.left: int | None = stream.length
        self.skipped = 0
        self._head = b""
        self._is_closed = False

    async def head(self) -> bytes:
        """Return its first bytes, which are read again by `read`. Raises MediaUnavailable."""
        while len(self._head) < _HEAD_BYTES:
            piece = await self._piece()
            if not piece:
                break
            self._head += piece
        return self._head

    async def read(self) -> bytes:
        """Return the next piece, nothing at the end. Raises MediaUnavailable where that comes too early."""
        if self._is_closed:
            return b""
        while self.left != 0:
            piece, self._head = self._head or await self._piece(), b""
            if not piece:
                if self.left:
                    raise MediaUnavailable(f"{self._what} broke off {self.left} bytes before its end", hint="try again")
                return b""
            if self.skipped:
                unwanted = min(self.skipped, len(piece))
                self.skipped, piece = self.skipped - unwanted, piece[unwanted:]
            if self.left is not None:
                piece = piece[: self.left]
                self.left -= len(piece)
            if piece:
                return piece
        return b""

    async def close(self) -> None:
        """Let go of it."""
        if self._is_closed:
            return
        self._is_closed, self._head = True, b""
        self._stream.close()
        await self._let_go()

    async def _piece(self) -> bytes:
        try:
            return await self._stream.read()
        except VmsError as error:
            raise MediaUnavailable(f"{self._what} broke off: {error}", hint=error.hint) from None
