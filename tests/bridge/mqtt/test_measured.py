"""What the MQTT sink measures: how long changes and events take, what waits, and what went wrong."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import pytest
from tests.bridge.mqtt.house import House, until
from tests.fakes.broker import FakeBroker
from tests.fakes.clock import FakeClock

from vms_bridge import metrics
from vms_bridge.measures import Distribution
from vms_bridge.mqtt.counters import Counters

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from vms_bridge.measures import Metric


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with FakeBroker() as broker:
        house = House(broker, FakeClock())
        try:
            yield house
        finally:
            await house.stop()


def values(house: House, metric: Metric) -> dict[tuple[str, ...], float]:
    """Return what is read, by labels: of histograms how many there were."""
    return {
        one.labels: sum(one.value.counts) if isinstance(one.value, Distribution) else one.value
        for one in house.hub.measures.read()
        if one.metric is metric
    }


async def test_changes_and_events_are_timed_until_they_are_handed_on_and_confirmed(house: House) -> None:
    await house.start()
    states = values(house, metrics.SINK_STATES)["mqtt",]
    house.hub.record(1)
    house.hub.set_state("1", score=9)
    await until(lambda: values(house, metrics.SINK_EVENTS) == {("mqtt",): 1}, house.clock)
    await until(lambda: values(house, metrics.SINK_STATES)["mqtt",] > states, house.clock)
    assert values(house, metrics.SINK_CONNECTED) == {("mqtt",): 1}
    assert values(house, metrics.SINK_QUEUE).keys() == {
        ("mqtt", queue) for queue in ("states", "sure_states", "posts", "late_posts", "borrowed", "confirmations")
    }
    assert values(house, metrics.MQTT_UNACKNOWLEDGED).keys() == {()}
    assert values(house, metrics.MQTT_MISHAPS).keys() == {(field.name,) for field in fields(Counters)}


async def test_a_lost_broker_shows_and_is_counted(house: House) -> None:
    await house.start()
    assert values(house, metrics.SINK_LOSSES) == {("mqtt",): 0}
    await house.lose()
    await until(lambda: values(house, metrics.SINK_LOSSES) == {("mqtt",): 1})
    assert values(house, metrics.SINK_CONNECTED) == {("mqtt",): 0}
    assert values(house, metrics.SINK_QUEUE).keys() == {("mqtt", "confirmations")}
    await until(lambda: values(house, metrics.SINK_CONNECTED) == {("mqtt",): 1}, house.clock)
    assert values(house, metrics.SINK_LOSSES) == {("mqtt",): 1}
    await house.stop()
    assert house.hub.measures.read() == [], "who is gone says nothing"
