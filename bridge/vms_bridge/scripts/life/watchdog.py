"""Finds out that a worker hangs: pure arithmetic of how long it has had, told in steps in which the bridge itself was awake."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vms_bridge.clock import Clock

STEP_S = 1.0
PING_STEPS = 2
SILENT_S = 5.0
"""A worker that has not answered a ping for so long is ended: an answer to one before it does not count."""
START_S = 30.0
"""How long a worker may take to lock itself down."""
LOAD_S = 15.0
"""How long it may take to run the top level of its script, which has nothing to do but declare."""
CALL_GRACE_S = 5.0
"""How much longer than it may a call can take until the worker is ended: it cancels the call itself, in time."""


@dataclass(slots=True)
class _Limit:
    left_s: float
    what: str


@dataclass(slots=True)
class Watchdog:
    """Of one worker. Nothing counts while the worker is held up, and a step never counts more than two: the bridge slept too."""

    _limits: dict[object, _Limit] = field(default_factory=dict)

    def pinged(self, number: int) -> None:
        """Note that it was asked by this number whether it is there."""
        text = f"it did not answer for {SILENT_S:g} s: its program blocks, or never comes to an end"
        self._limits["ping", number] = _Limit(SILENT_S, text)

    def answered(self, number: int) -> bool:
        """Note that it is there by its answer to that; returns whether it was asked so, and has not answered before."""
        return self._limits.pop(("ping", number), None) is not None

    def limit(self, key: object, seconds: float, what: str) -> None:
        """Have something end within that time; `what` completes `it did not ... within`."""
        self._limits[key] = _Limit(seconds, f"it did not {what} within {seconds:g} s")

    def over(self, key: object) -> None:
        """Note that it has ended."""
        self._limits.pop(key, None)

    def step(self, passed_s: float) -> str | None:
        """Let time pass; returns why the worker has to be ended, if it has."""
        passed_s = min(max(passed_s, 0.0), 2 * STEP_S)
        for limit in self._limits.values():
            limit.left_s -= passed_s
        return next((limit.what for limit in self._limits.values() if limit.left_s <= 0), None)


class Held:
    """Counts for how long a worker was made to stand still."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since_s: float | None = None
        self._seconds = 0.0

    def begin(self) -> None:
        """Note that it stands still from now on."""
        if self._since_s is None:
            self._since_s = self._clock.monotonic()

    def end(self) -> None:
        """Note that it goes on."""
        if self._since_s is not None:
            self._seconds += self._clock.monotonic() - self._since_s
            self._since_s = None

    def take(self) -> float:
        """Return for how long it stood still since this was asked last."""
        now = self._clock.monotonic()
        if self._since_s is not None:
            self._seconds += now - self._since_s
            self._since_s = now
        seconds, self._seconds = self._seconds, 0.0
        return seconds
