"""Where one is in the media browser: which events a node is about, and how it shows them. Pure.

A place is the identifier of its node, taken apart: `BRIDGE[/SYSTEM[/MONITOR]][/NAME=VALUE …]`. There is one
way to write each, and what is written otherwise is none. It stays good, as the keys of systems and monitors do.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

LABELS: Final = "labels"
KINDS: Final = "kinds"
LATEST: Final = "latest"
FOUND: Final = "found"
_SHOWS = frozenset({LABELS, KINDS, LATEST, FOUND})
_LONGEST = 16_384
_LONGEST_VALUE = 256
_LONGEST_CURSOR = 1_000
_MOST_VALUES = 100
MOST_CAMERAS: Final = 50
"""How many cameras are named at most: they stand in the address of a request."""
_SYSTEM = re.compile(r"[a-z][a-z0-9_]{0,31}")
_MONITOR = re.compile(r"[A-Za-z0-9_-]{1,48}")
_CAMERA = re.compile(r"[a-z][a-z0-9_]{0,31}/[A-Za-z0-9_-]{1,48}")
_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_HOUR = timedelta(hours=1)
_QUARTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which events: of several values of one field any will do, of several fields each must. Nothing said: all.

    `cameras` are `system/monitor`, by keys; `words` are searched for in cause, notes, labels and texts. The times are in UTC, to
    the second: begun from `since` on, and before `until`.
    """

    cameras: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    plates: tuple[str, ...] = ()
    faces: tuple[str, ...] = ()
    words: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def query(self) -> dict[str, str | list[str]]:
        """How the API is asked for them."""
        query: dict[str, str | list[str]] = {
            name: list(values) for name, values in zip(_FILTERS, self.lists, strict=True) if values
        }
        if self.words:
            query["words"] = self.words
        if self.since is not None:
            query["since"] = _written(self.since)
        if self.until is not None:
            query["until"] = _written(self.until)
        return query

    @property
    def lists(self) -> tuple[tuple[str, ...], ...]:
        """The fields with several values, in the order of their names."""
        return (self.cameras, self.labels, self.kinds, self.zones, self.plates, self.faces)

    @property
    def segments(self) -> Iterator[str]:
        """How they are named in an identifier."""
        for name, values in zip(_FIELDS, self.lists, strict=True):
            yield from (f"{name}={quote(value, safe='')}" for value in values)
        if self.words:
            yield f"words={quote(self.words, safe='')}"
        if self.since is not None:
            yield f"since={_written(self.since)}"
        if self.until is not None:
            yield f"until={_written(self.until)}"


_FILTERS = ("monitor", "label", "kind", "zone", "plate", "face")
"""What the API calls the fields with several values."""
_FIELDS = ("camera", *_FILTERS[1:])
"""What they are called in an identifier."""
NOTHING_SAID: Final = Wanted()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A node: the events of a bridge, system or monitor that are wanted, of a day, or of an hour that begins at a time (UTC).

    `shows` says how: by LABELS, by KINDS, the LATEST or FOUND one by one, or (empty) by what is next: systems, monitors, days,
    hours, events. `after` is where the node before ended: the bridge's cursor, a day, or how many children there were so far.
    """

    bridge_id: str
    system: str | None = None
    monitor: str | None = None
    wanted: Wanted = field(default=NOTHING_SAID)
    day: date | None = None
    hour: datetime | None = None
    shows: str = ""
    after: str | None = None

    def format(self) -> str:
        """Return the identifier."""
        parts = [quote(self.bridge_id, safe="")]
        parts += [key for key in (self.system, self.monitor) if key is not None]
        parts += self.wanted.segments
        if self.day is not None:
            parts.append(f"day={self.day.isoformat()}")
        if self.hour is not None:
            parts.append(f"hour={_written(self.hour)}")
        if self.shows:
            parts.append(f"show={self.shows}")
        if self.after is not None:
            parts.append(f"after={quote(self.after, safe='')}")
        return "/".join(parts)

    @classmethod
    def parse(cls, identifier: str) -> Self | None:
        """Return the place with this identifier, None where there can be none."""
        if not identifier or len(identifier) > _LONGEST:
            return None
        try:
            place = cls._read(identifier.split("/"))
        except ValueError:
            return None
        return place if place.format() == identifier else None

    @classmethod
    def _read(cls, parts: Sequence[str]) -> Self:
        keys: list[str] = []
        said: dict[str, list[str]] = {}
        for part in parts[1:]:
            name, is_named, value = part.partition("=")
            if is_named:
                said.setdefault(name, []).append(_text(value))
            else:
                keys.append(name)
        system, monitor = (*keys, None, None)[:2]
        if any(key is not None and not looks.fullmatch(key) for key, looks in ((system, _SYSTEM), (monitor, _MONITOR))):
            raise ValueError("no key of a system or monitor")
        if any(not _CAMERA.fullmatch(camera) for camera in said.get("camera", ())):
            raise ValueError("no camera")
        shows = said["show"][0] if "show" in said else ""
        if shows and shows not in _SHOWS:
            raise ValueError("nothing that can be shown")
        return cls(
            bridge_id=_text(parts[0]),
            system=system,
            monitor=monitor,
            wanted=_wanted(said),
            day=None if "day" not in said else _date(said["day"][0]),
            hour=None if "hour" not in said else _time(said["hour"][0]),
            shows=shows,
            after=said["after"][0] if "after" in said else None,
        )


def _wanted(said: dict[str, list[str]]) -> Wanted:
    cameras, labels, kinds, zones, plates, faces = (tuple(said.get(name, ())) for name in _FIELDS)
    if len(cameras) > MOST_CAMERAS or any(len(values) > _MOST_VALUES for values in said.values()):
        raise ValueError("too many values")
    if any(len(value) > _LONGEST_VALUE for name in (*_FIELDS, "words") for value in said.get(name, ())):
        raise ValueError("a value is too long")
    return Wanted(
        cameras=cameras,
        labels=labels,
        kinds=kinds,
        zones=zones,
        plates=plates,
        faces=faces,
        words=said["words"][0] if "words" in said else "",
        since=_time(said["since"][0]) if "since" in said else None,
        until=_time(said["until"][0]) if "until" in said else None,
    )


def narrowed(wanted: Wanted, since: datetime | None, until: datetime | None) -> Wanted:
    """Return what is wanted of those that began from `since` on and before `until`."""
    starts = [time for time in (wanted.since, since) if time is not None]
    ends = [time for time in (wanted.until, until) if time is not None]
    return replace(wanted, since=max(starts, default=None), until=min(ends, default=None))


def start_of(day: date, zone: tzinfo) -> datetime:
    """Return when a day begins there, in UTC. Raises OverflowError at the ends of the calendar."""
    return datetime(day.year, day.month, day.day, tzinfo=zone).astimezone(UTC)


def span_of_day(day: date, zone: tzinfo) -> tuple[datetime, datetime]:
    """Return from when to when a day is, in UTC: it may have 23 hours, or 25. Raises OverflowError at the calendar's ends."""
    return start_of(day, zone), start_of(day + timedelta(days=1), zone)


def end_of_hour(start: datetime, zone: tzinfo) -> datetime:
    """Return when the hour of a timeline that begins then is over: where clocks are set by half an hour, one is longer."""
    end = start + _HOUR
    for _ in range(3):
        if not end.astimezone(zone).minute:
            break
        end += _QUARTER
    return end


def _written(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").zfill(20)


def _text(quoted: str) -> str:
    text = unquote(quoted, errors="strict")
    if not text or len(text) > _LONGEST_CURSOR or not text.isprintable():
        raise ValueError("no text")
    return text


def _time(text: str) -> datetime:
    if not _TIME.fullmatch(text):
        raise ValueError("no time")
    return datetime.fromisoformat(text).astimezone(UTC)


def _date(text: str) -> date:
    if not _DAY.fullmatch(text):
        raise ValueError("no day")
    return date.fromisoformat(text)
