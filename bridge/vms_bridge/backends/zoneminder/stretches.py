"""Reads rows by stretches of ids, for who reads all of them: several hundred at one question.

A page of ZoneMinder's list has a hundred rows at most, and each row costs its database several questions. Its search gives all
that is between two ids for one, in every version. But it looks at nobody's permissions, and it has no pages: so it is asked only
where ids are dense, and what it gives of a monitor counts only where the lists show that monitor too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.errors import VmsAuthFailed, VmsError, VmsProtocolError
from vms_bridge.zoneminder import NotThere
from vms_bridge.zoneminder.events.halving import Page

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.backends.zoneminder.event_list import EventList
    from vms_bridge.clock import Clock

IDS = 250
"""So many ids are asked for: their rows are some 215 KB, and larger answers are decoded by a process of their own."""
_DENSE = 0.5
"""So many of the ids have rows, where this is worth while; of fewer the list brings as many at a question."""
FAILURES = 8
"""So often in a row it may fail: one row that can't be written may do that three times."""
_PAUSE_S = 3_600.0
_BELIEVED_S = 600.0
_MOST_STRANGERS = 1_000


class Stretches:
    """Reads the stretches of one connection's events; `is_listed` says whether the list of monitors has this one."""

    def __init__(self, rows: EventList, clock: Clock, *, is_listed: Callable[[str], bool]) -> None:
        self._rows, self._clock, self._is_listed = rows, clock, is_listed
        self._is_dense = self._is_in_doubt = False
        self._failures, self._pause_until = 0, float("-inf")
        self._strangers: dict[str, tuple[bool, float]] = {}
        """Monitors that are not listed: whether the list of events shows what they have recorded, and when it was asked."""

    def saw(self, page: Page) -> None:
        """Note a page of the list: where its ids are dense, those below it will be as well."""
        self._is_dense = len(page.rows) > 1 and len(page.rows) >= _DENSE * (page.rows[0].id - page.rows[-1].id)
        if self._is_dense and self._is_in_doubt:
            self._failed()
        self._is_in_doubt = False

    async def below(self, high: int, low: int) -> Page | None:
        """Return the newest rows between these ids, in descending order; None where they are to be read by the list."""
        lowest = max(low + 1, high - IDS)
        bad = self._rows.unreadable.above(lowest - 1)
        has_bad = bad is not None and bad < high
        if has_bad or not self._is_dense or self._clock.monotonic() < self._pause_until:
            return None
        try:
            found = await self._rows.between(lowest - 1, high)
            shown = [row for row in found if await self._is_shown(row.monitor_id)]
        except VmsError as error:
            self._is_dense = False
            self._failed(is_final=isinstance(error, NotThere | VmsAuthFailed))
            return None
        # Few may be all that there are, or an answer that was cut: the list will say.
        self._is_dense = len({row.id for row in found}) >= _DENSE * (high - lowest)
        self._is_in_doubt = not self._is_dense
        if self._is_in_doubt:
            return None
        self._failures = 0
        return Page(shown, has_more=lowest > low + 1, read_to=lowest)

    def _failed(self, *, is_final: bool = False) -> None:
        """Leave it alone for a while where it is not there, or never works: why is said where the list fails, too."""
        self._failures += 1
        if is_final or self._failures >= FAILURES:
            self._failures, self._pause_until = 0, self._clock.monotonic() + _PAUSE_S

    async def _is_shown(self, monitor_id: str) -> bool:
        """Say whether this user may see what the monitor has recorded: of one that was deleted the list of events says so."""
        if self._is_listed(monitor_id):
            return True
        now = self._clock.monotonic()
        is_shown, asked = self._strangers.get(monitor_id, (False, float("-inf")))
        if now - asked < _BELIEVED_S:
            return is_shown
        count, row = await self._rows.extent(0, None, [monitor_id], None, None)
        if count is None:
            raise VmsProtocolError(f"whether monitor {monitor_id} has events that may be seen is not known")
        if len(self._strangers) >= _MOST_STRANGERS:
            self._strangers.clear()
        is_shown = row is not None and row.monitor_id == monitor_id
        self._strangers[monitor_id] = is_shown, now
        return is_shown
