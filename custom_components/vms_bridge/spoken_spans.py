"""What people mean by `yesterday evening` or `letzte 3 Stunden`: times in English and German words. Pure, and never raises.

Both languages are always understood, since people mix them. A part of a day is: morning 6 to 12, afternoon 12 to 18, evening 18
to 22, night 22 to 6 of the next day. What names no day is the newest one of its kind that has begun.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import tzinfo

MOST_TOKENS = 8
"""How many words a span is told by at most."""
LONGEST = 80
"""How many characters."""

_DAYS_APART = {
    name: days
    for days, names in (
        (0, "today|heute"),
        (-1, "yesterday|gestern"),
        (-2, "the day before yesterday|day before yesterday|vorgestern"),
    )
    for name in names.split("|")
}
_WEEKDAYS = {
    name: number
    for number, names in enumerate(
        (
            "monday|mon|montag",
            "tuesday|tue|dienstag",
            "wednesday|wed|mittwoch",
            "thursday|thu|donnerstag",
            "friday|fri|freitag",
            "saturday|sat|samstag|sonnabend",
            "sunday|sun|sonntag",
        )
    )
    for name in names.split("|")
}
_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january|jan|januar|jänner",
            "february|feb|februar",
            "march|mar|märz|mär",
            "april|apr",
            "may|mai",
            "june|jun|juni",
            "july|jul|juli",
            "august|aug",
            "september|sep|sept",
            "october|oct|oktober|okt",
            "november|nov",
            "december|dec|dezember|dez",
        ),
        start=1,
    )
    for name in names.split("|")
}
_PARTS = {
    name: (time(first), time(last))
    for first, last, names in (
        (6, 12, "morning|mornings|morgen|morgens|früh|vormittag|vormittags"),
        (12, 18, "afternoon|afternoons|nachmittag|nachmittags"),
        (18, 22, "evening|evenings|abend|abends"),
        (22, 6, "night|nights|nacht|nachts"),
    )
    for name in names.split("|")
}
_NIGHT: Final = _PARTS["night"]
_UNITS = {
    name: unit
    for unit, names in (
        (timedelta(minutes=1), "minute|minutes|min|mins|minuten"),
        (timedelta(hours=1), "hour|hours|h|hr|hrs|stunde|stunden|std"),
        (timedelta(days=1), "day|days|tag|tage|tagen"),
        (timedelta(days=7), "week|weeks|woche|wochen"),
    )
    for name in names.split("|")
}
_SHORT_UNITS = frozenset({"hour", "stunde", "minute"})
"""Of these `last hour` is the one until now; the last week is that before this one."""
_NUMBERS = {
    name: number
    for number, names in (
        (1, "a|an|one|ein|eine|einer|einem|einen"),
        (2, "two|zwei"),
        (3, "three|drei"),
        (4, "four|vier"),
        (5, "five|fünf"),
        (6, "six|sechs"),
        (7, "seven|sieben"),
        (8, "eight|acht"),
        (9, "nine|neun"),
        (10, "ten|zehn"),
        (12, "twelve|zwölf"),
    )
    for name in names.split("|")
}
_DAY_NAMES = (*_WEEKDAYS, *_DAYS_APART)
_KNOWN = frozenset(
    word
    for names in (
        _DAYS_APART,
        _WEEKDAYS,
        _MONTHS,
        _PARTS,
        _UNITS,
        _NUMBERS,
        ("the der die den das last past letzte letzten letzter letztem letztes this diese diesen dieser diesem dieses",),
        ("vergangene vergangenen vergangener vergangenem vergangenes tonight ago month monat of on in at am pm um gegen uhr h",),
        ("since seit ab before vor after nach until till bis from between von vom zwischen to and und zum",),
    )
    for name in names
    for word in name.split()
)
_LAST = r"(?:the |der |die |den |das )?(?:last|past|letzte[nrms]?|vergangene[nrms]?)"
_THIS = r"(?:this|diese[nrms]?)"
_NUMBER = r"(?:[0-9]{1,4} ?|[^\W\d_]{1,20} )"
_UNIT = r"[^\W\d_]{1,20}"
_RECENT = re.compile(rf"{_LAST} (?P<number>{_NUMBER})?(?P<unit>{_UNIT})")
_AGO = re.compile(rf"(?:(?P<number>{_NUMBER})(?P<unit>{_UNIT}) ago|vor (?P<zahl>{_NUMBER})(?P<einheit>{_UNIT}))")
_LAST_DAY = re.compile(rf"{_LAST} (?P<day>\S+)")
_TONIGHT = re.compile(r"tonight|(?:this|today|heute|diese) (?:night|nacht)")
_THIS_PART = re.compile(rf"{_THIS} (\S+)")
_WEEK = re.compile(rf"(?:(?P<this>{_THIS})|{_LAST}) (?:week|woche)")
_MONTH = re.compile(rf"(?:(?P<this>{_THIS})|{_LAST}) (?:month|monat)")
_ISO_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_ISO_MONTH = re.compile(r"([0-9]{4})-([0-9]{2})")
_ISO_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}t[0-9]{2}:[0-9]{2}(:[0-9]{2})?(z|[+-][0-9]{2}:[0-9]{2}(:[0-9]{2})?)?")
_DOTTED = re.compile(r"([0-9]{1,2})\.([0-9]{1,2})\.([0-9]{4})?")
_DAY_MONTH = re.compile(r"([0-9]{1,2})(?:\.|st|nd|rd|th)? (?:of )?([^\W\d_]+)\.?(?: ([0-9]{4}))?")
_MONTH_DAY = re.compile(r"([^\W\d_]+) ([0-9]{1,2})(?:st|nd|rd|th)?(?:,? ([0-9]{4}))?")
_CLOCK = re.compile(r"(?:at |um |gegen )?([0-9]{1,2})(?::([0-9]{2}))?(?: ?(am|pm|uhr|h))?")
_CLOCKS = re.compile(r"([0-9:]{4,5})(?:-|\u2013)([0-9:]{4,5})")  # the second is a dash, as people copy it
_SINCE = re.compile(r"(?:since|seit|ab) (.+)")
_BEFORE = re.compile(r"(?:before|vor) (.+)")
_AFTER = re.compile(r"(?:after|nach) (.+)")
_UNTIL = re.compile(r"(?:until|till|bis) (.+)")
_RANGE = re.compile(
    r"(?:(?:from|between|von|vom|zwischen) )?(.+?)(?: (?:to|until|till|bis|and|und|-|\u2013) | ?\.\. ?)(?:zum )?(.+)"
)
_DAY = timedelta(days=1)
_YEARS = range(1970, 2200)
_IMPOSSIBLE = (OverflowError, ValueError, OSError)
"""By these Python says that the calendar, or the table of a time zone, does not reach so far."""


@dataclass(frozen=True, slots=True)
class Span:
    """From `since` on (None: from ever) and before `until` (None: to ever), both in UTC and to the second."""

    since: datetime | None
    until: datetime | None


@dataclass(frozen=True, slots=True)
class _Meant:
    """From `start` on and before `end` (None: there is none). `is_point`: as an end of a range, its start is meant."""

    start: datetime
    end: datetime | None
    is_point: bool = False


@dataclass(frozen=True, slots=True)
class Listener:
    """Understands what is said at `now` (aware) by somebody who lives in `zone`."""

    now: datetime
    zone: tzinfo

    def span(self, phrase: str) -> Span | None:
        """Return what the phrase means, None where it is no span of time."""
        words = phrase.lower().split()
        if len(phrase) > LONGEST or len(words) > MOST_TOKENS or not all(map(_is_said_of_time, words)):
            return None
        try:
            span = self._bounded(" ".join(words))
        except _IMPOSSIBLE:
            return None
        if span is None or (span.since is not None and span.until is not None and span.since >= span.until):
            return None
        is_known = all(edge is None or edge.year in _YEARS for edge in (span.since, span.until))
        return span if is_known else None

    def _bounded(self, text: str) -> Span | None:
        """Return a span, one with an open end, or one from one to another."""
        if (meant := self._meant(text)) is not None:
            return Span(meant.start, meant.end)
        for pattern, is_since, is_start in (
            (_SINCE, True, True),
            (_AFTER, True, False),
            (_BEFORE, False, True),
            (_UNTIL, False, False),
        ):
            found = pattern.fullmatch(text)
            meant = self._meant(found[1]) if found else None
            edge = None if meant is None else meant.start if is_start or meant.is_point else meant.end
            if edge is not None:
                return Span(edge, None) if is_since else Span(None, edge)
        return self._range(text)

    def _range(self, text: str) -> Span | None:
        found = _RANGE.fullmatch(text)
        if found is None:
            return None
        first, last = self._meant(found[1]), self._meant(found[2])
        if (clock := _clock(found[2])) is not None and first is not None:
            last = self._after(first.start, clock)
        if first is None or last is None:
            return None
        return Span(first.start, last.start if last.is_point else last.end)

    def _meant(self, text: str) -> _Meant | None:
        return self._relative(text) or self._of_calendar(text) or self._of_day(text) or self._written(text)

    def _relative(self, text: str) -> _Meant | None:
        """Return what is meant by `last 3 hours`, or by `2 days ago`."""
        if (found := _RECENT.fullmatch(text)) is not None and (found["number"] or found["unit"] in _SHORT_UNITS):
            apart = _amount(found["number"] or "1", found["unit"])
            return None if apart is None else _Meant(self._now - apart, None)
        if (found := _AGO.fullmatch(text)) is not None:
            number, name = found["number"] or found["zahl"], found["unit"] or found["einheit"]
            apart, unit = _amount(number, name), _UNITS.get(name)
            if apart is None or unit is None:
                return None
            if unit < _DAY:
                return _Meant(self._now - apart, self._now - apart + unit)
            day = self._today - apart
            return self._days(day, 1) if unit == _DAY else self._days(day - timedelta(days=day.weekday()), 7)
        return None

    def _of_calendar(self, text: str) -> _Meant | None:
        """Return what is meant by a week, a month, or the night that is or was."""
        if (found := _WEEK.fullmatch(text)) is not None:
            monday = self._today - timedelta(days=self._today.weekday())
            return self._days(monday if found["this"] else monday - timedelta(days=7), 7)
        if (found := _MONTH.fullmatch(text)) is not None:
            first = self._today.replace(day=1)
            return self._month(first if found["this"] else (first - _DAY).replace(day=1))
        if (found := _ISO_MONTH.fullmatch(text)) is not None:
            return self._month(date(int(found[1]), int(found[2]), 1))
        if (found := _LAST_DAY.fullmatch(text)) is not None and found["day"] in _PARTS:
            return self._part(self._today - _DAY, _PARTS[found["day"]])
        if _TONIGHT.fullmatch(text):
            is_morning = self._local.time() < time(12)
            return self._part(self._today - _DAY if is_morning else self._today, _NIGHT)
        return None

    def _of_day(self, text: str) -> _Meant | None:
        """Return what is meant by a day, a part of a day, or a time of it."""
        if (day := self._day(text)) is not None:
            return self._days(day, 1)
        if (times := _PARTS.get(text) or _clocks(text)) is not None:
            return self._newest(times)
        if (clock := _clock(text)) is not None:
            return self._hour(self._today if self._at(self._today, clock) <= self._now else self._today - _DAY, clock)
        if (said := _THIS_PART.fullmatch(text)) is not None and said[1] in _PARTS:
            return self._part(self._today, _PARTS[said[1]])
        return self._part_of(text)

    def _part_of(self, text: str) -> _Meant | None:
        """Return what is meant by a day and a part or time of it, in either order."""
        pairs = []
        for cut in range(1, len(words := text.split(" "))):
            left, right = " ".join(words[:cut]), " ".join(words[cut:])
            pairs += [(left, _bare(right)), (right, _bare(left))]
        for of_day, of_time in pairs:
            day = self._day(of_day)
            if day is None:
                continue
            if (times := _PARTS.get(of_time) or _clocks(of_time)) is not None:
                return self._part(day, times)
            if (clock := _clock(of_time)) is not None:
                return self._hour(day, clock)
        return self._compound(text)

    def _compound(self, text: str) -> _Meant | None:
        """Return what is meant by a German word of a day and its part: `montagabend`."""
        for name in _DAY_NAMES:
            if text.startswith(name) and (part := _PARTS.get(text.removeprefix(name).removeprefix("-"))) is not None:
                day = self._day(name)
                return None if day is None else self._part(day, part)
        return None

    def _day(self, text: str) -> date | None:
        """Return the day that is named. Raises ValueError for one that there is not."""
        name = re.sub(r"^(?:on|am|at) ", "", text)
        if name in _DAYS_APART:
            return self._today + timedelta(days=_DAYS_APART[name])
        if name in _WEEKDAYS:
            return self._weekday(_WEEKDAYS[name], least=0)
        if (found := _LAST_DAY.fullmatch(name)) is not None and found["day"] in _WEEKDAYS:
            return self._weekday(_WEEKDAYS[found["day"]], least=1)
        return self._dated(name)

    def _dated(self, text: str) -> date | None:
        if _ISO_DAY.fullmatch(text):
            return date.fromisoformat(text)
        if (found := _DOTTED.fullmatch(text)) is not None:
            return self._date(int(found[1]), int(found[2]), found[3])
        if (found := _DAY_MONTH.fullmatch(text)) is not None and found[2] in _MONTHS:
            return self._date(int(found[1]), _MONTHS[found[2]], found[3])
        if (found := _MONTH_DAY.fullmatch(text)) is not None and found[1] in _MONTHS:
            return self._date(int(found[2]), _MONTHS[found[1]], found[3])
        return None

    def _weekday(self, number: int, *, least: int) -> date:
        """Return the newest such day, so many days ago or more."""
        back = (self._today.weekday() - number) % 7
        return self._today - timedelta(days=back if back >= least else 7)

    def _date(self, day: int, month: int, year: str | None) -> date:
        """Return the date; without a year the newest that is not to come. Raises ValueError where there is none."""
        if year is not None:
            return date(int(year), month, day)
        for back in range(5):  # the 29th of February is one day in four years
            try:
                found = date(self._today.year - back, month, day)
            except ValueError:
                continue
            if found <= self._today:
                return found
        raise ValueError("there is no such day")

    def _written(self, text: str) -> _Meant | None:
        """Return what is meant by a date and time as ISO 8601 writes them: an hour from then on."""
        if not _ISO_TIME.fullmatch(text):
            return None
        found = datetime.fromisoformat(text.upper())
        start = (found if found.tzinfo is not None else found.replace(tzinfo=self.zone)).astimezone(UTC)
        return _Meant(start, start + timedelta(hours=1), is_point=True)

    def _newest(self, times: tuple[time, time]) -> _Meant:
        today = self._part(self._today, times)
        return today if today.start <= self._now else self._part(self._today - _DAY, times)

    def _part(self, day: date, times: tuple[time, time]) -> _Meant:
        first, last = times
        return _Meant(self._at(day, first), self._at(day + _DAY if last <= first else day, last))

    def _hour(self, day: date, clock: time) -> _Meant:
        start = self._at(day, clock)
        return _Meant(start, start + timedelta(hours=1), is_point=True)

    def _after(self, start: datetime, clock: time) -> _Meant:
        """Return the first such time behind another one."""
        day = start.astimezone(self.zone).date()
        return self._hour(day if self._at(day, clock) > start else day + _DAY, clock)

    def _days(self, first: date, count: int) -> _Meant:
        return _Meant(self._at(first, time(0)), self._at(first + timedelta(days=count), time(0)))

    def _month(self, first: date) -> _Meant:
        return _Meant(self._at(first, time(0)), self._at((first + timedelta(days=31)).replace(day=1), time(0)))

    def _at(self, day: date, clock: time) -> datetime:
        return datetime.combine(day, clock, tzinfo=self.zone).astimezone(UTC)

    @property
    def _now(self) -> datetime:
        return self.now.astimezone(UTC).replace(microsecond=0)

    @property
    def _local(self) -> datetime:
        return self.now.astimezone(self.zone)

    @property
    def _today(self) -> date:
        return self._local.date()


def written(span: Span, zone: tzinfo, *, since: str, before: str) -> str:
    """Return a phrase that means this span, whenever it is said: by ISO dates and times, and words for `since` and `before`."""
    if span.since is None:
        return "" if span.until is None else f"{before} {_edge(span.until, zone)}"
    if span.until is None:
        return f"{since} {_edge(span.since, zone)}"
    try:
        first, last = (each.astimezone(zone).date() for each in (span.since, span.until))
        if _is_midnight(span.since, zone) and _is_midnight(span.until, zone):
            return first.isoformat() if last - first == _DAY else f"{first}..{last - _DAY}"
    except _IMPOSSIBLE:
        pass
    return f"{_point(span.since, zone)}..{_point(span.until, zone)}"


def _edge(point: datetime, zone: tzinfo) -> str:
    return point.astimezone(zone).date().isoformat() if _is_midnight(point, zone) else _point(point, zone)


def _point(point: datetime, zone: tzinfo) -> str:
    local = point.astimezone(zone)
    plain = local.replace(tzinfo=None, fold=0)
    is_clear = plain.replace(tzinfo=zone).astimezone(UTC) == point  # else the clock showed that twice, or never
    return (plain if is_clear else local).isoformat(timespec="seconds" if local.second else "minutes")


def _is_midnight(point: datetime, zone: tzinfo) -> bool:
    day = point.astimezone(zone).date()
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC) == point


def _is_said_of_time(word: str) -> bool:
    """Say whether a time may be told by this word: most of what is typed is not, and is not looked at any further."""
    return word.strip(".,") in _KNOWN or word.startswith(_DAY_NAMES) or not word.isalpha()


def _amount(number: str, unit: str) -> timedelta | None:
    name = number.strip()
    count = int(name) if re.fullmatch("[0-9]{1,4}", name) else _NUMBERS.get(name)
    length = _UNITS.get(unit)
    return None if not count or length is None else count * length


def _clock(text: str) -> time | None:
    """Return the time of day; a number alone is none. Raises ValueError for `25:00`."""
    found = _CLOCK.fullmatch(text)
    if found is None or (found[2] is None and found[3] is None):
        return None
    hour = int(found[1])
    if found[3] in {"am", "pm"}:
        if not 1 <= hour <= 12:
            return None
        hour = hour % 12 + (12 if found[3] == "pm" else 0)
    return time(hour, int(found[2] or 0))


def _clocks(text: str) -> tuple[time, time] | None:
    """Return from when to when `8:00-10:30` is. Raises ValueError for `25:00-26:00`."""
    found = _CLOCKS.fullmatch(text)
    first, last = (_clock(found[1]), _clock(found[2])) if found else (None, None)
    return None if first is None or last is None or first == last else (first, last)


def _bare(text: str) -> str:
    return re.sub(r"^(?:in the|in der|in|at|am|um|of|on) ", "", re.sub(r" (?:of|vom)$", "", text))
