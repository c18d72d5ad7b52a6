"""Objects before the cameras, as sinks see them: what is looked for, how many there are, and what came into sight last."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

MOST_WATCHED = 200
"""How many things one contributor can look for at a monitor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectCounts:
    """How many objects there are, by label: at the monitor, and in each of its zones where there are any, by its id."""

    labels: Mapping[str, int] = field(default_factory=dict)
    zones: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class Watched:
    """What somebody looks for at a monitor: objects with this label, in this zone (empty: in all of the picture)."""

    label: str
    zone: str = ""

    @property
    def id(self) -> str:
        """What tells it from all others of its monitor, and is in no name; its key is made of it."""
        return f"{self.zone}\n{self.label}" if self.zone else self.label

    @property
    def name(self) -> str:
        """What people call it."""
        words = f"{self.zone} {self.label}" if self.zone else self.label
        return words[:1].upper() + words[1:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How somebody has looked at a monitor in the last minute."""

    rate: float
    """Pictures a second that were looked at."""
    took_s: float | None
    """How long models took for a picture; None: they looked at none."""
    age_s: float | None
    """How old a picture was when it was known what is in it."""
    dropped: int
    """How many made room for newer ones, unseen."""
    share: float
    """Of the time, how much models were at work for this monitor; more than 1 where several were at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What came into sight last: when, and its labels."""

    time: datetime
    labels: tuple[str, ...]
