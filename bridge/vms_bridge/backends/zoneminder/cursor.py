"""The cursor of the events: `<newest id read>@<that event's start>`; the start tells a restored database from deleted events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vms_bridge.backends.zoneminder.parse import EventRow

    Cursor = tuple[int, str]

_ZONE_STEP_S = 15 * 60.0
_ZONES_APART_S = 26 * 3600.0
"""From UTC-12 to UTC+14."""
_INEXACT_S = 2.0


def stamp(row: EventRow) -> str:
    """Return the event's start as the cursor remembers it."""
    return row.start.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_cursor(text: str | None) -> Cursor | None:
    """Read a stored cursor: None for no or an odd one, an empty stamp where only that is odd."""
    number, _, start = (text or "").partition("@")
    if not number.isdecimal():
        return None
    try:
        has_zone = datetime.fromisoformat(start).tzinfo is not None
    except ValueError:
        has_zone = False
    return int(number), start if has_zone else ""


def is_another(row: EventRow, start: str) -> bool:
    """Say whether this row can't be the one that the cursor's stamp was taken from.

    Starts are local times: read in another zone, or in the repeated hour of autumn, they shift by quarters of an hour.
    """
    apart = abs((row.start - datetime.fromisoformat(start)).total_seconds())
    off = apart % _ZONE_STEP_S
    return apart > _ZONES_APART_S or _INEXACT_S < off < _ZONE_STEP_S - _INEXACT_S
