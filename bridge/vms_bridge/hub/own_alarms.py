"""Which alarms this bridge has forced and not yet seen end: it may know what a backend can't, whether an alarm is forced."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vms_bridge.model import AlarmState

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.model import MonitorState
    from vms_bridge.views import MonitorKey


class OwnAlarms:
    """Remembers each forced alarm until its monitor is seen in another state than `alarm`, which a forced one never leaves.

    `has_time` says whether a monitor's alarm is forced for a time that still runs. Such a one is remembered through a loss
    of its system; of another one nobody would know whether it has ended meanwhile.
    """

    def __init__(self, has_time: Callable[[MonitorKey], bool]) -> None:
        self._has_time = has_time
        self._keys: set[MonitorKey] = set()

    def began(self, key: MonitorKey) -> None:
        """Note that the monitor's alarm is forced."""
        self._keys.add(key)

    def ended(self, key: MonitorKey) -> None:
        """Note that it is not forced any more."""
        self._keys.discard(key)

    def completed(self, key: MonitorKey, state: MonitorState) -> MonitorState:
        """Return the state with what is known here of `forced`, where the backend does not know it."""
        is_known = state.available and state.alarm is not None
        if state.alarm is not AlarmState.ALARM and (is_known or not self._has_time(key)):
            self._keys.discard(key)
        is_ours = state.forced is None and state.available and key in self._keys and state.alarm is AlarmState.ALARM
        return replace(state, forced=True) if is_ours else state
