"""What waits to be told to a script: a bounded number, and what is urgent is never dropped for what is not.

In order, but for what the clock calls for: that goes behind all that is urgent, and of each schedule only the newest waits.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.scripts.values import SCHEDULED

if TYPE_CHECKING:
    from vms_bridge.scripts.values import Occurrence, Trigger

MOST_WAITING = 1_000
MOST_BYTES = 16 * 1024 * 1024
"""How much may stand behind all that waits."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A handler that is to be called, and with what."""

    trigger: Trigger
    occurrence: Occurrence


class Queue:
    """Of one script; it never makes anybody wait who offers."""

    def __init__(self, *, most: int = MOST_WAITING, most_bytes: int = MOST_BYTES) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._urgent: deque[tuple[int, Waiting]] = deque()
        self._plain: deque[tuple[int, Waiting]] = deque()
        self._due: dict[int, tuple[int, Waiting]] = {}
        """What the clock calls for, by its trigger: at most one for each, so that it needs no other bound.

        All three are in order, by numbers that count them together; what a newer one replaces keeps its number.
        """
        self._number = 0
        self._bytes = 0
        self.dropped = 0
        """How many there was no room for."""

    def __len__(self) -> int:
        return len(self._urgent) + len(self._plain) + len(self._due)

    def offer(self, trigger: Trigger, occurrence: Occurrence) -> int:
        """Have it wait at the end; returns how many were dropped for that: the oldest that are not urgent, else the oldest."""
        self._number += 1
        waiting = Waiting(trigger, occurrence)
        if occurrence.kind in SCHEDULED:
            number, _ = self._due.get(trigger.id, (self._number, None))
            self._due[trigger.id] = (number, waiting)
            return 0
        lane = self._urgent if occurrence.is_urgent else self._plain
        lane.append((self._number, waiting))
        self._bytes += len(occurrence.data)
        dropped = 0
        while (left := len(self._urgent) + len(self._plain)) > self._most or (self._bytes > self._most_bytes and left > 1):
            self._taken(self._plain or self._urgent)
            dropped += 1
        self.dropped += dropped
        return dropped

    def take(self) -> Waiting:
        """Take the one whose turn it is."""
        due = None if self._urgent or not self._due else next(iter(self._due))
        if due is not None and (not self._plain or self._due[due][0] < self._plain[0][0]):
            return self._due.pop(due)[1]
        is_urgent_first = self._urgent and (not self._plain or self._urgent[0][0] < self._plain[0][0])
        return self._taken(self._urgent if is_urgent_first else self._plain)

    def _taken(self, lane: deque[tuple[int, Waiting]]) -> Waiting:
        _, waiting = lane.popleft()
        self._bytes -= len(waiting.occurrence.data)
        return waiting
