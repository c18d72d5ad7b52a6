"""What the library's values are in JSON and in tables.

In JSON a value has the library's fields under the library's names; what the library keeps out of its `repr`, a camera's
password, say, and the whole row of ZoneMinder's, is not in there unless it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import Enum
from functools import singledispatch
from typing import Any


@singledispatch
def said(value: object) -> Any:  # noqa: ANN401 - JSON
    """Return a value of the library's as JSON has it; times are in UTC, durations in seconds."""
    if is_dataclass(value):
        return {each.name: said(getattr(value, each.name)) for each in fields(value) if each.repr}
    return str(value)


@said.register
def _(value: str | int | float | bool | None) -> str | int | float | bool | None:  # noqa: FBT001 - the value as it is
    return value


@said.register
def _(value: Enum) -> Any:  # noqa: ANN401 - as above
    return said(value.value)


@said.register
def _(value: datetime) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


@said.register
def _(value: timedelta) -> float:
    return value.total_seconds()


@said.register
def _(value: Mapping) -> dict[str, Any]:  # type: ignore[type-arg]  # what is registered has no parameters
    return {str(said(key)): said(each) for key, each in value.items()}


@said.register
def _(value: tuple | list) -> list[Any]:  # type: ignore[type-arg]  # as above
    return [said(each) for each in value]


@said.register
def _(value: set | frozenset) -> list[Any]:  # type: ignore[type-arg]  # as above
    return sorted((said(each) for each in value), key=str)


def shown_time(at: datetime | None, zone: tzinfo | None) -> str | None:
    """Return a time as people read it in that zone, or where this machine is."""
    return None if at is None else at.astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def yes_or_no(value: bool | None) -> str | None:  # noqa: FBT001 - it is the value
    """Return a truth for people; of what nobody knows nothing."""
    return None if value is None else ("yes" if value else "no")


def flat(value: object) -> object:
    """Return anything as a cell of a table: of what has parts, each."""
    if value is None or isinstance(value, bool):
        return yes_or_no(value)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {flat(each)}" for key, each in value.items())
    if isinstance(value, set | frozenset | tuple | list):
        return ", ".join(str(flat(each)) for each in value)
    return value


def shortened(text: str | None, most: int = 80) -> str | None:
    """Return a text in one line of a table."""
    line = None if text is None else " ".join(text.split())
    return line if line is None or len(line) <= most else f"{line[: most - 1]}…"
