"""Whether an open event still is an alarm, and goes on at all: its row does not say, so its monitor is asked.

From 1.37 on an event lasts for MinSectionLength, however short its alarm was. And in every version one that a dead daemon has
left behind is open as long as nothing closes it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.zoneminder import MOTION, AlarmState

if TYPE_CHECKING:
    from vms_bridge.zoneminder import MonitorRow

_NEVER = float("-inf")
_BELIEVED_S = 10.0
"""So long is believed what was known last, while there is no answer."""
_ASKED_AGAIN_S = 60.0
"""So often is asked about an event that nobody records any more: it may stay open for ever."""
_STALLED_S, _BULKS = 30.0, 3.0
BULK_FRAMES = 100
"""After so many frames ZoneMinder writes anew how long an event is, if nothing happens in it (ZM_BULK_FRAME_INTERVAL)."""


def may_be_stalled(unchanged_s: float) -> bool:
    """Say whether a row has stayed the same for so long that it matters for how long it may."""
    return unchanged_s > _STALLED_S


def stall_limit(bulk_frames: int, fps: float | None) -> float:
    """Return for how many seconds the row of an event that goes on may stay the same."""
    return max(_STALLED_S, _BULKS * bulk_frames / fps) if fps else _STALLED_S


@dataclass(slots=True)
class Doubt:
    """What is known of a monitor's open event: since when it is, since when it is stalled, and what was answered meanwhile.

    Times are monotonic.
    """

    event_id: str | None = None
    answer: AlarmState | None = None
    since: float = _NEVER
    stalled_since: float | None = None
    answered_at: float = _NEVER

    def update(self, event_id: str | None, *, is_stalled: bool, monotonic: float) -> None:
        """Note which event is open now (None: none), and whether its row has stayed the same for too long."""
        if event_id != self.event_id:
            self.event_id, self.since, self.answer, self.answered_at = event_id, monotonic, None, _NEVER
        if event_id is None or not is_stalled:
            self.stalled_since = None
        elif self.stalled_since is None:
            self.stalled_since = monotonic

    def answered(self, event_id: str | None, answer: AlarmState | None, monotonic: float) -> None:
        """Note what the monitor's status was while that event was open; None is no answer."""
        if answer is not None and event_id is not None and event_id == self.event_id:
            self.answer, self.answered_at = answer, monotonic

    def is_on(self, row: MonitorRow, monotonic: float) -> bool:
        """Say whether the event that is open may be no alarm, and its monitor is to be asked now."""
        if self.event_id is None or self._believed_from(row, monotonic) is None:
            return False
        return not self._is_dead(row) or monotonic - self.answered_at >= _ASKED_AGAIN_S

    def alarm(self, row: MonitorRow, monotonic: float) -> AlarmState | None:
        """Return the monitor's alarm while its event is open; None where nobody has answered for too long."""
        believed_from = self._believed_from(row, monotonic)
        if believed_from is None:
            return AlarmState.ALARM
        believed_s = _ASKED_AGAIN_S + _BELIEVED_S if self._is_dead(row) else _BELIEVED_S
        if monotonic - max(believed_from, self.answered_at) > believed_s:
            return None
        return self.answer or AlarmState.ALARM

    def goes_on(self, row: MonitorRow, monotonic: float) -> bool | None:
        """Say whether the event is still being recorded, as far as can be determined."""
        if self.stalled_since is None:
            return True
        if self.answered_at <= self.stalled_since:
            return True if monotonic - self.stalled_since <= _BELIEVED_S else None
        alarm = self.alarm(row, monotonic)
        return True if alarm in MOTION else False if alarm is not None and self._is_dead(row) else None

    def _is_dead(self, row: MonitorRow) -> bool:
        """Say whether the event is stalled, and its monitor has said meanwhile that there is no alarm: nobody records it."""
        if self.stalled_since is None or not row.shows_alarms_as_events:
            return False
        return self.answer is AlarmState.IDLE and self.answered_at > self.stalled_since

    def _believed_from(self, row: MonitorRow, monotonic: float) -> float | None:
        """Return from when on the alarm is in doubt; None while it is not."""
        if row.events_outlast_alarms and monotonic - self.since < row.min_section_s:
            return self.since
        if self.answer not in {None, AlarmState.ALARM}:
            return self.answered_at
        return self.stalled_since
