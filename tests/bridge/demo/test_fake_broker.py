"""The misbehaviours, with paho as the judge: what it reports is what the bridge's link will see."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

import pytest
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions
from tests.bridge.demo.conftest import RawClient
from tests.fakes.broker import ONLY_3_1_1, RECEIVE_MAXIMUM_1, SMALL_PACKETS, FakeBroker, Faults

from vms_bridge.demo.packets import MQTT_3_1_1, Kind, Ping, Publish
from vms_bridge.demo.properties import Property, Reason

if TYPE_CHECKING:
    from paho.mqtt.client import ConnectFlags, DisconnectFlags
    from paho.mqtt.reasoncodes import ReasonCode


class Paho:
    """paho in its own thread; what it hears comes over to the loop as `(what, value)`."""

    def __init__(
        self, broker: FakeBroker, client_id: str = "paho", *, version: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5
    ) -> None:
        self._port = broker.port
        self._loop = asyncio.get_running_loop()
        self.heard: asyncio.Queue[tuple[str, object]] = asyncio.Queue()
        self.messages: asyncio.Queue[MQTTMessage] = asyncio.Queue()
        self.client = Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=version, reconnect_on_failure=False)
        self.client.on_connect = self._on_connect
        self.client.on_disconnect = self._on_disconnect
        self.client.on_publish = self._on_publish
        self.client.on_subscribe = self._on_subscribe
        self.client.on_message = self._on_message

    async def __aenter__(self) -> Self:
        await asyncio.to_thread(self.client.connect, "127.0.0.1", self._port, 30)
        self.client.loop_start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.client.disconnect()
        await asyncio.to_thread(self.client.loop_stop)

    async def next(self, what: str) -> object:
        async with asyncio.timeout(30):
            name, value = await self.heard.get()
            assert name == what, (name, value)
            return value

    def _tell(self, what: str, value: object) -> None:
        self._loop.call_soon_threadsafe(self.heard.put_nowait, (what, value))

    def _on_connect(self, _c: Client, _u: object, _f: ConnectFlags, reason: ReasonCode, _p: Properties | None) -> None:
        self._tell("connect", reason.value)

    def _on_disconnect(self, _c: Client, _u: object, _f: DisconnectFlags, reason: ReasonCode, _p: Properties | None) -> None:
        self._tell("disconnect", reason.value)

    def _on_publish(self, _c: Client, _u: object, _mid: int, reason: ReasonCode, _p: Properties) -> None:
        self._tell("publish", reason.value)

    def _on_subscribe(self, _c: Client, _u: object, _mid: int, reasons: list[ReasonCode], _p: Properties) -> None:
        self._tell("subscribe", [reason.value for reason in reasons])

    def _on_message(self, _c: Client, _u: object, message: MQTTMessage) -> None:
        self._loop.call_soon_threadsafe(self.messages.put_nowait, message)


@pytest.mark.parametrize("protocol", [MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311])
async def test_paho_publishes_and_subscribes(broker: FakeBroker, protocol: MQTTProtocolVersion) -> None:
    async with Paho(broker, version=protocol) as paho:
        assert await paho.next("connect") == 0
        paho.client.subscribe([("a/#", 1), ("b", 0)])
        assert await paho.next("subscribe") == [1, 0]
        for qos in (0, 1, 2):
            paho.client.publish("a/x", b"x" * 100_000, qos=qos)
        for _ in range(3):
            assert len((await paho.messages.get()).payload) == 100_000
        for _ in range(3):
            assert await paho.next("publish") == 0


async def test_paho_gets_the_properties(broker: FakeBroker) -> None:
    async with Paho(broker) as paho:
        await paho.next("connect")
        paho.client.subscribe("a", options=SubscribeOptions(qos=1, retainAsPublished=True))
        await paho.next("subscribe")
        properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho leaves it untyped
        properties.ResponseTopic = "answer"
        properties.CorrelationData = b"7"
        properties.UserProperty = [("k", "v"), ("k", "w")]
        properties.ContentType = "text/plain"
        properties.MessageExpiryInterval = 30
        paho.client.publish("a", b"!", qos=1, retain=True, properties=properties)
        message = await paho.messages.get()
        assert message.retain
        assert message.properties is not None
        assert str(message.properties) == str(properties)


async def test_a_refusal_has_its_reason_and_may_end() -> None:
    async with FakeBroker(faults=Faults(refuse=Reason.NOT_AUTHORISED, refuse_times=1)) as broker:
        async with Paho(broker) as paho:
            assert await paho.next("connect") == Reason.NOT_AUTHORISED
        async with Paho(broker) as paho:
            assert await paho.next("connect") == 0
        assert [connect.client_id for connect in broker.seen.connects] == ["paho", "paho"]


async def test_a_refusal_may_last() -> None:
    async with FakeBroker(faults=Faults(refuse=Reason.SERVER_UNAVAILABLE)) as broker:
        for _ in range(2):
            async with Paho(broker) as paho:
                assert await paho.next("connect") == Reason.SERVER_UNAVAILABLE


async def test_only_3_1_1_is_refused_in_the_old_way() -> None:
    async with FakeBroker(limits=ONLY_3_1_1) as broker:
        async with Paho(broker) as paho:
            assert await paho.next("connect") == Reason.UNSUPPORTED_VERSION
        async with Paho(broker, version=MQTTProtocolVersion.MQTTv311) as paho:
            assert await paho.next("connect") == 0


async def test_a_silent_broker_answers_nothing() -> None:
    async with FakeBroker(faults=Faults(silent=True)) as broker, RawClient(broker.port) as client:
        client.send(client.connect_packet())
        await broker.until(lambda: bool(broker.seen.packets))
        assert not broker.clients


async def test_never_acknowledging_leaves_messages_in_flight() -> None:
    async with FakeBroker(faults=Faults(never_ack=True)) as broker, Paho(broker) as paho:
        await paho.next("connect")
        listener = broker.listen("a")
        first = paho.client.publish("a", b"1", qos=1)
        assert (await listener.get()).payload == b"1"
        assert not first.is_published()
        broker.faults.never_ack = False
        paho.client.publish("a", b"2", qos=1)
        assert await paho.next("publish") == 0
        broker.core.release("paho")
        assert await paho.next("publish") == 0
        await asyncio.to_thread(first.wait_for_publish, 5)  # paho marks it only after its callback
        assert first.is_published()


async def test_dropping_after_some_packets() -> None:
    async with FakeBroker(faults=Faults(drop_after=3)) as broker, RawClient(broker.port) as client:
        await client.connect()
        await client.ping()
        await client.ping()
        client.send(b"\xc0\0")
        await client.expect_end()


async def test_receive_maximum_of_one_is_enforced() -> None:
    async with FakeBroker(limits=RECEIVE_MAXIMUM_1, faults=Faults(ack_delay_s=0.001)) as broker:
        async with RawClient(broker.port) as client:
            assert bytes((Property.RECEIVE_MAXIMUM, 0, 1)) in await client.connect("polite")
            for packet_id in (1, 2, 3):
                client.publish("a", b"x", qos=1, packet_id=packet_id)
                await client.expect(Kind.PUBACK)
        async with Paho(broker, "greedy") as paho:  # paho's window is 20, whatever the broker says
            await paho.next("connect")
            broker.faults.ack_delay_s = 5
            for _ in range(3):
                paho.client.publish("a", b"x", qos=1)
            assert await paho.next("disconnect") == Reason.RECEIVE_MAXIMUM_EXCEEDED


async def test_a_small_packet_limit_is_announced_and_enforced() -> None:
    async with FakeBroker(limits=SMALL_PACKETS) as broker, Paho(broker) as paho:
        await paho.next("connect")
        paho.client.publish("a", b"x" * 300_000, qos=1)
        assert await paho.next("disconnect") == Reason.PACKET_TOO_LARGE


async def test_denied_topics_are_refused_where_the_protocol_can_say_so() -> None:
    async with FakeBroker(faults=Faults(denied=("secret/#",))) as broker:
        async with Paho(broker) as paho:
            await paho.next("connect")
            paho.client.subscribe("secret/#", 1)
            assert await paho.next("subscribe") == [Reason.NOT_AUTHORISED]
            paho.client.publish("secret/x", b"", qos=1)
            assert await paho.next("publish") == Reason.NOT_AUTHORISED
        async with RawClient(broker.port, MQTT_3_1_1) as old:
            await old.connect()
            assert await old.subscribe("secret/#") == 0x80
            old.publish("secret/x", b"", qos=1, packet_id=4)
            assert await old.expect(Kind.PUBACK) == b"\0\4"
        assert broker.core.traffic.received == 0


async def test_a_stalled_broker_leaves_everything_in_the_socket() -> None:
    async with FakeBroker(faults=Faults(stall=True)) as broker, RawClient(broker.port) as client:
        await client.connect("stalled")
        await broker.client("stalled")
        client.send(b"\xc0\0")
        broker.faults.stall = False
        async with RawClient(broker.port) as other:
            await other.connect("other")
            await other.ping()
        assert [who for who, packet in broker.seen.packets if isinstance(packet, Ping)] == ["other"]
        broker.core.stall("stalled", stalled=False)
        await client.expect(Kind.PINGRESP)


async def test_what_came_in_can_be_seen(broker: FakeBroker) -> None:
    async with RawClient(broker.port) as client:
        await client.connect("me")
        client.publish("a", b"1")
        await client.ping()
        assert [message.payload for message in broker.seen.published] == [b"1"]
        assert [type(packet) for _, packet in broker.seen.packets][1:2] == [Publish]
        listener = broker.listen()
        broker.publish("b", "2", qos=1, retain=True)
        assert [message.topic for message in listener.drain()] == ["b"]
        assert broker.url.endswith(str(broker.port))
