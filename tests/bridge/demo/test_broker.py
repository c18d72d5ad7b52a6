from __future__ import annotations

import asyncio
import contextlib
import random

import pytest
from tests.bridge.demo.conftest import RawClient, packet, text
from tests.fakes.broker import FakeBroker
from tests.fakes.clock import FakeClock

from vms_bridge.demo.broker import Broker, BrokerLimits
from vms_bridge.demo.packets import MQTT_3_1_1, MQTT_5, Kind, Publish, parse
from vms_bridge.demo.properties import Property, Reason


async def received(client: RawClient) -> Publish:
    first, body = await client.receive()
    message = parse(first, body, client.version)
    assert isinstance(message, Publish)
    return message


async def test_a_message_reaches_who_has_subscribed(broker: FakeBroker, version: int) -> None:
    async with RawClient(broker.port, version) as subscriber, RawClient(broker.port, version) as publisher:
        await subscriber.connect("subscriber")
        assert await subscriber.subscribe("a/+", options=2) == 1
        await publisher.connect("publisher")
        publisher.publish("a/0", b"zero")
        publisher.publish("a/1", b"one", qos=1, packet_id=9)
        assert (await publisher.expect(Kind.PUBACK))[:2] == b"\0\x09"
        publisher.publish("a/2", b"two", qos=2, packet_id=10)
        publisher.publish("a/2", b"two", qos=2, packet_id=10)  # repeated, not delivered again
        for _ in range(2):
            assert (await publisher.expect(Kind.PUBREC))[:2] == b"\0\x0a"
        publisher.send(b"\x62\2\0\x0a")
        await publisher.expect(Kind.PUBCOMP)
        publisher.publish("a/3", b"three")
        got = [await received(subscriber) for _ in range(4)]
        assert [one.message.payload for one in got] == [b"zero", b"one", b"two", b"three"]
        assert [one.message.qos for one in got] == [0, 1, 1, 0]
        assert len({one.packet_id for one in got}) == 3
        assert broker.core.traffic.received == 4
        assert broker.core.traffic.sent == 4
        assert broker.core.subscriptions("subscriber") == {"a/+"}
        unsubscribe = b"\0\5" + (b"\0" if version == MQTT_5 else b"") + text("a/+")
        subscriber.send(packet(0xA2, unsubscribe))
        assert (await subscriber.expect(Kind.UNSUBACK))[:2] == b"\0\5"
        publisher.publish("a/4", b"four")
        await publisher.ping()
        await subscriber.ping()


async def test_properties_travel_with_the_message(broker: FakeBroker) -> None:
    properties = {
        Property.RESPONSE_TOPIC: "answers/1",
        Property.CORRELATION_DATA: b"\1\2",
        Property.CONTENT_TYPE: "application/json",
        Property.USER_PROPERTY: (("k", "v"),),
        Property.MESSAGE_EXPIRY: 60,
    }
    async with RawClient(broker.port) as client:
        await client.connect()
        await client.subscribe("a")
        client.publish("a", b"x", properties=properties)  # type: ignore[arg-type]  # a dict of literals, inferred too narrow
        assert (await received(client)).message.properties == properties


async def test_retained_messages_are_kept_replaced_and_cleared(broker: FakeBroker, version: int) -> None:
    async with RawClient(broker.port, version) as client:
        await client.connect()
        client.publish("a/b", b"1", retain=True)
        client.publish("a/b", b"2", retain=True)
        client.publish("a/c", b"3", retain=True)
        await client.ping()
        assert broker.retained == {"a/b": b"2", "a/c": b"3"}
        await client.subscribe("a/b")
        message = (await received(client)).message
        assert (message.payload, message.retain) == (b"2", True)
        await client.subscribe("#")
        assert {(await received(client)).message.topic for _ in range(2)} == {"a/b", "a/c"}
        client.publish("a/b", b"", retain=True)
        cleared = (await received(client)).message
        assert (cleared.payload, cleared.retain) == (b"", False)
        assert set(broker.retained) == {"a/c"}
        assert broker.core.retained_message("a/b") is None


async def test_subscription_options_of_version_5(broker: FakeBroker) -> None:
    async with RawClient(broker.port) as client:
        await client.connect("me")
        client.publish("kept", b"1", retain=True)
        await client.subscribe("kept", options=1 | 4)  # no local: not even what it has retained itself
        client.publish("kept", b"2", retain=True)
        await client.ping()
        await client.subscribe("kept", options=1 | 1 << 4)  # retained only where the subscription is new: it is not
        await client.subscribe("kept", options=1 | 2 << 4)  # never
        await client.ping()
        await client.subscribe("kept", options=1 | 8)  # retain as published
        assert (await received(client)).message.retain
        client.publish("kept", b"3", retain=True)
        assert (await received(client)).message.retain
        broker.publish("other", b"4", retain=True)
        await client.subscribe("other", options=1 | 1 << 4)
        assert (await received(client)).message.payload == b"4"


@pytest.mark.parametrize(
    ("topic_filter", "reason"),
    [("$share/g/a", Reason.SHARED_SUBSCRIPTIONS_NOT_SUPPORTED), ("a/#/b", Reason.TOPIC_FILTER_NOT_VALID)],
)
async def test_what_cannot_be_subscribed_to_is_refused(broker: FakeBroker, topic_filter: str, reason: Reason) -> None:
    async with RawClient(broker.port) as client:
        await client.connect()
        assert await client.subscribe(topic_filter) == reason


async def test_a_will_is_sent_when_the_client_is_cut_off_but_not_when_it_leaves(broker: FakeBroker, version: int) -> None:
    will = ("status", b"offline", True)
    async with RawClient(broker.port, version) as leaving:
        await leaving.connect("leaving", will=will)
        leaving.send(b"\xe0\0")
        await leaving.expect_end()
    await broker.until(lambda: not broker.clients)
    assert broker.retained == {}
    async with RawClient(broker.port, version) as lost:
        await lost.connect("lost", will=will)
        broker.core.drop("lost")
        await lost.expect_end()
    await broker.until(lambda: broker.retained == {"status": b"offline"})


async def test_a_farewell_can_ask_for_the_will(broker: FakeBroker) -> None:
    async with RawClient(broker.port) as client:
        await client.connect(will=("status", b"offline", False))
        listener = broker.listen("status")
        client.send(b"\xe0\1\4")
        assert (await listener.get()).payload == b"offline"


async def test_a_silent_client_is_cut_off_after_one_and_a_half_keep_alives() -> None:
    clock = FakeClock()
    async with FakeBroker(clock=clock) as broker, RawClient(broker.port) as client, RawClient(broker.port) as other:
        await client.connect("silent", keep_alive_s=10, will=("status", b"offline", True))
        await other.connect("patient")
        await clock.advance(14.9)
        assert broker.clients == {"silent", "patient"}
        await clock.advance(0.6)
        assert (await client.expect(Kind.DISCONNECT))[0] == Reason.KEEP_ALIVE_TIMEOUT
        await client.expect_end()
        assert broker.clients == {"patient"}
        assert broker.retained == {"status": b"offline"}
        await clock.advance(100)
        await other.ping()


async def test_who_never_says_connect_is_cut_off() -> None:
    clock = FakeClock()
    async with FakeBroker(clock=clock) as broker, RawClient(broker.port) as client:
        client.send(b"\x10")
        await broker.until(lambda: bool(broker.core._connections))
        await clock.advance(11)
        await client.expect_end()


async def test_a_second_client_with_the_same_id_takes_over(broker: FakeBroker) -> None:
    async with RawClient(broker.port) as old, RawClient(broker.port) as new:
        await old.connect("same", will=("status", b"offline", False))
        await old.subscribe("a")
        listener = broker.listen("status")
        await new.connect("same")
        assert (await old.expect(Kind.DISCONNECT))[0] == Reason.SESSION_TAKEN_OVER
        await old.expect_end()
        assert (await listener.get()).payload == b"offline"
        await new.ping()
        assert broker.core.subscriptions("same") == frozenset()


async def test_a_client_without_an_id_is_given_one(broker: FakeBroker) -> None:
    async with RawClient(broker.port) as five, RawClient(broker.port, MQTT_3_1_1) as four, RawClient(broker.port, 4) as bad:
        assert bytes((Property.ASSIGNED_CLIENT_ID,)) in await five.connect("")
        await four.connect("")
        assert len(broker.clients) == 2
        bad.send(bad.connect_packet("", clean=False))
        assert await bad.expect(Kind.CONNACK) == b"\0\2"
        await bad.expect_end()


@pytest.mark.parametrize(
    ("user", "reason"), [(("me", "right"), 0), (("me", "wrong"), 0x86), (("you", "right"), 0x86), (None, 0x86)]
)
async def test_passwords(user: tuple[str, str] | None, reason: int) -> None:
    async with FakeBroker(users={"me": "right"}) as broker, RawClient(broker.port) as client:
        client.send(client.connect_packet(user=user))
        assert (await client.expect(Kind.CONNACK))[1] == reason


async def test_enhanced_authentication_is_refused(broker: FakeBroker) -> None:
    async with RawClient(broker.port) as client:
        client.send(client.connect_packet(properties={Property.AUTHENTICATION_METHOD: "SCRAM"}))
        assert (await client.expect(Kind.CONNACK))[1] == Reason.BAD_AUTHENTICATION_METHOD
        await client.expect_end()


async def test_expired_messages_are_not_delivered_and_others_count_down() -> None:
    clock = FakeClock()
    async with FakeBroker(clock=clock) as broker, RawClient(broker.port) as client:
        await client.connect()
        client.publish("long", b"1", retain=True, properties={Property.MESSAGE_EXPIRY: 60})
        client.publish("short", b"2", retain=True, properties={Property.MESSAGE_EXPIRY: 5})
        await client.ping()
        await clock.advance(20)
        await client.subscribe("#")
        message = (await received(client)).message
        assert (message.topic, message.properties) == ("long", {Property.MESSAGE_EXPIRY: 40})
        await clock.advance(60)
        assert broker.retained == {}
        client.publish("long", b"3", retain=True)
        assert (await received(client)).message.payload == b"3"
        await clock.advance(1000)
        assert broker.retained == {"long": b"3"}


async def test_the_clients_window_is_respected(broker: FakeBroker) -> None:
    async with RawClient(broker.port) as client:
        await client.connect(properties={Property.RECEIVE_MAXIMUM: 2})
        await client.subscribe("#")
        for index in range(4):
            broker.publish("a", str(index), qos=1)
        broker.publish("a", "expires", qos=1, properties={Property.MESSAGE_EXPIRY: 0})
        broker.publish("b", "zero")
        got = [await received(client) for _ in range(3)]
        assert [one.message.payload for one in got] == [b"0", b"1", b"zero"]
        await client.ping()  # nothing more
        for one, expected in zip(got[:2], [b"2", b"3"], strict=True):
            client.send(b"\x40\2" + one.packet_id.to_bytes(2, "big"))
            got.append(await received(client))
            assert got[-1].message.payload == expected
        for one in got[-2:]:
            client.send(b"\x40\2" + one.packet_id.to_bytes(2, "big"))
        await client.ping()
        assert broker.core.traffic.dropped == 1


async def test_a_message_too_large_for_the_client_is_not_sent(broker: FakeBroker) -> None:
    async with RawClient(broker.port) as client:
        await client.connect(properties={Property.MAXIMUM_PACKET_SIZE: 100})
        await client.subscribe("#")
        broker.publish("a", b"x" * 200, qos=1)
        broker.publish("a", b"small", qos=1)
        assert (await received(client)).message.payload == b"small"


async def test_a_full_queue_drops_the_newest() -> None:
    async with FakeBroker(limits=BrokerLimits(max_queued_messages=3)) as broker, RawClient(broker.port) as client:
        await client.connect(properties={Property.RECEIVE_MAXIMUM: 1})
        await client.subscribe("#")
        for index in range(5):
            broker.publish("a", str(index), qos=1)
        got = []
        for _ in range(3):
            got.append(await received(client))
            client.send(b"\x40\2" + got[-1].packet_id.to_bytes(2, "big"))
        assert [one.message.payload for one in got] == [b"0", b"1", b"2"]
        await client.ping()
        assert broker.core.traffic.dropped == 2


async def test_a_client_that_does_not_read_costs_its_queue_and_nothing_else() -> None:
    limits = BrokerLimits(max_queued_bytes=1_000_000)
    async with FakeBroker(limits=limits) as broker, RawClient(broker.port) as slow, RawClient(broker.port) as quick:
        await slow.connect("slow")
        await slow.subscribe("#")
        await quick.connect("quick")
        await quick.subscribe("last")
        slow.reader._transport.pause_reading()  # type: ignore[attr-defined]  # asyncio has no public way
        for _ in range(300):
            broker.publish("a", b"x" * 100_000)
            await asyncio.sleep(0)
        broker.publish("last", b"!")
        assert (await received(quick)).message.payload == b"!"
        assert broker.core.traffic.dropped > 100
        slow.reader._transport.resume_reading()  # type: ignore[attr-defined]  # as above
        assert (await received(slow)).message.payload == b"x" * 100_000


async def test_a_client_that_never_reads_its_answers_is_cut_off() -> None:
    clock = FakeClock()
    async with FakeBroker(clock=clock) as broker, RawClient(broker.port) as client:
        await client.connect("pinging")
        broker.core._clients["pinging"].pause_writing()  # as asyncio does when the kernel's buffers are full
        client.send(b"\xc0\0" * 20_001)
        await client.writer.drain()
        await broker.until(lambda: len(broker.seen.packets) == broker.seen.packets.maxlen)
        while broker.clients:
            await clock.advance(0.5)
        await client.expect_end()


async def test_more_connections_than_allowed_are_turned_away() -> None:
    limits = BrokerLimits(max_connections=1)
    async with FakeBroker(limits=limits) as broker, RawClient(broker.port) as one, RawClient(broker.port) as two:
        await one.connect("one")
        await two.expect_end()


async def test_more_retained_topics_than_allowed_are_refused() -> None:
    async with FakeBroker(limits=BrokerLimits(max_retained=1)) as broker, RawClient(broker.port) as client:
        await client.connect()
        client.publish("a", b"1", retain=True)
        client.publish("b", b"1", retain=True, qos=1)
        assert (await client.expect(Kind.PUBACK))[2] == Reason.QUOTA_EXCEEDED


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x10\0", None),
        (b"\x30\x80\x80\x80\x80\x80", Reason.MALFORMED),
        (b"\x36\0", Reason.MALFORMED),
        (b"\xf0\0", Reason.PROTOCOL_ERROR),
        (packet(0x30, text("a") + b"\0" + b"x" * 2_000), Reason.PACKET_TOO_LARGE),
    ],
)
async def test_a_violation_ends_the_connection_with_its_reason(data: bytes, reason: Reason | None) -> None:
    async with FakeBroker(limits=BrokerLimits(max_packet_bytes=1_000)) as broker, RawClient(broker.port) as client:
        await client.connect()
        client.send(data)
        body = await client.expect(Kind.DISCONNECT)
        assert reason is None or body[0] == reason
        await client.expect_end()


async def test_a_second_connect_is_a_violation(broker: FakeBroker) -> None:
    async with RawClient(broker.port) as client:
        await client.connect("twice")
        client.send(client.connect_packet("twice"))
        assert (await client.expect(Kind.DISCONNECT))[0] == Reason.PROTOCOL_ERROR


async def test_garbage_harms_nobody_else(broker: FakeBroker) -> None:
    chance = random.Random(7)  # noqa: S311  # bytes, not secrets
    async with RawClient(broker.port) as good:
        await good.connect("good")
        for _ in range(60):
            async with RawClient(broker.port) as bad:
                if chance.random() < 0.7:
                    await bad.connect("bad")
                with contextlib.suppress(ConnectionError):
                    bad.send(chance.randbytes(chance.randrange(1, 400)))
                    bad.writer.write_eof()
                while (await bad.receive())[0]:
                    pass
        await good.ping()


async def test_packets_may_come_in_single_bytes(broker: FakeBroker) -> None:
    async with RawClient(broker.port) as client:
        for byte in client.connect_packet("slow") + b"\xc0\0":
            client.send(bytes((byte,)))
            await client.writer.drain()
        await client.expect(Kind.CONNACK)
        await client.expect(Kind.PINGRESP)


async def test_a_kicked_client_hears_why(broker: FakeBroker, version: int) -> None:
    async with RawClient(broker.port, version) as client:
        await client.connect("kicked")
        broker.core.kick("kicked")
        if version == MQTT_5:
            assert (await client.expect(Kind.DISCONNECT))[0] == Reason.ADMINISTRATIVE_ACTION
        await client.expect_end()


async def test_its_end_is_told_to_clients_and_frees_the_port() -> None:
    async with Broker() as broker:
        client = RawClient(broker.port)
        await client.__aenter__()
        await client.connect()
        port = broker.port
    assert (await client.expect(Kind.DISCONNECT))[0] == Reason.SERVER_SHUTTING_DOWN
    await client.__aexit__()
    async with Broker(port=port) as again:
        assert again.url == f"mqtt://127.0.0.1:{port}"


def test_it_listens_on_loopback_only() -> None:
    with pytest.raises(ValueError, match="loopback only"):
        Broker("0.0.0.0")  # noqa: S104  # the point of the test
