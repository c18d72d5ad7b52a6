"""Follows objects from frame to frame: which box is the same object as one of a frame before.

Greedy, by how far the middle of the bottom edge has moved in sizes of the box, and by how much its size has changed. A camera's
dozen objects need no motion model; what two objects of one label that cross do to each other is accepted.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, replace
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from vms_bridge.detect.values import Box, Found

_EDGE = 0.005
"""A box that comes closer than this to the picture's edge may go on beyond it."""
_SMALLEST = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRules:
    """What is taken for the same object.

    `farthest`: how far one may have come between two frames, in sizes of its box; sizes that differ count as distance too.
    `lost_s`: an object that was not seen for so long is gone, and whatever comes is another one. `most`: so many are followed
    at a time. `scores`: an object's score is the median of so many. `same`: labels that a model takes for each other.
    """

    farthest: float = 2.0
    lost_s: float = 5.0
    most: int = 100
    scores: int = 10
    same: tuple[frozenset[str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The frame in which an object shows best."""

    time_s: float
    found: Found
    rank: tuple[bool, bool, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """What is known of an object: since when and until when it was seen, its median score, and where it shows best."""

    id: str
    label: str
    first_s: float
    last_s: float
    seen: int
    score: float
    box: Box
    best: Best


@dataclass(slots=True, kw_only=True, eq=False)
class _Followed:
    """An object that is followed now."""

    id: str
    group: object
    first_s: float
    last_s: float
    found: Found
    best: Best
    scores: deque[float]
    seen: int = 1
    labels: dict[str, int] = field(default_factory=dict)


class Tracker:
    """Gives the objects of one camera, or of one event, their ids: texts that begin with `prefix`, none of which comes twice.

    Whatever the order of the boxes within a frame, the same objects get the same ids.
    """

    def __init__(self, rules: TrackRules | None = None, *, prefix: str = "") -> None:
        self._rules = rules or TrackRules()
        self._prefix = prefix
        self._followed: list[_Followed] = []
        self._last: tuple[Found, ...] = ()
        self._time_s = -math.inf
        self._given = 0

    def update(self, time_s: float, found: Sequence[Found]) -> tuple[Found, ...]:
        """Return what was found in the next frame, in the same order, each with the id of its track.

        One that has none is one too many. A time before that of an earlier frame counts as that frame's.
        """
        self._advance(time_s)
        tracked: list[Found] = list(found)
        free = set(range(len(found)))
        taken: set[str] = set()
        for _, followed, place in sorted(self._near(found), key=lambda each: each[0]):
            if place in free and followed.id not in taken:
                free.discard(place)
                taken.add(followed.id)
                self._see(followed, found[place])
                tracked[place] = replace(found[place], track=followed.id)
        for place in sorted(free, key=lambda each: _order(found[each])):
            new = self._begin(found[place], taken)
            if new is not None:
                taken.add(new)
            tracked[place] = replace(found[place], track=new)
        self._last = tuple(tracked)
        return self._last

    def still(self, time_s: float) -> tuple[Found, ...]:
        """Return what was found in the frame before once more: nothing has moved since, so it was not looked at."""
        self._advance(time_s)
        seen = {one.track for one in self._last}
        for followed in self._followed:
            if followed.id in seen:
                followed.last_s = self._time_s
        return self._last

    def forget(self) -> None:
        """Follow nothing any more: whatever comes is another one."""
        self._followed, self._last = [], ()

    @property
    def tracks(self) -> tuple[Track, ...]:
        """What is followed now, what has been for longest first."""
        return tuple(map(_track, self._followed))

    def _advance(self, time_s: float) -> None:
        if math.isfinite(time_s):
            self._time_s = max(self._time_s, time_s)
        oldest = self._time_s - self._rules.lost_s
        self._followed = [followed for followed in self._followed if followed.last_s >= oldest]

    def _near(self, found: Sequence[Found]) -> Iterator[tuple[tuple[object, ...], _Followed, int]]:
        """Yield what may belong together, with what is to be preferred first."""
        for place, one in enumerate(found):
            group = _group(one.label, self._rules.same)
            for followed in self._followed:
                if followed.group == group:
                    far = distance(followed.found.box, one.box)
                    if far <= self._rules.farthest:
                        yield (far, -followed.seen, int(followed.id[len(self._prefix) :]), *_order(one)), followed, place

    def _see(self, followed: _Followed, found: Found) -> None:
        followed.last_s, followed.found = self._time_s, found
        followed.seen += 1
        followed.scores.append(found.score)
        followed.labels[found.label] = followed.labels.get(found.label, 0) + 1
        best = Best(time_s=self._time_s, found=found, rank=rank(found))
        if best.rank > followed.best.rank:
            followed.best = best

    def _begin(self, found: Found, taken: Collection[str]) -> str | None:
        """Follow something new, in place of what was not seen for longest where that is too much."""
        if len(self._followed) >= self._rules.most:
            unseen = [followed for followed in self._followed if followed.id not in taken]
            if not unseen:
                return None
            self._followed.remove(min(unseen, key=lambda followed: followed.last_s))
        self._given += 1
        self._followed.append(
            _Followed(
                id=f"{self._prefix}{self._given}",
                group=_group(found.label, self._rules.same),
                first_s=self._time_s,
                last_s=self._time_s,
                found=found,
                best=Best(time_s=self._time_s, found=found, rank=rank(found)),
                scores=deque([found.score], maxlen=self._rules.scores),
                labels={found.label: 1},
            )
        )
        return self._followed[-1].id


def distance(before: Box, now: Box) -> float:
    """Return how far a box has come: sideways and down in its own sizes, and by how much its sizes have changed."""
    width, height = (max(_SMALLEST, (before[side] + now[side]) / 2) for side in (2, 3))
    (from_x, from_y), (to_x, to_y) = foot(before), foot(now)
    across, down = (to_x - from_x) / width, (to_y - from_y) / height
    wider, taller = (_ratio(before[side], now[side]) - 1 for side in (2, 3))
    far = math.hypot(across, down, wider, taller)
    return far if math.isfinite(far) else math.inf


def rank(found: Found) -> tuple[bool, bool, float]:
    """Return how well an object shows: read or recognised before cut off or not, before its score by its size."""
    x, y, width, height = found.box
    is_whole = min(x, y) > _EDGE and max(x + width, y + height) < 1 - _EDGE
    return found.text is not None, is_whole, found.score * math.sqrt(max(0.0, width * height))


def foot(box: Box) -> tuple[float, float]:
    """Return the middle of the bottom edge: where an object stands."""
    return box[0] + box[2] / 2, box[1] + box[3]


def _ratio(one: float, other: float) -> float:
    one, other = max(one, _SMALLEST), max(other, _SMALLEST)
    return max(one, other) / min(one, other)


def _group(label: str, same: Sequence[frozenset[str]]) -> object:
    return next((group for group in same if label in group), label)


def _order(found: Found) -> tuple[object, ...]:
    """Return by what boxes are ordered, whatever order they came in."""
    return -found.score, found.label, found.box


def _track(followed: _Followed) -> Track:
    return Track(
        id=followed.id,
        label=max(followed.labels, key=lambda label: followed.labels[label]),
        first_s=followed.first_s,
        last_s=followed.last_s,
        seen=followed.seen,
        score=median(followed.scores),
        box=followed.found.box,
        best=followed.best,
    )
