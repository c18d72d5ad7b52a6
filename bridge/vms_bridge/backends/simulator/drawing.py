"""Pictures of the simulated world: drawn with Pillow, background once, visitors at each picture."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO
from threading import Lock
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from vms_bridge.backends.simulator.scenery import draw_background
from vms_bridge.backends.simulator.visitors import draw_visitor

if TYPE_CHECKING:
    from vms_bridge.backends.simulator.places import Place
    from vms_bridge.backends.simulator.world import Sighting

_QUALITY = 82
SMOOTH = 2
"""Everything is drawn this many times larger and scaled down, since Pillow draws without anti-aliasing."""
_ZONE, _OCCUPIED = (120, 190, 255), (255, 120, 80)


class Painter:
    """Draws pictures of one size; may be used from several threads."""

    def __init__(self, width: int) -> None:
        self._size = (width, width * 9 // 16)
        self._font = ImageFont.load_default(width / 52)
        self._small = ImageFont.load_default(width / 72)
        self._backgrounds: dict[str, Image.Image] = {}
        self._lock = Lock()

    def picture(self, name: str, place: Place, sightings: tuple[Sighting, ...], time: float, *, is_marked: bool = True) -> bytes:
        """Return the place at that time as a JPEG; marked, with zones and a box around everybody."""
        image = self.scene(place, sightings) if is_marked else self.view(place, sightings)
        self.caption(image, name, time)
        file = BytesIO()
        image.save(file, "JPEG", quality=_QUALITY)
        return file.getvalue()

    def scene(self, place: Place, sightings: tuple[Sighting, ...]) -> Image.Image:
        """Draw the place with who is in it and all marks, and neither name nor time."""
        image = self._background(place).copy()
        self._draw_zones(image, place, {zone for one in sightings for zone in one.zones})
        self._draw_visitors(image, sightings)
        self.mark(image, sightings)
        return image

    def view(self, place: Place, sightings: tuple[Sighting, ...]) -> Image.Image:
        """Draw the place with who is in it, as a camera sees it: nothing is marked."""
        image = self._background(place).copy()
        self._draw_visitors(image, sightings)
        return image

    def mark(self, image: Image.Image, sightings: tuple[Sighting, ...]) -> None:
        """Draw a box with its label around each."""
        draw = ImageDraw.Draw(image, "RGBA")
        for sighting in sightings:
            self._draw_box(draw, sighting)

    def caption(self, image: Image.Image, name: str, time: float) -> None:
        """Draw the bar with the camera's name and the time."""
        self._draw_caption(ImageDraw.Draw(image, "RGBA"), name, time)

    def _draw_visitors(self, image: Image.Image, sightings: tuple[Sighting, ...]) -> None:
        for sighting in sorted(sightings, key=lambda one: one.box[1] + one.box[3]):  # who is nearer covers who is behind
            draw_visitor(image, sighting, SMOOTH)

    def _background(self, place: Place) -> Image.Image:
        with self._lock:
            known = self._backgrounds.get(place.name)
            if known is None:
                width, height = self._size
                large = Image.new("RGB", (width * SMOOTH, height * SMOOTH))
                draw_background(large, place.name)
                known = self._backgrounds[place.name] = large.resize(self._size, Image.Resampling.LANCZOS)
            return known

    def _draw_zones(self, image: Image.Image, place: Place, occupied: set[str]) -> None:
        width, height = self._size
        draw = ImageDraw.Draw(image, "RGBA")
        for zone in place.zones:
            colour = _OCCUPIED if zone.id in occupied else _ZONE
            points = [(x * (width - 1), y * (height - 1)) for x, y in zone.points]
            draw.polygon(points, fill=(*colour, 28))
            draw.line([*points, points[0]], fill=(*colour, 190), width=max(1, width // 640))
            x, y = min(points, key=lambda point: (point[1], point[0]))
            draw.text((x + width / 120, y + height / 120), zone.name, fill=(*colour, 235), font=self._small)

    def _draw_box(self, draw: ImageDraw.ImageDraw, sighting: Sighting) -> None:
        width, height = self._size
        left, top, box_width, box_height = sighting.box
        corner = (left * width, top * height)
        draw.rectangle(
            (*corner, (left + box_width) * width - 1, (top + box_height) * height - 1),
            outline=(255, 214, 64, 255),
            width=max(1, width // 480),
        )
        text = f"{sighting.label} {sighting.score:.0%}"
        tag = draw.textbbox((0, 0), text, font=self._small)
        tag_height = tag[3] + height / 90
        y = max(corner[1] - tag_height, height / 16)
        draw.rectangle((corner[0], y, corner[0] + tag[2] + width / 90, y + tag_height), fill=(255, 214, 64, 235))
        draw.text((corner[0] + width / 180, y + height / 220), text, fill=(30, 30, 30, 255), font=self._small)

    def _draw_caption(self, draw: ImageDraw.ImageDraw, name: str, time: float) -> None:
        width, height = self._size
        bar = height / 17
        draw.rectangle((0, 0, width, bar), fill=(0, 0, 0, 130))
        clock = f"{datetime.fromtimestamp(time, UTC):%Y-%m-%d %H:%M:%S} UTC"
        middle = bar / 2
        draw.text((width / 64, middle), f"{name}  (simulated)", fill="white", font=self._font, anchor="lm")
        draw.text((width - width / 64, middle), clock, fill="white", font=self._font, anchor="rm")
