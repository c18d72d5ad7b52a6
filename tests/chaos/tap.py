"""Reads MQTT as it passes: what the bridge published, and what the broker acknowledged.

This is the run's truth about delivery. A subscriber on the broker is not: a message that the broker has acknowledged
and not yet passed on when it is killed is the broker's loss, not the bridge's (docs/decisions/0801-chaos-truth.md).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

_CONNECT, _PUBLISH, _PUBACK = 1, 3, 4
_REFUSED = 0x80


@dataclass(frozen=True, slots=True)
class Accepted:
    """A message that the broker acknowledged (QoS 1); `sent` orders all messages as they were first sent."""

    topic: str
    payload: bytes
    sent: int
    at: float


@dataclass(slots=True)
class Tap:
    """Collects what was accepted, over all connections."""

    accepted: list[Accepted] = field(default_factory=list)
    refused: int = 0
    sent: int = 0

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

    def from_client(self, chunk: bytes) -> None:
        """Take in what has been handed to the broker."""
        self._up += chunk
        while packet := _next_packet(self._up):
            head, body = packet
            if head >> 4 == _CONNECT:
                self._version = body[6]
            elif head >> 4 == _PUBLISH:
                self._published(head, body)

    def from_broker(self, chunk: bytes) -> None:
        """Take in what the broker has answered."""
        self._down += chunk
        while packet := _next_packet(self._down):
            head, body = packet
            if head >> 4 == _PUBACK:
                self._acknowledged(body)

    def _published(self, head: int, body: bytes) -> None:
        length = int.from_bytes(body[:2], "big")
        topic, rest = body[2 : 2 + length].decode(), body[2 + length :]
        assert topic, "the bridge uses topic aliases, which the tap does not follow"
        self._tap.sent += 1
        if not head >> 1 & 3:
            return
        number, rest = int.from_bytes(rest[:2], "big"), rest[2:]
        if self._version == 5:
            size, taken = _variable(rest)
            rest = rest[taken + size :]
        self._open[number] = (topic, bytes(rest), self._tap.sent)

    def _acknowledged(self, body: bytes) -> None:
        topic, payload, sent = self._open.pop(int.from_bytes(body[:2], "big"))
        if len(body) > 2 and body[2] >= _REFUSED:
            self._tap.refused += 1
        else:
            self._tap.accepted.append(Accepted(topic, payload, sent, time.monotonic()))


def _next_packet(buffer: bytearray) -> tuple[int, bytes] | None:
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


def _variable(data: bytes) -> tuple[int, int]:
    """Return a variable byte integer (MQTT 5, 1.5.5) and its length."""
    value = 0
    for index in range(4):
        value |= (data[index] & 0x7F) << 7 * index
        if not data[index] & 0x80:
            return value, index + 1
    raise ValueError("not MQTT")
