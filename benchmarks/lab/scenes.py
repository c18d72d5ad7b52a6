"""Pictures of about the size that cameras send: noise of several sizes, shapes, and the noise of a sensor."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

if TYPE_CHECKING:
    from pathlib import Path

SIZES = {"360p": (640, 360), "720p": (1_280, 720), "1080p": (1_920, 1_080)}


def scene(width: int, height: int, seed: int) -> bytes:
    """Return one as a JPEG: 37 KB of 640 x 360 pixels, 85 KB of 1280 x 720, 135 KB of 1920 x 1080, or about that."""
    random = np.random.default_rng(seed)
    pixels = np.full((height, width), 120.0)
    for cells, depth in ((6, 40), (24, 18), (96, 9)):
        noise = random.normal(0, depth, (max(2, cells * height // width), cells))
        layer = Image.fromarray(noise.astype(np.float32)).resize((width, height), Image.Resampling.BICUBIC)
        pixels += np.asarray(layer)
    tinted = np.stack([pixels, pixels * 0.95 + 5, pixels * 0.85 + 10], axis=2)
    image = Image.fromarray(np.clip(tinted, 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for _ in range(25):
        x, y = int(random.integers(0, width)), int(random.integers(0, height))
        w, h = int(random.integers(width // 40, width // 6)), int(random.integers(height // 30, height // 4))
        pen.rectangle((x, y, x + w, y + h), fill=tuple(int(each) for each in random.integers(0, 255, 3)))
    image = image.filter(ImageFilter.GaussianBlur(0.8))
    noisy = np.asarray(image).astype(np.int16) + random.normal(0, 3.0, (height, width, 1)).astype(np.int16)
    file = io.BytesIO()
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(file, "JPEG", quality=75)
    return file.getvalue()


def write(folder: Path, count: int) -> dict[str, list[Path]]:
    """Write so many of each size; returns their paths by its name."""
    made: dict[str, list[Path]] = {}
    for name, (width, height) in SIZES.items():
        made[name] = [folder / f"{name}-{number}.jpg" for number in range(count)]
        for number, path in enumerate(made[name]):
            path.write_bytes(scene(width, height, number))
    return made
