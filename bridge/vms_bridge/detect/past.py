"""What was found before, so that nobody is told again of a car that stands where it stood: values, kept as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from vms_bridge.detect.choose import Groups
from vms_bridge.detect.geometry import overlap
from vms_bridge.detect.labels import LABEL_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vms_bridge.detect.values import Box, Found

MOST_ENTRIES = 256
"""How many things are remembered of one camera; beyond, those that were not seen for longest are forgotten."""
MOST_CHARACTERS = 200_000
_MOST = 1e15
_SETTLED = 10
"""After how many sightings a place moves no slower: it still follows what creeps."""


@dataclass(frozen=True, slots=True)
class Seen:
    """Something at a place: its box is the running mean of those that were seen, times are seconds of the wall clock."""

    label: str
    box: Box
    times: int
    first_s: float
    last_s: float


@dataclass(frozen=True, slots=True)
class Past:
    """What was found at one camera. It never changes: what is seen makes another one."""

    entries: tuple[Seen, ...] = ()
    overlap: float = 0.85
    forget_s: float = 43_200.0
    groups: Groups = field(default_factory=Groups, compare=False, repr=False)

    def marked(self, found: Iterable[Found], now_s: float) -> tuple[Found, ...]:
        """Return the findings, with those marked as known that were at the same place before."""
        past = self._still(now_s)
        return tuple(
            replace(one, is_known=True) if not one.is_known and self._match(one, past) is not None else one for one in found
        )

    def after(self, found: Iterable[Found], now_s: float) -> Past:
        """Return the past with these findings in it: each is one that was there, or a new one."""
        entries: list[Seen | None] = list(self._still(now_s))
        added: list[Seen] = []
        for one in sorted(found, key=lambda each: -each.score):
            match = self._match(one, entries)
            if match is None:
                added.append(Seen(one.label, one.box, 1, now_s, now_s))
            else:
                old = entries[match]
                assert old is not None  # noqa: S101  # what matches is there
                added.append(_moved(old, one, now_s))
                entries[match] = None  # one thing is seen once in a frame
        kept = sorted([*(one for one in entries if one is not None), *added], key=lambda one: one.last_s)
        return replace(self, entries=tuple(kept[-MOST_ENTRIES:]))

    def to_json(self) -> str:
        """Return what is remembered as text."""
        return json.dumps([[one.label, *one.box, one.times, one.first_s, one.last_s] for one in self.entries])

    def with_json(self, text: str) -> Past:
        """Return what the text says is remembered; of what it does not say rightly nothing is."""
        try:
            rows = json.loads(text) if len(text) <= MOST_CHARACTERS else []
        except (ValueError, RecursionError):
            rows = []
        entries = [seen for row in rows if (seen := _seen(row))] if isinstance(rows, list) else []
        return replace(self, entries=tuple(entries[-MOST_ENTRIES:]))

    def _still(self, now_s: float) -> tuple[Seen, ...]:
        """Return what is not forgotten. What lies in the future, by a clock that was wrong, is taken for seen now."""
        current = (replace(one, last_s=now_s) if one.last_s > now_s else one for one in self.entries)
        return tuple(one for one in current if now_s - one.last_s <= self.forget_s)

    def _match(self, one: Found, entries: Sequence[Seen | None]) -> int | None:
        """Return which entry it is, the one that it overlaps most."""
        group = self.groups.of(one.label)
        best, match = 0.0, None
        for at, entry in enumerate(entries):
            # The group comes last: it takes a pattern for each label, and next to nothing overlaps.
            if (
                entry is not None
                and (common := overlap(one.box, entry.box)) >= self.overlap
                and common > best
                and self.groups.of(entry.label) == group
            ):
                best, match = common, at
        return match


def _moved(old: Seen, one: Found, now_s: float) -> Seen:
    times = old.times + 1
    part = 1 / min(times, _SETTLED)
    x, y, width, height = (was + (now - was) * part for was, now in zip(old.box, one.box, strict=True))
    return Seen(one.label, (x, y, width, height), times, old.first_s, now_s)


def _seen(row: object) -> Seen | None:
    """Return what one row of the text says, None where it is no such row."""
    if not isinstance(row, list) or len(row) != 8 or not isinstance(row[0], str):
        return None
    numbers = [float(value) for value in row[1:] if isinstance(value, int | float) and abs(value) < _MOST]
    if len(numbers) != 7:
        return None
    x, y, width, height, times, first_s, last_s = numbers
    return Seen(row[0][:LABEL_LENGTH], (x, y, width, height), max(int(times), 1), first_s, last_s)
