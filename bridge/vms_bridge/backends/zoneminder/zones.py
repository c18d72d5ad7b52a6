"""In which zones something moves, by shared memory's scores or by an event's notes: pure.

The rules are those of Monitor::DetectMotion in src/zm_monitor.cpp.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.named_zones import named_zones
from vms_bridge.zoneminder import MOTION

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vms_bridge.model import Event
    from vms_bridge.zoneminder import AlarmState, Zone

_WATCHING = frozenset({"active", "inclusive", "exclusive"})


def watching(zones: Iterable[Zone]) -> tuple[Zone, ...]:
    """Return the zones in which motion makes an alarm; the others keep alarms away."""
    return tuple(zone for zone in zones if zone.kind in _WATCHING)


def alarmed_by_scores(zones: Iterable[Zone], scored: Iterable[bool]) -> frozenset[str]:
    """Return the ids of the zones that are alarmed in a frame, by which of all zones (in ZoneMinder's order) have a score.

    A zone that is not searched keeps its old score: all but the preclusive ones while one of those is alarmed, the
    inclusive ones while no active one is, and the exclusive ones while one is.
    """
    having = [zone for zone, has_score in zip(zones, scored, strict=False) if has_score]
    if any(zone.kind == "preclusive" for zone in having):
        return frozenset()
    searched = {"active", "inclusive"} if any(zone.kind == "active" for zone in having) else {"exclusive"}
    return frozenset(zone.id for zone in having if zone.kind in searched)


def occupied_by_notes(
    zones: Iterable[Zone], alarm: AlarmState | None, event: Event | None, names: Mapping[str, str] | None = None
) -> dict[str, bool | None]:
    """Return which zones are occupied, by the monitor's alarm and the names in the notes of the event it has opened.

    The notes name every zone in which something has moved since the event began. So they show the present only
    where an event lasts as long as its alarm; elsewhere `event` is None, and during an alarm nothing is known. A zone is
    not known either where the notes can be read in several ways, or name one that is not known, or one of two of that name.
    `names` are those that the notes use, with the zones' names now.
    """
    zones = tuple(zones)
    if alarm is not None and alarm not in MOTION:
        return {zone.id: False for zone in zones}
    if alarm is None or event is None:
        return {zone.id: None for zone in zones}
    counts = Counter(zone.name for zone in zones)
    now = names or {name: name for name in counts}
    doubtful = {now[name] for name in named_zones(event.notes, now, cause=event.cause).doubtful} - set(event.zones)
    doubtful |= {name for name in event.zones if counts[name] > 1}
    return {zone.id: None if zone.name in doubtful else zone.name in event.zones for zone in zones}
