"""What scenes are drawn on: sky, ground, noise, buildings, a road; and what stands about and must stay silent."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.pen import shade

if TYPE_CHECKING:
    from random import Random

    from training.pen import Colour

_SKIES = ((120, 170, 214), (176, 190, 200), (90, 120, 160), (210, 170, 140), (150, 160, 170))
_GROUNDS = ((112, 148, 84), (98, 116, 76), (140, 138, 132), (166, 150, 120), (96, 98, 102), (176, 172, 164))
_WALLS = ((226, 214, 196), (164, 122, 84), (150, 84, 66), (200, 200, 204), (120, 126, 132))


def backdrop(chance: Random, width: int, height: int) -> tuple[Image.Image, float]:
    """Draw a place without anybody; return it with the height of its horizon, a share of the picture's."""
    horizon = chance.uniform(0.08, 0.5)
    image = Image.fromarray(_tinted(chance, width, height, horizon))
    draw = ImageDraw.Draw(image)
    for _ in range(chance.randrange(4)):
        _building(draw, chance, width, height, horizon)
    if chance.random() < 0.6:
        _road(draw, chance, width, height, horizon)
    for _ in range(chance.randrange(7)):
        chance.choice((_tree, _pole, _bin, _fence, _sign, _bush))(draw, chance, width, height, horizon)
    return image, horizon


def _tinted(chance: Random, width: int, height: int, horizon: float) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Return sky and ground, each a slope of brightness with three octaves of noise."""
    edge = max(1, round(horizon * height))
    picture = np.empty((height, width, 3), np.float32)
    for rows, colours in ((slice(0, edge), _SKIES), (slice(edge, height), _GROUNDS)):
        colour = np.array(chance.choice(colours), np.float32) * chance.uniform(0.7, 1.15)
        count = picture[rows].shape[0]
        slope = np.linspace(chance.uniform(0.8, 1.2), chance.uniform(0.8, 1.2), count, dtype=np.float32)
        picture[rows] = colour * slope[:, None, None]
    source = np.random.default_rng(chance.getrandbits(32))
    for octave in (8, 24, 72):
        size = (octave, max(2, octave * height // width))
        grain = source.normal(0, chance.uniform(2, 10), (size[1], size[0])).astype(np.float32)
        picture += np.asarray(Image.fromarray(grain).resize((width, height), Image.Resampling.BILINEAR))[:, :, None]
    return picture.clip(0, 255).astype(np.uint8)


def _building(draw: ImageDraw.ImageDraw, chance: Random, width: int, height: int, horizon: float) -> None:
    wall = shade(chance.choice(_WALLS), chance.uniform(0.7, 1.1))
    wide, base = chance.uniform(0.12, 0.4) * width, (horizon + chance.uniform(0.0, 0.12)) * height
    top, left = base - chance.uniform(0.15, 0.5) * height, chance.uniform(-0.1, 0.9) * width
    draw.rectangle((left, top, left + wide, base), fill=wall)
    if chance.random() < 0.5:
        roof = [(left - wide * 0.06, top), (left + wide / 2, top - wide * 0.25), (left + wide * 1.06, top)]
        draw.polygon(roof, fill=shade(wall, 0.6))
    columns, rows = chance.randrange(1, 5), chance.randrange(1, 4)
    glass = shade((150, 184, 204), chance.uniform(0.4, 1.1))
    for column in range(columns):
        for row in range(rows):
            x, y = left + wide * (column + 0.25) / columns, top + (base - top) * (row + 0.2) / rows
            draw.rectangle((x, y, x + wide * 0.5 / columns, y + (base - top) * 0.5 / rows), fill=glass)


def _road(draw: ImageDraw.ImageDraw, chance: Random, width: int, height: int, horizon: float) -> None:
    tar = shade((78, 80, 86), chance.uniform(0.7, 1.5))
    if chance.random() < 0.5:  # along the picture
        top = (horizon + (1 - horizon) * chance.uniform(0.1, 0.6)) * height
        wide = chance.uniform(0.12, 0.3) * height
        draw.rectangle((0, top, width, top + wide), fill=tar)
        for x in range(0, width, max(8, width // 12)):
            draw.rectangle((x, top + wide * 0.48, x + width // 30, top + wide * 0.53), fill=(222, 220, 206))
        return
    middle, far, near = chance.uniform(0.2, 0.8) * width, chance.uniform(0.02, 0.1) * width, chance.uniform(0.2, 0.6) * width
    foot, top = chance.uniform(0.2, 0.8) * width, horizon * height
    draw.polygon([(middle - far, top), (middle + far, top), (foot + near, height), (foot - near, height)], fill=tar)
    for each in range(8):
        share, wide = (each / 8) ** 2, (each + 1) / 8
        across, down = middle + (foot - middle) * share, top + (height - top) * share
        draw.rectangle((across - 4 * wide, down, across + 4 * wide, down + 14 * wide), fill=(222, 220, 206))


def _ground(chance: Random, horizon: float) -> tuple[float, float]:
    """Return how near a thing stands, 0..1, and where its foot is, a share of the picture's height."""
    near = chance.random() ** 1.3
    return 0.25 + 0.75 * near, horizon + (1 - horizon) * (0.05 + 0.9 * near)


def _tree(draw: ImageDraw.ImageDraw, chance: Random, width: int, height: int, horizon: float) -> None:
    near, foot = _ground(chance, horizon)
    x, y, size = chance.random() * width, foot * height, near * height * chance.uniform(0.3, 0.7)
    draw.rectangle((x - size * 0.05, y - size * 0.5, x + size * 0.05, y), fill=(104, 78, 56))
    leaves = shade((84, 122, 70), chance.uniform(0.6, 1.3))
    for _ in range(4):
        dx, dy, r = chance.uniform(-0.2, 0.2), chance.uniform(-0.9, -0.5), chance.uniform(0.18, 0.3)
        box = (x + (dx - r) * size, y + (dy - r) * size, x + (dx + r) * size, y + (dy + r) * size)
        draw.ellipse(box, fill=shade(leaves, chance.uniform(0.85, 1.15)))


def _pole(draw: ImageDraw.ImageDraw, chance: Random, width: int, height: int, horizon: float) -> None:
    near, foot = _ground(chance, horizon)
    x, y, size = chance.random() * width, foot * height, near * height * chance.uniform(0.3, 0.9)
    colour = shade((120, 122, 126), chance.uniform(0.4, 1.4))
    draw.rectangle((x - size * 0.02, y - size, x + size * 0.02, y), fill=colour)
    if chance.random() < 0.5:
        draw.ellipse((x - size * 0.06, y - size * 1.06, x + size * 0.06, y - size * 0.94), fill=(240, 232, 190))


def _bin(draw: ImageDraw.ImageDraw, chance: Random, width: int, height: int, horizon: float) -> None:
    near, foot = _ground(chance, horizon)
    x, y, size = chance.random() * width, foot * height, near * height * chance.uniform(0.1, 0.25)
    colour: Colour = (chance.randrange(30, 200), chance.randrange(30, 200), chance.randrange(30, 200))
    draw.rectangle((x - size * 0.32, y - size, x + size * 0.32, y), fill=colour)
    draw.rectangle((x - size * 0.36, y - size * 1.1, x + size * 0.36, y - size * 0.95), fill=shade(colour, 0.7))


def _fence(draw: ImageDraw.ImageDraw, chance: Random, width: int, height: int, horizon: float) -> None:
    near, foot = _ground(chance, horizon)
    y, size, x = foot * height, near * height * chance.uniform(0.08, 0.2), chance.uniform(-0.2, 0.6) * width
    wood, end = shade((146, 104, 70), chance.uniform(0.6, 1.5)), x + chance.uniform(0.2, 0.6) * width
    draw.rectangle((x, y - size * 0.8, end, y - size * 0.7), fill=wood)
    draw.rectangle((x, y - size * 0.4, end, y - size * 0.3), fill=wood)
    while x < end:
        draw.rectangle((x, y - size, x + size * 0.15, y), fill=shade(wood, chance.uniform(0.85, 1.1)))
        x += size * 0.3


def _sign(draw: ImageDraw.ImageDraw, chance: Random, width: int, height: int, horizon: float) -> None:
    near, foot = _ground(chance, horizon)
    x, y, size = chance.random() * width, foot * height, near * height * chance.uniform(0.15, 0.4)
    colour: Colour = (chance.randrange(256), chance.randrange(256), chance.randrange(256))
    if chance.random() < 0.6:
        draw.rectangle((x - size * 0.03, y - size, x + size * 0.03, y), fill=(110, 112, 116))
    draw.rectangle((x - size * 0.4, y - size * 1.2, x + size * 0.4, y - size * 0.75), fill=colour)
    text = "".join(chance.choices(string.ascii_uppercase + string.digits, k=chance.randrange(2, 6)))
    font = ImageFont.load_default(max(8, size * 0.26))
    draw.text((x, y - size * 0.98), text, fill=(255, 255, 255) if sum(colour) < 380 else (20, 20, 20), font=font, anchor="mm")


def _bush(draw: ImageDraw.ImageDraw, chance: Random, width: int, height: int, horizon: float) -> None:
    near, foot = _ground(chance, horizon)
    x, y, size = chance.random() * width, foot * height, near * height * chance.uniform(0.1, 0.25)
    colour = shade((84, 120, 66), chance.uniform(0.6, 1.4))
    draw.ellipse((x - size * 0.7, y - size, x + size * 0.7, y), fill=colour)
