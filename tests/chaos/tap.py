"""Reads MQTT as it passes: what the bridge published, what the broker acknowledged, and what it handed to the bridge.

This is the run's truth about delivery. A subscriber on the broker is not: a message that the broker has acknowledged
and not yet passed on when it is killed is the broker's loss, not the bridge's (docs/decisions/0801-chaos-truth.md).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

CONNECT, CONNACK, PUBLISH, PUBACK, SUBACK, PINGRESP = 1, 2, 3, 4, 9, 13
_REFUSED = 0x80


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that the broker acknowledged (QoS 1); `sent` orders all messages as they were first sent."""

    topic: str
    payload: bytes
    sent: int
    at: float


@dataclass(frozen=True, slots=True)
class Handed:
    """A message that was handed to the bridge; `confirmed` is when it acknowledged it, None if it did not on that connection."""

    topic: str
    payload: bytes
    at: float
    confirmed: float | None = None


@dataclass(slots=True)
class Tap:
    """Collects what was accepted and what was handed over, over all connections."""

    accepted: list[Accepted] = field(default_factory=list)
    handed: list[Handed] = field(default_factory=list)
    refused: int = 0
    sent: int = 0
    lost: dict[tuple[str, bytes], int] = field(default_factory=dict)
    """When each message was first sent that was lost on its way: its place among the others is that one."""

    def connection(self) -> TappedConnection:
        """Listen to one more connection."""
        return TappedConnection(self)


class TappedConnection:
    """One connection: bytes go in as they are passed on, in each direction."""

    def __init__(self, tap: Tap) -> None:
        self._tap = tap
        self._up, self._down = bytearray(), bytearray()
        self._version = 4
        self._open: dict[int, tuple[str, bytes, int]] = {}
        self._handed: dict[int, int] = {}

    def from_client(self, chunk: bytes) -> None:
        """Take in what has been handed to the broker."""
        self._up += chunk
        while packet := next_packet(self._up):
            head, body = packet
            if head >> 4 == CONNECT:
                self._version = body[6]
            elif head >> 4 == PUBLISH:
                self._published(head, body)
            elif head >> 4 == PUBACK:
                self._confirmed(body)

    def from_broker(self, chunk: bytes) -> None:
        """Take in what the broker has answered."""
        self._down += chunk
        while packet := next_packet(self._down):
            head, body = packet
            if head >> 4 == PUBACK:
                self._acknowledged(body)
            elif head >> 4 == PUBLISH:
                self._handed_over(head, body)

    def lost(self, packet: bytes) -> None:
        """Hear of a PUBLISH that the client has sent and that was not passed on."""
        head, body = next_packet(bytearray(packet)) or (0, b"")
        topic, payload, _ = publication(head, body, self._version)
        self._tap.sent += 1
        self._tap.lost.setdefault((topic, payload), self._tap.sent)

    def _published(self, head: int, body: bytes) -> None:
        topic, payload, number = publication(head, body, self._version)
        assert topic, "the bridge uses topic aliases, which the tap does not follow"
        self._tap.sent += 1
        if number is not None:
            self._open[number] = (topic, payload, self._tap.lost.get((topic, payload), self._tap.sent))

    def _acknowledged(self, body: bytes) -> None:
        number = int.from_bytes(body[:2], "big")
        if number not in self._open:
            return  # acknowledged twice, as what was sent twice
        topic, payload, sent = self._open.pop(number)
        if len(body) > 2 and body[2] >= _REFUSED:
            self._tap.refused += 1
        else:
            self._tap.accepted.append(Accepted(topic, payload, sent, time.monotonic()))

    def _handed_over(self, head: int, body: bytes) -> None:
        topic, payload, number = publication(head, body, self._version)
        if number is not None:
            self._handed[number] = len(self._tap.handed)
            self._tap.handed.append(Handed(topic, payload, time.monotonic()))

    def _confirmed(self, body: bytes) -> None:
        index = self._handed.pop(int.from_bytes(body[:2], "big"), None)
        if index is not None:
            before = self._tap.handed[index]
            self._tap.handed[index] = Handed(before.topic, before.payload, before.at, time.monotonic())


def publication(head: int, body: bytes, version: int) -> tuple[str, bytes, int | None]:
    """Return a PUBLISH's topic, payload and number, None for QoS 0."""
    length = int.from_bytes(body[:2], "big")
    topic, rest = body[2 : 2 + length].decode(), body[2 + length :]
    number = None
    if head >> 1 & 3:
        number, rest = int.from_bytes(rest[:2], "big"), rest[2:]
    if version == 5:
        size, taken = _variable(rest)
        rest = rest[taken + size :]
    return topic, bytes(rest), number


def next_packet(buffer: bytearray) -> tuple[int, bytes] | None:
    """Take the first whole packet out of the buffer."""
    if len(buffer) < 2:
        return None
    try:
        size, taken = _variable(bytes(buffer[1:5]))
    except IndexError:
        return None
    end = 1 + taken + size
    if len(buffer) < end:
        return None
    packet = buffer[0], bytes(buffer[1 + taken : end])
    del buffer[:end]
    return packet


def packet_of(head: int, body: bytes) -> bytes:
    """Return the bytes of a packet."""
    size, length = len(body), bytearray()
    while True:
        size, low = divmod(size, 128)
        length.append(low | (0x80 if size else 0))
        if not size:
            return bytes([head]) + bytes(length) + body


def _variable(data: bytes) -> tuple[int, int]:
    """Return a variable byte integer (MQTT 5, 1.5.5) and its length."""
    value = 0
    for index in range(4):
        value |= (data[index] & 0x7F) << 7 * index
        if not data[index] & 0x80:
            return value, index + 1
    raise ValueError("not MQTT")
