"""What happens over one link, from the first subscription to its loss.

In this order: read what the broker retains of ours, make sure that no other bridge has our name, subscribe to
commands, publish `online`, bring discovery up to date, then states, then the events that wait.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from vms_bridge.commands import Level
from vms_bridge.errors import BrokerError, RivalBridge
from vms_bridge.explaining import causes
from vms_bridge.mqtt import payloads
from vms_bridge.mqtt.catch_up import ECHO, CatchUp
from vms_bridge.mqtt.company import Connection
from vms_bridge.mqtt.events import SINK
from vms_bridge.mqtt.for_others import Bounds
from vms_bridge.mqtt.inventory import SETTLE_S, Inventory, RetainedMessages
from vms_bridge.mqtt.outbox import Outbox
from vms_bridge.mqtt.pace import Rounds
from vms_bridge.mqtt.payloads import OFFLINE, ONLINE
from vms_bridge.mqtt.publications import Publications, Wiring
from vms_bridge.mqtt.refusals import Refusals
from vms_bridge.mqtt.renaming import give_up_name
from vms_bridge.mqtt.retained import CommandScreen, RetainedReader
from vms_bridge.mqtt.rivalry import Rivalry
from vms_bridge.mqtt.silent_limit import find_largest
from vms_bridge.mqtt.topics import Topics
from vms_bridge.mqtt.wire import Filter, Post
from vms_bridge.own_entities import EntityRefused

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.identity import Identity
    from vms_bridge.mqtt.intake import CommandIntake
    from vms_bridge.mqtt.link import Link
    from vms_bridge.mqtt.memory import Memory
    from vms_bridge.mqtt.notices import Notices
    from vms_bridge.mqtt.wire import Message
    from vms_bridge.views import Changes, HubView, Subscription

_LOGGER = logging.getLogger(__name__)

ESTABLISHED_S = 10.0
COUNTS_S = 60.0
_GOODBYE_S = 0.4
_CORRECTIONS_APART_S = 1.0
_COMMAND_BYTES = 2048


class Session:
    """One link's work; made for it and thrown away with it."""

    def __init__(
        self,
        *,
        link: Link,
        hub: HubView,
        identity: Identity,
        memory: Memory,
        intake: CommandIntake,
        clock: Clock,
        notices: Notices,
    ) -> None:
        self._link = link
        self._hub = hub
        self._identity = identity
        self._config = identity.config
        self._memory = memory
        self._intake = intake
        self._clock = clock
        self._notices = notices
        self._topics = Topics(identity.instance, self._config.discovery_prefix)
        previous = identity.previous_instance
        self._previous = Topics(previous, self._config.discovery_prefix) if previous else None
        self._inventory = Inventory(link=link, topics=self._topics, previous=self._previous, clock=clock, notices=notices)
        self._rivalry = Rivalry(
            instance=identity.instance,
            bridge_id=hub.bridge_id,
            clock=clock,
            is_established=lambda: memory.established,
            answer=self._answer_rival,
        )
        self._corrections = Rounds(clock, self._correct_status, apart_s=_CORRECTIONS_APART_S)
        self._catch_up = CatchUp(
            link=link,
            absence=memory.absence,
            topic=self._topics.sync,
            is_safe=lambda: intake.is_safe,
            settle=intake.settle,
            clock=clock,
        )
        self._reader = RetainedReader(link, self._topics, clock)
        self._screen = CommandScreen(self._reader, self._command_filters(), intake.take, is_flagged=link.is_mqtt5)
        self._publications: Publications | None = None
        self._for_others = memory.for_others
        self._own_filters: frozenset[str] = frozenset()
        self._is_leaving = False
        self._greeting = payloads.info(identity, hub.bridge_id)
        self._health = b""
        self._refused_filters: list[str] = []
        self._counted = replace(memory.counters)
        self._refusals = Refusals(topics=self._topics, notices=notices, clock=clock)
        self.outbox = Outbox(
            link,
            call_soon=asyncio.get_running_loop().call_soon,
            on_dropped=self._refusals.dropped,
            on_refused=self._refusals.refused,
            counters=memory.counters,
            sizes=memory.dialect.sizes,
        )

    async def run(self) -> None:
        """Serve until cancelled. Raises BrokerError (the link is lost) or RivalBridge."""
        self._link.listen(self._received, self.outbox.kick, acknowledges=True)
        failures: list[BrokerError] = []
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_link(), name="mqtt-link")
                group.create_task(self._rivalry.run(), name="mqtt-rival")
                group.create_task(self._catch_up.run(), name="mqtt-presence")
                group.create_task(self._screen.run(), name="mqtt-commands-screen")
                group.create_task(self._serve(), name="mqtt-session")
        except* BrokerError as errors:
            failures.extend(causes(errors))
        finally:
            self._intake.attach(None)
            self._memory.counters.acknowledgements_lost += self._link.forgotten
        if failures:
            raise next((failure for failure in failures if isinstance(failure, RivalBridge)), failures[0])

    async def _keep_link(self) -> None:
        """Keep the link alive until it is lost, and have learnt what that says of the broker."""
        dialect = self._memory.dialect
        try:
            await self._link.run()
        finally:  # at once, before the other connection is ended for the sake of this one
            now = self._clock.monotonic()
            is_ours = self._link.is_open or self._link.was_given_up or self._rivalry.is_lost
            dialect.sizes.ended(self._link.too_large, now)
            dialect.company.ended(Connection.MAIN, now, is_taken_over=self._link.is_taken_over, is_ours=is_ours)

    async def say_goodbye(self) -> None:
        """Publish `offline` (unless the name turned out to be another's), and close the link; within a second."""
        self.outbox.close()  # an `online` that waits there, as for a replay, would come after the goodbye
        self._is_leaving = True
        if self._link.is_open and not self._rivalry.is_lost:
            gone = asyncio.Event()
            self._link.publish(self._topics.status, OFFLINE, retain=True, on_ack=lambda _code: gone.set())
            self._link.flush()
            try:
                async with self._clock.timeout(_GOODBYE_S):
                    await gone.wait()
            except TimeoutError:
                _LOGGER.debug("the broker has not acknowledged the goodbye")
        is_of_no_use = self._rivalry.is_lost and not self._link.session_present  # one that was there is the other's
        await self._link.close(forget_session=is_of_no_use or self._catch_up.is_strange)

    async def _serve(self) -> None:
        commands = frozenset(self._topics.command_filters)
        self._own_filters = frozenset(self._inventory.filters) | {each.topic for each in self._wanted()}
        filters = self._own_filters if self._for_others is None else self._own_filters | self._for_others.filters
        await self._catch_up.begin(filters, lasting=commands)
        if self._catch_up.is_strange:
            await self._catch_up.shun()
        retained = await self._inventory.take()
        self._memory.published.add_to(retained, self._topics)
        self._screen.is_flagged = self._inventory.flags_retained
        if not self._screen.is_flagged:
            self._screen.is_shown_by_wildcard = await self._reader.shows_by_wildcard()
        self._post(self._topics.info, self._greeting)
        if self._rivalry.is_foreign(retained.info) and not self._memory.established:
            await self._clock.sleep(SETTLE_S)  # a bridge of this name that is at work answers our hello at once
        await self._open_for_business()
        await self._memory.absence.subscribed(filters)
        subscription = self._hub.subscribe()
        try:
            await self._publish(subscription, retained)
        finally:
            subscription.close()

    async def _open_for_business(self) -> None:
        """Take commands, as far as the broker allows, then publish `online`."""
        topics = self._topics
        self._refused_filters = await self._link.subscribe(self._wanted())
        if not set(topics.births) <= set(self._refused_filters):  # Home Assistant uses one of them
            self._refused_filters = [each for each in self._refused_filters if each not in topics.births]
        for refused in self._refused_filters:
            self._notices.warn(
                f"subscription {refused}",
                f"the MQTT broker refused the subscription to {refused}: what is sent there is not received; "
                "allow the bridge's user to read it in the broker's access list",
            )
        self._report_health()
        self._intake.attach(self.outbox)
        self._post(topics.status, ONLINE)

    def _wanted(self) -> list[Filter]:
        """Return what to subscribe to for as long as the link lasts; commands beyond that."""
        topics = self._topics
        filters = [Filter(topic=each) for each in (*topics.births, topics.replay)]
        # even where none is allowed: each is answered so, and a retained one is cleared
        return filters + self._command_filters()

    def _command_filters(self) -> list[Filter]:
        return [Filter(topic=each, qos=1, own=False, as_published=True) for each in self._topics.command_filters]

    async def _publish(self, subscription: Subscription, retained: RetainedMessages) -> None:
        parts = Wiring(
            hub=self._hub,
            identity=self._identity,
            topics=self._topics,
            outbox=self.outbox,
            memory=self._memory,
            notices=self._notices,
            clock=self._clock,
        )
        published = self._publications = Publications(parts, retained, again=self._say_hello_and_online)
        await give_up_name(self._previous, retained.previous, self.outbox, self._clock)
        if not self._config.snapshots and not self._memory.established:
            for topic in retained.pictures(self._topics):  # of an earlier run
                self.outbox.clear(topic)
        changes = await self._changes(subscription)
        self._note_bridge(published)
        await published.start(changes)
        works: list[Coroutine[None, None, None]] = [
            *published.works(),
            self._corrections.run(),
            self._refusals.run(partial(self._repeat, published)),
            self._establish(published),
            self._leave_sync(),
            self._publish_counts(),
            self._memory.dialect.company.run(self._hub, SINK, self._clock),
            self._memory.confirmations.run(self._hub, self._clock, self._notices),
        ]
        if self._for_others is not None:
            bounds = Bounds(own=self._own_filters, absence=self._memory.absence, notices=self._notices, over=self._catch_up.over)
            works.append(self._for_others.serve(self._link, self.outbox, bounds))
        async with asyncio.TaskGroup() as group:
            for work in works:
                group.create_task(work)
            while True:
                changes = await self._changes(subscription)
                if changes.systems or changes.removed_systems or changes.bridge:
                    self._note_bridge(published)
                await published.note(changes)
                if changes.since is not None:
                    self._memory.timings.states.observe(self._clock.monotonic() - changes.since)

    async def _changes(self, subscription: Subscription) -> Changes:
        changes = await subscription.changes()
        await self._memory.published.note(self._hub, changes.described)
        return changes

    def _repeat(self, published: Publications, topic: str) -> None:
        """Publish what is current on one of our retained topics."""
        if topic in {self._topics.info, self._topics.health, self._topics.status}:
            self._say_hello_and_online()
        else:
            published.repeat(topic)

    @property
    def _at_work(self) -> Publications | None:
        """What is published here, from when there is anything until the bridge goes."""
        return None if self._is_leaving else self._publications

    def _received(self, message: Message) -> None:
        """Send a message where it belongs."""
        topics = self._topics
        if self._for_others is not None and self._for_others.take(message):
            return
        if self._reader.heard(message):
            return
        if (entity := topics.parse_script_command(message.topic)) is not None:
            message.acknowledge()
            self._heard_for_script(*entity, message)
            return
        if topics.stray_command(message.topic) is not None:  # whatever its keys are
            self._screen.take(message, self._catch_up.age_s())
            return
        message.acknowledge()
        if message.topic == topics.sync and message.payload == ECHO:
            self._catch_up.heard_echo()
        elif message.topic == topics.sync or (
            message.retained and message.topic not in {topics.status, *topics.births, topics.replay}
        ):
            self._inventory.receive(message)
        elif not message.retained and self._catch_up.over.is_set():  # some brokers keep other things for us too
            self._heard_live(message)

    def _heard_live(self, message: Message) -> None:
        topics = self._topics
        if message.topic == topics.info:
            self._rivalry.heard(message.payload)
        elif message.topic == topics.status:
            if message.payload != ONLINE and self._at_work is not None:
                self._corrections.ask()  # an old link's will, or a rival's
        elif message.topic in topics.births:
            if message.payload == ONLINE and self._at_work is not None:
                self._at_work.all_again(jitter=True)
        elif message.topic == topics.replay:
            if self._at_work is not None:
                self._at_work.all_again(jitter=False)
                self._at_work.pictures_again()
        elif not message.payload and topics.parse_discovery(message.topic) is not None:
            self._heard_emptied(message.topic)

    def _heard_for_script(self, owner: str, key: str, message: Message) -> None:
        """Hand a command to whose entity it is for: one that somebody gives now, and who may."""
        if not message.payload:  # that is how a retained message is cleared
            return
        if message.retained:
            self.outbox.clear(message.topic)
        elif self._catch_up.over.is_set() and self._config.level.includes(Level.CONTROL):
            try:
                self._hub.own_entities.command(owner, key, message.payload[:_COMMAND_BYTES].decode("utf-8", "replace"))
            except EntityRefused as error:
                self._notices.warn("entity", f"a command to an entity of a script is refused: {error}")

    def _heard_emptied(self, topic: str) -> None:
        if self._publications is None:
            self._memory.unwanted.add(topic)
        else:
            self._publications.announcer.emptied(topic, may_be_echo=not self._link.is_mqtt5)

    def _answer_rival(self) -> None:
        """Say once more who is at work here."""
        self._notices.warn("rival", f"another bridge says that it is {self._identity.instance!r} too; this one stays")
        if self._at_work is not None:
            self._say_hello_and_online()
        else:
            self._post(self._topics.info, self._greeting)

    async def _leave_sync(self) -> None:
        """Receive nothing more of what we send ourselves."""
        await self._catch_up.over.wait()
        if self._screen.is_flagged:
            self._link.unsubscribe([self._topics.sync])

    async def _establish(self, published: Publications) -> None:
        await self._clock.sleep(ESTABLISHED_S)
        self._memory.established = True
        while not self.outbox.is_idle:
            await self._clock.sleep(1.0)
        self._memory.dialect.sizes.through()
        await self._memory.published.settle(self._hub)
        if not self._link.is_mqtt5:
            await find_largest(
                lambda: published.announcer.largest, self._reader, self._refusals, self._memory.counters, self._clock
            )

    async def _publish_counts(self) -> None:
        """Publish the current counts, seldom: they may change with every message."""
        while True:
            await self._clock.sleep(COUNTS_S)
            self._counted = replace(self._memory.counters)
            self._report_health()

    def _note_bridge(self, published: Publications) -> None:
        """Publish the bridge's own state as it changes."""
        published.announcer.switch(is_on=self._is_discovery_on)
        self._report_health()

    @property
    def _is_discovery_on(self) -> bool:
        """Whether Home Assistant is to find the devices here: where the configuration says so, and nobody claims them."""
        return self._config.discovery and not self._hub.state.claims

    def _report_health(self) -> None:
        """Publish how the bridge fares if that has changed."""
        state = self._hub.state
        if self._refused_filters:
            refused = f"the MQTT broker refuses the subscription to {', '.join(self._refused_filters)}"
            state = replace(state, problem=f"{state.problem}; {refused}" if state.problem else refused)
        health = payloads.health(
            version=self._identity.version,
            epoch=self._hub.epoch,
            discovery=self._is_discovery_on,
            systems=self._hub.systems.values(),
            state=state,
            counters=self._counted,
        )
        if health != self._health:
            self._health = health
            self._post(self._topics.health, health)

    def _say_hello_and_online(self) -> None:
        self._post(self._topics.info, self._greeting)
        self._post(self._topics.health, self._health)
        self._say_online()

    async def _correct_status(self) -> None:
        self._say_online()

    def _say_online(self) -> None:
        self._post(self._topics.status, ONLINE)

    def _post(self, topic: str, payload: bytes) -> None:
        if not self.outbox.post(Post(topic=topic, payload=payload, retain=True)):
            self.outbox.ensure(topic, payload, always=True)  # later, but not never
