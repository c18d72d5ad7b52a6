"""The whole sink against the in-tree broker: what a listener sees, and what becomes of it when the broker misbehaves."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import socket
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image
from tests.fakes.backend import START, monitor, system_state
from tests.fakes.broker import ONLY_3_1_1, RECEIVE_MAXIMUM_1, FakeBroker, Faults
from tests.fakes.clock import FakeClock
from tests.fakes.hub import FakeHub

from vms_bridge.demo.broker import BrokerLimits
from vms_bridge.demo.properties import Property
from vms_bridge.errors import RivalBridge
from vms_bridge.model import AlarmState, DetectedObject, Detection
from vms_bridge.mqtt.config import MqttConfig
from vms_bridge.mqtt.inventory import SETTLE_S
from vms_bridge.mqtt.session import COUNTS_S
from vms_bridge.mqtt.sink import MqttSink
from vms_bridge.sinks import BridgeIdentity
from vms_bridge.views import BridgeState, MessageType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from tests.fakes.broker import Listener

    from vms_bridge.clock import Clock
    from vms_bridge.demo.properties import Properties

ROOT = "vms_bridge/home"
DISCOVERY = "homeassistant/device/vms_bridge_home"


async def until(
    condition: Callable[[], bool], clock: FakeClock | None = None, *, step_s: float = 0.25, timeout_s: float = 30.0
) -> None:
    """Wait for something to be seen at the broker or the hub; with a clock, let its time pass meanwhile.

    Too fast a time makes the link believe that the broker is dead: nine seconds without a word.
    """
    async with asyncio.timeout(timeout_s):
        while not condition():
            if clock:
                await clock.advance(step_s)
            await asyncio.sleep(0.003)


def make(broker: FakeBroker | str, clock: Clock, **options: Any) -> MqttSink:  # noqa: ANN401 - fields by keyword
    url = broker if isinstance(broker, str) else broker.url
    config = MqttConfig(url=url, **{"snapshots": False, **options.pop("config", {})})
    previous = options.pop("previous_instance", None)
    bridge = BridgeIdentity(instance="home", name="Home", version="1.2.3", previous_instance=previous)
    return MqttSink(config=config, bridge=bridge, clock=clock, **{"jitter": lambda _low, high: high, **options})


@asynccontextmanager
async def running(sink: MqttSink, hub: FakeHub) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(sink.run(hub))
    try:
        yield task
    finally:
        task.cancel()
        clock = sink._clock
        assert isinstance(clock, FakeClock)
        asked = clock.monotonic()
        await until(task.done, clock, step_s=0.05)
        assert clock.monotonic() - asked <= 1.1  # the last step may go beyond a second


@pytest.fixture
async def broker() -> AsyncIterator[FakeBroker]:
    async with FakeBroker() as one:
        yield one


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def read(broker: FakeBroker, topic: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads(broker.retained[topic])


async def get(listener: Listener, topic: str) -> Any:  # noqa: ANN401 - JSON
    return json.loads((await listener.get(topic)).payload)


async def settled(broker: FakeBroker, hub: FakeHub) -> None:
    """Wait until the sink serves: everything that there is has been published."""
    await until(lambda: hub.subscribers == 1 and f"{ROOT}/zm/1/state" in broker.retained)


async def test_everything_is_there_after_the_start_in_order(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub(monitors=2)
    heard = broker.listen()
    hub.record(1)
    async with running(make(broker, clock), hub):
        topics: list[str] = []
        while not topics or topics[-1] != f"{ROOT}/event":
            topics.append((await heard.get()).topic)
    order = [
        f"{ROOT}/info",
        f"{ROOT}/health",
        f"{ROOT}/status",
        f"{DISCOVERY}/_bridge/config",
        f"{DISCOVERY}/zm/config",
        f"{DISCOVERY}/zm-1/config",
        f"{ROOT}/zm/state",
        f"{ROOT}/zm/1/state",
        f"{ROOT}/zm/1/event",
        f"{ROOT}/event",
    ]
    assert [topics.index(topic) for topic in order] == sorted(topics.index(topic) for topic in order)
    assert read(broker, f"{ROOT}/info")["bridge_id"] == hub.bridge_id
    assert read(broker, f"{ROOT}/health")["version"] == "1.2.3"
    assert read(broker, f"{ROOT}/zm/2/state")["available"] is True
    assert f"{ROOT}/event" not in broker.retained


async def test_a_stop_says_offline_before_it_goes(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub()
    async with running(make(broker, clock), hub):
        await settled(broker, hub)
        assert broker.retained[f"{ROOT}/status"] == b"online"
    await until(lambda: not broker.clients)
    assert broker.retained[f"{ROOT}/status"] == b"offline"
    assert hub.subscribers == 0


async def test_a_stop_is_quick_even_if_nothing_answers(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub()
    async with running(make(broker, clock), hub):
        await settled(broker, hub)
        broker.faults.silent = True


async def test_states_and_detections_flow(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub()
    async with running(make(broker, clock), hub):
        await settled(broker, hub)
        heard = broker.listen(f"{ROOT}/zm/1/+")
        heard.drain()
        hub.set_state(alarm=AlarmState.ALARM)
        assert (await get(heard, f"{ROOT}/zm/1/state"))["alarm"] == "alarm"
        hub.detect(Detection(monitor_id="1", time=START, objects=(DetectedObject(label="person"),)))
        assert (await get(heard, f"{ROOT}/zm/1/detection"))["objects"][0]["label"] == "person"
        assert f"{ROOT}/zm/1/detection" not in broker.retained


async def test_measurements_come_seldom(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub()
    async with running(make(broker, clock, config={"measurement_interval": 2}), hub):
        await settled(broker, hub)
        heard = broker.listen(f"{ROOT}/zm/1/state")
        heard.drain()
        hub.set_state(capture_fps=5.0)
        hub.set_system(load=3.0)
        await clock.advance(1)
        assert heard.drain() == []
        hub.set_state(capture_fps=25.0)
        await clock.advance(1.5)
        assert (await get(heard, "#"))["capture_fps"] == 25.0
        await until(lambda: read(broker, f"{ROOT}/zm/state")["load"] == 3.0)


async def test_events_arrive_with_expiry_and_are_confirmed_once(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub()
    async with running(make(broker, clock, config={"event_expiry": 600}), hub):
        await settled(broker, hub)
        heard = broker.listen(f"{ROOT}/event", f"{ROOT}/+/+/event")
        stored = [hub.record(number) for number in (1, 2, 3)]
        first = await heard.get(f"{ROOT}/zm/1/event")
        assert first.payload == stored[0].payload
        assert first.expires is not None
        await until(lambda: hub.delivered_positions == {1, 2, 3})
        assert sum(len(batch) for batch in hub.confirmed) == 3
        same = [each.payload for each in [first, *heard.drain()]]
        assert sorted(same) == sorted(2 * [each.payload for each in stored])
        assert read(broker, f"{ROOT}/zm/1/last_event")["id"] == "zm-3"
        assert "snapshot_url" not in read(broker, f"{ROOT}/zm/1/last_event")


async def test_what_was_not_acknowledged_goes_out_again_unchanged(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub()
    async with running(make(broker, clock), hub) as task:
        await settled(broker, hub)
        broker.faults.never_ack = True
        stored = [hub.record(number) for number in (1, 2, 3)]
        await until(lambda: len([1 for each in broker.seen.published if each.topic == f"{ROOT}/event"]) == 3)
        assert hub.confirmed == []
        broker.faults.never_ack = False
        broker.core.drop(await broker.client())
        await until(lambda: hub.delivered_positions == {1, 2, 3}, clock)
        sent = [each.payload for each in broker.seen.published if each.topic == f"{ROOT}/zm/1/event"]
        assert sent == 2 * [each.payload for each in stored]
        assert not task.done()


async def test_what_the_broker_forgets_to_acknowledge_goes_out_again(
    broker: FakeBroker, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    hub = FakeHub()
    async with running(make(broker, clock), hub) as task:
        await settled(broker, hub)
        await until(lambda: f"{ROOT}/status" in broker.retained)
        broker.faults.lose_acks = 100  # as many as may be on their way
        positions = {hub.record(number).position for number in range(1, 81)}
        await until(lambda: broker.faults.lose_acks == 0)
        assert hub.confirmed == []
        await until(lambda: hub.delivered_positions == positions, clock)
        await until(lambda: read(broker, f"{ROOT}/health")["acknowledgements_lost"] == 100, clock)
        assert not task.done()
    assert caplog.text.count("without acknowledging") == 1
    assert len(broker.seen.connects) == 2


@pytest.mark.parametrize("after", [3, 8, 15, 22, 40])
async def test_nothing_is_lost_over_broken_connections(broker: FakeBroker, clock: FakeClock, after: int) -> None:
    hub = FakeHub(monitors=2)
    broker.faults.drop_after = after
    positions = set()
    async with running(make(broker, clock), hub):
        for number in range(1, 21):
            positions.add(hub.record(number, str(1 + number % 2), late=number % 5 == 0).position)
        await until(lambda: len(broker.seen.connects) >= 3, clock)
        broker.faults.drop_after = None
        await until(lambda: hub.delivered_positions == positions, clock)
        await until(lambda: broker.retained.get(f"{ROOT}/status") == b"online", clock)


async def test_live_events_overtake_late_ones(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub()
    for number in range(1, 101):
        hub.record(number, late=True)
    async with running(make(broker, clock), hub):
        await settled(broker, hub)
        live = hub.record(200)
        await until(lambda: live.position in hub.delivered_positions)
        assert len(hub.delivered_positions) < 100, "late ones are paced"
        await until(lambda: len(hub.delivered_positions) == 101, clock)
    seqs = [json.loads(each.payload) for each in broker.seen.published if each.topic == f"{ROOT}/event"]
    late = [each["seq"] for each in seqs if each["late"]]
    assert late == sorted(late)


async def test_a_strict_broker_gets_one_at_a_time(clock: FakeClock) -> None:
    hub = FakeHub()
    async with (
        FakeBroker(limits=RECEIVE_MAXIMUM_1, faults=Faults(ack_delay_s=0.002)) as broker,
        running(make(broker, clock), hub),
    ):
        for number in range(1, 6):
            hub.record(number)
        await until(lambda: len(hub.delivered_positions) == 5)
        assert len(broker.seen.connects) == 1


async def test_an_old_broker_is_served_too(clock: FakeClock) -> None:
    hub = FakeHub()
    async with FakeBroker(limits=ONLY_3_1_1) as broker, running(make(broker, clock), hub):
        hub.record(1)
        await until(lambda: hub.delivered_positions == {1})
        await settled(broker, hub)
        hub.remove_monitor("zm", "1")
        await clock.advance(2)
        await until(lambda: f"{DISCOVERY}/zm-1/config" not in broker.retained)
        hub.add_monitor("zm", monitor(1))
        await clock.advance(3)
        await until(lambda: f"{DISCOVERY}/zm-1/config" in broker.retained)


async def test_what_is_too_large_is_left_out(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    hub = FakeHub()
    async with FakeBroker(limits=BrokerLimits(max_packet_bytes=1500)) as broker, running(make(broker, clock), hub):
        await settled(broker, hub)
        hub.record(1)
        await until(lambda: hub.delivered_positions == {1})
        assert len(broker.seen.connects) == 1
    assert caplog.text.count(f"as on {DISCOVERY}/") == 1, "the cause is one, whatever it hits"
    assert "raise its limit" in caplog.text


async def test_what_the_broker_does_not_take_for_its_size_is_told_and_counted(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    hub = FakeHub(monitors=3)
    async with FakeBroker(limits=BrokerLimits(max_payload_bytes=1200)) as broker, running(make(broker, clock), hub):
        await settled(broker, hub)
        hub.record(1)
        await until(lambda: hub.delivered_positions == {1})
        await until(lambda: "bytes, as on homeassistant/device/" in caplog.text, clock)
        await until(lambda: read(broker, f"{ROOT}/health")["messages_refused"] >= 3, clock)
        assert len(broker.seen.connects) == 1
        assert f"{DISCOVERY}/zm-1/config" not in broker.retained
    assert caplog.text.count("bytes, as on homeassistant/device/") == 1, "the cause is one, whatever it hits"
    assert "raise its limit" in caplog.text
    assert "message_size_limit" in caplog.text


async def test_a_state_that_outgrows_the_brokers_limit_is_told(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    hub = FakeHub()
    async with FakeBroker(limits=BrokerLimits(max_payload_bytes=20_000)) as broker, running(make(broker, clock), hub):
        await settled(broker, hub)
        hub.set_state(detail="x" * 25_000)
        await until(lambda: f"bytes, as on {ROOT}/zm/1/state" in caplog.text)
        hub.set_state(detail="mended")
        await until(lambda: read(broker, f"{ROOT}/zm/1/state")["detail"] == "mended")


async def test_a_broker_that_ends_the_connection_for_size_is_spared(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    """It does not say how much it bears, so that has to be found out."""
    hub = FakeHub(monitors=20)
    limits = BrokerLimits(max_packet_bytes=1500, announces_packet_bytes=False)
    async with FakeBroker(limits=limits) as broker, running(make(broker, clock), hub):
        await until(
            lambda: broker.retained.get(f"{ROOT}/status") == b"online" and f"{ROOT}/zm/20/state" in broker.retained, clock
        )
        hub.record(1)
        await until(lambda: hub.delivered_positions == {1}, clock)
        await clock.advance(30)
        connects = len(broker.seen.connects)
        assert connects <= 4
        hub.set_state(alarm=AlarmState.ALARM)
        await until(lambda: read(broker, f"{ROOT}/zm/1/state")["alarm"] == "alarm", clock)
        assert len(broker.seen.connects) == connects
    assert "the broker takes no message of" in caplog.text


async def test_what_was_refused_is_tried_again(broker: FakeBroker, clock: FakeClock) -> None:
    refused = (
        f"{DISCOVERY}/zm-1/config",
        f"{ROOT}/zm/1/state",
        f"{ROOT}/zm/1/last_event",
        f"{ROOT}/zm/state",
        f"{ROOT}/info",
        f"{ROOT}/health",
    )
    broker.faults.denied = refused
    hub = FakeHub()
    hub.record(1)
    async with running(make(broker, clock), hub):
        await until(lambda: f"{DISCOVERY}/zm/config" in broker.retained)
        await until(lambda: hub.delivered_positions == {1})
        assert not broker.retained.keys() & set(refused)
        broker.faults.denied = ()
        await until(lambda: broker.retained.keys() >= set(refused), clock, step_s=1)
        assert len(broker.seen.connects) == 1


async def test_a_refused_topic_does_not_stop_the_events(
    broker: FakeBroker, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    broker.faults.denied = (f"{ROOT}/zm/1/event",)
    hub = FakeHub(monitors=2)
    async with running(make(broker, clock), hub):
        hub.record(1, "1")
        hub.record(2, "2")
        hub.record(3, "1")
        await until(lambda: hub.delivered_positions == {1, 2, 3})
    assert caplog.text.count("refused an event message") == 1


async def test_what_is_refused_altogether_waits(broker: FakeBroker, clock: FakeClock) -> None:
    broker.faults.denied = (f"{ROOT}/zm/1/event", f"{ROOT}/event")
    hub = FakeHub(monitors=2)
    async with running(make(broker, clock), hub):
        hub.record(1, "1")
        hub.record(2, "2")
        await until(lambda: hub.delivered_positions == {2})
        broker.faults.denied = ()
        broker.core.drop(await broker.client())
        await until(lambda: hub.delivered_positions == {1, 2}, clock)


async def test_a_broken_store_is_waited_for(broker: FakeBroker, clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    hub = FakeHub()
    hub.store_fails = True
    async with running(make(broker, clock), hub):
        await settled(broker, hub)
        hub.record(1)
        await until(lambda: hub.reads > 0)
        hub.store_fails = False
        await until(lambda: len([1 for each in broker.seen.published if each.topic == f"{ROOT}/event"]) == 1, clock)
    assert caplog.text.count("the disk is full") == 1


async def test_a_store_that_is_broken_at_the_end_costs_a_repetition_only(
    broker: FakeBroker, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    hub = FakeHub()
    broker.faults.never_ack = True
    async with running(make(broker, clock), hub) as task:
        stored = hub.record(1)
        await until(lambda: len([1 for each in broker.seen.published if each.topic == f"{ROOT}/event"]) == 1)
        hub.store_fails = True
        broker.faults.never_ack = False
        broker.core.release(await broker.client())
        await until(lambda: "the disk is full" in caplog.text)
        caplog.clear()
    assert task.cancelled()
    assert "the disk is full" in caplog.text
    hub.store_fails = False
    async with running(make(broker, FakeClock()), hub):
        await until(lambda: hub.delivered_positions == {1})
    assert [each.payload for each in broker.seen.published if each.topic == f"{ROOT}/event"] == [stored.payload] * 2


@pytest.mark.parametrize(("host", "longest"), [("localhost", 5.0), ("127.0.0.1", 5.0), ("nobody.invalid", 8.0)])
async def test_the_pause_grows_but_little_for_a_broker_on_this_host(clock: FakeClock, host: str, longest: float) -> None:
    pauses: list[float] = []

    def most(low: float, high: float) -> float:
        assert low == 0.0
        pauses.append(high)
        return high

    with socket.socket() as reserved:  # bound but not listening: connections are refused
        reserved.bind(("127.0.0.1", 0))
        sink = make(f"mqtt://{host}:{reserved.getsockname()[1]}", clock, jitter=most)
        async with running(sink, FakeHub()):
            await until(lambda: len(pauses) >= 7, clock, step_s=5)
    assert pauses[:7] == [min(each, longest) for each in (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)]


async def test_the_broker_comes_late_and_goes(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    hub = FakeHub()
    reserved = socket.socket()  # bound but not listening: the port is ours, and connections are refused
    reserved.bind(("127.0.0.1", 0))
    port = reserved.getsockname()[1]
    sink = make(f"mqtt://127.0.0.1:{port}", clock)
    async with running(sink, hub):
        for _ in range(40):
            await clock.advance(5)
            await asyncio.sleep(0.002)
        assert 1 <= caplog.text.count("connection refused") <= 3, "told at once, then seldom"
        reserved.close()
        async with FakeBroker(port=port) as broker:
            await until(lambda: broker.retained.get(f"{ROOT}/status") == b"online", clock)
            assert "again after" in caplog.text
            told = caplog.text.count("is lost")
            for _ in range(35):  # a long time of health, with signs of life
                broker.publish("homeassistant/status", "offline")
                await asyncio.sleep(0.003)
                await clock.advance(1)
            broker.core.drop(await broker.client())
            await until(lambda: caplog.text.count("is lost") == told + 1)


async def test_a_refusal_is_said_with_its_remedy(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    hub = FakeHub()
    async with FakeBroker(faults=Faults(refuse=0x86, refuse_times=2)) as broker, running(make(broker, clock), hub):
        await until(lambda: broker.retained.get(f"{ROOT}/status") == b"online", clock)
    assert caplog.text.count("password is wrong") == 1
    assert "mqtt.password" in caplog.text


async def test_a_broker_that_forgot_everything_gets_everything(clock: FakeClock) -> None:
    hub = FakeHub()
    hub.record(1)
    async with FakeBroker() as before:
        port = before.port
        sink = make(before, clock)
        task = asyncio.create_task(sink.run(hub))
        await settled(before, hub)
        expected = before.retained.keys()
    async with FakeBroker(port=port) as after:
        await until(lambda: after.retained.keys() >= set(expected), clock)
        task.cancel()
        await asyncio.wait({task})


async def test_what_the_broker_still_holds_is_not_sent_again(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub()
    async with running(make(broker, clock), hub):
        await settled(broker, hub)
    broker.seen.packets.clear()
    async with running(make(broker, clock), hub):
        await until(lambda: hub.subscribers == 1)
        hub.set_state(alarm=AlarmState.ALARM)
        await until(lambda: read(broker, f"{ROOT}/zm/1/state")["alarm"] == "alarm")
    topics = [each.topic for each in broker.seen.published]
    assert not [topic for topic in topics if topic.startswith("homeassistant/")]
    assert topics.count(f"{ROOT}/zm/1/state") == 1


async def test_a_subscription_whose_answer_is_lost_is_one_all_the_same(clock: FakeClock) -> None:
    """As mosquitto loses it behind more retained messages than it queues for a client."""
    hub = FakeHub()
    async with FakeBroker(faults=Faults(lose_subacks=1)) as broker, running(make(broker, clock), hub):
        await until(lambda: hub.subscribers == 1, clock)
        await until(lambda: broker.retained.get(f"{ROOT}/status") == b"online", clock)
        await clock.advance(25)
        assert len(broker.seen.connects) == 1


async def test_leftovers_are_cleared(broker: FakeBroker, clock: FakeClock) -> None:
    leftovers = [
        f"{DISCOVERY}/zm-9/config",
        f"{DISCOVERY}/gone/config",
        f"{DISCOVERY}/gone-1/config",
        f"{DISCOVERY}/What ever/config",
        f"{ROOT}/zm/9/state",
        f"{ROOT}/zm/9/last_event",
        f"{ROOT}/zm/9/snapshot",
        f"{ROOT}/gone/state",
        f"{ROOT}/gone/1/state",
        f"{ROOT}/gone/1/last_event",
        f"{ROOT}/gone/1/snapshot",
        f"{ROOT}/UPPER/state",
        "vms_bridge/old/status",
        "vms_bridge/old/zm/1/state",
        "homeassistant/device/vms_bridge_old/zm-1/config",
    ]
    foreign = ["homeassistant/device/other/1/config", "vms_bridge/neighbour/zm/1/state"]
    for topic in (*leftovers, *foreign):
        broker.publish(topic, "{}", retain=True)
    hub = FakeHub()
    async with running(make(broker, clock, previous_instance="old"), hub):
        await until(lambda: not broker.retained.keys() & set(leftovers), clock)
        assert broker.retained.keys() >= set(foreign)


async def test_what_stands_alone_is_cleared_too(broker: FakeBroker, clock: FakeClock) -> None:
    """Whatever can't be a monitor's, and what must never be retained, even of one that there is."""
    unheard = f"{ROOT}/late/5/last_event"
    lone = [f"{ROOT}/zm/9/last_event", f"{ROOT}/gone/1/last_event", f"{ROOT}/gone/1/snapshot", f"{ROOT}/zm/9/snapshot"]
    never = [f"{ROOT}/{each}" for each in ("event", "ack", "zm/1/event", "zm/9/event", "zm/1/detection", "gone/1/detection")]
    for topic in (*lone, *never, unheard):
        broker.publish(topic, "{}", retain=True)
    hub = FakeHub()
    hub.add_system("late", system_state(available=False))
    async with running(make(broker, clock), hub):
        await until(lambda: not broker.retained.keys() & set(never))
        await until(lambda: not broker.retained.keys() & set(lone), clock)
        assert broker.retained[unheard] == b"{}", "its system may know the monitor"
        hub.set_system("late", available=True)
        await until(lambda: unheard not in broker.retained, clock)


async def test_the_newest_event_is_not_sent_again_if_the_broker_holds_it(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub()
    hub.record(1)
    async with running(make(broker, clock), hub):
        await until(lambda: f"{ROOT}/zm/1/last_event" in broker.retained)
    broker.seen.packets.clear()
    async with running(make(broker, clock), hub):
        await until(lambda: hub.subscribers == 1)
        hub.set_state(alarm=AlarmState.ALARM)
        await until(lambda: read(broker, f"{ROOT}/zm/1/state")["alarm"] == "alarm")
    assert f"{ROOT}/zm/1/last_event" not in [each.topic for each in broker.seen.published]


async def test_an_old_names_devices_go_before_the_new_ones_come(broker: FakeBroker, clock: FakeClock) -> None:
    """Else Home Assistant gives the new entities other ids, for ever; and its templates can't read an empty state."""
    old = ["homeassistant/device/vms_bridge_old/zm-1/config", "vms_bridge/old/status", "vms_bridge/old/zm/1/state"]
    for topic in old:
        broker.publish(topic, "{}", retain=True)
    async with running(make(broker, clock, previous_instance="old"), FakeHub()):
        await until(lambda: old[0] not in broker.retained)
        await asyncio.sleep(0.05)
        assert broker.retained.keys() >= set(old[1:])
        assert not any(topic.startswith(DISCOVERY) for topic in broker.retained)
        await clock.advance(SETTLE_S)
        await until(lambda: f"{DISCOVERY}/zm-1/config" in broker.retained)
        await until(lambda: not broker.retained.keys() & set(old), clock)


async def test_a_broker_that_never_acknowledges_does_not_hold_up_the_new_name(broker: FakeBroker, clock: FakeClock) -> None:
    broker.publish("homeassistant/device/vms_bridge_old/zm-1/config", "{}", retain=True)
    broker.faults.never_ack = True
    async with running(make(broker, clock, previous_instance="old"), FakeHub()):
        await until(lambda: f"{DISCOVERY}/zm-1/config" in broker.retained, clock)


async def test_a_system_that_was_not_heard_yet_keeps_its_monitors_as_unknown(broker: FakeBroker, clock: FakeClock) -> None:
    broker.publish(f"{DISCOVERY}/zm-9/config", "{}", retain=True)
    broker.publish(f"{ROOT}/zm/9/state", '{"v":1,"available":true,"alarm":"alarm"}', retain=True)
    hub = FakeHub()
    hub.set_system(available=False)
    async with running(make(broker, clock), hub):
        await until(lambda: read(broker, f"{ROOT}/zm/9/state")["available"] is False)
        assert f"{DISCOVERY}/zm-9/config" in broker.retained
        hub.set_system(available=True)
        await until(lambda: f"{DISCOVERY}/zm-9/config" not in broker.retained, clock)
        assert f"{ROOT}/zm/9/state" in broker.retained
        await until(lambda: f"{ROOT}/zm/9/state" not in broker.retained, clock)


async def test_monitors_and_systems_come_and_go(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub()
    async with running(make(broker, clock), hub):
        await settled(broker, hub)
        hub.add_system("second")
        hub.add_monitor("second", monitor(7))
        await clock.advance(2)
        await until(lambda: f"{DISCOVERY}/second-7/config" in broker.retained)
        await until(lambda: [each["key"] for each in read(broker, f"{ROOT}/health")["systems"]] == ["zm", "second"])
        hub.record(1)
        await until(lambda: f"{ROOT}/zm/1/last_event" in broker.retained)
        hub.remove_monitor("zm", "1")
        hub.remove_system("second")
        await until(lambda: f"{DISCOVERY}/zm-1/config" not in broker.retained, clock)
        await until(lambda: not any("/second" in topic or "zm/1/" in topic for topic in broker.retained), clock)


async def test_discovery_can_be_off(broker: FakeBroker, clock: FakeClock) -> None:
    broker.publish(f"{DISCOVERY}/zm-1/config", "{}", retain=True)
    hub = FakeHub()
    async with running(make(broker, clock, config={"discovery": False}), hub):
        await settled(broker, hub)
        await until(lambda: not any(topic.startswith("homeassistant/") for topic in broker.retained))
        assert read(broker, f"{ROOT}/health")["discovery"] is False


async def test_discovery_can_be_switched_while_it_runs(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub()
    async with running(make(broker, clock), hub):
        await settled(broker, hub)
        hub.claim("switch", "a Home Assistant")
        await until(lambda: not any(topic.startswith("homeassistant/") for topic in broker.retained), clock)
        await until(lambda: read(broker, f"{ROOT}/health")["discovery"] is False)
        hub.claim("a Home Assistant")
        assert read(broker, f"{ROOT}/health")["discovery"] is False
        hub.claim()
        await until(lambda: f"{DISCOVERY}/zm-1/config" in broker.retained, clock)
        await until(lambda: read(broker, f"{ROOT}/health")["discovery"] is True)


async def test_discovery_that_is_claimed_stays_off_over_a_restart(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub()
    async with running(make(broker, clock), hub):
        await settled(broker, hub)
        assert f"{DISCOVERY}/zm-1/config" in broker.retained
    hub.claim("switch")
    async with running(make(broker, clock), hub):
        await settled(broker, hub)
        await until(lambda: not any(topic.startswith("homeassistant/") for topic in broker.retained), clock)


async def test_no_claim_that_is_dropped_turns_on_what_the_configuration_has_off(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub()
    hub.claim("switch")
    async with running(make(broker, clock, config={"discovery": False}), hub):
        await settled(broker, hub)
        hub.claim()
        hub.record(1)
        await until(lambda: f"{ROOT}/zm/1/last_event" in broker.retained)
        assert read(broker, f"{ROOT}/health")["discovery"] is False
        assert not any(topic.startswith("homeassistant/") for topic in broker.retained)


async def test_a_switch_is_told_while_the_bridge_settles(broker: FakeBroker, clock: FakeClock) -> None:
    broker.publish(f"{ROOT}/info", '{"bridge_id": "somebody else"}', retain=True)
    hub = FakeHub()
    async with running(make(broker, clock), hub):
        await until(lambda: read(broker, f"{ROOT}/info")["bridge_id"] == hub.bridge_id)
        hub.claim("switch")
        await until(lambda: broker.retained.get(f"{ROOT}/status") == b"online", clock)
        await until(lambda: read(broker, f"{ROOT}/health")["discovery"] is False)
        assert not any(topic.startswith("homeassistant/") for topic in broker.retained)


async def test_a_system_may_have_an_awkward_name(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub()
    hub.add_system("set")
    hub.add_monitor("set", monitor(1))
    for _ in range(2):
        async with running(make(broker, clock), hub):
            await settled(broker, hub)
            await until(lambda: f"{ROOT}/set/1/state" in broker.retained)
            heard = broker.listen(f"{ROOT}/ack")
            broker.publish(f"{ROOT}/set/1/set/armed", "ON")
            assert (await get(heard, "#"))["result"] == "applied"
            assert f"{ROOT}/set/state" in broker.retained


async def test_a_device_that_the_user_deleted_stays_away(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub(monitors=2)
    topic = f"{DISCOVERY}/zm-1/config"
    async with running(make(broker, clock), hub):
        await settled(broker, hub)
        broker.publish(topic, "", retain=True)
        hub.add_monitor("zm", monitor(1, name="Renamed"))
        await clock.advance(3)
        hub.add_monitor("zm", monitor(2, name="Renamed"))
        await clock.advance(3)
        await until(lambda: b"Renamed" in broker.retained[f"{DISCOVERY}/zm-2/config"])
        broker.core.drop(await broker.client())
        await until(lambda: len(broker.seen.connects) == 2 and hub.subscribers == 1, clock)
        broker.publish("homeassistant/status", "online")
        await clock.advance(8)
        assert topic not in broker.retained
    async with running(make(broker, clock), hub):
        await until(lambda: topic in broker.retained)


async def test_a_device_that_is_deleted_while_the_bridge_settles_stays_away(broker: FakeBroker, clock: FakeClock) -> None:
    topic = f"{DISCOVERY}/zm-1/config"
    hub = FakeHub()
    async with running(make(broker, clock), hub):
        await until(lambda: topic in broker.retained)
    broker.publish(f"{ROOT}/info", '{"bridge_id": "somebody else"}', retain=True)
    sink = make(broker, clock)
    async with running(sink, hub):
        await until(lambda: b'"bbbb' in broker.retained[f"{ROOT}/info"])
        assert hub.subscribers == 0, "it waits for the answer of a rival"
        await until(lambda: f"{DISCOVERY}/+/config" in broker.core.subscriptions(next(iter(broker.clients))))
        broker.publish(topic, "", retain=True)
        await until(lambda: hub.subscribers == 1, clock)
        heard = broker.listen(topic)
        broker.publish(f"{ROOT}/replay", "please")
        hub.add_monitor("zm", monitor(1, name="Renamed"))
        await clock.advance(5)
        await until(lambda: b"online" in broker.retained[f"{ROOT}/status"])
        await asyncio.sleep(0.05)
        assert heard.drain() == []


async def test_without_snapshots_pictures_of_earlier_runs_are_cleared(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub(monitors=2)
    hub.pictures = {"1": jpeg(320, 240)}
    hub.record(1, type_=MessageType.MEDIA, snapshot_ready=True)
    picture, unheard = f"{ROOT}/zm/1/snapshot", f"{ROOT}/late/5/snapshot"
    async with running(make(broker, clock, config={"snapshots": True}), hub):
        await until(lambda: picture in broker.retained, clock, step_s=0.02)
    broker.publish(f"{ROOT}/late/5/state", "{}", retain=True)
    broker.publish(unheard, "picture", retain=True)
    hub.add_system("late", system_state(available=False))
    async with running(make(broker, clock), hub):
        await until(lambda: picture not in broker.retained and unheard not in broker.retained)
        assert f"{ROOT}/zm/1/last_event" in broker.retained
        assert f"{ROOT}/late/5/state" in broker.retained


async def test_a_birth_brings_everything_again_after_a_while(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub(monitors=3)
    hub.record(1)
    async with running(make(broker, clock), hub):
        await settled(broker, hub)
        await until(lambda: hub.delivered_positions == {1})
        heard = broker.listen()
        heard.drain()
        broker.publish("homeassistant/status", "online")
        broker.publish("homeassistant/status", "offline")
        await clock.advance(0.9)
        assert [each.topic for each in heard.drain() if each.topic.startswith("vms_bridge")] == []
        topics: list[str] = []

        def is_back() -> bool:
            topics.extend(each.topic for each in heard.drain())
            return f"{DISCOVERY}/zm-3/config" in topics

        await until(is_back, clock)
        assert topics.index(f"{ROOT}/zm/3/state") < topics.index(f"{DISCOVERY}/zm-1/config")
        assert f"{ROOT}/zm/1/last_event" in topics
        assert f"{ROOT}/event" not in topics


@pytest.mark.parametrize("topic", ["homeassistant/status", "ha/status"])
async def test_a_birth_is_heard_whatever_the_discovery_prefix_is(broker: FakeBroker, clock: FakeClock, topic: str) -> None:
    """Home Assistant's default topic does not follow its own prefix, but users make it."""
    hub = FakeHub()
    async with running(make(broker, clock, config={"discovery_prefix": "ha"}), hub):
        await settled(broker, hub)
        broker.seen.packets.clear()
        broker.publish(topic, "online")
        await until(lambda: f"{ROOT}/zm/1/state" in [each.topic for each in broker.seen.published], clock)


async def test_a_refused_birth_topic_is_told_only_if_there_is_no_other(
    broker: FakeBroker, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    broker.faults.denied = ("homeassistant/status",)
    async with running(make(broker, clock, config={"discovery_prefix": "ha"}), FakeHub()):
        await until(lambda: f"{ROOT}/zm/1/state" in broker.retained)
    assert "refused the subscription" not in caplog.text
    async with running(make(broker, clock), FakeHub()):
        await until(lambda: "refused the subscription to homeassistant/status" in caplog.text)


async def test_a_replay_comes_at_once_with_the_hello(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub()
    async with running(make(broker, clock), hub):
        await settled(broker, hub)
        heard = broker.listen(f"{ROOT}/info", f"{ROOT}/health", f"{ROOT}/status", f"{ROOT}/zm/1/state")
        heard.drain()
        broker.publish(f"{ROOT}/replay", "please")
        assert (await get(heard, f"{ROOT}/info"))["bridge_id"] == hub.bridge_id
        assert (await get(heard, f"{ROOT}/health"))["problem"] is False
        assert (await heard.get(f"{ROOT}/status")).payload == b"online"
        assert (await get(heard, f"{ROOT}/zm/1/state"))["available"] is True


async def flood(broker: FakeBroker, clock: FakeClock, topic: str, payload: str, *, apart_s: float = 0.0) -> None:
    """Publish five hundred times in the given time apart, and let the bridge hear of each."""
    for _ in range(500):
        broker.publish(topic, payload)
        if apart_s:
            await clock.advance(apart_s)
        await asyncio.sleep(0)


@pytest.mark.parametrize("apart_s", [0.0, 0.0012])
async def test_who_asks_for_everything_five_hundred_times_gets_it_twice(
    broker: FakeBroker, clock: FakeClock, apart_s: float
) -> None:
    hub = FakeHub(monitors=3)
    for number in (1, 2, 3):
        hub.record(number, str(number))
    async with running(make(broker, clock), hub):
        await settled(broker, hub)
        await until(lambda: len(hub.delivered_positions) == 3)
        heard = broker.listen(f"{ROOT}/#", f"{DISCOVERY}/#")
        heard.drain()
        await flood(broker, clock, f"{ROOT}/replay", "please", apart_s=apart_s)
        for _ in range(80):
            await clock.advance(0.1)
            await asyncio.sleep(0.003)
        told = [each.topic for each in heard.drain() if each.topic != f"{ROOT}/replay"]
    assert told.count(f"{ROOT}/zm/3/state") == told.count(f"{DISCOVERY}/zm-3/config") == 2
    assert told.count(f"{ROOT}/status") == told.count(f"{ROOT}/info") == told.count(f"{ROOT}/health") == 2
    assert len(told) <= 2 * (3 + 1 + 3 * 2 + 5)


async def test_a_storm_of_births_is_one_birth(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub(monitors=3)
    async with running(make(broker, clock), hub):
        await settled(broker, hub)
        heard = broker.listen(f"{ROOT}/zm/1/state")
        heard.drain()
        await flood(broker, clock, "homeassistant/status", "online")
        for _ in range(80):
            await clock.advance(0.1)
            await asyncio.sleep(0.003)
        assert len(heard.drain()) == 1


async def test_a_storm_of_offlines_is_answered_once_a_second(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub()
    async with running(make(broker, clock), hub):
        await settled(broker, hub)
        heard = broker.listen(f"{ROOT}/status")
        heard.drain()
        await flood(broker, clock, f"{ROOT}/status", "offline")
        for _ in range(30):
            await clock.advance(0.1)
            await asyncio.sleep(0.003)
        assert [each.payload for each in heard.drain() if each.payload == b"online"] == [b"online"] * 2
        assert broker.core.retained[f"{ROOT}/status"] == b"online"


async def test_pictures_too_come_once_more_and_not_five_hundred_times(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub(monitors=3)
    hub.pictures = {str(number): jpeg(320, 240) for number in (1, 2, 3)}
    topics = [f"{ROOT}/zm/{number}/snapshot" for number in (1, 2, 3)]
    async with running(make(broker, clock, config={"snapshots": True}), hub):
        await settled(broker, hub)
        for number in (1, 2, 3):
            hub.record(number, str(number), type_=MessageType.MEDIA, snapshot_ready=True)
        await until(lambda: set(topics) <= broker.retained.keys(), clock, step_s=0.02)
        hub.asked_pictures.clear()
        await flood(broker, clock, f"{ROOT}/replay", "please", apart_s=0.0012)
        await until(lambda: len(hub.asked_pictures) >= 6, clock, step_s=0.02)
        for _ in range(40):
            await clock.advance(0.1)
            await asyncio.sleep(0.003)
        assert len(hub.asked_pictures) == 6


async def test_the_health_counts_what_did_not_go_out_as_it_came(broker: FakeBroker, clock: FakeClock) -> None:
    sink, hub = make(broker, clock), FakeHub()
    async with running(sink, hub):
        await settled(broker, hub)
        began = clock.monotonic()
        assert read(broker, f"{ROOT}/health")["events_refused"] == 0
        sink._memory.counters.events_refused = 3
        await until(lambda: read(broker, f"{ROOT}/health")["events_refused"] == 3, clock, timeout_s=20.0)
        assert clock.monotonic() - began <= 2 * COUNTS_S


async def test_the_hello_stays_the_same_whatever_happens(broker: FakeBroker, clock: FakeClock) -> None:
    """Home Assistant begins a discovery anew for each change of it."""
    sink, hub = make(broker, clock), FakeHub()
    broker.publish(f"{ROOT}/info", '{"problem": true, "undelivered": 3}', retain=True)  # of an older bridge
    heard = broker.listen(f"{ROOT}/info")
    async with running(sink, hub):
        await settled(broker, hub)
        hub.add_system("second")
        hub.claim("switch")
        hub.epoch = "e2"
        hub.fares = replace(hub.fares, problem="the disk is full", undelivered=7)
        sink._memory.counters.states_overtaken = 5
        await until(lambda: read(broker, f"{ROOT}/health")["states_overtaken"] == 5, clock, timeout_s=20.0)
        health = read(broker, f"{ROOT}/health")
        assert (health["problem"], health["undelivered"], health["discovery"], health["epoch"]) == (True, 7, False, "e2")
        broker.publish(f"{ROOT}/replay", "please")
        await clock.advance(5)
    told = {each.payload for each in heard.drain()} - {b'{"problem": true, "undelivered": 3}'}
    assert told == {broker.retained[f"{ROOT}/info"]}


async def test_somebody_elses_offline_is_corrected(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub()
    async with running(make(broker, clock), hub):
        await settled(broker, hub)
        broker.publish(f"{ROOT}/status", "offline", retain=True)
        await until(lambda: broker.retained[f"{ROOT}/status"] == b"online")


async def test_a_newcomer_gives_way(broker: FakeBroker, clock: FakeClock) -> None:
    first, second = FakeHub(bridge_id="a" * 32), FakeHub(bridge_id="0" * 32)
    async with running(make(broker, clock), first):
        await settled(broker, first)
        for _ in range(11):  # it is established after ten seconds with signs of life
            broker.publish("homeassistant/status", "offline")
            await asyncio.sleep(0.005)
            await clock.advance(1)
        newcomer = make(broker, FakeClock())
        with pytest.raises(RivalBridge, match="home"):
            await asyncio.wait_for(newcomer.run(second), 30)
        await until(lambda: len(broker.clients) == 1)
        assert broker.retained[f"{ROOT}/status"] == b"online"
        assert read(broker, f"{ROOT}/info")["bridge_id"] == first.bridge_id


async def test_a_leftover_hello_of_another_bridge_is_no_rival(broker: FakeBroker, clock: FakeClock) -> None:
    broker.publish(f"{ROOT}/info", '{"bridge_id": "somebody else"}', retain=True)
    hub = FakeHub()
    async with running(make(broker, clock), hub):
        await until(lambda: hub.subscribers == 1, clock)
        await until(lambda: broker.retained.get(f"{ROOT}/status") == b"online")
        assert read(broker, f"{ROOT}/info")["bridge_id"] == hub.bridge_id


async def test_a_command_is_run_and_answered(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub()
    async with running(make(broker, clock), hub):
        await settled(broker, hub)
        heard = broker.listen(f"{ROOT}/ack", "vms_bridge/me")
        properties: Properties = {Property.RESPONSE_TOPIC: "vms_bridge/me", Property.CORRELATION_DATA: b"77"}
        broker.publish(f"{ROOT}/zm/1/set/armed", '{"value": "OFF", "request_id": "r1"}', qos=1, properties=properties)
        ack = await get(heard, f"{ROOT}/ack")
        assert (ack["result"], ack["request_id"], ack["command"]) == ("applied", "r1", "armed")
        answer = await heard.get("vms_bridge/me")
        assert answer.properties[Property.CORRELATION_DATA] == b"77"
        assert hub.commands[0].name == "armed"


async def test_a_retained_command_is_refused_and_cleared(broker: FakeBroker, clock: FakeClock) -> None:
    topic = f"{ROOT}/zm/1/set/armed"
    broker.publish(topic, "OFF", retain=True)
    hub = FakeHub()
    heard = broker.listen(f"{ROOT}/ack")
    async with running(make(broker, clock), hub):
        assert (await get(heard, "#"))["error"]["code"] == "rejected"
        await until(lambda: topic not in broker.retained)
        broker.publish(topic, "OFF", retain=True)
        assert (await get(heard, "#"))["error"]["code"] == "rejected"
        await until(lambda: topic not in broker.retained)
    assert hub.commands == []


async def test_without_commands_each_is_refused_and_a_retained_one_cleared(broker: FakeBroker, clock: FakeClock) -> None:
    topic = f"{ROOT}/zm/1/set/armed"
    broker.publish(topic, "OFF", retain=True)
    hub = FakeHub()
    heard = broker.listen(f"{ROOT}/ack")
    async with running(make(broker, clock, config={"commands": "none"}), hub):
        assert (await get(heard, "#"))["result"] == "refused"
        await until(lambda: topic not in broker.retained)
        broker.publish(topic, "OFF")
        assert (await get(heard, "#"))["result"] == "refused"
    assert hub.commands == []


async def test_subscriptions_that_are_refused_are_told_and_the_rest_runs(
    clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    hub = FakeHub()
    denied = (f"{DISCOVERY}/+/config", f"{ROOT}/+/+/set/+", f"{ROOT}/replay")
    async with FakeBroker(faults=Faults(denied=denied)) as broker, running(make(broker, clock), hub):
        await settled(broker, hub)
        assert broker.retained[f"{ROOT}/status"] == b"online"
        health = read(broker, f"{ROOT}/health")
        assert health["problem"] is True
        assert f"{ROOT}/replay, {ROOT}/+/+/set/+" in health["detail"]
        hub.fares = BridgeState(problem="the disk is full")
        hub.set_system(load=1.0)
        await until(lambda: read(broker, f"{ROOT}/health")["detail"].startswith("the disk is full; the MQTT broker refuses"))
        broker.core.drop(await broker.client())
        await until(lambda: len(broker.seen.connects) == 2 and hub.subscribers == 1, clock)
    for each in denied[1:]:
        assert caplog.text.count(f"refused the subscription to {each}: ") == 1
    assert "leftovers there can't be seen" in caplog.text


def jpeg(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.effect_noise((width, height), 64).convert("RGB").save(out, "JPEG", quality=90)
    return out.getvalue()


async def test_a_replay_brings_the_pictures_too(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub()
    hub.pictures = {"1": jpeg(320, 240)}
    topic = f"{ROOT}/zm/1/snapshot"
    async with running(make(broker, clock, config={"snapshots": True}), hub):
        await settled(broker, hub)
        hub.record(1, type_=MessageType.MEDIA, snapshot_ready=True)
        await until(lambda: topic in broker.retained, clock, step_s=0.02)
        broker.publish(topic, retain=True)
        broker.publish(f"{ROOT}/replay", "please")
        await until(lambda: topic in broker.retained, clock, step_s=0.02)


async def test_the_newest_picture_is_retained(broker: FakeBroker, clock: FakeClock) -> None:
    hub = FakeHub()
    hub.pictures = {"1": jpeg(1920, 1080), "2": jpeg(320, 240)}
    topic = f"{ROOT}/zm/1/snapshot"
    async with running(make(broker, clock, config={"snapshots": True}), hub):
        await settled(broker, hub)
        hub.record(1)
        await clock.advance(1)
        assert hub.asked_pictures == [], "there is no picture yet"
        hub.record(1, type_=MessageType.MEDIA, snapshot_ready=True)
        await until(lambda: topic in broker.retained, clock, step_s=0.02)
        with Image.open(io.BytesIO(broker.retained[topic])) as picture:
            assert picture.size == (1280, 720)
        hub.record(2, type_=MessageType.END, end=START)
        await until(lambda: broker.retained[topic] == hub.pictures["2"], clock, step_s=0.02)
        assert len(broker.clients) == 2
        broker.core.drop(next(client for client in broker.clients if client.endswith("_media")))
        hub.pictures["3"] = jpeg(320, 200)
        hub.record(3, type_=MessageType.END, end=START)
        await until(lambda: broker.retained[topic] == hub.pictures["3"], clock, step_s=0.02)
    await until(lambda: not broker.clients)
    assert system_state().available
