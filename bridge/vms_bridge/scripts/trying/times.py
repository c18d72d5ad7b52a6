"""Times as the bridge's JSON has them."""

from __future__ import annotations

from datetime import UTC, datetime


def in_utc(time: datetime) -> str:
    """Return a time in UTC, with `Z`."""
    return time.astimezone(UTC).isoformat().replace("+00:00", "Z")
