"""The embedded broker with misbehaviours and eyes, for everything that speaks MQTT.

`FakeBroker` owns a `Broker`, answers its hooks from the fields of `Faults` (which a test may set at any time) and
lets a test wait for what happens: `until`, `listen`.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from vms_bridge.demo.broker import Broker, BrokerLimits
from vms_bridge.demo.packets import MQTT_3_1_1, Acknowledgement, Message, Ping, Publish, Subscribe
from vms_bridge.demo.properties import Properties, Reason
from vms_bridge.demo.topics import Grant, matches

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from vms_bridge.clock import Clock
    from vms_bridge.demo.packets import Connect, Packet

ONLY_3_1_1 = BrokerLimits(versions=frozenset({MQTT_3_1_1}))
"""A broker that does not know MQTT 5 and says so."""

RECEIVE_MAXIMUM_1 = BrokerLimits(receive_maximum=1)
"""With `Faults(ack_delay_s=...)`: a broker that disconnects (0x93) who has two messages unacknowledged."""

SMALL_PACKETS = BrokerLimits(max_packet_bytes=256 * 1024)
"""A broker that takes no packet above 256 KB, announces it, and disconnects (0x95) who sends one."""


@dataclass(slots=True, kw_only=True)
class Faults:
    """What goes wrong. Filters in `denied` can be neither published nor subscribed to (0x87).

    `lose_acks` is how many of the next acknowledgements are dropped, as mosquitto does while its queue for a client is
    full; with `lose_pongs` answers to pings are, too, and those to `lose_subacks`
    subscriptions. A client beyond `most_clients` is refused (0x97).
    """

    refuse: int = 0
    refuse_times: int | None = None
    silent: bool = False
    never_ack: bool = False
    most_clients: int | None = None
    lose_acks: int = 0
    lose_pongs: bool = False
    lose_subacks: int = 0
    ack_delay_s: float | None = None
    drop_after: int | None = None
    denied: tuple[str, ...] = ()
    stall: bool = False


@dataclass(slots=True)
class Seen:
    """What came in, newest last, bounded."""

    connects: deque[Connect] = field(default_factory=lambda: deque(maxlen=1_000))
    packets: deque[tuple[str, Packet]] = field(default_factory=lambda: deque(maxlen=10_000))

    @property
    def published(self) -> list[Message]:
        """Messages that clients have sent."""
        return [packet.message for _, packet in self.packets if isinstance(packet, Publish)]


class Listener:
    """Hears messages inside the test's own process: no client, no socket."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Message] = asyncio.Queue(maxsize=100_000)

    def deliver(self, message: Message, grant: Grant, *, retained: bool = False) -> None:
        del grant, retained
        self._queue.put_nowait(message)

    async def get(self, topic_filter: str = "#", timeout_s: float = 30.0) -> Message:
        """Return the next message that the filter covers, and skip the others."""
        async with asyncio.timeout(timeout_s):
            while True:
                message = await self._queue.get()
                if matches(topic_filter, message.topic):
                    return message

    def drain(self) -> list[Message]:
        """Return what has come so far."""
        return [self._queue.get_nowait() for _ in range(self._queue.qsize())]


class FakeBroker:
    """`async with FakeBroker(faults=Faults(never_ack=True)) as broker: broker.port, broker.core.kick(...)`."""

    def __init__(
        self,
        *,
        faults: Faults | None = None,
        limits: BrokerLimits | None = None,
        users: Mapping[str, str] | None = None,
        port: int = 0,
        clock: Clock | None = None,
    ) -> None:
        self.faults = faults or Faults()
        self.seen = Seen()
        self.core = Broker(port=port, users=users, limits=limits, hooks=self, clock=clock)
        self.deaf_to_pubacks = False
        """Whether acknowledgements of messages get lost, as they do with a link."""
        self._change = asyncio.Event()
        self._counts: dict[str, int] = {}
        self._listeners: list[Listener] = []

    async def __aenter__(self) -> Self:
        await self.core.__aenter__()
        return self

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.core.__aexit__(exc_type, exc, traceback)

    @property
    def port(self) -> int:
        return self.core.port

    @property
    def url(self) -> str:
        return self.core.url

    @property
    def clients(self) -> frozenset[str]:
        return self.core.clients

    @property
    def retained(self) -> Mapping[str, bytes]:
        return self.core.retained

    def publish(
        self, topic: str, payload: bytes | str = b"", *, qos: int = 0, retain: bool = False, properties: Properties | None = None
    ) -> None:
        """Send a message as if some other client had."""
        data = payload.encode() if isinstance(payload, str) else payload
        self.core.publish(Message(topic=topic, payload=data, qos=qos, retain=retain, properties=dict(properties or {})))

    def listen(self, *filters: str) -> Listener:
        """Hear everything that matches from now on, what is retained first."""
        listener = Listener()
        self._listeners.append(listener)
        for topic_filter in filters or ("#",):
            self.core.attach(listener, topic_filter, Grant(qos=1))
        return listener

    async def until(self, condition: Callable[[], bool], timeout_s: float = 30.0) -> None:
        """Wait until the condition holds; it is tried after everything that happens at the broker."""
        async with asyncio.timeout(timeout_s):
            while not condition():
                self._change.clear()
                await self._change.wait()

    async def client(self, client_id: str | None = None, timeout_s: float = 30.0) -> str:
        """Wait for a client (any, or this one) and return its id."""
        await self.until(lambda: bool(self.clients) if client_id is None else client_id in self.clients, timeout_s)
        return client_id or next(iter(self.clients))

    def admit(self, connect: Connect) -> int:
        self.seen.connects.append(connect)
        self._counts.pop(connect.client_id, None)
        faults = self.faults
        if faults.refuse and (faults.refuse_times is None or faults.refuse_times > 0):
            if faults.refuse_times is not None:
                faults.refuse_times -= 1
            self.changed()
            return faults.refuse
        if faults.most_clients is not None and len(self.clients - {connect.client_id}) >= faults.most_clients:
            self.changed()
            return Reason.QUOTA_EXCEEDED
        if faults.stall:
            asyncio.get_running_loop().call_soon(self._stall, connect.client_id)
        return Reason.SUCCESS

    def receives(self, client_id: str, packet: Packet) -> bool:
        self.seen.packets.append((client_id, packet))
        self._change.set()
        if self.deaf_to_pubacks and isinstance(packet, Acknowledgement):
            return False
        if self.faults.lose_subacks and isinstance(packet, Subscribe):
            self.faults.lose_subacks -= 1
            self.core.subscribe_unanswered(client_id, packet.wishes)
            return False
        if self.faults.silent or (self.faults.lose_pongs and isinstance(packet, Ping)):
            return False
        if self.faults.drop_after is not None and client_id:
            self._counts[client_id] = self._counts.get(client_id, 0) + 1
            if self._counts[client_id] >= self.faults.drop_after:
                self.core.drop(client_id)
                return False
        return True

    def acknowledges(self, client_id: str, publish: Publish) -> bool:
        del publish
        if self.faults.lose_acks:
            self.faults.lose_acks -= 1
            return False
        if self.faults.ack_delay_s is not None and not self.faults.never_ack:
            asyncio.get_running_loop().call_later(self.faults.ack_delay_s, self.core.release, client_id)
            return False
        return not self.faults.never_ack

    def may_publish(self, client_id: str, topic: str) -> bool:
        del client_id
        return not any(matches(denied, topic) for denied in self.faults.denied)

    def may_subscribe(self, client_id: str, topic_filter: str) -> bool:
        del client_id
        return topic_filter not in self.faults.denied

    def changed(self) -> None:
        self._change.set()

    def _stall(self, client_id: str) -> None:
        with contextlib.suppress(KeyError):  # it may have gone in the meantime
            self.core.stall(client_id)
