"""Conditions on documents, as VXG takes them [S][D]: and, or, and leaves with eq, gt, gte, lt, lte, words_in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.vxg.world import read_time

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, wanted: value == wanted,
    "gt": lambda value, wanted: value > wanted,
    "gte": lambda value, wanted: value >= wanted,
    "lt": lambda value, wanted: value < wanted,
    "lte": lambda value, wanted: value <= wanted,
    "words_in": lambda value, wanted: set(str(wanted).lower().split()) <= set(str(value).lower().split()),
}


def holds(document: dict[str, Any], condition: dict[str, Any] | None) -> bool:
    """Say whether a document is meant. Raises ValueError for no condition of VXG's."""
    if not condition:
        return True
    if "and" in condition:
        return all(holds(document, each) for each in condition["and"])
    if "or" in condition:
        return any(holds(document, each) for each in condition["or"])
    if "field" not in condition:
        raise ValueError("a leaf names a field")
    kind, _, name = str(condition["field"]).partition(".")
    operators = {key: condition[key] for key in condition if key != "field"}
    if not operators or any(key not in _OPERATORS for key in operators):
        raise ValueError("a leaf has an operator")
    if kind == "timestamp":
        value: Any = time_of(document)
        operators = {key: read_time(wanted) for key, wanted in operators.items()}
    else:
        fields = document.get(kind)
        value = fields.get(name) if isinstance(fields, dict) else None
    return value is not None and all(_OPERATORS[key](value, wanted) for key, wanted in operators.items())


def time_of(document: dict[str, Any]) -> datetime | None:
    """Return when it was; None for one that should not be there at all."""
    try:
        return read_time(document.get("timestamp"))
    except (ValueError, TypeError):
        return None
