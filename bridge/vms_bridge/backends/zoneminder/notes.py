"""What an event's cause and notes tell: its kind, the objects that a detection hook found, the zones. Pure and total."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from vms_bridge.model import EventKind

if TYPE_CHECKING:
    from collections.abc import Collection

# zm_detect's note: `[a] detected:person:97% car:80% | Motion: Zone`. Labels may hold spaces (names of faces).
_DETECTED = re.compile(r"detected:\s*([^|\n]{1,1000})", re.IGNORECASE)
_LABEL = re.compile(r"\s*([^:%,\n][^:%,\n]{0,63}?)\s*:\s*(\d{1,3}(?:\.\d{1,4})?)%")
_MOTION = re.compile(r"Motion:\s*([^|\n]{1,2000})")
_ALARM_CAUSES = ("motion", "linked", "signal", "onvif", "amcrest", "audio", "multi-motion")
_LIMIT = 32


def event_kind(cause: str) -> EventKind:
    """Say why ZoneMinder made the event, from its `Cause`: a list of causes, of which the first but `Continuous` counts."""
    parts = [part.strip().lower() for part in cause.split(",") if part.strip()]
    for part in parts:
        if part.startswith("continuous"):
            continue
        if part.startswith("forced"):
            return EventKind.FORCED
        return EventKind.ALARM if part.startswith(_ALARM_CAUSES) else EventKind.EXTERNAL
    return EventKind.CONTINUOUS if parts else EventKind.ALARM


def detected_labels(notes: str) -> tuple[tuple[str, ...], float | None]:
    """Return the labels that a detection hook left in the notes, best first, and the best one's score in 0..1."""
    found = _DETECTED.search(notes)
    if found is None:
        return (), None
    text = re.split(r"\bMotion:|--SPLIT--", found[1])[0]
    scores: dict[str, float] = {}
    for label, percent in _LABEL.findall(text):
        name = label.strip().lower()
        if name:
            scores[name] = max(scores.get(name, 0.0), min(float(percent) / 100, 1.0))
    if not scores:
        plain = (part.strip().lower()[:64] for part in text.split(","))
        return tuple(dict.fromkeys(part for part in plain if part))[:_LIMIT], None
    ranked = sorted(scores, key=lambda name: -scores[name])
    return tuple(ranked[:_LIMIT]), scores[ranked[0]]


def motion_zones(notes: str, known: Collection[str] = ()) -> tuple[str, ...]:
    """Return the names of the zones in which something moved; with `known` zones, only those."""
    found = _MOTION.search(notes)
    if found is None:
        return ()
    names = dict.fromkeys(name.strip() for name in found[1].split(",") if name.strip())
    if not known:
        return tuple(names)[:_LIMIT]
    # ZoneMinder writes the next cause straight behind the last zone: `Motion: Gate, DoorForced Web: `.
    return tuple(name for name in known if any(part == name or part.startswith(f"{name}Forced") for part in names))[:_LIMIT]
