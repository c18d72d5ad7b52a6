"""When an event began and ended: ZoneMinder writes local times without a zone, and from 1.37 on what they are in UTC. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

_STEP_S = 15 * 60
_EXACT_S = 2.0
_NEAR_S = 60.0
_FARTHEST = timedelta(hours=26)
_LONGEST_S = 10 * 366 * 86_400.0
_FIRST_YEAR, _LAST_YEAR = 1970, 9900
_HALVES = (-9.5, -3.5, -2.5, 3.5, 4.5, 5.5, 6.5, 9.5, 10.5)
_QUARTERS = (5.75, 8.75, 12.75, 13.75)
OFFSETS = frozenset(timedelta(hours=hours) for hours in (*range(-12, 15), *_HALVES, *_QUARTERS))
"""By how much clocks are set off UTC anywhere."""
NO_SHIFT = timedelta(0)


@dataclass(frozen=True, slots=True)
class EventTimes:
    """An event's times in UTC."""

    start: datetime
    end: datetime | None = None
    local_start: datetime | None = None
    """The start as it is written, without a zone."""
    offset: timedelta | None = None
    """How far that is off UTC, where the row itself says so."""
    shift: timedelta | None = None
    """How far the end was off, by the event's length: it was written in another zone than the start. None: unknown."""


def event_times(
    start: str,
    end: str,
    zone: tzinfo,
    *,
    start_s: float | None = None,
    end_s: float | None = None,
    length_s: float | None = None,
    trusts_unix_times: bool = True,
) -> EventTimes | None:
    """Return what these local times are in UTC; `start_s` and `end_s` are Unix times of the same, `length_s` lies between them.

    In the repeated hour of autumn the length says which pass the end is in; without one it is the first, if that is not before
    the start, whose pass is the first.
    """
    local = _parsed(start)
    if local is None:
        return None
    if local.tzinfo is not None:
        return EventTimes(local.astimezone(UTC), _in_utc(_parsed(end), zone))
    offset = _offset(local, start_s)
    own = zone_of(offset) if offset is not None and trusts_unix_times else None
    began, local_end = _in_utc(local, own or zone), _parsed(end)
    if began is None or local_end is None:
        return None if began is None else EventTimes(began, None, local, offset)
    exact = None if offset is None else _offset(local_end, end_s)
    readings = [] if exact is None else [_in_utc(local_end, zone_of(exact))]
    if own is None or exact is None:
        by_offset = [] if own is None else [_in_utc(local_end, own)]
        readings = [*by_offset, _in_utc(local_end, zone), _in_utc(local_end, zone, fold=1), *readings]
    ended, shift = _end([time for time in readings if time is not None], began, length_s)
    return EventTimes(began, ended, local, offset, shift)


def offset_near(apart: timedelta) -> tuple[timedelta, float]:
    """Return the quarter of an hour that is nearest to this, and by how many seconds it misses it."""
    seconds = apart.total_seconds()
    nearest = round(seconds / _STEP_S) * _STEP_S
    return timedelta(seconds=nearest), seconds - nearest


def zone_of(offset: timedelta) -> tzinfo:
    """Return the zone that is always so far off UTC."""
    return timezone(offset)


def _end(readings: Sequence[datetime], began: datetime, length_s: float | None) -> tuple[datetime | None, timedelta | None]:
    """Return which of these the end is, and how far all were off by the length."""
    if not readings:
        return None, None
    if not length_s or not 0 < length_s < _LONGEST_S or began.year >= _LAST_YEAR:
        return next((time for time in readings if time >= began), began), None
    expected = began + timedelta(seconds=length_s)
    ended = min(readings, key=lambda time: abs(time - expected))
    shift, miss_s = offset_near(ended - expected)
    if shift and abs(miss_s) <= _NEAR_S and abs(shift) <= _FARTHEST:
        return expected, shift
    return max(ended, began), NO_SHIFT


def _offset(local: datetime, unix_s: float | None) -> timedelta | None:
    """Return how far a local time is off UTC, by the Unix time of the same; None where they can't be the same."""
    if unix_s is None or local.tzinfo is not None or not _FIRST_YEAR <= local.year <= _LAST_YEAR:
        return None
    try:
        apart = local.replace(tzinfo=UTC) - datetime.fromtimestamp(unix_s, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    offset, miss_s = offset_near(apart)
    return offset if abs(miss_s) <= _EXACT_S and offset in OFFSETS else None


def _parsed(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        return None


def _in_utc(local: datetime | None, zone: tzinfo, fold: int = 0) -> datetime | None:
    if local is None:
        return None
    try:
        return (local if local.tzinfo else local.replace(tzinfo=zone, fold=fold)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
