"""Home Assistant's discovery payloads: kept true on the broker, one per device, parents first, without haste.

Home Assistant skips what is left of a payload when the next one for the same device comes too soon, so changes are
gathered for a second and a device is announced at most every two (docs/decisions/0303-what-the-broker-holds.md).
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from math import inf
from typing import TYPE_CHECKING

from vms_bridge.mqtt.homeassistant import discovery, own_devices
from vms_bridge.mqtt.topics import Subject
from vms_bridge.mqtt.wire import Post

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.homeassistant.discovery import Offer
    from vms_bridge.mqtt.outbox import Outbox
    from vms_bridge.views import Changes, HubView

_LOGGER = logging.getLogger(__name__)
GATHER_S = 1.0
APART_S = 2.0
_AT_ONCE = 16


class Announcer:
    """Publishes what differs from what the broker holds, and clears what is gone; over one link.

    `retained` is what the broker retains below our discovery topics, `unwanted` the devices that a user has deleted.
    """

    def __init__(
        self,
        *,
        hub: HubView,
        offer: Offer,
        outbox: Outbox,
        clock: Clock,
        retained: Mapping[str, bytes],
        unwanted: set[str],
        is_on: bool = True,
    ) -> None:
        self._hub = hub
        self._offer = offer
        self._topics = offer.topics
        self._outbox = outbox
        self._clock = clock
        self._retained = dict(retained)
        self._unwanted = unwanted
        self._is_on = is_on
        self._due: dict[Subject, float] = {}
        self._sent: dict[str, float] = {}
        self._emptied: dict[str, frozenset[str]] = {}
        self._removed: set[str] = set()
        self._indescribable: set[str] = set()
        """Scripts of whom no payload could be made, which was said."""
        self._news = asyncio.Event()
        self._strays = dict.fromkeys(retained)

    def note(self, changes: Changes) -> None:
        """Check the devices that these changes concern."""
        subjects = [Subject(system) for system in changes.systems | changes.removed_systems]
        subjects += [Subject(*key) for key in changes.described | changes.removed]
        subjects += [Subject(script=owner) if owner else Subject() for owner in changes.own_entities]
        self._schedule(subjects)

    async def start(self, changes: Changes) -> None:
        """Announce everything now, as the first thing after a connect."""
        self.note(changes)
        self._schedule([Subject()])
        self._due = dict.fromkeys(self._due, 0.0)
        await self._announce()

    async def run(self) -> None:
        """Announce what changes, until cancelled."""
        while True:
            if not self._due:
                self._news.clear()
                await self._news.wait()
            await self._clock.sleep(GATHER_S)
            await self._announce()

    def repeat(self, subject: Subject) -> None:
        """Publish again what was published last, for a Home Assistant that has just come up."""
        topic = self._topic(subject)
        if topic not in self._unwanted and self._retained.get(topic) and subject not in self._due:
            self._put(subject, self._retained[topic])

    @property
    def largest(self) -> tuple[str, bytes] | None:
        """The largest payload that the broker should hold, and its topic; None if there is none."""
        return max(self._retained.items(), key=lambda item: len(item[1]), default=None)

    def emptied(self, topic: str, *, may_be_echo: bool = False) -> None:
        """Respect that somebody else has cleared this topic: Home Assistant does so when a user deletes a device.

        By MQTT 3.1.1 the broker sends back what we clear ourselves, once, which `may_be_echo` distinguishes.
        """
        if may_be_echo and topic in self._removed:
            self._removed.discard(topic)
            return
        if self._retained.pop(topic, None) is not None:
            self._unwanted.add(topic)
            self._outbox.withdraw(topic)

    def switch(self, *, is_on: bool) -> None:
        """Announce everything, or clear all that was announced; nothing where that is so already."""
        if is_on is self._is_on:
            return
        self._is_on = is_on
        systems = self._hub.systems
        monitors = [Subject(key, monitor) for key, system in systems.items() for monitor in system.monitors]
        scripts = [Subject(script=owner) for owner in self._hub.own_entities.owners]
        self._schedule([Subject(), *map(Subject, systems), *monitors, *scripts])

    def _schedule(self, subjects: Iterable[Subject]) -> None:
        due = self._clock.monotonic() + GATHER_S
        for subject in subjects:
            self._due.setdefault(subject, due)
        self._news.set()

    async def _announce(self) -> None:
        """Publish all that is due: the bridge, then systems, then monitors."""
        now = self._clock.monotonic()
        due = [subject for subject, at in self._due.items() if at <= now and self._is_apart(subject, now)]
        for index, subject in enumerate(sorted(due, key=lambda subject: (subject.monitor is not None, subject != Subject()))):
            del self._due[subject]
            self._update(subject)
            if index % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
        if any(subject.monitor is None for subject in due):
            self._clear_strays()

    def _is_apart(self, subject: Subject, now: float) -> bool:
        sent = self._sent.get(self._topic(subject))
        return sent is None or now - sent >= APART_S

    def _update(self, subject: Subject) -> None:
        """Bring one device's payload up to date."""
        topic = self._topic(subject)
        self._strays.pop(topic, None)
        wanted, retained = self._payload(subject), self._retained.get(topic)
        if self._is_on and retained and self._is_unheard(subject):
            return
        if wanted is None:
            self._remove(topic)
            return
        if retained == wanted or topic in self._unwanted:
            return
        gone = discovery.gone(retained, wanted) - self._emptied.pop(topic, frozenset()) if retained else frozenset()
        if retained and gone:
            self._empty(subject, discovery.removal_payload(retained, gone), gone)
        else:
            self._put(subject, wanted)

    def _put(self, subject: Subject, payload: bytes) -> None:
        topic = self._topic(subject)
        self._retained[topic] = payload
        self._sent[topic] = self._clock.monotonic()
        if subject.script is None:
            self._outbox.ensure(topic, payload, always=True)
        else:
            self._outbox.put_for(subject.script, topic, payload)

    def _empty(self, subject: Subject, payload: bytes, gone: frozenset[str]) -> None:
        """Publish the first of the two steps by which components go; the second waits until the broker has this one.

        As a newest-wins message it would be replaced by the second where the broker is slow, and Home Assistant would
        keep the components for ever.
        """
        topic = self._topic(subject)
        self._due[subject] = self._clock.monotonic() + APART_S
        self._news.set()
        post = Post(topic=topic, payload=payload, retain=True, on_done=partial(self._arrived, topic))
        if self._outbox.post(post) if subject.script is None else self._outbox.post_for(subject.script, post):
            self._outbox.withdraw(topic)
            self._emptied[topic] = gone
            self._retained[topic] = payload
            self._sent[topic] = inf

    def _arrived(self, topic: str, _code: int) -> None:
        self._sent[topic] = self._clock.monotonic()

    def _is_unheard(self, subject: Subject) -> bool:
        """Say whether this is a system, or a script, that can't be asked now: what it has is then not known to have changed."""
        if subject.script is not None:
            owner = self._hub.own_entities.owners.get(subject.script)
            return owner is not None and not owner.is_available
        system = self._hub.system(subject.system) if subject.system and subject.monitor is None else None
        return system is not None and not system.state.available

    def _remove(self, topic: str) -> None:
        self._unwanted.discard(topic)
        self._emptied.pop(topic, None)
        if self._retained.pop(topic, None) is not None:
            self._removed.add(topic)
            self._outbox.clear(topic)

    def _payload(self, subject: Subject) -> bytes | None:
        """Return the payload that this device is to have; None: none."""
        if not self._is_on:
            return None
        if subject.script is not None:
            return self._own_payload(subject.script)
        if subject.system is None:
            return discovery.bridge_payload(self._offer)
        system = self._hub.system(subject.system)
        if system is None:
            return None
        if subject.monitor is None:
            return discovery.system_payload(system, self._offer)
        monitor = system.monitors.get(subject.monitor)
        return discovery.monitor_payload(monitor, system, self._offer) if monitor else None

    def _own_payload(self, script: str) -> bytes | None:
        owner = self._hub.own_entities.owners.get(script)
        if owner is None or not owner.entities:
            return None
        try:
            return own_devices.payload(owner, self._offer)
        except Exception:  # the border to what a script has declared: other devices are announced all the same
            if script not in self._indescribable:
                self._indescribable.add(script)
                _LOGGER.exception("the entities of the script %s can't be announced", script)
            return self._retained.get(self._topics.script_discovery(script))

    def _clear_strays(self) -> None:
        """Clear what an earlier run has left, except for monitors of systems that have not yet reported."""
        systems = self._hub.systems
        for topic in list(self._strays):
            subject = self._topics.parse_discovery(topic)
            system = systems.get(subject.system) if subject and subject.system else None
            if self._is_on and ((system is not None and not system.state.available) or self._is_yet_to_come(subject)):
                continue
            del self._strays[topic]
            if subject is None or self._payload(subject) is None:
                self._remove(topic)

    def _is_yet_to_come(self, subject: Subject | None) -> bool:
        """Say whether these are a script's own entities, which has not started yet, or of whom is not known yet that he is."""
        if subject is None or subject.script is None:
            return False
        entities = self._hub.own_entities
        if (owner := entities.owners.get(subject.script)) is not None:
            return not owner.is_available
        return entities.known is None or subject.script in entities.known

    def _topic(self, subject: Subject) -> str:
        if subject.script is not None:
            return self._topics.script_discovery(subject.script)
        if subject.system is None:
            return self._topics.bridge_discovery
        if subject.monitor is None:
            return self._topics.system_discovery(subject.system)
        return self._topics.monitor_discovery(subject.system, subject.monitor)
