"""Whether shared memory belongs to the ZoneMinder that the API speaks for: this host may run another one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.errors import VmsProtocolError
from vms_bridge.zoneminder import segments
from vms_bridge.zoneminder.parse import as_id, rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vms_bridge.backends.zoneminder.api import Api
    from vms_bridge.backends.zoneminder.monitor_ladder import MonitorLadder

_BATCH = 100
_CHECKS = 5
# Bytes of a pixel: from one (grey) to four; rows may be padded.
_MOST_BYTES_PER_PIXEL = 4.6


@dataclass(slots=True)
class _Doubt:
    checks: int = 0
    """How often the events have not agreed."""
    known: int | None = None
    """The newest event when the doubt arose: what began later, the memory must know."""


class ForeignMemory:
    """Compares what the memory says with what the API says: picture sizes at once, events once there are any.

    A memory of equal pictures that names no event, of a monitor that has none, is believed: nothing distinguishes them.
    """

    def __init__(self, api: Api) -> None:
        self._api = api
        self._doubts: dict[str, _Doubt] = {}

    @property
    def has_doubts(self) -> bool:
        """Whether some monitor's event has yet to be compared."""
        return bool(self._doubts)

    def is_foreign(self, ladder: MonitorLadder) -> bool:
        """Compare the picture's size, and note the monitor for `resolve`."""
        sample, row = ladder.memory.sample, ladder.row
        if sample is None:
            return False
        if sample.imagesize and row.width and row.height:
            share = sample.imagesize / (row.width * row.height)
            if not 1 <= share <= _MOST_BYTES_PER_PIXEL:
                return True
        self._doubts[row.id] = _Doubt()
        return False

    async def resolve(self, ladders: Mapping[str, MonitorLadder], newest: int) -> list[str]:
        """Ask whose the events are that the memories name; return the monitors whose memory is not theirs.

        `newest` is the newest event that the API has reported. Raises VmsUnreachable.
        """
        asked: dict[str, int] = {}
        strange: list[str] = []
        for number, doubt in list(self._doubts.items()):
            ladder = ladders.get(number)
            sample = None if ladder is None else ladder.memory.sample
            if ladder is None or sample is None:
                del self._doubts[number]  # a memory that comes, comes with new doubts
            elif sample.last_event:
                asked[number] = sample.last_event
            elif self._misses_events(doubt, ladder, newest):
                strange.append(number)
        asked = dict(list(asked.items())[:_BATCH])
        owners = await self._owners(asked.values()) if asked else {}
        if owners is None:  # a page that failed names nobody
            asked, owners = {}, {}
        strange += [number for number, event in asked.items() if self._is_someone_elses(number, event, owners.get(event), newest)]
        for number in strange:
            self._doubts.pop(number, None)
        return strange

    def _misses_events(self, doubt: _Doubt, ladder: MonitorLadder, newest: int) -> bool:
        """Say whether the monitor has begun an event that its memory still does not know.

        One from before its daemon's start may have been left open by the daemon before, and reported late.
        """
        doubt.known = newest if doubt.known is None else doubt.known
        startup = ladder.memory.sample.startup if ladder.memory.sample else 0
        is_missed = any(
            int(event.id) > doubt.known and event.start is not None and event.start.timestamp() > startup
            for event in ladder.events.open
        )
        doubt.checks = doubt.checks + 1 if is_missed else 0
        return doubt.checks > _CHECKS

    def _is_someone_elses(self, number: str, event: int, owner: str | None, newest: int) -> bool:
        doubt = self._doubts[number]
        if owner is None and event > newest and doubt.checks < _CHECKS:
            doubt.checks += 1  # its row may be on its way
            return False
        del self._doubts[number]
        # An old event may have been deleted; one that is still to come can't have been.
        return event > newest if owner is None else owner != number

    async def _owners(self, events: Iterable[int]) -> dict[int, str] | None:
        filters = segments(*(("Id", str(event)) for event in events))
        query = {"sort": "Id", "direction": "asc", "limit": str(_BATCH), "page": "1"}
        try:
            answer = await self._api.get(f"events/index/{filters}", query)
        except VmsProtocolError:
            return None
        pairs = ((as_id(row.get("Id")), as_id(row.get("MonitorId"))) for row in rows(answer, "events", "Event"))
        return {int(event): owner for event, owner in pairs if event is not None and owner is not None}
