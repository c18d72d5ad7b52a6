"""What can be asked of a camera that pans, tilts and zooms. No state shows what became of it: it is accepted, and no more."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vms_bridge.commands.request import word
from vms_bridge.commands.row import CommandRow
from vms_bridge.commands.values import Action, Level, TargetKind
from vms_bridge.errors import CommandRejected
from vms_bridge.model import Capability
from vms_bridge.ptz import PtzMove

if TYPE_CHECKING:
    from vms_bridge.commands.request import Request
    from vms_bridge.model import Monitor, SystemState

LONGEST_MOVE_S = 60.0
DEFAULT_MOVE_S = 0.5
"""So long goes on what goes on until it is stopped, where nobody says how long: about what a click is."""
_TIMEOUT_S = 25.0
"""A VMS may have to start what speaks to the camera first."""
_LONGEST_NAME = 64
_PRESET = re.compile(r"(?i)preset[\s:]+(\S.*)")
_NUMBER = re.compile("[1-9][0-9]{0,2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveCamera(Action):
    """Tell the camera one thing.

    `speed` (0..1) is how fast or, where it moves by steps, how far; None leaves that to the backend. A move that goes on until
    it is stopped is stopped by the hub, after `seconds`. Of STOP, `stops` has the moves that were begun here and may still go
    on; none, where it is not known what does.
    """

    move: PtzMove
    speed: float | None = None
    seconds: float | None = None
    stops: tuple[PtzMove, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class GoToPreset(Action):
    """Send the camera to a preset, which is named by its number or by its label; the hub fills in the number."""

    preset: str
    number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPreset(Action):
    """Have the camera remember where it looks now; `name` None leaves the preset's name as it is, an empty one takes it away."""

    number: int
    name: str | None = None


def _told(request: Request, _name: str) -> MoveCamera | GoToPreset:
    """Read `left`, `stop` or `preset 2`."""
    said = word(request)
    preset = _PRESET.fullmatch(said.strip())
    if preset is not None:
        if request.details:
            raise CommandRejected(f"{', '.join(request.details)}: a preset takes none of these", hint="leave them out")
        return GoToPreset(preset=preset[1].strip())
    try:
        move = PtzMove(said.strip().lower().replace(" ", "_").replace("-", "_"))
    except ValueError:
        raise CommandRejected(f"a camera can't be told {said[:_LONGEST_NAME]!r}", hint=_KNOWN) from None
    seconds = request.seconds
    if seconds is not None and seconds > LONGEST_MOVE_S:
        raise CommandRejected(f"a camera is moved for {LONGEST_MOVE_S:g} s at most", hint="send it again for more")
    return MoveCamera(move=move, speed=request.speed, seconds=seconds)


def _saved(request: Request, _name: str) -> SetPreset:
    said = word(request).strip()
    if _NUMBER.fullmatch(said) is None:
        raise CommandRejected("which preset is not said", hint='send its number, or JSON as {"value": "2", "text": "Gate"}')
    name = request.text
    if name is not None and (len(name) > _LONGEST_NAME or not (name.isprintable() or not name)):
        raise CommandRejected(f"a preset's name is a line of {_LONGEST_NAME} characters at most", hint="choose a shorter one")
    return SetPreset(number=int(said), name=None if name is None else " ".join(name.split()))


def _no_such_move(action: MoveCamera, _system: SystemState, monitor: Monitor | None) -> str | None:
    able = monitor.ptz if monitor else None
    if able is not None and (action.move in able.moves or (able.continuous and action.move is PtzMove.STOP)):
        return None
    can = ", ".join(able.moves) if able else ""
    return f"this camera can't be told {action.move.value!r}; it can: {can or 'nothing'}"


def _no_such_preset(action: GoToPreset, _system: SystemState, monitor: Monitor | None) -> str | None:
    able = monitor.ptz if monitor else None
    if able is not None and able.number_of(action.preset) is not None:
        return None
    known = ", ".join(able.labels) if able else ""
    return f"this camera has no preset {action.preset[:_LONGEST_NAME]!r}; it has: {known or 'none'}"


def _can_not_be_set(action: SetPreset, _system: SystemState, monitor: Monitor | None) -> str | None:
    able = monitor.ptz if monitor else None
    if able is None or not able.sets_presets:
        return "this camera can't be told to remember where it looks"
    numbers = [preset.number for preset in able.presets]
    if action.number in numbers:
        return None
    return f"this camera has no preset {action.number}; it has: {', '.join(map(str, numbers)) or 'none'}"


def completed(action: Action, monitor: Monitor) -> Action:
    """Return the action with what the monitor's description says: the number of the preset that is meant."""
    if not isinstance(action, GoToPreset) or monitor.ptz is None:
        return action
    return replace(action, number=monitor.ptz.number_of(action.preset))


_KNOWN = f"send one of: {', '.join(PtzMove)}, or preset and its number or name"

PTZ: tuple[CommandRow[Any], ...] = (
    CommandRow(
        name="ptz",
        action=MoveCamera,
        target=TargetKind.MONITOR,
        needs=Capability.PTZ,
        timeout_s=_TIMEOUT_S,
        details=("seconds", "speed"),
        parse=_told,
        value=lambda action: action.move.value,
        refusal=_no_such_move,
        effect=None,
        payload="`left`, `zoom_in`, `stop`, `home`, `preset 2`, ..., JSON",
        meaning="turn the camera, zoom, stop, or send it to a preset; what would go on is stopped after `seconds`",
    ),
    CommandRow(
        name="preset",
        action=GoToPreset,
        target=TargetKind.MONITOR,
        needs=Capability.PTZ,
        timeout_s=_TIMEOUT_S,
        parse=lambda request, _name: GoToPreset(preset=word(request).strip()),
        value=lambda action: action.preset,
        refusal=_no_such_preset,
        effect=None,
        payload="a preset's name or number",
        meaning="send the camera to a preset",
    ),
    CommandRow(
        name="set_preset",
        action=SetPreset,
        target=TargetKind.MONITOR,
        needs=Capability.PTZ,
        level=Level.ADMIN,
        timeout_s=_TIMEOUT_S,
        details=("text",),
        parse=_saved,
        value=lambda action: str(action.number),
        refusal=_can_not_be_set,
        effect=None,
        payload="a preset's number, JSON: `text` its name",
        meaning="have the camera remember where it looks now as this preset",
    ),
)
"""What can be asked of a camera that moves."""
