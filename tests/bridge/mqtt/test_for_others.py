"""What other parts publish and hear over the sink's link, against the in-tree broker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from tests.bridge.mqtt.house import House, until
from tests.fakes.broker import ONLY_3_1_1, FakeBroker
from tests.fakes.clock import FakeClock

from vms_bridge.errors import TooManyRequests
from vms_bridge.messaging import MOST_PUBLISHED_BYTES, Heard, MessageRefused, MessagingUnavailable
from vms_bridge.mqtt.borrowed import MOST_MESSAGES

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def broker() -> AsyncIterator[FakeBroker]:
    async with FakeBroker() as one:
        yield one


@pytest.fixture
async def house(broker: FakeBroker) -> AsyncIterator[House]:
    house = House(broker, FakeClock())
    await house.start()
    yield house
    await house.stop()


def subscribed(broker: FakeBroker, topic_filter: str) -> bool:
    return any(topic_filter in broker.core.subscriptions(client) for client in broker.clients)


async def test_what_is_published_arrives_and_the_answer_comes_after_it(broker: FakeBroker, house: House) -> None:
    heard = broker.listen("home/#")
    await house.hub.messaging.publish("home/gate", b"open")
    await house.hub.messaging.publish("home/state", b"1", retain=True)
    assert [each.payload for each in heard.drain()] == [b"open", b"1"]
    assert broker.retained["home/state"] == b"1"
    assert "home/gate" not in broker.retained
    await house.hub.messaging.publish("home/state", b"", retain=True)
    assert "home/state" not in broker.retained


async def test_what_others_publish_is_heard_the_retained_too(broker: FakeBroker, house: House) -> None:
    broker.publish("home/door/back", b"shut", retain=True)
    heard: list[Heard] = []
    house.hub.messaging.listen("home/door/+", heard.append)
    await until(lambda: len(heard) == 1, house.clock)
    assert heard == [Heard(topic="home/door/back", payload=b"shut", is_retained=True)]
    broker.publish("home/door/front", b"open")
    broker.publish("home/window", b"open")
    await until(lambda: len(heard) == 2, house.clock)
    assert heard[1] == Heard(topic="home/door/front", payload=b"open")


async def test_somebody_new_gets_what_is_retained_too_and_the_first_not_again(broker: FakeBroker, house: House) -> None:
    broker.publish("home/door/back", b"shut", retain=True)
    first: list[Heard] = []
    second: list[Heard] = []
    house.hub.messaging.listen("home/#", first.append)
    await until(lambda: len(first) == 1, house.clock)
    house.hub.messaging.listen("home/door/+", second.append)  # within the first filter
    await until(lambda: len(second) == 1, house.clock)
    broker.publish("home/door/back", b"open")
    await until(lambda: len(second) == 2, house.clock)
    assert [each.payload for each in first] == [b"shut", b"open"]


async def test_after_a_loss_of_the_broker_all_is_heard_again(broker: FakeBroker, house: House) -> None:
    heard: list[Heard] = []
    house.hub.messaging.listen("home/#", heard.append)
    broker.publish("home/a", b"1", retain=True)
    await until(lambda: len(heard) == 1, house.clock)
    await house.lose()
    with pytest.raises(MessagingUnavailable, match="away"):
        await house.hub.messaging.publish("home/gate", b"open")
    broker.publish("home/b", b"missed", qos=1)  # not kept for scripts: it would be old by then
    await house.at_work()
    await until(lambda: subscribed(broker, "home/#"), house.clock)
    broker.publish("home/c", b"2")
    await until(lambda: any(each.topic == "home/c" for each in heard), house.clock)
    assert [each.topic for each in heard] == ["home/a", "home/c"]


async def test_nobody_listens_any_more(broker: FakeBroker, house: House) -> None:
    listening = house.hub.messaging.listen("home/#", lambda _: None)
    await until(lambda: subscribed(broker, "home/#"), house.clock)
    listening.close()
    await until(lambda: not subscribed(broker, "home/#"), house.clock)


async def test_a_session_that_goes_on_after_a_kill_has_no_strange_subscription(broker: FakeBroker, house: House) -> None:
    house.hub.messaging.listen("home/#", lambda _: None)
    await until(lambda: subscribed(broker, "home/#"), house.clock)
    await house.kill()
    await house.start()
    await until(lambda: not subscribed(broker, "home/#"), house.clock)


async def test_a_message_on_its_way_when_the_link_is_lost_is_said_to_be_so(broker: FakeBroker, house: House) -> None:
    broker.faults.never_ack = True
    asked = asyncio.create_task(house.hub.messaging.publish("home/gate", b"open"))
    await broker.until(lambda: any(each.topic == "home/gate" for each in broker.seen.published))
    await house.lose()
    with pytest.raises(MessagingUnavailable):
        await asked


async def test_what_had_no_turn_in_time_is_said_not_to_be_sent_and_is_not_sent_later(broker: FakeBroker, house: House) -> None:
    broker.faults.never_ack = True
    publish, large = house.hub.messaging.publish, bytes(MOST_PUBLISHED_BYTES)
    first = asyncio.create_task(publish("home/first", large, sender="gate"))
    await broker.until(lambda: any(each.topic == "home/first" for each in broker.seen.published))
    second = asyncio.create_task(publish("home/second", large, sender="gate"))
    await until(lambda: first.done() and second.done(), house.clock)
    for task, hint in ((first, "it may have it"), (second, "it was not sent")):
        error = task.exception()
        assert isinstance(error, MessagingUnavailable)
        assert error.hint == hint
    broker.faults.never_ack = False
    await house.lose()
    await house.at_work()
    await publish("home/third", b"x", sender="gate")
    assert not [each for each in broker.seen.published if each.topic == "home/second"]


async def test_of_one_script_so_much_waits_and_another_is_heard_all_the_same(broker: FakeBroker, house: House) -> None:
    broker.faults.never_ack = True
    publish = house.hub.messaging.publish
    flood = [asyncio.create_task(publish("home/flood", b"x", sender="flood")) for _ in range(100)]
    calm = asyncio.create_task(publish("home/calm", b"x", sender="calm"))
    await asyncio.sleep(0)
    refused = [each for each in flood if each.done()]
    assert len(refused) == 100 - MOST_MESSAGES
    assert all(isinstance(each.exception(), TooManyRequests) for each in refused)
    await broker.until(lambda: any(each.topic == "home/calm" for each in broker.seen.published))
    broker.faults.never_ack = False
    for each in (*flood, calm):
        each.cancel()
    await asyncio.gather(*flood, calm, return_exceptions=True)


async def test_for_what_the_broker_has_ended_the_link_scripts_do_not_try_out_the_limit(house: House) -> None:
    house.sink._memory.dialect.sizes.ended(20_000, house.clock.monotonic())
    await house.lose()
    await house.at_work()
    await until(lambda: house.hub.subscribers >= 1, house.clock)
    with pytest.raises(MessageRefused, match="large message"):
        await house.hub.messaging.publish("home/gate", bytes(10_000))
    await house.hub.messaging.publish("home/gate", bytes(9_000))


async def test_a_broker_of_before_mqtt_5_does_too() -> None:
    async with FakeBroker(limits=ONLY_3_1_1) as broker:
        house = House(broker, FakeClock())
        await house.start()
        heard: list[Heard] = []
        house.hub.messaging.listen("home/#", heard.append)
        await until(lambda: subscribed(broker, "home/#"), house.clock)
        await house.hub.messaging.publish("home/gate", b"open")
        await until(lambda: len(heard) == 1, house.clock)
        assert heard[0].payload == b"open"
        await house.stop()
