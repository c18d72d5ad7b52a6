"""Sessions of the embedded broker: what a client gets that comes back, and for how long."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties as PahoProperties
from tests.bridge.demo.conftest import RawClient, packet
from tests.fakes.broker import FakeBroker
from tests.fakes.clock import FakeClock

from vms_bridge.demo.broker import BrokerLimits
from vms_bridge.demo.packets import MQTT_3_1_1, MQTT_5, Kind, Publish, parse
from vms_bridge.demo.properties import Properties, Property, Reason

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

FIVE_MINUTES: Properties = {Property.SESSION_EXPIRY: 300}


@contextlib.asynccontextmanager
async def connected(
    broker: FakeBroker, *, clean: bool = False, present: bool, expiry_s: int = 300, window: int = 100
) -> AsyncIterator[RawClient]:
    async with RawClient(broker.port) as client:
        properties: Properties = {Property.SESSION_EXPIRY: expiry_s, Property.RECEIVE_MAXIMUM: window}
        connack = await client.connect("c", clean=clean, properties=properties)
        assert connack[0] == present
        yield client


async def received(client: RawClient) -> tuple[bytes, int, bool]:
    """Return payload, packet id and whether it is marked as a repetition."""
    first, body = await client.receive()
    message = parse(first, body, client.version)
    assert isinstance(message, Publish)
    return message.message.payload, message.packet_id, bool(first & 8)


async def acknowledge(client: RawClient, packet_id: int) -> None:
    client.send(packet(Kind.PUBACK << 4, packet_id.to_bytes(2, "big")))
    await client.ping()


async def away(broker: FakeBroker) -> None:
    await broker.until(lambda: "c" in broker.core.absent)


async def test_what_comes_meanwhile_waits(broker: FakeBroker) -> None:
    async with connected(broker, present=False) as client:
        await client.subscribe("a/+")
    await away(broker)
    broker.publish("a/1", b"one", qos=1)
    broker.publish("a/1", b"gone", qos=0)
    broker.publish("a/2", b"two", qos=1, retain=True)
    broker.publish("b", b"other", qos=1)
    assert broker.core.absent == {"c": 2}
    assert broker.core.subscriptions("c") == {"a/+"}
    async with connected(broker, present=True) as client:
        assert [(await received(client))[::2] for _ in range(2)] == [(b"one", False), (b"two", False)]
        assert broker.core.absent == {}
        broker.publish("a/3", b"three", qos=1)
        assert (await received(client))[0] == b"three"


async def test_what_was_not_acknowledged_comes_again_first_and_under_its_id(broker: FakeBroker) -> None:
    async with connected(broker, present=False, window=2) as client:
        await client.subscribe("a")
        for payload in (b"1", b"2", b"3"):
            broker.publish("a", payload, qos=1)
        first, second = await received(client), await received(client)
        await acknowledge(client, second[1])
        third = await received(client)
        assert (first[0], second[0], third[0]) == (b"1", b"2", b"3")
    await away(broker)
    broker.publish("a", b"4", qos=1)
    async with connected(broker, present=True, window=1) as client:
        assert await received(client) == (b"1", first[1], True)
        await client.ping()
        await acknowledge_only(client, first[1])
        again = await received(client)
        assert again[0] == b"3"
        await acknowledge_only(client, again[1])
        assert (await received(client))[0] == b"4"


async def acknowledge_only(client: RawClient, packet_id: int) -> None:
    client.send(packet(Kind.PUBACK << 4, packet_id.to_bytes(2, "big")))


async def test_another_connection_of_the_client_takes_the_session_over(broker: FakeBroker) -> None:
    async with connected(broker, present=False) as old:
        await old.subscribe("a")
        broker.publish("a", b"1", qos=1)
        await received(old)
        async with connected(broker, present=True) as new:
            assert (await old.expect(Kind.DISCONNECT))[0] == Reason.SESSION_TAKEN_OVER
            assert (await received(new))[::2] == (b"1", True)
            await old.expect_end()
            assert broker.clients == {"c"}


async def test_a_clean_start_ends_the_session(broker: FakeBroker) -> None:
    async with connected(broker, present=False) as client:
        await client.subscribe("a")
    await away(broker)
    broker.publish("a", b"1", qos=1)
    async with connected(broker, present=False, clean=True) as client:
        await client.ping()
        assert broker.core.subscriptions("c") == frozenset()


async def test_a_session_expires() -> None:
    clock = FakeClock()
    async with FakeBroker(clock=clock) as broker:
        async with connected(broker, present=False, expiry_s=5) as client:
            await client.subscribe("a")
        await away(broker)
        broker.publish("a", b"1", qos=1)
        await clock.advance(6)
        assert broker.core.absent == {}
        async with connected(broker, present=False) as client:
            await client.ping()


async def test_a_message_expires_that_waits() -> None:
    clock = FakeClock()
    async with FakeBroker(clock=clock) as broker:
        async with connected(broker, present=False) as client:
            await client.subscribe("a")
        await away(broker)
        broker.publish("a", b"short", qos=1, properties={Property.MESSAGE_EXPIRY: 5})
        broker.publish("a", b"long", qos=1, properties={Property.MESSAGE_EXPIRY: 50})
        await clock.advance(10)
        async with connected(broker, present=True) as client:
            first, body = await client.receive()
            message = parse(first, body, MQTT_5)
            assert isinstance(message, Publish)
            assert (message.message.payload, message.message.properties[Property.MESSAGE_EXPIRY]) == (b"long", 40)


async def test_a_farewell_may_end_the_session(broker: FakeBroker) -> None:
    async with connected(broker, present=False) as client:
        await client.subscribe("a")
        client.send(packet(0xE0, b"\0\5\x11\0\0\0\0"))
        await client.expect_end()
    await broker.until(lambda: not broker.clients)
    assert broker.core.absent == {}


async def test_who_wants_no_session_has_none(broker: FakeBroker) -> None:
    async with connected(broker, present=False, expiry_s=0) as client:
        await client.subscribe("a")
    await broker.until(lambda: not broker.clients)
    assert broker.core.absent == {}


async def test_a_broker_may_keep_sessions_for_less_time_or_fewer_messages(broker: FakeBroker) -> None:
    limits = BrokerLimits(max_session_expiry_s=7, max_queued_messages=2)
    async with FakeBroker(limits=limits) as other:
        async with RawClient(other.port) as client:
            connack = await client.connect("c", clean=False, properties=FIVE_MINUTES)
            assert b"\x11\0\0\0\7" in connack
            await client.subscribe("a")
        await away(other)
        for number in range(5):
            other.publish("a", str(number), qos=1)
        assert other.core.absent == {"c": 2}
        other.core.forget_session("c")
        async with connected(other, present=False) as client:
            await client.ping()
    async with RawClient(broker.port) as client:
        assert b"\x11" not in await client.connect("c", properties=FIVE_MINUTES)


async def test_an_old_client_has_a_session_until_it_wants_none(broker: FakeBroker) -> None:
    async with RawClient(broker.port, MQTT_3_1_1) as client:
        assert (await client.connect("c", clean=False))[0] == 0
        await client.subscribe("a")
    await away(broker)
    broker.publish("a", b"1", qos=1)
    async with RawClient(broker.port, MQTT_3_1_1) as client:
        assert (await client.connect("c", clean=False))[0] == 1
        assert (await received(client))[0] == b"1"


class Paho:
    """A client that keeps its session."""

    def __init__(self, port: int) -> None:
        loop = asyncio.get_running_loop()
        self._loop, self._port = loop, port
        self.got: asyncio.Queue[bytes] = asyncio.Queue()
        self.subscribed, self.ended = asyncio.Event(), asyncio.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, "c", protocol=paho.MQTTv5)
        self.client.on_message = self._heard
        self.client.on_subscribe = self._has_subscribed
        self.client.on_disconnect = self._has_ended

    async def start(self) -> None:
        properties = PahoProperties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho has no types here
        properties.SessionExpiryInterval = 300
        await asyncio.to_thread(self.client.connect, "127.0.0.1", self._port, clean_start=False, properties=properties)
        self.client.loop_start()

    async def stop(self) -> None:
        self.client.disconnect()
        await self.ended.wait()
        await asyncio.to_thread(self.client.loop_stop)

    def _heard(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        self._loop.call_soon_threadsafe(self.got.put_nowait, bytes(message.payload))

    def _has_subscribed(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self.subscribed.set)

    def _has_ended(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self.ended.set)


@pytest.mark.parametrize("count", [1, 150])
async def test_paho_agrees(broker: FakeBroker, count: int) -> None:
    first, second = Paho(broker.port), Paho(broker.port)
    async with asyncio.timeout(30):
        await first.start()
        first.client.subscribe("a", qos=1)
        await first.subscribed.wait()
        await first.stop()
        await away(broker)
        for number in range(count):
            broker.publish("a", str(number), qos=1)
        await second.start()
        assert [await second.got.get() for _ in range(count)] == [str(number).encode() for number in range(count)]
        await second.stop()
