"""Times as the bridge writes them."""

from __future__ import annotations

from datetime import datetime
from typing import Final

_YEARS: Final = range(1970, 9999)
"""Those in which a time can be shown in any time zone."""


def time_of(said: object) -> datetime | None:
    """Return the time that is written there, in ISO 8601 with its distance from UTC; None for what is no such time."""
    if not isinstance(said, str):
        return None
    try:
        time = datetime.fromisoformat(said)
    except ValueError:
        return None
    return time if time.tzinfo is not None and time.year in _YEARS else None
