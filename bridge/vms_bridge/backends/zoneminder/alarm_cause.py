"""What caused the alarm that runs, by shared memory.

Up to 1.36 ZoneMinder writes the cause there at the beginning of each alarm, though none for one that is forced within an event.
From 1.37 on it writes that of each event: for an alarm within a running one it says what was there before, mostly `Continuous`.
Then the trigger shows what is forced, and the zones' scores show motion.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.zoneminder import MOTION
from vms_bridge.zoneminder.memory import Force

if TYPE_CHECKING:
    from vms_bridge.zoneminder.memory import Sample

_CONTINUOUS, _MOTION = "Continuous", "Motion"


@dataclass(slots=True)
class AlarmCause:
    """One monitor's alarm cause; `text` is None while there is no alarm, and where nothing says."""

    text: str | None = None
    _calm: Sample | None = field(default=None)
    """The last sample without an alarm."""

    def saw(self, sample: Sample) -> None:
        """Process a sample of the shared memory."""
        if sample.alarm in MOTION:
            self.text = self._own(sample) or self.text or self._by_others(sample)
        else:
            self.text, self._calm = None, sample

    def forget(self) -> None:
        """Note that the memory can't be seen any more."""
        self.text = self._calm = None

    def _own(self, sample: Sample) -> str | None:
        """Return the cause that was written for this alarm."""
        calm = self._calm if sample.has_event_causes else None
        if calm is not None and (calm.last_event, calm.cause) == (sample.last_event, sample.cause):
            return None
        return " ".join(word for word in sample.cause.split() if word != _CONTINUOUS) or None

    def _by_others(self, sample: Sample) -> str | None:
        if sample.force is Force.ALARM and sample.forced_cause:
            return sample.forced_cause
        return _MOTION if sample.is_detecting and sample.scored_zones and True in sample.scored_zones else None
