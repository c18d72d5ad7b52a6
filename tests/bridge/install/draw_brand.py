"""Draw the mark of Home Assistant's component: `scripts/draw-brand`. A bridge, with a camera's lens below its arch."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

BRAND = Path(__file__).parents[3] / "custom_components" / "vms_bridge" / "brand"
ICON = 256
"""The width and height of an icon, in pixels."""
LOGO = 128
"""The height of a logo; it is as wide as its words."""
_FINE = 8
"""It is drawn so much larger, for smooth edges."""
_NAME = "VMS Bridge"


class Colours(NamedTuple):
    """What the mark is drawn in."""

    bridge: str
    lens: str
    pupil: str
    glint: str
    words: str


LIGHT = Colours(bridge="#17406d", lens="#18a0d7", pupil="#17406d", glint="#ffffff", words="#17406d")
DARK = Colours(bridge="#e6eef6", lens="#2cb8f0", pupil="#17406d", glint="#ffffff", words="#ffffff")


def mark(size: int, colours: Colours) -> Image.Image:
    """Return the mark as a square of that many pixels, on nothing."""
    unit = size * _FINE / 256
    picture = Image.new("RGBA", (size * _FINE, size * _FINE))
    draw = ImageDraw.Draw(picture)

    def box(left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
        return left * unit, top * unit, right * unit, bottom * unit

    def circle(x: float, y: float, radius: float, colour: str) -> None:
        draw.ellipse(box(x - radius, y - radius, x + radius, y + radius), fill=colour)

    draw.arc(box(20, 36, 236, 252), 180, 360, fill=colours.bridge, width=round(22 * unit))
    for left in (20, 214):  # the arch's feet, down to the water
        draw.rectangle(box(left, 143, left + 22, 180), fill=colours.bridge)
        draw.rounded_rectangle(box(left, 160, left + 22, 220), 11 * unit, fill=colours.bridge)
    draw.rounded_rectangle(box(2, 160, 254, 182), 11 * unit, fill=colours.bridge)  # the road
    circle(128, 112, 44, colours.bridge)
    circle(128, 112, 33, colours.lens)
    circle(128, 112, 15, colours.pupil)
    circle(141, 99, 7, colours.glint)
    return picture.resize((size, size), Image.Resampling.LANCZOS)


def logo(height: int, colours: Colours) -> Image.Image:
    """Return the mark with the name beside it, so many pixels high, on nothing."""
    font = ImageFont.load_default(0.52 * height * _FINE)
    weight = round(0.012 * height * _FINE)
    left, top, right, bottom = (round(edge) for edge in font.getbbox(_NAME, stroke_width=weight))
    words = Image.new("RGBA", (right - left, bottom - top))
    ImageDraw.Draw(words).text(
        (-left, -top), _NAME, font=font, fill=colours.words, stroke_width=weight, stroke_fill=colours.words
    )
    words = words.resize((words.width // _FINE, words.height // _FINE), Image.Resampling.LANCZOS)
    gap = height // 8
    picture = Image.new("RGBA", (height + gap + words.width, height))
    picture.paste(mark(height, colours))
    picture.paste(words, (height + gap, (height - words.height) // 2))
    return picture


def pictures() -> dict[str, Image.Image]:
    """Return every picture of the brand by its file's name."""
    drawn: dict[str, Image.Image] = {}
    for prefix, colours in (("", LIGHT), ("dark_", DARK)):
        for suffix, scale in (("", 1), ("@2x", 2)):
            drawn[f"{prefix}icon{suffix}.png"] = mark(ICON * scale, colours)
            drawn[f"{prefix}logo{suffix}.png"] = logo(LOGO * scale, colours)
    return drawn


def main() -> None:
    """Write every picture."""
    BRAND.mkdir(exist_ok=True)
    for name, picture in pictures().items():
        picture.save(BRAND / name, optimize=True)


if __name__ == "__main__":
    main()
