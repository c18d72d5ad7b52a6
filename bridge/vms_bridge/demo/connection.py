"""One client of the embedded broker, from its first byte to its last; used once."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, cast

from vms_bridge.demo import packets
from vms_bridge.demo.outgoing import Kept, Outgoing, OutgoingLimits
from vms_bridge.demo.packets import (
    MQTT_3_1_1,
    MQTT_5,
    PINGRESP,
    Acknowledgement,
    Connect,
    Disconnect,
    Kind,
    Message,
    Packet,
    Ping,
    Publish,
    Subscribe,
    Unsubscribe,
    Wish,
)
from vms_bridge.demo.properties import Properties, Property, Reason, Violation, number

if TYPE_CHECKING:
    from vms_bridge.clock import Clock
    from vms_bridge.demo.hooks import Hooks
    from vms_bridge.demo.limits import BrokerLimits
    from vms_bridge.demo.topics import Grant

_LOG = logging.getLogger(__name__)
_MAX_CONNECT_BYTES = 256 * 1024
_CONNECT_TIMEOUT_S = 10.0
_CLOSE_TIMEOUT_S = 2.0
_FOR_EVER_S = 0xFFFFFFFF


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """The session of a client that goes: how long it is kept, and what the client has not acknowledged."""

    expiry_s: int
    kept: list[Kept]


class Post(Protocol):
    """What a connection asks of its broker."""

    def admit(self, connection: Connection, connect: Connect) -> int:
        """Decide on a CONNECT; 0 makes the connection the one with its client id."""

    def publish_from(self, connection: Connection, message: Message) -> int:
        """Route a client's message; returns a reason code."""

    def subscribe(self, connection: Connection, wish: Wish) -> int:
        """Subscribe and queue the retained messages; returns a reason code."""

    def unsubscribe(self, connection: Connection, topic_filter: str) -> int:
        """Unsubscribe; returns a reason code."""

    def opened(self, connection: Connection) -> bool:
        """Take a new connection, unless there are too many."""

    def closed(self, connection: Connection) -> None:
        """Take note that a connection has gone."""

    def resume(self, connection: Connection, connect: Connect) -> list[Kept] | None:
        """Give the client what it had subscribed to, and return what waits for it; None if it has or wants no session."""

    def forget(self, connection: Connection, client_id: str, will: Message | None, session: Leftover | None) -> None:
        """Drop a client, and everything it has subscribed to unless it leaves a session; send its will."""


class Connection(asyncio.Protocol):
    """Reads a client's packets, answers them, and hands messages on to the broker."""

    def __init__(self, post: Post, limits: BrokerLimits, hooks: Hooks, clock: Clock) -> None:
        self._post = post
        self._limits = limits
        self._hooks = hooks
        self._clock = clock
        self._transport: asyncio.Transport | None = None
        self._outgoing: Outgoing | None = None
        self._buffer = bytearray()
        self._connect: Connect | None = None
        self._heard = clock.monotonic()
        self._closing_since: float | None = None
        self._is_stalled = False
        self._held: list[bytes] = []
        self._received: set[int] = set()
        self._session_expiry_s = 0

    @property
    def client_id(self) -> str:
        """The client's id, empty before its CONNECT."""
        return self._connect.client_id if self._connect else ""

    @property
    def version(self) -> int:
        """4 for MQTT 3.1.1, 5 for MQTT 5."""
        return self._connect.version if self._connect else MQTT_3_1_1

    @property
    def sent(self) -> int:
        """How many messages have been written to the client."""
        return self._outgoing.sent if self._outgoing else 0

    @property
    def dropped(self) -> int:
        """How many messages were not, because its queue was full or they had expired or were too large."""
        return self._outgoing.dropped if self._outgoing else 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin; asyncio calls this."""
        self._transport = cast("asyncio.Transport", transport)
        self._outgoing = Outgoing(self._transport, MQTT_3_1_1, OutgoingLimits(), self._clock.monotonic)
        if not self._post.opened(self):
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Read what has come; asyncio calls this."""
        self._heard = self._clock.monotonic()
        self._buffer += data
        try:
            self._read_packets()
        except Violation as violation:
            self._reject(violation)

    def connection_lost(self, exc: Exception | None) -> None:
        """End; asyncio calls this. Without a farewell from the client, its will is sent."""
        del exc
        self._leave(with_will=True)
        self._transport = None
        self._post.closed(self)

    def pause_writing(self) -> None:
        """Stop writing; asyncio calls this when the client does not read."""
        if self._outgoing is not None:
            self._outgoing.pause()

    def resume_writing(self) -> None:
        """Go on writing; asyncio calls this."""
        if self._outgoing is not None:
            self._outgoing.resume()

    def deliver(self, message: Message, grant: Grant, *, retained: bool = False) -> None:
        """Send a message to the client as its subscription says; `retained`: it was kept from earlier."""
        if self._outgoing is not None:
            retain = retained or (message.retain and grant.retain_as_published)
            self._outgoing.deliver(message, min(message.qos, grant.qos), retain=retain)

    def disconnect(self, reason: int) -> None:
        """Send the client away, with its will."""
        if self._transport is None or self._closing_since is not None:
            return
        self._closing_since = self._clock.monotonic()
        if self._outgoing is not None:
            if self._connect is not None and self.version == MQTT_5:
                self._outgoing.answer(packets.disconnect(reason))
            self._outgoing.flush()
        self._leave(with_will=True)
        self._transport.close()

    def drop(self) -> None:
        """Cut the connection without a word."""
        if self._transport is not None:
            self._closing_since = self._clock.monotonic()
            self._transport.abort()

    def stop_reading(self, *, stopped: bool) -> None:
        """Leave in the socket what the client sends, or go on reading."""
        self._is_stalled = stopped
        if self._transport is not None and self._transport.is_reading() is stopped:
            if stopped:
                self._transport.pause_reading()
            else:
                self._transport.resume_reading()

    def release(self) -> None:
        """Send the acknowledgements that a hook held back."""
        held, self._held = self._held, []
        for packet in held:
            self._answer(packet)

    def tick(self, now: float) -> None:
        """Check whether the client is late: with its CONNECT, its sign of life, or the end of its connection."""
        if self._closing_since is not None:
            if now - self._closing_since > _CLOSE_TIMEOUT_S:
                self.drop()
        elif self._connect is None:
            if now - self._heard > _CONNECT_TIMEOUT_S:
                self.drop()
        elif self._connect.keep_alive_s and not self._is_stalled and now - self._heard > 1.5 * self._connect.keep_alive_s:
            _LOG.info("client %r has been silent for too long", self.client_id)
            self.disconnect(Reason.KEEP_ALIVE_TIMEOUT)
        elif self._outgoing is not None and self._outgoing.is_stuck:
            _LOG.warning("client %r does not read its acknowledgements", self.client_id)
            self.drop()

    def _read_packets(self) -> None:
        buffer = self._buffer
        position = 0
        while self._closing_since is None and position < len(buffer):
            if self._connect is None and buffer[position] != Kind.CONNECT << 4:
                raise Violation(Reason.PROTOCOL_ERROR, "a first packet that is no CONNECT")
            frame = packets.frame_length(buffer, position)
            if frame is None:
                break
            start, length = frame
            if start - position + length > self._max_packet_bytes:
                raise Violation(Reason.PACKET_TOO_LARGE, f"a packet of {length} bytes")
            end = start + length
            if end > len(buffer):
                break
            packet = packets.parse(buffer[position], bytes(memoryview(buffer)[start:end]), self.version)
            position = end
            if self._hooks.receives(self.client_id, packet) and self._closing_since is None:
                self._handle(packet)
        del buffer[:position]

    @property
    def _max_packet_bytes(self) -> int:
        return _MAX_CONNECT_BYTES if self._connect is None else self._limits.max_packet_bytes

    def _handle(self, packet: Packet) -> None:
        match packet:
            case Publish():
                self._handle_publish(packet)
            case Acknowledgement():
                self._handle_acknowledgement(packet)
            case Ping():
                self._answer(PINGRESP)
            case Subscribe():
                reasons = [self._post.subscribe(self, wish) for wish in packet.wishes]
                self._answer(packets.suback(Kind.SUBACK, packet.packet_id, reasons, self.version))
            case Unsubscribe():
                reasons = [self._post.unsubscribe(self, topic_filter) for topic_filter in packet.filters]
                self._answer(packets.suback(Kind.UNSUBACK, packet.packet_id, reasons, self.version))
            case Connect():
                self._handle_connect(packet)
            case Disconnect():
                self._handle_disconnect(packet)

    def _handle_connect(self, connect: Connect) -> None:
        if self._connect is not None:
            raise Violation(Reason.PROTOCOL_ERROR, "a second CONNECT")
        if connect.version not in self._limits.versions:
            raise Violation(Reason.UNSUPPORTED_VERSION, f"MQTT version {connect.version}, which this broker does not speak")
        assigned: Properties = {}
        if not connect.client_id and (connect.clean or connect.version == MQTT_5):
            connect = replace(connect, client_id=f"auto-{id(self):x}")
            assigned[Property.ASSIGNED_CLIENT_ID] = connect.client_id
        if self._limits.user_is_client_id and connect.username:
            connect = replace(connect, client_id=connect.username)
        reason = self._post.admit(self, connect)
        if reason or self._transport is None:
            self._answer(packets.connack(connect.version, reason, {}))
            self._close()
            return
        self._connect = connect
        limits = OutgoingLimits(
            window=number(connect.properties, Property.RECEIVE_MAXIMUM, 65_535),
            max_packet_bytes=number(connect.properties, Property.MAXIMUM_PACKET_SIZE, 0) or None,
            max_messages=self._limits.max_queued_messages,
            max_bytes=self._limits.max_queued_bytes,
        )
        self._outgoing = Outgoing(self._transport, connect.version, limits, self._clock.monotonic)
        announced: Properties = {
            Property.RECEIVE_MAXIMUM: self._limits.receive_maximum,
            Property.SUBSCRIPTION_IDS_AVAILABLE: 0,
            Property.SHARED_SUBSCRIPTIONS_AVAILABLE: 0,
            **assigned,
        }
        if self._limits.announces_packet_bytes:
            announced[Property.MAXIMUM_PACKET_SIZE] = self._limits.max_packet_bytes
        self._session_expiry_s = min(wanted_s := _session_expiry_s(connect), self._limits.max_session_expiry_s)
        if self._session_expiry_s != wanted_s:
            announced[Property.SESSION_EXPIRY] = self._session_expiry_s
        kept = self._post.resume(self, connect)
        self._answer(packets.connack(connect.version, Reason.SUCCESS, announced, session_present=kept is not None))
        self._outgoing.restore(kept or [])

    def _handle_publish(self, publish: Publish) -> None:
        message = publish.message
        if message.qos == 0:
            self._post.publish_from(self, message)
            return
        is_repeated = message.qos == 2 and publish.packet_id in self._received
        if not is_repeated and len(self._held) + len(self._received) >= self._limits.receive_maximum:
            raise Violation(Reason.RECEIVE_MAXIMUM_EXCEEDED, "more unacknowledged messages than were allowed")
        reason = 0 if is_repeated else self._post.publish_from(self, message)
        if message.qos == 2 and reason < Reason.UNSPECIFIED:
            self._received.add(publish.packet_id)
        kind = Kind.PUBACK if message.qos == 1 else Kind.PUBREC
        answer = packets.acknowledgement(kind, publish.packet_id, self.version, reason)
        if self._hooks.acknowledges(self.client_id, publish):
            self._answer(answer)
        else:
            self._held.append(answer)

    def _handle_acknowledgement(self, packet: Acknowledgement) -> None:
        if packet.kind is Kind.PUBREL:
            self._received.discard(packet.packet_id)
            self._answer(packets.acknowledgement(Kind.PUBCOMP, packet.packet_id, self.version))
        elif packet.kind is Kind.PUBACK and self._outgoing is not None:
            self._outgoing.acknowledged(packet.packet_id)

    def _handle_disconnect(self, packet: Disconnect) -> None:
        if packet.session_expiry_s is not None:
            self._session_expiry_s = min(packet.session_expiry_s, self._limits.max_session_expiry_s)
        self._leave(with_will=packet.reason != 0)
        self._close()

    def _answer(self, packet: bytes) -> None:
        if self._outgoing is not None:
            self._outgoing.answer(packet)

    def _reject(self, violation: Violation) -> None:
        _LOG.info("client %r sent %s", self.client_id, violation)
        if self._connect is not None:
            self.disconnect(violation.reason)
            return
        if violation.reason is Reason.UNSUPPORTED_VERSION:
            # in the old format, which is what brokers answer that do not know a version, and what clients expect
            self._answer(packets.connack(MQTT_3_1_1, violation.reason, {}))
        self._close()

    def _close(self) -> None:
        self._closing_since = self._clock.monotonic()
        if self._outgoing is not None:
            self._outgoing.flush()
        if self._transport is not None:
            self._transport.close()

    def _leave(self, *, with_will: bool) -> None:
        connect, self._connect = self._connect, None
        if connect is not None:
            kept = self._outgoing.leave() if self._outgoing is not None else []
            session = Leftover(expiry_s=self._session_expiry_s, kept=kept) if self._session_expiry_s else None
            self._post.forget(self, connect.client_id, connect.will if with_will else None, session)


def _session_expiry_s(connect: Connect) -> int:
    """Return how long the client wants its session kept: a 3.1.1 one until its next clean connection."""
    if connect.version == MQTT_5:
        return number(connect.properties, Property.SESSION_EXPIRY, 0)
    return 0 if connect.clean else _FOR_EVER_S
