"""The data types, properties and reason codes of MQTT 5 (1.5, 2.2.2, 2.4)."""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping


class Reason(IntEnum):
    """Why something was refused, or was not."""

    SUCCESS = 0x00
    DISCONNECT_WITH_WILL = 0x04
    NO_SUBSCRIPTION_EXISTED = 0x11
    UNSPECIFIED = 0x80
    MALFORMED = 0x81
    PROTOCOL_ERROR = 0x82
    UNSUPPORTED_VERSION = 0x84
    CLIENT_ID_NOT_VALID = 0x85
    BAD_CREDENTIALS = 0x86
    NOT_AUTHORISED = 0x87
    SERVER_UNAVAILABLE = 0x88
    SERVER_SHUTTING_DOWN = 0x8B
    BAD_AUTHENTICATION_METHOD = 0x8C
    KEEP_ALIVE_TIMEOUT = 0x8D
    SESSION_TAKEN_OVER = 0x8E
    TOPIC_FILTER_NOT_VALID = 0x8F
    TOPIC_NAME_NOT_VALID = 0x90
    RECEIVE_MAXIMUM_EXCEEDED = 0x93
    TOPIC_ALIAS_NOT_VALID = 0x94
    PACKET_TOO_LARGE = 0x95
    QUOTA_EXCEEDED = 0x97
    ADMINISTRATIVE_ACTION = 0x98
    SHARED_SUBSCRIPTIONS_NOT_SUPPORTED = 0x9E
    SUBSCRIPTION_IDS_NOT_SUPPORTED = 0xA1


class Violation(Exception):
    """What a client sent breaks the protocol; `reason` is what the client is told."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Property(IntEnum):
    """What a packet can carry besides its fixed fields."""

    PAYLOAD_FORMAT = 0x01
    MESSAGE_EXPIRY = 0x02
    CONTENT_TYPE = 0x03
    RESPONSE_TOPIC = 0x08
    CORRELATION_DATA = 0x09
    SUBSCRIPTION_IDENTIFIER = 0x0B
    SESSION_EXPIRY = 0x11
    ASSIGNED_CLIENT_ID = 0x12
    AUTHENTICATION_METHOD = 0x15
    AUTHENTICATION_DATA = 0x16
    REQUEST_PROBLEM_INFORMATION = 0x17
    WILL_DELAY = 0x18
    REQUEST_RESPONSE_INFORMATION = 0x19
    REASON_STRING = 0x1F
    RECEIVE_MAXIMUM = 0x21
    TOPIC_ALIAS_MAXIMUM = 0x22
    TOPIC_ALIAS = 0x23
    USER_PROPERTY = 0x26
    MAXIMUM_PACKET_SIZE = 0x27
    SUBSCRIPTION_IDS_AVAILABLE = 0x29
    SHARED_SUBSCRIPTIONS_AVAILABLE = 0x2A


PropertyValue = int | str | bytes | tuple[tuple[str, str], ...]
Properties = dict[Property, PropertyValue]
"""Properties by name; the user properties are one value, a tuple of pairs in their order."""

_BYTES = frozenset(
    {
        Property.PAYLOAD_FORMAT,
        Property.REQUEST_PROBLEM_INFORMATION,
        Property.REQUEST_RESPONSE_INFORMATION,
        Property.SUBSCRIPTION_IDS_AVAILABLE,
        Property.SHARED_SUBSCRIPTIONS_AVAILABLE,
    }
)
_TWO_BYTES = frozenset({Property.RECEIVE_MAXIMUM, Property.TOPIC_ALIAS_MAXIMUM, Property.TOPIC_ALIAS})
_FOUR_BYTES = frozenset({Property.MESSAGE_EXPIRY, Property.SESSION_EXPIRY, Property.WILL_DELAY, Property.MAXIMUM_PACKET_SIZE})
_TEXTS = frozenset(
    {
        Property.CONTENT_TYPE,
        Property.RESPONSE_TOPIC,
        Property.ASSIGNED_CLIENT_ID,
        Property.AUTHENTICATION_METHOD,
        Property.REASON_STRING,
    }
)
_NOT_ZERO = frozenset({Property.RECEIVE_MAXIMUM, Property.MAXIMUM_PACKET_SIZE, Property.SUBSCRIPTION_IDENTIFIER})


class Reader:
    """Reads MQTT's data types from a packet's body, one after the other; raises Violation where it ends too early."""

    __slots__ = ("_data", "_position")

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    @property
    def at_end(self) -> bool:
        """Whether everything is read."""
        return self._position >= len(self._data)

    def take(self, count: int) -> bytes:
        """Read that many bytes."""
        end = self._position + count
        if end > len(self._data):
            raise Violation(Reason.MALFORMED, "a packet that ends too early")
        taken = self._data[self._position : end]
        self._position = end
        return taken

    def rest(self) -> bytes:
        """Read everything that is left."""
        return self.take(len(self._data) - self._position)

    def byte(self) -> int:
        """Read a number of one byte."""
        return self.take(1)[0]

    def uint16(self) -> int:
        """Read a number of two bytes."""
        return int.from_bytes(self.take(2), "big")

    def uint32(self) -> int:
        """Read a number of four bytes."""
        return int.from_bytes(self.take(4), "big")

    def varint(self) -> int:
        """Read a number of one to four bytes."""
        value = 0
        for shift in (0, 7, 14, 21):
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
        raise Violation(Reason.MALFORMED, "a variable byte integer of more than four bytes")

    def binary(self) -> bytes:
        """Read bytes with their length in front."""
        return self.take(self.uint16())

    def text(self) -> str:
        """Read a UTF-8 string with its length in front."""
        try:
            text = self.binary().decode()
        except UnicodeDecodeError as error:
            raise Violation(Reason.MALFORMED, "a string that is not UTF-8") from error
        if "\0" in text:
            raise Violation(Reason.MALFORMED, "a string with a null character")
        return text


def read_properties(reader: Reader, allowed: frozenset[Property]) -> Properties:
    """Read a packet's properties, of which only those in `allowed` may occur there."""
    length = reader.varint()
    if length == 0:
        return {}
    inner = Reader(reader.take(length))
    properties: Properties = {}
    pairs: list[tuple[str, str]] = []
    while not inner.at_end:
        try:
            name = Property(inner.varint())
        except ValueError as error:
            raise Violation(Reason.MALFORMED, "a property that does not exist") from error
        if name not in allowed or name in properties:
            raise Violation(Reason.PROTOCOL_ERROR, f"the property {name.name} twice, or where it does not belong")
        if name is Property.USER_PROPERTY:
            pairs.append((inner.text(), inner.text()))
            continue
        properties[name] = value = _read_value(inner, name)
        if name in _NOT_ZERO and not value:
            raise Violation(Reason.PROTOCOL_ERROR, f"the property {name.name} with the value 0")
    if pairs:
        properties[Property.USER_PROPERTY] = tuple(pairs)
    return properties


def encode_properties(properties: Mapping[Property, PropertyValue]) -> bytes:
    """Return properties with their length in front."""
    if not properties:
        return b"\0"
    body = b"".join(_encode_property(name, value) for name, value in properties.items())
    return varint(len(body)) + body


def number(properties: Mapping[Property, PropertyValue], name: Property, default: int) -> int:
    """Return a numeric property, or the default where it is missing."""
    value = properties.get(name)
    return value if isinstance(value, int) else default


def varint(value: int) -> bytes:
    """Encode a number below 2^28 in one to four bytes."""
    encoded = bytearray()
    while value >= 0x80:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def binary(data: bytes) -> bytes:
    """Encode bytes with their length in front."""
    return len(data).to_bytes(2, "big") + data


def _read_value(reader: Reader, name: Property) -> PropertyValue:
    if name in _BYTES:
        return reader.byte()
    if name in _TWO_BYTES:
        return reader.uint16()
    if name in _FOUR_BYTES:
        return reader.uint32()
    if name in _TEXTS:
        return reader.text()
    if name is Property.SUBSCRIPTION_IDENTIFIER:
        return reader.varint()
    return reader.binary()


def _encode_property(name: Property, value: PropertyValue) -> bytes:
    head = bytes((name,))
    if isinstance(value, int):
        size = 1 if name in _BYTES else 2 if name in _TWO_BYTES else 4
        return head + value.to_bytes(size, "big")
    if isinstance(value, bytes):
        return head + binary(value)
    if isinstance(value, str):
        return head + binary(value.encode())
    return b"".join(head + binary(key.encode()) + binary(text.encode()) for key, text in value)
