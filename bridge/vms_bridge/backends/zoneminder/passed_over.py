"""Event ids that were not there when a higher one was.

A database gives out ids in order, but rows show up as their transactions end. Such an id is waited for, and the stored
cursor stays below it meanwhile, so that a crash does not lose it either.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container
    from collections.abc import Set as AbstractSet

    from vms_bridge.clock import Clock

    Cursor = tuple[int, str]

WAIT_S = 30.0
_HOLE_MOST = 50
"""A larger hole is of deleted events."""
_MOST = 200


@dataclass(frozen=True, slots=True)
class _Waiting:
    since: float
    cursor: Cursor


class PassedOver:
    """The ids that are waited for, each with the cursor from before it was passed over."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: dict[int, _Waiting] = {}

    @property
    def ids(self) -> AbstractSet[int]:
        """The ids whose rows may still come."""
        return self._waiting.keys()

    def note(self, last: int, to: int, cursor: Cursor, *, but: Container[int] = ()) -> None:
        """Note that the row `to` was the next one after `last`, where the cursor was; of those in `but` more is known."""
        hole = range(last + 1, to)
        if last and len(hole) <= _HOLE_MOST:
            missing = [number for number in hole if number not in but]
            self._waiting.update(dict.fromkeys(missing, _Waiting(self._clock.monotonic(), cursor)))
        for number in sorted(self._waiting)[:-_MOST]:
            del self._waiting[number]

    def came(self, number: int) -> None:
        """Wait no longer for this id."""
        self._waiting.pop(number, None)

    def give_up(self) -> bool:
        """Wait no longer for what has not come in time; say whether there was such an id."""
        now = self._clock.monotonic()
        overdue = [number for number, waiting in self._waiting.items() if now - waiting.since >= WAIT_S]
        for number in overdue:
            del self._waiting[number]
        return bool(overdue)

    def clear(self) -> None:
        """Wait for nothing."""
        self._waiting.clear()

    def hold_back(self, cursor: Cursor) -> Cursor:
        """Return the cursor that may be stored where it would be `cursor` if nothing were waited for."""
        return self._waiting[min(self._waiting)].cursor if self._waiting else cursor
