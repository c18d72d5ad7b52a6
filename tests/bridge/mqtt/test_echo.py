"""The bridge must not be sent what it publishes itself: with 1,000 monitors that is megabytes at each start."""

from __future__ import annotations

import asyncio

from tests.fakes.broker import FakeBroker
from tests.fakes.clock import FakeClock
from tests.fakes.hub import FakeHub
from tests.fakes.identity import HOME

from vms_bridge.demo.packets import Subscribe, Unsubscribe
from vms_bridge.mqtt.config import MqttConfig
from vms_bridge.mqtt.sink import MqttSink


async def test_a_subscription_is_ended_before_its_options_change() -> None:
    """mosquitto (2.0.11) keeps the options that a subscription began with, against MQTT 5, 3.8.4."""
    async with FakeBroker() as broker:
        config = MqttConfig(url=broker.url, snapshots=False)
        sink = MqttSink(config=config, bridge=HOME, clock=FakeClock())
        task = asyncio.create_task(sink.run(FakeHub(monitors=1)))
        await broker.until(lambda: "vms_bridge/home/zm/1/state" in broker.retained)
        task.cancel()
        await asyncio.wait({task})
    options: dict[str, bool] = {}
    changed: list[str] = []
    for _, packet in broker.seen.packets:
        if isinstance(packet, Unsubscribe):
            for each in packet.filters:
                options.pop(each, None)
        elif isinstance(packet, Subscribe):
            changed += [wish.filter for wish in packet.wishes if options.get(wish.filter, wish.no_local) != wish.no_local]
            options |= {wish.filter: wish.no_local for wish in packet.wishes}
    assert not changed
    assert options["homeassistant/device/vms_bridge_home/+/config"]
