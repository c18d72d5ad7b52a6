from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vms_bridge.demo import packets
from vms_bridge.demo.packets import MQTT_3_1_1, MQTT_5, Kind, Message, Publish
from vms_bridge.demo.properties import (
    Properties,
    Property,
    Reader,
    Reason,
    Violation,
    binary,
    encode_properties,
    number,
    read_properties,
    varint,
)

TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)


def text(value: str) -> bytes:
    return binary(value.encode())


@given(first=st.integers(0, 255), body=st.binary(max_size=80), version=st.sampled_from([MQTT_3_1_1, MQTT_5]))
@settings(max_examples=500, deadline=None)
def test_any_bytes_are_a_packet_or_a_violation(first: int, body: bytes, version: int) -> None:
    try:
        packet = packets.parse(first, body, version)
    except Violation:
        return
    assert packet is not None


@given(
    topic=st.text(st.characters(codec="utf-8", exclude_characters="\0+#"), min_size=1, max_size=30),
    payload=st.binary(max_size=300),
    qos=st.integers(0, 1),
    retain=st.booleans(),
    pairs=st.lists(st.tuples(TEXT, TEXT), max_size=3),
    content_type=st.none() | TEXT,
    correlation=st.none() | st.binary(max_size=20),
    expiry=st.none() | st.integers(0, 2**32 - 1),
)
@settings(max_examples=200, deadline=None)
def test_a_message_survives_its_way_through_bytes(
    topic: str,
    payload: bytes,
    qos: int,
    *,
    retain: bool,
    pairs: list[tuple[str, str]],
    content_type: str | None,
    correlation: bytes | None,
    expiry: int | None,
) -> None:
    properties: Properties = {}
    if pairs:
        properties[Property.USER_PROPERTY] = tuple(pairs)
    if content_type is not None:
        properties[Property.CONTENT_TYPE] = content_type
    if correlation is not None:
        properties[Property.CORRELATION_DATA] = correlation
    message = Message(topic=topic, payload=payload, properties=properties)
    head = packets.publish_head(message, 77 * qos, MQTT_5, retain=retain, expiry_s=expiry)
    frame = packets.frame_length(head, 0)
    assert frame is not None
    start, length = frame
    assert length == len(head) - start + len(payload)
    parsed = packets.parse(head[0], head[start:] + payload, MQTT_5)
    assert isinstance(parsed, Publish)
    if expiry is not None:
        properties[Property.MESSAGE_EXPIRY] = expiry
    assert (parsed.message.topic, parsed.message.payload, parsed.message.qos) == (topic, payload, qos)
    assert (parsed.message.retain, parsed.message.properties, parsed.packet_id) == (retain, properties, 77 * qos)


@given(st.integers(0, 2**28 - 1))
@settings(max_examples=200, deadline=None)
def test_a_length_survives(value: int) -> None:
    encoded = varint(value)
    assert packets.frame_length(b"\x30" + encoded, 0) == (1 + len(encoded), value)
    assert Reader(encoded).varint() == value
    for end in range(len(encoded)):
        assert packets.frame_length(b"\x30" + encoded[:end], 0) is None


def test_a_length_has_four_bytes_at_most() -> None:
    with pytest.raises(Violation):
        packets.frame_length(b"\x30\x80\x80\x80\x80\x01", 0)
    with pytest.raises(Violation):
        Reader(b"\x80\x80\x80\x80\x01").varint()


@pytest.mark.parametrize(
    ("first", "body", "version", "reason"),
    [
        (0x36, b"", MQTT_5, Reason.MALFORMED),  # QoS 3
        (0x80, b"", MQTT_5, Reason.MALFORMED),  # SUBSCRIBE without its flag
        (0xF0, b"", MQTT_5, Reason.PROTOCOL_ERROR),  # AUTH
        (0x20, b"", MQTT_5, Reason.PROTOCOL_ERROR),  # CONNACK from a client
        (0x30, text("a/+") + b"\0", MQTT_5, Reason.TOPIC_NAME_NOT_VALID),
        (0x30, text("a\0b") + b"\0", MQTT_5, Reason.MALFORMED),
        (0x30, b"\0\2\xff\xff\0", MQTT_5, Reason.MALFORMED),
        (0x30, text("a") + b"\3\x23\0\1", MQTT_5, Reason.TOPIC_ALIAS_NOT_VALID),
        (0x30, text("a") + b"\2\x7f\0", MQTT_5, Reason.MALFORMED),  # no such property
        (0x30, text("a") + b"\5\x11\0\0\0\1", MQTT_5, Reason.PROTOCOL_ERROR),  # session expiry in a PUBLISH
        (0x30, text("a") + b"\4\1\0\1\0", MQTT_5, Reason.PROTOCOL_ERROR),  # a property twice
        (0x32, text("a") + b"\0\0\0", MQTT_5, Reason.PROTOCOL_ERROR),  # packet identifier 0
        (0x82, b"\0\1\0", MQTT_5, Reason.PROTOCOL_ERROR),  # no filter
        (0x82, b"\0\1\2\x0b\1" + text("a") + b"\0", MQTT_5, Reason.SUBSCRIPTION_IDS_NOT_SUPPORTED),
        (0x82, b"\0\1" + text("a") + b"\3", MQTT_3_1_1, Reason.MALFORMED),
        (0x82, b"\0\1" + text("a") + b"\4", MQTT_3_1_1, Reason.MALFORMED),
        (0x82, b"\0\1\0" + text("a") + b"\x30", MQTT_5, Reason.MALFORMED),
        (0xA2, b"\0\1\0", MQTT_5, Reason.PROTOCOL_ERROR),
        (0xA2, b"\0\1\0" + text("a#"), MQTT_5, Reason.TOPIC_FILTER_NOT_VALID),
        (0x10, text("MQIsdp") + b"\3\0\0\0", MQTT_5, Reason.UNSUPPORTED_VERSION),
        (0x10, text("MQTT") + b"\6\0\0\0", MQTT_5, Reason.UNSUPPORTED_VERSION),
        (0x10, text("MQTT") + b"\5\1\0\0\0" + text("a"), MQTT_5, Reason.MALFORMED),
        (0x10, text("MQTT") + b"\5\2\0\0\3\x21\0\0" + text("a"), MQTT_5, Reason.PROTOCOL_ERROR),  # receive maximum 0
        (0x10, text("MQTT") + b"\4\6\0\0" + text("a") + text("w/#") + text(""), MQTT_5, Reason.TOPIC_NAME_NOT_VALID),
    ],
)
def test_a_violation_names_its_reason(first: int, body: bytes, version: int, reason: Reason) -> None:
    with pytest.raises(Violation) as caught:
        packets.parse(first, body, version)
    assert caught.value.reason is reason


def test_every_type_of_property_survives() -> None:
    properties: Properties = {
        Property.PAYLOAD_FORMAT: 1,
        Property.RECEIVE_MAXIMUM: 20,
        Property.SESSION_EXPIRY: 70_000,
        Property.CONTENT_TYPE: "image/jpeg",
        Property.AUTHENTICATION_DATA: b"\0\1",
        Property.USER_PROPERTY: (("a", "1"), ("a", "2")),
    }
    encoded = encode_properties(properties)
    assert read_properties(Reader(encoded), frozenset(Property)) == properties
    assert number(properties, Property.RECEIVE_MAXIMUM, 5) == 20
    assert number(properties, Property.CONTENT_TYPE, 5) == 5
    assert read_properties(Reader(b"\2\x0b\7"), frozenset(Property)) == {Property.SUBSCRIPTION_IDENTIFIER: 7}


def test_a_password_is_not_shown() -> None:
    body = text("MQTT") + b"\4\xc2\0\0" + text("me") + text("user") + text("sesame")
    connect = packets.parse(0x10, body, MQTT_3_1_1)
    assert isinstance(connect, packets.Connect)
    assert connect.password == b"sesame"
    assert "sesame" not in repr(connect)


def test_answers_differ_by_version() -> None:
    assert packets.connack(MQTT_3_1_1, Reason.NOT_AUTHORISED, {}) == b"\x20\2\0\5"
    assert packets.connack(MQTT_3_1_1, Reason.QUOTA_EXCEEDED, {}) == b"\x20\2\0\3"
    assert packets.connack(MQTT_5, 0, {Property.RECEIVE_MAXIMUM: 1}) == b"\x20\6\0\0\3\x21\0\1"
    assert packets.acknowledgement(Kind.PUBACK, 5, MQTT_5, 0x87) == b"\x40\3\0\5\x87"
    assert packets.acknowledgement(Kind.PUBACK, 5, MQTT_3_1_1, 0x87) == b"\x40\2\0\5"
    assert packets.acknowledgement(Kind.PUBREL, 5, MQTT_5) == b"\x62\2\0\5"
    assert packets.suback(Kind.SUBACK, 1, [1, 0x8F], MQTT_3_1_1) == b"\x90\4\0\1\1\x80"
    assert packets.suback(Kind.UNSUBACK, 1, [0, 0x11], MQTT_5) == b"\xb0\5\0\1\0\0\x11"
    assert packets.suback(Kind.UNSUBACK, 1, [0], MQTT_3_1_1) == b"\xb0\2\0\1"
