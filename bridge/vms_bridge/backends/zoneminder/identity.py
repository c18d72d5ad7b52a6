"""Whether shared memory belongs to the ZoneMinder that the API speaks for: this host may run another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.api import segments
from vms_bridge.backends.zoneminder.parse import as_id, rows
from vms_bridge.errors import VmsProtocolError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vms_bridge.backends.zoneminder.api import Api
    from vms_bridge.backends.zoneminder.watch import Watch

_BATCH = 100
_LOOKS = 5
# Bytes of a pixel: from one (grey) to four; rows may be padded.
_MOST_BYTES_PER_PIXEL = 4.6


class ForeignMemory:
    """Compares what the memory says with what the API says: picture sizes at once, events by a request now and then."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._doubts: dict[str, int] = {}

    @property
    def has_doubts(self) -> bool:
        """Whether some monitor's event has yet to be compared."""
        return bool(self._doubts)

    def is_foreign(self, watch: Watch) -> bool:
        """Compare the picture's size, and note the monitor for `resolve`."""
        sample, row = watch.sample, watch.row
        if sample is None:
            return False
        if sample.imagesize and row.width and row.height:
            share = sample.imagesize / (row.width * row.height)
            if not 1 <= share <= _MOST_BYTES_PER_PIXEL:
                return True
        self._doubts[row.id] = 0
        return False

    async def resolve(self, watches: Mapping[str, Watch], newest: int) -> list[str]:
        """Ask whose the events are that the memories name; return the monitors whose memory is not theirs.

        `newest` is the newest event that the API has told. Raises VmsUnreachable.
        """
        asked = {number: watches[number].sample for number in list(self._doubts)[:_BATCH] if number in watches}
        events = {number: sample.last_event for number, sample in asked.items() if sample is not None and sample.last_event}
        for number in [number for number in self._doubts if number not in events]:
            # No event yet, or none that still counts: nothing to compare.
            if number in asked or number not in watches:
                del self._doubts[number]
        owners = await self._owners(events.values()) if events else {}
        return [number for number, event in events.items() if self._is_someone_elses(number, event, owners.get(event), newest)]

    def _is_someone_elses(self, number: str, event: int, owner: str | None, newest: int) -> bool:
        if owner is None and event > newest and self._doubts[number] < _LOOKS:
            self._doubts[number] += 1  # its row may be on its way
            return False
        del self._doubts[number]
        # An old event may have been deleted; one that is still to come can't have been.
        return event > newest if owner is None else owner != number

    async def _owners(self, events: Iterable[int]) -> dict[int, str]:
        filters = segments(*(("Id", str(event)) for event in events))
        query = {"sort": "Id", "direction": "asc", "limit": str(_BATCH), "page": "1"}
        try:
            answer = await self._api.get(f"events/index/{filters}", query)
        except VmsProtocolError:
            return {}
        pairs = ((as_id(row.get("Id")), as_id(row.get("MonitorId"))) for row in rows(answer, "events", "Event"))
        return {int(event): owner for event, owner in pairs if event is not None and owner is not None}
