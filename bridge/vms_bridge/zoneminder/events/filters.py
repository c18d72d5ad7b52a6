"""Which events are wanted: as people say it, and as ZoneMinder's list takes it. Pure.

What the list takes is never less than what is wanted: text with characters that get lost in an address, and hours that come
twice, are filtered more loosely there, and each row is looked at once more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypedDict

from vms_bridge.errors import BridgeError
from vms_bridge.zoneminder.detected import detected_labels

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import tzinfo

    from vms_bridge.zoneminder.values import EventRow, MonitorRow

    Several = Iterable[int | str]
    Bounds = tuple[float | None, float | None]
    """The least and the most, None where there is none."""

MOST_NAMED = 100
"""More ids than that would make an address that web servers refuse."""
_SETS_CLOCKS = timedelta(hours=3)
_PLAIN = re.compile(r"[A-Za-z0-9 ]+")
_RAW_NAME = re.compile(r"[A-Za-z0-9_.]{1,64}(?: [A-Za-z<>=!&|^~ ]{1,12})?")
_DETECTED = "detected:"


class FilterRefused(BridgeError, ValueError):
    """Nothing can be found this way: what is asked for makes no sense, or this ZoneMinder has no such thing."""

    code = "filter"


class Filters(TypedDict, total=False):
    """Which events are wanted; what is left out is not looked at."""

    event_id: int | str | Several
    monitor: MonitorRow | int | str | Iterable[MonitorRow | int | str]
    """One or several: rows, ids (numbers) or names (texts)."""
    since: datetime | str
    """When they began at the earliest: `1 hour ago`, `yesterday 8pm`, 2026-11-20T11:00; of a day its beginning."""
    until: datetime | str
    """Before when they began."""
    during: str
    """A range of time: `yesterday 8pm to 10pm`, `10 minutes ago to 5 minutes ago`, `last 2 hours`, monday."""
    tz: str | tzinfo
    """The zone in which these times are said, such as America/New_York; ZoneMinder's own if left out."""
    min_alarm_frames: int
    max_alarm_frames: int
    min_score: int
    """The highest score of a frame is meant."""
    max_score: int
    min_length_s: float
    max_length_s: float
    object_only: bool
    """Only those in which a detection hook has found something."""
    label: str
    """Only those in which it has found this."""
    notes: str | re.Pattern[str]
    """A text that the notes contain, in letters of any size, or a pattern, which is looked for on our side."""
    cause: str | re.Pattern[str]
    name: str | re.Pattern[str]
    archived: bool
    tag: str | int | Several
    """A tag's name or id, or several of which any is good enough (1.37.44 and later)."""
    raw: Iterable[tuple[str, str]]
    """ZoneMinder's own filters, such as ("StateId", "1") or ("Frames >", "10"), which are handed on as they are."""
    limit: int
    """How many at most."""
    newest_first: bool
    """By their ids, which is the order in which they began; true if left out."""
    with_tags: bool
    """Whether each has its tags, which costs a request for every hundred of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The same with all that had to be asked for: ids, and times in UTC."""

    events: frozenset[int] | None = None
    monitors: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None
    alarm_frames: Bounds = (None, None)
    score: Bounds = (None, None)
    length_s: Bounds = (None, None)
    object_only: bool = False
    label: str | None = None
    notes: str | re.Pattern[str] | None = None
    cause: str | re.Pattern[str] | None = None
    name: str | re.Pattern[str] | None = None
    archived: bool | None = None
    tags: tuple[int, ...] | None = None
    raw: tuple[tuple[str, str], ...] = ()

    @property
    def is_nothing(self) -> bool:
        """Whether there are lists of what may be, and nothing in one of them."""
        return any(listed is not None and not listed for listed in (self.events, self.monitors, self.tags))

    @property
    def is_exact(self) -> bool:
        """Whether the list takes all of it as exactly as it is meant, so that its count is right."""
        texts = (self.notes, self.cause, self.name)
        return not (
            self.label
            or any(text is not None and not (isinstance(text, str) and _PLAIN.fullmatch(text)) for text in texts)
            or len(self.tags or ()) > 1  # an event with two of them is counted twice
            or any(time is not None and time.microsecond for time in (self.since, self.until))
            or (self.monitors is not None and len(self.monitors) > MOST_NAMED)
        )

    def matches(self, row: EventRow) -> bool:
        """Say whether this row is wanted, as far as a row tells; its tags and raw filters it does not."""
        return (
            (self.events is None or row.id in self.events)
            and (self.monitors is None or row.monitor_id in self.monitors)
            and (self.since is None or row.start >= self.since)
            and (self.until is None or row.start < self.until)
            and _is_between(row.alarm_frames, self.alarm_frames)
            and _is_between(row.max_score, self.score)
            and _is_between(row.length_s, self.length_s)
            and self._says(row)
            and (self.archived is None or row.archived == self.archived)
        )

    def _says(self, row: EventRow) -> bool:
        return (
            (not self.object_only or _DETECTED in row.notes.lower())
            and (self.label is None or self.label.lower() in detected_labels(row.notes)[0])
            and _contains(row.notes, self.notes)
            and _contains(row.cause, self.cause)
            and _contains(row.name, self.name)
        )


def segments_of(wanted: Wanted, zone: tzinfo) -> list[tuple[str, str]]:
    """Return what to ask the list for, without its ids: no more than it can be asked for by any version."""
    found: list[tuple[str, str]] = []
    if wanted.monitors is not None and len(wanted.monitors) <= MOST_NAMED:
        found += [("MonitorId", number) for number in wanted.monitors]
    if wanted.since is not None:
        found.append(("StartTime >=", _local(wanted.since, zone, earliest=True)))
    if wanted.until is not None:
        found.append(("StartTime <", _local(wanted.until, zone, earliest=False)))
    for column, (least, most) in (("AlarmFrames", wanted.alarm_frames), ("MaxScore", wanted.score), ("Length", wanted.length_s)):
        found += [] if least is None else [(f"{column} >=", f"{least:g}")]
        found += [] if most is None else [(f"{column} <=", f"{most:g}")]
    if wanted.archived is not None:
        found.append(("Archived", str(int(wanted.archived))))
    found += [(f"{column} REGEXP", pattern) for column, pattern in _patterns(wanted)]
    found += [("TagId", ",".join(map(str, wanted.tags)))] if wanted.tags else []
    return [*found, *wanted.raw]


def _patterns(wanted: Wanted) -> Iterable[tuple[str, str]]:
    """Return what the columns' texts are filtered by; a column can have one such filter only."""
    notes = _loose(wanted.notes)
    if notes is None and (wanted.object_only or wanted.label is not None):
        notes = f"{_DETECTED}.*{_loose(wanted.label) or ''}".removesuffix(".*")
    for column, pattern in (("Notes", notes), ("Cause", _loose(wanted.cause)), ("Name", _loose(wanted.name))):
        if pattern is not None:
            yield column, pattern


def _loose(text: str | re.Pattern[str] | None) -> str | None:
    """Return a regular expression for at least what contains this text, of characters that survive any way; None for none.

    What a slash, a percent sign or a letter of two bytes becomes on its way through web server, PHP and database differs.
    """
    if not isinstance(text, str):
        return None
    parts = [part for part in _PLAIN.findall(text) if part.strip()]
    return ".*".join(parts) or None


def _contains(text: str, wanted: str | re.Pattern[str] | None) -> bool:
    if wanted is None:
        return True
    return wanted.casefold() in text.casefold() if isinstance(wanted, str) else wanted.search(text) is not None


def _is_between(value: float | None, bounds: Bounds) -> bool:
    least, most = bounds
    if least is None and most is None:
        return True
    return value is not None and (least is None or value >= least) and (most is None or value <= most)


def _local(time: datetime, zone: tzinfo, *, earliest: bool) -> str:
    """Return the time as ZoneMinder writes it; where clocks are set around it, so that more is found."""
    offsets = {(time + apart).astimezone(zone).utcoffset() for apart in (-_SETS_CLOCKS, timedelta(0), _SETS_CLOCKS)}
    if len(offsets) > 1:
        time += -_SETS_CLOCKS if earliest else _SETS_CLOCKS
    elif not earliest and time.microsecond:
        time += timedelta(seconds=1)
    return f"{time.astimezone(zone):%Y-%m-%d %H:%M:%S}"


def raw_filters(pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """Return ZoneMinder's own filters, looked at: an address takes not everything. Raises FilterRefused."""
    found = tuple((str(name), str(value)) for name, value in pairs)
    for name, value in found:
        if not _RAW_NAME.fullmatch(name):
            raise FilterRefused(
                f"{name[:80]!r} is no filter of ZoneMinder's",
                hint="write a column and an operator: `Frames >`, `Cause REGEXP`",
            )
        if name.partition(" ")[0] in {"Id", "Event.Id"}:
            raise FilterRefused(f"the filter {name!r} is in the way of reading on by ids", hint="use event_id")
        if any(sign in value for sign in "/%?#\\") or not value.isprintable():
            raise FilterRefused(
                f"the filter {name!r} can't have the value {value[:80]!r}",
                hint="slashes, percent signs and question marks get lost in addresses: use REGEXP with a dot in their place",
            )
    return found


def whole_numbers(values: int | str | Several, what: str) -> tuple[int, ...]:
    """Return ids in ascending order, each once. Raises FilterRefused."""
    listed: Sequence[int | str] = [values] if isinstance(values, int | str) else list(values)
    found = set()
    for value in listed:
        text = str(value).strip()
        if isinstance(value, bool) or not (text.isascii() and text.isdecimal() and len(text) <= 18 and int(text) > 0):
            raise FilterRefused(f"{value!r} is no id of {what}", hint="ids are whole numbers from 1 on")
        found.add(int(text))
    return tuple(sorted(found))


def bounds(least: float | None, most: float | None, what: str) -> Bounds:
    """Return two bounds. Raises FilterRefused where nothing can be between them."""
    if least is not None and most is not None and least > most:
        raise FilterRefused(f"no event has at least {least:g} and at most {most:g} {what}")
    return least, most
