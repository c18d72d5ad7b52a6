"""From what a client says to a command, whichever door it came in by."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vms_bridge.api import visible
from vms_bridge.commands import Ack, AckResult, Command, Target, TargetKind
from vms_bridge.commands.bridge import parse_bridge
from vms_bridge.errors import BodyInvalid, CommandRejected, UnsupportedCommand, in_words

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from vms_bridge.api.access import Caller
    from vms_bridge.api.models.commands import CommandBody
    from vms_bridge.views import HubView


async def command_of(hub: HubView, caller: Caller, asked: CommandBody, now: datetime) -> Command | Ack:
    """Return the command, or the answer where it is none that there is.

    Raises NotFound for a target that the caller may not know of, RequestForbidden for the bridge itself and a limited token,
    BodyInvalid where no target can be meant so.
    """
    target = await _target(hub, caller, asked)
    modes: Mapping[str, Sequence[str]] = {}
    if target.kind is TargetKind.MONITOR and target.monitor is not None:
        modes = visible.monitor(hub, caller, target.system, target.monitor).monitor.modes
    try:
        if target.kind is TargetKind.BRIDGE:
            action = parse_bridge(asked.command, asked)
        else:
            action = hub.command_table.parse(target.kind, asked.command, asked, modes)
    except (CommandRejected, UnsupportedCommand) as error:
        return Ack(
            target=target,
            name=asked.command,
            result=AckResult.REFUSED,
            time=now,
            request_id=asked.request_id,
            code=error.code,
            hint=in_words(error),
        )
    return Command(
        target=target,
        action=action,
        name=asked.command,
        origin=replace(caller.origin, on_behalf_of=_printable(asked.on_behalf_of)),
        level=caller.level,
        request_id=asked.request_id,
    )


def _printable(name: str | None) -> str | None:
    """Return a name as it can stand in a log; None where nothing of it can."""
    if name is None:
        return None
    return " ".join("".join(char if char.isprintable() else " " for char in name).split()) or None


async def _target(hub: HubView, caller: Caller, asked: CommandBody) -> Target:
    if asked.event is not None:
        found = await visible.event(hub, caller, asked.event)
        if asked.system not in {None, found.ref.system} or asked.monitor not in {None, found.monitor}:
            raise BodyInvalid("the body can't be understood", mistakes=[("event", "it is of another system or monitor")])
        return Target(system=found.ref.system, event=found.ref)
    if asked.system is None:
        if asked.monitor is not None:
            raise BodyInvalid("the body can't be understood", mistakes=[("system", "a monitor is named, and not its system")])
        visible.everything(caller)
        return Target()
    if asked.monitor is None:
        visible.whole_system(hub, caller, asked.system)
        return Target(system=asked.system)
    visible.monitor(hub, caller, asked.system, asked.monitor)
    return Target(system=asked.system, monitor=asked.monitor)
