"""What the embedded broker still has to send to one client: in order, within the client's window, and bounded."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.demo.packets import publish_head

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from vms_bridge.demo.packets import Message

_CHUNK_BYTES = 256 * 1024
_MAX_CONTROL = 20_000
_MAX_WINDOW = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingLimits:
    """Bounds for one client: its own wishes (`window`, `max_packet_bytes`) and the broker's (`max_…` of its queue)."""

    window: int = _MAX_WINDOW
    max_packet_bytes: int | None = None
    max_messages: int = 100_000
    max_bytes: int = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A message that a client with a session has not acknowledged; with the `packet_id` that it had, if it was sent."""

    message: Message
    retain: bool
    packet_id: int = 0
    qos: int = 1


class Outgoing:
    """The queue to one client.

    A message that finds the queue full is dropped, the newest one that is: what waits already is kept, as mosquitto
    does. All packets of one turn of the loop leave in one write, which is what makes an asyncio broker fast.
    """

    def __init__(
        self, transport: asyncio.Transport, version: int, limits: OutgoingLimits, monotonic: Callable[[], float]
    ) -> None:
        self._transport = transport
        self._version = version
        self._limits = limits
        self._monotonic = monotonic
        self._loop = asyncio.get_running_loop()
        self._window = min(limits.window, _MAX_WINDOW)
        self._control: list[bytes] = []
        self._ready: deque[tuple[Message, int, bool]] = deque()
        self._waiting: deque[tuple[Message, bool]] = deque()
        self._unacknowledged: dict[int, Kept] = {}
        self._repeated: set[int] = set()
        self._last_id = 0
        self._bytes = 0
        self._is_scheduled = False
        self._is_congested = False
        self.sent = 0
        self.dropped = 0

    @property
    def is_stuck(self) -> bool:
        """Whether the client sends and sends but never reads its answers."""
        return len(self._control) > _MAX_CONTROL

    def answer(self, packet: bytes) -> None:
        """Send a packet that is no message, ahead of the messages that wait."""
        self._control.append(packet)
        self._schedule()

    def deliver(self, message: Message, qos: int, *, retain: bool) -> None:
        """Queue a message for the client with that QoS, 0 or 1."""
        size = len(message.payload)
        if len(self._ready) + len(self._waiting) >= self._limits.max_messages or self._bytes + size > self._limits.max_bytes:
            self.dropped += 1
            return
        self._bytes += size
        if qos == 0:
            self._ready.append((message, 0, retain))
        elif self._waiting or len(self._unacknowledged) >= self._window:
            self._waiting.append((message, retain))
            return
        else:
            self._ready.append((message, self._next_id(message, retain=retain), retain))
        self._schedule()

    def leave(self) -> list[Kept]:
        """Return what the client would get if it came back: what it has not acknowledged, then what waits."""
        return [*self._unacknowledged.values(), *(Kept(message=message, retain=retain) for message, retain in self._waiting)]

    def restore(self, kept: Iterable[Kept]) -> None:
        """Send what a client that is back has not acknowledged: first, in order, and under the ids that it had."""
        for each in kept:
            self._bytes += len(each.message.payload)
            if not each.qos:
                self._ready.append((each.message, 0, each.retain))
                continue
            if self._waiting or len(self._unacknowledged) >= self._window:
                self._waiting.append((each.message, each.retain))
                continue
            if each.packet_id:
                self._unacknowledged[each.packet_id] = each
                self._repeated.add(each.packet_id)
            packet_id = each.packet_id or self._next_id(each.message, retain=each.retain)
            self._ready.append((each.message, packet_id, each.retain))
        self._schedule()

    def acknowledged(self, packet_id: int) -> None:
        """Take note that the client has this message, which lets the next one go."""
        self._unacknowledged.pop(packet_id, None)
        self._repeated.discard(packet_id)
        while self._waiting and len(self._unacknowledged) < self._window:
            message, retain = self._waiting.popleft()
            self._ready.append((message, self._next_id(message, retain=retain), retain))
        self._schedule()

    def pause(self) -> None:
        """Write no more: the client does not read."""
        self._is_congested = True

    def resume(self) -> None:
        """Go on."""
        self._is_congested = False
        self._schedule()

    def flush(self) -> None:
        """Write what may be written now."""
        self._is_scheduled = False
        while (self._control or self._ready) and not self._is_congested and not self._transport.is_closing():
            self._transport.write(self._chunk())

    def _schedule(self) -> None:
        if not self._is_scheduled and not self._is_congested:
            self._is_scheduled = True
            self._loop.call_soon(self.flush)

    def _chunk(self) -> bytes:
        pieces, self._control = self._control, []
        size = 0
        now = self._monotonic()
        while self._ready and size < _CHUNK_BYTES:
            message, packet_id, retain = self._ready.popleft()
            self._bytes -= len(message.payload)
            head = self._head(message, packet_id, now, retain=retain)
            if head is None:
                self.dropped += 1
                if packet_id:
                    self.acknowledged(packet_id)
                continue
            pieces += (head, message.payload)
            size += len(head) + len(message.payload)
            self.sent += 1
        return b"".join(pieces)

    def _head(self, message: Message, packet_id: int, now: float, *, retain: bool) -> bytes | None:
        expiry_s = None
        if message.expires is not None:
            if message.expires <= now:
                return None
            expiry_s = max(1, round(message.expires - now))
        head = publish_head(
            message, packet_id, self._version, retain=retain, expiry_s=expiry_s, is_repeated=packet_id in self._repeated
        )
        limit = self._limits.max_packet_bytes
        return None if limit is not None and len(head) + len(message.payload) > limit else head

    def _next_id(self, message: Message, *, retain: bool) -> int:
        while True:
            self._last_id = self._last_id % 65_535 + 1
            if self._last_id not in self._unacknowledged:
                self._unacknowledged[self._last_id] = Kept(message=message, retain=retain, packet_id=self._last_id)
                return self._last_id
