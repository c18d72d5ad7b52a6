"""How long to wait before the next attempt."""

from __future__ import annotations

HEALTHY_S = 30.0
"""What held for so long was well; its loss is the first of a new row."""
_MOST_DOUBLINGS = 30


class Backoff:
    """Waits that double with each failure in a row, up to the longest."""

    def __init__(self, first_s: float, longest_s: float) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self.failures = 0
        """How many there were in a row."""

    def reset(self) -> None:
        """Begin a new row."""
        self.failures = 0

    def failed(self, *, lasted_s: float = 0.0, longest_s: float | None = None) -> float:
        """Note a failure, of something that had held for a while, and return how long to wait (at most `longest_s`)."""
        if lasted_s >= HEALTHY_S:
            self.reset()
        wait_s = self._first_s * 2.0 ** min(self.failures, _MOST_DOUBLINGS)
        self.failures += 1
        return min(wait_s, self._longest_s if longest_s is None else longest_s)
