"""Scenes with objects whose places are known, drawn from a seed: half of them by a generator, half by the simulator's own pen.

The same seed draws the same scene everywhere. A box is the extent of what was drawn of the object inside the picture; objects of
which too little is inside, or too little is left uncovered, or that are too small, are in the picture and not in the list.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from training.backdrop import backdrop
from training.figures import FIGURES
from training.pen import Pen
from training.simulated import simulated

if TYPE_CHECKING:
    from random import Random

LABELS = ("person", "car", "truck", "dog")
_SIZES = ((640, 360), (640, 360), (640, 360), (800, 450), (960, 540))
_SMOOTH = 2
_SHARE_SIMULATED = 0.5
_LEAST_INSIDE, _LEAST_VISIBLE = 0.35, 0.2
_LEAST_SHARE = 0.03
"""The longer side of a box, at least, as a share of the picture's width: about ten pixels of the model's input."""
_WEIGHTS = {"person": 4, "car": 4, "truck": 3, "dog": 4, "cat": 2}


@dataclass(frozen=True, slots=True)
class Drawn:
    """An object; its box is left, top, right and bottom in pixels."""

    label: str
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Scene:
    """A picture, and all that is to be found in it."""

    image: Image.Image
    objects: tuple[Drawn, ...]


def is_simulated(seed: int) -> bool:
    """Say whether the scene of that number is one of the simulator's."""
    return _chance(seed).random() < _SHARE_SIMULATED


def _chance(seed: int) -> Random:
    return random.Random(f"scene {seed}")  # noqa: S311 - a picture, not a secret


def scene(seed: int) -> Scene:
    """Draw the scene of that number."""
    chance = _chance(seed)
    if chance.random() < _SHARE_SIMULATED:
        image, layers = simulated(chance)
    else:
        image, layers = _generated(chance)
    objects = _visible(layers, image.size)
    return Scene(image=_as_seen(image, chance), objects=objects)


Layers = list[tuple[str, Image.Image, tuple[int, int]]]
"""Label, picture with its opacity, and where its top left corner is; who is nearer comes later."""


def _generated(chance: Random) -> tuple[Image.Image, Layers]:
    width, height = chance.choice(_SIZES)
    image, horizon = backdrop(chance, width, height)
    tall = chance.uniform(0.3, 0.7)
    feet = sorted(chance.random() ** 1.2 for _ in range(chance.choice((0, 1, 1, 2, 2, 3, 3, 4, 5))))
    layers: Layers = []
    for near in feet:
        label = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))[0]
        draw, size, aspect = FIGURES[label]
        high = max(12, round(height * size * tall * (0.22 + 0.78 * near) * chance.uniform(0.85, 1.15)))
        wide = max(6, round(high * aspect * chance.uniform(0.88, 1.12)))
        pen = Pen(wide * _SMOOTH, high * _SMOOTH)
        draw(pen, chance)
        layer = pen.layer.resize((wide, high), Image.Resampling.BILINEAR)
        if chance.random() < 0.5:
            layer = ImageOps.mirror(layer)
        foot = horizon + (1 - horizon) * (0.08 + 0.97 * near)
        at = (round(chance.uniform(-0.1, 1.05) * width - wide / 2), round(foot * height - high))
        _shadow(image, at, wide, high)
        image.paste(layer, at, layer)
        layers.append((label, layer, at))
    return image, layers


def _shadow(image: Image.Image, at: tuple[int, int], wide: int, high: int) -> None:
    ground = Image.new("RGBA", (wide, max(2, high // 7)))
    ImageDraw.Draw(ground).ellipse((0, 0, ground.width - 1, ground.height - 1), fill=(0, 0, 0, 70))
    image.paste(ground, (at[0], at[1] + high - ground.height // 2 - 1), ground)


def _visible(layers: Layers, size: tuple[int, int]) -> tuple[Drawn, ...]:
    """Return what is to be found: whose pixels the picture shows at last."""
    width, height = size
    owners = np.zeros((height, width), np.uint8)
    drawn: list[tuple[str, int, tuple[int, int, int, int]]] = []
    for number, (label, layer, (x, y)) in enumerate(layers, 1):
        solid = np.asarray(layer.getchannel("A")) > 127
        left, top, right, bottom = max(0, x), max(0, y), min(width, x + layer.width), min(height, y + layer.height)
        whole = int(solid.sum())
        if right <= left or bottom <= top or not whole:
            drawn.append((label, whole, (0, 0, 0, 0)))
            continue
        inside = solid[top - y : bottom - y, left - x : right - x]
        owners[top:bottom, left:right][inside] = number
        rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        if not len(rows) or inside.sum() < _LEAST_INSIDE * whole:
            drawn.append((label, whole, (0, 0, 0, 0)))
            continue
        box = (left + int(columns[0]), top + int(rows[0]), left + int(columns[-1]) + 1, top + int(rows[-1]) + 1)
        drawn.append((label, whole, box))
    seen = np.bincount(owners.ravel(), minlength=len(drawn) + 1)
    return tuple(
        Drawn(label, box)
        for number, (label, whole, box) in enumerate(drawn, 1)
        if label in LABELS
        and seen[number] >= _LEAST_VISIBLE * whole
        and max(box[2] - box[0], box[3] - box[1]) >= _LEAST_SHARE * width
    )


def _as_seen(image: Image.Image, chance: Random) -> Image.Image:
    """Return it as a camera delivers it: by day or night, noisy, out of focus, as a JPEG."""
    kind = chance.random()
    if kind < 0.15:
        image = ImageOps.grayscale(image).convert("RGB")
    gain = chance.uniform(0.75, 1.2) if kind < 0.85 else chance.uniform(0.4, 0.7)
    tint = (1.0, 1.0, 1.0) if kind < 0.85 else (0.8, 0.9, 1.15)
    pixels = np.asarray(image, np.float32) * (np.array(tint, np.float32) * gain)
    source = np.random.default_rng(chance.getrandbits(32))
    if chance.random() < 0.7:
        pixels += source.normal(0, chance.uniform(1, 7), (*pixels.shape[:2], 1)).astype(np.float32)
    image = Image.fromarray(pixels.clip(0, 255).astype(np.uint8))
    if chance.random() < 0.15:
        image = image.filter(ImageFilter.GaussianBlur(chance.uniform(0.5, 1.4)))
    file = BytesIO()
    image.save(file, "JPEG", quality=chance.randrange(50, 96))
    return Image.open(BytesIO(file.getvalue())).convert("RGB")
