"""The link against the in-tree broker, its misbehaviours, and servers that are no broker at all."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
import ssl
import struct
from base64 import b64encode
from contextlib import asynccontextmanager
from hashlib import sha1
from typing import TYPE_CHECKING

import pytest
import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer
from pydantic import SecretStr
from tests.fakes.broker import ONLY_3_1_1, RECEIVE_MAXIMUM_1, FakeBroker, Faults
from tests.fakes.clock import FakeClock
from tests.fakes.gate import Gate, pump
from tests.fakes.hub import FakeHub
from tests.fakes.identity import HOME

from vms_bridge.clock import SystemClock
from vms_bridge.demo.broker import BrokerLimits
from vms_bridge.demo.packets import Subscribe
from vms_bridge.demo.properties import Property
from vms_bridge.errors import BrokerRefused, BrokerUnreachable
from vms_bridge.mqtt import reasons
from vms_bridge.mqtt.config import MqttConfig
from vms_bridge.mqtt.dialect import Dialect
from vms_bridge.mqtt.lifeline import FORGOTTEN_S, SILENCE_S
from vms_bridge.mqtt.link import Link
from vms_bridge.mqtt.sink import MqttSink
from vms_bridge.mqtt.wire import Filter, Message, Will

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

CLOCK = SystemClock()


async def connect(url: str, **options: object) -> Link:
    config = MqttConfig(url=url, **options)  # type: ignore[arg-type]  # a test names fields by keyword
    return await Link.open(config, client_id="test", clock=CLOCK, will=Will(topic="will", payload=b"gone"))


async def serve(
    talk: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]], tls: ssl.SSLContext | None = None
) -> asyncio.Server:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        finally:
            writer.close()

    return await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)


def port_of(server: asyncio.Server) -> int:
    port: int = server.sockets[0].getsockname()[1]
    return port


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


@pytest.fixture
async def broker() -> AsyncIterator[FakeBroker]:
    async with FakeBroker() as running:
        yield running


async def test_messages_go_both_ways(broker: FakeBroker) -> None:
    link = await connect(broker.url)
    assert link.is_open
    assert link.is_mqtt5
    came: asyncio.Queue[Message] = asyncio.Queue()
    link.listen(came.put_nowait, lambda: None)
    assert await link.subscribe([Filter(topic="in/#", qos=1)]) == []
    heard = broker.listen("out")
    acked: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    assert link.publish("out", b"1", on_ack=acked.set_result, expiry_s=60, retain=True)
    assert link.publish("out", b"2", correlation=b"c")
    assert link.unacknowledged == 1
    assert await acked == 0
    assert link.unacknowledged == 0
    first, second = await heard.get(), await heard.get()
    assert first.payload == b"1"
    assert first.expires is not None
    assert (second.payload, second.properties[Property.CORRELATION_DATA]) == (b"2", b"c")
    broker.publish("in/x", "hello", properties={Property.RESPONSE_TOPIC: "vms_bridge/me", Property.CORRELATION_DATA: b"7"})
    assert await came.get() == Message(topic="in/x", payload=b"hello", response_topic="vms_bridge/me", correlation=b"7")
    await link.close()
    await broker.until(lambda: not broker.clients)
    assert "will" not in broker.retained, "a clean goodbye keeps the will back"
    with pytest.raises(BrokerUnreachable):
        await link.run()
    assert not link.publish("out", b"3")


async def test_own_messages_are_kept_away_on_request(broker: FakeBroker) -> None:
    link = await connect(broker.url)
    came: asyncio.Queue[Message] = asyncio.Queue()
    link.listen(came.put_nowait, lambda: None)
    await link.subscribe([Filter(topic="a", own=False), Filter(topic="b"), Filter(topic="c", as_published=True)])
    link.publish("a", b"")
    link.publish("b", b"")
    assert (await came.get()).topic == "b"
    broker.publish("c", "x", retain=True)
    assert (await came.get()).retained
    link.unsubscribe(["b"])
    link.unsubscribe([])
    await broker.until(lambda: len(broker.core.subscriptions("test")) == 2)
    await link.close()


async def test_a_dropped_connection_leaves_the_will(broker: FakeBroker) -> None:
    link = await connect(broker.url)
    heard = broker.listen("will")
    link.abort()
    assert (await heard.get()).payload == b"gone"
    assert broker.retained["will"] == b"gone"


async def test_the_broker_ends_it(broker: FakeBroker) -> None:
    link = await connect(broker.url)
    running = asyncio.ensure_future(link.run())
    broker.core.kick(await broker.client("test"), 0x8E)
    with pytest.raises(BrokerUnreachable, match="another client took over") as caught:
        await running
    assert "client_id" in caught.value.hint
    assert not link.publish("a", b"")


async def test_a_torn_connection_is_noticed_while_subscribing(broker: FakeBroker) -> None:
    link = await connect(broker.url)
    broker.faults.drop_after = 1
    with pytest.raises(BrokerUnreachable, match="lost"):
        await link.subscribe([Filter(topic="x")])
    with pytest.raises(BrokerUnreachable):
        await link.subscribe([Filter(topic="x")])
    await link.close()


@pytest.mark.parametrize(
    ("code", "words"),
    [(0x86, "password"), (0x87, "not authorised"), (0x85, "client id"), (0x8A, "banned"), (0x80, "unspecified error")],
)
async def test_refusals_are_explained(broker: FakeBroker, code: int, words: str) -> None:
    broker.faults.refuse = code
    with pytest.raises(BrokerRefused, match=words) as caught:
        await connect(broker.url)
    assert caught.value.hint
    assert str(broker.port) in str(caught.value)


async def test_a_wrong_password_is_refused_and_not_shown() -> None:
    async with FakeBroker(users={"user": "right"}) as broker:
        url = f"mqtt://user@127.0.0.1:{broker.port}"
        with pytest.raises(BrokerRefused) as caught:
            await connect(url, password=SecretStr("wrong-secret"))
        assert "wrong-secret" not in f"{caught.value!r} {caught.value.hint}"
        link = await connect(url, password=SecretStr("right"))
        await link.close()


async def test_an_old_broker_is_spoken_to_in_its_language() -> None:
    async with FakeBroker(limits=ONLY_3_1_1) as broker:
        link = await connect(broker.url)
        assert not link.is_mqtt5
        came: asyncio.Queue[Message] = asyncio.Queue()
        link.listen(came.put_nowait, lambda: None)
        assert await link.subscribe([Filter(topic="a", qos=1, own=False)]) == []
        acked: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        link.publish("a", b"1", expiry_s=60, on_ack=acked.set_result)
        assert await acked == 0
        assert await came.get() == Message(topic="a", payload=b"1")
        await link.close()


async def test_an_old_broker_refuses_in_its_language() -> None:
    async with FakeBroker(limits=ONLY_3_1_1, users={"user": "right"}) as broker:
        with pytest.raises(BrokerRefused, match=r"password|authorised"):
            await connect(f"mqtt://user@127.0.0.1:{broker.port}", password=SecretStr("wrong"))


class Unsteady:
    """A broker behind a proxy: by `script`, one letter a connection, it cuts without a word (c) or hands on (h).

    `cut_5` cuts all connections by MQTT 5, as some old brokers do.
    """

    def __init__(self, port: int, script: str = "", *, cut_5: bool = False) -> None:
        self.script = script
        self._cut_5 = cut_5
        self._relay = Relay(port)
        self.versions: list[int] = []

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        hello = await reader.readexactly(9)
        self.versions.append(hello[8])
        step, self.script = self.script[:1], self.script[1:]
        if step != "c" and not (self._cut_5 and hello[8] == 5):
            await self._relay(reader, writer, hello)


async def try_by(dialect: Dialect, url: str) -> Link | None:
    try:
        return await Link.open(MqttConfig(url=url), client_id="test", clock=CLOCK, dialect=dialect)
    except BrokerUnreachable as error:
        if "without an answer in MQTT" not in str(error):
            raise
        return None


async def test_cut_connections_do_not_cost_mqtt_5(broker: FakeBroker, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    proxy = Unsteady(broker.port, "cchcccccch")
    dialect = Dialect()
    async with await serve(proxy) as server:
        url = f"mqtt://127.0.0.1:{port_of(server)}"
        for script in ("cc", "h", "cccccc", "h"):
            for step in script:
                link = await try_by(dialect, url)
                assert (link is not None) is (step == "h")
                if link is not None:
                    assert link.is_mqtt5
                    await link.close()
    assert set(proxy.versions) == {5}
    assert not caplog.records


async def test_a_refused_login_shows_too_that_the_broker_knows_mqtt_5(broker: FakeBroker) -> None:
    proxy = Unsteady(broker.port, "hccc")
    broker.faults.refuse = 0x86
    dialect = Dialect()
    async with await serve(proxy) as server:
        url = f"mqtt://127.0.0.1:{port_of(server)}"
        with pytest.raises(BrokerRefused):
            await try_by(dialect, url)
        assert [await try_by(dialect, url) for _ in range(3)] == [None] * 3
    assert set(proxy.versions) == {5}


async def test_silences_count_only_in_a_row(broker: FakeBroker) -> None:
    proxy = Unsteady(broker.port, "cccc")
    dialect = Dialect()
    async with await serve(proxy) as server:
        url = f"mqtt://127.0.0.1:{port_of(server)}"
        assert [await try_by(dialect, url) for _ in range(2)] == [None] * 2
        with pytest.raises(BrokerUnreachable, match="refused"):
            await try_by(dialect, f"mqtt://127.0.0.1:{unused_port()}")
        assert [await try_by(dialect, url) for _ in range(2)] == [None] * 2
    assert set(proxy.versions) == {5}


async def test_an_old_broker_that_only_closes_is_spoken_to_in_its_language_after_a_while(
    broker: FakeBroker, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    proxy = Unsteady(broker.port, cut_5=True)
    dialect = Dialect()
    async with await serve(proxy) as server:
        url = f"mqtt://127.0.0.1:{port_of(server)}"
        assert [await try_by(dialect, url) for _ in range(2)] == [None] * 2
        for _ in range(2):
            link = await try_by(dialect, url)
            assert link is not None
            assert not link.is_mqtt5
            await link.close()
    assert proxy.versions == [5, 5, 5, 4, 5, 4]
    (told,) = caplog.records
    assert told.levelno == logging.INFO
    assert "does not answer in MQTT 5" in told.getMessage()


async def test_the_sink_remembers_what_its_links_have_learnt() -> None:
    versions: list[int] = []

    async def talk(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        versions.append((await reader.readexactly(9))[8])

    clock = FakeClock()
    async with await serve(talk) as server:
        config = MqttConfig(url=f"mqtt://127.0.0.1:{port_of(server)}")
        sink = MqttSink(config=config, bridge=HOME, clock=clock)
        running = asyncio.create_task(sink.run(FakeHub()))
        async with asyncio.timeout(30):
            while len(versions) < 6:
                await clock.advance(1.0)
                await asyncio.sleep(0.003)
        running.cancel()
        await asyncio.wait({running})
    assert versions[:6] == [5, 5, 5, 4, 5, 4]


async def test_a_broker_that_has_become_old_is_believed() -> None:
    dialect = Dialect()
    dialect.answered()
    async with FakeBroker(limits=ONLY_3_1_1) as broker:
        link = await try_by(dialect, broker.url)
        assert link is not None
        assert not link.is_mqtt5
        await link.close()


async def test_the_brokers_limits_are_kept() -> None:
    async with FakeBroker(limits=BrokerLimits(receive_maximum=7, max_packet_bytes=1000)) as broker:
        link = await connect(broker.url)
        assert link.window == 7
        assert not link.publish("a", b"x" * 1000)
        assert link.publish("a", b"x" * 900)
        assert link.is_open
        await link.close()


async def test_a_strict_broker_can_be_fed_one_by_one() -> None:
    async with FakeBroker(limits=RECEIVE_MAXIMUM_1, faults=Faults(ack_delay_s=0.01)) as broker:
        link = await connect(broker.url)
        assert link.window == 1
        for _ in range(3):
            acked: asyncio.Future[int] = asyncio.get_running_loop().create_future()
            link.publish("a", b"x", on_ack=acked.set_result)
            assert await acked == 0
        assert link.is_open
        await link.close()


async def test_denied_topics_are_told(broker: FakeBroker) -> None:
    broker.faults.denied = ("no",)
    link = await connect(broker.url)
    assert await link.subscribe([Filter(topic="yes"), Filter(topic="no")]) == ["no"]
    acked: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    link.publish("no", b"x", on_ack=acked.set_result)
    assert await acked == 0x87
    await link.close()


async def test_a_full_socket_is_waited_for(broker: FakeBroker) -> None:
    config = MqttConfig(url=broker.url)
    link = await Link.open(config, client_id="test", clock=CLOCK, send_buffer_bytes=8192)
    writable = asyncio.Event()
    link.listen(lambda _message: None, writable.set)
    broker.core.stall("test")
    count = 0
    while link.is_ready:
        link.publish("big", str(count).encode() * 100_000)
        link.flush()
        count += 1
    assert count < 200, "the kernel's buffers are finite"
    heard = broker.listen("big")
    broker.core.stall("test", stalled=False)
    await asyncio.wait_for(writable.wait(), 30)
    assert [(await heard.get()).payload[:1] for _ in range(count)] == [str(number).encode()[:1] for number in range(count)]
    await link.close()


async def test_a_handler_that_fails_does_not_end_the_link(broker: FakeBroker, caplog: pytest.LogCaptureFixture) -> None:
    link = await connect(broker.url)
    came: asyncio.Queue[Message] = asyncio.Queue()

    def handle(message: Message) -> None:
        if message.payload == b"bad":
            raise KeyError(message.topic)
        came.put_nowait(message)

    link.listen(handle, lambda: None)
    await link.subscribe([Filter(topic="a")])
    broker.publish("a", "bad")
    broker.publish("a", "good")
    assert (await came.get()).payload == b"good"
    assert "could not be handled" in caplog.text
    await link.close()


async def test_a_silent_broker_is_given_up() -> None:
    async with FakeBroker() as broker:
        clock = FakeClock()
        link = await Link.open(MqttConfig(url=broker.url), client_id="test", clock=clock)
        running = asyncio.ensure_future(link.run())
        await asyncio.sleep(0)
        broker.faults.silent = True
        await clock.advance(8.5)
        assert link.is_open
        await clock.advance(1.5)
        with pytest.raises(BrokerUnreachable, match="no sign of life"):
            await running


class Watched:
    """A link on a driven clock: after each second all that is on the sockets has come, seen by a message to itself."""

    def __init__(self, link: Link, clock: FakeClock) -> None:
        self.link, self._clock = link, clock
        self._echo = asyncio.Event()
        self.running = asyncio.ensure_future(link.run())
        link.listen(lambda _message: self._echo.set(), lambda: None)

    @classmethod
    async def open(cls, broker: FakeBroker) -> Watched:
        clock = FakeClock()
        watched = cls(await Link.open(MqttConfig(url=broker.url), client_id="test", clock=clock), clock)
        await watched.link.subscribe([Filter(topic="echo")])
        return watched

    async def second(self) -> bool:
        """Let one pass; say whether the link still stands."""
        await self._clock.advance(1.0)
        if self.link.is_open:
            self._echo.clear()
            self.link.publish("echo", b"")
            async with asyncio.timeout(30):
                await self._echo.wait()
        return self.link.is_open

    async def life_s(self, most_s: int) -> int:
        """Return for how many seconds it still stands."""
        for second in range(most_s):
            if not await self.second():
                return second
        raise AssertionError("the link stands")


async def test_a_broker_that_loses_one_acknowledgement_is_asked_anew(broker: FakeBroker) -> None:
    watched = await Watched.open(broker)
    broker.faults.lose_acks = 1
    acked: asyncio.Queue[str] = asyncio.Queue()
    for topic in ("lost", "acknowledged"):
        watched.link.publish(topic, b"", on_ack=lambda _code, topic=topic: acked.put_nowait(topic))  # type: ignore[misc]
    assert await acked.get() == "acknowledged"
    assert await watched.life_s(30) < FORGOTTEN_S
    with pytest.raises(BrokerUnreachable, match="without acknowledging") as caught:
        await watched.running
    assert "max_queued_messages" in caught.value.hint
    assert watched.link.forgotten == 1
    assert acked.empty()


async def test_a_broker_that_loses_all_acknowledgements_is_asked_anew(broker: FakeBroker) -> None:
    watched = await Watched.open(broker)
    broker.faults.lose_acks = 100
    for number in range(100):
        watched.link.publish(str(number), b"", on_ack=lambda _code: None)
    assert await watched.life_s(30) >= FORGOTTEN_S
    with pytest.raises(BrokerUnreachable, match="without acknowledging"):
        await watched.running
    assert watched.link.forgotten == 100


async def test_so_is_one_that_does_not_answer_its_pings_either(broker: FakeBroker) -> None:
    watched = await Watched.open(broker)
    broker.faults.lose_acks = 100
    broker.faults.lose_pongs = True
    watched.link.publish("lost", b"", on_ack=lambda _code: None)
    for _ in range(60):
        assert await watched.second(), "as long as something comes the link may be slow"
    broker.faults.lose_pongs = False
    await watched.life_s(60)
    with pytest.raises(BrokerUnreachable, match="without acknowledging"):
        await watched.running


async def test_a_broker_that_never_answers_a_subscription_is_asked_anew(broker: FakeBroker) -> None:
    watched = await Watched.open(broker)
    broker.faults.silent = True
    waiting = asyncio.ensure_future(watched.link.subscribe([Filter(topic="a")]))
    await broker.until(lambda: len([1 for _, packet in broker.seen.packets if isinstance(packet, Subscribe)]) == 2)
    broker.faults.silent = False
    await watched.life_s(30)
    for ended in (waiting, watched.running):
        with pytest.raises(BrokerUnreachable, match="without acknowledging"):
            await ended


async def test_a_late_acknowledgement_is_one(broker: FakeBroker) -> None:
    watched = await Watched.open(broker)
    broker.faults.never_ack = True
    acked: asyncio.Queue[int] = asyncio.Queue()
    watched.link.publish("slow", b"", on_ack=acked.put_nowait)
    for _ in range(12):
        assert await watched.second()
    broker.core.release(await broker.client())
    assert await acked.get() == 0
    for _ in range(40):
        assert await watched.second()
    await watched.link.close()
    assert (await asyncio.wait({watched.running}))[0]


@pytest.mark.timeout(60)  # 65,535 messages on a busy machine
async def test_ids_of_what_nobody_acknowledges_mean_nothing() -> None:
    """paho counts QoS 0 and 1 together, and begins anew after 65,535."""
    async with await serve(saying(CONNACK)) as server:
        link = await connect(f"mqtt://127.0.0.1:{port_of(server)}")
        acked: list[int] = []
        link.publish("kept", b"", on_ack=acked.append)
        for _ in range(65_535):
            link.publish("passing", b"")
        while not link.is_ready:
            link.flush()
            await asyncio.sleep(0)
        assert acked == []
        assert link.unacknowledged == 1
        link.abort()


async def test_a_slow_link_that_moves_is_not_ended() -> None:
    """A server that reads a little each second, and answers the ping when it gets there."""
    loop = asyncio.get_running_loop()
    clock = FakeClock()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        server.setblocking(False)
        config = MqttConfig(url=f"mqtt://127.0.0.1:{server.getsockname()[1]}")
        opening = asyncio.ensure_future(Link.open(config, client_id="test", clock=clock))
        peer, _ = await loop.sock_accept(server)
        with peer:
            peer.setblocking(False)
            await loop.sock_recv(peer, 1000)
            await loop.sock_sendall(peer, CONNACK)
            link = await opening
            running = asyncio.ensure_future(link.run())
            size = 600_000
            link.publish("big", bytes(size))
            link.flush()
            read = 0
            while read < size:
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                read += len(await loop.sock_recv(peer, 10_000))
                await clock.advance(1.0)
                assert link.is_open, f"after {clock.monotonic() - 1000:.0f} s"
            assert clock.monotonic() - 1000 > 5 * SILENCE_S
            for _ in range(int(2 * SILENCE_S)):  # now it has all, and says nothing
                await clock.advance(1.0)
            with pytest.raises(BrokerUnreachable, match="no sign of life"):
                await running


async def test_who_slept_does_not_blame_the_broker(broker: FakeBroker) -> None:
    class Sleepy(FakeClock):
        late = 0.0

        def monotonic(self) -> float:
            return super().monotonic() + self.late

    clock = Sleepy()
    link = await Link.open(MqttConfig(url=broker.url), client_id="test", clock=clock)
    running = asyncio.ensure_future(link.run())
    await asyncio.sleep(0)
    clock.late = 3600.0
    await clock.advance(1.0)
    assert link.is_open
    await link.close()
    with pytest.raises(BrokerUnreachable):
        await running


async def test_nobody_listens() -> None:
    with pytest.raises(BrokerUnreachable, match="connection refused") as caught:
        await connect(f"mqtt://127.0.0.1:{unused_port()}")
    assert "running" in caught.value.hint


async def test_no_such_host() -> None:
    with pytest.raises(BrokerUnreachable, match=r"there is no host 'broker\.invalid'"):
        await connect("mqtt://broker.invalid")


async def close_at_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    del writer


async def answer_in_http(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


async def answer_nonsense(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.write(b"\x20\x01\x00" + b"\xff" * 20)
    await writer.drain()


@pytest.mark.parametrize("talk", [close_at_once, answer_in_http, answer_nonsense])
async def test_what_is_no_broker_is_said_to_be_none(talk: Talk) -> None:
    async with await serve(talk) as server:
        with pytest.raises(BrokerUnreachable, match="without an answer in MQTT") as caught:
            await connect(f"mqtt://127.0.0.1:{port_of(server)}")
        assert "mqtts" in caught.value.hint


def saying(*packets: bytes) -> Talk:
    """A server that answers the hello by this, and then listens."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(b"".join(packets))
        await reader.read()

    return talk


CONNACK = bytes.fromhex("2003 00 00 00")


@pytest.mark.parametrize(
    ("property_", "words"), [("2500", "retained messages"), ("2400", "QoS 1"), ("2800", "subscriptions with wildcards")]
)
async def test_a_broker_that_lacks_what_is_needed_is_refused(property_: str, words: str) -> None:
    async with await serve(saying(bytes.fromhex(f"2005 00 00 02 {property_}"))) as server:
        with pytest.raises(BrokerRefused, match=words) as caught:
            await connect(f"mqtt://127.0.0.1:{port_of(server)}")
        assert "can't do without" in caught.value.hint or "Allow" in caught.value.hint


async def test_a_topic_that_is_no_text_is_passed_over() -> None:
    bad, good = bytes.fromhex("3006 0002 fffe 00 31"), bytes.fromhex("3005 0001 61 00 32")
    came: asyncio.Queue[Message] = asyncio.Queue()
    ready = asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1000)
        writer.write(CONNACK)
        await ready.wait()
        writer.write(bad + good)
        await reader.read()

    async with await serve(talk) as server:
        link = await connect(f"mqtt://127.0.0.1:{port_of(server)}")
        link.listen(came.put_nowait, lambda: None)
        ready.set()
        assert await came.get() == Message(topic="a", payload=b"2")
        assert came.empty()
        await link.close()


@pytest.mark.parametrize(
    "packet", ["3005 0001 61 05 ff", "3003 0010 61", "30ffffffff7f", "4003 0001 ff", "9004 0001 02 26 00", "f000"]
)
async def test_nonsense_in_the_middle_ends_the_link(packet: str) -> None:
    async with await serve(saying(CONNACK, bytes.fromhex(packet))) as server:
        link = await connect(f"mqtt://127.0.0.1:{port_of(server)}")
        with pytest.raises(BrokerUnreachable, match=r"is lost: (protocol error|it sent something that is not MQTT)"):
            await link.run()


async def test_a_goodbye_that_nobody_takes_is_short(broker: FakeBroker) -> None:
    clock = FakeClock()
    link = await Link.open(MqttConfig(url=broker.url), client_id="test", clock=clock, send_buffer_bytes=8192)
    broker.core.stall("test")
    for _ in range(30):  # more than the kernel's buffers take
        assert link.publish("big", bytes(900_000))
    began = clock.monotonic()
    closing = asyncio.create_task(link.close())
    async with asyncio.timeout(30):
        while not closing.done():
            assert clock.monotonic() < began + 1.5
            await clock.advance(0.1)
            await asyncio.sleep(0.003)
    assert not link.is_open
    broker.core.stall("test", stalled=False)
    await broker.until(lambda: not broker.clients)


async def test_tls_to_a_plain_port() -> None:
    async with await serve(answer_in_http) as server:
        with pytest.raises(BrokerRefused, match="does not speak TLS"):
            await connect(f"mqtts://127.0.0.1:{port_of(server)}")


async def test_websockets_to_a_plain_port() -> None:
    async with await serve(answer_in_http) as server:
        with pytest.raises(BrokerUnreachable, match="WebSocket") as caught:
            await connect(f"ws://127.0.0.1:{port_of(server)}/path")
        assert "path" in caught.value.hint


class Relay:
    """Between a client and a broker, as a reverse proxy is; it may have read the `first` bytes already."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, first: bytes = b"") -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._port)
        inner_writer.write(first)

        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_tls(authority: trustme.CA, name: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


async def test_tls_with_a_client_certificate(broker: FakeBroker, authority: trustme.CA, tmp_path: Path) -> None:
    tls = server_tls(authority)
    tls.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(tls)
    own = authority.issue_cert("bridge@example.org")
    ca, certificate, key = tmp_path / "ca.pem", tmp_path / "cert.pem", tmp_path / "key.pem"
    authority.cert_pem.write_to_path(str(ca))
    own.cert_chain_pems[0].write_to_path(str(certificate))
    own.private_key_pem.write_to_path(str(key))
    async with await serve(Relay(broker.port), tls) as server:
        link = await connect(f"mqtts://127.0.0.1:{port_of(server)}", ca_file=ca, client_certificate=certificate, client_key=key)
        came: asyncio.Queue[Message] = asyncio.Queue()
        link.listen(came.put_nowait, lambda: None)
        await link.subscribe([Filter(topic="a")])
        for number in range(100):  # many records at once: what TLS has decrypted already must not lie about
            broker.publish("a", str(number))
        assert [(await came.get()).payload for _ in range(100)] == [str(number).encode() for number in range(100)]
        await link.close()
        await broker.until(lambda: not broker.clients)


@asynccontextmanager
async def websocket_to(port: int, gate: Gate | None = None) -> AsyncIterator[str]:
    """A WebSocket server in front of a broker; it is slow to read what is large."""

    async def handle(request: web.Request) -> web.StreamResponse:
        if gate is not None and (refusal := gate.refuses(request)) is not None:
            return refusal
        client = web.WebSocketResponse(protocols=("mqtt",), max_msg_size=0)
        await client.prepare(request)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)

        async def down() -> None:
            while data := await reader.read(65536):
                await client.send_bytes(data)
            await client.close()

        back = asyncio.create_task(down())
        try:
            async for message in client:
                writer.write(message.data)
                await writer.drain()
        finally:
            writer.close()
            back.cancel()
            await asyncio.wait({back})
        return client

    application = web.Application()
    application.router.add_get("/mqtt", handle)
    async with TestServer(application) as server:
        yield f"ws://127.0.0.1:{server.port}"


async def test_websockets_carry_what_does_not_fit_at_once(broker: FakeBroker) -> None:
    async with websocket_to(broker.port) as url:
        link = await Link.open(MqttConfig(url=url), client_id="test", clock=CLOCK, send_buffer_bytes=4096)
        came: asyncio.Queue[Message] = asyncio.Queue()
        link.listen(came.put_nowait, lambda: None)
        await link.subscribe([Filter(topic="in")])
        heard = broker.listen("out")
        big = [bytes([number]) * 700_000 for number in range(3)]
        for payload in big:
            assert link.publish("out", payload)
        link.flush()
        assert not link.is_ready, "the kernel can't have taken all of it"
        link.publish("out", b"small")
        assert [(await heard.get()).payload for _ in range(4)] == [*big, b"small"]
        for number in range(50):
            broker.publish("in", str(number))
        assert [(await came.get()).payload for _ in range(50)] == [str(number).encode() for number in range(50)]
        await link.close()
        await broker.until(lambda: not broker.clients)


async def test_a_proxy_before_the_broker_that_wants_a_login(broker: FakeBroker) -> None:
    async with websocket_to(broker.port, Gate("basic")) as url:
        link = await connect(url, http_username="proxy", http_password=SecretStr("sésame:1"))
        await link.close()
        with pytest.raises(BrokerUnreachable, match="WebSocket") as caught:
            await connect(url)
        assert "http_username:" in caught.value.hint
        await broker.until(lambda: not broker.clients)


async def test_a_websocket_that_breaks_in_the_middle_of_a_frame_ends_the_link() -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"ws://127.0.0.1:{server.getsockname()[1]}"
        opening = asyncio.ensure_future(Link.open(MqttConfig(url=url), client_id="test", clock=CLOCK, send_buffer_bytes=4096))
        peer, _ = await loop.sock_accept(server)
        peer.setblocking(False)
        (key,) = re.findall(rb"Sec-Websocket-Key: (\S+)", await loop.sock_recv(peer, 10_000), re.IGNORECASE)
        accept = b64encode(sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11", usedforsecurity=False).digest())
        answer = (
            b"HTTP/1.1 101 Switching Protocols",
            b"Upgrade: websocket",
            b"Connection: Upgrade",
            b"Sec-WebSocket-Accept: " + accept,
        )
        await loop.sock_sendall(peer, b"\r\n".join((*answer, b"Sec-WebSocket-Protocol: mqtt", b"", b"")))
        await loop.sock_sendall(peer, bytes((0x82, len(CONNACK))) + CONNACK)
        link = await opening
        link.publish("big", b"x" * 5_000_000)
        link.flush()
        assert not link.is_ready, "the kernel can't have taken all of it"
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        link.flush()
        assert not link.is_open
        with pytest.raises(BrokerUnreachable, match="is lost"):
            await link.run()


async def test_an_unknown_authority_is_not_trusted(broker: FakeBroker, authority: trustme.CA) -> None:
    async with await serve(Relay(broker.port), server_tls(authority)) as server:
        with pytest.raises(BrokerRefused, match="can't be verified") as caught:
            await connect(f"mqtts://127.0.0.1:{port_of(server)}")
        assert "ca_file" in caught.value.hint


async def test_another_hosts_certificate_is_not_trusted(broker: FakeBroker, authority: trustme.CA, tmp_path: Path) -> None:
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(ca))
    async with await serve(Relay(broker.port), server_tls(authority, "other.example")) as server:
        with pytest.raises(BrokerRefused, match="can't be verified"):
            await connect(f"mqtts://127.0.0.1:{port_of(server)}", ca_file=ca)


async def test_a_missing_file_is_named(broker: FakeBroker, tmp_path: Path) -> None:
    with pytest.raises(BrokerRefused, match=r"nothing\.pem"):
        await connect(f"mqtts://127.0.0.1:{broker.port}", ca_file=tmp_path / "nothing.pem")


async def test_a_file_that_is_no_certificate(broker: FakeBroker, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pem"
    bad.write_text("this is none")
    with pytest.raises(BrokerRefused, match="no TLS") as caught:
        await connect(f"mqtts://127.0.0.1:{broker.port}", ca_file=bad)
    assert "ca_file" in caught.value.hint


async def test_an_abandoned_attempt_closes_its_socket(broker: FakeBroker) -> None:
    attempt = asyncio.ensure_future(connect(broker.url))
    await asyncio.sleep(0)
    attempt.cancel()
    with pytest.raises(asyncio.CancelledError):
        await attempt
    await broker.until(lambda: not broker.clients)


@pytest.mark.parametrize(
    ("reason", "words", "remedy"),
    [
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "certificate required", "client_certificate"),
        ("WRONG_VERSION_NUMBER", "does not speak TLS", "8883"),
        ("KEY_VALUES_MISMATCH", "key values mismatch", "client_key"),
    ],
)
def test_failures_of_tls_are_explained(reason: str, words: str, remedy: str) -> None:
    error = ssl.SSLError(1, reason)
    error.reason = reason
    told = reasons.connect_failure("broker:8883", MqttConfig(url="mqtts://broker"), error)
    assert isinstance(told, BrokerRefused)
    assert words in str(told)
    assert remedy in told.hint


def test_a_host_that_does_not_answer_is_explained() -> None:
    told = reasons.connect_failure("broker:1883", MqttConfig(url="mqtt://broker"), TimeoutError())
    assert "no answer in time" in str(told)
    assert "firewall" in told.hint
