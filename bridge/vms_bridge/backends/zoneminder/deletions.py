"""Which events are deleted: a list that misses rows has lied before, so it has to miss them again, and nothing beside them."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from vms_bridge.errors import VmsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vms_bridge.backends.zoneminder.event_list import EventList
    from vms_bridge.backends.zoneminder.pace import Budget
    from vms_bridge.backends.zoneminder.tracked import Newest, Tracked
    from vms_bridge.clock import Clock
    from vms_bridge.zoneminder import EventRow

_INTERVAL_S = 60.0
_CERTAIN_MISSES = 4
"""A row that is not there at so many reads in a row is gone, whatever is missing beside it."""


class Deletions:
    """Judges rows that a read has missed, and asks now and then for the newest ones, within the budget."""

    def __init__(self, events: EventList, newest: Newest, clock: Clock, spare: Budget) -> None:
        self._list, self._newest, self._clock, self._spare = events, newest, clock, spare
        self._checked = clock.monotonic()
        self._missing: dict[int, int] = {}
        """At how many checks in a row each was not there."""

    async def among(self, missed: Iterable[int], tracked: Mapping[int, Tracked]) -> list[int]:
        """Return which of these rows that a read has missed are gone."""
        missing = {number: tracked[number] for number in missed if number in tracked}
        for each in missing.values():
            each.miss()
        gone = {number for number, each in missing.items() if each.misses >= _CERTAIN_MISSES}
        doubtful = {number for number, each in missing.items() if 1 < each.misses < _CERTAIN_MISSES}
        if doubtful:
            with suppress(VmsError):  # what else the read has said is to be reported all the same
                gone |= await self._list.gone(doubtful, [number for number, each in tracked.items() if not each.misses])
        return sorted(gone)

    async def check(self, tracked: Mapping[int, Tracked]) -> list[EventRow]:
        """Return the newest rows that are gone, if it is time to check; those `tracked` are checked anyway. Raises VmsError."""
        now = self._clock.monotonic()
        if now - self._checked < _INTERVAL_S or not self._spare.take():
            return []
        self._checked = now
        asked = {row.id: row for row in self._newest if row.id not in tracked}
        there = await self._list.present(list(asked))
        self._missing = {number: self._missing.get(number, 0) + 1 for number in asked if number not in there}
        gone = {number for number, misses in self._missing.items() if misses >= _CERTAIN_MISSES}
        if doubtful := {number for number, misses in self._missing.items() if 1 < misses < _CERTAIN_MISSES}:
            gone |= await self._list.gone(doubtful, [*there, *tracked])
        if self._missing.keys() - gone:
            self._checked = float("-inf")
        return [asked[number] for number in sorted(gone)]
