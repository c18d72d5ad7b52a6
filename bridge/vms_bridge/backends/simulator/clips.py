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
    from vms_bridge.backends.simulator.world import Visit, World

QUIET_S, VISIT_S = 4.0, 8.0
"""How long a clip lasts: with nobody there, with somebody."""
_PROGRAMME_S = 3_600.0
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


def programme(world: World, camera: int, start: float) -> list[Path]:
    """Return the clips of the next hour from then on: each visit when it comes, and between them a place with nobody there."""
    clips: list[Path] = []
    place, time, shown = world.place(camera), start, None
    while time < start + _PROGRAMME_S:
        visit = world.visit_at(camera, time)
        is_there = visit is not None and visit.start <= time <= visit.end and visit.slot != shown
        clips.append(clip_of(place, visit if is_there else None))
        shown = visit.slot if is_there and visit is not None else shown
        time += VISIT_S if is_there else QUIET_S
    return clips


def _way(place: Place, visit: Visit) -> int:
    points, labels = visit.actors[0].points, tuple(actor.label for actor in visit.actors)
    ways = enumerate(place.ways, 1)
    return next(number for number, way in ways if way.labels == labels and points in {way.points, way.points[::-1]})
