"""What belongs to scripts, over one link: how each of their entities is, what fires, and how the scripts themselves fare."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING

from vms_bridge.entities.states import encode
from vms_bridge.errors import BridgeError
from vms_bridge.mqtt.bodies import ScriptEntityBody, ScriptEventBody, ScriptStatusBody
from vms_bridge.mqtt.publisher import FORGET_S
from vms_bridge.mqtt.wire import Post
from vms_bridge.own_entities import EntityKind, EntityState

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.notices import Notices
    from vms_bridge.mqtt.outbox import Outbox
    from vms_bridge.mqtt.topics import Topics
    from vms_bridge.own_entities import Fired, Owner
    from vms_bridge.scripting import ScriptView
    from vms_bridge.views import Changes, HubView

_LOGGER = logging.getLogger(__name__)
_POLL_S = 0.5
_MOST_REASON = 500


class OwnEntityPublisher:
    """Publishes what changes, and has no owner keep back another. `retained` are topics of scripts which the broker has kept."""

    def __init__(
        self, *, hub: HubView, topics: Topics, outbox: Outbox, clock: Clock, notices: Notices, retained: Iterable[str]
    ) -> None:
        self._hub, self._topics, self._outbox, self._clock, self._notices = hub, topics, outbox, clock, notices
        self._shown: dict[str, bytes] = dict.fromkeys(retained, b"")
        """What the broker has by now, by topic."""
        self._gone: dict[str, float] = {}
        self._names: frozenset[str] = frozenset()
        """The scripts that there are."""

    def note(self, changes: Changes) -> None:
        """Publish what these changes say."""
        if not changes.own_entities and not changes.scripts:
            return
        owners = self._hub.own_entities.owners
        if "" in changes.scripts:
            scripts = self._scripts()
            self._names = frozenset(scripts)
            changed = self._names | owners.keys()
        else:  # what one of them says, or how it fares, is no reason to look at all the others
            changed = changes.scripts | (changes.own_entities & owners.keys())
            scripts = {name: view for name in changed if (view := self._script(name)) is not None}
        for name in changed:
            self._publish(name, owners.get(name), scripts.get(name), name in changes.own_entities)
        self._find_gone(self._names | owners.keys())

    def repeat(self, owner: str) -> None:
        """Publish all of an owner again as it is now."""
        for topic in [each for each in self._shown if self._is_of(each, owner)]:
            self._shown[topic] = b""
        self._publish(owner, self._hub.own_entities.owners.get(owner), self._script(owner), True)

    async def run(self) -> None:
        """Tell what fires, and clear what is gone, until cancelled."""
        stop = self._hub.own_entities.on_fired(self._fired)
        try:
            while True:
                await self._clock.sleep(_POLL_S)
                now = self._clock.monotonic()
                for topic in [topic for topic, due in self._gone.items() if due <= now]:
                    del self._gone[topic]
                    self._shown.pop(topic, None)
                    self._outbox.clear(topic)
        finally:
            stop()

    def _publish(self, name: str, owner: Owner | None, script: ScriptView | None, with_entities: bool) -> None:  # noqa: FBT001
        if script is not None or (owner is not None and owner.entities):
            self._put(name, self._topics.script_status(name), lambda: _status(owner, script))
        if owner is None or not with_entities:
            return
        for key, entity in owner.entities.items():
            if entity.kind not in {EntityKind.EVENT, EntityKind.BUTTON}:
                state = owner.states.get(key, EntityState())
                self._put(name, self._topics.script_state(name, key), partial(_state, state))

    def _put(self, name: str, topic: str, say: Callable[[], bytes]) -> None:
        self._gone.pop(topic, None)
        payload = self._said(name, topic, say)
        if payload is not None and self._shown.get(topic) != payload:
            self._shown[topic] = payload
            self._outbox.put_for(name, topic, payload)

    def _fired(self, fired: Fired) -> None:
        topic = self._topics.script_event(fired.owner, fired.key)
        payload = self._said(fired.owner, topic, lambda: _event(fired, self._clock.now()))
        if payload is not None and not self._outbox.post_for(fired.owner, Post(topic=topic, payload=payload)):
            self._notices.warn(f"script {fired.owner}", f"an event on {topic} is left out: too much of the script waits already")

    def _said(self, name: str, topic: str, say: Callable[[], bytes]) -> bytes | None:
        """Return what is to be published; None where there can be no message of it."""
        try:
            return say()
        except Exception as error:  # the border to what a script has said: the others' is published all the same
            _LOGGER.debug("no message could be made for %s", topic, exc_info=True)
            why = f"what the script {name} says can't be published on {topic}: {type(error).__name__}"
            self._notices.warn(f"script {name}", why)
            return None

    def _find_gone(self, there: Iterable[str]) -> None:
        """Have what belongs to nobody cleared in a while: entities have to be gone in Home Assistant before their topics."""
        there = set(there)
        for topic in self._shown.keys() - self._gone.keys():
            found = self._topics.parse_script(topic)
            if found is None or self._is_gone(*found, there):
                self._gone[topic] = self._clock.monotonic() + FORGET_S

    def _is_gone(self, name: str, key: str | None, there: set[str]) -> bool:
        entities = self._hub.own_entities
        owner = entities.owners.get(name)
        if owner is not None and key is not None:
            return owner.is_available and key not in owner.entities  # before, it has not said yet which it has
        return entities.known is not None and name not in entities.known and name not in there

    def _is_of(self, topic: str, owner: str) -> bool:
        found = self._topics.parse_script(topic)
        return found is not None and found[0] == owner

    def _scripts(self) -> Mapping[str, ScriptView]:
        desk = self._hub.scripts
        try:
            return {view.name: view for view in desk.current.all()} if desk.is_there else {}
        except BridgeError:  # they have just been taken away
            return {}

    def _script(self, name: str) -> ScriptView | None:
        desk = self._hub.scripts
        try:
            return desk.current.get(name) if desk.is_there else None
        except BridgeError:  # it, or whoever runs them, has just been taken away
            return None


def _state(state: EntityState) -> bytes:
    return encode(ScriptEntityBody(value=state.value, attributes=dict(state.attributes)))


def _event(fired: Fired, time: datetime) -> bytes:
    state = fired.state
    return encode(ScriptEventBody(event_type=str(state.value), time=time, attributes=dict(state.attributes)))


def _status(owner: Owner | None, script: ScriptView | None) -> bytes:
    life = None if script is None else script.life
    return encode(
        ScriptStatusBody(
            available=owner is not None and owner.is_available,
            status=None if life is None else life.status,
            reason=(life.reason[:_MOST_REASON] or None) if life is not None else None,
            since=None if life is None else life.since,
            failures=0 if life is None else life.counts.failures,
            dropped=0 if life is None else life.counts.dropped,
        )
    )
