"""What was recorded, as scripts search for it: in the bridge's own index, by all that it can be asked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AwareDatetime, Field

from vms_bridge.index import Search
from vms_bridge.scripts.permissions import sees
from vms_bridge.scripts.services import visible
from vms_bridge.scripts.services.monitors import Name
from vms_bridge.scripts.services.plain import plain
from vms_bridge.scripts.services.table import Answered, Asked, ServiceRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.index import IndexedEvent
    from vms_bridge.scripts.services.table import Asker
    from vms_bridge.views import HubView

MOST_EVENTS = 500
MOST_PAGE_BYTES = 700_000
"""What is larger would fill a frame: the page is asked for anew, with half as many events."""
Words = Annotated[tuple[Name, ...], Field(max_length=100)]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Seconds = Annotated[float, Field(ge=0, le=1e9, allow_inf_nan=False)]


class AskedFind(Asked):
    """Which events; of several values of a filter any will do, and of several filters each must."""

    monitors: Words = ()
    systems: Words = ()
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    kinds: Words = ()
    labels: Words = ()
    zones: Words = ()
    plates: Words = ()
    faces: Words = ()
    min_score: Share | None = None
    max_score: Share | None = None
    min_duration: Seconds | None = None
    max_duration: Seconds | None = None
    words: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    open: bool | None = None
    limit: Annotated[int, Field(ge=1, le=MOST_EVENTS)] = 100
    after: Annotated[str, Field(min_length=1, max_length=1_000)] | None = None


class AskedEvent(Asked):
    """Which event, by its id."""

    event: Name


@dataclass(frozen=True, slots=True)
class Archive:
    """Searches."""

    hub: HubView
    most_page_bytes: int = MOST_PAGE_BYTES

    async def find(self, asker: Asker, asked: AskedFind, _data: bytes) -> Answered:
        """Return a page of events of monitors that the script sees. Raises NotFound, SearchRefused, StoreError."""
        search = self._search(asker, asked)
        if search.monitors == frozenset() or search.systems == frozenset():
            return Answered({"events": [], "after": None})
        limit = asked.limit
        while True:
            page = await self.hub.search(search, asked.after, limit)
            shown = [one for one in page.events if sees(asker.permissions, (one.ref.system, one.monitor))]
            events = [event_words(self.hub, one) for one in shown]
            if limit == 1 or len(json.dumps(events)) <= self.most_page_bytes:
                return Answered({"events": events, "after": page.after})
            limit = max(1, limit // 2)

    async def event(self, asker: Asker, asked: AskedEvent, _data: bytes) -> Answered:
        """Return one event as it is now. Raises NotFound, and what the index raises."""
        return Answered({"event": event_words(self.hub, await visible.event(self.hub, asker, asked.event))})

    def _search(self, asker: Asker, asked: AskedFind) -> Search:
        named = [visible.monitor(self.hub, asker, said) for said in asked.monitors]
        systems = [visible.system(self.hub, asker, said).key for said in asked.systems]
        seen = named or list(visible.monitors(self.hub, asker))
        return Search(
            since=asked.since,
            until=asked.until,
            systems=_any(systems),
            monitors=frozenset((view.system, view.key) for view in seen),
            kinds=_any(asked.kinds),
            labels=_any(asked.labels),
            zones=_any(asked.zones),
            plates=_any(asked.plates),
            faces=_any(asked.faces),
            least_score=asked.min_score,
            most_score=asked.max_score,
            least_duration_s=asked.min_duration,
            most_duration_s=asked.max_duration,
            words=asked.words,
            is_open=asked.open,
        )


def event_words(hub: HubView, indexed: IndexedEvent) -> dict[str, Any]:
    """Return what is told of an event: the words of the API."""
    ref, event = indexed.ref, indexed.event
    view = hub.monitor(ref.system, indexed.monitor)
    said: dict[str, Any] = plain(
        {
            "id": ref.format(),
            "system": ref.system,
            "monitor": indexed.monitor,
            "monitor_name": None if view is None else view.monitor.name,
            "kind": str(event.kind),
            "label": event.labels[0] if event.labels else None,
            "labels": event.labels,
            "score": event.score,
            "zones": event.zones,
            "plates": indexed.plates,
            "faces": indexed.faces,
            "text": indexed.text,
            "cause": event.cause,
            "notes": event.notes,
            "start": event.start,
            "end": event.end,
            "duration": event.duration_s,
            "end_reason": event.end_reason,
            "alarm_frames": event.alarm_frames,
            "max_score": event.max_score,
            "archived": event.archived,
            "locked": event.locked,
            "tags": event.tags,
            "direction": event.direction,
            "snapshot_ready": event.snapshot_ready,
            "clip_ready": event.clip_ready,
        }
    )
    return said


def _any(values: Sequence[str]) -> frozenset[str] | None:
    return frozenset(values) or None


def rows(hub: HubView, *, most_page_bytes: int = MOST_PAGE_BYTES) -> Sequence[ServiceRow]:
    """Return what can be searched for."""
    archive = Archive(hub, most_page_bytes)
    return (
        ServiceRow(what="archive.find", asked=AskedFind, do=archive.find, rate=2.0, burst=20.0),
        ServiceRow(what="event.get", asked=AskedEvent, do=archive.event, rate=20.0, burst=50.0),
    )
