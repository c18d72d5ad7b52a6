"""Who hears what, and what becomes of it when nobody carries it, or too much comes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest
from tests.fakes.clock import FakeClock

from vms_bridge.errors import TooManyRequests
from vms_bridge.hub.messaging import HEARD_AT_ONCE, MOST_FILTERS, PUBLISHED_AT_ONCE, HubMessaging
from vms_bridge.messaging import (
    MOST_PAYLOAD_BYTES,
    MOST_PUBLISHED_BYTES,
    MOST_TOPIC_CHARACTERS,
    Heard,
    MessageRefused,
    MessagingUnavailable,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


class Carrier:
    """Writes down what it is to carry."""

    reserved = ("vms_bridge", "ha/discovery")

    def __init__(self) -> None:
        self.wanted: list[set[str]] = []
        self.again: list[str | None] = []
        self.published: list[tuple[str, bytes, bool]] = []
        self.senders: list[str] = []

    async def publish(self, topic: str, payload: bytes, *, retain: bool, sender: str) -> None:
        self.published.append((topic, payload, retain))
        self.senders.append(sender)

    def want(self, filters: Iterable[str], *, again: str | None = None) -> None:
        self.wanted.append(set(filters))
        self.again.append(again)


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def messaging(clock: FakeClock) -> HubMessaging:
    return HubMessaging(clock)


async def test_nothing_is_published_where_nobody_speaks_mqtt(messaging: HubMessaging) -> None:
    was_there = messaging.is_there
    with pytest.raises(MessagingUnavailable, match="nobody speaks MQTT"):
        await messaging.publish("home/gate", b"open")
    carrier = Carrier()
    lay_down = messaging.carry(carrier)
    assert (was_there, messaging.is_there) == (False, True)
    await messaging.publish("home/gate", b"open", retain=True)
    assert carrier.published == [("home/gate", b"open", True)]
    lay_down()
    with pytest.raises(MessagingUnavailable):
        await messaging.publish("home/gate", b"open")


@pytest.mark.parametrize(
    "topic", ["vms_bridge/home/zm/set/armed", "homeassistant/device/x/config", "ha/discovery/x", "$SYS/x", "home/+", "home/\x00"]
)
async def test_what_is_reserved_or_no_topic_is_not_published(messaging: HubMessaging, topic: str) -> None:
    carrier = Carrier()
    messaging.carry(carrier)
    with pytest.raises(MessageRefused):
        await messaging.publish(topic, b"x")
    assert carrier.published == []


async def test_what_is_too_large_or_too_much_is_not_published(messaging: HubMessaging, clock: FakeClock) -> None:
    carrier = Carrier()
    messaging.carry(carrier)
    with pytest.raises(MessageRefused, match="bytes at most"):
        await messaging.publish("a", b"x" * (MOST_PUBLISHED_BYTES + 1))
    for _ in range(int(PUBLISHED_AT_ONCE)):
        await messaging.publish("a", b"x", sender="flood")
    with pytest.raises(TooManyRequests):
        await messaging.publish("a", b"x", sender="flood")
    await messaging.publish("a", b"x", sender="another")
    assert carrier.senders[-2:] == ["flood", "another"]
    await clock.advance(1.0)
    await messaging.publish("a", b"x", sender="flood")


def test_each_hears_what_it_has_asked_for_from_whoever_carries(messaging: HubMessaging) -> None:
    doors: list[Heard] = []
    front: list[Heard] = []
    listening = messaging.listen("home/door/+", doors.append)
    carrier = Carrier()
    messaging.carry(carrier)
    messaging.listen("home/door/front", front.append)
    assert carrier.wanted == [{"home/door/+"}, {"home/door/+", "home/door/front"}]
    assert carrier.again == [None, "home/door/front"]
    messaging.heard(Heard(topic="home/door/front", payload=b"open"))
    messaging.heard(Heard(topic="home/door/back", payload=b"shut"))
    messaging.heard(Heard(topic="home/window", payload=b"shut"))
    assert [each.payload for each in doors] == [b"open", b"shut"]
    assert [each.payload for each in front] == [b"open"]
    listening.close()
    listening.close()
    assert carrier.wanted[-1] == {"home/door/front"}
    messaging.heard(Heard(topic="home/door/front", payload=b"shut"))
    assert len(doors) == 2
    assert len(front) == 2


def test_what_is_retained_comes_once_to_each_and_again_where_it_has_changed(messaging: HubMessaging) -> None:
    first: list[bytes] = []
    second: list[bytes] = []
    messaging.listen("a/#", lambda heard: first.append(heard.payload))
    messaging.heard(Heard(topic="a/b", payload=b"1", is_retained=True))
    messaging.listen("a/#", lambda heard: second.append(heard.payload))
    messaging.heard(Heard(topic="a/b", payload=b"1", is_retained=True))
    assert (first, second) == ([b"1"], [b"1"])
    messaging.heard(Heard(topic="a/b", payload=b"1"))  # said once more, and not only kept
    messaging.heard(Heard(topic="a/b", payload=b"2", is_retained=True))  # changed while the broker was away
    assert first == [b"1", b"1", b"2"]


@pytest.mark.parametrize("topic", ["vms_bridge/home/zm/1/state", "homeassistant/status", "ha/discovery/x", "$SYS/uptime"])
def test_nobody_hears_what_is_reserved_whatever_the_carrier_brings(messaging: HubMessaging, topic: str) -> None:
    heard: list[Heard] = []
    messaging.listen("ha/#", heard.append)  # nobody has said yet that discovery is there
    messaging.carry(Carrier())
    messaging.heard(Heard(topic=topic, payload=b"x"))
    assert heard == []


@pytest.mark.parametrize("topic_filter", ["#", "+/x", "vms_bridge/#", "$SYS/#", "a/#/b", ""])
def test_a_filter_that_leads_to_what_is_reserved_is_refused(messaging: HubMessaging, topic_filter: str) -> None:
    with pytest.raises(MessageRefused):
        messaging.listen(topic_filter, lambda _: None)


def test_a_flood_is_passed_over_and_told_once(messaging: HubMessaging, caplog: pytest.LogCaptureFixture) -> None:
    flooded: list[Heard] = []
    calm: list[Heard] = []
    messaging.listen("flood/#", flooded.append)
    messaging.listen("calm", calm.append)
    with caplog.at_level(logging.WARNING):
        for number in range(int(HEARD_AT_ONCE) + 50):
            messaging.heard(Heard(topic="flood/x", payload=str(number).encode()))
        messaging.heard(Heard(topic="calm", payload=b"x" * (MOST_PAYLOAD_BYTES + 1)))
        messaging.heard(Heard(topic=f"flood/{'x' * MOST_TOPIC_CHARACTERS}", payload=b"x"))
        messaging.heard(Heard(topic="calm", payload=b"x"))
    assert len(flooded) == HEARD_AT_ONCE
    assert len(calm) == 1
    assert len(caplog.records) == 1


def test_one_that_fails_keeps_nobody_else_from_hearing(messaging: HubMessaging, caplog: pytest.LogCaptureFixture) -> None:
    def fail(_: Heard) -> None:
        raise ValueError("no")

    heard: list[Heard] = []
    messaging.listen("a", fail)
    messaging.listen("a", heard.append)
    messaging.heard(Heard(topic="a", payload=b"x"))
    assert len(heard) == 1
    assert "could not be handled" in caplog.text


def test_so_many_filters_and_no_more(messaging: HubMessaging) -> None:
    for number in range(MOST_FILTERS):
        messaging.listen(f"a/{number}", lambda _: None)
    with pytest.raises(TooManyRequests):
        messaging.listen("b", lambda _: None)
    messaging.listen("a/1", lambda _: None)
