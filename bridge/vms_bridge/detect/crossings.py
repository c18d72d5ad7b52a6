"""Lines that objects cross: told once for each time that one has really come to the other side."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from vms_bridge.detect.geometry import side
from vms_bridge.detect.happenings import Direction, Happening, Phase
from vms_bridge.detect.tracks import foot
from vms_bridge.model import EventKind

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from vms_bridge.detect.geometry import Point
    from vms_bridge.detect.values import Found

MARGIN = 0.01
"""So far from the line an object has to be before it is on a side of it, in widths and heights of the picture."""
_LOST_S = 30.0
_MOST_WALKS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line with its corners, in 0..1 of the picture from the top left. `direction`: the only one that is told; None: both."""

    name: str
    points: tuple[Point, ...]
    accepts: Callable[[str], bool] = field(default=lambda _label: True, compare=False)
    direction: Direction | None = None
    margin: float = MARGIN


@dataclass(slots=True, kw_only=True)
class _Walk:
    """Where an object was last, and how often it has crossed the line since it was last on a side: in less out."""

    at: Point
    time_s: float
    crossed: int = 0


class Crossings:
    """Watches one line."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._walks: dict[str, _Walk] = {}

    def update(self, time_s: float, tracked: Sequence[Found]) -> list[Happening]:
        """Return what crosses the line in the next frame, whose objects have their tracks."""
        told: list[Happening] = []
        for one in tracked:
            if one.track is None or not self._line.accepts(one.label):
                continue
            direction = self._step(one.track, foot(one.box), time_s)
            if direction is not None and self._line.direction in {None, direction}:
                told.append(
                    Happening(
                        kind=EventKind.LINE_CROSSING,
                        phase=Phase.MOMENT,
                        key=f"line:{self._line.name}:{one.track}",
                        place=self._line.name,
                        time_s=time_s,
                        label=one.label,
                        score=one.score,
                        track=one.track,
                        direction=direction,
                    )
                )
        if len(self._walks) > _MOST_WALKS or any(time_s - walk.time_s > _LOST_S for walk in self._walks.values()):
            lasting = [each for each in self._walks.items() if time_s - each[1].time_s <= _LOST_S]
            self._walks = dict(sorted(lasting, key=lambda each: each[1].time_s)[-_MOST_WALKS:])
        return told

    def end(self, _time_s: float) -> list[Happening]:
        """Forget who was where; nothing goes on."""
        self._walks.clear()
        return []

    def _step(self, track: str, now: Point, time_s: float) -> Direction | None:
        """Note where an object is; return how it has crossed the line, once it is on the other side."""
        walk = self._walks.setdefault(track, _Walk(at=now, time_s=time_s))
        walk.crossed += crossed(self._line.points, walk.at, now)
        walk.at, walk.time_s = now, time_s
        if away(self._line.points, now) < self._line.margin:
            return None
        net, walk.crossed = walk.crossed, 0
        return None if net == 0 else Direction.IN if net > 0 else Direction.OUT


def crossed(line: Sequence[Point], before: Point, now: Point) -> int:
    """Return how often a straight step crosses the line from left to right, less how often from right to left.

    What is exactly on the line counts as right of it, so the sum over steps depends on where they lead only.
    """
    net = 0
    for first, last in pairwise(line):
        was, is_now = side(first, last, before) >= 0, side(first, last, now) >= 0
        if was == is_now:
            continue
        left, right = (before, now) if is_now else (now, before)  # so that a step back undoes the step, at the ends too
        if (side(left, right, first) >= 0) != (side(left, right, last) >= 0):
            net += 1 if is_now else -1
    return net


def away(line: Sequence[Point], point: Point) -> float:
    """Return how far the point is from the line."""
    return min(_from_segment(first, last, point) for first, last in pairwise(line))


def _from_segment(first: Point, last: Point, point: Point) -> float:
    along = last[0] - first[0], last[1] - first[1]
    length = along[0] ** 2 + along[1] ** 2
    to = point[0] - first[0], point[1] - first[1]
    share = 0.0 if length == 0 else max(0.0, min(1.0, (to[0] * along[0] + to[1] * along[1]) / length))
    return math.hypot(to[0] - share * along[0], to[1] - share * along[1])
