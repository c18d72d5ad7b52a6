"""What can be asked of a whole system: each action, with the row that says all about it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from vms_bridge.commands.request import word
from vms_bridge.commands.row import CommandRow, Seen, Shows
from vms_bridge.commands.values import Action, TargetKind
from vms_bridge.model import Capability

if TYPE_CHECKING:
    from vms_bridge.model import Monitor, MonitorState, SystemState


@dataclass(frozen=True, slots=True, kw_only=True)
class SetRunState(Action):
    """Bring the whole system into one of its run states."""

    name: str


def _no_such_run_state(action: SetRunState, system: SystemState, _monitor: Monitor | None) -> str | None:
    return None if action.name in system.run_states else f"the run states of this system are: {', '.join(system.run_states)}"


def _in_run_state(action: SetRunState, _before: MonitorState | None) -> Shows:
    """Show when the system has this run state and is at work."""

    def shows(seen: Seen) -> bool:
        system = seen.system
        return system.available and system.run_state == action.name and system.running is not False

    return shows


SYSTEM: tuple[CommandRow[Any], ...] = (
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
        effect=_in_run_state,
        named=lambda action, choice: replace(action, name=choice(action.name)),
        payload="a run state",
        meaning="bring the whole system into it",
    ),
)
"""What can be asked of a system."""
