"""Which documents are meant: conditions on their fields, joined by "all of" and "any of", as VXG takes them.

all_of(field("string.label").equals("car"), field("float.score").at_least(0.5))
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

from vms_bridge.vxg.fields import written
from vms_bridge.vxg.refusals import WrongValue

if TYPE_CHECKING:
    from collections.abc import Mapping

    Value: TypeAlias = str | int | float | datetime

_FIELD = re.compile(r"timestamp|(?:long|float|string)\.[^\s.][^\s]{0,127}")
_DEEPEST, _WIDEST = 8, 256


@dataclass(frozen=True, slots=True)
class Leaf:
    """A condition on one field."""

    name: str
    operators: tuple[tuple[str, str | int | float], ...]

    def written(self) -> Mapping[str, object]:
        """Return it as VXG takes it."""
        return {"field": self.name, **dict(self.operators)}

    @property
    def depth(self) -> int:
        """How deeply it is nested."""
        return 0


@dataclass(frozen=True, slots=True)
class Joined:
    """Several conditions: all of them (`and`), or any (`or`)."""

    how: str
    conditions: tuple[Condition, ...]

    def written(self) -> Mapping[str, object]:
        """Return it as VXG takes it."""
        return {self.how: [each.written() for each in self.conditions]}

    @property
    def depth(self) -> int:
        """How deeply it is nested."""
        return 1 + max(each.depth for each in self.conditions)


Condition: TypeAlias = Leaf | Joined


@dataclass(frozen=True, slots=True)
class Field:
    """A field of documents: `timestamp`, or `long.`, `float.` or `string.` and a name."""

    name: str

    def equals(self, value: Value) -> Leaf:
        """Return the condition that it is this."""
        return self._leaf("eq", value)

    def above(self, value: Value) -> Leaf:
        """Return the condition that it is more, or later."""
        return self._leaf("gt", value)

    def at_least(self, value: Value) -> Leaf:
        """Return the condition that it is this or more."""
        return self._leaf("gte", value)

    def below(self, value: Value) -> Leaf:
        """Return the condition that it is less, or earlier."""
        return self._leaf("lt", value)

    def at_most(self, value: Value) -> Leaf:
        """Return the condition that it is this or less."""
        return self._leaf("lte", value)

    def has_words(self, words: str) -> Leaf:
        """Return the condition that a text has these words in it."""
        return self._leaf("words_in", words)

    def _leaf(self, operator: str, value: Value) -> Leaf:
        return Leaf(self.name, ((operator, written(value) if isinstance(value, datetime) else value),))


def field(name: str) -> Field:
    """Return a field, by which conditions are made. Raises WrongValue."""
    if not _FIELD.fullmatch(name):
        raise WrongValue("there is no such field", hint="timestamp, long.NAME, float.NAME or string.NAME")
    return Field(name)


def all_of(*conditions: Condition) -> Joined:
    """Return the condition that all of these hold. Raises WrongValue."""
    return _joined("and", conditions)


def any_of(*conditions: Condition) -> Joined:
    """Return the condition that one of these holds. Raises WrongValue."""
    return _joined("or", conditions)


def _joined(how: str, conditions: tuple[Condition, ...]) -> Joined:
    joined = Joined(how, conditions)
    if not 0 < len(conditions) <= _WIDEST or joined.depth > _DEEPEST:
        raise WrongValue(f"a condition is made of 1 to {_WIDEST} others, {_DEEPEST} deep at most")
    return joined
