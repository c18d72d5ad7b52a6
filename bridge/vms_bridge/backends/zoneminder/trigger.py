"""What is forced on a monitor, by its shared memory.

The trigger is written there by the tool that forces (zmu), for a daemon that hangs too. So it counts only once the daemon
has followed it, or has shown a sign of life after it; until then what was forced before still is.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.zoneminder import AlarmState
from vms_bridge.zoneminder.memory import Force

if TYPE_CHECKING:
    from vms_bridge.zoneminder.memory import Sample


@dataclass(slots=True)
class Trigger:
    """What is forced, as the daemon has taken it; None where that can't be determined."""

    force: Force | None = None
    is_at_work: bool = False
    """Whether this daemon has been seen to go on; of another one no sign of life can be expected."""
    _last: Sample | None = field(default=None)

    def saw(self, sample: Sample) -> None:
        """Process a sample of the shared memory."""
        before, self._last = self._last, sample
        if before is None or before.startup != sample.startup:
            self.force, self.is_at_work = sample.force, False
            return
        has_gone_on = sample.sign != before.sign
        has_followed = sample.alarm is not before.alarm and (sample.alarm is AlarmState.ALARM) is (sample.force is Force.ALARM)
        self.is_at_work = self.is_at_work or has_gone_on
        # That frame may have been read before what is new was written.
        has_gone_past = has_gone_on and sample.force is before.force
        if not self.is_at_work or has_followed or has_gone_past:
            self.force = sample.force
