"""Second witnesses of the zone that a ZoneMinder's times are in: PHP may use another one than its host and its database.

They are what the rows say themselves (from 1.37 on), and the web server's clock: an event that has just begun is now. Our own
clock is none: it may jump.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING

from vms_bridge.zoneminder.event_times import OFFSETS, EventTimes, offset_near, zone_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime, tzinfo

    from vms_bridge.backends.zoneminder.local_time import LocalTime
    from vms_bridge.logs import Trouble
    from vms_bridge.zoneminder import EventRow

_NEAR_S = 60.0
"""So old may an event be when it is seen first, and so far may clocks of one host be apart."""
_APART_S = 300.0
"""Clocks that are further apart are worth a word."""
_BEFORE = timedelta(minutes=2)
HINT = (
    "set TIMEZONE under Options > System, and date.timezone in php.ini, to the time zone of ZoneMinder's host (timedatectl)"
    " and its database, and restart all of them"
)
HINT_CLOCKS = "compare the clocks of ZoneMinder's host, of its web server and of any proxy before it"
HINT_ENDS = "ZoneMinder writes starts and ends in different zones (zoneminder#4807): update it, and restart its database"


class TimeWitness:
    """Watches the times of one connection's events, and corrects how they are read where two events agree on that."""

    def __init__(self, local: LocalTime, trouble: Trouble) -> None:
        self.local, self._trouble = local, trouble
        self._contrary: tuple[timedelta, int] | None = None
        """What the last event said that contradicted what is believed, and which one it was."""
        self._strange_s: float | None = None
        """By how much the last event was off the clock, if that is the difference of no two zones."""
        self._are_clocks_apart = False
        self._shift = timedelta(0)

    def weigh(self, rows: Collection[EventRow], begun: Iterable[EventRow] = ()) -> bool:
        """Process rows, of which some have `begun` just now; say whether times are to be read otherwise from now on."""
        self._read(rows)
        has_changed = False
        for row in begun:
            has_changed = self._saw_begin(row) or has_changed
        self._report_problem()
        return has_changed

    def _read(self, rows: Collection[EventRow]) -> None:
        """Note what these rows say themselves of their times."""
        shifts = {row.id: row.times.shift for row in rows if row.times is not None and row.times.shift is not None}
        if shifts:
            self._shift = shifts[max(shifts)]
        newest = max(rows, key=lambda row: row.id, default=None)
        if newest is not None and newest.times is not None and newest.times.offset is not None:
            is_the_same = self.local.zone is not None and is_in(newest.times, self.local.zone)
            self.local.by_rows = None if is_the_same else newest.times.offset

    def _saw_begin(self, row: EventRow) -> bool:
        """Compare the start of an event that has just begun with the web server's clock."""
        date = row.served_at
        if row.times is None or row.times.local_start is None or date is None or self.local.zone is None:
            return False
        offset = offset_by_clock(row)
        if offset is None:
            apart_s = (row.start - date).total_seconds()
            is_again = self._strange_s is not None and abs(apart_s - self._strange_s) <= _NEAR_S
            self._strange_s, self._are_clocks_apart = apart_s, is_again and abs(apart_s) > _APART_S
            return False
        self._strange_s, self._are_clocks_apart = None, False
        return self._contradicts_twice(offset, row, date)

    def _contradicts_twice(self, offset: timedelta, row: EventRow, date: datetime) -> bool:
        if offset in self._believed(row, date):
            self._contrary = None
            return False
        if self._contrary is None or self._contrary[0] != offset or self._contrary[1] == row.id:
            self._contrary = (offset, row.id)
            return False
        self._contrary = self.local.by_clock = None
        if offset not in self._believed(row, date):
            self.local.by_clock = offset
        return True

    def _believed(self, row: EventRow, date: datetime) -> set[timedelta | None]:
        """Return how far the start may be off UTC by what is believed: about a change of the clocks there are two answers."""
        local = self.local
        if local.by_clock is not None:
            return {local.by_clock}
        if row.times is not None and row.times.offset is not None:
            return {row.times.offset}
        return {(date - before).astimezone(local.reading).utcoffset() for before in (timedelta(0), _BEFORE)}

    def _report_problem(self) -> None:
        problem, hint = self._problem()
        self.local.problem = problem
        if problem is None:
            self._trouble.over()
        else:
            self._trouble.report(problem, hint=hint, code=problem)

    def _problem(self) -> tuple[str | None, str]:
        local = self.local
        if local.offset is not None and local.zone is not None:
            return contradiction(local.zone, local.offset), HINT
        if self._shift:
            return ends_off(self._shift), HINT_ENDS
        if self._are_clocks_apart and self._strange_s is not None:
            return f"its events begin {abs(self._strange_s) / 60:.0f} minutes off its web server's clock", HINT_CLOCKS
        return None, ""


def offset_by_clock(row: EventRow, age: timedelta = timedelta(0)) -> timedelta | None:
    """Return how far the start is off UTC, if the event was of that age when the row was served; None if it can't have been."""
    if row.served_at is None or row.times is None or row.times.local_start is None:
        return None
    offset, miss_s = offset_near(row.times.local_start + age - row.served_at.replace(tzinfo=None))
    return offset if abs(miss_s) <= _NEAR_S and offset in OFFSETS else None


def ends_off(shift: timedelta) -> str:
    """Say that ends are in another zone than starts."""
    return f"its events end {abs(shift) / timedelta(hours=1):g} hours off their length"


def contradiction(zone: tzinfo, offset: timedelta) -> str:
    """Say that events are in another zone than ZoneMinder reports."""
    return f"its events are in {zone_of(offset)}, though it names the time zone {zone}"


def is_in(times: EventTimes, zone: tzinfo) -> bool:
    """Say whether what a row says of its start is in this zone; in the repeated hour of autumn either pass is."""
    if times.local_start is None or times.offset is None:
        return True
    start = times.local_start.replace(tzinfo=UTC) - times.offset
    return start.astimezone(zone).replace(tzinfo=None) == times.local_start
