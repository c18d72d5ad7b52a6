"""Which of what was seen belongs to which event: what its camera has shown from its beginning on, as long as an event goes on.

Either may be learnt first. Nothing here asks anybody.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from typing import TYPE_CHECKING

from vms_bridge.backends.vxg.seen import enrichment_of
from vms_bridge.model import Enrichment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime, timedelta

    from vms_bridge.backends.vxg.seen import Seen

MOST_SEEN, MOST_EVENTS = 20_000, 10_000
_NOTHING = Enrichment()


class Matching:
    """Events and what was seen, each for as long as it is remembered; `since` this time all that was seen is known."""

    def __init__(self, lasts: timedelta, since: datetime) -> None:
        self._lasts, self._since = lasts, since
        self._seen: OrderedDict[str, Seen] = OrderedDict()
        self._events: OrderedDict[str, tuple[int, datetime]] = OrderedDict()
        self._seen_at: defaultdict[int, dict[str, Seen]] = defaultdict(dict)
        self._events_at: defaultdict[int, dict[str, datetime]] = defaultdict(dict)
        self._due: dict[str, None] = {}
        self._told: dict[str, Enrichment] = {}

    def saw(self, name: str, seen: Seen | None) -> None:
        """Take note of what a document of this name says; None: nothing, or nothing any more."""
        before = self._forget_seen(name)
        if seen is not None:
            self._seen[name] = self._seen_at[seen.camera_id][name] = seen
        for each in (before, seen):
            if each is not None:
                events = self._events_at.get(each.camera_id, {})
                self._due.update((event_id, None) for event_id, start in events.items() if self._is_in(each, start))
        while len(self._seen) > MOST_SEEN:
            gone = self._forget_seen(next(iter(self._seen)))
            if gone is not None:  # of an event that began before, not all is known any more
                self._since = max(self._since, gone.time)

    def began(self, event_id: str, camera_id: int, start: datetime) -> None:
        """Take note of an event; one that is known is no news."""
        if event_id in self._events:
            return
        self._events[event_id] = (camera_id, start)
        self._events_at[camera_id][event_id] = start
        self._due[event_id] = None
        while len(self._events) > MOST_EVENTS:
            self.forget(next(iter(self._events)))

    def forget(self, event_id: str) -> None:
        """There is no such event any more."""
        known = self._events.pop(event_id, None)
        if known is not None:
            del self._events_at[known[0]][event_id]
            if not self._events_at[known[0]]:
                del self._events_at[known[0]]
        self._told.pop(event_id, None)
        self._due.pop(event_id, None)

    def news(self) -> Iterator[tuple[str, Enrichment]]:
        """Yield what is to be told of events; what was yielded is taken for told when the next one is asked for."""
        for event_id in list(self._due):
            added = self._added(event_id)
            if added is not None and added != self._told.get(event_id, _NOTHING):
                yield event_id, added
                if event_id in self._events:
                    self._told[event_id] = added
            self._due.pop(event_id, None)

    def forget_before(self, time: datetime) -> None:
        """Forget what was before: nothing will be told of it any more."""
        for name in [name for name, seen in self._seen.items() if seen.time < time]:
            self._forget_seen(name)
        for event_id in [event_id for event_id, (_, start) in self._events.items() if start < time]:
            self.forget(event_id)
        self._since = max(self._since, time)

    def _added(self, event_id: str) -> Enrichment | None:
        known = self._events.get(event_id)
        if known is None or known[1] < self._since:
            return None
        camera_id, start = known
        seen = [each for each in self._seen_at.get(camera_id, {}).values() if self._is_in(each, start)]
        return enrichment_of(sorted(seen, key=lambda each: each.time))

    def _is_in(self, seen: Seen, start: datetime) -> bool:
        return start <= seen.time <= start + self._lasts

    def _forget_seen(self, name: str) -> Seen | None:
        gone = self._seen.pop(name, None)
        if gone is not None:
            del self._seen_at[gone.camera_id][name]
            if not self._seen_at[gone.camera_id]:
                del self._seen_at[gone.camera_id]
        return gone
