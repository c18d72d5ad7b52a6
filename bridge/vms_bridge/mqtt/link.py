"""One connection to the broker, used once: paho on the event loop.

The only module that knows paho. A link is made by `Link.open`, kept alive by `run` and thrown away when it is lost, so
that no backlog can survive inside the client (docs/decisions/0301-mqtt-link.md).
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from typing import TYPE_CHECKING, Literal, NoReturn

from paho.mqtt.client import Client, MQTTMessage, WebsocketConnectionError
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from vms_bridge.errors import BrokerError, BrokerUnreachable
from vms_bridge.mqtt import reasons
from vms_bridge.mqtt.threads import in_thread
from vms_bridge.mqtt.wire import Filter, Message, Will

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from paho.mqtt.client import ConnectFlags, DisconnectFlags, SocketLike
    from paho.mqtt.reasoncodes import ReasonCode

    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.config import MqttConfig

_LOGGER = logging.getLogger(__name__)

KEEPALIVE_S = 5
_SILENCE_S = 9.0
"""A broker that says nothing for so long, though it was pinged, is dead."""
_CONNECT_S = 10.0
_SUBSCRIBE_S = 60.0
"""Long, because the answer may queue behind retained messages: mosquitto 2.0 writes 40 KB/s over WebSockets."""
_CLOSE_S = 0.8
_WINDOW = 100
_INCOMING_BYTES = 1 << 20
_READS = 64
_OVERHEAD_BYTES = 32
"""More than a PUBLISH's headers and our properties take."""

ACCEPTED = 0
"""The reason code of a message that the broker took; from 0x80 on it refused."""


class _OldProtocol(Exception):
    """The broker may speak 3.1.1 only."""


class Link:
    """An open connection. Everything but `open` belongs to the event loop it was opened on."""

    def __init__(self, client: _Client, config: MqttConfig, clock: Clock) -> None:
        self._client = client
        self._config = config
        self._clock = clock
        self._where = _address(config)
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()
        self._failure: BrokerError | None = None
        self._opened: asyncio.Future[None] = self._loop.create_future()
        self._connack = False
        self._flush_due = False
        self._watched = False
        self._acks: dict[int, Callable[[int], None]] = {}
        self._subscriptions: dict[int, asyncio.Future[list[int]]] = {}
        self._expiries: dict[int, Properties] = {}
        self._heard = self._ticked = clock.monotonic()
        self._max_packet_bytes: int | None = None
        self._on_message: Callable[[Message], None] = _ignore
        self._on_writable: Callable[[], None] = _nothing
        self.window = _WINDOW
        """How many QoS 1 messages may be unacknowledged."""

    @classmethod
    async def open(
        cls, config: MqttConfig, *, client_id: str, clock: Clock, will: Will | None = None, send_buffer_bytes: int | None = None
    ) -> Link:
        """Connect by MQTT 5, or by 3.1.1 where the broker knows no better. Raises BrokerUnreachable or BrokerRefused."""
        for protocol in (MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311):
            client = _client(config, protocol, client_id, will)
            link = cls(client, config, clock)
            try:
                await link._connect(send_buffer_bytes)
            except _OldProtocol:
                _LOGGER.debug("%s does not answer in MQTT %s", config.host, protocol.name)
            else:
                return link
        raise reasons.no_answer(_address(config), config)

    @property
    def is_open(self) -> bool:
        """Whether the connection stands, as far as is known."""
        return not self._ended.is_set()

    @property
    def is_mqtt5(self) -> bool:
        """Whether both sides speak MQTT 5."""
        return self._client.protocol == MQTTProtocolVersion.MQTTv5

    @property
    def is_ready(self) -> bool:
        """Whether the kernel has taken everything so far, so that more may be published."""
        return not self._ended.is_set() and not self._client.want_write() and not self._rest()

    @property
    def unacknowledged(self) -> int:
        """How many QoS 1 messages the broker has not yet acknowledged."""
        return len(self._acks)

    def listen(self, on_message: Callable[[Message], None], on_writable: Callable[[], None]) -> None:
        """Have these called on the loop: for each message, and whenever everything published has left."""
        self._on_message, self._on_writable = on_message, on_writable

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
        """Send a message: QoS 1 with `on_ack`, which hears the broker's reason code, else QoS 0.

        False: the broker would not take it (too large), or the link is lost. It leaves with the next `flush`, at the
        latest in the next turn of the loop.
        """
        if self._ended.is_set() or not self._fits(topic, len(payload) + len(correlation or b"")):
            return False
        properties = self._properties(expiry_s, correlation)
        for _ in range(_WINDOW + 1):
            info = self._client.publish(topic, payload, 1 if on_ack else 0, retain, properties)
            if info.rc != MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:
                break  # otherwise this message id is still that of an unacknowledged message: take the next
        if info.rc != MQTTErrorCode.MQTT_ERR_SUCCESS:
            return False
        if on_ack is not None:
            self._acks[info.mid] = on_ack
        return True

    def flush(self) -> None:
        """Hand to the kernel what was published, as far as it takes it."""
        sock = self._client.socket()
        if sock is None:
            return
        self._flush_due = False
        try:
            if self._rest():
                sock.send(b"")
            if not self._rest():
                self._client.loop_write()
        except OSError as error:
            if not isinstance(error, BlockingIOError | ssl.SSLWantReadError | ssl.SSLWantWriteError):
                self._end(self._lost(str(error)))
                return
        self._watch(sock.fileno(), on=self._client.want_write() or self._rest())

    async def subscribe(self, filters: Sequence[Filter]) -> list[str]:
        """Subscribe, and return those that the broker refused once it has answered. Raises BrokerUnreachable."""
        if self.is_mqtt5:
            rc, mid = self._client.subscribe([(each.topic, _options(each)) for each in filters])
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

    async def run(self) -> NoReturn:
        """Keep the link alive until it is lost, then raise why (BrokerUnreachable or BrokerRefused)."""
        ticker = asyncio.create_task(self._tick(), name="mqtt-keepalive")
        try:
            await self._ended.wait()
        finally:
            ticker.cancel()
            await asyncio.wait({ticker})
        raise self._failure or self._lost("closed")

    async def close(self) -> None:
        """Send what was published and a DISCONNECT (so that the will is not published), for a second at most."""
        if self.is_open:
            self._client.disconnect()
            try:
                async with asyncio.timeout(_CLOSE_S):
                    while self._client.socket() is not None:
                        self.flush()
                        if self._client.socket() is not None:
                            await self._clock.sleep(0.01)
            except TimeoutError:
                _LOGGER.debug("the broker took no goodbye in time")
        self.abort()

    def abort(self) -> None:
        """Drop the connection without a goodbye."""
        self._end(self._lost("closed"))

    async def _connect(self, send_buffer_bytes: int | None) -> None:
        config, client = self._config, self._client
        try:
            async with asyncio.timeout(_CONNECT_S):
                name = f"mqtt-connect-{config.host}"
                await in_thread(name, lambda: _connect(client, config), abandon=lambda: _close(client))
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
        raw = _raw_socket(sock)
        if raw is not None:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if send_buffer_bytes:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)
        client = self._client
        client.on_connect = self._connected
        client.on_disconnect = self._disconnected
        client.on_message = self._received
        client.on_subscribe = self._subscribed
        client.on_publish = self._published
        client.on_socket_register_write = self._wants_write
        client.on_socket_close = self._socket_closed
        self._heard = self._ticked = self._clock.monotonic()
        self._loop.add_reader(sock.fileno(), self._readable, sock)
        self.flush()
        self._readable(sock)

    def _connected(
        self, _client: Client, _data: object, _flags: ConnectFlags, reason: ReasonCode, answer: Properties | None
    ) -> None:
        self._connack = True
        if reason.value == reasons.UNSUPPORTED_PROTOCOL and self.is_mqtt5:
            self._end(_OldProtocol())
        elif reason.is_failure:
            self._end(reasons.refusal(self._where, reason.value, str(reason), getattr(answer, "ReasonString", "")))
        elif (missing := _missing_feature(answer)) is not None:
            self._end(reasons.refusal(self._where, missing, ""))
        else:
            self.window = max(1, min(_WINDOW, getattr(answer, "ReceiveMaximum", _WINDOW)))
            self._max_packet_bytes = getattr(answer, "MaximumPacketSize", None)
            if not self._opened.done():
                self._opened.set_result(None)

    def _disconnected(
        self, _client: Client, _data: object, flags: DisconnectFlags, reason: ReasonCode, properties: Properties | None
    ) -> None:
        if flags.is_disconnect_packet_from_server and reason.is_failure:
            self._end(reasons.disconnection(self._where, reason.value, str(reason), getattr(properties, "ReasonString", "")))
        elif self._connack:
            self._end(self._lost("it was cut" if reason == "Unspecified error" else str(reason).lower()))
        else:
            self._end(_OldProtocol())

    def _received(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        try:
            topic = message.topic
        except UnicodeDecodeError:
            return
        properties = message.properties
        came = Message(
            topic=topic,
            payload=bytes(message.payload),
            retained=message.retain,
            response_topic=getattr(properties, "ResponseTopic", None),
            correlation=getattr(properties, "CorrelationData", None),
        )
        try:
            self._on_message(came)
        except Exception:  # the border to our own handlers: one bad message must not end the link
            _LOGGER.exception("a message on %s could not be handled", topic)

    def _subscribed(self, _client: Client, _data: object, mid: int, codes: list[ReasonCode], _answer: Properties | None) -> None:
        waiting = self._subscriptions.pop(mid, None)
        if waiting is not None and not waiting.done():
            waiting.set_result([code.value for code in codes])

    def _published(self, _client: Client, _data: object, mid: int, reason: ReasonCode, _answer: Properties) -> None:
        on_ack = self._acks.pop(mid, None)
        if on_ack is not None:
            on_ack(reason.value)

    def _wants_write(self, *_: object) -> None:
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._flush_soon)

    def _flush_soon(self) -> None:
        if self._flush_due:
            self._writable()

    def _writable(self) -> None:
        self.flush()
        if self.is_ready:
            self._on_writable()

    def _readable(self, sock: object) -> None:
        self._heard = self._clock.monotonic()
        try:
            for _ in range(_READS):
                self._client.loop_read()
                if self._client.socket() is not sock or not _pending(sock):
                    return
        except Exception as error:  # the border to paho's parsers: whatever a peer sent, it is not MQTT
            _LOGGER.debug("paho could not read a packet", exc_info=True)
            what = f"it sent something that is not MQTT ({type(error).__name__})"
            self._end(self._lost(what) if self._connack else _OldProtocol())
            return
        self._loop.call_soon(self._read_on, sock)

    def _read_on(self, sock: object) -> None:
        if self._client.socket() is sock:
            self._readable(sock)

    def _socket_closed(self, _client: Client, _data: object, sock: SocketLike) -> None:
        self._loop.remove_reader(sock.fileno())
        self._watch(sock.fileno(), on=False)

    def _watch(self, fileno: int, *, on: bool) -> None:
        if on and not self._watched and not self._ended.is_set():
            self._watched = True
            self._loop.add_writer(fileno, self._writable)
        elif not on and self._watched:
            self._watched = False
            self._loop.remove_writer(fileno)

    def _rest(self) -> bool:
        """Say whether half a WebSocket frame waits for the kernel.

        paho 2.1 and 2.2 forget such a packet (`_packet_write` pops it and breaks off) and would mix its rest with the
        next one; sending nothing through the wrapper sends the rest.
        """
        return self._config.websockets and bool(getattr(self._client.socket(), "_sendbuffer", None))

    def _end(self, failure: BrokerError | _OldProtocol) -> None:
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
        self._loop.call_soon(_close, self._client)

    def _lost(self, why: str) -> BrokerUnreachable:
        return BrokerUnreachable(
            f"the connection to the MQTT broker at {self._where} is lost: {why}", hint="The broker's log says more."
        )

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(1.0)
            now = self._clock.monotonic()
            if now - self._ticked > 3.0:
                self._heard = now  # it was we who slept
            self._ticked = now
            self._client.loop_misc()
            keepalive_s = self._client.keepalive  # may be the broker's wish
            if keepalive_s and now - self._heard > max(_SILENCE_S, 2 * keepalive_s - 1):
                self._end(self._lost(f"no sign of life for {now - self._heard:.0f} s"))

    def _fits(self, topic: str, size_bytes: int) -> bool:
        """Say whether the broker takes a message of this size."""
        return self._max_packet_bytes is None or size_bytes + len(topic.encode()) + _OVERHEAD_BYTES <= self._max_packet_bytes

    async def _answer(self, mid: int) -> list[int]:
        waiting: asyncio.Future[list[int]] = self._loop.create_future()
        self._subscriptions[mid] = waiting
        try:
            async with asyncio.timeout(_SUBSCRIBE_S):
                return await waiting
        except TimeoutError:
            raise self._lost("no answer to a subscription") from None
        finally:
            self._subscriptions.pop(mid, None)

    def _properties(self, expiry_s: int | None, correlation: bytes | None) -> Properties | None:
        if not self.is_mqtt5 or (expiry_s is None and correlation is None):
            return None
        if correlation is not None:
            properties = _no_properties(PacketTypes.PUBLISH)
            properties.CorrelationData = correlation
            return properties
        cached = self._expiries.get(expiry_s or 0)
        if cached is None:
            cached = self._expiries[expiry_s or 0] = _no_properties(PacketTypes.PUBLISH)
            cached.MessageExpiryInterval = expiry_s
        return cached


class _Client(Client):
    """paho's client, with its sockets at hand: it leaves those of a failed handshake to the garbage collector."""

    def __init__(self, client_id: str, protocol: MQTTProtocolVersion, transport: Literal["tcp", "websockets"]) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2, client_id, protocol=protocol, transport=transport, reconnect_on_failure=False
        )
        self._opened: list[socket.socket] = []

    def open(self, host: str, port: int) -> None:
        """Connect, with a clean start where the protocol knows it; blocking."""
        properties = None
        if self.protocol == MQTTProtocolVersion.MQTTv5:
            properties = _no_properties(PacketTypes.CONNECT)
            properties.MaximumPacketSize = _INCOMING_BYTES
            properties.ReceiveMaximum = _WINDOW
        try:
            if properties is None:
                self.connect(host, port, KEEPALIVE_S)
            else:
                self.connect(host, port, KEEPALIVE_S, clean_start=True, properties=properties)
        except BaseException:
            for sock in self._opened:
                sock.close()
            raise

    def _create_socket_connection(self) -> socket.socket:
        sock = super()._create_socket_connection()
        self._opened.append(sock)
        return sock

    def _ssl_wrap_socket(self, tcp_sock: socket.socket) -> ssl.SSLSocket:
        context = self._ssl_context or ssl.create_default_context()
        sock = context.wrap_socket(tcp_sock, server_hostname=self.host, do_handshake_on_connect=False)
        self._opened.append(sock)
        sock.settimeout(self.connect_timeout)
        sock.do_handshake()
        return sock


def _ignore(message: Message) -> None:
    """Stand in until somebody listens."""


def _nothing() -> None:
    """Stand in until somebody listens."""


def _address(config: MqttConfig) -> str:
    return f"{config.host}:{config.port}"


def _client(config: MqttConfig, protocol: MQTTProtocolVersion, client_id: str, will: Will | None) -> _Client:
    client = _Client(client_id, protocol, "websockets" if config.websockets else "tcp")
    client.max_inflight_messages_set(0)  # the window is ours: paho's ignores Receive Maximum
    client.connect_timeout = KEEPALIVE_S
    if config.websockets:
        client.ws_set_options(path=config.parts.path or "/mqtt")
    if config.parts.username:
        client.username_pw_set(config.parts.username, config.password.get_secret_value() if config.password else None)
    if will is not None:
        client.will_set(will.topic, will.payload, qos=1, retain=True)
    return client


def _connect(client: _Client, config: MqttConfig) -> None:
    """Resolve, connect and shake hands; blocking, for a thread of its own."""
    if config.tls:
        for file in filter(None, (config.ca_file, config.client_certificate, config.client_key)):
            with file.open("rb"):
                pass  # ssl does not say which file it can't read
        context = ssl.create_default_context(cafile=str(config.ca_file) if config.ca_file else None)
        if config.client_certificate and config.client_key:
            context.load_cert_chain(str(config.client_certificate), str(config.client_key))
        client.tls_set_context(context)
    client.open(config.host, config.port)


def _options(wanted: Filter) -> SubscribeOptions:
    return SubscribeOptions(
        wanted.qos,
        noLocal=not wanted.own,
        retainAsPublished=wanted.as_published,
        retainHandling=SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE if wanted.retained else SubscribeOptions.RETAIN_DO_NOT_SEND,
    )


def _no_properties(packet: int) -> Properties:
    return Properties(packet)  # type: ignore[no-untyped-call]  # paho has no types here


def _close(client: Client) -> None:
    """Close the client's socket."""
    sock = client.socket()
    if sock is not None:
        client._sock_close()  # noqa: SLF001  # paho has no public way to drop a connection without a DISCONNECT


def _raw_socket(sock: object) -> socket.socket | None:
    """Return the TCP socket, which paho's WebSocket wrapper holds inside."""
    inner = getattr(sock, "_socket", sock)
    return inner if isinstance(inner, socket.socket) else None


def _pending(sock: object) -> int:
    """Return how many bytes TLS has decrypted already, of which the selector knows nothing."""
    pending = getattr(sock, "pending", None)
    return pending() if callable(pending) else 0


def _missing_feature(answer: Properties | None) -> int | None:
    """Return the reason code of something that the bridge needs and the broker says it has not (MQTT 5.0 §3.2.2.3)."""
    if getattr(answer, "RetainAvailable", 1) == 0:
        return 0x9A
    if getattr(answer, "MaximumQoS", 1) == 0:
        return 0x9B
    if getattr(answer, "WildcardSubscriptionAvailable", 1) == 0:
        return 0xA2
    return None
