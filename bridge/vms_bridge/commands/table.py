"""The rows: one for each command that there is."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vms_bridge.commands import effects
from vms_bridge.commands.actions import Action, EndAlarm, Restart, SetAlarm, SetArmed, SetDetection, SetMode, SetRunState
from vms_bridge.commands.request import switch, word
from vms_bridge.commands.row import CommandRow
from vms_bridge.commands.values import Level, TargetKind
from vms_bridge.errors import CommandRejected, UnsupportedCommand
from vms_bridge.model import Capability

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from vms_bridge.commands.request import Request
    from vms_bridge.model import MonitorState
    from vms_bridge.views import MonitorView, SystemView

_NAME_CHARACTERS = 64
_ENDS_S = 0.2
"""A VMS needs a frame or two to end an alarm: who looks before that has to look again."""


class CommandTable:
    """All commands, found by what they do and by how they are called."""

    def __init__(self, rows: Iterable[CommandRow[Any]]) -> None:
        self.rows = tuple(rows)
        self._by_action = {row.action: row for row in self.rows}
        self._by_name = {(row.target, name): row for row in self.rows for name in (row.name, *row.names)}

    def row_of(self, action: Action) -> CommandRow[Any]:
        """Return the row of an action. Raises UnsupportedCommand where there is none."""
        row = self._by_action.get(type(action))
        if row is None:
            raise UnsupportedCommand(f"there is no command for a {type(action).__name__}")
        return row

    def find(self, kind: TargetKind, name: str, modes: Iterable[str] = ()) -> CommandRow[Any] | None:
        """Return the row of that name for a target of this kind; `modes` are those that the monitor has."""
        row = self._by_name.get((kind, name))
        if row is not None or kind is not TargetKind.MONITOR or name not in modes:
            return row
        return next((each for each in self.rows if each.per_mode), None)

    def parse(self, kind: TargetKind, name: str, request: Request, modes: Mapping[str, Sequence[str]]) -> Action:
        """Return what is asked for by this name; `modes` are those that the monitor has.

        Raises UnsupportedCommand for a name that is none, CommandRejected for a request that says something else.
        """
        row = self.find(kind, name, modes)
        self._refuse_details(row, request)
        if row is None:
            raise UnsupportedCommand(
                f"{_A[kind]} has no command {name[:_NAME_CHARACTERS]!r}", hint=f"it takes {', '.join(self._names(kind, modes))}"
            )
        if row.per_mode and name == row.name and name not in modes and len(modes) == 1:
            name = next(iter(modes))
        action: Action = row.parse(request, name)
        return action

    def _names(self, kind: TargetKind, modes: Iterable[str]) -> list[str]:
        rows = [row for row in self.rows if row.target is kind]
        own = modes if any(row.per_mode for row in rows) else ()
        return list(dict.fromkeys([*(row.name for row in rows), *own]))

    def _refuse_details(self, row: CommandRow[Any] | None, request: Request) -> None:
        stray = [detail for detail in request.details if row is None or detail not in row.details]
        if not stray:
            return
        owners = [each for each in self.rows if set(each.details) & set(stray)]
        details = list(dict.fromkeys(detail for each in owners for detail in each.details)) or stray
        names = _listed([each.name for each in owners]) or "no command"
        raise CommandRejected(f"{_listed(details)} belong{'s' * (len(details) == 1)} to {names}", hint="leave them out")


_A = {TargetKind.SYSTEM: "a system", TargetKind.MONITOR: "a monitor"}


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def _on_or_off(action: SetArmed | SetAlarm | SetDetection) -> str:
    return "ON" if action.on else "OFF"


def _is_armed(action: SetArmed, state: MonitorState) -> bool:
    return state.armed is action.on


def _is_detecting(action: SetDetection, state: MonitorState) -> bool:
    return state.detection is action.on


def _is_in_mode(action: SetMode, state: MonitorState) -> bool:
    return state.modes.get(action.mode) == action.value


def _alarm(request: Request, _name: str) -> SetAlarm:
    details = request.details
    on = bool(details) if request.on is None and request.value is None and details else switch(request)
    return SetAlarm(on=on, **details)  # type: ignore[arg-type]  # each came from the field of its name


def _no_such_mode(action: SetMode, _system: SystemView, monitor: MonitorView | None) -> str | None:
    values = monitor.monitor.modes.get(action.mode, ()) if monitor else ()
    if action.value in values:
        return None
    return f"{action.mode} is one of: {', '.join(values)}" if values else f"this monitor has no mode {action.mode!r}"


def _no_such_run_state(action: SetRunState, system: SystemView, _monitor: MonitorView | None) -> str | None:
    names = system.state.run_states
    return None if action.name in names else f"the run states of this system are: {', '.join(names)}"


def _restoring(action: SetArmed, choice: Callable[[str], str]) -> SetArmed:
    if not action.restore:
        return action
    return replace(action, restore={mode: choice(value) for mode, value in action.restore.items()})


COMMANDS = CommandTable(
    (
        CommandRow(
            name="armed",
            action=SetArmed,
            target=TargetKind.MONITOR,
            needs=Capability.ARM,
            timeout_s=25.0,
            parse=lambda request, _name: SetArmed(on=switch(request)),
            value=_on_or_off,
            effect=effects.in_state(_is_armed),
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
            effect=effects.alarm,
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
            effect=effects.alarm_ended,
            can_be_so_already=False,
            shows_after_s=lambda _action: _ENDS_S,
            is_seen_alone=True,
            payload="anything but nothing",
            meaning="end any alarm, also one that nobody has forced, where the VMS can",
        ),
        CommandRow(
            name="detection",
            action=SetDetection,
            target=TargetKind.MONITOR,
            needs=Capability.DETECTION,
            timeout_s=10.0,
            parse=lambda request, _name: SetDetection(on=switch(request)),
            value=_on_or_off,
            effect=effects.in_state(_is_detecting),
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
            effect=effects.restart,
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
            effect=effects.in_state(_is_in_mode),
            named=lambda action, choice: replace(action, value=choice(action.value)),
            payload="a mode of that monitor",
            meaning="set the mode of this name; `mode` is for a monitor that has one only, whatever it is called",
        ),
        CommandRow(
            name="run_state",
            action=SetRunState,
            target=TargetKind.SYSTEM,
            needs=Capability.RUN_STATE,
            timeout_s=180.0,  # it restarts every camera of a ZoneMinder
            is_long=True,
            parse=lambda request, _name: SetRunState(name=word(request)),
            value=lambda action: action.name,
            refusal=_no_such_run_state,
            effect=effects.run_state,
            named=lambda action, choice: replace(action, name=choice(action.name)),
            payload="a run state",
            meaning="bring the whole system into it",
        ),
    )
)
"""Every command that there is."""
