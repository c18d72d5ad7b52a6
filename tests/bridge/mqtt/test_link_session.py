"""A link that goes on with a session: what waits comes whole and in order, and what was not safe yet comes again."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.fakes.broker import ONLY_3_1_1, FakeBroker
from tests.fakes.clock import FakeClock

from vms_bridge.clock import SystemClock
from vms_bridge.demo.broker import BrokerLimits
from vms_bridge.demo.packets import Acknowledgement, Kind, Ping
from vms_bridge.demo.properties import Property
from vms_bridge.errors import BrokerError
from vms_bridge.mqtt.config import MqttConfig
from vms_bridge.mqtt.dialect import Dialect
from vms_bridge.mqtt.link import Link
from vms_bridge.mqtt.link_client import WINDOW
from vms_bridge.mqtt.link_inbox import Inbox
from vms_bridge.mqtt.wire import Filter, Message

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from vms_bridge.clock import Clock

COMMANDS = Filter(topic="c/+", qos=1)


async def connect(
    broker: FakeBroker, *, clock: Clock | None = None, session_s: int = 300, dialect: Dialect | None = None
) -> Link:
    config = MqttConfig(url=broker.url)
    return await Link.open(config, client_id="one", clock=clock or SystemClock(), session_s=session_s, dialect=dialect)


@asynccontextmanager
async def running(link: Link) -> AsyncIterator[None]:
    task = asyncio.create_task(link.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


@pytest.fixture
async def broker() -> AsyncIterator[FakeBroker]:
    async with FakeBroker() as one:
        yield one


async def leave(broker: FakeBroker, link: Link) -> None:
    link.abort()
    await broker.until(lambda: "one" in broker.core.absent)


def acknowledged(broker: FakeBroker) -> int:
    return sum(isinstance(packet, Acknowledgement) and packet.kind is Kind.PUBACK for _, packet in broker.seen.packets)


async def test_what_came_before_anybody_listened_is_heard_and_not_lost_by_a_kill(broker: FakeBroker) -> None:
    link = await connect(broker)
    assert not link.session_present
    assert await link.subscribe([COMMANDS]) == []
    await leave(broker, link)
    for number in range(3):
        broker.publish(f"c/{number}", str(number), qos=1)

    killed = await connect(broker)  # between CONNACK and `listen`
    assert killed.session_present
    await broker.until(lambda: broker.core.traffic.sent >= 3)
    await asyncio.sleep(0.02)
    await leave(broker, killed)
    assert (acknowledged(broker), broker.core.absent) == (0, {"one": 3})

    link = await connect(broker)
    await broker.until(lambda: broker.core.traffic.sent >= 6)
    await asyncio.sleep(0.02)
    heard: list[bytes] = []
    link.listen(lambda message: heard.append(message.payload), lambda: None)
    broker.publish("c/3", "3", qos=1)
    await broker.until(lambda: acknowledged(broker) == 4)
    assert heard == [b"0", b"1", b"2", b"3"]
    await link.close()


async def test_who_acknowledges_by_himself_gets_again_what_he_did_not(broker: FakeBroker) -> None:
    link = await connect(broker)
    came: asyncio.Queue[Message] = asyncio.Queue()
    link.listen(came.put_nowait, lambda: None, acknowledges=True)
    await link.subscribe([COMMANDS])
    for number in range(3):
        broker.publish("c/x", str(number), qos=1)
    first, second, _ = [await came.get() for _ in range(3)]
    second.acknowledge()
    await asyncio.sleep(0.02)
    assert acknowledged(broker) == 0, "they are acknowledged in the order in which they came"
    first.acknowledge()
    await broker.until(lambda: acknowledged(broker) == 2)
    await leave(broker, link)
    first.acknowledge()
    link = await connect(broker)
    link.listen(came.put_nowait, lambda: None, acknowledges=True)
    assert (await came.get()).payload == b"2"
    await link.close()


async def test_more_wait_than_the_broker_may_send_at_once(broker: FakeBroker) -> None:
    link = await connect(broker)
    await link.subscribe([COMMANDS])
    await leave(broker, link)
    count = 3 * WINDOW
    for number in range(count):
        broker.publish("c/x", str(number), qos=1)
    link = await connect(broker)
    heard: list[int] = []
    link.listen(lambda message: heard.append(int(message.payload)), lambda: None)
    await broker.until(lambda: acknowledged(broker) == count)
    assert heard == list(range(count))
    await link.close()


async def test_a_handler_that_fails_is_not_given_the_same_again_and_again(
    broker: FakeBroker, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_message: Message) -> None:
        raise ZeroDivisionError

    link = await connect(broker)
    link.listen(fail, lambda: None, acknowledges=True)
    await link.subscribe([COMMANDS])
    broker.publish("c/x", "1", qos=1)
    await broker.until(lambda: acknowledged(broker) == 1)
    assert link.is_open
    assert "a message on c/x could not be handled" in caplog.text
    await link.close()


@pytest.mark.parametrize("forget", [True, False])
async def test_a_goodbye_keeps_the_session_unless_it_is_of_no_use(broker: FakeBroker, *, forget: bool) -> None:
    link = await connect(broker)
    await link.subscribe([COMMANDS])
    await link.close(forget_session=forget)
    await broker.until(lambda: not broker.clients)
    assert list(broker.core.absent) == ([] if forget else ["one"])


async def test_without_a_session_a_link_starts_clean(broker: FakeBroker) -> None:
    await (await connect(broker)).close()
    link = await connect(broker, session_s=0)
    assert not link.session_present
    await link.close()
    await broker.until(lambda: not broker.clients)
    assert broker.core.absent == {}
    first, second = broker.seen.connects
    assert (first.clean, first.properties[Property.SESSION_EXPIRY]) == (False, 300)
    assert second.clean
    assert Property.SESSION_EXPIRY not in second.properties


async def test_an_old_broker_keeps_nothing_which_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    dialect = Dialect()
    with caplog.at_level(logging.INFO):
        async with FakeBroker(limits=ONLY_3_1_1) as broker:
            for _ in range(3):
                link = await connect(broker, dialect=dialect)
                assert not link.session_present
                await link.close(forget_session=True)
            assert [each.clean for each in broker.seen.connects] == [True] * 3
    assert caplog.text.count("keeps commands for the bridge while that is away: they are lost") == 1


async def test_a_broker_that_keeps_sessions_for_less_is_told_of_once(caplog: pytest.LogCaptureFixture) -> None:
    dialect = Dialect()
    with caplog.at_level(logging.INFO):
        async with FakeBroker(limits=BrokerLimits(max_session_expiry_s=20)) as broker:
            for _ in range(2):
                link = await connect(broker, dialect=dialect)
                assert link.session_s == 20
                await link.close()
    assert caplog.text.count("keeps commands for the bridge for 20 s only") == 1


async def test_what_is_left_of_a_messages_time_is_known() -> None:
    clock = FakeClock()
    async with FakeBroker(clock=clock) as broker:
        link = await connect(broker)
        await link.subscribe([COMMANDS])
        await leave(broker, link)
        broker.publish("c/x", "1", qos=1, properties={Property.MESSAGE_EXPIRY: 60})
        broker.publish("c/x", "2", qos=1)
        await clock.advance(10)
        link = await connect(broker)
        came: asyncio.Queue[Message] = asyncio.Queue()
        link.listen(came.put_nowait, lambda: None)
        assert [(await came.get()).expiry_s for _ in range(2)] == [50, None]
        await link.close()


async def test_it_is_alive_when_a_ping_left_that_was_answered(broker: FakeBroker) -> None:
    clock = FakeClock()
    made = clock.moment()
    link = await connect(broker, clock=clock)
    assert link.alive == made
    link.listen(lambda _message: None, lambda: None)
    async with running(link):
        await clock.advance(1.0)
        pinged = clock.moment()
        async with asyncio.timeout(30):
            while link.alive != pinged:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.003)
        broker.faults.silent = True
        await clock.advance(3.0)
        await asyncio.sleep(0.02)
        assert link.alive == pinged, "what nobody answers proves nothing"
        broker.publish("somewhere", "else")
        assert link.is_open
    link.abort()


async def test_a_link_without_a_session_is_not_pinged_so_often(broker: FakeBroker) -> None:
    clock = FakeClock()
    pings: dict[int, int] = {}
    for session_s in (0, 300):
        link = await connect(broker, clock=clock, session_s=session_s)
        link.listen(lambda _message: None, lambda: None)
        broker.seen.packets.clear()
        async with running(link):
            for _ in range(12):
                await clock.advance(1.0)
                await asyncio.sleep(0.02)
        pings[session_s] = sum(isinstance(packet, Ping) for _, packet in broker.seen.packets)
        link.abort()
        await broker.until(lambda: not broker.clients)
    assert pings[0] <= 5
    assert pings[300] >= 8


async def test_a_lost_link_acknowledges_nothing(broker: FakeBroker) -> None:
    link = await connect(broker)
    came: asyncio.Queue[Message] = asyncio.Queue()
    link.listen(came.put_nowait, lambda: None, acknowledges=True)
    await link.subscribe([COMMANDS])
    broker.publish("c/x", "1", qos=1)
    message = await came.get()
    async with running(link):
        broker.core.drop("one")
        await broker.until(lambda: "one" in broker.core.absent)
        with pytest.raises(BrokerError):
            await link.run()
        message.acknowledge()
    assert broker.core.absent == {"one": 1}


@given(order=st.permutations(range(8)), closes_after=st.integers(0, 8))
def test_acknowledgements_keep_the_order_of_the_messages(order: list[int], closes_after: int) -> None:
    told: list[int] = []
    inbox = Inbox(told.append)
    came: list[Message] = []
    inbox.listen(came.append, acknowledges=True)
    for number in range(8):
        inbox.came(Message(topic="t", payload=b"", acknowledge=inbox.receipt(number + 1)), is_safe=False)
    for count, number in enumerate(order):
        if count == closes_after:
            inbox.close()
        came[number].acknowledge()
        came[number].acknowledge()
    assert told == list(range(1, len(told) + 1))
    if closes_after == 8:
        assert len(told) == 8
