"""One connection to the broker, used once: paho on the event loop.

Only this and `link_client` know paho. A link is made by `Link.open`, kept alive by `run` and thrown away when it is lost, so
that no backlog can survive inside the client (docs/decisions/0301-one-link-per-connection.md).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, NoReturn

from paho.mqtt.client import WebsocketConnectionError
from paho.mqtt.enums import MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes

from vms_bridge.concealment import Secrets
from vms_bridge.errors import BrokerError, BrokerUnreachable
from vms_bridge.mqtt import reasons
from vms_bridge.mqtt.dialect import Dialect
from vms_bridge.mqtt.lifeline import PING_S, Lifeline
from vms_bridge.mqtt.link_client import WINDOW, LinkClient, make_client, missing_feature, no_properties, subscribe_options
from vms_bridge.mqtt.link_driver import LinkDriver
from vms_bridge.mqtt.link_inbox import Inbox
from vms_bridge.mqtt.wire import Message
from vms_bridge.threads import in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
    from paho.mqtt.properties import Properties
    from paho.mqtt.reasoncodes import ReasonCode

    from vms_bridge.clock import Clock, Moment
    from vms_bridge.mqtt.config import MqttConfig
    from vms_bridge.mqtt.wire import Filter, Will

_LOGGER = logging.getLogger(__name__)

_CONNECT_S = 10.0
_CLOSE_S = 0.8
_PING_WITH_SESSION_S = 1.0
"""Often, for by that is known after a kill how old what waits may be."""
_OVERHEAD_BYTES = 32
"""More than a PUBLISH's headers and our properties take."""


class _NotUnderstood(Exception):
    """No answer in this version of MQTT: the broker says so (`was_refused`), or has gone, or what came is no MQTT."""

    def __init__(self, *, was_refused: bool = False) -> None:
        super().__init__()
        self.was_refused = was_refused


class Link:
    """An open connection. Everything but `open` belongs to the event loop it was opened on."""

    def __init__(self, client: LinkClient, config: MqttConfig, clock: Clock, dialect: Dialect, *, session_s: int = 0) -> None:
        self._client = client
        self._config = config
        self._clock = clock
        self._dialect = dialect
        self._session_s = session_s
        self._where = _address(config)
        self._secrets = Secrets.of(config)
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._failure: BrokerError | None = None
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._connack = False
        self._acks: dict[int, tuple[Callable[[int], None], int]] = {}
        self._subscriptions: dict[int, asyncio.Future[list[int]]] = {}
        self._expiries: dict[int, Properties] = {}
        self._max_packet_bytes: int | None = None
        self.most_bytes: int | None = None
        """The largest payload that the broker bears, as far as was learnt elsewhere."""
        self._inbox = Inbox(lambda mid: client.ack(mid, 1))
        self._lifeline = Lifeline(clock.monotonic(), ping_s=_PING_WITH_SESSION_S if session_s else PING_S)
        self._driver = LinkDriver(
            client,
            clock,
            self._lifeline,
            on_lost=lambda why: self._end(self._lost(why)),
            on_silence=self._silent,
            on_forgotten=self._forgotten,
            on_garbled=self._garbled,
        )
        self.forgotten = 0
        """For how many answers that never came the link was ended."""
        self.was_given_up = False
        """Whether we have ended it for want of any answer, and not the other side."""
        self.is_taken_over = False
        """Whether the broker has ended it because another connection has come in its place."""
        self.too_large: int | None = None
        """The size of the largest payload on its way when the broker ended the link because one was too large."""
        self.window = WINDOW
        """How many QoS 1 messages may be unacknowledged."""
        self.session_s = 0
        """For how long the broker keeps the session once this link is lost."""
        self.session_present = False
        """Whether the broker has kept a session: what it took for us meanwhile comes over this link, and begins at once."""

    @classmethod
    async def open(
        cls,
        config: MqttConfig,
        *,
        client_id: str,
        clock: Clock,
        will: Will | None = None,
        send_buffer_bytes: int | None = None,
        dialect: Dialect | None = None,
        session_s: int = 0,
    ) -> Link:
        """Connect by MQTT 5, or by 3.1.1 where the broker knows no better. Raises BrokerUnreachable or BrokerRefused.

        With `session_s` the broker is to keep the session for that long after the link is lost; by MQTT 5 only. `dialect` is
        what earlier links have learnt; without it the broker is judged by this one attempt.
        """
        dialect = dialect or Dialect(patience=1)
        for protocol in (MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311):
            link = cls(make_client(config, protocol, client_id, will), config, clock, dialect, session_s=session_s)
            try:
                await link._connect(send_buffer_bytes)
            except _NotUnderstood as failure:
                if not (link.is_mqtt5 and dialect.may_be_old(was_refused=failure.was_refused)):
                    break
            except BrokerError:
                dialect.failed()
                raise
            else:
                link._log_protocol()
                return link
        raise reasons.no_answer(_address(config), config)

    @property
    def is_open(self) -> bool:
        """Whether the connection is up, as far as is known."""
        return not self._ended.is_set()

    @property
    def is_mqtt5(self) -> bool:
        """Whether both sides speak MQTT 5."""
        return self._client.protocol == MQTTProtocolVersion.MQTTv5

    @property
    def is_ready(self) -> bool:
        """Whether the kernel has taken everything so far, so that more may be published."""
        return self._driver.is_ready

    @property
    def unacknowledged(self) -> int:
        """How many QoS 1 messages the broker has not yet acknowledged."""
        return len(self._acks)

    @property
    def alive(self) -> Moment:
        """When it is sure to have been alive: what the broker took before has come, unless it is not acknowledged yet."""
        return self._driver.alive

    def listen(
        self, on_message: Callable[[Message], None], on_writable: Callable[[], None], *, acknowledges: bool = False
    ) -> None:
        """Have these called on the loop: for each message, and whenever everything published has left.

        What came before waits until now. With `acknowledges` each message is to be acknowledged by its receiver.
        """
        self._driver.on_writable = on_writable
        self._inbox.listen(on_message, acknowledges=acknowledges)

    def publish(
        self,
        topic: str,
        payload: bytes,
        *,
        retain: bool = False,
        on_ack: Callable[[int], None] | None = None,
        expiry_s: int | None = None,
        correlation: bytes | None = None,
    ) -> bool:
        """Send a message: QoS 1 with `on_ack`, which gets the broker's reason code, else QoS 0.

        False: the broker would not take it (too large), or the link is lost. It leaves with the next `flush`, at the
        latest in the next turn of the loop.
        """
        if self._ended.is_set() or not self._fits(topic, len(payload) + len(correlation or b"")):
            return False
        properties = self._properties(expiry_s, correlation)
        for _ in range(WINDOW + 1):
            info = self._client.publish(topic, payload, 1 if on_ack else 0, retain, properties)
            if info.rc != MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
                break  # otherwise this message id is still that of an unacknowledged message: take the next
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return False
        if on_ack is not None:
            self._acks[info.mid] = (on_ack, len(payload))
            self._lifeline.asked(info.mid, self._clock.monotonic(), is_ordered=True)
        return True

    def flush(self) -> None:
        """Hand to the kernel what was published, as far as it takes it."""
        self._driver.flush()

    async def subscribe(self, filters: Sequence[Filter]) -> list[str]:
        """Subscribe, and return those that the broker refused once it has answered. Raises BrokerUnreachable."""
        if self.is_mqtt5:
            rc, mid = self._client.subscribe([(each.topic, subscribe_options(each)) for each in filters])
        else:
            rc, mid = self._client.subscribe([(each.topic, each.qos) for each in filters])
        if rc != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise self._failure or self._lost("not connected")
        codes = await self._answer(mid)
        return [each.topic for each, code in zip(filters, codes, strict=False) if code >= 0x80]

    def unsubscribe(self, topics: Sequence[str]) -> None:
        """Ask for no more of these; what is on its way still comes."""
        if topics:
            self._client.unsubscribe(list(topics))

    async def answers(self) -> bool:
        """Wait for the answer to a ping; False if the link is lost before."""
        return self.is_open and await self._driver.ping()

    async def run(self) -> NoReturn:
        """Keep the link alive until it is lost, then raise why (BrokerUnreachable or BrokerRefused)."""
        ticker = asyncio.create_task(self._driver.run(), name="mqtt-keepalive")
        try:
            await self._ended.wait()
        finally:
            ticker.cancel()
            await asyncio.wait({ticker})
        raise self._failure or self._lost("closed")

    async def close(self, *, forget_session: bool = False) -> None:
        """Send what was published and a DISCONNECT (so that the will is not published), for a second at most."""
        if self.is_open:
            self._client.say_goodbye(forget_session=forget_session)
            try:
                async with self._clock.timeout(_CLOSE_S):
                    await self._driver.closed.wait()
            except TimeoutError:
                _LOGGER.debug("the broker took no goodbye in time")
        self.abort()

    def abort(self) -> None:
        """Drop the connection without a goodbye."""
        self._end(self._lost("closed"))

    def _log_protocol(self) -> None:
        """Say once that an old broker is spoken to in its own language, and once what a broker does not keep for us."""
        if not self.is_mqtt5 and not self._dialect.is_old:
            self._dialect.is_old = True
            _LOGGER.info(
                "the MQTT broker at %s does not answer in MQTT 5, so it is spoken to in MQTT 3.1.1, by which it can't say that it"
                " refuses a message%s",
                self._where,
                ", nor keeps commands for the bridge while that is away: they are lost" if self._session_s else "",
            )
        if self.is_mqtt5 and self.session_s < self._session_s and not self._dialect.is_forgetful:
            self._dialect.is_forgetful = True
            _LOGGER.info(
                "the MQTT broker at %s keeps commands for the bridge for %d s only while that is away; those of longer are lost",
                self._where,
                self.session_s,
            )

    async def _connect(self, send_buffer_bytes: int | None) -> None:
        config, client = self._config, self._client
        try:
            async with self._clock.timeout(_CONNECT_S):
                name = f"mqtt-connect-{config.host}"
                await in_thread(name, lambda: client.open(config, self._session_s), abandon=client.drop)
                self._attach(send_buffer_bytes)
                await self._opened
        except BaseException as error:
            self.abort()
            if isinstance(error, OSError | WebsocketConnectionError | ValueError) and not isinstance(error, BrokerError):
                raise reasons.connect_failure(self._where, config, error) from error
            raise

    def _attach(self, send_buffer_bytes: int | None) -> None:
        """Take the connected client over from the thread that connected it."""
        sock = self._client.socket()
        if sock is None:
            raise reasons.no_answer(self._where, self._config)
        client = self._client
        client.tune(send_buffer_bytes)
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_message = self._received
        client.on_subscribe = self._subscribed
        client.on_acknowledged = self._acknowledged
        self._driver.start(sock)

    def _connected(
        self, _client: Client, _data: object, flags: ConnectFlags, reason: ReasonCode, answer: Properties | None
    ) -> None:
        self._connack = True
        if reason.value == reasons.UNSUPPORTED_PROTOCOL and self.is_mqtt5:  # paho reads 3.1.1's own 0x01 as this too
            self._end(_NotUnderstood(was_refused=True))
            return
        if self.is_mqtt5:
            self._dialect.answered()
        if reason.is_failure:
            self._end(reasons.refusal(self._where, reason.value, str(reason), self._said(answer)))
        elif (missing := missing_feature(answer)) is not None:
            self._end(reasons.refusal(self._where, missing, ""))
        else:
            self.window = max(1, min(WINDOW, getattr(answer, "ReceiveMaximum", WINDOW)))
            self._max_packet_bytes = getattr(answer, "MaximumPacketSize", None)
            self.session_present = flags.session_present
            if self.is_mqtt5:
                self.session_s = min(self._session_s, getattr(answer, "SessionExpiryInterval", self._session_s))
            self._lifeline.keep_within(self._client.keepalive)  # may be the broker's wish
            if not self._opened.done():
                self._opened.set_result(None)

    def _disconnected(
        self, _client: Client, _data: object, flags: DisconnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if flags.is_disconnect_packet_from_server and reason.is_failure:
            self.is_taken_over = reason.value == reasons.TAKEN_OVER
            if reason.value == reasons.PACKET_TOO_LARGE:
                self.too_large = max((size for _, size in self._acks.values()), default=None)
            self._end(reasons.disconnection(self._where, reason.value, str(reason), self._said(properties)))
        elif self._connack:
            self._end(self._lost("it was cut" if reason == "Unspecified error" else str(reason).lower()))
        else:
            self._end(_NotUnderstood())

    def _received(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        acknowledge = self._inbox.receipt(message.mid) if message.qos else _nothing
        try:
            topic = message.topic
        except UnicodeDecodeError:
            acknowledge()
            return
        properties = message.properties
        came = Message(
            topic=topic,
            payload=bytes(message.payload),
            retained=message.retain,
            response_topic=getattr(properties, "ResponseTopic", None),
            correlation=getattr(properties, "CorrelationData", None),
            expiry_s=getattr(properties, "MessageExpiryInterval", None),
            is_repeated=message.dup,
            acknowledge=acknowledge,
        )
        self._inbox.came(came, is_safe=not message.qos)

    def _subscribed(self, _client: Client, _data: object, mid: int, codes: list[ReasonCode], _answer: Properties | None) -> None:
        self._lifeline.answered(mid, self._clock.monotonic())
        waiting = self._subscriptions.pop(mid, None)
        if waiting is not None and not waiting.done():
            waiting.set_result([code.value for code in codes])

    def _acknowledged(self, mid: int, code: int) -> None:
        self._lifeline.answered(mid, self._clock.monotonic())
        if mid in self._acks:
            on_ack, _ = self._acks.pop(mid)
            on_ack(code)

    def _silent(self, seconds: float) -> None:
        self.was_given_up = True
        self._end(self._lost(f"no sign of life for {seconds:.0f} s"))

    def _forgotten(self, count: int) -> None:
        self.forgotten, self.was_given_up = count, True
        self._end(reasons.forgotten(self._where))

    def _garbled(self, what: str) -> None:
        self._end(self._lost(what) if self._connack else _NotUnderstood())

    def _end(self, failure: BrokerError | _NotUnderstood) -> None:
        """Be lost, for the first reason that comes up."""
        if not self._opened.done():
            self._opened.set_exception(failure)
            self._opened.exception()  # nobody may be waiting any more
        if self._ended.is_set():
            return
        self._failure = failure if isinstance(failure, BrokerError) else self._lost("closed")
        self._ended.set()
        for waiting in self._subscriptions.values():
            if not waiting.done():
                waiting.set_exception(self._failure)
                waiting.exception()
        self._subscriptions.clear()
        self._acks.clear()
        self._inbox.close()
        self._driver.stop()

    def _said(self, answer: Properties | None) -> str:
        """Return the broker's own words, in which it may have repeated ours."""
        return self._secrets.strike_foreign(getattr(answer, "ReasonString", ""))

    def _lost(self, why: str) -> BrokerUnreachable:
        return BrokerUnreachable(
            f"the connection to the MQTT broker at {self._where} is lost: {why}", hint="The broker's log says more."
        )

    def _fits(self, topic: str, size_bytes: int) -> bool:
        """Say whether the broker takes a message of this size."""
        if self.most_bytes is not None and size_bytes > self.most_bytes:
            return False
        return self._max_packet_bytes is None or size_bytes + len(topic.encode()) + _OVERHEAD_BYTES <= self._max_packet_bytes

    async def _answer(self, mid: int) -> list[int]:
        """Wait for an answer. It may take long, behind retained messages; `run` notices when it will never come."""
        waiting: asyncio.Future[list[int]] = self._loop.create_future()
        self._subscriptions[mid] = waiting
        self._lifeline.asked(mid, self._clock.monotonic(), is_ordered=False)
        try:
            return await waiting
        finally:
            self._subscriptions.pop(mid, None)
            self._lifeline.withdrawn(mid)

    def _properties(self, expiry_s: int | None, correlation: bytes | None) -> Properties | None:
        if not self.is_mqtt5 or (expiry_s is None and correlation is None):
            return None
        if correlation is not None:
            properties = no_properties(PacketTypes.PUBLISH)
            properties.CorrelationData = correlation
            return properties
        cached = self._expiries.get(expiry_s or 0)
        if cached is None:
            cached = self._expiries[expiry_s or 0] = no_properties(PacketTypes.PUBLISH)
            cached.MessageExpiryInterval = expiry_s
        return cached


def _nothing() -> None:
    """Do nothing: there is nothing to acknowledge."""


def _address(config: MqttConfig) -> str:
    return config.place
