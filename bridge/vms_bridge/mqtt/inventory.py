"""What the broker retains of ours when a link is made: read once, before anything is published."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.mqtt.publisher import digest
from vms_bridge.mqtt.wire import Filter

if TYPE_CHECKING:
    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.link import Link
    from vms_bridge.mqtt.notices import Notices
    from vms_bridge.mqtt.topics import Topics
    from vms_bridge.mqtt.wire import Message

_LOGGER = logging.getLogger(__name__)

SETTLE_S = 2.0
"""How long to wait for what the broker retains, and for a rival's answer."""
_SYNC_S = 0.2
_MOST = 50_000


@dataclass(slots=True)
class RetainedMessages:
    """Discovery payloads by topic, digests of all else that is ours, the hello, and topics of an earlier instance name."""

    discovery: dict[str, bytes] = field(default_factory=dict)
    states: dict[str, bytes] = field(default_factory=dict)
    info: bytes | None = None
    previous: list[str] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Whether it takes no more."""
        return len(self.discovery) + len(self.states) + len(self.previous) >= _MOST

    def pictures(self, topics: Topics) -> list[str]:
        """Return where pictures may be: with all that is a monitor's. To subscribe to them themselves would fetch them all."""
        subjects = dict.fromkeys(topics.parse_state(topic) for topic in self.states)
        return [topics.snapshot(each.system, each.monitor) for each in subjects if each and each.system and each.monitor]


class Inventory:
    """Takes stock over one link; `previous` are the topics of an instance name that was given up."""

    def __init__(self, *, link: Link, topics: Topics, previous: Topics | None, clock: Clock, notices: Notices) -> None:
        self._link = link
        self._clock = clock
        self._topics = topics
        self._previous = previous
        self._notices = notices
        self._synced = asyncio.Event()
        self.flags_retained = link.is_mqtt5
        """Whether the broker flags a retained message as such when it comes live; known once taken."""
        self._found: RetainedMessages | None = RetainedMessages()
        self._live = [topics.info, topics.status, topics.own_discovery_filter]
        self._leftovers = [
            *(*topics.own_state_filters, *topics.script_filters, *topics.never_retained),
            *self._previous_filters(),
        ]

    @property
    def filters(self) -> list[str]:
        """What it subscribes to, if only for a moment."""
        return [*self._live, *self._leftovers, self._topics.sync, self._topics.marker_filter]

    async def take(self) -> RetainedMessages:
        """Return what is there; of hello, status and discovery go on to receive what others say. To be called once.

        What we send ourselves on `sync` goes on to be received.
        """
        found = self._found
        assert found is not None  # noqa: S101  # it is taken away at the end of this method, which runs once
        topics, live, leftovers = self._topics, self._live, self._leftovers
        filters = [*(Filter(topic=each) for each in (*live, *leftovers)), Filter(topic=topics.sync, qos=1, as_published=True)]
        subscribing = asyncio.ensure_future(self._link.subscribe(filters))
        subscribing.add_done_callback(lambda done: done.cancelled() or done.exception())  # we may not be there any more
        try:
            await asyncio.sleep(0)  # first the subscription, then what is to come after it
            await self._wait(subscribing)
            for refused in subscribing.result() if subscribing.done() else ():
                self._notices.warn(
                    f"subscription {refused}", f"the broker refused the subscription to {refused}: leftovers there can't be seen"
                )
        finally:
            subscribing.cancel()
        self._found = None
        # All of them: mosquitto keeps a subscription's first options, and would go on to send us what we publish.
        self._link.unsubscribe([*live, *leftovers])
        await self._link.subscribe([Filter(topic=each, own=False, retained=False) for each in live])
        return found

    def receive(self, message: Message) -> None:
        """Process a retained message, or the one that ends the wait."""
        found = self._found
        if message.topic == self._topics.sync:
            self.flags_retained = message.retained
            self._synced.set()
        elif found is None or found.is_full or not message.payload:
            return
        elif message.topic == self._topics.info:
            found.info = message.payload
        elif message.topic.startswith(f"{self._topics.root}/"):
            found.states[message.topic] = digest(message.payload)
        elif message.topic.startswith(self._topics.own_discovery_filter.partition("+")[0]):
            found.discovery[message.topic] = message.payload
        elif self._previous is not None:
            found.previous.append(message.topic)

    async def _wait(self, subscribing: asyncio.Future[list[str]]) -> None:
        """Wait until a message to ourselves is back, for it queues up behind what is retained.

        It is sent again and again, with QoS 0: a broker whose queue for us is full drops it, and mosquitto 2.0 then does not
        even acknowledge it, nor the subscription (`max_queued_messages`). Over a slow link it may take long: only once the
        subscription is answered is there a limit.
        """
        left_s = SETTLE_S
        while not self._synced.is_set() and left_s > 0:
            self._link.publish(self._topics.sync, b"", retain=True)  # nothing is retained by that, but the flag comes back
            with suppress(TimeoutError):
                async with self._clock.timeout(_SYNC_S):
                    await self._synced.wait()
            left_s -= _SYNC_S if subscribing.done() else 0.0
        if not subscribing.done():  # some answer a little later
            with suppress(TimeoutError):
                async with self._clock.timeout(_SYNC_S):
                    await asyncio.wait({subscribing})
        if not self._synced.is_set():
            _LOGGER.debug("the broker has not returned our own message")

    def _previous_filters(self) -> list[str]:
        previous = self._previous
        return [] if previous is None else [f"{previous.root}/#", previous.own_discovery_filter]
