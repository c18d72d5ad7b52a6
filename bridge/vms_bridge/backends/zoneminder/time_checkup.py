"""`vms-bridge check` of a ZoneMinder's times: whether its zone, its events and all clocks agree."""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from vms_bridge.backends.base import Finding
from vms_bridge.backends.zoneminder.time_witness import (
    HINT,
    HINT_CLOCKS,
    HINT_ENDS,
    contradiction,
    ends_off,
    is_in,
    offset_by_clock,
)
from vms_bridge.errors import VmsError
from vms_bridge.zoneminder.parse import parse_events

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime, tzinfo

    from vms_bridge.backends.zoneminder.api import Api
    from vms_bridge.clock import Clock
    from vms_bridge.zoneminder import EventRow

_NEWEST = {"sort": "Id", "direction": "desc", "limit": "20", "page": "1"}
_AHEAD_S = 120.0


async def about_times(api: Api, zone: tzinfo | None, clock: Clock) -> list[Finding]:
    """Compare the newest events with the zone that ZoneMinder reports, with the web server's clock and with ours."""
    try:
        answer, date = await api.get_dated("events/index/Id%20%3E:0", _NEWEST)
    except VmsError:
        return []  # said already
    rows = parse_events(answer, zone or UTC, date=date)
    findings = _about_clocks(date, clock.now())
    if zone is not None:
        findings += _about_zone(rows, zone)
    findings += _about_ends(rows)
    ahead_s = max(((row.start - clock.now()).total_seconds() for row in rows[:1]), default=0.0)
    if ahead_s >= _AHEAD_S:
        hint = "compare both clocks, and TIMEZONE under Options > System with the time zone of ZoneMinder's host (timedatectl)"
        findings.append(
            Finding(text=f"its newest event begins {ahead_s / 60:.0f} minutes in the future", problem=True, hint=hint)
        )
    return findings


def _about_clocks(date: datetime | None, now: datetime) -> list[Finding]:
    apart_s = 0.0 if date is None else (date - now).total_seconds()
    if abs(apart_s) < _AHEAD_S:
        return []
    how = "ahead of" if apart_s > 0 else "behind"
    text = f"its web server's clock is {abs(apart_s) / 60:.0f} minutes {how} that of this machine"
    return [Finding(text=text, problem=True, hint=f"{HINT_CLOCKS}, and of this machine")]


def _about_zone(rows: Sequence[EventRow], zone: tzinfo) -> list[Finding]:
    """Say where events are in another zone: by their rows or, if they run, by how long they do so."""
    offsets: list[timedelta] = []
    for row in rows:
        times = row.times
        if times is not None and times.offset is not None:
            if is_in(times, zone):
                return []
            offsets.append(times.offset)
        elif row.end is None and row.served_at is not None:
            offset = offset_by_clock(row, timedelta(seconds=row.length_s or 0.0))
            if offset is not None and offset == row.served_at.astimezone(zone).utcoffset():
                return []
            offsets += [] if offset is None else [offset]
    return [Finding(text=contradiction(zone, offsets[0]), problem=True, hint=HINT)] if offsets else []


def _about_ends(rows: Sequence[EventRow]) -> list[Finding]:
    shifts = [row.times.shift for row in rows if row.times is not None and row.times.shift]
    return [Finding(text=ends_off(shifts[0]), problem=True, hint=HINT_ENDS)] if shifts else []
