"""All that is published over one link but who the bridge is: discovery, states, events and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from random import SystemRandom
from typing import TYPE_CHECKING

from vms_bridge.mqtt.carrier import Route
from vms_bridge.mqtt.events import EventLanes
from vms_bridge.mqtt.homeassistant import Announcer, Offer
from vms_bridge.mqtt.notices import Reports
from vms_bridge.mqtt.object_pictures import ObjectPictures
from vms_bridge.mqtt.own_entities import OwnEntityPublisher
from vms_bridge.mqtt.pictures import PicturePublisher
from vms_bridge.mqtt.publisher import Publisher
from vms_bridge.mqtt.replay import Replay
from vms_bridge.mqtt.script_logs import ScriptLogs

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator

    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.identity import Identity
    from vms_bridge.mqtt.inventory import RetainedMessages
    from vms_bridge.mqtt.memory import Memory
    from vms_bridge.mqtt.notices import Notices
    from vms_bridge.mqtt.outbox import Outbox
    from vms_bridge.mqtt.topics import Topics
    from vms_bridge.views import Changes, HubView

_JITTER = SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wiring:
    """Who publishes, for whom, by which way; `memory` outlives the link."""

    hub: HubView
    identity: Identity
    topics: Topics
    outbox: Outbox
    memory: Memory
    notices: Notices
    clock: Clock


class Publications:
    """Made for a link once it is known what the broker has of ours; `start` it, run its `works`, `note` what changes."""

    def __init__(self, wiring: Wiring, retained: RetainedMessages, *, again: Callable[[], None]) -> None:
        """`retained` is what the broker has; `again` says once more who the bridge is, and that it is there."""
        hub, topics, outbox, clock, config = wiring.hub, wiring.topics, wiring.outbox, wiring.clock, wiring.identity.config
        reports = Reports(wiring.notices, wiring.memory.counters, wiring.memory.timings)
        self._wiring, self._is_first, self._has_pictures = wiring, retained.info is None, config.snapshots
        self.announcer = Announcer(
            hub=hub,
            offer=Offer(topics=topics, name=wiring.identity.name, level=config.level, snapshots=config.snapshots),
            outbox=outbox,
            clock=clock,
            retained=retained.discovery,
            unwanted=wiring.memory.unwanted,
        )
        left = {topic: known for topic, known in retained.states.items() if not topic.startswith(topics.scripts)}
        self._publisher = Publisher(
            hub=hub, topics=topics, outbox=outbox, clock=clock, interval_s=config.measurement_interval, retained=left
        )
        self._own_entities = OwnEntityPublisher(
            hub=hub,
            topics=topics,
            outbox=outbox,
            clock=clock,
            notices=wiring.notices,
            retained=retained.states.keys() - left.keys(),
        )
        self._script_logs = ScriptLogs(hub, topics, outbox) if config.script_logs else None
        self._lanes = EventLanes(
            hub=hub,
            topics=topics,
            outbox=outbox,
            confirmations=wiring.memory.confirmations,
            clock=clock,
            reports=reports,
            expiry_s=config.event_expiry,
        )
        client_id = f"{wiring.identity.client_id}_media"
        self._pictures = PicturePublisher(
            hub=hub,
            topics=topics,
            clock=clock,
            reports=reports,
            memory=wiring.memory.snapshots,
            route=Route(config=config, client_id=client_id, dialect=wiring.memory.dialect, outbox=outbox),
        )
        self._object_pictures = ObjectPictures(hub=hub, topics=topics, outbox=outbox)
        self._replay = Replay(
            hub=hub,
            clock=clock,
            announcer=self.announcer,
            publisher=self._publisher,
            own_entities=self._own_entities,
            again=again,
            jitter=_JITTER.uniform,
        )

    async def start(self, changes: Changes) -> None:
        """Publish what is so now: what must be there first, in its order."""
        await self.announcer.start(changes)
        await self._publisher.start(changes)
        self._own_entities.note(changes)
        self._pictures.start(changes, everything=self._is_first)
        self._object_pictures.note(changes)

    def works(self) -> Iterator[Coroutine[None, None, None]]:
        """Return what is to run for as long as the link lasts."""
        yield from (self.announcer.run(), self._publisher.run(), self._lanes.run(), self._replay.run(), self._own_entities.run())
        if self._script_logs is not None:
            yield self._script_logs.run()
        if self._has_pictures:
            yield from (self._pictures.run(), self._object_pictures.run())

    async def note(self, changes: Changes) -> None:
        """Hear what has changed."""
        self.announcer.note(changes)
        if changes.messages:
            self._lanes.wake()
        await self._publisher.note(changes)
        self._own_entities.note(changes)
        if self._script_logs is not None and changes.scripts:
            self._script_logs.look()
        self._pictures.note(changes)
        self._object_pictures.note(changes)

    def all_again(self, *, jitter: bool) -> None:
        """Have everything current sent once more: at once, or after a random while."""
        self._replay.ask(jitter=jitter)
        self._object_pictures.repeat()

    def pictures_again(self) -> None:
        """Have the pictures sent once more."""
        self._pictures.repeat()

    def repeat(self, topic: str) -> None:
        """Publish what is current on one of our retained topics."""
        topics, publisher = self._wiring.topics, self._publisher
        if (device := topics.parse_discovery(topic)) is not None:
            self.announcer.repeat(device)
        elif (script := topics.parse_script(topic)) is not None:
            self._own_entities.repeat(script[0])
        elif (subject := topics.parse_state(topic)) is not None and subject.system is not None:
            publisher.repeat(subject.system if subject.monitor is None else (subject.system, subject.monitor))
            if subject.monitor is not None and topic == topics.last_event(subject.system, subject.monitor):
                publisher.repeat_last_event((subject.system, subject.monitor))
