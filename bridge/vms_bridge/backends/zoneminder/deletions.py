"""Whether what is reported as a monitor's newest event is still there, long after its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

    from vms_bridge.backends.zoneminder.event_list import EventList
    from vms_bridge.backends.zoneminder.pace import Allowance
    from vms_bridge.backends.zoneminder.tracked import Newest
    from vms_bridge.clock import Clock
    from vms_bridge.zoneminder import EventRow

_INTERVAL_S = 60.0


class Deletions:
    """Asks now and then for the newest rows, within the budget."""

    def __init__(self, events: EventList, newest: Newest, clock: Clock, spare: Allowance) -> None:
        self._list, self._newest, self._clock, self._spare = events, newest, clock, spare
        self._checked = clock.monotonic()
        self._missing: set[int] = set()

    async def check(self, tracked: Container[int]) -> list[EventRow]:
        """Return the newest rows that are gone, if it is time to check; those `tracked` are checked anyway. Raises VmsError.

        A list that misses rows once has lied before: what is gone was so at two reads, of which the second follows at once.
        """
        now = self._clock.monotonic()
        if now - self._checked < _INTERVAL_S or not self._spare.take():
            return []
        self._checked = now
        asked = [row for row in self._newest if row.id not in tracked]
        there = await self._list.present([row.id for row in asked])
        missing = [row for row in asked if row.id not in there]
        gone = [row for row in missing if row.id in self._missing]
        self._missing = {row.id for row in missing}
        if len(gone) < len(missing):
            self._checked = float("-inf")
        return gone
