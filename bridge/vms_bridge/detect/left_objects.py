"""Objects that somebody leaves behind, and objects that were there and go: by the places at which something stands still.

A place is known by its box, and not by a track: what stands still for hours is missed in many a frame, and is the same
object all the same. Whoever stands beside it has not left it, and may hide it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.detect.geometry import overlap
from vms_bridge.detect.happenings import Happening, Phase
from vms_bridge.detect.tracks import foot
from vms_bridge.model import EventKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vms_bridge.detect.values import Box, Found

LEFT_LABELS = ("backpack", "suitcase", "handbag", "package")
_SAME = 0.5
"""Boxes of which the common part is so much of both together are one object's, standing still."""
_SETTLED_S = 5.0
"""What is there within so long after the beginning was there before."""
_GONE_S = 10.0
_MOST = 100
_REACH = 1.0
"""A person is near within so many of their own heights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftRules:
    """What of a zone is told: what lies alone in it for `left_s`, what stood in it for `stood_s` and is gone for `removed_s`."""

    zone: str
    left_s: float | None = None
    removed_s: float | None = None
    stood_s: float = 30.0
    accepts: Callable[[str], bool] = field(default=LEFT_LABELS.__contains__, compare=False)
    is_person: Callable[[str], bool] = field(default="person".__eq__, compare=False)


@dataclass(slots=True, kw_only=True, eq=False)
class _Place:
    """Where an object stands still: since when, since when alone, and since when it is missed though nobody hides it."""

    number: int
    label: str
    score: float
    box: Box
    since_s: float
    alone_s: float
    was_there: bool
    track: str | None = None
    missed_s: float | None = None
    is_told: bool = False


class LeftObjects:
    """Watches one zone: what is in it has it among its zones (`Found.zones`)."""

    def __init__(self, rules: LeftRules) -> None:
        self._rules = rules
        self._places: list[_Place] = []
        self._began_s: float | None = None
        self._given = 0

    def update(self, time_s: float, tracked: Sequence[Found]) -> list[Happening]:
        """Return what begins, happens and ends with the next frame."""
        if self._began_s is None:
            self._began_s = time_s
        people = [one.box for one in tracked if self._rules.is_person(one.label)]
        things = [one for one in tracked if self._rules.zone in one.zones and self._rules.accepts(one.label)]
        seen = self._see(things, time_s)
        told: list[Happening] = []
        for place in list(self._places):
            if any(is_near(person, place.box) for person in people):
                place.alone_s, place.missed_s = time_s, None
            elif place.number in seen:
                place.missed_s = None
                told += self._left(place, time_s)
            else:
                told += self._missed(place, time_s)
        return told

    def end(self, time_s: float) -> list[Happening]:
        """Return what ends because nobody looks any more, and begin anew: then all that is there was there before."""
        told = [
            self._happening(EventKind.ABANDONED_OBJECT, Phase.ENDED, place, time_s) for place in self._places if place.is_told
        ]
        self._places, self._began_s = [], None
        return told

    def _see(self, things: Sequence[Found], time_s: float) -> set[int]:
        """Return the places at which something is; what stands at none of them has a new one."""
        pairs = sorted(
            (
                (-share, place.number, one.box, at, place)
                for at, one in enumerate(things)
                for place in self._places
                if place.label == one.label and (share := overlap(place.box, one.box)) >= _SAME
            ),
            key=lambda pair: pair[:3],
        )
        seen: set[int] = set()
        placed: set[int] = set()
        for _, number, _, at, place in pairs:
            if number not in seen and at not in placed:
                seen.add(number)
                placed.add(at)
                place.score, place.track = max(place.score, things[at].score), things[at].track
        for one in sorted((one for at, one in enumerate(things) if at not in placed), key=lambda one: (-one.score, one.box)):
            if len(self._places) >= _MOST:
                break
            seen.add(self._begin(one, time_s))
        return seen

    def _begin(self, one: Found, time_s: float) -> int:
        self._given += 1
        began_s = time_s if self._began_s is None else self._began_s
        self._places.append(
            _Place(
                number=self._given,
                label=one.label,
                score=one.score,
                box=one.box,
                since_s=time_s,
                alone_s=time_s,
                was_there=time_s - began_s <= _SETTLED_S,
                track=one.track,
            )
        )
        return self._given

    def _left(self, place: _Place, time_s: float) -> Iterator[Happening]:
        least = self._rules.left_s
        if least is not None and not (place.is_told or place.was_there) and time_s - place.alone_s >= least:
            place.is_told = True
            yield self._happening(EventKind.ABANDONED_OBJECT, Phase.BEGAN, place, time_s)

    def _missed(self, place: _Place, time_s: float) -> Iterator[Happening]:
        if place.missed_s is None:
            place.missed_s = time_s
        gone_s = _GONE_S if self._rules.removed_s is None else self._rules.removed_s
        if time_s - place.missed_s < gone_s:
            return
        self._places.remove(place)
        if place.is_told:
            yield self._happening(EventKind.ABANDONED_OBJECT, Phase.ENDED, place, time_s)
        elif self._rules.removed_s is not None and place.missed_s - place.since_s >= self._rules.stood_s:
            yield self._happening(EventKind.REMOVED_OBJECT, Phase.MOMENT, place, time_s)

    def _happening(self, kind: EventKind, phase: Phase, place: _Place, time_s: float) -> Happening:
        return Happening(
            kind=kind,
            phase=phase,
            key=f"{kind}:{self._rules.zone}:{place.number}",
            place=self._rules.zone,
            time_s=time_s,
            label=place.label,
            score=place.score,
            track=place.track,
        )


def is_near(person: Box, thing: Box) -> bool:
    """Say whether a person stands near an object, or before it."""
    if overlap(person, thing) > 0:
        return True
    stands, lies = foot(person), foot(thing)
    return math.dist(stands, lies) <= _REACH * person[3] + thing[2] / 2
