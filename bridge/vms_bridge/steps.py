"""Numbers that go in steps."""

from __future__ import annotations

_NEAR = 1e-6
_EXACT = 2.0**52
"""Beyond so many steps a number says no more on which of them it is."""


def is_step(value: float, least: float, step: float) -> bool:
    """Say whether a number is a whole number of steps from the least one, as far as numbers are exact."""
    steps = (value - least) / step
    return abs(steps) >= _EXACT or abs(steps - round(steps)) <= _NEAR * max(1.0, abs(steps) * _NEAR)


def with_all_digits(value: float) -> str:
    """Return a number as people write it, and as precise as it is: `5`, `0.1`, `1234567`."""
    return str(int(value)) if float(value).is_integer() else str(value)
