"""Which zones an event's notes and cause name: pure, and total over any text.

ZoneMinder writes one section for each cause, sorted by their names, with nothing between them (Event::createNotes in
src/zm_event.cpp): `Motion: Gate, Left handPerson: seen at gate`. Zones are joined by `, `, sorted by name; names may hold
commas, colons and one another. So the text can't be split: it is read as a row of known names, in every way that is possible.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

_NOTES, _CAUSE = ", ", ","
"""What separates two zones in the notes and, from 1.37 on, in the cause."""
_MARKER = re.compile(r"Motion: ?")
# What ZoneMinder itself, or a detection hook, writes behind the last zone.
_OWN = re.compile(
    r"Signal: (?:Lost|Reacquired|Unknown)|(?:ONVIF|Forced Web|Linked|Continuous):(?: |$)"
    r"|\s*(?:\||\n|--SPLIT--|\[\w\] |detected:)"
)
# A cause of somebody's own: zmtrigger takes up to 31 bytes. Its text may be empty.
_FOREIGN = re.compile(r"((?:(?!, )[^\n]){1,31}?):(?: |$)")
_LONGEST = 2000
_TRIES = 8
"""The word `Motion:` may be in the text of another cause."""


@dataclass(frozen=True, slots=True)
class NamedZones:
    """The names of zones that a text holds for certain, and those that it may hold too."""

    names: tuple[str, ...] = ()
    doubtful: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Reading:
    """The best ways to read the rest of a list: how good they are, and which names are in all, and in any of them."""

    badness: tuple[int, int, int]
    """How many items are no known names, and how many out of order; how odd is what follows the list."""
    certain: frozenset[str]
    possible: frozenset[str]


_NOTHING = _Reading((0, 0, 0), frozenset(), frozenset())


def named_zones(notes: str, known: Collection[str], *, cause: str = "") -> NamedZones:
    """Return which of the `known` zones are named, in their order; the cause names some from 1.37 on (`Motion:Left,Right`)."""
    names = [name for name in dict.fromkeys(known) if name.strip()]
    by_cause, by_notes = _best(cause, _CAUSE, names), _best(notes, _NOTES, names)
    certain = _NOTHING.certain if by_cause is None else by_cause.certain
    if by_notes is not None:
        certain |= by_notes.certain
        possible = frozenset(names) if by_notes.badness[0] else by_notes.possible  # the unknown may be one of another name
    else:
        # A cause is written once: later zones were in the notes, which somebody has overwritten.
        possible = _NOTHING.possible if by_cause is None else frozenset(names)
    return NamedZones(tuple(name for name in names if name in certain), possible - certain)


def unknown_names(notes: str) -> tuple[str, ...]:
    """Return the names where no zones are known: what may end in another cause's name is left out."""
    found = _MARKER.search(notes)
    names: dict[str, None] = {}
    for item in notes[found.end() :].split(_NOTES) if found is not None else ():
        own = _OWN.search(item)
        name = (item[: own.start()] if own else item).strip()
        if ":" in name:
            break
        if name:
            names[name] = None
        if own:
            break
    return tuple(names)


def _best(text: str, joint: str, names: Collection[str]) -> _Reading | None:
    """Return the best reading of the lists in this text; None where there is none."""
    best: _Reading | None = None
    for found, _ in zip(_MARKER.finditer(text), range(_TRIES), strict=False):
        reading = _read(text[found.end() :][:_LONGEST], joint, names)
        # Of equals the first: what follows it may be somebody's text.
        if best is None or reading.badness[:2] < best.badness[:2]:
            best = reading
    return best


def _read(text: str, joint: str, names: Collection[str]) -> _Reading:
    """Read the text as a list of names and what follows it, from its end, for each place where an item may begin."""
    if not text.strip():
        return _NOTHING
    items = text.split(joint)
    if (
        all(item in names for item in items)
        and not any(joint in name and name in text for name in names)
        and items == sorted(items)
    ):
        return _Reading((0, 0, 0), frozenset(items), frozenset(items))  # nearly always
    places = [0, *(found.end() for found in re.finditer(re.escape(joint), text))]
    follow: dict[int, dict[str, _Reading]] = {}
    """By where an item begins: the rest read with each name as the first; the name `` is one that is not known."""
    for place in reversed(places):
        options = follow[place] = {}
        for name in _names_at(text, place, names):
            end = min(place + len(name), len(text))
            ways = [_then(name, follow[end + len(joint)], is_sorted=joint == _NOTES)] if text.startswith(joint, end) else []
            oddness = _oddness(text[end:], joint)
            if oddness is not None:
                ways.append(_Reading((0, 0, oddness), frozenset({name}), frozenset({name})))
            if ways:
                options[name] = _merged(ways)
        after = text.find(joint, place)
        rest = _NOTHING if after < 0 else _merged(follow[after + len(joint)].values())
        options[""] = replace(rest, badness=(rest.badness[0] + 1, *rest.badness[1:]))
    return _merged(follow[0].values())


def _names_at(text: str, place: int, names: Iterable[str]) -> list[str]:
    # Blanks at the end of the text are gone.
    return [name for name in names if text.startswith(name, place) or text[place:] == name.rstrip()]


def _then(name: str, options: Mapping[str, _Reading], *, is_sorted: bool) -> _Reading:
    """Put the name before what follows it."""
    ways = []
    for following, way in options.items():
        unknown, disorder, oddness = way.badness
        is_in_order = not is_sorted or not following or name.encode() < following.encode()
        ways.append(_Reading((unknown, disorder + (not is_in_order), oddness), way.certain | {name}, way.possible | {name}))
    return _merged(ways)


def _merged(readings: Iterable[_Reading]) -> _Reading:
    """Return the best of these; of equally good ones, what all and what any of them say."""
    ways = list(readings)
    best = min(way.badness for way in ways)
    ways = [way for way in ways if way.badness == best]
    certain, possible = ways[0].certain, ways[0].possible
    for way in ways[1:]:
        certain, possible = certain & way.certain, possible | way.possible
    return _Reading(best, certain, possible)


def _oddness(rest: str, joint: str) -> int | None:
    """Say how odd it is that this follows the last zone; None where it can't."""
    if not rest.strip():
        return 0
    if joint == _CAUSE:
        return 1 if rest.startswith(", ") else None  # a cause is followed by the next one
    if _OWN.match(rest):
        return 1
    foreign = _FOREIGN.match(rest)
    if foreign is None or foreign[1].encode() <= b"Motion":
        return None
    return 3 if foreign[1][0].islower() else 2
