"""What nodes of the media browser are called. Pure."""

from __future__ import annotations

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


def of_place(
    place: Place, names: tuple[str, str, str], words: Words, today: date, zone: tzinfo, vocabulary: Callable[[], Vocabulary]
) -> str:
    """Return what a place is called; `names` are those of its bridge, system and monitor."""
    if place.shows == FOUND:
        return tell(place.wanted, vocabulary(), words, zone) or words.nothing
    if (shows := {LATEST: words.latest, LABELS: words.by_label, KINDS: words.by_kind}.get(place.shows)) is not None:
        return shows
    if place.hour is not None:
        return f"{clock(place.hour, zone)}\u2013{clock(end_of_hour(place.hour, zone), zone)}"
    if place.day is not None:
        return words.day(place.day, today)
    if place.wanted.labels:
        return ", ".join(place.wanted.labels)
    if place.wanted.kinds:
        return ", ".join(map(words.kind, place.wanted.kinds))
    bridge, system, monitor = names
    return monitor or system or bridge


def of_event(event: FoundEvent, words: Words, zone: tzinfo, *, is_of_a_day: bool, is_of_a_monitor: bool) -> str:
    """Return what an event is called: when it began, where, what was seen, how long it took; not what its place says already."""
    parts = [] if event.start is None else [_began(event.start, words, zone, is_of_a_day=is_of_a_day)]
    if not is_of_a_monitor:
        parts.append(event.monitor_name)
    seen = ", ".join(event.labels[:4]) or event.cause or words.kind(event.kind or words.event)
    parts.append(seen if event.score is None else f"{seen} {event.score:.0%}")
    if event.zones:
        parts.append(", ".join(event.zones[:4]))
    if event.duration_s is not None:
        parts.append(duration(event.duration_s))
    return _APART.join(parts)


def _began(start: datetime, words: Words, zone: tzinfo, *, is_of_a_day: bool) -> str:
    if is_of_a_day:
        return clock(start, zone, seconds=True)
    local = start.astimezone(zone)
    return f"{local.date().isoformat()} {clock(start, zone)}"
