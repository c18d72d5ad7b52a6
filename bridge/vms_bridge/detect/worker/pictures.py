"""Decodes pictures: as small as they are needed, the right way up, and none that is more than one may be.

A JPEG is decoded at an eighth, a quarter or a half of its size where that is enough (`draft`), which is most of the speed.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import cast

import numpy as np
from PIL import Image, UnidentifiedImageError

from vms_bridge.detect.worker.refusals import Unfit

FORMATS = ("JPEG", "PNG", "WEBP", "BMP")
MOST_PIXELS = 50_000_000
"""More than any camera has; a few kilobytes can claim to be a million times as much."""
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What EXIF says of how the camera was held, and how the picture is turned for it."""
_ON_THEIR_SIDE = {_TURNS[orientation] for orientation in (5, 6, 7, 8)}


@dataclass(frozen=True, slots=True)
class Opened:
    """A picture of which only the head is read yet; `width` and `height` are those of it upright."""

    image: Image.Image
    turn: Image.Transpose | None
    width: int
    height: int

    def decoded(self, width: int, height: int, mode: str = "RGB") -> Image.Image:
        """Return it decoded, no smaller than that where it is larger, and not upright yet. Raises Unfit."""
        if self._is_on_its_side:
            width, height = height, width
        try:
            if self.image.format == "JPEG":
                self.image.draft(mode, (width, height))
            self.image.load()
            return _converted(self.image, mode)
        except Exception as error:  # noqa: BLE001  # Pillow raises errors of many kinds for what is broken
            raise Unfit(_why(error)) from None

    def scaled(self, width: int, height: int, mode: str = "RGB") -> Image.Image:
        """Return it upright, in exactly this size. Raises Unfit."""
        decoded = self.decoded(width, height, mode)
        size = (height, width) if self._is_on_its_side else (width, height)
        if decoded.size != size:
            decoded = decoded.resize(size, Image.Resampling.BILINEAR)
        return decoded if self.turn is None else decoded.transpose(self.turn)

    @property
    def _is_on_its_side(self) -> bool:
        return self.turn in _ON_THEIR_SIDE


def open_file(data: bytes) -> Opened:
    """Read the head of a picture. Raises Unfit."""
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        turn = _TURNS.get(_orientation(image))
    except Exception as error:  # noqa: BLE001  # Pillow raises errors of many kinds for what is broken
        raise Unfit(_why(error)) from None
    width, height = image.size
    _check_size(width, height)
    return Opened(image, turn, *((height, width) if turn in _ON_THEIR_SIDE else (width, height)))


def open_pixels(data: memoryview, width: int, height: int) -> Opened:
    """Take decoded pixels; they are not copied, so what is made of them has to be done with before they change. Raises Unfit."""
    _check_size(width, height)
    if data.nbytes != width * height * 3:
        raise Unfit("the picture has more or fewer pixels than it says")
    image = Image.frombuffer("RGB", (width, height), cast("bytes", data), "raw", "RGB", 0, 1)
    return Opened(image, None, width, height)


def _orientation(image: Image.Image) -> int:
    if "exif" not in image.info:
        return 1
    try:
        found = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001  # what is broken in it says nothing about the picture
        return 1
    return found if isinstance(found, int) else 1


def _converted(image: Image.Image, mode: str) -> Image.Image:
    """Return it in that mode: of 16 bits the upper eight, of colours of a palette those that can be seen."""
    if image.mode.startswith(("I", "F")):
        values = np.asarray(image)
        most = 65_535 if values.dtype.itemsize > 1 and values.max(initial=0) > 255 else 255
        image = Image.fromarray((np.clip(values.astype(np.float32), 0, most) * (255 / most)).astype(np.uint8))
    elif image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return image if image.mode == mode else image.convert(mode)


def _check_size(width: int, height: int) -> None:
    if not 0 < width * height <= MOST_PIXELS:
        most = MOST_PIXELS // 10**6
        raise Unfit(f"the picture claims to have {width:,} x {height:,} pixels, and at most {most} million are decoded")


def _why(error: Exception) -> str:
    if isinstance(error, UnidentifiedImageError):
        return f"this is no picture that is known ({', '.join(FORMATS)})"
    if isinstance(error, Image.DecompressionBombError | Image.DecompressionBombWarning):
        return f"the picture claims to have more than {MOST_PIXELS // 10**6} million pixels"
    if isinstance(error, MemoryError):
        return "the picture takes more memory than there is"
    text = " ".join(str(error).split())[:200]
    return f"the picture can't be decoded: {text or type(error).__name__}"


def fitting(width: int, height: int, most_width: int, most_height: int) -> tuple[int, int]:
    """Return the largest size of the same shape that fits; each side has a pixel at least."""
    scale = min(most_width / width, most_height / height)
    return max(1, min(most_width, round(width * scale))), max(1, min(most_height, round(height * scale)))
