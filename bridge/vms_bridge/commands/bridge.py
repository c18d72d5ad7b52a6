"""What can be asked of the bridge itself: no backend is involved, so a row says less than that of a command to a VMS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from vms_bridge.commands.request import switch, word
from vms_bridge.commands.values import Action, Level
from vms_bridge.errors import CommandRejected, UnsupportedCommand

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.commands.request import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class SetDiscovery(Action):
    """Turn Home Assistant's MQTT discovery off by hand, or take that back: it stays off while anybody else claims the devices."""

    on: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimDevices(Action):
    """Say that somebody, a Home Assistant by its instance's id, has the devices by another way than MQTT discovery."""

    holder: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseDevices(Action):
    """Say that it has them no more."""

    holder: str


A = TypeVar("A", bound=Action)
_NAME_CHARACTERS = 64


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BridgeRow(Generic[A]):
    """One command to the bridge: its name, who may, how it is asked for, and the value in force once it is applied."""

    name: str
    action: type[A]
    level: Level
    parse: Callable[[Request], A]
    """Makes the action of a request. Raises CommandRejected."""
    value: Callable[[A], str]
    payload: str
    meaning: str


BRIDGE: tuple[BridgeRow[Any], ...] = (
    BridgeRow(
        name="discovery",
        action=SetDiscovery,
        level=Level.ADMIN,
        parse=lambda request: SetDiscovery(on=switch(request)),
        value=lambda action: "ON" if action.on else "OFF",
        payload="`ON`, `OFF`",
        meaning="OFF turns MQTT discovery off by hand, ON takes that back",
    ),
    BridgeRow(
        name="claim_devices",
        action=ClaimDevices,
        level=Level.CONTROL,
        parse=lambda request: ClaimDevices(holder=word(request)),
        value=lambda action: action.holder,
        payload="who claims them",
        meaning="say that a Home Assistant, by its instance's id, has the devices by another way than MQTT discovery",
    ),
    BridgeRow(
        name="release_devices",
        action=ReleaseDevices,
        level=Level.CONTROL,
        parse=lambda request: ReleaseDevices(holder=word(request)),
        value=lambda action: action.holder,
        payload="who has claimed them",
        meaning="say that it has them no more; an admin may say so of others",
    ),
)
"""Every command to the bridge that there is."""


def parse_bridge(name: str, request: Request) -> Action:
    """Return what is asked of the bridge by this name. Raises UnsupportedCommand or CommandRejected."""
    row = next((each for each in BRIDGE if each.name == name), None)
    if row is None:
        names = ", ".join(each.name for each in BRIDGE)
        raise UnsupportedCommand(f"the bridge has no command {name[:_NAME_CHARACTERS]!r}", hint=f"it takes {names}")
    if request.event is not None or request.details:
        raise CommandRejected("a command to the bridge has a value, and nothing more", hint="leave the rest out")
    action: Action = row.parse(request)
    return action
