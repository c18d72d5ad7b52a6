"""The times of a question, as people say them, in the zone that they mean. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from vms_bridge.spoken_times import Listener, NotUnderstood, Span
from vms_bridge.zoneminder.events.filters import FilterRefused

_OPEN = (None, None)


def zone_named(zone: str | tzinfo) -> tzinfo:
    """Return the zone. Raises FilterRefused for a name that is none."""
    if isinstance(zone, tzinfo):
        return zone
    try:
        return ZoneInfo(zone)
    except (KeyError, OSError, ValueError):
        raise FilterRefused(f"{zone[:60]!r} is no time zone", hint="write it as America/New_York") from None


def period(
    since: datetime | str | None, until: datetime | str | None, during: str | None, listener: Listener
) -> tuple[datetime | None, datetime | None]:
    """Return from when on and before when, in UTC. Raises FilterRefused."""
    if during is not None:
        if since is not None or until is not None:
            raise FilterRefused("during is a range of its own: it can't be asked for together with since or until")
        return _span(during, listener)
    first, last = _OPEN if since is None else _beginning(since, listener)
    if until is not None:
        if last is not None:
            raise FilterRefused(f"{since!r} is a range already, and until says another end", hint="leave one of them out")
        last = _point(until, listener)
    if first is not None and last is not None and last <= first:
        raise FilterRefused(
            f"the range ends before it begins: from {_said(first, listener)} to {_said(last, listener)}",
            hint="since is the earlier time, until the later one",
        )
    return first, last


def _beginning(since: datetime | str, listener: Listener) -> tuple[datetime, datetime | None]:
    """Return the beginning; a range (`10 minutes ago to 5 minutes ago`) has an end, too."""
    if isinstance(since, str) and " to " in since:
        return _span(since, listener)
    return _point(since, listener), None


def _span(text: str, listener: Listener) -> tuple[datetime, datetime | None]:
    try:
        found: Span = listener.span(text)
    except NotUnderstood as error:
        raise FilterRefused(str(error)) from None
    return found.since, found.until


def _point(time: datetime | str, listener: Listener) -> datetime:
    if isinstance(time, datetime):
        if time.tzinfo is not None:
            return time.astimezone(UTC)
        time = time.isoformat()
    try:
        return listener.point(time)
    except NotUnderstood as error:
        raise FilterRefused(str(error)) from None


def _said(time: datetime, listener: Listener) -> str:
    return f"{time.astimezone(listener.zone):%Y-%m-%d %H:%M:%S %Z}"
