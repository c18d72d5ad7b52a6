"""What rules see happen in front of a camera, as far as it is an event: it happens at a moment, or begins and ends."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vms_bridge.model import EventKind


class Phase(StrEnum):
    """What of it is told."""

    MOMENT = "moment"
    """It happens now, and is over."""
    BEGAN = "began"
    ENDED = "ended"


class Direction(StrEnum):
    """How a line is crossed, seen from its first point to its last: `in` is from its left to its right."""

    IN = "in"
    OUT = "out"


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that happens; `key` names it within its camera for as long as it lasts, so that its end finds its beginning.

    `place` is the name of the zone, or of the line. `track` is the object's, where it is about one.
    """

    kind: EventKind
    phase: Phase
    key: str
    place: str
    time_s: float
    label: str | None = None
    score: float | None = None
    track: str | None = None
    direction: Direction | None = None
