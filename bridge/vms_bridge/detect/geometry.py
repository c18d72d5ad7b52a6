"""Plane geometry in plain Python: areas of polygons, and how much of a box is in one.

Points are pairs in any one unit, boxes x, y, width and height. A polygon is the list of its corners in either direction, and
crosses itself nowhere (`is_simple`); it may be concave.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import isfinite
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vms_bridge.detect.values import Box

Point = tuple[float, float]
Polygon = Sequence[Point]
MOST_POINTS = 128
_FLAT = 1e-9


def area(polygon: Polygon) -> float:
    """Return the area of a polygon."""
    return abs(_signed(polygon))


def _signed(polygon: Polygon) -> float:
    if len(polygon) < 3:
        return 0.0
    return sum(x1 * y2 - x2 * y1 for (x1, y1), (x2, y2) in _edges(polygon)) / 2


def _edges(polygon: Polygon) -> list[tuple[Point, Point]]:
    return list(pairwise((*polygon, polygon[0])))


def fault(polygon: Polygon) -> str | None:
    """Return why these corners of 0..1 make no area that something can be in, None where they do."""
    if len(polygon) > MOST_POINTS:
        return f"has more than {MOST_POINTS} corners"
    if not all(isfinite(value) for point in polygon for value in point):
        return "has a corner that is no number"
    if len(set(polygon)) < 3:
        return "has fewer than three different corners"
    if area(polygon) < _FLAT:
        return "has its corners on one line, and so no area"
    if not is_simple(polygon):
        return "has sides that cross each other"
    return None


def is_simple(polygon: Polygon) -> bool:
    """Say whether no side crosses another; to touch is no crossing."""
    edges = [edge for edge in _edges(polygon) if edge[0] != edge[1]]
    return not any(_cross(one, other) for at, one in enumerate(edges) for other in edges[at + 1 :])


def _cross(one: tuple[Point, Point], other: tuple[Point, Point]) -> bool:
    """Say whether two lines go through each other, at a point that is the end of neither."""
    return side(*one, other[0]) * side(*one, other[1]) < 0 and side(*other, one[0]) * side(*other, one[1]) < 0


def side(begin: Point, end: Point, point: Point) -> float:
    """Return more than 0 where the point is to the right of who walks from begin to end (y grows downwards), less to the left."""
    return (end[0] - begin[0]) * (point[1] - begin[1]) - (end[1] - begin[1]) * (point[0] - begin[0])


def contains(polygon: Polygon, point: Point) -> bool:
    """Say whether a point is in the polygon, or on its border."""
    x, y = point
    is_inside = False
    for (x1, y1), (x2, y2) in _edges(polygon):
        if side((x1, y1), (x2, y2), point) == 0 and min(x1, x2) <= x <= max(x1, x2) and min(y1, y2) <= y <= max(y1, y2):
            return True
        if (y1 > y) != (y2 > y) and x < x1 + (x2 - x1) * (y - y1) / (y2 - y1):
            is_inside = not is_inside
    return is_inside


def shared(polygon: Polygon, box: Box) -> float:
    """Return the area that a polygon and a box have in common."""
    left, top, width, height = box
    if width <= 0 or height <= 0:
        return 0.0
    corners = list(polygon)
    for axis, limit, sign in ((0, left, 1), (0, left + width, -1), (1, top, 1), (1, top + height, -1)):
        corners = _clipped(corners, axis, limit, sign)
        if not corners:
            return 0.0
    # Where a concave polygon falls apart, the parts hang together by borders of no area: the sum stays right.
    return min(area(corners), width * height)


def _clipped(polygon: list[Point], axis: int, limit: float, sign: int) -> list[Point]:
    """Return the part of a polygon on one side of a line across the axis: of larger coordinates where the sign is 1."""
    kept: list[Point] = []
    for begin, end in _edges(polygon):
        before, after = sign * (begin[axis] - limit), sign * (end[axis] - limit)
        if before >= 0:
            kept.append(begin)
        if before * after < 0:
            part = before / (before - after)
            across = begin[1 - axis] + (end[1 - axis] - begin[1 - axis]) * part
            kept.append((limit, across) if axis == 0 else (across, limit))
    return kept


def overlap(one: Box, other: Box) -> float:
    """Return the area that two boxes share as a part of what they cover together (IoU), 0..1."""
    width = min(one[0] + one[2], other[0] + other[2]) - max(one[0], other[0])
    height = min(one[1] + one[3], other[1] + other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    common = width * height
    together = one[2] * one[3] + other[2] * other[3] - common
    return min(common / together, 1.0) if together > 0 else 0.0
