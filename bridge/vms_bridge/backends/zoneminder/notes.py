"""What an event's cause and notes say: its kind, the zones. Pure and total."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.named_zones import named_zones, unknown_names
from vms_bridge.model import EventKind

if TYPE_CHECKING:
    from collections.abc import Collection

_SIGNAL_CAUSE = "signal"
_ALARM_CAUSES = ("motion", "linked", "onvif", "amcrest", "audio", "multi-motion")
_LIMIT = 32


def event_kind(cause: str) -> EventKind:
    """Say why ZoneMinder made the event, from its `Cause`: a list of causes, of which the first but `Continuous` counts."""
    parts = [part.strip().lower() for part in cause.split(",") if part.strip()]
    for whole in parts:
        part = whole.removeprefix("continuous").strip(" :")
        if not part:
            continue
        if part.startswith("forced"):
            return EventKind.FORCED
        if part.startswith(_SIGNAL_CAUSE):  # that it was lost, or is back
            return EventKind.SIGNAL_LOSS
        return EventKind.ALARM if part.startswith(_ALARM_CAUSES) else EventKind.EXTERNAL
    return EventKind.CONTINUOUS if parts else EventKind.ALARM


def motion_zones(notes: str, known: Collection[str] = (), *, cause: str = "") -> tuple[str, ...]:
    """Return the names of the zones in which something moved; with `known` zones only those that are named for certain."""
    return (named_zones(notes, known, cause=cause).names if known else unknown_names(notes))[:_LIMIT]
