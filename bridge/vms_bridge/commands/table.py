"""All commands, found by what they do and by how they are called."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from vms_bridge.commands.detection import DETECTION
from vms_bridge.commands.event import EVENT
from vms_bridge.commands.monitor import MONITOR
from vms_bridge.commands.ptz import PTZ
from vms_bridge.commands.settings import SETTING
from vms_bridge.commands.system import SYSTEM
from vms_bridge.commands.values import TargetKind
from vms_bridge.errors import CommandRejected, UnsupportedCommand

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from vms_bridge.commands.request import Request
    from vms_bridge.commands.row import CommandRow
    from vms_bridge.commands.values import Action

_NAME_CHARACTERS = 64


class CommandTable:
    """A set of rows."""

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

    def called(self, action: Action) -> str:
        """Return how an action is called, whoever has asked for it by which name; `other` where it has no row."""
        row = self._by_action.get(type(action))
        return "other" if row is None else row.name

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
        if request.event is not None and kind is not TargetKind.EVENT:
            raise CommandRejected("event belongs to commands on an event", hint="leave it out")
        if row is None:
            raise UnsupportedCommand(
                f"{_A[kind]} has no command {name[:_NAME_CHARACTERS]!r}",
                hint=f"it takes {', '.join(self._names(kind, modes)) or 'none'}",
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


_A = {
    TargetKind.BRIDGE: "the bridge",
    TargetKind.SYSTEM: "a system",
    TargetKind.MONITOR: "a monitor",
    TargetKind.EVENT: "an event",
}


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


COMMANDS = CommandTable((*MONITOR, *SETTING, *PTZ, *SYSTEM, *EVENT, *DETECTION))
"""Every command that there is."""
