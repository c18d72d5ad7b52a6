"""Numbers of events as sets: one for each bit of the number. So any range of numbers takes no more looks than they have bits."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Slices:
    """The tokens of a number's bits, the lowest first: an event has those of the bits that are set in its number."""

    def __init__(self, first: int, width: int) -> None:
        self.tokens = range(first, first + width)
        self.width = width
        self.largest = (1 << width) - 1

    def bounded(self, value: int) -> int:
        """Return the nearest number that can be told."""
        return max(0, min(value, self.largest))

    def of(self, value: int) -> list[int]:
        """Return the tokens of what has this number."""
        value = self.bounded(value)
        return [token for bit, token in enumerate(self.tokens) if value >> bit & 1]


def between(among: int, slices: Sequence[int], least: int, most: int) -> int:
    """Return those of `among` whose number is between these; `slices` has for each bit those in whose number it is set."""
    found = _at_least(among, slices, least)
    return found if most >> len(slices) else found ^ _at_least(found, slices, most + 1)


def _at_least(among: int, slices: Sequence[int], least: int) -> int:
    if least >> len(slices):
        return 0
    more = 0
    for bit in reversed(range(len(slices))):
        if not among:
            break
        if least >> bit & 1:
            among &= slices[bit]
        else:
            above = among & slices[bit]
            more |= above
            among ^= above
    return more | among


Plan = bool | tuple[int, "Plan", "Plan"]
"""How to find out whose number is one of some: everything, nothing, or a bit, what to do where it is not set, and where it is."""


def plan_of(wanted: Sequence[int], known: Sequence[int], width: int) -> Plan:
    """Return the plan for the `wanted` of all `known` numbers, which are in order; numbers above all that are known are none."""
    return _plan(sorted(wanted), [*sorted(known), max(known, default=0) + 1], width - 1)


def _plan(wanted: Sequence[int], known: Sequence[int], bit: int) -> Plan:
    if not wanted:
        return False
    if len(wanted) == len(known) or bit < 0:
        return True
    low, high = (
        _plan(
            [each for each in wanted if each >> bit & 1 == value], [each for each in known if each >> bit & 1 == value], bit - 1
        )
        for value in (0, 1)
    )
    return bit, low, high


def chosen(plan: Plan, among: int, slices: Sequence[int]) -> int:
    """Return those of `among` that the plan finds."""
    if isinstance(plan, bool) or not among:
        return among if plan is True else 0
    bit, low, high = plan
    above = among & slices[bit]
    return chosen(high, above, slices) | chosen(low, among ^ above, slices)
