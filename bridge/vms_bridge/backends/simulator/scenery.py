"""The backgrounds of the simulated cameras. Coordinates are 0..1 and scaled when drawn."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from PIL import ImageDraw

if TYPE_CHECKING:
    from PIL import Image

_SKY_TOP, _SKY_LOW = (120, 170, 214), (214, 230, 238)
_GRASS, _GRASS_DARK = (112, 148, 84), (98, 134, 74)
_STONE, _STONE_DARK = (176, 172, 164), (150, 146, 140)
_WALL, _WALL_DARK = (226, 214, 196), (202, 188, 168)
_ROOF, _WOOD, _DARK = (130, 74, 60), (146, 104, 70), (64, 66, 72)
_GLASS = (150, 184, 204)


class _Canvas:
    """Draws in 0..1 coordinates."""

    def __init__(self, image: Image.Image) -> None:
        self._draw = ImageDraw.Draw(image)
        self._width, self._height = image.size

    def box(
        self, left: float, top: float, right: float, bottom: float, colour: tuple[int, int, int], *, radius: float = 0
    ) -> None:
        area = (left * self._width, top * self._height, right * self._width, bottom * self._height)
        self._draw.rounded_rectangle(area, radius * self._height, fill=colour)

    def oval(self, x: float, y: float, width: float, height: float, colour: tuple[int, int, int]) -> None:
        self._draw.ellipse(
            (
                (x - width / 2) * self._width,
                (y - height / 2) * self._height,
                (x + width / 2) * self._width,
                (y + height / 2) * self._height,
            ),
            fill=colour,
        )

    def shape(self, *points: tuple[float, float], colour: tuple[int, int, int]) -> None:
        self._draw.polygon([(x * self._width, y * self._height) for x, y in points], fill=colour)

    def fade(self, top: float, bottom: float, first: tuple[int, int, int], last: tuple[int, int, int]) -> None:
        start, end = int(top * self._height), int(bottom * self._height)
        for y in range(start, end):
            share = (y - start) / max(1, end - start)
            colour = tuple(round(a + (b - a) * share) for a, b in zip(first, last, strict=True))
            self._draw.line((0, y, self._width, y), fill=colour)

    def lawn(self, top: float) -> None:
        self.fade(top, 1.0, _GRASS_DARK, _GRASS)
        chance = random.Random(5)  # noqa: S311  # blades of grass
        for _ in range(900):
            x, y = chance.random(), top + (1 - top) * chance.random()
            self.box(x, y - 0.012 * y, x + 0.0012, y, _GRASS_DARK if chance.random() < 0.6 else (130, 164, 98))

    def tree(self, x: float, y: float, size: float) -> None:
        self.box(x - size * 0.05, y - size * 0.6, x + size * 0.05, y, (104, 78, 56))
        for dx, dy, scale in ((-0.16, -0.62, 0.9), (0.16, -0.64, 0.9), (0, -0.85, 1.1), (0, -0.6, 1.0)):
            self.oval(x + dx * size, y + dy * size, size * 0.42 * scale, size * 0.62 * scale, (84 + int(dx * 40), 122, 70))

    def window(self, left: float, top: float, right: float, bottom: float) -> None:
        self.box(left - 0.008, top - 0.014, right + 0.008, bottom + 0.014, (246, 243, 236))
        self.box(left, top, right, bottom, _GLASS)
        self.shape((left, bottom), (left, top), (left + (right - left) * 0.6, top), colour=(176, 204, 220))
        middle = (left + right) / 2
        self.box(middle - 0.003, top, middle + 0.003, bottom, (246, 243, 236))


def draw_background(image: Image.Image, place: str) -> None:
    """Draw the place with that name; a name without a scene gets a lawn below a sky."""
    canvas = _Canvas(image)
    canvas.fade(0, 0.56, _SKY_TOP, _SKY_LOW)
    {"Driveway": _driveway, "Front door": _front_door, "Garden": _garden}.get(place, _meadow)(canvas)


def _meadow(canvas: _Canvas) -> None:
    canvas.lawn(0.5)


def _driveway(canvas: _Canvas) -> None:
    for x, size in ((0.08, 0.34), (0.20, 0.26), (0.93, 0.36)):
        canvas.tree(x, 0.46, size)
    canvas.lawn(0.45)
    canvas.box(0, 0.455, 0.30, 0.515, _DARK)
    for x in (0.02, 0.09, 0.16, 0.23):
        canvas.box(x, 0.483, x + 0.035, 0.488, (222, 220, 206))
    canvas.shape((0.34, 0.52), (0.60, 0.52), (0.92, 1.0), (0.14, 1.0), colour=_STONE)
    for y in (0.58, 0.66, 0.76, 0.88):
        share = (y - 0.52) / 0.48
        canvas.shape(
            (0.34 - 0.2 * share, y),
            (0.60 + 0.32 * share, y),
            (0.60 + 0.32 * share, y + 0.004),
            (0.34 - 0.2 * share, y + 0.004),
            colour=_STONE_DARK,
        )
    canvas.shape((0.27, 0.20), (0.47, 0.07), (0.67, 0.20), colour=_ROOF)
    canvas.box(0.29, 0.20, 0.65, 0.525, _WALL)
    canvas.box(0.65, 0.26, 0.90, 0.525, _WALL_DARK)
    canvas.shape((0.63, 0.26), (0.70, 0.15), (0.86, 0.15), (0.93, 0.26), colour=(112, 62, 52))
    canvas.box(0.35, 0.29, 0.59, 0.525, (238, 236, 230))
    for y in (0.335, 0.38, 0.425, 0.47):
        canvas.box(0.355, y, 0.585, y + 0.005, (206, 203, 196))
    canvas.box(0.70, 0.33, 0.765, 0.545, _WOOD)
    canvas.oval(0.755, 0.45, 0.008, 0.014, (226, 190, 90))
    canvas.window(0.80, 0.33, 0.87, 0.43)
    canvas.oval(0.47, 0.15, 0.05, 0.06, _GLASS)
    canvas.oval(0.94, 0.60, 0.10, 0.12, (84, 120, 66))


def _front_door(canvas: _Canvas) -> None:
    canvas.box(0, 0, 1, 0.64, _WALL)
    for row in range(8):
        y = 0.08 * row
        canvas.box(0, y, 1, y + 0.003, _WALL_DARK)
        for column in range(11):
            x = column * 0.1 + (0.05 if row % 2 else 0)
            canvas.box(x, y, x + 0.0015, y + 0.08, _WALL_DARK)
    canvas.lawn(0.64)
    canvas.shape((0.36, 0.66), (0.64, 0.66), (0.86, 1.0), (0.14, 1.0), colour=_STONE)
    for y in (0.71, 0.77, 0.84, 0.92):
        share = (y - 0.66) / 0.34
        canvas.box(0.36 - 0.22 * share, y, 0.64 + 0.22 * share, y + 0.004, _STONE_DARK)
    canvas.box(0.34, 0.62, 0.66, 0.67, _STONE_DARK)
    canvas.box(0.39, 0.13, 0.61, 0.635, (246, 243, 236))
    canvas.box(0.405, 0.15, 0.595, 0.635, (62, 92, 84), radius=0.01)
    canvas.box(0.43, 0.20, 0.57, 0.34, _GLASS, radius=0.01)
    canvas.box(0.43, 0.39, 0.57, 0.58, (54, 80, 74), radius=0.01)
    canvas.oval(0.575, 0.40, 0.013, 0.022, (226, 190, 90))
    canvas.shape((0.35, 0.11), (0.65, 0.11), (0.69, 0.16), (0.31, 0.16), colour=_ROOF)
    for x in (0.35, 0.65):
        canvas.box(x - 0.012, 0.26, x + 0.012, 0.33, _DARK, radius=0.008)
        canvas.oval(x, 0.30, 0.014, 0.03, (255, 232, 170))
    canvas.window(0.10, 0.16, 0.25, 0.42)
    canvas.window(0.75, 0.16, 0.90, 0.42)
    for x in (0.27, 0.73):
        canvas.shape((x - 0.03, 0.58), (x + 0.03, 0.58), (x + 0.02, 0.68), (x - 0.02, 0.68), colour=(168, 92, 66))
        canvas.oval(x, 0.53, 0.08, 0.16, (84, 126, 72))


def _garden(canvas: _Canvas) -> None:
    for x, size in ((0.12, 0.44), (0.55, 0.36)):
        canvas.tree(x, 0.52, size)
    for index in range(34):
        x = index * 0.03
        canvas.box(x, 0.40, x + 0.024, 0.56, _WOOD if index % 2 else (154, 112, 78), radius=0.006)
    canvas.box(0, 0.43, 1, 0.445, (122, 86, 58))
    canvas.box(0, 0.51, 1, 0.525, (122, 86, 58))
    canvas.lawn(0.55)
    canvas.shape((0.64, 0.30), (0.79, 0.19), (0.94, 0.30), colour=_ROOF)
    canvas.box(0.66, 0.30, 0.92, 0.60, (164, 122, 84))
    for x in (0.70, 0.75, 0.80, 0.85, 0.89):
        canvas.box(x, 0.30, x + 0.003, 0.60, (140, 102, 70))
    canvas.box(0.755, 0.37, 0.835, 0.60, (112, 78, 54))
    canvas.oval(0.825, 0.49, 0.007, 0.014, (226, 190, 90))
    canvas.window(0.685, 0.36, 0.73, 0.44)
    canvas.oval(0.30, 0.66, 0.22, 0.075, (126, 158, 176))
    canvas.oval(0.30, 0.662, 0.19, 0.055, (150, 186, 204))
    chance = random.Random(3)  # noqa: S311  # flowers
    for _ in range(46):
        x, y = chance.uniform(0.02, 0.60), chance.uniform(0.555, 0.60)
        canvas.oval(x, y, 0.009, 0.015, chance.choice(((226, 92, 92), (240, 200, 84), (196, 130, 204), (244, 244, 240))))
