"""What each action asks for, and how its effect shows in the state: no I/O, so that a command's truth can be tested."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.commands import Restart, SetAlarm, SetArmed, SetDetection, SetMode, SetRunState
from vms_bridge.model import AlarmState

if TYPE_CHECKING:
    from vms_bridge.commands import Action
    from vms_bridge.model import MonitorState
    from vms_bridge.views import MonitorView, SystemView

TIMEOUT_S = {SetAlarm: 15.0, SetArmed: 25.0, SetDetection: 10.0, SetMode: 25.0, SetRunState: 180.0, Restart: 60.0}
"""How long an action may take, the VMS's own time included; a run state restarts every camera of a ZoneMinder."""

LONG = frozenset({SetRunState, Restart})
"""Actions that report `running` meanwhile."""


class Effect:
    """What an action is to bring about: held against what was so before it was sent, and what is seen since.

    `before` is the monitor's state then, None where the action is for the system.
    """

    def __init__(self, action: Action, before: MonitorState | None) -> None:
        self._action, self._before = action, before
        self._capture = before.capture if before else None
        self._is_gone = self._is_another = False

    def shows(self, system: SystemView, view: MonitorView | None) -> bool:
        """Say whether it shows now. For a restart each state has to be looked at: it shows in what happens in between."""
        match self._action:
            case SetRunState(name=name):
                return system.state.available and system.state.run_state == name and system.state.running is not False
            case Restart():
                return view is not None and self._has_restarted(view.state)
            case SetAlarm(on=True):
                return view is not None and _is_forced(view.state, self._before)
        return view is not None and _shows(self._action, view.state)

    def _has_restarted(self, state: MonitorState) -> bool:
        """Say whether another run of what captures the monitor was seen or, where no run has a name, its going and its return."""
        if state.capture is not None:
            self._is_another = self._is_another or self._capture not in {None, state.capture}
            self._capture = state.capture
        self._is_gone = self._is_gone or state.connected is False
        if self._capture is None:
            return self._is_gone and state.connected is True
        was_connected = self._before is not None and self._before.connected is True
        return self._is_another and (state.connected is True or not was_connected)


def refusal(action: Action, system: SystemView, view: MonitorView | None) -> str | None:
    """Return why the action's value is not a legal one, or None."""
    match action:
        case SetMode(mode=mode, value=value):
            values = view.monitor.modes.get(mode, ()) if view else ()
            if value not in values:
                return f"{mode} is one of: {', '.join(values)}" if values else f"this monitor has no mode {mode!r}"
        case SetRunState(name=name):
            if name not in system.state.run_states:
                return f"the run states of this system are: {', '.join(system.state.run_states)}"
    return None


def is_already(action: Action, system: SystemView, view: MonitorView | None) -> bool:
    """Say whether the state is surely as the action wants it, so that nothing needs to be done.

    Forcing an alarm is never done already: that something moves does not mean that the alarm is forced.
    """
    match action:
        case SetAlarm() | Restart():
            return False
        case SetRunState(name=name):
            return system.state.run_state == name and system.state.running is not False
    return view is not None and _shows(action, view.state)


def value_of(action: Action) -> str:
    """Return the value that is in force once the action is applied, as it stands in a command's payload."""
    match action:
        case SetMode(value=value):
            return value
        case SetRunState(name=name):
            return name
        case Restart():
            return "restarted"
        case SetArmed(on=on) | SetAlarm(on=on) | SetDetection(on=on):
            return "ON" if on else "OFF"


def _shows(action: Action, state: MonitorState) -> bool:
    match action:
        case SetArmed(on=on):
            return state.armed is on
        case SetDetection(on=on):
            return state.detection is on
        case SetMode(mode=mode, value=value):
            return state.modes.get(mode) == value
        case SetAlarm(on=False):
            return state.alarm not in {None, AlarmState.ALARM} and state.forced is not True
    return False


def _is_forced(state: MonitorState, before: MonitorState | None) -> bool:
    """Say whether an alarm came that could be the forced one, or the one that was there is not known to be another.

    One that is in `alert` has come and is passing, where none was before; what was in `alert` before proves nothing.
    """
    known = before.alarm if before else None
    if state.alarm is AlarmState.ALARM:
        return known is not AlarmState.ALARM or state.forced is not False
    return state.alarm is AlarmState.ALERT and known in {AlarmState.IDLE, AlarmState.PREALARM}
