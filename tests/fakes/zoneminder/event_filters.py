"""Which events a list's named segments leave, as CakePHP and the database take them."""

from __future__ import annotations

import operator
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.fakes.zoneminder.world import FakeEvent, World

_ORDER: dict[str, Callable[[Any, Any], bool]] = {
    "": operator.eq, "=": operator.eq, "!=": operator.ne,
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_NUMBERS: dict[str, Callable[[FakeEvent], float | None]] = {
    "Id": lambda event: event.id,
    "MonitorId": lambda event: event.monitor_id,
    "Frames": lambda event: event.frames,
    "AlarmFrames": lambda event: event.alarm_frames,
    "MaxScore": lambda event: event.max_score,
    "Length": lambda event: event.length,
    "Archived": lambda event: int(event.archived),
    "Locked": lambda event: int(event.locked),
    "StateId": lambda _: 1,
}
_TEXTS: dict[str, Callable[[FakeEvent], str]] = {
    "Notes": lambda event: event.notes,
    "Cause": lambda event: event.cause,
    "Name": lambda event: event.title,
}
_TIMES = frozenset({"StartDateTime", "StartTime", "EndDateTime", "EndTime"})
_OLD_TIMES = frozenset({"StartTime", "EndTime"})


class UnknownColumn(Exception):
    """The database has none of that name."""


def chosen(world: World, filters: str) -> list[FakeEvent]:
    """Return the events, in no order; a segment that is there several times is met by any of its values. Raises UnknownColumn."""
    equal: dict[str, set[str]] = {}
    seen: set[str] = set()
    events: Iterable[FakeEvent] = list(world.events.values())
    for part in filters.split("/"):
        name, _, value = part.partition(":")
        column, _, sign = name.partition(" ")
        if not sign and column in {"Id", "MonitorId", "TagId"}:
            equal.setdefault(column, set()).update(value.split(","))
            continue
        if name in seen:
            raise UnknownColumn(name)  # Cake makes an IN of it, behind the operator: no SQL
        seen.add(name)
        holds = _condition(world, column, sign, value)
        events = [event for event in events if holds(event)]
    for column, values in equal.items():
        if column == "TagId":
            _want_tags(world)
            events = [event for event in events if values & {str(number) for number in event.tags}]
        else:
            events = [event for event in events if str(_NUMBERS[column](event)) in values]
    return list(events)


def _condition(world: World, column: str, sign: str, value: str) -> Callable[[FakeEvent], bool]:
    if column in _TIMES:
        return _time_condition(world, column, sign, value)
    if column in _NUMBERS and sign in _ORDER:
        read, holds, bound = _NUMBERS[column], _ORDER[sign], float(value)
        return lambda event: (found := read(event)) is not None and holds(found, bound)
    if column in _TEXTS and sign in {"", "=", "REGEXP"}:
        says = _TEXTS[column]
        # The collation takes no account of small and large letters.
        pattern = re.compile(value if sign == "REGEXP" else f"{re.escape(value)}$", re.IGNORECASE)
        return lambda event: (pattern.search if sign == "REGEXP" else pattern.match)(says(event)) is not None
    raise UnknownColumn(column)


def _time_condition(world: World, column: str, sign: str, value: str) -> Callable[[FakeEvent], bool]:
    if world.personality.old_times and column not in _OLD_TIMES:
        raise UnknownColumn(column)
    bound = datetime.fromisoformat(value).replace(tzinfo=world.zone).astimezone(UTC)
    holds = _ORDER[sign]
    if column.startswith("Start"):
        return lambda event: holds(event.start.replace(microsecond=0), bound)
    return lambda event: event.end is not None and holds(event.end.replace(microsecond=0), bound)


def _want_tags(world: World) -> None:
    if not world.personality.has_tags:
        raise UnknownColumn("TagId")
