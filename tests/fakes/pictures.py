"""Pictures as cameras, and people with bad intentions, may send them."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Literal

import numpy as np
from PIL import Image

RED, GREEN, BLUE, WHITE = (220, 30, 30), (30, 200, 40), (40, 60, 220), (250, 250, 250)
CORNERS = (RED, GREEN, BLUE, WHITE)
"""Top left, top right, bottom left, bottom right."""
Format = Literal["JPEG", "PNG", "WEBP", "BMP"]


def quarters(width: int = 640, height: int = 360) -> Image.Image:
    """Return a picture whose quarters have colours, so that it shows which way up it is."""
    image = Image.new("RGB", (2, 2))
    image.putdata(CORNERS)
    return image.resize((width, height), Image.Resampling.NEAREST)


def saved(image: Image.Image, form: Format = "JPEG", *, orientation: int | None = None, quality: int = 90) -> bytes:
    """Return a picture as a file of that form; `orientation` is EXIF's."""
    file = io.BytesIO()
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    image.save(file, form, quality=quality, exif=exif)
    return file.getvalue()


def turned(image: Image.Image, orientation: int) -> Image.Image:
    """Return a picture as a camera stores it that was held in such a way that EXIF has to say so."""
    turns = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    return image.transpose(turns[orientation]) if orientation in turns else image


def sixteen_bits(image: Image.Image) -> bytes:
    """Return it as a grey PNG of 16 bits."""
    grey = np.asarray(image.convert("L"), np.uint16) * 257
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "PNG")
    return file.getvalue()


def bomb(width: int, height: int) -> bytes:
    """Return a PNG of some bytes that claims to be as large as that."""
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(bytes(1_000))) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
