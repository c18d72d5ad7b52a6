"""The contributors that carry out commands themselves, those that have pictures of their own, and those that look at others'."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from vms_bridge.archive import MOST_PIECE_BYTES
from vms_bridge.boundary import Boundary
from vms_bridge.errors import DetectionFailed, UnsupportedCommand

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from vms_bridge.archive import ByteRange
    from vms_bridge.clock import Clock
    from vms_bridge.commands import Action, Target
    from vms_bridge.contributing import Look, Perform, Performed, Picture
    from vms_bridge.model import DetectedObject, EventRef

_DRAW_S = 10.0
MOST_PICTURE_BYTES = 16 * 1024 * 1024


class Performers:
    """Who does what, by the contributors' names."""

    def __init__(self, clock: Clock) -> None:
        self._boundary = Boundary("a contributor", clock)
        self._perform: dict[str, Perform] = {}
        self._draw: dict[str, Picture] = {}
        self._look: dict[str, Look] = {}

    def performs(self, source: str, perform: Perform) -> None:
        """Have commands for this contributor carried out so."""
        self._perform[source] = perform

    def draws(self, source: str, picture: Picture) -> None:
        """Have this contributor asked for annotated pictures."""
        self._draw[source] = picture

    def looks(self, source: str, look: Look) -> None:
        """Have this contributor asked what is in pictures that others bring."""
        self._look[source] = look

    def leave(self, source: str) -> None:
        """Ask a contributor for nothing any more."""
        self._perform.pop(source, None)
        self._draw.pop(source, None)
        self._look.pop(source, None)

    def of(self, source: str) -> Perform:
        """Return how a contributor carries out commands."""
        return self._perform.get(source, _refuse)

    async def picture(self, event: EventRef) -> bytes | None:
        """Return an annotated picture of the event; None: nobody has one, or whoever has it fails."""
        for draw in list(self._draw.values()):
            outcome = await self._boundary.attempt("draw", partial(draw, event), limit_s=_DRAW_S)
            if isinstance(outcome.value, bytes) and 0 < len(outcome.value) <= MOST_PICTURE_BYTES:
                return outcome.value
        return None

    async def look(self, picture: bytes, model: str | None = None) -> Sequence[DetectedObject]:
        """Return what is in a picture (`contributing.Lookable`)."""
        if not self._look:
            raise DetectionFailed(
                "nothing looks at pictures in this bridge", hint="configure `detection:` with a model, as in docs/detection.md"
            )
        return await next(reversed(self._look.values()))(picture, model)


async def _refuse(_target: Target, _action: Action) -> Performed:
    raise UnsupportedCommand("the part of the bridge that does this has not begun", hint="try again in a moment")


class DrawnPicture:
    """A picture that a contributor has drawn, as `archive.OpenMedia`."""

    content_type = "image/jpeg"
    part: ByteRange | None = None

    def __init__(self, jpeg: bytes) -> None:
        self._jpeg, self.length = jpeg, len(jpeg)

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield it."""
        for start in range(0, len(self._jpeg), MOST_PIECE_BYTES):
            yield self._jpeg[start : start + MOST_PIECE_BYTES]
