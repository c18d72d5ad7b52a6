"""What can be asked of a monitor: each action, with the row that says all about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vms_bridge.commands.request import switch, word
from vms_bridge.commands.row import CommandRow, Seen, Shows, in_state
from vms_bridge.commands.values import Action, Level, TargetKind
from vms_bridge.model import AlarmState, Capability

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vms_bridge.commands.request import Request
    from vms_bridge.model import Monitor, MonitorState, SystemState

_ENDS_S = 0.2
"""A VMS needs a frame or two to end an alarm: who reads before that has to read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetArmed(Action):
    """Start or stop detecting; `restore` holds the modes to go back to, filled in by the hub from its memory."""

    on: bool
    restore: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAlarm(Action):
    """Force an alarm, or end one that was forced; with `seconds` the hub ends it by itself after that time."""

    on: bool
    cause: str = "Forced"
    text: str = ""
    score: int = 255
    seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EndAlarm(Action):
    """End whatever alarm there is, forced or not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMotionDetection(Action):
    """Pause or go on with detection, without a change of mode."""

    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SetMode(Action):
    """Set one of the monitor's `modes` to one of its legal values."""

    mode: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart(Action):
    """Restart what captures this monitor."""


def _on_or_off(action: SetArmed | SetAlarm | SetMotionDetection) -> str:
    return "ON" if action.on else "OFF"


def _is_armed(action: SetArmed, state: MonitorState) -> bool:
    return state.armed is action.on


def _restoring(action: SetArmed, choice: Callable[[str], str]) -> SetArmed:
    if not action.restore:
        return action
    return replace(action, restore={mode: choice(value) for mode, value in action.restore.items()})


def _alarm(request: Request, _name: str) -> SetAlarm:
    details = request.details
    on = bool(details) if request.on is None and request.value is None and details else switch(request)
    return SetAlarm(on=on, **details)  # type: ignore[arg-type]  # each came from the field of its name


def _forcing(action: SetAlarm, before: MonitorState | None) -> Shows:
    """Show when an alarm is there that could be the forced one, or when it is forced no more and has left `alarm`."""

    def shows(seen: Seen) -> bool:
        state = seen.monitor
        return state is not None and (_is_forced(state, before) if action.on else _has_ended(action, state))

    return shows


def _is_forced(state: MonitorState, before: MonitorState | None) -> bool:
    """Say whether an alarm came that could be the forced one, or the one that was there is not known to be another.

    One that is in `alert` has come and is passing, where none was before; what was in `alert` before proves nothing.
    """
    known = before.alarm if before else None
    if state.alarm is AlarmState.ALARM:
        return known is not AlarmState.ALARM or state.forced is not False
    return state.alarm is AlarmState.ALERT and known in {AlarmState.IDLE, AlarmState.PREALARM}


def _has_ended(_action: Action, state: MonitorState) -> bool:
    """Say whether the monitor has left `alarm`, and nothing is forced any more."""
    return state.alarm not in {None, AlarmState.ALARM} and state.forced is not True


def _is_detecting(action: SetMotionDetection, state: MonitorState) -> bool:
    return state.detection is action.on


def _no_such_mode(action: SetMode, _system: SystemState, monitor: Monitor | None) -> str | None:
    values = monitor.modes.get(action.mode, ()) if monitor else ()
    if action.value in values:
        return None
    return f"{action.mode} is one of: {', '.join(values)}" if values else f"this monitor has no mode {action.mode!r}"


def _is_in_mode(action: SetMode, state: MonitorState) -> bool:
    return state.modes.get(action.mode) == action.value


class _Restarted:
    """Another run of what captures the monitor was seen or, where no run has a name, its going and its return."""

    def __init__(self, _action: Restart, before: MonitorState | None) -> None:
        self._before = before
        self._capture = before.capture if before else None
        self._is_gone = self._is_another = False

    def __call__(self, seen: Seen) -> bool:
        state = seen.monitor
        if state is None:
            return False
        if state.capture is not None:
            self._is_another = self._is_another or self._capture not in {None, state.capture}
            self._capture = state.capture
        self._is_gone = self._is_gone or state.connected is False
        if self._capture is None:
            return self._is_gone and state.connected is True
        was_connected = self._before is not None and self._before.connected is True
        return self._is_another and (state.connected is True or not was_connected)


MONITOR: tuple[CommandRow[Any], ...] = (
    CommandRow(
        name="armed",
        action=SetArmed,
        target=TargetKind.MONITOR,
        needs=Capability.ARM,
        timeout_s=25.0,
        parse=lambda request, _name: SetArmed(on=switch(request)),
        value=_on_or_off,
        effect=in_state(_is_armed),
        named=_restoring,
        payload="`ON`, `OFF`",
        meaning="OFF stops detecting and remembers the mode, ON brings it back",
    ),
    CommandRow(
        name="alarm",
        action=SetAlarm,
        target=TargetKind.MONITOR,
        needs=Capability.FORCE_ALARM,
        timeout_s=15.0,
        details=("cause", "text", "score", "seconds"),
        parse=_alarm,
        value=_on_or_off,
        effect=_forcing,
        can_be_so_already=False,  # that something moves does not mean that the alarm is forced
        shows_after_s=lambda action: 0.0 if action.on else _ENDS_S,
        is_seen_alone=True,
        payload="`ON`, `OFF`, JSON",
        meaning="force an alarm, or end a forced one",
    ),
    CommandRow(
        name="end_alarm",
        action=EndAlarm,
        target=TargetKind.MONITOR,
        needs=Capability.END_ALARM,
        timeout_s=15.0,
        parse=lambda _request, _name: EndAlarm(),
        value=lambda _action: "ended",
        effect=in_state(_has_ended),
        can_be_so_already=False,
        shows_after_s=lambda _action: _ENDS_S,
        is_seen_alone=True,
        payload="anything but nothing",
        meaning="end any alarm, also one that nobody has forced, where the VMS can",
    ),
    CommandRow(
        name="detection",
        action=SetMotionDetection,
        target=TargetKind.MONITOR,
        needs=Capability.DETECTION,
        timeout_s=10.0,
        parse=lambda request, _name: SetMotionDetection(on=switch(request)),
        value=_on_or_off,
        effect=in_state(_is_detecting),
        payload="`ON`, `OFF`",
        meaning="pause detection, the mode stays",
    ),
    CommandRow(
        name="restart",
        action=Restart,
        target=TargetKind.MONITOR,
        needs=Capability.RESTART,
        level=Level.ADMIN,
        timeout_s=60.0,
        is_long=True,
        parse=lambda _request, _name: Restart(),
        value=lambda _action: "restarted",
        effect=_Restarted,
        can_be_so_already=False,
        payload="anything but nothing",
        meaning="restart what captures the monitor",
    ),
    CommandRow(
        name="mode",
        action=SetMode,
        target=TargetKind.MONITOR,
        needs=Capability.MODES,
        timeout_s=25.0,
        names=("function", "capturing", "analysing", "recording"),
        per_mode=True,
        parse=lambda request, name: SetMode(mode=name, value=word(request)),
        value=lambda action: action.value,
        refusal=_no_such_mode,
        effect=in_state(_is_in_mode),
        named=lambda action, choice: replace(action, value=choice(action.value)),
        payload="a mode of that monitor",
        meaning="set the mode of this name; `mode` is for a monitor that has one only, whatever it is called",
    ),
)
"""What can be asked of a monitor."""
