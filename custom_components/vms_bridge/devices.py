"""The devices: the bridge, its systems below it, monitors below these, and zones as parts of their monitors."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.core import callback
from homeassistant.helpers import device_registry as dr
from homeassistant.helpers.device_registry import ChildDeviceInfo, DeviceEntryType, DeviceInfo
from homeassistant.helpers.typing import UNDEFINED

from .const import DOMAIN
from .models import Target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from homeassistant.config_entries import ConfigEntry
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.device_registry import AnyDeviceEntry

    from .models import Monitor, Zone
    from .world import MonitorData, SystemData, World

MANUFACTURER = "VMS Bridge"
ZONE_STATE = "zone_state"
"""The capability of a monitor whose system says what happens in which zone: only then its zones are devices."""


def identifier(bridge_id: str, target: Target, zone: str | None = None) -> tuple[str, str]:
    """Return what a device is known by for ever."""
    return DOMAIN, "/".join(filter(None, (bridge_id, target.system, target.monitor, zone)))


class Devices:
    """The devices of one bridge in Home Assistant's registry."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry, bridge_id: str) -> None:
        self._registry = dr.async_get(hass)
        self._entry = entry
        self._bridge_id = bridge_id

    @callback
    def register(self, world: World, *, name: str, version: str | None) -> None:
        """Have all that there are in the registry, as they are now called: who is above comes first."""
        self._registry.async_get_or_create(
            config_entry_id=self._entry.entry_id,
            identifiers={identifier(self._bridge_id, Target())},
            entry_type=DeviceEntryType.SERVICE,
            manufacturer=MANUFACTURER,
            model="Bridge",
            name=name or self._entry.title,
            sw_version=version,
        )
        for system in world.systems:
            self.register_system(world, system)
        for system, monitor in world.monitors:
            self.register_monitor(world, system, monitor)

    @callback
    def register_one(self, world: World, target: Target) -> None:
        """Have the device of this target in the registry, as it is now called, if there is such a target."""
        if target.system is None or not world.has(target):
            return
        if target.monitor is None:
            self.register_system(world, target.system)
        else:
            self.register_monitor(world, target.system, target.monitor)

    @callback
    def register_system(self, world: World, key: str) -> None:
        """Have a system in the registry."""
        data = world.systems[key]
        self._registry.async_get_or_create(
            config_entry_id=self._entry.entry_id,
            identifiers={identifier(self._bridge_id, Target(system=key))},
            entry_type=DeviceEntryType.SERVICE,
            model=data.shape.kind or None,
            name=data.shape.name or key,
            sw_version=_version(data),
            via_device_id=self._id_of(Target()) or UNDEFINED,
        )

    @callback
    def register_monitor(self, world: World, system: str, key: str) -> None:
        """Have a monitor in the registry, with its zones. Its system may be unknown yet: then it is below the bridge."""
        data = world.monitors[system, key]
        target = Target(system=system, monitor=key)
        above = self._id_of(Target(system=system)) or self._id_of(Target())
        device = self._registry.async_get_or_create(
            config_entry_id=self._entry.entry_id,
            identifiers={identifier(self._bridge_id, target)},
            model=data.shape.model or None,
            name=data.shape.name or key,
            suggested_area=data.shape.area or UNDEFINED,
            via_device_id=above or UNDEFINED,
        )
        for zone in zones_of(data):
            self._registry.async_get_or_create_child(
                config_entry_id=self._entry.entry_id,
                identifiers={identifier(self._bridge_id, target, zone.key)},
                name=zone_name(data.shape, zone),
                parent_device_id=device.id,
            )

    @callback
    def info(self, target: Target, zone: str | None = None) -> DeviceInfo | ChildDeviceInfo:
        """Return the device that an entity belongs to: one that is in the registry already."""
        identifiers = {identifier(self._bridge_id, target, zone)}
        parent = None if zone is None else self._id_of(target)
        return (
            DeviceInfo(identifiers=identifiers)
            if parent is None
            else ChildDeviceInfo(identifiers=identifiers, parent_device_id=parent)
        )

    def _id_of(self, target: Target) -> str | None:
        device = self._registry.async_get_device_by_identifier(identifier(self._bridge_id, target), self._entry.entry_id)
        return None if device is None else device.id


def zones_of(data: MonitorData) -> Iterable[Zone]:
    """Return the zones of a monitor that are devices."""
    return data.shape.zones if ZONE_STATE in data.shape.capabilities else ()


def zone_name(monitor: Monitor, zone: Zone) -> str:
    """Return both names in one, none of them twice: people call a zone like its camera."""
    name, above = zone.name or zone.key, monitor.name
    if name.casefold() == above.casefold():
        return f"{above} zone"
    return name if name.casefold().startswith(f"{above} ".casefold()) else f"{above} {name}"


def target_of(bridge_id: str, device: AnyDeviceEntry) -> tuple[Target, str | None] | None:
    """Return which target (and zone of it) a device of the registry is about; None: it is none of this bridge's."""
    for domain, name in device.identifiers:
        parts = name.split("/")
        if domain == DOMAIN and parts[0] == bridge_id and len(parts) <= 4:
            named: list[str | None] = [*parts[1:], None, None, None]
            return Target(system=named[0], monitor=named[1]), named[2]
    return None


def is_there(world: World, target: Target, zone: str | None) -> bool:
    """Say whether the bridge has what a device is about: such a device would come back at once."""
    if not world.has(target):
        return False
    if zone is None:
        return True
    data = world.monitors.get((target.system or "", target.monitor or ""))
    return data is not None and any(zone == each.key for each in zones_of(data))


def _version(data: SystemData) -> str | None:
    version = data.state.get("version")
    return version[:64] if isinstance(version, str) else None
