"""What scripts publish over MQTT: on the topics of their headers, and never on the bridge's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.scripts.services.lab import Worker
from tests.fakes.clock import FakeClock

from vms_bridge.errors import BodyInvalid, TooManyRequests
from vms_bridge.hub.messaging import HubMessaging
from vms_bridge.messaging import MOST_PUBLISHED_BYTES, MessagingUnavailable
from vms_bridge.script_errors import PermissionMissing
from vms_bridge.scripts.services.mqtt import MqttService
from vms_bridge.scripts.services.table import Services
from vms_bridge.scripts.values import Permissions

if TYPE_CHECKING:
    from collections.abc import Iterable


class Carrier:
    """Writes down what is published."""

    reserved = ("ha/discovery",)

    def __init__(self) -> None:
        self.published: list[tuple[str, bytes, bool]] = []
        self.senders: list[str] = []

    async def publish(self, topic: str, payload: bytes, *, retain: bool, sender: str) -> None:
        self.published.append((topic, payload, retain))
        self.senders.append(sender)

    def want(self, filters: Iterable[str], *, again: str | None = None) -> None:
        """Nobody listens here."""


class Lab:
    """Services that publish to a carrier."""

    def __init__(self, *, carried: bool = True) -> None:
        self.clock, self.carrier = FakeClock(), Carrier()
        messaging = HubMessaging(self.clock)
        if carried:
            messaging.carry(self.carrier)
        self.services = Services(MqttService(messaging).rows(), self.clock)

    async def publish(self, worker: Worker, topic: str, data: bytes = b"x", **words: object) -> None:
        await self.services.answer(worker, "mqtt.publish", {"topic": topic, **words}, data)


def script(*topics: str, name: str = "gate") -> Worker:
    return Worker(name, Permissions(mqtt=topics))


async def test_a_relay_is_switched() -> None:
    lab = Lab()
    await lab.publish(script("home/gate/#"), "home/gate/relay", b"ON")
    await lab.publish(script("home/gate/#"), "home/gate/state", b"open", retain=True, qos=0)
    assert lab.carrier.published == [("home/gate/relay", b"ON", False), ("home/gate/state", b"open", True)]


@pytest.mark.parametrize(
    "topic",
    [
        *(
            "home/door/relay",
            "home",
            "vms_bridge/home/zm/set/armed",
            "vms_bridge/home/script/gate/set/siren",
            "ha/discovery/x/config",
        ),
        *(
            "homeassistant/device/x/config",
            "homeassistant/status",
            "$SYS/broker",
            "$share/g/home/gate",
            "home/gate/+",
            "home/gate/#",
        ),
        *("home/gate/a\x00b", "home/gate/\n", "home/gate/\ud800", "", "home/gate/../../vms_bridge/x\r"),
    ],
)
async def test_a_topic_that_is_not_the_scripts(topic: str) -> None:
    lab = Lab()
    # The second one is what a header can't ask for, and stands for an approval that went wrong.
    for worker in (script("home/gate/#"), script("home/gate/#", "vms_bridge/#", "homeassistant/#", "ha/#", "$SYS/#")):
        with pytest.raises((PermissionMissing, BodyInvalid)):
            await lab.publish(worker, topic)
    assert lab.carrier.published == []


async def test_where_there_is_no_broker_that_is_said() -> None:
    with pytest.raises(MessagingUnavailable):
        await Lab(carried=False).publish(script("home/gate/#"), "home/gate/relay")


async def test_too_much_and_too_large_is_refused_to_this_script_only() -> None:
    lab = Lab()
    with pytest.raises(BodyInvalid):
        await lab.publish(script("a/#"), "a/b", b"x" * (MOST_PUBLISHED_BYTES + 1))
    wrong: list[dict[str, Any]] = [{"qos": 2}, {"retain": "yes please"}, {"topics": []}]
    for words in wrong:
        with pytest.raises(BodyInvalid):
            await lab.publish(script("a/#"), "a/b", **words)
    await lab.clock.advance(10)
    for _ in range(60):
        await lab.publish(script("a/#"), "a/b")
    with pytest.raises(TooManyRequests):
        await lab.publish(script("a/#"), "a/b")
    await lab.publish(script("a/#", name="other"), "a/b", b"y")
    assert lab.carrier.published[-1] == ("a/b", b"y", False)
