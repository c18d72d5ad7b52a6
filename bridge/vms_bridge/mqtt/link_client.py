"""paho's client, made and connected for one link: transport, TLS, credentials, will.

Knows what paho keeps to itself; each such place says why.
"""

from __future__ import annotations

import fcntl
import socket
import ssl
import struct
import termios
from contextlib import suppress
from typing import TYPE_CHECKING, Literal

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from vms_bridge.mqtt.lifeline import Transit
from vms_bridge.tls import client_context

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.mqtt.config import MqttConfig
    from vms_bridge.mqtt.wire import Filter, Will

KEEPALIVE_S = 5
WINDOW = 100
"""How many QoS 1 messages may be unacknowledged, each way."""
_INCOMING_BYTES = 1 << 20
_NOT_SENT_BYTES = 32 * 1024
"""The kernel takes more only while less than this waits in it, or megabytes of old states would wait there for a slow link."""
_MID_BYTES = 2
_ACKNOWLEDGED = ReasonCode(PacketTypes.PUBACK)
_NO_PROPERTIES = Properties(PacketTypes.PUBACK)  # type: ignore[no-untyped-call]  # paho has no types here
_ARRIVED_AT = 120
"""Where `tcpi_bytes_acked` is in Linux's `struct tcp_info`."""


class LinkClient(Client):
    """paho's client, with its sockets at hand: it leaves those of a failed handshake to the garbage collector."""

    def __init__(self, client_id: str, protocol: MQTTProtocolVersion, transport: Literal["tcp", "websockets"]) -> None:
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id,
            protocol=protocol,
            transport=transport,
            reconnect_on_failure=False,
            manual_ack=True,
        )
        self._opened: list[socket.socket] = []
        self.on_pong: Callable[[], None] = _nothing
        self.on_acknowledged: Callable[[int, int], None] = _nothing
        """Gets the id and the reason code, for QoS 1 only; `on_publish` is called for QoS 0 too, whose ids may be the same."""

    def open(self, config: MqttConfig, session_s: int) -> None:
        """Resolve, connect, shake hands and say hello; blocking.

        By MQTT 5 it goes on with the session that the broker has kept, and wants the new one kept for `session_s` (0: a
        clean start, and nothing is kept).
        """
        if config.tls:
            self.tls_set_context(client_context(config))
        try:
            if self.protocol == MQTTProtocolVersion.MQTTv5:
                properties = no_properties(PacketTypes.CONNECT)
                properties.MaximumPacketSize = _INCOMING_BYTES
                properties.ReceiveMaximum = WINDOW
                if session_s:
                    properties.SessionExpiryInterval = session_s
                self.connect(config.host, config.port, KEEPALIVE_S, clean_start=not session_s, properties=properties)
            else:
                self.connect(config.host, config.port, KEEPALIVE_S)
        except BaseException:
            for sock in self._opened:
                sock.close()
            raise

    def say_goodbye(self, *, forget_session: bool) -> None:
        """Send a DISCONNECT, so that the will is not published; have the broker forget the session, or not."""
        properties = None
        if forget_session and self.protocol == MQTTProtocolVersion.MQTTv5:
            properties = no_properties(PacketTypes.DISCONNECT)
            properties.SessionExpiryInterval = 0
        self.disconnect(properties=properties)

    def drop(self) -> None:
        """Close the connection without a goodbye."""
        if self.socket() is not None:
            self._sock_close()  # paho has no public way to do without a DISCONNECT

    def tune(self, send_buffer_bytes: int | None) -> None:
        """Have the socket send at once, and keep back only so much."""
        raw = _raw_socket(self.socket())
        if raw is not None:
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, _NOT_SENT_BYTES)
            if send_buffer_bytes:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer_bytes)

    def acknowledge_segments(self) -> None:
        """Have the kernel acknowledge what has come at once, as it does not go on to do by itself.

        A broker that leaves Nagle's algorithm on, as mosquitto does by default, holds back its next message until then: 40 ms.
        """
        raw = _raw_socket(self.socket())
        if raw is not None:
            with suppress(OSError):  # it may have been reset just now
                raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def ping(self) -> None:
        """Ask the broker for a sign of life. paho itself (`loop_misc`) takes a slow link for a dead one."""
        self._send_pingreq()

    def transit(self) -> Transit | None:
        """Return how far what was sent has come, None where the kernel does not say."""
        raw = _raw_socket(self.socket())
        if raw is None:
            return None
        try:
            (arrived,) = struct.unpack_from("=Q", raw.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256), _ARRIVED_AT)
            (waiting,) = struct.unpack("=i", fcntl.ioctl(raw, termios.TIOCOUTQ, bytes(4)))
        except (OSError, struct.error):
            return None
        return Transit(arrived, waiting)

    def has_rest(self) -> bool:
        """Say whether half a WebSocket frame waits for the kernel.

        paho 2.1 and 2.2 forget such a packet (`_packet_write` pops it and breaks off) and would mix its rest with the
        next one; sending nothing through the wrapper sends the rest.
        """
        return self.transport == "websockets" and bool(getattr(self.socket(), "_sendbuffer", None))

    def has_pending(self) -> bool:
        """Say whether TLS or the WebSocket wrapper has bytes already of which the selector knows nothing."""
        pending = getattr(self.socket(), "pending", None)
        return callable(pending) and bool(pending())

    def _handle_pingresp(self) -> MQTTErrorCode:
        result = super()._handle_pingresp()
        if result == MQTTErrorCode.MQTT_ERR_SUCCESS:
            self.on_pong()
        return result

    def _handle_pubackcomp(self, cmd: Literal["PUBACK", "PUBCOMP"]) -> MQTTErrorCode:
        """Take any reason code: mosquitto 2.0 refuses by 0x95, which is none for a PUBACK, and paho ends the connection then."""
        packet = self._in_packet["packet"]
        code = packet[_MID_BYTES] if len(packet) > _MID_BYTES else 0
        if cmd != "PUBACK" or len(packet) < _MID_BYTES or code not in _ACKNOWLEDGED.names:
            return super()._handle_pubackcomp(cmd)
        mid = int.from_bytes(packet[:_MID_BYTES])
        if mid in self._out_messages:
            self._do_on_publish(mid, _ACKNOWLEDGED, _NO_PROPERTIES)  # forgets it
            self.on_acknowledged(mid, code)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _create_socket_connection(self) -> socket.socket:
        sock = super()._create_socket_connection()
        self._opened.append(sock)
        return sock

    def _ssl_wrap_socket(self, tcp_sock: socket.socket) -> ssl.SSLSocket:
        context = self._ssl_context
        if context is None:
            raise ssl.SSLError("no TLS was asked for")
        sock = context.wrap_socket(tcp_sock, server_hostname=self.host, do_handshake_on_connect=False)
        self._opened.append(sock)
        sock.settimeout(self.connect_timeout)
        sock.do_handshake()
        return sock


def make_client(config: MqttConfig, protocol: MQTTProtocolVersion, client_id: str, will: Will | None) -> LinkClient:
    """Return a client that is ready to `open`."""
    client = LinkClient(client_id, protocol, "websockets" if config.websockets else "tcp")
    client.max_inflight_messages_set(0)  # the window is ours: paho's ignores Receive Maximum
    client.connect_timeout = KEEPALIVE_S
    if config.websockets:
        client.ws_set_options(path=config.address.path or "/mqtt", headers=_websocket_headers(config))
    if config.user is not None:
        client.username_pw_set(config.user, config.password.get_secret_value() if config.password else None)
    if will is not None:
        client.will_set(will.topic, will.payload, qos=1, retain=True)
    return client


def no_properties(packet: int) -> Properties:
    """Return the properties of such a packet, none set."""
    return Properties(packet)  # type: ignore[no-untyped-call]  # paho has no types here


def subscribe_options(wanted: Filter) -> SubscribeOptions:
    """Return what MQTT 5 calls the options of a subscription."""
    return SubscribeOptions(
        wanted.qos,
        noLocal=not wanted.own,
        retainAsPublished=wanted.as_published,
        retainHandling=SubscribeOptions.RETAIN_SEND_ON_SUBSCRIBE if wanted.retained else SubscribeOptions.RETAIN_DO_NOT_SEND,
    )


def _websocket_headers(config: MqttConfig) -> dict[str, str]:
    headers = {}
    if ":" in config.host:  # paho writes an IPv6 address without its brackets
        headers["Host"] = config.place
    if config.authorization is not None:
        headers["Authorization"] = config.authorization
    return headers


def _nothing(*_: object) -> None:
    """Do nothing: nobody listens yet."""


def _raw_socket(sock: object) -> socket.socket | None:
    """Return the TCP socket, which paho's WebSocket wrapper holds inside."""
    inner = getattr(sock, "_socket", sock)
    return inner if isinstance(inner, socket.socket) else None


def missing_feature(answer: Properties | None) -> int | None:
    """Return the reason code of something that the bridge needs and the broker says it has not (MQTT 5.0 §3.2.2.3)."""
    if getattr(answer, "RetainAvailable", 1) == 0:
        return 0x9A
    if getattr(answer, "MaximumQoS", 1) == 0:
        return 0x9B
    if getattr(answer, "WildcardSubscriptionAvailable", 1) == 0:
        return 0xA2
    return None
