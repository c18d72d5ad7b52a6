"""Brokers that don't tell a retained command, show nothing to wildcards, or throw away what they acknowledge."""

from __future__ import annotations

import asyncio
import json
import logging
from typing import TYPE_CHECKING

import pytest
from tests.bridge.mqtt.house import ROOT, House, until
from tests.fakes.broker import ONLY_3_1_1, FakeBroker
from tests.fakes.clock import FakeClock
from tests.fakes.hub import FakeHub

from vms_bridge.demo.limits import BrokerLimits
from vms_bridge.mqtt.published import Published
from vms_bridge.mqtt.refusals import RETRY_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_OLD = frozenset({4})
OF_3_1_1 = ONLY_3_1_1
LIKE_RABBITMQ = BrokerLimits(versions=_OLD, shows_retained_by_wildcard=False)
SILENT_MQTT_5 = BrokerLimits(flags_retained=False)
SILENT_MQTT_5_WITHOUT_WILDCARDS = BrokerLimits(flags_retained=False, shows_retained_by_wildcard=False)
KINDS = [OF_3_1_1, LIKE_RABBITMQ, SILENT_MQTT_5, SILENT_MQTT_5_WITHOUT_WILDCARDS, BrokerLimits()]
DISCOVERY = "homeassistant/device/vms_bridge_home"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=KINDS, ids=["3.1.1", "rabbitmq", "silent 5", "silent 5 without wildcards", "mosquitto"])
async def house(request: pytest.FixtureRequest, clock: FakeClock) -> AsyncIterator[House]:
    async with FakeBroker(limits=request.param, clock=clock) as broker:
        one = House(broker, clock)
        yield one
        await one.stop()


def retain(house: House, request_id: str, value: str = "ON") -> str:
    topic = f"{ROOT}/zm/1/set/armed"
    house.broker.publish(topic, json.dumps({"value": value, "request_id": request_id}), qos=1, retain=True)
    return topic


async def test_a_retained_command_that_comes_live_is_refused_and_cleared(house: House) -> None:
    await house.start()
    topic = retain(house, "kept")
    await house.answered("kept")
    await until(lambda: topic not in house.broker.retained, house.clock)
    house.ask("given")
    await house.answered("given")
    assert house.results == {"kept": ["refused"], "given": ["applied"]}
    assert house.ran == ["given"]


async def test_what_was_retained_before_is_not_run_either(house: House) -> None:
    topic = retain(house, "kept")
    await house.start()
    house.ask("given")
    await house.answered("given")
    assert house.ran == ["given"]
    assert house.results.get("kept", ["refused"]) == ["refused"]
    await house.lives(2)
    if house.results.get("kept"):
        assert topic not in house.broker.retained


async def test_commands_run_in_order_and_once_beside_one_that_is_retained(house: House) -> None:
    await house.start()
    for number in range(100):
        house.ask(f"r{number}", "ON" if number % 2 else "OFF", topic=f"zm/{number % 3 + 1}/set/armed")
    retain(house, "kept", "OFF")
    house.ask("last")
    asked = [*(f"r{number}" for number in range(100)), "last"]
    await house.answered(*asked, "kept")
    assert house.ran == asked
    assert house.results["kept"] == ["refused"]
    assert all(results == ["applied"] for request_id, results in house.results.items() if request_id != "kept")


async def test_a_later_command_on_the_topic_of_a_retained_one_is_run(house: House) -> None:
    await house.start()
    retain(house, "kept", "OFF")
    house.ask("given", "ON")
    await house.answered("kept", "given")
    assert house.results == {"kept": ["refused"], "given": ["applied"]}


@pytest.mark.parametrize("house", [OF_3_1_1], indirect=True)
async def test_commands_are_run_where_the_bridge_may_not_hear_itself(house: House) -> None:
    house.broker.faults.denied = (f"{ROOT}/sync", f"{ROOT}/sync/retained")
    await house.start()
    house.ask("given")
    await house.answered("given")
    assert house.results == {"given": ["applied"]}


@pytest.mark.parametrize("house", [OF_3_1_1], indirect=True)
async def test_a_command_whose_link_is_lost_meanwhile_is_answered(house: House) -> None:
    await house.start()
    house.broker.faults.silent = True  # the look gets no answer
    house.ask("given")
    await until(lambda: any(topic.endswith("/set/+") for topic in looked_for(house)), house.clock)
    house.broker.core.drop(house.client_id)
    house.broker.faults.silent = False
    await house.answered("given")
    assert house.results == {"given": ["applied"]}


def looked_for(house: House) -> list[str]:
    """Return what was subscribed to since the broker fell silent."""
    return [wish.filter for _, packet in list(house.broker.seen.packets)[-3:] for wish in getattr(packet, "wishes", ())]


@pytest.mark.parametrize(
    "house",
    [LIKE_RABBITMQ, BrokerLimits(shows_retained_by_wildcard=False), BrokerLimits()],
    ids=["rabbitmq", "rabbitmq with 5", "mosquitto"],
    indirect=True,
)
async def test_what_an_earlier_run_has_left_is_cleared(house: House) -> None:
    await house.start()
    await until(lambda: f"{DISCOVERY}/zm-3/config" in house.broker.retained, house.clock)
    await house.stop()
    kept = house.hub.memory
    house.hub = FakeHub(monitors=2)
    house.hub.memory = kept
    await house.start()
    gone = [f"{DISCOVERY}/zm-3/config", f"{ROOT}/zm/3/state"]
    await until(lambda: not [each for each in gone if each in house.broker.retained], house.clock)
    await house.lives(15)
    assert f"{DISCOVERY}/zm-2/config" in house.broker.retained
    assert f"{ROOT}/zm/2/state" in house.broker.retained
    assert "3" not in json.loads(house.hub.memory["published"])[1]["zm"], "it is forgotten once it is cleared"


async def test_what_was_kept_counts_for_the_same_broker_only(caplog: pytest.LogCaptureFixture) -> None:
    hub = FakeHub()
    one = Published()
    await one.load(hub, "home at a")
    await one.note(hub, [("zm", "1"), ("zm", "2")])
    assert json.loads(hub.memory["published"]) == ["home at a", {"zm": ["1", "2"]}]
    other = Published()
    await other.load(hub, "home at b")
    await other.note(hub, [("zm", "3")])
    assert json.loads(hub.memory["published"]) == ["home at b", {"zm": ["3"]}]
    hub.memory["published"] = "{"
    await Published().load(hub, "home at b")
    assert "can't be read" in caplog.text


async def test_too_many_to_be_kept_are_kept_as_they_were() -> None:
    hub, one = FakeHub(), Published()
    await one.load(hub, "home at a")
    await one.note(hub, [("zm", "1")])
    await one.note(hub, [("zm", f"a-monitor-with-a-very-long-name-{number}") for number in range(3000)])
    assert json.loads(hub.memory["published"]) == ["home at a", {"zm": ["1"]}]


async def test_a_payload_that_an_old_broker_throws_away_is_told_and_tried_again(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with FakeBroker(limits=BrokerLimits(versions=_OLD, max_payload_bytes=2000), clock=clock) as broker:
        house = House(broker, clock)
        await house.start()
        await until(lambda: "thrown it away" in caplog.text, clock)
        assert "message_size_limit" in caplog.text
        await until(lambda: json.loads(broker.retained[f"{ROOT}/health"])["messages_refused"] == 1, clock)
        before = len([each for each in broker.seen.published if each.topic.startswith(DISCOVERY)])
        for _ in range(int(RETRY_S / 10) + 2):
            await clock.advance(10)
            await asyncio.sleep(0.005)
        await until(lambda: len([e for e in broker.seen.published if e.topic.startswith(DISCOVERY)]) > before, clock)
        await house.stop()


async def test_nothing_is_said_where_an_old_broker_takes_it(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    async with FakeBroker(limits=OF_3_1_1, clock=clock) as broker:
        house = House(broker, clock)
        await house.start()
        await house.lives(15)
        assert "thrown it away" not in caplog.text
        await house.stop()
