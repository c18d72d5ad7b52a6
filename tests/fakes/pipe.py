"""A link without a network: it shows what was published, and acknowledges and blocks when a test says so."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.mqtt.counters import Counters
from vms_bridge.mqtt.outbox import Outbox

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.mqtt.sizes import Sizes


@dataclass(frozen=True, slots=True)
class Sent:
    """One message as it was published."""

    topic: str
    payload: bytes
    retain: bool
    qos: int
    expiry_s: int | None = None
    correlation: bytes | None = None


class FakePipe:
    """Takes everything while `is_ready`; `largest` is the payload size that the broker bears."""

    def __init__(self, *, window: int = 100, largest: int = 1_000_000, sizes: Sizes | None = None) -> None:
        self.is_open = True
        self.is_ready = True
        self.window = window
        self.largest = largest
        self.flushes = 0
        self.sent: list[Sent] = []
        self.waiting: deque[tuple[Sent, Callable[[int], None]]] = deque()
        self.soon: deque[Callable[[], None]] = deque()
        self.dropped: list[str] = []
        self.counters = Counters()
        self.outbox = Outbox(
            self,
            call_soon=self.soon.append,
            on_dropped=lambda topic, _size: self.dropped.append(topic),
            counters=self.counters,
            sizes=sizes,
        )

    @property
    def unacknowledged(self) -> int:
        return len(self.waiting)

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
        if not self.is_open or len(payload) > self.largest:
            return False
        sent = Sent(topic, payload, retain, 1 if on_ack else 0, expiry_s, correlation)
        self.sent.append(sent)
        if on_ack:
            self.waiting.append((sent, on_ack))
        return True

    def flush(self) -> None:
        self.flushes += 1

    def turn(self) -> int:
        """Run what was scheduled for the next turn of the loop, and say how many messages left meanwhile."""
        before = len(self.sent)
        for _ in range(len(self.soon)):
            self.soon.popleft()()
        return len(self.sent) - before

    def run(self) -> list[Sent]:
        """Run turns until nothing more happens, and return what left meanwhile."""
        before = len(self.sent)
        while self.soon:
            self.turn()
        return self.sent[before:]

    def settle(self) -> list[Sent]:
        """Run, and acknowledge everything, until nothing is left to do; return what left meanwhile."""
        before = len(self.sent)
        while self.soon or self.waiting:
            self.run()
            while self.waiting:
                self.ack()
        return self.sent[before:]

    def ack(self, code: int = 0) -> Sent:
        """Acknowledge the oldest message."""
        sent, on_ack = self.waiting.popleft()
        on_ack(code)
        return sent

    def retained(self) -> dict[str, bytes]:
        """What a broker would hold after all this."""
        held: dict[str, bytes] = {}
        for each in self.sent:
            if each.retain and each.payload:
                held[each.topic] = each.payload
            elif each.retain:
                held.pop(each.topic, None)
        return held
