"""What nodes of the media browser are called. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .media_words import clock, duration
from .places import FOUND, KINDS, LABELS, LATEST, end_of_hour
from .searching import tell

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, datetime, tzinfo

    from .found_events import FoundEvent
    from .media_words import Words
    from .places import Place
    from .searching import Vocabulary

_APART = " · "


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Who reads titles: in which words, where, and on which day."""

    words: Words
    zone: tzinfo
    today: date


def of_place(place: Place, names: tuple[str, str, str], reader: Reader, vocabulary: Callable[[], Vocabulary]) -> str:
    """Return what a place is called; `names` are those of its bridge, system and monitor."""
    words = reader.words
    if place.shows == FOUND:
        return tell(place.wanted, vocabulary(), words, reader.zone) or words.nothing
    if (shows := {LATEST: words.latest, LABELS: words.by_label, KINDS: words.by_kind}.get(place.shows)) is not None:
        return shows
    return _of_time(place, reader) or _of_filter(place, words) or next(filter(None, reversed(names)), "")


def _of_time(place: Place, reader: Reader) -> str:
    """Return what the hour or day is called; empty where there is none."""
    if place.hour is not None:
        return f"{clock(place.hour, reader.zone)}\u2013{clock(end_of_hour(place.hour, reader.zone), reader.zone)}"
    return "" if place.day is None else reader.words.day(place.day, reader.today)


def _of_filter(place: Place, words: Words) -> str:
    return ", ".join(place.wanted.labels or map(words.kind, place.wanted.kinds))


def of_event(event: FoundEvent, words: Words, zone: tzinfo, *, is_of_a_day: bool, is_of_a_monitor: bool) -> str:
    """Return what an event is called: when it began, where, what was seen, how long it took; not what its place says already."""
    parts = [] if event.start is None else [_began(event.start, zone, is_of_a_day=is_of_a_day)]
    if not is_of_a_monitor:
        parts.append(event.monitor_name)
    seen = ", ".join(event.labels[:4]) or event.cause or words.kind(event.kind or words.event)
    parts.append(seen if event.score is None else f"{seen} {event.score:.0%}")
    if event.zones:
        parts.append(", ".join(event.zones[:4]))
    if event.duration_s is not None:
        parts.append(duration(event.duration_s))
    return _APART.join(parts)


def _began(start: datetime, zone: tzinfo, *, is_of_a_day: bool) -> str:
    if is_of_a_day:
        return clock(start, zone, seconds=True)
    local = start.astimezone(zone)
    return f"{local.date().isoformat()} {clock(start, zone)}"
