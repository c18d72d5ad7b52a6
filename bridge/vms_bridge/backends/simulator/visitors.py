"""The people, cars and animals in the simulated pictures, drawn in a unit square and scaled to their box."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PIL import Image, ImageColor, ImageDraw, ImageOps

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.backends.simulator.world import Sighting

_Colour = tuple[int, ...]
_SKIN, _TROUSERS, _HAIR = (226, 182, 148), (58, 64, 84), (72, 52, 40)
_TYRE, _GLASS, _LAMP = (34, 34, 38), (176, 206, 222), (255, 240, 190)
_FUR = {"dog": (146, 104, 66), "cat": (92, 90, 94)}


def draw_visitor(image: Image.Image, sighting: Sighting, smooth: int) -> None:
    """Draw a visitor into its box on the picture."""
    layer, place = figure(sighting, image.size, smooth)
    ground = Image.new("RGBA", (layer.width, max(2, layer.height // 7)))
    ImageDraw.Draw(ground).ellipse((0, 0, ground.width - 1, ground.height - 1), fill=(0, 0, 0, 70))
    image.paste(ground, (place[0], place[1] + layer.height - ground.height // 2 - 1), ground)
    image.paste(layer, place, layer)


def figure(sighting: Sighting, size: tuple[int, int], smooth: int) -> tuple[Image.Image, tuple[int, int]]:
    """Return a visitor on a transparent layer, and where its top left corner is in a picture of that size in pixels."""
    left, top, width, height = sighting.box
    area_width, area_height = max(2, round(width * size[0])), max(2, round(height * size[1]))
    layer = Image.new("RGBA", (area_width * smooth, area_height * smooth))
    _SHAPES[sighting.label](_Pen(layer), ImageColor.getrgb(sighting.colour), sighting.stride)
    if sighting.to_left:
        layer = ImageOps.mirror(layer)
    layer = layer.resize((area_width, area_height), Image.Resampling.LANCZOS)
    return layer, (round(left * size[0]), round(top * size[1]))


class _Pen:
    """Draws in 0..1 coordinates of the visitor's own box, looking to the right."""

    def __init__(self, layer: Image.Image) -> None:
        self._draw = ImageDraw.Draw(layer)
        self._width, self._height = layer.width - 1, layer.height - 1

    def box(self, left: float, top: float, right: float, bottom: float, colour: _Colour, *, radius: float = 0.0) -> None:
        area = (left * self._width, top * self._height, right * self._width, bottom * self._height)
        self._draw.rounded_rectangle(area, radius * self._height, fill=colour)

    def oval(self, left: float, top: float, right: float, bottom: float, colour: _Colour) -> None:
        self._draw.ellipse((left * self._width, top * self._height, right * self._width, bottom * self._height), fill=colour)

    def line(self, *points: tuple[float, float], colour: _Colour, width: float) -> None:
        scaled = [(x * self._width, y * self._height) for x, y in points]
        self._draw.line(scaled, fill=colour, width=max(1, round(width * self._height)), joint="curve")

    def shape(self, *points: tuple[float, float], colour: _Colour) -> None:
        self._draw.polygon([(x * self._width, y * self._height) for x, y in points], fill=colour)


def _person(pen: _Pen, colour: _Colour, stride: float) -> None:
    darker = tuple(round(part * 0.8) for part in colour)
    pen.line((0.48, 0.36), (0.48 - 0.24 * stride, 0.62), colour=darker, width=0.055)
    pen.line((0.50, 0.58), (0.50 - 0.26 * stride, 0.97), colour=(44, 50, 68), width=0.075)
    pen.line((0.50, 0.58), (0.50 + 0.26 * stride, 0.97), colour=_TROUSERS, width=0.075)
    pen.box(0.28, 0.24, 0.72, 0.64, colour, radius=0.06)
    pen.line((0.54, 0.36), (0.54 + 0.24 * stride, 0.60), colour=darker, width=0.055)
    pen.box(0.43, 0.17, 0.57, 0.27, _SKIN)
    pen.oval(0.32, 0.01, 0.70, 0.21, _SKIN)
    pen.shape((0.31, 0.11), (0.34, 0.03), (0.50, 0.0), (0.66, 0.03), (0.68, 0.07), (0.44, 0.08), (0.40, 0.14), colour=_HAIR)


def _car(pen: _Pen, colour: _Colour, _stride: float) -> None:
    darker = tuple(round(part * 0.75) for part in colour)
    pen.shape((0.20, 0.46), (0.30, 0.10), (0.66, 0.10), (0.80, 0.46), colour=colour)
    pen.shape((0.25, 0.44), (0.33, 0.17), (0.47, 0.17), (0.47, 0.44), colour=_GLASS)
    pen.shape((0.50, 0.44), (0.50, 0.17), (0.63, 0.17), (0.74, 0.44), colour=_GLASS)
    pen.box(0.01, 0.42, 0.99, 0.82, colour, radius=0.14)
    pen.box(0.01, 0.68, 0.99, 0.82, darker, radius=0.10)
    pen.box(0.93, 0.50, 0.99, 0.60, _LAMP, radius=0.03)
    pen.box(0.01, 0.50, 0.05, 0.60, (190, 50, 46), radius=0.03)
    pen.box(0.52, 0.52, 0.60, 0.55, darker)
    for x in (0.14, 0.70):
        pen.oval(x, 0.62, x + 0.19, 0.99, _TYRE)
        pen.oval(x + 0.055, 0.73, x + 0.135, 0.88, (176, 178, 184))


def _animal(pen: _Pen, fur: _Colour, stride: float, *, tail: float) -> None:
    darker = tuple(round(part * 0.78) for part in fur)
    for x, swing in ((0.26, -stride), (0.70, stride)):
        pen.line((x, 0.60), (x + 0.07 * swing, 0.97), colour=darker, width=0.10)
    pen.line((0.14, 0.42), (0.04, tail), colour=fur, width=0.08)
    pen.oval(0.10, 0.32, 0.80, 0.74, fur)
    for x, swing in ((0.32, stride), (0.64, -stride)):
        pen.line((x, 0.60), (x + 0.07 * swing, 0.97), colour=fur, width=0.10)
    pen.oval(0.66, 0.12, 0.94, 0.52, fur)
    pen.oval(0.86, 0.20, 0.90, 0.27, (24, 24, 26))


def _dog(pen: _Pen, _colour: _Colour, stride: float) -> None:
    _animal(pen, _FUR["dog"], stride, tail=0.12)
    pen.box(0.86, 0.28, 1.0, 0.44, (118, 82, 52), radius=0.06)
    pen.oval(0.66, 0.14, 0.76, 0.48, (104, 70, 44))


def _cat(pen: _Pen, _colour: _Colour, stride: float) -> None:
    _animal(pen, _FUR["cat"], stride, tail=0.0)
    pen.shape((0.69, 0.22), (0.70, 0.0), (0.79, 0.15), colour=_FUR["cat"])
    pen.shape((0.82, 0.15), (0.91, 0.0), (0.92, 0.22), colour=_FUR["cat"])


_SHAPES: dict[str, Callable[[_Pen, _Colour, float], None]] = {"person": _person, "car": _car, "dog": _dog, "cat": _cat}
