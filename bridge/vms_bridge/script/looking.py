"""Looking for objects on pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vms_bridge.script.asked import ask, given
from vms_bridge.script.checks import check_text
from vms_bridge.script.frames import Frame
from vms_bridge.script.media import Media

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.script.asked import Asked


class Seen:
    """An object on a picture: `label`, `score` (0..1), `box` (x, y, width, height in 0..1), `text` (as of a number plate)."""

    __slots__ = ("box", "label", "score", "text")

    def __init__(self, words: Mapping[str, Any]) -> None:
        self.label: str = str(words.get("label") or "")
        self.score: float | None = words.get("score")
        box = words.get("box")
        self.box: tuple[float, ...] | None = None if box is None else tuple(box)
        self.text: str | None = words.get("text")

    def plain(self) -> dict[str, Any]:
        """Return its form in JSON."""
        return {"label": self.label, "score": self.score, "box": self.box, "text": self.text}

    def __repr__(self) -> str:
        return f"<{self.label} {self.score}>"


def detect(picture: Media | Frame | bytes, *, model: str | None = None) -> Asked[list[Seen]]:
    """Look for objects on a picture: of `snapshot()`, a frame, or the bytes of a JPEG. Needs `permissions(detect=True)`."""
    words = given(model=None if model is None else check_text(model, "model", 64))
    data = b""
    if isinstance(picture, Media):
        words["media"] = picture.plain()
    elif isinstance(picture, Frame):
        data = picture.data
    elif isinstance(picture, bytes | bytearray):
        data = bytes(picture)
    else:
        raise TypeError(f"detect() takes a picture, a frame or bytes, and not {picture!r}"[:300])
    asked = ask("detect.picture", words, lambda said, _: [Seen(each) for each in said.get("objects") or ()], data)
    return asked.holding(picture)
