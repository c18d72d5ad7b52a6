"""Scenes as the bridge's simulator draws them, with visitors at places of their own: what the demo's model will meet."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from PIL import ImageOps

from vms_bridge.backends.simulator.drawing import SMOOTH, Painter
from vms_bridge.backends.simulator.places import PLACES, Place
from vms_bridge.backends.simulator.visitors import figure
from vms_bridge.backends.simulator.world import COLOURS, SHAPES, Sighting

if TYPE_CHECKING:
    from random import Random

    from PIL import Image

_MEADOW = Place(name="Meadow", zones=(), ways=())
_DECOYS = ("person", "car", "dog", "cat")


@cache
def _painter(width: int) -> Painter:
    return Painter(width)


def simulated(chance: Random) -> tuple[Image.Image, list[tuple[str, Image.Image, tuple[int, int]]]]:
    """Draw a place with visitors; return it with what is in it, as `scenes.Layers`.

    Some pictures have the simulator's own marks, as its pictures of events have; some have marks around nothing, so that nobody
    learns to look for marks.
    """
    painter = _painter(chance.choice((640, 640, 960)))
    place = chance.choice((*PLACES, _MEADOW))
    count = chance.choice((0, 1, 1, 1, 2, 2, 3))
    sightings = tuple(sorted((_sighting(chance) for _ in range(count)), key=lambda one: one.box[1] + one.box[3]))
    how = chance.random()
    image = painter.scene(place, sightings) if how < 0.2 else painter.view(place, sightings)
    if how < 0.4:
        painter.mark(image, tuple(_sighting(chance) for _ in range(chance.randrange(1, 3))))
    if chance.random() < 0.6:
        painter.caption(image, place.name, chance.uniform(0, 2e9))
    layers = []
    for sighting in sightings:
        layer, at = figure(sighting, image.size, SMOOTH)
        layers.append((sighting.label, layer, at))
    if chance.random() < 0.3:
        image = ImageOps.mirror(image)
        layers = [(label, ImageOps.mirror(layer), (image.width - x - layer.width, y)) for label, layer, (x, y) in layers]
    return image, layers


def _sighting(chance: Random) -> Sighting:
    """Place somebody as the simulated world does, but anywhere, and a little larger or smaller."""
    label = chance.choices(_DECOYS, (4, 3, 4, 2))[0]
    x, y = chance.uniform(-0.05, 1.05), chance.uniform(0.46, 1.2)
    height = SHAPES[label][0] * (0.25 + 0.75 * y) * chance.uniform(0.85, 1.2)
    width = height * SHAPES[label][1] * 9 / 16
    left, top, right, bottom = max(0.0, x - width / 2), max(0.0, y - height), min(1.0, x + width / 2), min(1.0, y)
    if right - left < 0.3 * width or bottom - top < 0.3 * height:
        return _sighting(chance)
    colour = chance.choice(COLOURS) if chance.random() < 0.6 else f"#{chance.randrange(0x1000000):06x}"
    return Sighting(
        label=label,
        colour=colour,
        score=chance.uniform(0.5, 1),
        box=(left, top, right - left, bottom - top),
        zones=(),
        stride=chance.uniform(-1, 1),
        to_left=chance.random() < 0.5,
        track="",
    )
