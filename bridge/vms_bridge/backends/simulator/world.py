"""What happens in front of the simulated cameras, as a pure function of seed, camera and time.

Each camera's time is cut into slots; most slots have one visit, whose random numbers come from seed, camera and slot
alone. So the past can be asked at any time, which is what catching up and pictures of old events rest on.
Times are Unix seconds.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

from vms_bridge.backends.simulator.places import PLACES, Place, Point, contains

_SLOT_S = 30.0
_LONGEST_S = 14.0
_HOLD_S = 3.0
_SHARE_WITH_VISIT = 0.8
COLOURS = ("#b23a48", "#2a6f97", "#e09f3e", "#386641", "#6d597a", "#3d405b")
SHAPES = {"person": (0.44, 0.42), "car": (0.40, 1.9), "dog": (0.20, 1.35), "cat": (0.13, 1.4)}
"""Height of each label at the bottom of the picture, and its width as a multiple of that."""
_LEAST_VISIBLE = 0.15
_STEPS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Somebody on a visit; `delay` is the part of the visit by which they follow the first."""

    label: str
    colour: str
    score: float
    points: tuple[Point, ...]
    delay: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """An actor as seen at one moment; `box` as in `DetectedObject`."""

    label: str
    colour: str
    score: float
    box: tuple[float, float, float, float]
    zones: tuple[str, ...]
    stride: float
    to_left: bool
    track: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """What happens in one slot; `entered` has each zone with the time of its first visitor, in that order.

    `alarm_start` and `alarm_end` are None where nobody enters any.
    """

    camera: int
    slot: int
    start: float
    end: float
    over: float
    hold_s: float
    actors: tuple[Actor, ...]
    alarm_start: float | None = None
    alarm_end: float | None = None
    entered: tuple[tuple[str, float], ...] = ()
    labels: tuple[str, ...] = ()
    score: float = 0.0
    best: float = 0.0


class World:
    """All that happens; cameras are numbered from 1."""

    def __init__(self, *, seed: int, pace: float, epoch: float) -> None:
        self.epoch = epoch
        self.slot_s = _SLOT_S / pace
        self.section_s = 2 * self.slot_s
        self._seed = seed
        # a camera asks for the same slot many times over; this bounds what is remembered to all cameras and some more
        self._cached_visit = lru_cache(maxsize=8_192)(self._visit)

    def place(self, camera: int) -> Place:
        """Return what the camera looks at."""
        return PLACES[(camera - 1) % len(PLACES)]

    def slot_at(self, camera: int, time: float) -> int:
        """Return the number of the slot that the time is in."""
        return math.floor((time - self._first(camera)) / self.slot_s)

    def slot_end(self, camera: int, slot: int) -> float:
        """Return when the slot ends."""
        return self._first(camera) + (slot + 1) * self.slot_s

    def visit(self, camera: int, slot: int) -> Visit | None:
        """Return what happens in a slot, None where nothing does."""
        return self._cached_visit(camera, slot) if slot >= 0 else None

    def visit_at(self, camera: int, time: float) -> Visit | None:
        """Return what happens in the slot that the time is in."""
        return self.visit(camera, self.slot_at(camera, time))

    def sightings(self, visit: Visit | None, time: float) -> tuple[Sighting, ...]:
        """Return who is in the picture at that time."""
        if visit is None or not visit.start <= time <= visit.end:
            return ()
        seen = (self._sighting(visit, index, time) for index in range(len(visit.actors)))
        return tuple(sighting for sighting in seen if sighting is not None)

    def _first(self, camera: int) -> float:
        # each camera's slots begin at another moment, so that not everything happens at once
        return self.epoch - crc32(f"{self._seed}/{camera}".encode()) / 2**32 * self.slot_s

    def _visit(self, camera: int, slot: int) -> Visit | None:
        chance = random.Random(f"{self._seed}/{camera}/{slot}")  # noqa: S311  # a world, not a secret
        if chance.random() > _SHARE_WITH_VISIT:
            return None
        way = chance.choice(self.place(camera).ways)
        lasts_s = min(_LONGEST_S, self.slot_s * chance.uniform(0.3, 0.45))
        hold_s = min(_HOLD_S, self.slot_s * 0.1)
        start = self.slot_end(camera, slot - 1) + chance.uniform(0.02, 0.8) * (self.slot_s * 0.85 - hold_s - lasts_s)
        points = way.points if chance.random() < 0.7 else way.points[::-1]
        actors = tuple(
            Actor(
                label=label,
                colour=chance.choice(COLOURS),
                score=round(chance.uniform(0.72, 0.97), 2),
                points=points,
                delay=0.06 * index,
            )
            for index, label in enumerate(way.labels)
        )
        visit = Visit(
            camera=camera,
            slot=slot,
            start=start,
            end=start + lasts_s,
            over=self.slot_end(camera, slot),
            hold_s=hold_s,
            actors=actors,
        )
        return self._with_alarm(visit)

    def _with_alarm(self, visit: Visit) -> Visit:
        """Walk through the visit in small steps and note when somebody is in a zone, and who."""
        zones: dict[str, float] = {}
        inside: list[tuple[float, float]] = []
        for step in range(_STEPS + 1):
            time = visit.start + (visit.end - visit.start) * step / _STEPS
            size = 0.0
            for actor in visit.actors:
                at = _position(visit, actor, time)
                entered = _zones_at(self.place(visit.camera), at[0]) if at is not None else ()
                if at is not None and entered:
                    zones = dict.fromkeys(entered, time) | zones
                    size += _height(actor, at[0][1])
            if size:
                inside.append((size, time))
        if not inside:
            return visit
        by_score = sorted({(actor.score, actor.label) for actor in visit.actors}, reverse=True)
        return Visit(
            camera=visit.camera,
            slot=visit.slot,
            start=visit.start,
            end=visit.end,
            over=visit.over,
            hold_s=visit.hold_s,
            actors=visit.actors,
            alarm_start=inside[0][1],
            alarm_end=inside[-1][1],
            entered=tuple(sorted(zones.items(), key=lambda item: item[1])),
            labels=tuple(dict.fromkeys(label for _, label in by_score)),
            score=by_score[0][0],
            best=max(inside)[1],
        )

    def _sighting(self, visit: Visit, index: int, time: float) -> Sighting | None:
        actor = visit.actors[index]
        at = _position(visit, actor, time)
        if at is None:
            return None
        (x, y), to_left = at
        height = _height(actor, y)
        width = height * SHAPES[actor.label][1] * 9 / 16
        left, top = max(0.0, x - width / 2), max(0.0, y - height)
        right, bottom = min(1.0, x + width / 2), min(1.0, y)
        if (right - left) * (bottom - top) < _LEAST_VISIBLE * width * height or right <= left or bottom <= top:
            return None
        return Sighting(
            label=actor.label,
            colour=actor.colour,
            score=round(actor.score - 0.02 * (1 + math.sin(time * 3)), 2),
            box=(round(left, 4), round(top, 4), round(right - left, 4), round(bottom - top, 4)),
            zones=_zones_at(self.place(visit.camera), (x, y)),
            stride=math.sin(time * 7),
            to_left=to_left,
            track=f"{visit.slot}.{index + 1}",
        )


def _position(visit: Visit, actor: Actor, time: float) -> tuple[Point, bool] | None:
    """Return where the actor touches the ground, and whether they walk to the left; None before and after."""
    progress = (time - visit.start) / (visit.end - visit.start) / 0.9 - actor.delay
    return _along(actor.points, progress) if 0 <= progress <= 1 else None


def _height(actor: Actor, y: float) -> float:
    """Return the height in the picture, which grows towards its bottom."""
    return SHAPES[actor.label][0] * (0.25 + 0.75 * y)


def _zones_at(place: Place, at: Point) -> tuple[str, ...]:
    x, y = at
    return tuple(zone.id for zone in place.zones if contains(zone.points, (x, min(y, 0.999))))


def _along(points: tuple[Point, ...], progress: float) -> tuple[Point, bool]:
    """Return the point after that part of the way, and whether it leads to the left there."""
    legs = len(points) - 1
    leg = min(int(progress * legs), legs - 1)
    (x1, y1), (x2, y2) = points[leg], points[leg + 1]
    share = progress * legs - leg
    return (x1 + (x2 - x1) * share, y1 + (y2 - y1) * share), x2 < x1
