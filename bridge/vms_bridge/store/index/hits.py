"""What a question finds: first which events, as sets of bits, then as many of their keys as are wanted, or how many there are.

Sets know no order within their block. It comes from the tokens of the quarters of an hour, by which a set is halved until little
is left of it, and from the keys of that.
"""

from __future__ import annotations

from bisect import bisect_right
from contextlib import closing
from typing import TYPE_CHECKING

from vms_bridge.store.index.bits import members
from vms_bridge.store.index.postings import PART_BITS, SLOT_BITS, BitSets, first_block
from vms_bridge.store.index.rows import QUARTER, QUARTERS, SPAN, span_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from vms_bridge.store.index.postings import Bits
    from vms_bridge.store.index.search import Question

_FEW = 256
"""So many keys are looked up and put in order, rather than halved once more."""
_COUNTED = 16
"""The same where they are only counted, and it takes the tokens of quarters to halve them."""
_SLOT = (1 << SLOT_BITS) - 1


def found(connection: sqlite3.Connection, question: Question, first: int, end: int) -> Bits:
    """Return what is found in the spans of time from `first` to before `end`, some of it perhaps outside of what is asked for."""
    sets = BitSets(connection, first_block(first), first_block(end))
    alive = sets.living()
    for each in question.filters:
        if not alive:
            break
        alive = each.narrow(alive, sets.only(alive))
    return alive


def all_found(connection: sqlite3.Connection, question: Question) -> Bits:
    """Return all that is found, and what else is in the same spans of time."""
    return found(connection, question, *_spans_of(question)) if question.low < question.high else {}


def keys(connection: sqlite3.Connection, question: Question, *, newest_first: bool = True) -> Iterator[int]:
    """Yield the keys of what is found, in order; of spans of time that are far off nothing is read before it is wanted."""
    if question.low >= question.high:
        return
    first, end = _spans_of(question)
    spans = BitSets(connection, first_block(first), first_block(end)).spans()
    at_once = 1
    while spans:
        part = spans[-at_once:] if newest_first else spans[:at_once]
        spans = spans[:-at_once] if newest_first else spans[at_once:]
        alive = found(connection, question, part[0], part[-1] + 1)
        yield from keys_of(connection, question, alive, newest_first=newest_first)
        at_once *= 4


def keys_of(connection: sqlite3.Connection, question: Question, alive: Bits, *, newest_first: bool) -> Iterator[int]:
    """Yield the keys of these that are within the question's time, in order."""
    by_span = _by_span(alive)
    for span in sorted(by_span, reverse=newest_first):
        yield from _Span(connection, question, span, by_span[span]).keys(newest_first=newest_first)


def within(connection: sqlite3.Connection, question: Question, alive: Bits) -> Bits:
    """Return those of these that are within the question's time, which only its first and last span can have others of."""
    kept = dict(alive)
    by_span = _by_span(alive)
    for number in {span_of(question.low), span_of(question.high - 1)} & by_span.keys():
        part = by_span[number]
        if question.low <= number * SPAN and (number + 1) * SPAN <= question.high:
            continue
        for block in part:
            del kept[block]
        kept |= _Span(connection, question, number, part).within()
    return kept


def count(connection: sqlite3.Connection, question: Question, alive: Bits, edges: Sequence[int]) -> list[int]:
    """Return how many of these are from each edge to before the next one."""
    counts = [0] * (len(edges) - 1)
    for span, part in _by_span(alive).items():
        _Span(connection, question, span, part).count(edges, counts)
    return counts


def _by_span(alive: Bits) -> dict[int, Bits]:
    spans: dict[int, Bits] = {}
    for block, bits in alive.items():
        spans.setdefault(block >> PART_BITS, {})[block] = bits
    return spans


def _spans_of(question: Question) -> tuple[int, int]:
    return span_of(question.low), span_of(question.high - 1) + 1


class _Span:
    """What is found in one span of time."""

    def __init__(self, connection: sqlite3.Connection, question: Question, span: int, alive: Bits) -> None:
        self._connection = connection
        self._low, self._high = question.low, question.high
        self._start = span * SPAN
        self._alive = alive
        self._slices: dict[int, list[int]] | None = None

    def keys(self, *, newest_first: bool) -> Iterator[int]:
        """Yield the keys, in order."""
        return self._ordered(self._alive, QUARTERS.width, self._start, newest_first=newest_first)

    def count(self, edges: Sequence[int], counts: list[int]) -> None:
        """Count what is between the edges."""
        self._count(self._alive, QUARTERS.width, self._start, edges, counts)

    def within(self) -> Bits:
        """Return those that are within the question's time."""
        kept: Bits = {}
        self._keep(self._alive, QUARTERS.width, self._start, kept)
        return kept

    def _keep(self, alive: Bits, level: int, start: int, kept: Bits) -> None:
        end = start + (QUARTER << level)
        if not alive or end <= self._low or start >= self._high:
            return
        if self._low <= start and end <= self._high:
            found = alive
        elif level:
            for half, at in zip(self._halves(alive, level - 1), (start, start + (QUARTER << level - 1)), strict=True):
                self._keep(half, level - 1, at, kept)
            return
        else:
            found = self._slots(alive, start, end)
        for block, bits in found.items():
            kept[block] = kept.get(block, 0) | bits

    def _slots(self, alive: Bits, start: int, end: int) -> Bits:
        """Return those of a quarter of an hour that are within the question's time."""
        found: Bits = {}
        rows = self._connection.execute(
            "SELECT slot FROM events WHERE key >= ? AND key < ?", (max(start, self._low), min(end, self._high))
        )
        with closing(rows):
            for (slot,) in rows:
                block = slot >> SLOT_BITS
                found[block] = found.get(block, 0) | 1 << (slot & _SLOT)
        return {block: both for block, bits in found.items() if (both := bits & alive.get(block, 0))}

    def _ordered(self, alive: Bits, level: int, start: int, *, newest_first: bool) -> Iterator[int]:
        """Yield the keys of what is in the 2 ** `level` quarters from `start` on."""
        end = start + (QUARTER << level)
        if not alive or end <= self._low or start >= self._high:
            return
        if _size(alive) <= _FEW:
            yield from sorted(self._looked_up(alive), reverse=newest_first)
        elif not level:
            yield from self._read_through(alive, start, end, newest_first=newest_first)
        else:
            lower, upper = self._halves(alive, level - 1)
            middle = start + (QUARTER << level - 1)
            for half, at in ((upper, middle), (lower, start)) if newest_first else ((lower, start), (upper, middle)):
                yield from self._ordered(half, level - 1, at, newest_first=newest_first)

    def _count(self, alive: Bits, level: int, start: int, edges: Sequence[int], counts: list[int]) -> None:
        number = bisect_right(edges, start) - 1
        end, size = start + (QUARTER << level), _size(alive)
        if number + 1 >= len(edges) or not size:
            return
        if edges[number + 1] >= end:  # all of it lies between two edges
            if number >= 0:
                counts[number] += size
        elif not level or size == 1 or (size <= _COUNTED and self._slices is None):
            few = size <= _FEW
            for key in self._looked_up(alive) if few else self._read_through(alive, start, end, newest_first=True):
                number = bisect_right(edges, key) - 1
                if 0 <= number < len(counts):
                    counts[number] += 1
        else:
            lower, upper = self._halves(alive, level - 1)
            self._count(lower, level - 1, start, edges, counts)
            self._count(upper, level - 1, start + (QUARTER << level - 1), edges, counts)

    def _halves(self, alive: Bits, bit: int) -> tuple[Bits, Bits]:
        """Return those in whose number of the quarter this bit is not set, and those in which it is."""
        if self._slices is None:
            self._slices = BitSets(self._connection, min(self._alive), max(self._alive) + 1).slices(QUARTERS.tokens, self._alive)
        lower: Bits = {}
        upper: Bits = {}
        for block, bits in alive.items():
            if above := bits & self._slices[block][bit]:
                upper[block] = above
            if below := bits ^ above:
                lower[block] = below
        return lower, upper

    def _looked_up(self, alive: Bits) -> Iterator[int]:
        """Yield the keys of these that are within the question's time."""
        query = "SELECT key FROM events WHERE slot = ?"
        for block, bits in alive.items():
            for slot in members(bits):
                row = self._connection.execute(query, (block << SLOT_BITS | slot,)).fetchone()
                if row is not None and self._low <= row[0] < self._high:
                    yield row[0]

    def _read_through(self, alive: Bits, start: int, end: int, *, newest_first: bool) -> Iterator[int]:
        """Yield the same, in order, from among all that began in that time: of many that began together."""
        order = "DESC" if newest_first else "ASC"
        rows = self._connection.execute(
            f"SELECT key, slot FROM events WHERE key >= ? AND key < ? ORDER BY key {order}",  # noqa: S608 - one of two words
            (max(start, self._low), min(end, self._high)),
        )
        with closing(rows):
            for key, slot in rows:
                if alive.get(slot >> SLOT_BITS, 0) >> (slot & _SLOT) & 1:
                    yield key


def _size(alive: Bits) -> int:
    return sum(map(int.bit_count, alive.values()))
