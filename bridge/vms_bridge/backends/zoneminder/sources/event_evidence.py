"""What one monitor's open event says of its alarm."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.backends.ladder import Reading, Unfit
from vms_bridge.backends.zoneminder.doubt import Doubt
from vms_bridge.backends.zoneminder.event_values import open_alarm
from vms_bridge.model import EventKind
from vms_bridge.zoneminder import AlarmState

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.model import Event
    from vms_bridge.zoneminder import MonitorRow

NO_ANSWER = "an event is open, and nobody answers whether it still is an alarm"


@dataclass(slots=True)
class EventEvidence:
    """The open events, and whether the newest still is an alarm; `monotonic` times are the bridge's."""

    open: tuple[Event, ...] = ()
    doubt: Doubt = field(default_factory=Doubt)
    _ended: str | None = None
    """The event that was open when an alarm was last ended by command: its cause does not say what is forced any more."""

    @property
    def newest(self) -> Event | None:
        """The newest of those that are open."""
        return self.open[-1] if self.open else None

    @property
    def has_alarm(self) -> bool:
        """Whether one is open that an alarm has begun."""
        return open_alarm(self.open)

    def update(self, open_events: Sequence[Event], unchanged_s: float, limit_s: float, monotonic: float) -> None:
        """Note which are open now, for how long the row of the newest has stayed the same, and for how long it may."""
        self.open = tuple(open_events)
        newest = self.newest
        self.doubt.update(None if newest is None else newest.id, is_stalled=unchanged_s > limit_s, monotonic=monotonic)

    def alarm_was_commanded(self, *, on: bool) -> None:
        """Note that an alarm was forced or ended."""
        self._ended = None if on or self.newest is None else self.newest.id

    def is_in_doubt(self, row: MonitorRow, monotonic: float) -> bool:
        """Say whether somebody has to be asked whether the event that is open is an alarm."""
        return self.has_alarm and self.doubt.is_on(row, monotonic)

    def alarm(self, row: MonitorRow, monotonic: float, lag_s: float | None) -> Reading[AlarmState | None] | Unfit:
        """Return the monitor's alarm; `lag_s` is how late events are read, None if they can't be."""
        if not row.shows_alarms_as_events:
            return Unfit("events do not show alarms in this mode")
        if lag_s is None:
            return Unfit("events can't be read")
        if not self.has_alarm:
            return Reading(AlarmState.IDLE, lag_s)
        alarm = self.doubt.alarm(row, monotonic)
        return Unfit(NO_ANSWER) if alarm is None else Reading(alarm, lag_s)

    def is_forced(self, alarm: AlarmState) -> bool | None:
        """Say whether that alarm is a forced one, None where that can't be determined."""
        if alarm is AlarmState.ALERT:
            return False
        newest = self.newest
        is_forced = newest is not None and newest.kind is EventKind.FORCED and newest.id != self._ended
        # What began by itself may have been forced since.
        return True if is_forced and alarm is AlarmState.ALARM else None

    def cause(self) -> str | None:
        """Return why the newest was begun, if an alarm did it: continuous recording has its own, whatever moves meanwhile."""
        newest = self.newest
        return None if newest is None or newest.kind is EventKind.CONTINUOUS else newest.cause or None
