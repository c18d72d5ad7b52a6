"""Handlers that are called by the clock: lines of cron, every so often, and where the sun stands."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any, Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from astral import Observer, sun
from cronsim import CronSim, CronSimError

from vms_bridge.scripts.triggers.occurrences import of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.values import Occurrence, Trigger

LOOK_S = 15.0
"""So often the wall clock is looked at: it may be set, and the machine may have slept, which no sleep of ours notices."""
GRACE = timedelta(seconds=60)
"""What is no later than this was not missed."""
SET_BACK = timedelta(hours=3)
"""A clock that is set back by less calls nothing a second time, as with Debian's cron; one that is set back by more was wrong."""
_CLOSEST = timedelta(seconds=1)
"""Two times of one schedule are further apart than this."""
_DAYS_AHEAD = 30
"""For so many days the sun is asked for: near the poles it may not rise for long."""
_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where the scripts run: the time zone that they mean, and the place on earth; None: nobody has said where."""

    time_zone: str = "UTC"
    location: tuple[float, float] | None = None
    """Latitude and longitude, in degrees."""


class LastRuns(Protocol):
    """When the schedules of a script have run last, kept beyond restarts. Nothing of it waits."""

    def last(self, name: str) -> datetime | None:
        """Return for when it was due the last time that it has run; None: it never has."""

    def ran(self, name: str, due: datetime) -> None:
        """Keep that it has run, or was passed over, for this time."""


class NoLastRuns:
    """Keeps them for as long as it lives itself."""

    def __init__(self) -> None:
        self._last: dict[str, datetime] = {}

    def last(self, name: str) -> datetime | None:
        """Return what was kept."""
        return self._last.get(name)

    def ran(self, name: str, due: datetime) -> None:
        """Keep it."""
        self._last[name] = due


def check_schedule(kind: str, filters: Mapping[str, Any], site: Site) -> None:
    """Raise ValueError, for the author, where a schedule can't be kept."""
    if kind == "cron":
        _cron(filters, site)
    if kind == "sun" and site.location is None:
        raise ValueError("nobody has said where this is: the configuration needs scripts.location")


def name_of(trigger: Trigger) -> str:
    """Return by which name the last run of a schedule is kept: the same after an edit of another part of the script."""
    said = " ".join(f"{key}={value}" for key, value in sorted(trigger.filters.items()) if key != "missed")
    return f"{trigger.handler} {trigger.kind} {said}"[:400]


class Schedule:
    """Those triggers of a script that are of the clock; `fire` is called for each that is due."""

    def __init__(
        self,
        triggers: Iterable[Trigger],
        clock: Clock,
        fire: Callable[[Trigger, Occurrence], None],
        *,
        site: Site,
        runs: LastRuns,
        tell: Callable[[str], None],
    ) -> None:
        self._clock, self._fire = clock, fire
        now = clock.now()
        self._walls = [_Wall(one, _times(one, site), runs, now, tell) for one in triggers if one.kind in {"cron", "sun"}]
        self._every = [_Every(one, clock.monotonic()) for one in triggers if one.kind == "every"]

    def wait_s(self) -> float | None:
        """Return after how long it is to be looked at again, if it was looked at before; None: there is nothing to look at."""
        waits = [max(0.0, one.due_s - self._clock.monotonic()) for one in self._every]
        if self._walls:
            now = self._clock.now()
            waits += [(one.due - now).total_seconds() for one in self._walls if one.due is not None]
            waits.append(LOOK_S)
        return max(0.0, min(waits)) if waits else None

    async def look(self) -> None:
        """Call what is due, and let others go on now and then: to find the next time of a schedule takes some."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        for every in self._every:
            late_s = every.look(monotonic)
            if late_s is not None:
                self._call(every.trigger, now - timedelta(seconds=late_s), late_s)
        for wall in self._walls:
            due = wall.look(now)
            if due is not None:
                self._call(wall.trigger, due, max(0.0, (now - due).total_seconds()))
            await asyncio.sleep(0)

    def _call(self, trigger: Trigger, due: datetime, late_s: float) -> None:
        what = {"scheduled": _said(due), "late_s": round(late_s, 3)}
        self._fire(trigger, of(trigger.kind, what, at_s=self._clock.monotonic()))


class _Every:
    """Due again and again, by the monotonic clock: no clock that is set changes it. What was missed is passed over."""

    def __init__(self, trigger: Trigger, now: float) -> None:
        self.trigger, self._every_s = trigger, float(trigger.filters["seconds"])
        self.due_s = now + self._every_s

    def look(self, now: float) -> float | None:
        """Return by how much it is late; None: it is not due."""
        if now < self.due_s:
            return None
        late_s = (now - self.due_s) % self._every_s
        self.due_s = now - late_s + self._every_s
        return late_s


class _Wall:
    """Due at times of the wall clock; what was missed is made up for once, or not, as the trigger says."""

    def __init__(self, trigger: Trigger, times: _Times, runs: LastRuns, now: datetime, tell: Callable[[str], None]) -> None:
        self.trigger, self._times, self._runs, self._tell = trigger, times, runs, tell
        self._name, self._is_once = name_of(trigger), trigger.filters.get("missed") == "once"
        last = runs.last(self._name)
        self._done = now if last is None or last > now + SET_BACK else last
        """All that was due up to then has run, or was passed over."""
        self.due: datetime | None = None
        self._again, self._is_told = now, False

    def look(self, now: datetime) -> datetime | None:
        """Return for when it is due, where it is so now. Of several times that have passed it is the last."""
        if self._done > now + SET_BACK:
            self._done = now
            self._plan(now)
        if self.due is None and now >= self._again:
            self._plan(now)
        if self.due is None or self.due > now:
            return None
        due = self._newest(self.due, now)
        self._done = now
        self._runs.ran(self._name, now)
        self._plan(now)
        if now - due <= GRACE or self._is_once:
            return due
        self._tell(f"line {self.trigger.line}: {self._name} was missed at {_said(due)}")
        return None

    def _newest(self, due: datetime, now: datetime) -> datetime:
        """Return the last of all times that have passed, of which `due` is one: found by halves, however many there are."""
        until = now
        while until - due > _CLOSEST:
            middle = due + (until - due) / 2
            later = self._times.next(middle)
            if later is not None and later <= now:
                due = later
            else:
                until = middle
        return due

    def _plan(self, now: datetime) -> None:
        self.due = self._times.next(self._done)
        if self.due is None:
            self._done, self._again = max(self._done, now), now + timedelta(days=1)
            if not self._is_told:
                self._tell(f"line {self.trigger.line}: {self._name} is not due soon: {self._times.never}")
        self._is_told = self.due is None


class _Times(Protocol):
    """When something is due."""

    @property
    def never(self) -> str:
        """Why there may be no such time."""

    def next(self, after: datetime) -> datetime | None:
        """Return the next such time after this one; None: there is none as far as one looks."""


class _Cron:
    """The times of a line of cron, which follows changes of the clock as Debian's cron does."""

    never = "there is no such day"

    def __init__(self, expression: str, zone: tzinfo) -> None:
        self._expression, self._zone = expression, zone
        CronSim(expression, datetime(2000, 1, 1, tzinfo=UTC))

    def next(self, after: datetime) -> datetime | None:
        """Return the next time after this one."""
        try:
            found = next(CronSim(self._expression, after.astimezone(self._zone)))
        except StopIteration:
            return None
        return found.astimezone(UTC)


class _Sun:
    """The times at which the sun stands somewhere, and so long after or before."""

    never = "the sun does not come to stand there, as near the poles"

    def __init__(self, event: str, offset: timedelta, location: tuple[float, float]) -> None:
        self._event = event
        self._offset, self._observer = offset, Observer(*location)

    def next(self, after: datetime) -> datetime | None:
        """Return the next time after this one, of the next thirty days."""
        first = (after - self._offset).date() - timedelta(days=1)
        for days in range(_DAYS_AHEAD):
            try:
                found = self._at(first + timedelta(days=days)) + self._offset
            except ValueError:
                continue
            if found > after:
                return found
        return None

    def _at(self, day: date) -> datetime:
        """Return when it is so on a day. Raises ValueError for a day on which it is not."""
        match self._event:
            case "sunrise":
                return sun.sunrise(self._observer, day, tzinfo=UTC)
            case "sunset":
                return sun.sunset(self._observer, day, tzinfo=UTC)
            case "dawn":
                return sun.dawn(self._observer, day, tzinfo=UTC)
            case _:
                return sun.dusk(self._observer, day, tzinfo=UTC)


def _said(when: datetime) -> str:
    return when.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _times(trigger: Trigger, site: Site) -> _Times:
    if trigger.kind == "cron":
        return _cron(trigger.filters, site)
    offset = timedelta(seconds=trigger.filters.get("offset_s", 0.0))
    return _Sun(trigger.filters["event"], offset, site.location or (0.0, 0.0))


def _cron(filters: Mapping[str, Any], site: Site) -> _Cron:
    """Return the times of a line of cron. Raises ValueError."""
    said = filters["expression"].strip()
    expression = _MACROS.get(said.lower(), said)
    if len(expression.split()) != 5:
        raise ValueError(f"{said!r} has not five fields (minute, hour, day, month, weekday); @every= is for seconds")
    name = filters.get("tz") or site.time_zone
    try:
        zone = UTC if name == "UTC" else ZoneInfo(name)  # a file of 2 KB is read, once; the bridge's own zone was read before
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"tz: there is no time zone {name!r}, but such as Europe/Berlin or UTC") from None
    try:
        return _Cron(expression, zone)
    except CronSimError as error:
        raise ValueError(f"{said!r} is no line of cron: {error}") from None
