"""Brokers that allow a user one connection: noticed, and everything goes over that one."""

from __future__ import annotations

import asyncio
import io
import logging
from contextlib import asynccontextmanager
from datetime import date
from typing import TYPE_CHECKING

import pytest
from PIL import Image
from tests.fakes.broker import FakeBroker, Faults
from tests.fakes.clock import FakeClock
from tests.fakes.hub import FakeHub
from tests.fakes.identity import HOME

from vms_bridge.demo.broker import BrokerLimits
from vms_bridge.mqtt.company import Company, Connection, known, where
from vms_bridge.mqtt.config import MqttConfig
from vms_bridge.mqtt.sink import MqttSink
from vms_bridge.views import MessageType

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

ROOT = "vms_bridge/home"
TOPIC = f"{ROOT}/zm/1/snapshot"
ONE_EACH = BrokerLimits(user_is_client_id=True)
ONE_EACH_3_1_1 = BrokerLimits(user_is_client_id=True, versions=frozenset({4}))


def jpeg(shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (320, 240), (shade, shade, shade)).save(out, "JPEG")
    return out.getvalue()


def config(broker: FakeBroker) -> MqttConfig:
    return MqttConfig(url=f"mqtt://bridge@127.0.0.1:{broker.port}")


@asynccontextmanager
async def running(broker: FakeBroker, hub: FakeHub, clock: FakeClock) -> AsyncIterator[None]:
    sink = MqttSink(config=config(broker), bridge=HOME, clock=clock, jitter=lambda _low, high: high)
    task = asyncio.create_task(sink.run(hub))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def until(condition: Callable[[], bool], clock: FakeClock, step_s: float = 0.05) -> None:
    async with asyncio.timeout(30):
        while not condition():
            await clock.advance(step_s)
            await asyncio.sleep(0.003)


async def show(broker: FakeBroker, hub: FakeHub, clock: FakeClock, number: int) -> None:
    """Let an event happen, and wait until its picture is there."""
    hub.pictures[str(number)] = jpeg(number)
    hub.record(number, type_=MessageType.MEDIA, snapshot_ready=True)
    await until(lambda: broker.retained.get(TOPIC) == jpeg(number), clock)


async def rest(broker: FakeBroker, clock: FakeClock) -> int:
    """Let a minute pass, and return how many connections were made in it."""
    before, over = len(broker.seen.connects), clock.monotonic() + 60
    await until(lambda: clock.monotonic() >= over, clock, 0.5)
    return len(broker.seen.connects) - before


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("limits", "most"), [(ONE_EACH, 5), (ONE_EACH_3_1_1, 9)])
async def test_two_that_throw_each_other_out_become_one(
    limits: BrokerLimits, most: int, caplog: pytest.LogCaptureFixture
) -> None:
    hub, clock = FakeHub(), FakeClock()
    async with FakeBroker(limits=limits) as broker:
        async with running(broker, hub, clock):
            await until(lambda: hub.subscribers == 1, clock)
            await show(broker, hub, clock, 1)
            await until(lambda: "use_username_as_clientid" in caplog.text, clock)  # its time runs slowly until that is known
            await rest(broker, clock)
            assert len(broker.seen.connects) <= most
            assert await rest(broker, clock) == 0
            await show(broker, hub, clock, 2)
            await until(lambda: broker.retained[f"{ROOT}/status"] == b"online", clock)
            assert broker.clients == {"bridge"}
            await until(lambda: known(hub.memory["connections"], where(config(broker)), clock.now().date()) == 1, clock)
        # Twice where this clock, which is quicker than the network, took both for up over ten of its seconds in between.
        assert caplog.text.count("use_username_as_clientid") <= 2
        before = len(broker.seen.connects)
        async with running(broker, hub, clock):  # it was kept: nobody is thrown out at the next start
            await until(lambda: hub.subscribers == 1, clock)
            await show(broker, hub, clock, 3)
        assert len(broker.seen.connects) == before + 1


async def test_a_broker_that_admits_no_second_one_gets_pictures_too(caplog: pytest.LogCaptureFixture) -> None:
    hub, clock = FakeHub(), FakeClock()
    async with FakeBroker(faults=Faults(most_clients=1)) as broker, running(broker, hub, clock):
        await until(lambda: hub.subscribers == 1, clock)
        await show(broker, hub, clock, 1)
        await show(broker, hub, clock, 2)
        assert len(broker.seen.connects) == 2
        assert caplog.text.count("no second connection for pictures") == 1


async def test_two_that_stand_are_known_to(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    hub, clock = FakeHub(), FakeClock()
    async with FakeBroker() as broker, running(broker, hub, clock):
        await until(lambda: hub.subscribers == 1, clock)
        await show(broker, hub, clock, 1)
        await until(lambda: "connections" in hub.memory, clock, 0.5)
        assert known(hub.memory["connections"], where(config(broker)), clock.now().date()) == 2
    assert "use_username_as_clientid" not in caplog.text


def test_what_was_kept_counts_for_the_same_broker_and_user_and_for_a_month() -> None:
    place, today = "bridge@host:1883", date(2026, 11, 20)
    assert known(f"1 2026-11-20 {place}", place, today) == 1
    assert known(f"2 2026-10-30 {place}", place, today) == 2
    for kept in (
        "1 2026-11-20 other@host:1883",
        f"3 2026-11-20 {place}",
        f"1 2026-10-01 {place}",
        f"1 x {place}",
        "",
        "no",
        None,
    ):
        assert known(kept, place, today) is None


async def test_losses_of_both_prove_nothing(caplog: pytest.LogCaptureFixture) -> None:
    hub, clock = FakeHub(), FakeClock()
    async with FakeBroker() as broker, running(broker, hub, clock):
        for number in range(1, 5):
            await until(lambda: hub.subscribers == 1 and len(broker.clients) >= 1, clock)
            await show(broker, hub, clock, number)
            main, pictures = sorted(broker.clients)
            broker.core.drop(main)
            broker.core.drop(pictures)
            await until(lambda: hub.subscribers == 0, clock)
        await until(lambda: hub.subscribers == 1, clock)
        await show(broker, hub, clock, 5)
        assert len(broker.clients) == 2
    assert "use_username_as_clientid" not in caplog.text


def cut(company: Company, at: float, *, is_up: bool, is_taken_over: bool = False) -> None:
    """Let the main connection be cut at this time, a second after the other one was made."""
    company.opened(Connection.MAIN, at - 2)
    company.opened(Connection.PICTURES, at - 1)
    company.ended(Connection.MAIN, at, is_taken_over=is_taken_over, is_ours=False)
    assert company.is_suspected
    company.judge(is_up=is_up)
    company.ended(Connection.PICTURES, at, is_taken_over=False, is_ours=True)


def test_two_in_a_row_while_the_other_stands_are_no_chance() -> None:
    company = Company()
    cut(company, 10, is_up=True)
    assert not company.is_single(10)
    cut(company, 20, is_up=True)
    assert company.is_single(20)


def test_one_is_enough_where_the_broker_says_so() -> None:
    company = Company()
    cut(company, 10, is_up=True, is_taken_over=True)
    assert company.is_single(10)


def test_losses_of_the_network_prove_nothing() -> None:
    company = Company()
    for at in range(10, 100, 10):
        cut(company, at, is_up=False)
    cut(company, 110, is_up=True)
    cut(company, 120, is_up=False, is_taken_over=True)  # by another bridge, perhaps, which has gone with the network
    cut(company, 130, is_up=True)
    assert not company.is_single(130)


def test_ends_of_another_kind_come_between() -> None:
    company = Company()
    cut(company, 10, is_up=True)
    company.opened(Connection.MAIN, 11)
    company.opened(Connection.PICTURES, 12)
    company.ended(Connection.MAIN, 20, is_taken_over=False, is_ours=False)  # they have stood beside each other
    assert not company.is_suspected
    cut(company, 30, is_up=True)
    company.opened(Connection.MAIN, 31)
    company.opened(Connection.PICTURES, 32)
    company.ended(Connection.MAIN, 33, is_taken_over=False, is_ours=True)  # we gave it up
    assert not company.is_suspected
    cut(company, 40, is_up=True)
    company.opened(Connection.PICTURES, 41)
    company.opened(Connection.MAIN, 42)
    company.ended(Connection.MAIN, 43, is_taken_over=True, is_ours=False)  # it is the newer one itself
    assert not company.is_suspected
    assert not company.is_single(43)


def test_a_refusal_is_believed_for_an_hour() -> None:
    company = Company()
    company.refused("a quota is used up", 0)
    assert company.is_single(3599)
    assert not company.is_single(3601)
