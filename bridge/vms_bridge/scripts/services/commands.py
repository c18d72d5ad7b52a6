"""Commands that scripts give: to monitors, to systems and to events, each to its verified end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, ValidationError

from vms_bridge.commands import AckResult, Command, Origin, Request, Target, TargetKind
from vms_bridge.errors import BodyInvalid, CommandRejected, UnsupportedCommand
from vms_bridge.foreign import mistakes_in
from vms_bridge.script_errors import PermissionMissing
from vms_bridge.scripts.permissions import level_for
from vms_bridge.scripts.services import visible
from vms_bridge.scripts.services.monitors import Name
from vms_bridge.scripts.services.plain import plain
from vms_bridge.scripts.services.refusals import CommandFailed, CommandRefused, CommandTimedOut
from vms_bridge.scripts.services.table import Answered, Asked, ServiceRow
from vms_bridge.steps import with_all_digits

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from vms_bridge.commands import Ack, Level
    from vms_bridge.scripts.services.table import Asker
    from vms_bridge.scripts.values import Permissions
    from vms_bridge.views import HubView

DOOR = "script"
SHORT = {"trigger": "alarm", "arm": "armed"}
"""Names of commands as scripts may say them, beside the usual ones."""
_RATE, _BURST = 5.0, 20.0


class AskedCommand(Asked):
    """Which command, and what its value is: the names and values of docs/mqtt.md."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    value: Annotated[str, Field(max_length=1_000)] | bool | Annotated[float, Field(allow_inf_nan=False)] | None = None


class AskedOfMonitor(AskedCommand):
    """Of a monitor: what some commands take besides has the names of docs/mqtt.md."""

    monitor: Name
    cause: str | None = None
    text: str | None = None
    score: int | None = None
    seconds: float | None = None
    speed: float | None = None


class AskedOfSystem(AskedCommand):
    """Of a whole system."""

    system: Name


class AskedOfEvent(AskedCommand):
    """Of an event, by its id."""

    event: Name


@dataclass(frozen=True, slots=True)
class Commanding:
    """Gives commands, as the script that asks."""

    hub: HubView

    async def monitor(self, asker: Asker, asked: AskedOfMonitor, _data: bytes) -> Answered:
        """Give one to a monitor. Raises NotFound, PermissionMissing, BodyInvalid, CommandError."""
        view = visible.monitor(self.hub, asker, asked.monitor)
        details = {name: said for name in _DETAILS if (said := getattr(asked, name)) is not None}
        target = Target(system=view.system, monitor=view.key)
        return await self._give(asker, asked, target, modes=view.monitor.modes, details=details)

    async def system(self, asker: Asker, asked: AskedOfSystem, _data: bytes) -> Answered:
        """Give one to a system of which the script sees all. Raises the same."""
        view = visible.whole_system(self.hub, asker, asked.system)
        return await self._give(asker, asked, Target(system=view.key))

    async def event(self, asker: Asker, asked: AskedOfEvent, _data: bytes) -> Answered:
        """Give one about an event. Raises the same, and what the index raises."""
        found = await visible.event(self.hub, asker, asked.event)
        details = {"event": found.ref.format()}
        return await self._give(asker, asked, Target(system=found.ref.system, event=found.ref), details=details)

    async def _give(
        self,
        asker: Asker,
        asked: AskedCommand,
        target: Target,
        *,
        modes: Mapping[str, Sequence[str]] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> Answered:
        name = SHORT.get(asked.name, asked.name)
        level = self._level(asker.permissions, target.kind, name, modes or {})
        request = _request(asked, details or {})
        try:
            action = self.hub.command_table.parse(target.kind, name, request, modes or {})
        except (CommandRejected, UnsupportedCommand) as error:
            raise CommandRefused(f"{name} for {target}: {error}", hint=error.hint) from None
        origin = Origin(door=DOOR, principal=asker.name)
        ack = await self.hub.submit(Command(target=target, action=action, name=name, origin=origin, level=level))
        return _answer(ack)

    def _level(self, permissions: Permissions, kind: TargetKind, name: str, modes: Mapping[str, Sequence[str]]) -> Level:
        """Return how far the script may go with this command. Raises PermissionMissing where it may not give it at all."""
        row = self.hub.command_table.find(kind, name, modes)
        names = [name] if row is None else [name, row.name]
        level = level_for(permissions, *names, *(short for short, long in SHORT.items() if long in names))
        if row is not None and not level.includes(row.level):
            hint = f'it takes more than "*": name it in the header, permissions(commands=["{row.name}"])'
            raise PermissionMissing(f"the script may not give the command {name}", hint=hint)
        return level


_DETAILS = ("cause", "text", "score", "seconds", "speed")
_ENDS: Mapping[AckResult, tuple[type[CommandRefused | CommandFailed | CommandTimedOut], str]] = {
    AckResult.REFUSED: (CommandRefused, "was refused"),
    AckResult.FAILED: (CommandFailed, "has failed"),
    AckResult.TIMEOUT: (CommandTimedOut, "did not show its effect in time"),
}


def _request(asked: AskedCommand, details: Mapping[str, Any]) -> Request:
    """Return what is asked for as a door's client would say it. Raises BodyInvalid."""
    value = asked.value
    said = with_all_digits(value) if isinstance(value, float | int) and not isinstance(value, bool) else value
    try:
        return Request.model_validate({"value": said, **details})
    except ValidationError as error:
        mistakes = mistakes_in(error)
        text = "; ".join(f"{where}: {why}" for where, why in mistakes)
        raise BodyInvalid(f"the command can't be given so: {text}", mistakes=mistakes) from None


def _answer(ack: Ack) -> Answered:
    """Return what became of a command. Raises CommandRefused, CommandFailed or CommandTimedOut."""
    if ack.result in _ENDS:
        kind, text = _ENDS[ack.result]
        raise kind(f"{ack.name} for {ack.target} {text}: {ack.code or 'error'}", hint=ack.hint or "")
    return Answered({"result": str(ack.result), "applied": ack.applied, "detail": plain(ack.detail)})


def rows(hub: HubView) -> Sequence[ServiceRow]:
    """Return which commands can be given."""
    commanding = Commanding(hub)
    return (
        ServiceRow(what="monitor.command", asked=AskedOfMonitor, do=commanding.monitor, rate=_RATE, burst=_BURST),
        ServiceRow(what="system.command", asked=AskedOfSystem, do=commanding.system, rate=0.2, burst=10.0),
        ServiceRow(what="event.command", asked=AskedOfEvent, do=commanding.event, rate=_RATE, burst=_BURST),
    )
