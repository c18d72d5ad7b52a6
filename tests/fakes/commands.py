"""Commands as a test gives them: by somebody who may do anything, unless it says otherwise; and rows that no product has."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from vms_bridge.commands import COMMANDS, Action, Command, CommandRow, CommandTable, Level, Origin, Target, TargetKind
from vms_bridge.commands.request import word
from vms_bridge.model import Capability

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Look(Action):
    """Turn the camera to where no state tells of."""

    to: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep(Action):
    """Keep an event for good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate(Action):
    """Give an event so many stars."""

    stars: str


LOOK = CommandRow(
    name="look",
    action=Look,
    target=TargetKind.MONITOR,
    needs=Capability.LIVE_PICTURE,
    level=Level.ADMIN,
    timeout_s=0.3,
    parse=lambda request, _name: Look(to=word(request)),
    value=lambda action: action.to,
    effect=None,
    payload="where",
    meaning="look there",
)
KEEP = CommandRow(
    name="keep",
    action=Keep,
    target=TargetKind.EVENT,
    needs=Capability.EVENTS,
    timeout_s=0.3,
    parse=lambda _request, _name: Keep(),
    value=lambda _action: "kept",
    effect=None,
    payload="JSON",
    meaning="keep it",
)
RATE = CommandRow(
    name="rate",
    action=Rate,
    target=TargetKind.EVENT,
    needs=Capability.EVENTS,
    timeout_s=10.0,
    parse=lambda request, _name: Rate(stars=word(request)),
    value=lambda action: action.stars,
    effect=None,
    payload="JSON",
    meaning="rate it",
)
MORE = CommandTable([*COMMANDS.rows, LOOK, KEEP, RATE])
"""Every command that there is, and these."""
