"""States, newest events and detections: from the hub's changes to retained messages."""

from __future__ import annotations

import asyncio
from hashlib import blake2b
from typing import TYPE_CHECKING

from vms_bridge.entities.states import monitor_state, system_state
from vms_bridge.entities.system import index_progress
from vms_bridge.entities.timing import Timing
from vms_bridge.entities.urgency import Shown, Urgency, system_urgency, urgency
from vms_bridge.model import Monitor, MonitorState
from vms_bridge.mqtt import payloads
from vms_bridge.views import MonitorView

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.clock import Clock
    from vms_bridge.model import SystemState
    from vms_bridge.mqtt.outbox import Outbox
    from vms_bridge.mqtt.topics import Topics
    from vms_bridge.views import Changes, HubView, MonitorKey, SystemView

    _System = tuple[SystemState, int | None]
    """What of a system says whether it is to be published: its state, and how far its search index is."""

FORGET_S = 6.0
"""How long topics outlive what they are about: Home Assistant's templates can't read an empty message, so its entities
have to be gone before, and their discovery payload goes after up to three seconds (homeassistant/announcer.py)."""
_AT_ONCE = 64
_POLL_S = 0.5


def digest(payload: bytes) -> bytes:
    """Return a short hash of a payload."""
    return blake2b(payload, digest_size=16).digest()


class Publisher:
    """Publishes what changes over one link: at once what matters, measurements once in `interval_s`.

    `retained` has digests of what the broker retains of ours from before, but for pictures and discovery, by topic.
    """

    def __init__(
        self, *, hub: HubView, topics: Topics, outbox: Outbox, clock: Clock, interval_s: float, retained: Mapping[str, bytes]
    ) -> None:
        self._hub = hub
        self._topics = topics
        self._outbox = outbox
        self._clock = clock
        self._interval_s = interval_s
        self._retained = dict(retained)
        self._monitors: Timing[MonitorKey, Shown] = Timing(urgency, clock, interval_s)
        self._systems: Timing[str, _System] = Timing(_how_soon, clock, interval_s)
        self._gone: dict[MonitorKey | str, float] = {}

    async def start(self, changes: Changes) -> None:
        """Publish what these first changes say, and put right what the broker holds besides."""
        await self.note(changes)
        self._clear_strays()

    async def note(self, changes: Changes) -> None:
        """Publish what these changes say, giving way to others now and then."""
        self._note_systems(changes)
        for index, key in enumerate(changes.states | changes.described):
            self._monitor_changed(key, described=key in changes.described)
            if index % _AT_ONCE == _AT_ONCE - 1:
                await asyncio.sleep(0)
        for key in changes.last_events:
            self._put_last_event(key)
        for (system, name, _), detection in changes.detections.items():
            view = self._hub.monitor(system, name)
            if view is not None or not detection.objects:
                self._outbox.put(self._topics.detection(system, name), payloads.detection(view, detection), retain=False)
        if changes.systems or changes.removed_systems:
            self._clear_strays()

    async def run(self) -> None:
        """Publish measurements when their time has come, and clear what is gone, until cancelled."""
        while True:
            await self._clock.sleep(min(_POLL_S, self._interval_s))
            now = self._clock.monotonic()
            for key in [key for key, due in self._gone.items() if due <= now]:
                del self._gone[key]
                self._clear_gone(key)
            for system in self._systems.due():
                self._put_system(system)
            for monitor in self._monitors.due():
                self._put_monitor(monitor)

    def repeat(self, key: MonitorKey | str) -> None:
        """Publish the state of this system or monitor again as it is now."""
        if isinstance(key, str):
            self._put_system(key)
        else:
            self._put_monitor(key)

    def repeat_last_event(self, key: MonitorKey) -> None:
        """Publish this monitor's newest event again as it is now."""
        self._put_last_event(key)

    def _note_systems(self, changes: Changes) -> None:
        for key in changes.removed:
            self._forget(key)
        for system in changes.removed_systems:
            self._forget(system)
        counted = {system for system, _ in changes.described | changes.removed}
        for system in counted:
            self._put_system(system)  # it says how many monitors there are
        for system in changes.systems - counted:
            self._system_changed(system)

    def _monitor_changed(self, key: MonitorKey, *, described: bool) -> None:
        view = self._hub.monitor(*key)
        if view is None:
            return
        if described:
            self._monitors.told(key, Shown.of(view))
        elif not self._monitors.is_now(key, Shown.of(view)):
            return
        self._put(self._topics.monitor_state(*key), monitor_state(view))

    def _system_changed(self, key: str) -> None:
        view = self._hub.system(key)
        if view is not None and self._systems.is_now(key, _of_system(view)):
            self._put(self._topics.system_state(key), system_state(view))

    def _put_monitor(self, key: MonitorKey) -> None:
        view = self._hub.monitor(*key)
        if view is None:
            self._monitors.forget(key)
            return
        self._monitors.told(key, Shown.of(view))
        self._put(self._topics.monitor_state(*key), monitor_state(view))

    def _put_system(self, key: str) -> None:
        view = self._hub.system(key)
        if view is None:
            self._systems.forget(key)
            return
        self._systems.told(key, _of_system(view))
        self._put(self._topics.system_state(key), system_state(view))

    def _put_last_event(self, key: MonitorKey) -> None:
        view = self._hub.monitor(*key)
        if view is not None and view.last_event is not None:
            self._put(self._topics.last_event(*key), payloads.last_event(view.last_event))

    def _put(self, topic: str, payload: bytes) -> None:
        """Publish what is retained, unless the broker has exactly this from before."""
        retained = self._retained.pop(topic, None)
        if retained is None or retained != digest(payload):
            self._outbox.ensure(topic, payload)

    def _forget(self, key: MonitorKey | str) -> None:
        """Publish nothing more about this system or monitor, and have its topics cleared in a while."""
        if isinstance(key, str):
            self._systems.forget(key)
        else:
            self._monitors.forget(key)
        self._gone.setdefault(key, self._clock.monotonic() + FORGET_S)

    def _clear_gone(self, key: MonitorKey | str) -> None:
        """Clear the topics of a system or monitor that is gone; if it is back, only what it has not brought along."""
        topics: tuple[str, ...] = ()
        if isinstance(key, str):
            if self._hub.system(key) is None:
                topics = (self._topics.system_state(key),)
        elif (view := self._hub.monitor(*key)) is None:
            topics = self._topics.monitor_retained(*key)
        elif view.last_event is None:
            topics = self._topics.snapshot(*key), self._topics.last_event(*key)
        for topic in topics:
            self._clear(topic)

    def _clear(self, topic: str) -> None:
        self._retained.pop(topic, None)
        self._outbox.clear(topic)

    def _clear_strays(self) -> None:
        """Clear what an earlier run has left; of systems that have not reported yet, publish that it is unknown."""
        systems = self._hub.systems
        for topic in list(self._retained):
            subject = self._topics.parse_state(topic)
            system = systems.get(subject.system) if subject and subject.system else None
            if subject is None or subject.system is None:
                self._clear(topic)
            elif subject.monitor is None:
                if system is None:
                    self._forget(subject.system)
            elif system is None or (subject.monitor not in system.monitors and system.state.available):
                self._forget((subject.system, subject.monitor))
            elif subject.monitor not in system.monitors and topic == self._topics.monitor_state(subject.system, subject.monitor):
                self._say_unknown(topic, subject.system, subject.monitor)

    def _say_unknown(self, topic: str, system: str, key: str) -> None:
        state = MonitorState(detail="not asked yet")
        view = MonitorView(system=system, key=key, monitor=Monitor(id=key, name=key), state=state)
        payload = monitor_state(view)
        if self._retained[topic] != digest(payload):
            self._retained[topic] = digest(payload)
            self._outbox.ensure(topic, payload)


def _of_system(view: SystemView) -> _System:
    return view.state, index_progress(view)


def _how_soon(before: _System | None, now: _System) -> Urgency:
    """Say how soon a system is to be published; that its search index has moved on is a measurement."""
    if before is None:
        return Urgency.NOW
    how_soon = system_urgency(before[0], now[0])
    return Urgency.LATER if how_soon is Urgency.NEVER and before[1] != now[1] else how_soon
