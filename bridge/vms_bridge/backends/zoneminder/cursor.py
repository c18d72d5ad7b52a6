"""The cursor of the events: `<newest id read>@<that event's start>`; the start tells a restored database from deleted events."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vms_bridge.backends.zoneminder.parse import EventRow

    Cursor = tuple[int, str]


def stamp(row: EventRow) -> str:
    """Return the event's start as the cursor remembers it."""
    return row.start.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_cursor(text: str | None) -> Cursor | None:
    """Read a stored cursor: None for no or an odd one, an empty stamp where only that is odd."""
    number, _, start = (text or "").partition("@")
    if not number.isdecimal():
        return None
    try:
        datetime.fromisoformat(start)
    except ValueError:
        start = ""
    return int(number), start
