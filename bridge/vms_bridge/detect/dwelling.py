"""Zones that objects enter and leave, and those in which one stays too long."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.detect.happenings import Happening, Phase
from vms_bridge.model import EventKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from vms_bridge.detect.values import Found

INERTIA = 3
"""An object has to be in the zone, or out of it, in so many frames in a row."""
GONE_S = 5.0
"""An object that was not seen for so long has left."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DwellRules:
    """What of a zone is told: from when to when something is in it, and what stays for `loitering_s`."""

    zone: str
    tells_presence: bool = True
    loitering_s: float | None = None
    inertia: int = INERTIA
    gone_s: float = GONE_S


@dataclass(slots=True, kw_only=True)
class _Visit:
    """An object in the zone, on its way in, or on its way out."""

    track: str
    label: str
    score: float
    since_s: float
    seen_s: float
    frames: int = 0
    """How many frames in a row say otherwise than `is_in`."""
    is_in: bool = False
    loiters: bool = False


class Dwelling:
    """Watches one zone: an object is in it where its rules have named the zone (`Found.zones`)."""

    def __init__(self, rules: DwellRules) -> None:
        self._rules = rules
        self._visits: dict[str, _Visit] = {}
        self._is_occupied = False

    def update(self, time_s: float, tracked: Sequence[Found]) -> list[Happening]:
        """Return what begins and ends with the next frame, whose objects have their tracks."""
        for one in tracked:
            if one.track is not None:
                self._see(one, one.track, time_s)
        told = [*self._leaving(time_s), *self._loitering(time_s)]
        present = [visit for visit in self._visits.values() if visit.is_in]
        if self._rules.tells_presence and bool(present) != self._is_occupied:
            self._is_occupied = bool(present)
            first = max(present, key=lambda visit: (visit.score, visit.track), default=None)
            told.append(self._happening(EventKind.ZONE, Phase.BEGAN if present else Phase.ENDED, time_s, first))
        return told

    def end(self, time_s: float) -> list[Happening]:
        """Return what ends because nobody looks any more, and begin anew."""
        told = [
            self._happening(EventKind.LOITERING, Phase.ENDED, time_s, visit) for visit in self._visits.values() if visit.loiters
        ]
        if self._is_occupied:
            told.append(self._happening(EventKind.ZONE, Phase.ENDED, time_s, None))
        self._visits, self._is_occupied = {}, False
        return told

    def _see(self, one: Found, track: str, time_s: float) -> None:
        is_in = self._rules.zone in one.zones
        visit = self._visits.get(track)
        if visit is None:
            if not is_in:
                return
            visit = self._visits[track] = _Visit(track=track, label=one.label, score=one.score, since_s=time_s, seen_s=time_s)
        visit.seen_s = time_s
        visit.frames = visit.frames + 1 if is_in != visit.is_in else 0
        if is_in:
            visit.label, visit.score = one.label, one.score
        if visit.frames >= self._rules.inertia:
            visit.is_in, visit.frames = is_in, 0

    def _leaving(self, time_s: float) -> Iterator[Happening]:
        """Let go who has left, and yield what ends by that."""
        for track, visit in list(self._visits.items()):
            is_gone = time_s - visit.seen_s > self._rules.gone_s
            if is_gone or (not visit.is_in and not visit.frames):
                del self._visits[track]
                if visit.loiters:
                    yield self._happening(EventKind.LOITERING, Phase.ENDED, time_s, visit)

    def _loitering(self, time_s: float) -> Iterator[Happening]:
        longest = self._rules.loitering_s
        for visit in self._visits.values():
            if longest is not None and visit.is_in and not visit.loiters and time_s - visit.since_s >= longest:
                visit.loiters = True
                yield self._happening(EventKind.LOITERING, Phase.BEGAN, time_s, visit)

    def _happening(self, kind: EventKind, phase: Phase, time_s: float, visit: _Visit | None) -> Happening:
        zone = self._rules.zone
        of_one = f":{visit.track}" if kind is EventKind.LOITERING and visit is not None else ""
        return Happening(
            kind=kind,
            phase=phase,
            key=f"{kind}:{zone}{of_one}",
            place=zone,
            time_s=time_s,
            label=visit.label if visit is not None else None,
            score=visit.score if visit is not None else None,
            track=visit.track if visit is not None else None,
        )
