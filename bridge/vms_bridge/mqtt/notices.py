"""Messages that may come up again and again, said once in a while.

`logs.Trouble` is for one thing that begins and is over at some time. Nobody learns when these are over (a kind of
topic that the access list forbids), and a connection that flaps must not be logged each time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.mqtt.counters import Timings

if TYPE_CHECKING:
    import logging

    from vms_bridge.clock import Clock
    from vms_bridge.mqtt.counters import Counters

_LIMIT = 256


class Notices:
    """Logs a warning of each subject at most once per `interval_s`, with the count of those held back."""

    def __init__(self, logger: logging.Logger, clock: Clock, *, interval_s: float = 60.0) -> None:
        self._logger = logger
        self._clock = clock
        self._interval_s = interval_s
        self._said: dict[str, tuple[float, int]] = {}

    def warn(self, subject: str, message: str) -> None:
        """Log `message`, unless one of this subject was logged a short while ago."""
        now = self._clock.monotonic()
        said, held_back = self._said.pop(subject, (None, 0))  # set anew below: forgotten is what came up longest ago
        if said is not None and now - said < self._interval_s:
            self._said[subject] = (said, held_back + 1)
            return
        if len(self._said) >= _LIMIT:
            del self._said[next(iter(self._said))]
        self._said[subject] = (now, 0)
        self._logger.warning("%s%s", message, f" ({held_back} more like this)" if held_back else "")

    def clear(self) -> None:
        """Let the next message of each subject be logged at once."""
        self._said.clear()


@dataclass(frozen=True, slots=True)
class Reports:
    """Where a part says what went wrong, in words for the log and counted for the hello, and how long things took."""

    notices: Notices
    counters: Counters
    timings: Timings = field(default_factory=Timings)
