"""The objects that are to be found, each drawn in its own box in many ways: person, car, truck, dog; and cats, which are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.pen import Pen, shade

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from training.pen import Colour

_SKINS = ((236, 196, 164), (226, 182, 148), (198, 146, 108), (150, 104, 72), (104, 70, 48))
_HAIRS = ((40, 30, 26), (72, 52, 40), (120, 84, 48), (196, 164, 100), (150, 150, 152), (24, 24, 28))
_FURS = ((146, 104, 66), (92, 66, 44), (50, 44, 42), (210, 186, 148), (228, 222, 212), (168, 128, 84), (120, 74, 46))
_CAT_FURS = ((92, 90, 94), (60, 58, 62), (196, 130, 70), (226, 222, 214))
_GLASSES = ((176, 206, 222), (96, 118, 134), (52, 62, 72), (140, 168, 186))
_PAINTS = (
    *((178, 58, 72), (42, 111, 151), (224, 159, 62), (56, 102, 65)),
    *((109, 89, 122), (61, 64, 91), (232, 232, 230), (30, 32, 36)),
)
_TYRE, _LAMP, _TAIL_LAMP, _PLATE = (34, 34, 38), (255, 240, 190), (190, 50, 46), (236, 234, 214)


def _any_colour(chance: Random) -> Colour:
    return chance.randrange(20, 240), chance.randrange(20, 240), chance.randrange(20, 240)


def _paint(chance: Random) -> Colour:
    return chance.choice(_PAINTS) if chance.random() < 0.6 else _any_colour(chance)


def person(pen: Pen, chance: Random) -> None:
    """Draw somebody who walks or stands, from the side or from the front."""
    skin, hair = chance.choice(_SKINS), chance.choice(_HAIRS)
    top, legs = _any_colour(chance), shade(_any_colour(chance), 0.7)
    stride, broad = chance.uniform(-1, 1), chance.uniform(0.85, 1.15)
    is_front = chance.random() < 0.4
    half, leg = 0.22 * broad, chance.uniform(0.06, 0.09)
    if is_front:
        stride *= 0.35
    pen.line((0.5 - half * 0.8, 0.32), (0.5 - half - 0.16 * abs(stride) - 0.02, 0.62), colour=shade(top, 0.8), width=0.055)
    pen.line((0.47, 0.58), (0.48 - 0.26 * stride, 0.97), colour=shade(legs, 0.8), width=leg)
    pen.line((0.53, 0.58), (0.52 + 0.26 * stride, 0.97), colour=legs, width=leg)
    bottom = chance.choice((0.60, 0.64, 0.72))
    pen.box(0.5 - half, 0.22, 0.5 + half, bottom, top, radius=0.05)
    if chance.random() < 0.5:
        pen.line((0.5 + half * 0.8, 0.32), (0.5 + half + 0.18 * stride, 0.60), colour=shade(top, 0.85), width=0.055)
    else:
        pen.line((0.52, 0.34), (0.54 + 0.24 * stride, 0.60), colour=shade(top, 0.8), width=0.055)
    if chance.random() < 0.3:  # a bag
        pen.box(0.5 + half - 0.08, 0.45, 0.5 + half + 0.16, 0.60, _any_colour(chance), radius=0.02)
    pen.box(0.44, 0.16, 0.56, 0.25, skin)
    pen.oval(0.33, 0.01, 0.67, 0.20, skin)
    if chance.random() < 0.8:
        pen.shape((0.32, 0.11), (0.34, 0.03), (0.5, 0.0), (0.66, 0.03), (0.68, 0.08), (0.44, 0.07), (0.38, 0.12), colour=hair)
    if chance.random() < 0.25:  # long hair, or a hood
        pen.oval(0.30, 0.0, 0.70, 0.16, hair)
        pen.box(0.30, 0.08, 0.42, 0.26, hair)


def car(pen: Pen, chance: Random) -> None:
    """Draw a car from the side, from the front or from behind."""
    if chance.random() < 0.3:
        _car_end(pen, chance)
        return
    paint, glass = _paint(chance), chance.choice(_GLASSES)
    dark = shade(paint, 0.75)
    roof, back, front = chance.uniform(0.06, 0.16), chance.uniform(0.08, 0.24), chance.uniform(0.74, 0.86)
    pen.shape((back, 0.48), (back + 0.10, roof), (front - 0.16, roof), (front, 0.48), colour=paint)
    middle = chance.uniform(0.44, 0.52)
    pen.shape((back + 0.05, 0.45), (back + 0.12, roof + 0.07), (middle, roof + 0.07), (middle, 0.45), colour=glass)
    pane = middle + 0.03
    pen.shape((pane, 0.45), (pane, roof + 0.07), (front - 0.18, roof + 0.07), (front - 0.06, 0.45), colour=glass)
    pen.box(0.01, 0.42, 0.99, 0.82, paint, radius=0.12)
    pen.box(0.01, 0.68, 0.99, 0.82, dark, radius=0.10)
    pen.box(0.93, 0.50, 0.99, 0.60, _LAMP, radius=0.03)
    pen.box(0.01, 0.50, 0.05, 0.60, _TAIL_LAMP, radius=0.03)
    radius = chance.uniform(0.16, 0.19)
    for x in (chance.uniform(0.19, 0.25), chance.uniform(0.76, 0.82)):
        pen.wheel(x, 0.99 - radius, radius, _TYRE)
        pen.wheel(x, 0.99 - radius, radius * 0.5, (176, 178, 184))


def _car_end(pen: Pen, chance: Random) -> None:
    """Draw its front or rear, in the middle of a box that is made for a side."""
    paint, glass, is_front = _paint(chance), chance.choice(_GLASSES), chance.random() < 0.5
    left, right = 0.5 - 0.30, 0.5 + 0.30
    pen.shape((left + 0.06, 0.46), (left + 0.12, 0.08), (right - 0.12, 0.08), (right - 0.06, 0.46), colour=paint)
    pen.shape((left + 0.09, 0.44), (left + 0.14, 0.15), (right - 0.14, 0.15), (right - 0.09, 0.44), colour=glass)
    for x in (left + 0.02, right - 0.12):
        pen.box(x, 0.70, x + 0.10, 0.99, _TYRE, radius=0.03)
    pen.box(left, 0.42, right, 0.86, paint, radius=0.10)
    lamp = _LAMP if is_front else _TAIL_LAMP
    for x in (left + 0.02, right - 0.12):
        pen.box(x, 0.52, x + 0.10, 0.62, lamp, radius=0.03)
    pen.box(left + 0.03, 0.76, right - 0.03, 0.86, shade(paint, 0.6), radius=0.03)
    pen.box(0.44, 0.68, 0.56, 0.76, _PLATE)


def truck(pen: Pen, chance: Random) -> None:
    """Draw a lorry with a box behind its cab, or a pick-up's big brother from the front."""
    cab, load = _paint(chance), chance.choice(((236, 236, 232), (206, 208, 210), _any_colour(chance)))
    glass, radius = chance.choice(_GLASSES), chance.uniform(0.11, 0.14)
    if chance.random() < 0.2:
        pen.box(0.24, 0.02, 0.76, 0.80, load, radius=0.01)
        pen.box(0.28, 0.30, 0.72, 0.88, cab, radius=0.04)
        pen.box(0.32, 0.36, 0.68, 0.56, glass, radius=0.02)
        pen.box(0.36, 0.64, 0.64, 0.74, shade(cab, 0.5))
        for x in (0.29, 0.63):
            pen.box(x, 0.66, x + 0.08, 0.74, _LAMP)
            pen.box(x, 0.84, x + 0.08, 0.99, _TYRE, radius=0.02)
        return
    edge, low = chance.uniform(0.66, 0.74), chance.uniform(0.26, 0.40)
    pen.box(0.0, 0.80, 0.98, 0.88, (48, 50, 54))
    pen.box(0.0, chance.uniform(0.0, 0.08), edge, 0.80, load, radius=0.01)
    for each in range(1, chance.randrange(2, 6)):
        pen.box(edge * each / 6, 0.10, edge * each / 6 + 0.006, 0.78, shade(load, 0.85))
    if chance.random() < 0.5:
        pen.box(0.06, 0.30, edge - 0.08, 0.46, _any_colour(chance))
    pen.shape((edge + 0.02, 0.86), (edge + 0.02, low), (0.92, low), (0.99, 0.58), (0.99, 0.86), colour=cab)
    pen.shape((edge + 0.08, 0.54), (edge + 0.08, low + 0.05), (0.91, low + 0.05), (0.96, 0.54), colour=glass)
    pen.box(0.95, 0.66, 0.99, 0.73, _LAMP)
    for x in (0.13, 0.13 + chance.uniform(0.13, 0.2), 0.84):
        pen.wheel(x, 0.99 - radius, radius, _TYRE)
        pen.wheel(x, 0.99 - radius, radius * 0.45, (150, 152, 156))


def _animal(pen: Pen, chance: Random, fur: Colour, tail: float) -> None:
    stride, leg = chance.uniform(-1, 1), chance.uniform(0.08, 0.12)
    for x, swing in ((0.26, -stride), (0.70, stride)):
        pen.line((x, 0.60), (x + 0.07 * swing, 0.97), colour=shade(fur, 0.78), width=leg)
    pen.line((0.14, 0.42), (0.04, tail), colour=fur, width=0.08)
    pen.oval(0.10, chance.uniform(0.28, 0.34), 0.80, chance.uniform(0.68, 0.76), fur)
    for x, swing in ((0.32, stride), (0.64, -stride)):
        pen.line((x, 0.60), (x + 0.07 * swing, 0.97), colour=fur, width=leg)
    pen.oval(0.66, 0.12, 0.94, 0.52, fur)
    pen.oval(0.86, 0.20, 0.90, 0.27, (24, 24, 26))


def dog(pen: Pen, chance: Random) -> None:
    """Draw a dog: a muzzle and a hanging or pointed ear tell it from a cat."""
    fur = chance.choice(_FURS)
    _animal(pen, chance, fur, chance.uniform(0.08, 0.40))
    pen.box(0.84, 0.28, 1.0, chance.uniform(0.40, 0.46), shade(fur, 0.8), radius=0.06)
    pen.oval(0.96, 0.28, 1.0, 0.34, (24, 22, 22))
    if chance.random() < 0.7:
        pen.oval(0.66, 0.14, 0.76, 0.48, shade(fur, 0.68))
    else:
        pen.shape((0.68, 0.22), (0.70, 0.02), (0.79, 0.16), colour=shade(fur, 0.7))
    if chance.random() < 0.3:
        pen.oval(0.30, 0.36, 0.52, 0.62, shade(fur, chance.choice((0.6, 1.5))))


def cat(pen: Pen, chance: Random) -> None:
    """Draw a cat, which is not to be found: it teaches what a dog is not."""
    fur = chance.choice(_CAT_FURS)
    _animal(pen, chance, fur, 0.0)
    pen.shape((0.69, 0.22), (0.70, 0.0), (0.79, 0.15), colour=fur)
    pen.shape((0.82, 0.15), (0.91, 0.0), (0.92, 0.22), colour=fur)


FIGURES: dict[str, tuple[Callable[[Pen, Random], None], float, float]] = {
    "person": (person, 1.0, 0.44),
    "car": (car, 0.86, 1.95),
    "truck": (truck, 1.55, 1.75),
    "dog": (dog, 0.44, 1.35),
    "cat": (cat, 0.28, 1.4),
}
"""How each is drawn, its height as a multiple of a person's, and its width as a multiple of its height."""
