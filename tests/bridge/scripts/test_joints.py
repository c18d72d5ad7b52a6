"""The joined parts without any worker: what happens to a script comes in, and what it asks for goes out."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.bridge.scripts.services.waiting import Worker
from tests.bridge.scripts.triggers.made import alarm, trigger
from tests.fakes.backend import monitor
from tests.fakes.clock import FakeClock
from tests.fakes.hub import FakeHub

from vms_bridge.commands import Ack, AckResult, Command
from vms_bridge.errors import BridgeError
from vms_bridge.messaging import Heard
from vms_bridge.notices import NoticeKind
from vms_bridge.scripts.config import ScriptsConfig
from vms_bridge.scripts.joints import Joints, Surroundings
from vms_bridge.scripts.life.resources import Resources
from vms_bridge.scripts.life.run import Version
from vms_bridge.scripts.life.values import Ask
from vms_bridge.scripts.store import ScriptStore
from vms_bridge.scripts.triggers.effects import MOST_AT_ONCE
from vms_bridge.scripts.values import Permissions, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vms_bridge.scripts.admitted import Beginning
    from vms_bridge.scripts.values import Occurrence, Trigger


class Echo:
    """A broker that says at once what is published."""

    reserved = ()

    def __init__(self, hub: FakeHub) -> None:
        self._hub = hub

    async def publish(self, topic: str, payload: bytes, *, retain: bool, sender: str) -> None:  # noqa: ARG002
        self._hub.messaging.heard(Heard(topic=topic, payload=payload, is_retained=retain))

    def want(self, filters: Iterable[str], *, again: str | None = None) -> None:
        """Have all of them."""


class Place:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.hub = FakeHub(clock=self.clock)
        self.told: list[tuple[str, str]] = []
        self.heard: list[Occurrence] = []
        self.hub.add_monitor("zm", monitor(1))
        self.joints = Joints(
            Surroundings(
                hub=self.hub,
                clock=self.clock,
                settings=ScriptsConfig(),
                folder=Path("/nowhere"),
                resources=Resources(self.clock, share=0.5, most_bytes=2**30),
                tell=lambda script, text: self.told.append((script, text)),
                on_change=lambda _: None,
                beginning=self._beginning,
                store=ScriptStore(Path("/nowhere/scripts.db"), self.clock),
                written=lambda *_: None,
            )
        )

    async def _beginning(self, _: str) -> Beginning:
        raise NotImplementedError

    def hear(self, permissions: Permissions, *triggers: Trigger) -> Worker:
        """Have a script of the name `gate` hear by these, and return who asks for it."""
        version = Version(id="1", source=Source(name="gate", path=Path("gate.py"), text="", sha256=""), permissions=permissions)
        tell: Callable[[str], None] = lambda text: self.told.append(("gate", text))  # noqa: E731
        self.joints.tools.hear(version, triggers, lambda _, occurrence: self.heard.append(occurrence), tell)
        return Worker("gate", permissions)


async def test_a_script_that_calls_itself_by_mqtt_is_slowed_down_with_a_notice() -> None:
    place = Place()
    place.hub.messaging.carry(Echo(place.hub))
    worker = place.hear(Permissions(mqtt=("home/#",), listen=("home/#",)), trigger("mqtt", topic="home/a"))
    for _ in range(400):
        ask = Ask(what="mqtt.publish", words={"topic": "home/a"}, data=b"1")
        await place.joints.tools.answer(worker, ask)
        place.clock.freeze(0.06)
    assert MOST_AT_ONCE <= len(place.heard) < MOST_AT_ONCE + 60
    assert [script for script, _ in place.told] == ["gate"]
    (notice,) = place.hub.notices
    assert (notice.id, notice.kind) == ("script_failed:gate:loop", NoticeKind.SCRIPT_FAILED)
    assert "the script gate is in a loop: it calls itself without end" in notice.text


@pytest.mark.parametrize(
    ("result", "is_loop"), [(AckResult.APPLIED, True), (AckResult.UNCHANGED, False), (AckResult.REFUSED, False)]
)
async def test_only_what_was_done_has_called_anybody(result: AckResult, is_loop: bool) -> None:  # noqa: FBT001
    place = Place()
    worker = place.hear(Permissions(commands=("trigger",)), trigger("alarm"))

    async def answer(command: Command, _: object) -> Ack:
        return Ack.of(command, result, place.clock.now())

    place.hub.answer = answer
    ask = Ask(what="monitor.command", words={"monitor": "1", "name": "trigger", "value": True})
    for _ in range(500):
        with suppress(BridgeError):
            await place.joints.tools.answer(worker, ask)
        place.clock.freeze(0.21)
        place.joints._dispatcher.take(alarm("alarm"))
    assert (len(place.heard) < 450, bool(place.hub.notices)) == (is_loop, is_loop)
