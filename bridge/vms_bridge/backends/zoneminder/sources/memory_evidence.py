"""What shared memory has shown of one monitor."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.backends.ladder import Reading, Steadiness, Unfit
from vms_bridge.backends.zoneminder.alarm_cause import AlarmCause
from vms_bridge.backends.zoneminder.sampler import LAG_S
from vms_bridge.backends.zoneminder.trigger import Trigger
from vms_bridge.zoneminder.memory import Force

if TYPE_CHECKING:
    from vms_bridge.zoneminder import AlarmState
    from vms_bridge.zoneminder.memory import Sample

STEP_UP_S = 1.0
"""So long it has to be good before it is believed again."""


@dataclass(slots=True)
class MemoryEvidence:
    """The last sample, and what the samples before it have shown; `monotonic` times are the bridge's."""

    sample: Sample | None = None
    problem: str | None = None
    """Why there is none, for people."""
    is_foreign: bool = False
    """Whether it is another ZoneMinder's."""
    has_scores: bool = False
    """Whether the daemon's version writes scores there."""
    trigger: Trigger = field(default_factory=Trigger)
    cause: AlarmCause = field(default_factory=AlarmCause)
    _steadiness: Steadiness = field(default_factory=lambda: Steadiness(STEP_UP_S))

    @property
    def own(self) -> Sample | None:
        """The last sample, if it is of this ZoneMinder's memory."""
        return None if self.is_foreign else self.sample

    def saw(self, sample: Sample, monotonic: float) -> None:
        """Process a sample."""
        if self.sample is None or self.sample.startup != sample.startup:
            self.is_foreign = False  # as far as is known of this daemon
        self._steadiness.good(monotonic)
        self.trigger.saw(sample)
        self.cause.saw(sample)
        self.sample, self.problem = sample, None
        self.has_scores = self.has_scores or sample.score is not None

    def lost(self, problem: str) -> None:
        """Note that it can't be read."""
        self._steadiness.bad()
        self.cause.forget()
        self.sample, self.problem = None, problem

    def disown(self, problem: str) -> None:
        """Note that it is another ZoneMinder's."""
        self.is_foreign, self.problem = True, problem

    def is_used(self, monotonic: float) -> bool:
        """Say whether it is good enough to be the source: it must have been so for a moment."""
        return self.own is not None and self._steadiness.is_steady(monotonic)

    def alarm(self, monotonic: float) -> Reading[AlarmState | None] | Unfit:
        """Return the monitor's alarm."""
        sample = self.own
        if sample is None:
            return Unfit(self.problem or "")
        if not self._steadiness.is_steady(monotonic):
            return Unfit("shared memory has only just come back")
        return Reading(sample.alarm, LAG_S)

    def is_forced(self) -> bool | None:
        """Say whether the alarm is a forced one, None where that can't be determined."""
        return None if self.trigger.force is None else self.trigger.force is Force.ALARM

    def detects(self) -> bool:
        """Say whether detection is not paused."""
        return self.sample is not None and self.sample.is_detecting and self.trigger.force is not Force.NO_ALARM
