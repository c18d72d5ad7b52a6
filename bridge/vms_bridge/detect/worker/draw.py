"""Draws boxes and their labels into a picture, so that they can be read at any size, and makes a JPEG of it."""

from __future__ import annotations

import io
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from vms_bridge.detect.worker.pictures import fitting
from vms_bridge.detect.worker.refusals import Unfit

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.detect.values import Box
    from vms_bridge.detect.worker.pictures import Opened

QUALITY = 80
LARGEST_SIDE = 8_000
_COLOURS = (
    *("#ff4d4d", "#3ddc84", "#4da6ff", "#ffd23f", "#ff7ae0", "#21d4fd"),
    *("#ff9f40", "#b388ff", "#c0e83d", "#ff5c8a", "#2ee6c5", "#e0b38c"),
)
_DARK = "#101010"
_FOLDERS = ("/usr/share/fonts", "/usr/local/share/fonts")
_FONTS = ("DejaVuSans", "NotoSans-Regular", "NotoSansCJK", "NotoSansJP", "wqy", "unifont", "NotoEmoji", "Symbola", "FreeSans")
"""Fonts that have letters which Pillow's own has not, where they are installed: the first that has all of a label is taken."""
_MISSING = "\uffff"
"""What no font has: how it is drawn is how a font draws what it has not."""


def draw(picture: Opened, drawn: Sequence[tuple[str, Box, int]], most_width: int | None) -> bytes:
    """Return the picture as a JPEG, no wider than that, with these boxes: label, box, and number of the colour. Raises Unfit."""
    width, height = fitting(picture.width, picture.height, most_width or LARGEST_SIDE, LARGEST_SIDE)
    if width > picture.width:  # it is never made larger
        width, height = picture.width, picture.height
    image = picture.scaled(width, height)
    board = _Board(image)
    for _, box, colour in drawn:
        board.outline(box, _COLOURS[colour % len(_COLOURS)])
    for label, box, colour in drawn:  # above all boxes
        board.label(label, box, _COLOURS[colour % len(_COLOURS)])
    return encode(image)


def encode(image: Image.Image) -> bytes:
    """Return a picture as a JPEG."""
    file = io.BytesIO()
    try:
        image.save(file, "JPEG", quality=QUALITY)
    except (OSError, ValueError) as error:
        raise Unfit(f"no JPEG can be made of it: {error}") from None
    return file.getvalue()


class _Board:
    """A picture that is drawn into, with lines and letters of a size that can be seen in it."""

    def __init__(self, image: Image.Image) -> None:
        self._pen = ImageDraw.Draw(image)
        self._size = image.size
        shorter = min(image.size)
        self._line = max(1, round(shorter / 240))
        self._points = min(max(9, round(shorter / 28)), 64)

    def outline(self, box: Box, colour: str) -> None:
        """Draw a box."""
        x1, y1, x2, y2 = self._corners(box)
        self._pen.rectangle((x1 - 1, y1 - 1, x2 + 1, y2 + 1), outline=_DARK, width=self._line + 2)  # seen on any ground
        self._pen.rectangle((x1, y1, x2, y2), outline=colour, width=self._line)

    def label(self, label: str, box: Box, colour: str) -> None:
        """Write a label above its box, or into it at the picture's upper end."""
        text = "".join(letter if letter.isprintable() else " " for letter in label).strip()
        if not text:
            return
        font = _font(text, self._points)
        text = _shortened(text, font, self._size[0] - 4)
        left, top, right, bottom = font.getbbox(text)
        width, height = right - left + 4, bottom - top + 4
        x1, y1, _, _ = self._corners(box)
        x = max(0, min(x1, self._size[0] - width))
        y = max(0, y1 - height if y1 >= height else min(y1, self._size[1] - height))
        self._pen.rectangle((x, y, x + width, y + height), fill=colour)
        self._pen.text((x + 2 - left, y + 2 - top), text, fill=_DARK, font=font)

    def _corners(self, box: Box) -> tuple[int, int, int, int]:
        width, height = self._size
        x1, y1 = (min(max(round(at * side), 0), side - 1) for at, side in zip(box[:2], self._size, strict=True))
        x2 = min(max(round((box[0] + box[2]) * width), x1), width - 1)
        y2 = min(max(round((box[1] + box[3]) * height), y1), height - 1)
        return x1, y1, x2, y2


_Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def _shortened(text: str, font: _Font, most: int) -> str:
    """Return as much of a text as has room."""
    if font.getlength(text) <= most:
        return text
    while len(text) > 1 and font.getlength(f"{text}…") > most:
        text = text[:-1]
    return f"{text}…"


def _font(text: str, points: int) -> _Font:
    """Return the first font that has all letters, else the one that has most."""
    own = _own_font(points)
    best, lacks = own, _lacking(own, text)
    for path in _fonts() if lacks else ():
        font = _loaded(path, points)
        missing = lacks if font is None else _lacking(font, text)
        if font is not None and missing < lacks:
            best, lacks = font, missing
        if not lacks:
            break
    return best


def _lacking(font: _Font, text: str) -> int:
    unknown = bytes(font.getmask(_MISSING))
    return sum(not letter.isspace() and bytes(font.getmask(letter)) == unknown for letter in set(text) if not letter.isascii())


@lru_cache(maxsize=16)
def _own_font(points: int) -> _Font:
    return ImageFont.load_default(points)


@lru_cache(maxsize=32)
def _loaded(path: Path, points: int) -> _Font | None:
    try:
        return ImageFont.truetype(path, points)
    except (OSError, ValueError):
        return None


@lru_cache(maxsize=1)
def _fonts() -> tuple[Path, ...]:
    """Return the fonts that are installed and known to have many letters, in their order."""
    installed = [
        path for folder in _FOLDERS for ending in ("ttf", "ttc", "otf") for path in sorted(Path(folder).rglob(f"*.{ending}"))
    ]
    return tuple(path for name in _FONTS for path in installed if path.name.startswith(name))
