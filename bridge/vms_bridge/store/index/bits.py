"""Sets of events, as bits: in memory numbers, of which two are joined or compared at once; in the file as short as they can be.

A set has the events of one block, each by its slot there. A few are written as a list of slots, more as the bits themselves.
"""

from __future__ import annotations

import struct
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SLOTS = 7_680
"""How many events are in a block at most: four sets of so many bits fill a page of the file."""
_FEW = 32
_SHORT = 2 * _FEW
"""Up to so many bytes it is a list; bits have one more at least."""

_shifted = (1).__lshift__


def bits_of(data: bytes) -> int:
    """Return the set that was written so."""
    if len(data) > _SHORT:
        return int.from_bytes(data, "little")
    return reduce(or_, map(_shifted, _listed(data)), 0)


def changed(data: bytes, changes: Mapping[int, bool]) -> bytes:
    """Return how the set is written when these slots are in it, or are not any more; nothing is left of an empty one."""
    if len(data) <= _SHORT:
        few = {*_listed(data)} - {slot for slot, is_in in changes.items() if not is_in}
        few.update(slot for slot, is_in in changes.items() if is_in)
        if len(few) <= _FEW:
            return _list(sorted(few))
        held = _spread(few)
    else:
        held = bytearray(data.ljust(SLOTS // 8, b"\0"))
        for slot, is_in in changes.items():
            if is_in:
                held[slot >> 3] |= 1 << (slot & 7)
            else:
                held[slot >> 3] &= 0xFF ^ 1 << (slot & 7)
        if not all(changes.values()) and (bits := int.from_bytes(held, "little")).bit_count() <= _FEW:
            return _list(members(bits))
    return bytes(held).rstrip(b"\0").ljust(_SHORT + 1, b"\0")


def members(bits: int) -> list[int]:
    """Return the slots that are in a set, in their order; it is for small ones."""
    found: list[int] = []
    while bits:
        lowest = bits & -bits
        found.append(lowest.bit_length() - 1)
        bits ^= lowest
    return found


def free_slot(bits: int) -> int:
    """Return the lowest slot that is not in the set."""
    return (~bits & (bits + 1)).bit_length() - 1


def _list(slots: Sequence[int]) -> bytes:
    return struct.pack(f"<{len(slots)}H", *slots)


def _listed(data: bytes) -> tuple[int, ...]:
    count = len(data) // 2
    return struct.unpack(f"<{count}H", data[: 2 * count])


def _spread(slots: Iterable[int]) -> bytearray:
    held = bytearray(SLOTS // 8)
    for slot in slots:
        if slot < SLOTS:  # in a damaged file there may be anything
            held[slot >> 3] |= 1 << (slot & 7)
    return held
