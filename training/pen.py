"""Drawing in 0..1 coordinates of an object's own box, on a layer whose opacity says which pixels are the object's."""

from __future__ import annotations

from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Point = tuple[float, float]


class Pen:
    """Draws on a transparent layer; what it draws looks to the right. Widths of lines are shares of the height."""

    def __init__(self, width: int, height: int) -> None:
        self.layer = Image.new("RGBA", (width, height))
        self._draw = ImageDraw.Draw(self.layer)
        self._width, self._height = width - 1, height - 1

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour, *, radius: float = 0.0) -> None:
        """Fill a rectangle."""
        area = (left * self._width, top * self._height, right * self._width, bottom * self._height)
        self._draw.rounded_rectangle(area, radius * self._height, fill=colour)

    def oval(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fill an ellipse."""
        self._draw.ellipse((left * self._width, top * self._height, right * self._width, bottom * self._height), fill=colour)

    def wheel(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """Fill a circle, whose radius is a share of the height."""
        r = radius * self._height
        self._draw.ellipse((x * self._width - r, y * self._height - r, x * self._width + r, y * self._height + r), fill=colour)

    def line(self, *points: Point, colour: Colour, width: float) -> None:
        """Draw a line."""
        scaled = [(x * self._width, y * self._height) for x, y in points]
        self._draw.line(scaled, fill=colour, width=max(1, round(width * self._height)), joint="curve")

    def shape(self, *points: Point, colour: Colour) -> None:
        """Fill a polygon."""
        self._draw.polygon([(x * self._width, y * self._height) for x, y in points], fill=colour)


def shade(colour: Colour, share: float) -> Colour:
    """Return the colour, so much brighter (above 1) or darker."""
    red, green, blue = (max(0, min(255, round(part * share))) for part in colour)
    return red, green, blue
