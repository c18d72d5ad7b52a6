"""MQTT packets to and from bytes: version 5 and 3.1.1, pure functions.

Section numbers in comments are those of the OASIS standard "MQTT Version 5.0".
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from vms_bridge.demo.properties import (
    Properties,
    Property,
    Reader,
    Reason,
    Violation,
    binary,
    encode_properties,
    read_properties,
    varint,
)
from vms_bridge.demo.topics import is_filter, is_topic

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

MQTT_3_1_1 = 4
MQTT_5 = 5
PINGRESP = b"\xd0\x00"


class Kind(IntEnum):
    """Control packet types (2.1.2)."""

    CONNECT = 1
    CONNACK = 2
    PUBLISH = 3
    PUBACK = 4
    PUBREC = 5
    PUBREL = 6
    PUBCOMP = 7
    SUBSCRIBE = 8
    SUBACK = 9
    UNSUBSCRIBE = 10
    UNSUBACK = 11
    PINGREQ = 12
    PINGRESP = 13
    DISCONNECT = 14
    AUTH = 15


@dataclass(slots=True, kw_only=True, eq=False)
class Message:
    """An application message; `expires` is a time of the broker's monotonic clock, `sender` a client's id."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    properties: Properties = field(default_factory=dict)
    sender: str = ""
    expires: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Connect:
    """A client's introduction."""

    version: int
    client_id: str
    clean: bool = True
    keep_alive_s: int = 0
    username: str | None = None
    password: bytes | None = field(default=None, repr=False)
    will: Message | None = None
    properties: Properties = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class Publish:
    """A message on its way from a client."""

    message: Message
    packet_id: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One entry of a SUBSCRIBE (3.8.3.1)."""

    filter: str
    qos: int = 0
    no_local: bool = False
    retain_as_published: bool = False
    retain_handling: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscribe:
    """A client's wish for messages."""

    packet_id: int
    wishes: tuple[Wish, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsubscribe:
    """The end of such a wish."""

    packet_id: int
    filters: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """PUBACK, PUBREC, PUBREL or PUBCOMP."""

    kind: Kind
    packet_id: int
    reason: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """A sign of life."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disconnect:
    """A client's farewell; any reason but 0 sends its will. `session_expiry_s` is another wish than at its CONNECT."""

    reason: int = 0
    session_expiry_s: int | None = None


Packet = Connect | Publish | Subscribe | Unsubscribe | Acknowledgement | Ping | Disconnect


def frame_length(buffer: bytes | bytearray, start: int) -> tuple[int, int] | None:
    """Return where the body of the packet at `start` begins and how long it is; None while its header is incomplete."""
    length = 0
    for index in range(4):
        position = start + 1 + index
        if position >= len(buffer):
            return None
        byte = buffer[position]
        length |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return position + 1, length
    raise Violation(Reason.MALFORMED, "a remaining length of more than four bytes")


def parse(first: int, body: bytes, version: int) -> Packet:
    """Read one packet from its first byte and its body. Raises Violation."""
    flags = first & 0x0F
    kind = first >> 4
    if kind == Kind.PUBLISH:
        return _parse_publish(flags, body, version)
    if flags != (2 if kind in {Kind.PUBREL, Kind.SUBSCRIBE, Kind.UNSUBSCRIBE} else 0):
        raise Violation(Reason.MALFORMED, "reserved flags in a fixed header")
    parser = _PARSERS.get(kind)
    if parser is None:
        raise Violation(Reason.PROTOCOL_ERROR, f"a packet of type {kind} from a client")
    return parser(Kind(kind), Reader(body), version)


def connack(version: int, reason: int, properties: Properties, *, session_present: bool = False) -> bytes:
    """Answer a CONNECT; version 3.1.1 has five codes of its own."""
    if version == MQTT_5:
        return _packet(Kind.CONNACK << 4, bytes((session_present, reason)) + encode_properties(properties))
    return bytes((Kind.CONNACK << 4, 2, session_present, _OLD_CODES.get(reason, 3)))


def acknowledgement(kind: Kind, packet_id: int, version: int, reason: int = 0) -> bytes:
    """Answer one step of a PUBLISH; the reason only travels where it is one, and in version 5."""
    first = kind << 4 | (2 if kind is Kind.PUBREL else 0)
    if reason and version == MQTT_5:
        return bytes((first, 3)) + packet_id.to_bytes(2, "big") + bytes((reason,))
    return bytes((first, 2)) + packet_id.to_bytes(2, "big")


def suback(kind: Kind, packet_id: int, reasons: Sequence[int], version: int) -> bytes:
    """Answer a SUBSCRIBE or an UNSUBSCRIBE, one reason for each entry."""
    head = packet_id.to_bytes(2, "big")
    if version == MQTT_5:
        return _packet(kind << 4, head + b"\0" + bytes(reasons))
    if kind is Kind.UNSUBACK:
        return _packet(kind << 4, head)
    return _packet(kind << 4, head + bytes(min(reason, 0x80) for reason in reasons))


def disconnect(reason: int) -> bytes:
    """Say to a client of version 5 why it is disconnected."""
    return bytes((Kind.DISCONNECT << 4, 2, reason, 0))


def publish_head(
    message: Message, packet_id: int, version: int, *, retain: bool, expiry_s: int | None, is_repeated: bool = False
) -> bytes:
    """Return everything of a PUBLISH but its payload; a `packet_id` above 0 makes it QoS 1."""
    head = binary(message.topic.encode())
    if packet_id:
        head += packet_id.to_bytes(2, "big")
    if version == MQTT_5:
        properties = message.properties
        if expiry_s is not None:
            properties = {**properties, Property.MESSAGE_EXPIRY: expiry_s}
        head += encode_properties(properties)
    first = Kind.PUBLISH << 4 | is_repeated << 3 | (2 if packet_id else 0) | retain
    return bytes((first,)) + varint(len(head) + len(message.payload)) + head


_OLD_CODES: dict[int, int] = {
    Reason.SUCCESS: 0,
    Reason.UNSUPPORTED_VERSION: 1,
    Reason.CLIENT_ID_NOT_VALID: 2,
    Reason.BAD_CREDENTIALS: 4,
    Reason.NOT_AUTHORISED: 5,
}
_FORWARDED = frozenset(
    {
        Property.PAYLOAD_FORMAT,
        Property.CONTENT_TYPE,
        Property.RESPONSE_TOPIC,
        Property.CORRELATION_DATA,
        Property.USER_PROPERTY,
        Property.MESSAGE_EXPIRY,
    }
)
_OF_WILL = _FORWARDED | {Property.WILL_DELAY}
_OF_PUBLISH = _FORWARDED | {Property.TOPIC_ALIAS}
_OF_CONNECT = frozenset(
    {
        Property.SESSION_EXPIRY,
        Property.AUTHENTICATION_METHOD,
        Property.AUTHENTICATION_DATA,
        Property.REQUEST_PROBLEM_INFORMATION,
        Property.REQUEST_RESPONSE_INFORMATION,
        Property.RECEIVE_MAXIMUM,
        Property.TOPIC_ALIAS_MAXIMUM,
        Property.USER_PROPERTY,
        Property.MAXIMUM_PACKET_SIZE,
    }
)
_OF_SUBSCRIBE = frozenset({Property.SUBSCRIPTION_IDENTIFIER, Property.USER_PROPERTY})
_OF_UNSUBSCRIBE = frozenset({Property.USER_PROPERTY})
_OF_DISCONNECT = frozenset({Property.SESSION_EXPIRY, Property.REASON_STRING, Property.USER_PROPERTY})


def _packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + varint(len(body)) + body


def _parse_publish(flags: int, body: bytes, version: int) -> Publish:
    qos = flags >> 1 & 3
    if qos == 3:
        raise Violation(Reason.MALFORMED, "a PUBLISH with QoS 3")
    reader = Reader(body)
    topic = reader.text()
    packet_id = _packet_id(reader) if qos else 0
    properties = read_properties(reader, _OF_PUBLISH) if version == MQTT_5 else {}
    if Property.TOPIC_ALIAS in properties:
        raise Violation(Reason.TOPIC_ALIAS_NOT_VALID, "a topic alias, where none was offered")
    if not is_topic(topic):
        raise Violation(Reason.TOPIC_NAME_NOT_VALID, "a PUBLISH to a topic that is none")
    message = Message(topic=topic, payload=reader.rest(), qos=qos, retain=bool(flags & 1), properties=properties)
    return Publish(message=message, packet_id=packet_id)


def _parse_connect(_kind: Kind, reader: Reader, _version: int) -> Connect:
    name = reader.binary()
    version = reader.byte()
    if name != b"MQTT" or version not in {MQTT_3_1_1, MQTT_5}:
        raise Violation(Reason.UNSUPPORTED_VERSION, "a protocol that is not MQTT 3.1.1 or 5")
    flags = reader.byte()
    if flags & 1 or (flags >> 3 & 3) == 3 or (not flags & 4 and flags & 0x38):
        raise Violation(Reason.MALFORMED, "connect flags that contradict each other")
    keep_alive_s = reader.uint16()
    properties = read_properties(reader, _OF_CONNECT) if version == MQTT_5 else {}
    client_id = reader.text()
    will = _parse_will(reader, flags, version) if flags & 4 else None
    return Connect(
        version=version,
        client_id=client_id,
        clean=bool(flags & 2),
        keep_alive_s=keep_alive_s,
        username=reader.text() if flags & 0x80 else None,
        password=reader.binary() if flags & 0x40 else None,
        will=will,
        properties=properties,
    )


def _parse_will(reader: Reader, flags: int, version: int) -> Message:
    properties = read_properties(reader, _OF_WILL) if version == MQTT_5 else {}
    # a will is sent at once here, as if it were always the session that ends (3.1.3.2.2)
    properties.pop(Property.WILL_DELAY, None)
    topic = reader.text()
    if not is_topic(topic):
        raise Violation(Reason.TOPIC_NAME_NOT_VALID, "a will for a topic that is none")
    return Message(topic=topic, payload=reader.binary(), qos=flags >> 3 & 3, retain=bool(flags & 0x20), properties=properties)


def _parse_acknowledgement(kind: Kind, reader: Reader, version: int) -> Acknowledgement:
    packet_id = _packet_id(reader)
    return Acknowledgement(kind=kind, packet_id=packet_id, reason=0 if reader.at_end or version < MQTT_5 else reader.byte())


def _parse_subscribe(_kind: Kind, reader: Reader, version: int) -> Subscribe:
    packet_id = _packet_id(reader)
    if version == MQTT_5 and Property.SUBSCRIPTION_IDENTIFIER in read_properties(reader, _OF_SUBSCRIBE):
        raise Violation(Reason.SUBSCRIPTION_IDS_NOT_SUPPORTED, "a subscription identifier, where none is supported")
    wishes: list[Wish] = []
    while not reader.at_end:
        topic_filter, options = reader.text(), reader.byte()
        if options & 3 == 3 or options >> 4 & 3 == 3 or options & 0xC0 or (version < MQTT_5 and options > 2):
            raise Violation(Reason.MALFORMED, "subscription options that do not exist")
        wishes.append(
            Wish(
                filter=topic_filter,
                qos=options & 3,
                no_local=bool(options & 4),
                retain_as_published=bool(options & 8),
                retain_handling=options >> 4 & 3,
            )
        )
    if not wishes:
        raise Violation(Reason.PROTOCOL_ERROR, "a SUBSCRIBE without a topic filter")
    return Subscribe(packet_id=packet_id, wishes=tuple(wishes))


def _parse_unsubscribe(_kind: Kind, reader: Reader, version: int) -> Unsubscribe:
    packet_id = _packet_id(reader)
    if version == MQTT_5:
        read_properties(reader, _OF_UNSUBSCRIBE)
    filters: list[str] = []
    while not reader.at_end:
        filters.append(reader.text())
        if not is_filter(filters[-1]):
            raise Violation(Reason.TOPIC_FILTER_NOT_VALID, "an UNSUBSCRIBE from a filter that is none")
    if not filters:
        raise Violation(Reason.PROTOCOL_ERROR, "an UNSUBSCRIBE without a topic filter")
    return Unsubscribe(packet_id=packet_id, filters=tuple(filters))


def _packet_id(reader: Reader) -> int:
    packet_id = reader.uint16()
    if packet_id == 0:
        raise Violation(Reason.PROTOCOL_ERROR, "packet identifier 0")
    return packet_id


def _parse_ping(_kind: Kind, _reader: Reader, _version: int) -> Ping:
    return Ping()


def _parse_disconnect(_kind: Kind, reader: Reader, version: int) -> Disconnect:
    if reader.at_end or version < MQTT_5:
        return Disconnect()
    reason, rest = reader.byte(), reader.rest()
    expiry_s = read_properties(Reader(rest), _OF_DISCONNECT).get(Property.SESSION_EXPIRY) if rest else None
    return Disconnect(reason=reason, session_expiry_s=expiry_s if isinstance(expiry_s, int) else None)


_PARSERS: dict[int, Callable[[Kind, Reader, int], Packet]] = {
    Kind.CONNECT: _parse_connect,
    Kind.PUBACK: _parse_acknowledgement,
    Kind.PUBREC: _parse_acknowledgement,
    Kind.PUBREL: _parse_acknowledgement,
    Kind.PUBCOMP: _parse_acknowledgement,
    Kind.SUBSCRIBE: _parse_subscribe,
    Kind.UNSUBSCRIBE: _parse_unsubscribe,
    Kind.PINGREQ: _parse_ping,
    Kind.DISCONNECT: _parse_disconnect,
}
