"""The simulator's clips: one for each way through each place, and one of each place with nobody there.

They were drawn once (`scripts/draw-clips`) and are files of this package: a clip shows what an event of its kind looks like, not
the event itself, whose colours, times and direction are its own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from vms_bridge.backends.simulator.places import PLACES

if TYPE_CHECKING:
    from vms_bridge.backends.simulator.places import Place
    from vms_bridge.backends.simulator.world import Visit

FOLDER = Path(__file__).parent / "clips"
CONTENT_TYPE = "video/mp4"


def clip_name(place: Place, number: int) -> str:
    """Return the name of the clip of that way through the place, from 1; 0: with nobody there."""
    return f"{place.name.lower().replace(' ', '-')}-{number}.mp4"


def all_names() -> list[str]:
    """Return the names of all clips."""
    return [clip_name(place, number) for place in PLACES for number in range(len(place.ways) + 1)]


def clip_of(place: Place, visit: Visit | None) -> Path:
    """Return the clip that shows what somebody does who visits so; None: nobody does."""
    return FOLDER / clip_name(place, 0 if visit is None else _way(place, visit))


def _way(place: Place, visit: Visit) -> int:
    points, labels = visit.actors[0].points, tuple(actor.label for actor in visit.actors)
    ways = enumerate(place.ways, 1)
    return next(number for number, way in ways if way.labels == labels and points in {way.points, way.points[::-1]})
