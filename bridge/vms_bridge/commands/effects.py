"""How the effects of commands show in the state: no I/O, so that a command's truth can be tested.

An effect is made before the command is sent, from the action and the monitor's state then (None: it is for the system). It is
asked at each state that is seen since: some show in what happens in between.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from vms_bridge.commands.actions import Action
from vms_bridge.model import AlarmState, MonitorState

if TYPE_CHECKING:
    from vms_bridge.commands.actions import EndAlarm, Restart, SetAlarm, SetRunState
    from vms_bridge.views import MonitorView, SystemView

A = TypeVar("A", bound=Action)
Shows: TypeAlias = "Callable[[SystemView, MonitorView | None], bool]"
"""Says whether the effect shows now."""
Effect: TypeAlias = Callable[[A, MonitorState | None], Shows]


def in_state(holds: Callable[[A, MonitorState], bool]) -> Effect[A]:
    """Return the effect that shows when this holds of the monitor's state, whatever was before."""

    def effect(action: A, _before: MonitorState | None) -> Shows:
        return lambda _system, monitor: monitor is not None and holds(action, monitor.state)

    return effect


def run_state(action: SetRunState, _before: MonitorState | None) -> Shows:
    """Show when the system has this run state and is at work."""

    def shows(system: SystemView, _monitor: MonitorView | None) -> bool:
        state = system.state
        return state.available and state.run_state == action.name and state.running is not False

    return shows


def alarm(action: SetAlarm, before: MonitorState | None) -> Shows:
    """Show when an alarm is there that could be the forced one, or when it is forced no more and has left `alarm`."""
    shows: Effect[SetAlarm] = in_state(lambda _, state: _is_forced(state, before) if action.on else _is_left(state))
    return shows(action, before)


def alarm_ended(action: EndAlarm, before: MonitorState | None) -> Shows:
    """Show when the monitor has left `alarm`, and nothing is forced any more."""
    shows: Effect[EndAlarm] = in_state(lambda _, state: _is_left(state))
    return shows(action, before)


def restart(_action: Restart, before: MonitorState | None) -> Shows:
    """Show when what captures the monitor was restarted."""
    return _Restarted(before)


def _is_left(state: MonitorState) -> bool:
    return state.alarm not in {None, AlarmState.ALARM} and state.forced is not True


def _is_forced(state: MonitorState, before: MonitorState | None) -> bool:
    """Say whether an alarm came that could be the forced one, or the one that was there is not known to be another.

    One that is in `alert` has come and is passing, where none was before; what was in `alert` before proves nothing.
    """
    known = before.alarm if before else None
    if state.alarm is AlarmState.ALARM:
        return known is not AlarmState.ALARM or state.forced is not False
    return state.alarm is AlarmState.ALERT and known in {AlarmState.IDLE, AlarmState.PREALARM}


class _Restarted:
    """Another run of what captures the monitor was seen or, where no run has a name, its going and its return."""

    def __init__(self, before: MonitorState | None) -> None:
        self._before = before
        self._capture = before.capture if before else None
        self._is_gone = self._is_another = False

    def __call__(self, _system: SystemView, monitor: MonitorView | None) -> bool:
        return monitor is not None and self._has_restarted(monitor.state)

    def _has_restarted(self, state: MonitorState) -> bool:
        if state.capture is not None:
            self._is_another = self._is_another or self._capture not in {None, state.capture}
            self._capture = state.capture
        self._is_gone = self._is_gone or state.connected is False
        if self._capture is None:
            return self._is_gone and state.connected is True
        was_connected = self._before is not None and self._before.connected is True
        return self._is_another and (state.connected is True or not was_connected)
