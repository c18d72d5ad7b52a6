"""Commands as a test gives them: by somebody who may do anything, unless it says otherwise."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vms_bridge.commands import COMMANDS, Command, CommandTable, Level, Origin, Target

if TYPE_CHECKING:
    from vms_bridge.commands import Action

ORIGIN = Origin(door="test")


def ask(action: Action, monitor: str | None = "1", *, system: str = "zm", **changes: Any) -> Command:  # noqa: ANN401 - by keyword
    """Return a command to a monitor, or with None to the system; `changes` are fields of `Command`."""
    plain = Command(
        target=Target(system=system, monitor=monitor),
        action=action,
        name=type(action).__name__,
        origin=ORIGIN,
        level=Level.ADMIN,
    )
    return replace(plain, **changes)


def within(seconds: float, *actions: type[Action]) -> CommandTable:
    """Return the table with another time limit, for these actions only or for all."""
    return CommandTable(replace(row, timeout_s=seconds) if row.action in actions or not actions else row for row in COMMANDS.rows)
