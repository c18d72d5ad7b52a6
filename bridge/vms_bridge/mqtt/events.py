"""Event messages from the hub's durable outbox to the broker: at least once, in order, live before late.

A message goes to its monitor's topic and to the common one, and is confirmed when the broker has acknowledged both
and accepted at least one. What it refuses altogether is passed over and tried again after a while and after each
reconnect (docs/decisions/0302-refused-events.md).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from vms_bridge.errors import StoreError, in_words
from vms_bridge.mqtt import reasons
from vms_bridge.mqtt.wire import Post

if TYPE_CHECKING:
    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.notices import Notices, Reports
    from vms_bridge.mqtt.outbox import Outbox
    from vms_bridge.mqtt.topics import Topics
    from vms_bridge.views import HubView, StoredMessage

SINK = "mqtt"
LATE_PER_S = 50
REFUSED_RETRY_S = 300.0
_STORE_RETRY_S = 5.0
_PAGE = 128
_LATE_PAGE = 10


class Confirmations:
    """Positions that the broker has accepted, on their way to the store; they outlive the link."""

    def __init__(self) -> None:
        self._positions: dict[int, None] = {}
        self._some = asyncio.Event()

    def __contains__(self, position: int) -> bool:
        return position in self._positions

    def __len__(self) -> int:
        return len(self._positions)

    def add(self, position: int) -> None:
        """Have this position confirmed soon."""
        self._positions[position] = None
        self._some.set()

    async def flush(self, hub: HubView) -> None:
        """Confirm all there are, in one transaction. Raises StoreError; they are kept then."""
        positions = list(self._positions)
        if positions:
            await hub.delivered(SINK, positions)
            for position in positions:
                self._positions.pop(position, None)

    async def run(self, hub: HubView, clock: Clock, notices: Notices) -> None:
        """Confirm as they come, until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            try:
                await self.flush(hub)
            except StoreError as error:
                notices.warn("store", in_words(error))
                self._some.set()
                await clock.sleep(_STORE_RETRY_S)


@dataclass(slots=True, kw_only=True)
class _Lane:
    """Live or late messages, read page by page."""

    late: bool
    after: int = 0
    again: bool = False
    news: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True, kw_only=True)
class _Delivery:
    """One message under way on both its topics."""

    open: int
    size: int
    since: float
    accepted: bool = False


class EventLanes:
    """Publishes the undelivered messages over one link's outbox."""

    def __init__(
        self,
        *,
        hub: HubView,
        topics: Topics,
        outbox: Outbox,
        confirmations: Confirmations,
        clock: Clock,
        reports: Reports,
        expiry_s: int,
    ) -> None:
        self._hub = hub
        self._topics = topics
        self._outbox = outbox
        self._confirmations = confirmations
        self._clock = clock
        self._notices = reports.notices
        self._expiry_s = expiry_s
        self._lanes = (_Lane(late=False), _Lane(late=True))
        self._deliveries: dict[int, _Delivery] = {}
        self._counters, self._timings = reports.counters, reports.timings

    def wake(self) -> None:
        """Read new messages."""
        for lane in self._lanes:
            lane.news.set()

    async def run(self) -> None:
        """Publish until cancelled."""
        async with asyncio.TaskGroup() as group:
            for lane in self._lanes:
                group.create_task(self._run_lane(lane), name=f"mqtt-events-{'late' if lane.late else 'live'}")
            group.create_task(self._retry_refused(), name="mqtt-events-retry")

    async def _run_lane(self, lane: _Lane) -> None:
        while True:
            lane.news.clear()
            if lane.again:
                lane.again, lane.after = False, 0
            try:
                page = await self._hub.undelivered(
                    SINK, late=lane.late, after=lane.after, limit=_LATE_PAGE if lane.late else _PAGE
                )
            except StoreError as error:
                self._notices.warn("store", in_words(error))
                await self._clock.sleep(_STORE_RETRY_S)
                continue
            for message in page:
                await self._publish(message, late=lane.late)
                lane.after = message.position
            if not page:
                await lane.news.wait()
            elif lane.late:
                await self._clock.sleep(len(page) / LATE_PER_S)

    async def _publish(self, message: StoredMessage, *, late: bool) -> None:
        """Queue a message on its topics, as soon as there is room."""
        position = message.position
        if position in self._deliveries or position in self._confirmations:
            return
        topics = (self._topics.monitor_event(message.system, message.monitor), self._topics.event)
        since = self._clock.monotonic()
        self._deliveries[position] = _Delivery(open=len(topics), size=len(message.payload), since=since)
        for topic in topics:
            done = partial(self._done, position, topic)
            post = Post(topic=topic, payload=message.payload, on_done=done, expiry_s=self._expiry_s)
            await self._outbox.room(late=late)
            while not self._outbox.post(post, late=late):
                await self._outbox.room(late=late)

    def _done(self, position: int, topic: str, code: int) -> None:
        delivery = self._deliveries[position]
        delivery.open -= 1
        if code < 0x80:
            delivery.accepted = True
        else:
            self._notices.warn(
                f"refused {self._topics.kind(topic)}",
                reasons.refused_message(topic, delivery.size, code, what="an event message"),
            )
        if delivery.open:
            return
        del self._deliveries[position]
        if delivery.accepted:
            self._timings.events.observe(self._clock.monotonic() - delivery.since)
            self._confirmations.add(position)
        else:
            self._counters.events_refused += 1

    async def _retry_refused(self) -> None:
        known = self._counters.events_refused
        while True:
            await self._clock.sleep(REFUSED_RETRY_S)
            if self._counters.events_refused > known:
                known = self._counters.events_refused
                for lane in self._lanes:
                    lane.again = True
                self.wake()
