"""Scenes as the net sees them: letterboxed to its input, kept in one file for each set, so that a second run need not draw."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from training.scenes import LABELS, Scene, scene

Pictures = np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
Boxes = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
Labels = np.ndarray[tuple[int, ...], np.dtype[np.int64]]

WIDTH, HEIGHT = 320, 192
MOST = 8
"""Objects of a scene; none has more."""
_GREY = 114


class Scenes(NamedTuple):
    """Pictures [n, 192, 320, 3], boxes in pixels of these [n, 8, 4], labels [n, 8] (-1: none)."""

    pictures: Pictures
    boxes: Boxes
    labels: Labels


def letterbox(image: Image.Image, *, gap: float | None = 2.0) -> tuple[Pictures, float, tuple[int, int]]:
    """Return the picture scaled into the input, the scale, and where its top left corner is."""
    scale = min(WIDTH / image.width, HEIGHT / image.height)
    size = round(image.width * scale), round(image.height * scale)
    at = (WIDTH - size[0]) // 2, (HEIGHT - size[1]) // 2
    canvas = np.full((HEIGHT, WIDTH, 3), _GREY, np.uint8)
    small = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=gap)
    canvas[at[1] : at[1] + size[1], at[0] : at[0] + size[0]] = np.asarray(small)
    return canvas, scale, at


def scenes(first: int, count: int, cache: Path) -> Scenes:
    """Return the scenes from that seed on, drawn if no file has them."""
    sources = sorted(path for path in Path(__file__).parent.glob("*.py") if path.name in _DRAWING)
    simulator = Path(__file__).parents[1] / "bridge/vms_bridge/backends/simulator"
    sources += [simulator / name for name in ("drawing.py", "scenery.py", "visitors.py", "world.py")]
    mark = hashlib.sha256(b"".join(path.read_bytes() for path in sources)).hexdigest()[:12]
    file = cache / f"scenes-{first}-{count}-{mark}.npz"
    if file.exists():
        with np.load(file) as kept:
            return Scenes(kept["pictures"], kept["boxes"], kept["labels"])
    made = _drawn(first, count)
    cache.mkdir(parents=True, exist_ok=True)
    np.savez(file, pictures=made.pictures, boxes=made.boxes, labels=made.labels)
    return made


_DRAWING = {"scenes.py", "figures.py", "backdrop.py", "simulated.py", "pen.py", "dataset.py"}


def _drawn(first: int, count: int) -> Scenes:
    pictures = np.empty((count, HEIGHT, WIDTH, 3), np.uint8)
    boxes = np.zeros((count, MOST, 4), np.float32)
    labels = np.full((count, MOST), -1, np.int64)
    for index in range(count):
        drawn: Scene = scene(first + index)
        pictures[index], scale, at = letterbox(drawn.image, gap=2.0 if index % 2 else 1.2)
        for number, each in enumerate(drawn.objects[:MOST]):
            boxes[index, number] = np.array(each.box) * scale + np.array((*at, *at))
            labels[index, number] = LABELS.index(each.label)
    return Scenes(pictures, boxes, labels)
