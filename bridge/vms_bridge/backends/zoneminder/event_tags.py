"""The tags of events: no row of an event has them, and only versions from 1.37.44 on have any."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from vms_bridge.errors import VmsProtocolError
from vms_bridge.zoneminder import NotThere, segments
from vms_bridge.zoneminder.parse import as_id, as_text, mapping, rows

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.backends.zoneminder.api import Api

FIRST_VERSION = (1, 37, 44)
_MOST_KNOWN = 10_000
_MOST_ROWS = 10_000


class EventTags:
    """Reads them, and remembers those that were read, by event."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known: OrderedDict[int, tuple[str, ...]] = OrderedDict()

    def of(self, event: int) -> tuple[str, ...] | None:
        """Return the event's tags as they were read last, None where they were not."""
        return self._known.get(event)

    async def read(self, event: int) -> Mapping[str, str]:
        """Return the event's tags, names by ids. Raises VmsError."""
        try:
            answer = await self._api.get(f"tags/index/{segments(('Events.Id', str(event)))}")
        except NotThere:
            answer = {"tags": []}
        if not isinstance(mapping(answer).get("tags"), list):
            raise VmsProtocolError("api/tags answered without a list of tags", hint="look at ZoneMinder's log")
        found = parse_tagged(answer).get(event, {})
        self._known[event] = tuple(sorted(found.values()))
        self._known.move_to_end(event)
        while len(self._known) > _MOST_KNOWN:
            self._known.popitem(last=False)
        return found


def parse_tags(raw: object) -> dict[str, str]:
    """Read the tags that there are: names by ids."""
    named = ((as_id(row.get("Id")), as_text(row.get("Name")).strip()) for row in rows(raw, "tags", "Tag"))
    return {number: name for number, name in named if number is not None and name}


def parse_tagged(raw: object) -> dict[int, dict[str, str]]:
    """Read which events have which tags, names by ids: each row has a tag beside its event, or beside all its events."""
    found: dict[int, dict[str, str]] = {}
    listed = mapping(raw).get("tags")
    for item in listed[:_MOST_ROWS] if isinstance(listed, list) else ():
        one = mapping(item)
        for number, name in parse_tags({"tags": [one]}).items():
            beside, events = mapping(one.get("Events_Tags")), one.get("Event")
            ids = [beside.get("EventId"), *(mapping(event).get("Id") for event in (events if isinstance(events, list) else ()))]
            for event_id in filter(None, map(as_id, ids)):
                found.setdefault(int(event_id), {})[number] = name
    return found
