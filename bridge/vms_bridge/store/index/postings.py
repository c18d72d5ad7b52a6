"""By which tokens which events are found: for each token and each block of events the set of those that have it.

Events that began in the same span of time are in the same blocks, each in a slot of its own, in any order. A row of the table
is a token and a block; those of one token lie together, block by block, and so in the order of time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.store.index.bits import SLOTS, bits_of, changed, free_slot
from vms_bridge.store.index.rows import LIVING, span_of

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

Bits = dict[int, int]
"""Sets by their blocks, none of them empty."""
PART_BITS = 12
"""A block's number is its span, then its part of it: as many as it takes."""
SLOT_BITS = 13
_BLOCK_BITS = 32
_BLOCKS = (1 << _BLOCK_BITS) - 1


def first_block(span: int) -> int:
    """Return the number of the first block of a span of time."""
    return span << PART_BITS


class BitSets:
    """Reads sets, of blocks from `first` to before `end`."""

    def __init__(self, connection: sqlite3.Connection, first: int, end: int) -> None:
        self._connection = connection
        self._first, self._end = min(first, _BLOCKS), min(end, _BLOCKS + 1)

    def living(self) -> Bits:
        """Return all events."""
        return {block: bits_of(data) for block, data in self._rows(LIVING)}

    def spans(self) -> list[int]:
        """Return the spans of time in which events began, in their order."""
        return sorted({block >> PART_BITS for block, _ in self._rows(LIVING)})

    def of(self, token: int, alive: Bits) -> list[tuple[int, int]]:
        """Return the sets of a token, of blocks of which something is `alive`."""
        return [(block, bits_of(data)) for block, data in self._rows(token) if block in alive]

    def any_of(self, tokens: Iterable[int], alive: Bits) -> Bits:
        """Return which of those that are alive have one of these tokens."""
        found: Bits = {}
        for token in tokens:
            for block, bits in self.of(token, alive):
                found[block] = found.get(block, 0) | bits
        return {block: both for block, bits in found.items() if (both := bits & alive[block])}

    def count(self, token: int, alive: Bits) -> int:
        """Return how many of those that are alive have this token."""
        return sum((bits & alive[block]).bit_count() for block, bits in self.of(token, alive))

    def slices(self, tokens: Sequence[int], alive: Bits) -> dict[int, list[int]]:
        """Return, by block, the set of each of these tokens."""
        found = {block: [0] * len(tokens) for block in alive}
        for place, token in enumerate(tokens):
            for block, bits in self.of(token, alive):
                found[block][place] = bits
        return found

    def only(self, alive: Bits) -> BitSets:
        """Return what reads no more than it takes for these."""
        return BitSets(self._connection, min(alive), max(alive) + 1)

    def _rows(self, token: int) -> list[tuple[int, bytes]]:
        base = token << _BLOCK_BITS
        rows = self._connection.execute(
            "SELECT place, bits FROM postings WHERE place >= ? AND place < ?", (base | self._first, base + self._end)
        )
        return [(place & _BLOCKS, data) for place, data in rows]


_MOST_KEPT = 2_000
"""So many sets are kept as they were written, which live events change again and again: two megabytes at most."""


class Postings:
    """Changes sets; what a transaction changes is written at its end, each set once. To be made anew when one has failed."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._changes: dict[int, dict[int, bool]] = {}
        self._kept: dict[int, bytes] = {}
        self._spans: dict[int, Bits] = {}
        """The events of the spans that the transaction adds to."""

    def take_slot(self, key: int) -> int:
        """Return a slot, with its block's number, for an event with this key."""
        span = span_of(key)
        blocks = self._spans.get(span)
        if blocks is None:
            first = first_block(span)
            blocks = self._spans[span] = BitSets(self._connection, first, first + (1 << PART_BITS)).living()
            for block in blocks:
                for slot, is_in in self._changes.get(LIVING << _BLOCK_BITS | block, {}).items():
                    if not is_in:
                        blocks[block] &= ~(1 << slot)
        with_room = next(((block, slot) for block, bits in blocks.items() if (slot := free_slot(bits)) < SLOTS), None)
        block, slot = with_room or (max(blocks, default=first_block(span) - 1) + 1, 0)
        blocks[block] = blocks.get(block, 0) | 1 << slot
        self._change(LIVING, block, slot, is_in=True)
        return block << SLOT_BITS | slot

    def free(self, slot: int) -> None:
        """Have the slot free again."""
        block, slot = slot >> SLOT_BITS, slot & (1 << SLOT_BITS) - 1
        blocks = self._spans.get(block >> PART_BITS)
        if blocks and block in blocks:
            blocks[block] &= ~(1 << slot)
        self._change(LIVING, block, slot, is_in=False)

    def change(self, slot: int, tokens: Iterable[int], *, is_in: bool) -> None:
        """Have the event in this slot found by these tokens, or not any more."""
        block, slot = slot >> SLOT_BITS, slot & (1 << SLOT_BITS) - 1
        for token in tokens:
            self._change(token, block, slot, is_in=is_in)

    def write(self) -> None:
        """Write what was changed."""
        written: list[tuple[int, bytes]] = []
        emptied: list[tuple[int]] = []
        for place, slots in self._changes.items():
            before = self._kept.get(place)
            if before is None:
                row = self._connection.execute("SELECT bits FROM postings WHERE place = ?", (place,)).fetchone()
                before = row[0] if row else b""
            data = self._kept[place] = changed(before, slots)
            if data:
                written.append((place, data))
            elif before:
                emptied.append((place,))
        if len(self._kept) > _MOST_KEPT:
            self._kept.clear()
        self._connection.executemany("INSERT OR REPLACE INTO postings VALUES (?, ?)", written)
        self._connection.executemany("DELETE FROM postings WHERE place = ?", emptied)
        self._changes.clear()

    def end(self) -> None:
        """Write what the transaction has changed: it is over."""
        self.write()
        self._spans.clear()

    def has(self, token: int) -> bool:
        """Say whether any event is written that has this token."""
        base = token << _BLOCK_BITS
        query = "SELECT 1 FROM postings WHERE place >= ? AND place <= ?"
        return self._connection.execute(query, (base, base | _BLOCKS)).fetchone() is not None

    def _change(self, token: int, block: int, slot: int, *, is_in: bool) -> None:
        self._changes.setdefault(token << _BLOCK_BITS | block, {})[slot] = is_in
