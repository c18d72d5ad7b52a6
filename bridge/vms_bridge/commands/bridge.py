"""What can be asked of the bridge itself: no backend hears of it, so a row says less than that of a command to a VMS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from vms_bridge.commands.values import Action, Level

if TYPE_CHECKING:
    from collections.abc import Callable


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BridgeRow(Generic[A]):
    """One command to the bridge: its name, who may, and the value in force once it is applied."""

    name: str
    action: type[A]
    level: Level
    value: Callable[[A], str]


BRIDGE: tuple[BridgeRow[Any], ...] = (
    BridgeRow(name="discovery", action=SetDiscovery, level=Level.ADMIN, value=lambda action: "ON" if action.on else "OFF"),
    BridgeRow(name="claim_devices", action=ClaimDevices, level=Level.ADMIN, value=lambda action: action.holder),
    BridgeRow(name="release_devices", action=ReleaseDevices, level=Level.ADMIN, value=lambda action: action.holder),
)
"""Every command to the bridge that there is."""
