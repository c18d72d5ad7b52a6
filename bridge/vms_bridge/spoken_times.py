"""Times as people say them: `1 hour ago`, `yesterday 8pm to 10pm`, `2026-11-20T11:00`, in the time zone that they live in.

What time it is, and which zone is meant, is said by who asks: there is no clock in here. What is said of days, weeks and hours
of the day is meant by the zone's calendar, so that a day has 23 or 25 hours twice a year; an hour ago is always an hour ago.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import tzinfo

EXAMPLES = "2h, '1 hour ago', 'yesterday 8pm', monday, 2026-11-20, 2026-11-20T11:00"
SPAN_EXAMPLES = "'yesterday 8pm to 10pm', '10 minutes ago to 5 minutes ago', yesterday, 'last 2 hours', 'last week'"
_MOST_CHARACTERS = 100
_UNITS = {
    name: seconds
    for names, seconds in (
        ("s sec secs second seconds", 1),
        ("m min mins minute minutes", 60),
        ("h hr hrs hour hours", 3_600),
        ("d day days", 86_400),
        ("w week weeks", 604_800),
    )
    for name in names.split()
}
_AMOUNT = re.compile(r"(?:(?P<number>[0-9]{1,6}(?:\.[0-9]{1,3})?) ?|(?P<one>an?|one|half an?) )(?P<unit>[a-z]+)")
_LAST = re.compile(r"(?:the )?(?:last|past) (?P<amount>.+)")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_CLOCK = re.compile(r"([0-9]{1,2})(?::([0-9]{2})(?::([0-9]{2}))?)? ?(am|pm)?")
_BETWEEN = re.compile(r" (?:to|until|till|and|-|\u2013) ")  # the last one is a dash, as people copy it
_DAYS_APART = {"today": 0, "yesterday": -1, "tomorrow": 1}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_OUT_OF_RANGE = (OverflowError, ValueError, OSError)
"""By these Python says that the calendar, or the machine's table of zones, does not reach so far."""
_CLOCKS = {"noon": time(12), "midnight": time(0)}


class NotUnderstood(ValueError):
    """A text says no time; the message says what does."""


class Ambiguous(NotUnderstood):
    """A text says a time that came twice, or never, as clocks were set; the message says how to write the one that is meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From `since` on and before `until` (None: there is no end to it), both in UTC."""

    since: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Meant:
    """What a text means: all from `start` to `end`, which are one for a point in time.

    `day` is the one that it names (`is_whole`: all of it), `clock` the time of a day of which it does not say which.
    """

    start: datetime
    end: datetime
    day: date | None = None
    is_whole: bool = False
    clock: time | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """Understands what is said at `now`, an aware time, by somebody who lives in `zone` (None: in that of this machine).

    A time of day that comes twice as clocks are set back is the first one, and one that never comes as they are set ahead lies
    behind the gap; `is_strict` raises Ambiguous for both.
    """

    now: datetime
    zone: tzinfo | None = None
    is_strict: bool = False

    def point(self, text: str, *, ahead: bool = False) -> datetime:
        """Return the point in time that is meant, in UTC; of a day or week its beginning. Raises NotUnderstood.

        `ahead` is for what is still to come: `2h` is then in two hours, and else two hours ago.
        """
        meant = self._meant(_plain(text), ahead=ahead)
        if meant is None:
            raise NotUnderstood(f"expected a time such as {EXAMPLES}, not {text[:_MOST_CHARACTERS]!r}")
        return meant.start

    def span(self, text: str) -> Span:
        """Return the range of time that is meant; of a point in time all since then. Raises NotUnderstood."""
        plain = re.sub("^(?:from|between|since|during) ", "", _plain(text))
        try:
            meant = self._recent(plain) or self._from_to(plain)
        except Ambiguous:
            raise
        except _OUT_OF_RANGE:
            meant = None
        if meant is None:
            raise NotUnderstood(f"expected a range of time such as {SPAN_EXAMPLES}, not {text[:_MOST_CHARACTERS]!r}")
        if meant.until is not None and meant.until <= meant.since:
            raise NotUnderstood(f"{text[:_MOST_CHARACTERS]!r} ends before it begins")
        return meant

    def _recent(self, text: str) -> Span | None:
        """Return what `last 2 hours` means, or `last week`."""
        if text in {"this week", "last week"}:
            monday = self._today - timedelta(days=self._today.weekday() + (7 if text == "last week" else 0))
            return Span(since=self._utc(monday), until=self._utc(monday + timedelta(days=7)))
        if text in {"this month", "last month"}:
            first = self._today.replace(day=1)
            first = (first - timedelta(days=1)).replace(day=1) if text == "last month" else first
            return Span(since=self._utc(first), until=self._utc((first + timedelta(days=32)).replace(day=1)))
        found = _LAST.fullmatch(text)
        apart = _amount(found["amount"]) or _amount(f"one {found['amount']}") if found else None
        return None if apart is None else Span(since=self._now - apart, until=self._now)

    def _from_to(self, text: str) -> Span | None:
        said = _BETWEEN.split(text, maxsplit=1)
        first = self._meant(said[0], ahead=False)
        if len(said) == 1:
            if first is None:
                return None
            return Span(since=first.start, until=first.end if first.is_whole else None)
        last = self._meant(said[1], ahead=False)
        if first is None or last is None:
            return None
        if last.clock is not None:
            last = self._at(first.day or self._day_of(first.start), last.clock, not_before=first.start)
        elif first.clock is not None and last.day is not None:
            first = self._at(last.day, first.clock, not_after=last.end)
        return Span(since=first.start, until=last.end)

    def _meant(self, text: str, *, ahead: bool) -> _Meant | None:
        try:
            return self._from_now(text, ahead=ahead) or self._day_or_clock(text, ahead=ahead) or self._written(text)
        except Ambiguous:
            raise
        except _OUT_OF_RANGE:
            return None

    def _from_now(self, text: str, *, ahead: bool) -> _Meant | None:
        """Return what is meant by `now`, or by some time from now."""
        if text == "now":
            return _Meant(start=self._now, end=self._now)
        amount, is_ahead = text, ahead
        if text.endswith(" ago"):
            amount, is_ahead = text.removesuffix(" ago"), False
        elif text.startswith("in "):
            amount, is_ahead = text.removeprefix("in "), True
        apart = _amount(amount)
        if apart is None:
            return None
        point = self._now + apart if is_ahead else self._now - apart
        return _Meant(start=point, end=point)

    def _day_or_clock(self, text: str, *, ahead: bool) -> _Meant | None:
        """Return what is meant by a day, by a time of day, or by both in either order."""
        text = text.removeprefix("on ").removeprefix("at ")
        if (day := self._day(text, ahead=ahead)) is not None:
            return _Meant(start=self._utc(day), end=self._utc(day + timedelta(days=1)), day=day, is_whole=True)
        if (clock := _clock(text)) is not None:
            point = self._utc(self._today, clock)
            return _Meant(start=point, end=point, clock=clock)
        words = text.split(" ")
        for at in range(1, len(words)):
            left, right = " ".join(words[:at]), " ".join(words[at:]).removeprefix("at ").removeprefix("on ")
            for of_day, of_clock in ((left, right), (right, left)):
                day, clock = self._day(of_day, ahead=ahead), _clock(of_clock)
                if day is not None and clock is not None:
                    point = self._utc(day, clock)
                    return _Meant(start=point, end=point, day=day)
        return None

    def _day(self, text: str, *, ahead: bool) -> date | None:
        if text in _DAYS_APART:
            return self._today + timedelta(days=_DAYS_APART[text])
        if _DAY.fullmatch(text):
            try:
                return date.fromisoformat(text)
            except ValueError:
                return None
        name = text.removeprefix("last ").removeprefix("next ")
        number = next((number for number, each in enumerate(_WEEKDAYS) if name in {each, each[:3]}), None)
        if number is None:
            return None
        if ahead or text.startswith("next "):
            return self._today + timedelta(days=(number - self._today.weekday()) % 7 or 7)
        back = (self._today.weekday() - number) % 7
        return self._today - timedelta(days=back or (7 if text.startswith("last ") else 0))

    def _written(self, text: str) -> _Meant | None:
        """Return what is meant by a date and a time as ISO 8601 writes them, with or without a zone."""
        try:
            found = datetime.fromisoformat(text.upper())
        except ValueError:
            return None
        point = self._utc(found.date(), found.time()) if found.tzinfo is None else found.astimezone(UTC)
        return _Meant(start=point, end=point, day=self._day_of(point))

    def _at(self, day: date, clock: time, *, not_before: datetime | None = None, not_after: datetime | None = None) -> _Meant:
        """Return that time of that day; of the next, or of the one before, where it would lie on the wrong side."""
        point = self._utc(day, clock)
        if not_before is not None and point <= not_before:
            point = self._utc(day + timedelta(days=1), clock)
        elif not_after is not None and point >= not_after:
            point = self._utc(day - timedelta(days=1), clock)
        return _Meant(start=point, end=point, day=day)

    @property
    def _now(self) -> datetime:
        return self.now.astimezone(UTC)

    @property
    def _today(self) -> date:
        return self._day_of(self.now)

    def _day_of(self, point: datetime) -> date:
        return point.astimezone(self.zone).date()

    def _utc(self, day: date, clock: time | None = None) -> datetime:
        """Return that time of that day in UTC, its beginning for no time at all."""
        local = datetime.combine(day, clock or time(0))
        found = self._read(local)
        if self.is_strict and clock is not None and self._read(local.replace(fold=1)) != found:
            raise Ambiguous(self._twice_or_never(local))
        return found

    def _read(self, local: datetime) -> datetime:
        return (local if self.zone is None else local.replace(tzinfo=self.zone)).astimezone(UTC)

    def _twice_or_never(self, local: datetime) -> str:
        """Return what is wrong with a time of which there are two readings, and how to write what is meant."""
        first, second = (self._read(local.replace(fold=fold)).astimezone(self.zone) for fold in (0, 1))
        came = first.replace(tzinfo=None) == local
        what = "came twice" if came else "never came"
        either = " or ".join(each.isoformat(timespec="minutes") for each in (first, second))
        return f"{local:%H:%M} {what} on {local:%Y-%m-%d}, as clocks were set {'back' if came else 'ahead'}: write {either}"


def _plain(text: str) -> str:
    """Return the text in small letters, with single spaces; nothing of one that is too long to be a time."""
    return "" if len(text) > _MOST_CHARACTERS else " ".join(text.lower().split())


def _amount(text: str) -> timedelta | None:
    found = _AMOUNT.fullmatch(text)
    seconds = _UNITS.get(found["unit"]) if found else None
    if found is None or seconds is None:
        return None
    if found["number"] is None:
        return timedelta(seconds=seconds / 2 if found["one"].startswith("half") else seconds)
    return timedelta(seconds=float(found["number"]) * seconds)


def _clock(text: str) -> time | None:
    """Return the time of day; a number alone is none."""
    if text in _CLOCKS:
        return _CLOCKS[text]
    found = _CLOCK.fullmatch(text)
    if found is None or (found[2] is None and found[4] is None):
        return None
    hour = int(found[1])
    if found[4] is not None:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found[4] == "pm" else 0)
    try:
        return time(hour, int(found[2] or 0), int(found[3] or 0))
    except ValueError:
        return None
