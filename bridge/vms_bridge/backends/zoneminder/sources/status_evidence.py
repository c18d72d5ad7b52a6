"""What ZoneMinder has answered when it was asked for one monitor's alarm status."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.backends.ladder import Reading, Unfit

if TYPE_CHECKING:
    from vms_bridge.zoneminder import AlarmState

_OLD_S = 30.0


@dataclass(slots=True)
class StatusEvidence:
    """The last answer."""

    answer: AlarmState | None = None
    asked_at: float | None = None
    """When it was asked for, monotonic."""
    server_problem: str = ""
    """Why the server that runs the monitor can't be asked now, for people."""

    def server_is_down(self, problem: str) -> None:
        """Note why its server can't be asked; empty: it can."""
        self.server_problem = problem

    def asked(self, answer: AlarmState | None, monotonic: float) -> None:
        """Process an answer, None for one that does not say."""
        self.answer, self.asked_at = answer, monotonic

    def alarm(self, monotonic: float, lag_s: float | None) -> Reading[AlarmState | None] | Unfit:
        """Return the monitor's alarm; `lag_s` is how late an answer is at worst, None if it can't be had in time."""
        if self.server_problem:
            return Unfit(self.server_problem)
        if self.asked_at is None or monotonic - self.asked_at > (lag_s or 0) + _OLD_S:
            return Unfit("its status can't be asked in time")
        return Reading(self.answer, lag_s)
