"""A second MQTT client in the demo: it counts what the broker hands out, and plays the household that gives commands."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from vms_bridge.errors import BrokerError
from vms_bridge.mqtt.link import Link
from vms_bridge.mqtt.wire import Filter

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.config import MqttConfig
    from vms_bridge.mqtt.topics import Topics
    from vms_bridge.mqtt.wire import Message

_WAIT_S = 6.0
"""The first command comes when the bridge has had time to say what there is."""
_BETWEEN_S = 8.0
_SCRIPT = (
    ("2", "alarm", {"cause": "Doorbell", "text": "the demo rings", "seconds": 4}),
    ("1", "detection", {"value": "OFF"}),
    ("1", "detection", {"value": "ON"}),
)
_CHILDREN = ("cdevs", "child_devices")
_COMPONENTS = ("cmps", "components")


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something worth a line: an event's step, or the answer to a command."""

    monitor: str
    what: str
    detail: str


@dataclass(slots=True)
class Tally:
    """What has come over the broker so far."""

    messages: int = 0
    states: int = 0
    detections: int = 0
    snapshots: int = 0
    commands: int = 0
    events: Counter[str] = field(default_factory=Counter)
    acks: Counter[str] = field(default_factory=Counter)
    entities: dict[str, int] = field(default_factory=dict)
    in_view: dict[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def entity_count(self) -> int:
        """How many entities Home Assistant would show."""
        return sum(self.entities.values())

    @property
    def flows(self) -> bool:
        """Whether everything that the demo shows has come through."""
        return bool(self.states and self.events["new"] and self.entities and self.commands <= self.acks.total())

    def count(self, topics: Topics, message: Message) -> Happening | None:
        """Count a message that the broker has handed out; returns what is worth a line."""
        self.messages += 1
        parts = message.topic.split("/")
        if message.topic == topics.event:
            return self._count_event(_object(message.payload))
        if message.topic == topics.ack:
            return self._count_ack(_object(message.payload))
        if parts[0] == topics.discovery_prefix:
            self.entities[message.topic] = _entities(_object(message.payload))
        elif parts[-1] == "state":
            self.states += 1
        elif parts[-1] == "snapshot":
            self.snapshots += 1
        elif parts[-1] == "detection":
            self.detections += 1
            objects = _object(message.payload).get("objects", [])
            self.in_view[parts[-2]] = tuple(str(each.get("label")) for each in objects)
        return None

    def _count_event(self, event: dict[str, Any]) -> Happening:
        self.events[str(event.get("type"))] += 1
        detail = ", ".join(event.get("labels") or ()) or str(event.get("cause"))
        if event.get("type") == "end":
            detail += f", {event.get('duration')} s"
        return Happening(monitor=str(event.get("monitor_name")), what=f"event {event.get('type')}", detail=detail)

    def _count_ack(self, ack: dict[str, Any]) -> Happening:
        result = str(ack.get("result"))
        if result != "running":
            self.acks[result] += 1
        detail = f"{ack.get('command')} {ack.get('applied') or ''}".strip()
        return Happening(monitor=f"monitor {ack.get('monitor')}", what=f"command {result}", detail=detail)


class Witness:
    """Listens and commands until cancelled."""

    def __init__(
        self,
        *,
        config: MqttConfig,
        topics: Topics,
        system: str,
        clock: Clock,
        on_happening: Callable[[Happening], None],
        commands_for_s: float | None = None,
    ) -> None:
        """Commands are given for that long only, so that the last of them can still be answered."""
        self.tally = Tally()
        self._commands_until = None if commands_for_s is None else clock.monotonic() + commands_for_s
        self._config = config
        self._topics = topics
        self._system = system
        self._clock = clock
        self._on_happening = on_happening

    async def run(self) -> None:
        """Listen and command. Raises BrokerError if the broker is lost."""
        link = await Link.open(self._config, client_id="vms_bridge_demo_witness", clock=self._clock)
        link.listen(self._received, lambda: None)
        failures: list[BrokerError] = []  # before 3.11.4 what is raised within `except*` comes out in a group
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(link.run(), name="witness's link")
                group.create_task(self._command(link), name="household")
        except* BrokerError as errors:
            failures += [error for error in errors.exceptions if isinstance(error, BrokerError)]
        finally:
            await link.close()
        if failures:
            raise failures[0]

    async def _command(self, link: Link) -> None:
        await link.subscribe([Filter(topic=f"{self._topics.root}/#"), Filter(topic=self._topics.own_discovery_filter)])
        await self._clock.sleep(_WAIT_S)
        while True:
            for monitor, command, payload in _SCRIPT:
                if self._commands_until is not None and self._clock.monotonic() > self._commands_until:
                    return
                self.tally.commands += 1
                topic = f"{self._topics.root}/{self._system}/{monitor}/set/{command}"
                body = json.dumps({"request_id": f"demo-{self.tally.commands}", **payload})
                link.publish(topic, body.encode(), on_ack=lambda _code: None)
                await self._clock.sleep(_BETWEEN_S)

    def _received(self, message: Message) -> None:
        happening = self.tally.count(self._topics, message)
        if happening is not None:
            self._on_happening(happening)


def _object(payload: bytes) -> dict[str, Any]:
    """Return a message's JSON object; empty for what is none, as a cleared topic."""
    try:
        value = json.loads(payload)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _entities(payload: dict[str, Any]) -> int:
    """Count the entities in a discovery payload, those of its child devices included."""
    own = sum(len(payload.get(name, ())) for name in _COMPONENTS)
    return own + sum(_entities(child) for name in _CHILDREN for child in payload.get(name, ()))
