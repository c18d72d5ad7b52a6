"""How an event is in the index: a row of numbers and texts, and the tokens by which it is found.

The row's key is its place in time: milliseconds, then a number that distinguishes what began in the same one. So the newest
events are the last rows, and a page begins wherever a time does. A token is a number: of a value, of a word, or of a bit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import IntEnum
from typing import TYPE_CHECKING, Any, Protocol

from vms_bridge.enriched import enriched
from vms_bridge.model import EndReason, Event, EventKind
from vms_bridge.store.index.slices import Slices
from vms_bridge.store.index.text import words

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vms_bridge.model import Enrichment

COLUMNS = (
    "key, monitor, event_id, start, ended, duration, kind, end_reason, flags"
    ", score, max_score, alarm_frames, facets, cause, notes, slot"
)
Row = tuple[Any, ...]
"""Its columns, in that order."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS, _US = timedelta(milliseconds=1), timedelta(microseconds=1)
PLACE_BITS = 12
PLACES = 1 << PLACE_BITS
"""How many events may begin in the same millisecond, before the next one takes them."""
_FIRST_MS = 86_400_000
FIRST = _FIRST_MS << PLACE_BITS
"""Below are the keys of events whose time is not known: what began earlier than on the second day of 1970 counts as of then."""
QUARTER = 900_000 << PLACE_BITS
SPAN = QUARTER << 9
"""A span of time has 512 quarters of an hour: the number of an event's quarter is among what it is found by."""
_OPEN, _SNAPSHOT, _CLIP, _TEXTS = 1, 2, 4, 8
_ARCHIVED, _LOCKED = (16, 32), (64, 128)
"""Whether that is known, and whether it is so."""
_TAGS = 256
"""Whether its VMS has tags."""
_LARGEST = 1 << 52


class Facet(IntEnum):
    """What can be searched for by its exact value."""

    KIND = 1
    END_REASON = 2
    LABEL = 3
    ZONE = 4
    PLATE = 5
    FACE = 6
    TAG = 7
    WORD = 8
    DIRECTION = 9


class Terms(Protocol):
    """The numbers of such values, which are their tokens."""

    def number(self, facet: Facet, value: str) -> int:
        """Return the value's number."""

    def value(self, number: int) -> tuple[Facet, str]:
        """Return what has this number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An event as the index has it, with all that others have added to it; `texts` are what these have said."""

    event: Event
    plates: tuple[str, ...] = ()
    faces: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()


def entry_of(event: Event, added: Mapping[str, Enrichment]) -> Entry:
    """Return an event with what others have added."""
    if not added:
        return Entry(event=event)
    return Entry(
        event=enriched(event, added),
        plates=tuple(dict.fromkeys(plate for one in added.values() for plate in one.plates)),
        faces=tuple(dict.fromkeys(face for one in added.values() for face in one.faces)),
        texts=texts_of(added),
    )


def texts_of(added: Mapping[str, Enrichment]) -> tuple[str, ...]:
    """Return what others have said of an event."""
    return tuple(one.text for one in added.values() if one.text)


def place_of(time: datetime) -> int:
    """Return the key from which on the events stand that began in this millisecond, or later."""
    return max(_FIRST_MS, (time - _EPOCH) // _MS) << PLACE_BITS


def time_of(key: int) -> datetime:
    """Return when what is at this key began, to the millisecond."""
    return _EPOCH + (key >> PLACE_BITS) * _MS


def storable_id(event_id: str) -> int | str:
    """Return a number for an id that is one as it is usually written: smaller, and in the order in which they were given."""
    is_number = event_id.isascii() and event_id.isdecimal() and len(event_id) <= 18 and (event_id == "0" or event_id[0] != "0")
    return int(event_id) if is_number else event_id


def row_of(entry: Entry, terms: Terms) -> Row:
    """Return the columns of the row that follow key, monitor and id."""
    event = entry.event
    flags = _OPEN * (not event.is_over) | _SNAPSHOT * event.snapshot_ready | _CLIP * event.clip_ready | _TEXTS * bool(entry.texts)
    flags |= _flags(_ARCHIVED, event.archived) | _flags(_LOCKED, event.locked) | _TAGS * (event.tags is not None)
    facets = [terms.number(facet, value) for facet, values in _facets(entry) for value in values]
    return (
        None if event.start is None else (event.start - _EPOCH) // _US,
        None if event.end is None else (event.end - (event.start or _EPOCH)) // _US,
        scaled(event.duration_s, 1_000),
        terms.number(Facet.KIND, event.kind),
        None if event.end_reason is None else terms.number(Facet.END_REASON, event.end_reason),
        flags,
        scaled(event.score, 10_000),
        _bounded(event.max_score),
        _bounded(event.alarm_frames),
        " ".join(map(str, facets)) or None,
        event.cause or None,
        event.notes or None,
    )


def stored(key: int, monitor: int, event_id: int | str, columns: Row, slot: int) -> Row:
    """Return the whole row; when the event began goes without saying where the key says it."""
    start = columns[0]
    says_so = start is not None and start == (key >> PLACE_BITS) * 1_000
    return (key, monitor, event_id, None if says_so else start, *columns[1:], slot)


def began(row: Row) -> int | None:
    """Return when the event of a whole row began, in microseconds; None where its time is not known."""
    key, start = row[0], row[3]
    return int(start) if start is not None else (key >> PLACE_BITS) * 1_000 if key >= FIRST else None


def entry_at(row: Row, monitor_id: str, terms: Terms, added: Mapping[str, Enrichment]) -> Entry:
    """Return what is in this row."""
    _, _, event_id, _, ended, duration, kind, end_reason, flags, score, max_score, frames, facets, cause, notes, _ = row
    by_facet: dict[Facet, list[str]] = {}
    for number in facets.split() if facets else ():
        facet, value = terms.value(int(number))
        by_facet.setdefault(facet, []).append(value)
    start = began(row)
    began_at = None if start is None else _EPOCH + start * _US
    event = Event(
        id=str(event_id),
        monitor_id=monitor_id,
        start=began_at,
        kind=EventKind(terms.value(kind)[1]),
        cause=cause or "",
        notes=notes or "",
        end=None if ended is None else (began_at or _EPOCH) + ended * _US,
        end_reason=None if end_reason is None else EndReason(terms.value(end_reason)[1]),
        duration_s=None if duration is None else duration / 1_000,
        alarm_frames=frames,
        max_score=max_score,
        labels=tuple(by_facet.get(Facet.LABEL, ())),
        score=None if score is None else score / 10_000,
        zones=tuple(by_facet.get(Facet.ZONE, ())),
        snapshot_ready=bool(flags & _SNAPSHOT),
        clip_ready=bool(flags & _CLIP),
        archived=_is(_ARCHIVED, flags),
        locked=_is(_LOCKED, flags),
        tags=tuple(by_facet.get(Facet.TAG, ())) if flags & _TAGS else None,
        direction=next(iter(by_facet.get(Facet.DIRECTION, ())), None),
    )
    return Entry(
        event=event,
        plates=tuple(by_facet.get(Facet.PLATE, ())),
        faces=tuple(by_facet.get(Facet.FACE, ())),
        texts=texts_of(added),
    )


def has_texts(row: Row) -> bool:
    """Say whether others have said something of the event in this row."""
    return bool(row[8] & _TEXTS)


def tokens(entry: Entry, key: int, monitor: int, terms: Terms) -> frozenset[int]:
    """Return all that the event with this key is found by."""
    event = entry.event
    found = {*MONITORS.of(monitor), *QUARTERS.of(quarter_of(key)), terms.number(Facet.KIND, event.kind)}
    found.update(terms.number(facet, value) for facet, values in _facets(entry) for value in values)
    texts = (event.cause, event.notes, *event.labels, *(event.tags or ()), *entry.texts)
    found.update(terms.number(Facet.WORD, word) for word in words(*texts))
    if not event.is_over:
        found.add(OPEN)
    if (score := scaled(event.score, 10_000)) is not None:
        found.update((SCORED, *SCORES.of(score)))
    if (duration := scaled(event.duration_s, 1_000)) is not None:
        found.update((LASTED, *DURATIONS.of(duration)))
    return frozenset(found)


LIVING, OPEN, SCORED, LASTED = 1, 2, 3, 4
"""The tokens of all events, of those that are not over, and of those that have a score, or a duration."""
QUARTERS, SCORES, MONITORS, DURATIONS = Slices(16, 9), Slices(32, 14), Slices(64, 24), Slices(96, 53)
FIRST_TERM = 256
"""From here on tokens are the numbers of values and words (file.py begins to count there)."""


def span_of(key: int) -> int:
    """Return the number of the span of time in which the event with this key began."""
    return key // SPAN


def quarter_of(key: int) -> int:
    """Return in which of its span's quarters of an hour it began."""
    return key % SPAN // QUARTER


def scaled(value: float | None, factor: int) -> int | None:
    """Return the value in whole parts; None where it has none, or is no number."""
    if value is None or not math.isfinite(value):
        return None
    return _bounded(round(value * factor))


def _facets(entry: Entry) -> Iterable[tuple[Facet, tuple[str, ...]]]:
    yield Facet.LABEL, entry.event.labels
    yield Facet.ZONE, entry.event.zones
    yield Facet.PLATE, entry.plates
    yield Facet.FACE, entry.faces
    yield Facet.TAG, entry.event.tags or ()
    yield Facet.DIRECTION, () if entry.event.direction is None else (entry.event.direction,)


def _flags(bits: tuple[int, int], value: bool | None) -> int:  # noqa: FBT001 - what is to be said
    return 0 if value is None else bits[0] | bits[1] * value


def _is(bits: tuple[int, int], flags: int) -> bool | None:
    return bool(flags & bits[1]) if flags & bits[0] else None


def _bounded(value: int | None) -> int | None:
    return None if value is None else max(-_LARGEST, min(value, _LARGEST))
