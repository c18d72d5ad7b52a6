"""What an event must be to be found: each filter keeps of the events that are still alive those that are so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from vms_bridge.store.index.slices import between, chosen

if TYPE_CHECKING:
    from vms_bridge.store.index.postings import Bits, BitSets
    from vms_bridge.store.index.slices import Plan, Slices


class Filter(Protocol):
    """One of them."""

    def narrow(self, alive: Bits, sets: BitSets) -> Bits:
        """Return those of the events that are alive that pass it."""


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Has one of these tokens."""

    tokens: tuple[int, ...]

    def narrow(self, alive: Bits, sets: BitSets) -> Bits:
        """Return those that have."""
        return sets.any_of(self.tokens, alive)


@dataclass(frozen=True, slots=True)
class Without:
    """Has not this token."""

    token: int

    def narrow(self, alive: Bits, sets: BitSets) -> Bits:
        """Return those that have not."""
        them = sets.any_of([self.token], alive)
        return {block: rest for block, bits in alive.items() if (rest := bits ^ them.get(block, 0))}


@dataclass(frozen=True, slots=True)
class Between:
    """Has a number, and one between these."""

    has: int
    slices: Slices
    least: int
    most: int

    def narrow(self, alive: Bits, sets: BitSets) -> Bits:
        """Return those that have."""
        there = sets.any_of([self.has], alive)
        if not there:
            return {}
        by_block = sets.only(there).slices(self.slices.tokens, there)
        kept = ((block, between(bits, by_block[block], self.least, self.most)) for block, bits in there.items())
        return {block: bits for block, bits in kept if bits}


@dataclass(frozen=True, slots=True)
class Chosen:
    """Has a number that the plan finds."""

    slices: Slices
    plan: Plan

    def narrow(self, alive: Bits, sets: BitSets) -> Bits:
        """Return those that have."""
        by_block = sets.slices(self.slices.tokens, alive)
        kept = ((block, chosen(self.plan, bits, by_block[block])) for block, bits in alive.items())
        return {block: bits for block, bits in kept if bits}
