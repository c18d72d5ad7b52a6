"""The places that simulated cameras look at: their zones, and the ways that visitors take through them.

Coordinates are 0..1 from the top left, and those of a way are where feet or wheels touch the ground.
"""

from __future__ import annotations

from dataclasses import dataclass

from vms_bridge.model import Zone

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A path through a place, for visitors with one of these labels; each leg takes the same time."""

    labels: tuple[str, ...]
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One kind of scene."""

    name: str
    zones: tuple[Zone, ...]
    ways: tuple[Way, ...]


PLACES = (
    Place(
        name="Driveway",
        zones=(
            Zone(id="1", name="Entrance", points=((0.34, 0.56), (0.60, 0.56), (0.86, 1.0), (0.20, 1.0))),
            Zone(id="2", name="Garage", points=((0.34, 0.48), (0.60, 0.48), (0.62, 0.60), (0.31, 0.60))),
        ),
        ways=(
            Way(labels=("car",), points=((1.15, 0.86), (0.70, 0.84), (0.52, 0.66), (0.50, 0.62), (0.50, 0.62))),
            Way(labels=("person",), points=((-0.08, 0.94), (0.38, 0.84), (0.45, 0.62), (0.70, 0.56), (0.74, 0.55))),
            Way(labels=("person", "dog"), points=((1.08, 0.93), (0.65, 0.86), (0.35, 0.90), (-0.10, 0.97))),
            Way(labels=("cat",), points=((0.02, 0.66), (0.42, 0.70), (0.80, 0.62), (1.05, 0.64))),
            Way(labels=("car",), points=((-0.25, 0.50), (0.10, 0.50), (0.12, 0.50), (-0.25, 0.50))),
        ),
    ),
    Place(
        name="Front door",
        zones=(
            Zone(id="1", name="Porch", points=((0.34, 0.62), (0.66, 0.62), (0.72, 0.80), (0.28, 0.80))),
            Zone(id="2", name="Path", points=((0.30, 0.80), (0.70, 0.80), (0.80, 1.0), (0.20, 1.0))),
        ),
        ways=(
            Way(labels=("person",), points=((0.20, 1.25), (0.42, 0.90), (0.50, 0.70), (0.50, 0.70), (0.60, 0.92), (0.85, 1.25))),
            Way(labels=("person", "dog"), points=((0.85, 1.25), (0.58, 0.88), (0.52, 0.72), (0.52, 0.72), (0.30, 1.25))),
            Way(labels=("cat",), points=((-0.06, 0.78), (0.30, 0.74), (0.60, 0.70), (1.06, 0.76))),
            Way(labels=("dog",), points=((1.08, 0.90), (0.62, 0.86), (0.40, 0.92), (-0.08, 0.96))),
        ),
    ),
    Place(
        name="Garden",
        zones=(
            Zone(id="1", name="Lawn", points=((0.04, 0.62), (0.96, 0.62), (1.0, 1.0), (0.0, 1.0))),
            Zone(id="2", name="Shed", points=((0.66, 0.50), (0.94, 0.50), (0.96, 0.66), (0.64, 0.66))),
        ),
        ways=(
            Way(labels=("dog",), points=((-0.08, 0.80), (0.40, 0.72), (0.62, 0.90), (0.20, 0.94), (-0.10, 0.86))),
            Way(labels=("cat",), points=((1.05, 0.58), (0.80, 0.60), (0.50, 0.76), (-0.05, 0.70))),
            Way(labels=("person",), points=((-0.06, 0.90), (0.40, 0.80), (0.78, 0.62), (0.78, 0.62), (1.06, 0.74))),
            Way(labels=("person", "dog"), points=((1.08, 0.88), (0.60, 0.78), (0.30, 0.86), (-0.10, 0.80))),
        ),
    ),
)


def contains(points: tuple[Point, ...], at: Point) -> bool:
    """Say whether the polygon contains the point, by counting the edges to its right."""
    x, y = at
    inside = False
    for (x1, y1), (x2, y2) in zip(points, points[1:] + points[:1], strict=True):
        if (y1 > y) != (y2 > y) and x < x1 + (y - y1) / (y2 - y1) * (x2 - x1):
            inside = not inside
    return inside
