"""Makes JSON of what authors hand over: also of times, monitors, events and whatever else the API gives them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any, Protocol, runtime_checkable

_DEEPEST = 31


@runtime_checkable
class HasPlain(Protocol):
    """Something of the API's that has a form in JSON."""

    def plain(self) -> Any:  # noqa: ANN401 - JSON
        """Return that form."""


def plain_words(value: object, name: str, depth: int = 0) -> Any:  # noqa: ANN401 - JSON
    """Return the value as JSON. Raises TypeError and ValueError, which call it by that name."""
    if value is None or isinstance(value, bool | int | str):
        return _whole(value, name) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{name} can't be {value}: JSON has no such number")
        return value
    if depth >= _DEEPEST:
        raise ValueError(f"{name} is nested more than {_DEEPEST} deep, or contains itself")
    if isinstance(value, Mapping):
        return {_key(key, name): plain_words(item, f"{name}[{key!r}]"[:200], depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain_words(item, name, depth + 1) for item in value]
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, HasPlain) and not isinstance(value, type):
        return plain_words(value.plain(), name, depth + 1)
    raise TypeError(f"{name}: {type(value).__name__} has no form in JSON; texts, numbers, lists, dicts and times have")


def _key(key: object, name: str) -> str:
    if not isinstance(key, str):
        raise TypeError(f"{name}: the keys of a dict are texts, and not {key!r}")
    return key


def _whole(value: int, name: str) -> int:
    if abs(value) > 2**63:
        raise ValueError(f"{name} is too large a number")
    return value
