"""Events as a source: they are followed to be reported, and one that an alarm has opened shows that there is an alarm."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.doubt import may_be_stalled, stall_limit
from vms_bridge.backends.zoneminder.event_list import EventList
from vms_bridge.backends.zoneminder.event_tags import KnownTags
from vms_bridge.backends.zoneminder.event_values import abandoned, event_of, merged, untimed
from vms_bridge.backends.zoneminder.events import EventTracker
from vms_bridge.backends.zoneminder.follower import EventFollower
from vms_bridge.backends.zoneminder.pace import Allowance, Reserve
from vms_bridge.backends.zoneminder.readiness import Readiness
from vms_bridge.backends.zoneminder.time_witness import TimeWitness
from vms_bridge.backends.zoneminder.unreadable import Unreadable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from vms_bridge.backends.zoneminder.connection import Connection
    from vms_bridge.backends.zoneminder.follower import EventHealth, LastRead
    from vms_bridge.backends.zoneminder.ladders import Ladders
    from vms_bridge.backends.zoneminder.media import Pictures
    from vms_bridge.backends.zoneminder.monitor_ladder import MonitorLadder
    from vms_bridge.backends.zoneminder.sources.monitor_list import MonitorList
    from vms_bridge.backends.zoneminder.system import SystemReader
    from vms_bridge.model import Event
    from vms_bridge.zoneminder import EventRow

_SEARCH_REQUESTS = 12.0
"""So many find one row among a hundred that can't be read, and may be asked at once: the others wait for that."""
_SEARCH_EVERY_S = 120.0
_SOON = 1_000
"""So far above the newest event that was read may be one that is believed to be on its way."""


class OpenEvents:
    """The events of one connection; to their tracker it is the surroundings."""

    def __init__(
        self,
        connection: Connection,
        ladders: Ladders,
        *,
        monitors: MonitorList,
        system: SystemReader,
        pictures: Pictures,
        health: EventHealth,
        last_read: LastRead,
    ) -> None:
        feed, clock, cache = connection.feed, connection.clock, connection.cache
        self._clock, self._cache, self._ladders, self._monitors, self._system = clock, cache, ladders, monitors, system
        self._readiness = Readiness(pictures, clock, context=self, spare=connection.spare)
        self.times = TimeWitness(cache.local_time, system.trouble("events"))
        """How the times of events are to be read."""
        searches = Allowance(_SEARCH_REQUESTS / _SEARCH_EVERY_S, clock, burst=_SEARCH_REQUESTS)
        unreadable = Unreadable(connection.name, feed, clock)
        self.rows = EventList(connection.api, self.times, unreadable, Reserve(searches, connection.pages))
        self.tags = KnownTags()
        self._tracker = EventTracker(
            self.rows, clock, feed, catch_up_days=connection.config.catch_up_days,
            context=self, readiness=self._readiness, spare=connection.spare,
        )  # fmt: skip
        self._follower = EventFollower(connection, self._tracker, listener=self, health=health, last=last_read)

    async def follow(self) -> None:
        """Read events, and check for their pictures, until cancelled. Raises VmsUnreachable."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follower.follow())
            tasks.create_task(self._readiness.follow(self._tracker.without_picture))

    async def report_all(self) -> None:
        """Report of every monitor which of its events are open, and whether these are stalled. Raises VmsUnreachable."""
        if any(may_be_stalled(self._tracker.unchanged_s(number)) for number in self._ladders.by_id):
            await self._system.read_bulk_frames()
        self.report(self._ladders.by_id)

    def report(self, monitor_ids: Collection[str]) -> None:
        """Report of these monitors which of their events are open."""
        for monitor_id in monitor_ids:
            ladder = self._ladders.by_id.get(monitor_id)
            if ladder is not None:
                self._report(ladder)

    def read_now(self) -> asyncio.Event:
        """Read events now; what is returned is set when that is done, and at once while they can't be read."""
        return self._follower.ring()

    @property
    def read_to(self) -> int:
        """The newest event that was read."""
        return self._tracker.read_to

    @property
    def generation(self) -> int:
        """Which generation of ids the events have."""
        return self._tracker.generation

    async def newest(self) -> int:
        """Return the same once events were read, 0 where there is none, or they can't be read."""
        if self.read_to == 0:
            await self.read_now().wait()
        return self.read_to

    def expect_event(self, event_id: int) -> None:
        """Note that an event begins whose row may not be there yet."""
        self._follower.expect_event(event_id)

    def expect_end(self, event_id: int) -> None:
        """Note that an event is about to be closed."""
        self._follower.expect_end(event_id)

    def announced(self, event_id: int) -> None:
        """Look at once: somebody says that this event begins or ends."""
        if self._tracker.is_open(event_id):
            self._follower.expect_end(event_id)
        elif self._tracker.read_to < event_id <= self._tracker.read_to + _SOON:
            self._follower.expect_event(event_id)
        else:
            self._follower.ring()

    def zone_changed(self) -> None:
        """Note that times are to be read otherwise."""
        self._tracker.zone_changed()

    def is_open(self, event_id: int) -> bool:
        """Say whether this event goes on, or is so new that it has not been read yet."""
        return self._tracker.is_open(event_id) or event_id > self._tracker.read_to

    def picture_fetched(self, event_id: int, *, is_there: bool) -> None:
        """Note that somebody has fetched this event's picture, or could not."""
        self._tracker.picture_fetched(event_id, is_there=is_there)

    def as_reported(self, row: EventRow) -> Event:
        """Return the event of a row that was asked for, as it was reported, or would be."""
        is_there, names = self._readiness.is_there(row, late=True), self.zone_names(row.monitor_id)
        event = event_of(row, names, snapshot_ready=is_there, tags=self.tags.of(row.id))
        known = self._tracker.known(row.id)
        if known is not None:
            event = merged(known, event)
        if not event.is_over and not self.is_open(row.id):
            event = abandoned(event)  # nobody will end it any more
        return event if self._cache.local_time.is_known else untimed(event)

    def monitor_count(self) -> int:
        """Return how many monitors there are."""
        return len(self._ladders.by_id)

    def is_listed(self, monitor_id: str) -> bool:
        """Say whether the list of monitors has this one."""
        return monitor_id in self._ladders.by_id

    def events_health_changed(self) -> None:
        """Note that events can be read, or can't any more."""
        self.report(self._ladders.by_id)
        self._ladders.emit_changes()

    def open_events_changed(self, monitor_ids: Collection[str]) -> None:
        """Note that other events are open than before."""
        for monitor_id in monitor_ids:
            self.report([monitor_id])
            self._ladders.emit_state(monitor_id)

    async def ensure_described(self, monitor_ids: Collection[str]) -> None:
        """Describe these monitors before their events are reported, unless they were not found just now. Raises VmsError."""
        await self._monitors.ensure_described(monitor_ids)

    def zone_names(self, monitor_id: str) -> Mapping[str, str]:
        """Return by the names that ZoneMinder writes the names that the monitor's zones have now."""
        ladder = self._ladders.by_id.get(monitor_id)
        return {} if ladder is None else ladder.zone_watch.names()

    def tags_of(self, event_id: int) -> tuple[str, ...] | None:
        """Return the event's tags, None where they were not read."""
        return self.tags.of(event_id)

    def writes_pictures(self, monitor_id: str) -> bool:
        """Say whether the monitor's events have a picture from their beginning on, by its modes."""
        ladder = self._ladders.by_id.get(monitor_id)
        return ladder is None or ladder.row.decodes

    def has_pictures_at_end(self, monitor_id: str) -> bool:
        """Say whether they have one only when they have ended: where all is recorded and not all decoded."""
        ladder = self._ladders.by_id.get(monitor_id)
        return ladder is not None and ladder.row.records_always and not ladder.row.decodes

    def is_dead(self, monitor_id: str) -> bool:
        """Say whether nothing can be at work on the monitor's events."""
        ladder = self._ladders.by_id.get(monitor_id)
        if ladder is None or ladder.row.is_idle:
            return True
        return ladder.memory.sample is None and ladder.row.status in {None, "NotRunning"}

    def has_begun_anew(self, event: Event) -> bool:
        """Say whether the event's capture daemon was started after it: its memory then names another event, or none."""
        ladder = self._ladders.by_id.get(event.monitor_id)
        sample = None if ladder is None else ladder.memory.own
        if sample is None or event.start is None or not self._cache.local_time.is_known:
            return False
        return sample.startup > event.start.timestamp() + 1 and str(sample.last_event) != event.id

    def _report(self, ladder: MonitorLadder) -> None:
        number, row = ladder.row.id, ladder.row
        limit_s = stall_limit(self._cache.bulk_frames, row.capture_fps)
        open_events, unchanged_s = self._tracker.open_events(number), self._tracker.unchanged_s(number)
        ladder.update_events(open_events, unchanged_s, limit_s, self._clock.monotonic())
