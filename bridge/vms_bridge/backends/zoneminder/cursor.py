"""Up to where events are read, and the cursor that is stored of it.

The cursor is `<newest id read>@<that event's start>`; the start distinguishes a restored database from deleted events.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo

    from vms_bridge.zoneminder import EventRow

    Cursor = tuple[int, str]

_ZONE_STEP_S = 15 * 60.0
_ZONES_APART_S = 26 * 3600.0
"""From UTC-12 to UTC+14."""
_INEXACT_S = 2.0
_DISORDER = timedelta(minutes=2)
"""So much earlier than its row may an event begin, by the pictures from before the alarm; ids and starts then disagree."""
_NEAR_A_SHIFT = timedelta(hours=3)


@dataclass(slots=True)
class Place:
    """A place in the list up to which all is read; `cursor` is what may be stored of it.

    The cursor's id is higher where the newest events were deleted, or an older database restored: the next id will show it.
    """

    read_to: int = 0
    cursor: Cursor = (0, "")


@dataclass(slots=True)
class Gap:
    """What came while the bridge was not watching, up to the id `high`, as far as it is not read yet."""

    place: Place
    high: int
    is_begun: bool = False


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


def is_later(row: EventRow, start: str, zone: tzinfo) -> bool:
    """Say whether this row, of a lower id, certainly began after the event that the cursor's stamp was taken from."""
    before = datetime.fromisoformat(start)
    around = [time + apart for time in (before, row.start) for apart in (-_NEAR_A_SHIFT, _NEAR_A_SHIFT)]
    # The repeated hour of autumn is read as its first pass, so that what came later can seem to be earlier.
    is_exact = len({time.astimezone(zone).utcoffset() for time in around}) == 1
    return row.start - before > (_DISORDER if is_exact else _NEAR_A_SHIFT)


def began_after(row: EventRow, start: str) -> bool:
    """Say whether this row began after the event that the cursor's stamp was taken from; where that is unknown, it did."""
    return not start or row.start > datetime.fromisoformat(start)
