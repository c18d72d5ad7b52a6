"""What all entities have in common: each is a row of the catalogue, about something of the bridge's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from homeassistant.const import MATCH_ALL, EntityCategory
from homeassistant.core import callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.entity import Entity

from .catalogue import ROWS
from .const import DOMAIN
from .devices import zones_of
from .models import Target
from .row import Row
from .world import BRIDGE, PARTS_OF_SYSTEMS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import VmsBridgeConfigEntry, VmsBridgeCoordinator
    from .models import JsonObject
    from .world import MonitorData, SystemData

type Place = tuple[Row, Target, str | None]
"""A row, what it is about, and which part of that: the key of a storage, a server, a zone, or an object."""

WHOLE_MESSAGE: Final = ("*",)
_MODE: Final = re.compile(r"mode_[a-z][a-z0-9_]{0,31}")
_USUAL: Final = frozenset(row.key for row in ROWS["monitor"])
_SELECT: Final = next(row for row in ROWS["monitor"] if row.mode is not None)
"""Any mode of a monitor is a select like this one."""


class VmsBridgeEntity(Entity):
    """An entity that shows a row. It writes its state when what it shows has changed, and only then."""

    _attr_has_entity_name = True
    _attr_should_poll = False
    _unrecorded_attributes = frozenset({MATCH_ALL})

    def __init__(self, coordinator: VmsBridgeCoordinator, row: Row, target: Target, part: str | None = None) -> None:
        self.coordinator, self.row, self.target, self.part = coordinator, row, target, part
        self._written: object = None
        self._attr_unique_id = unique_id(coordinator.bridge_id, row, target, part)
        self._attr_translation_key = row.key
        self._attr_entity_registry_enabled_default = row.enabled
        self._attr_device_info = coordinator.devices.info(target, part if row.scope == "zone" else None)
        if row.category is not None:
            self._attr_entity_category = EntityCategory(row.category)
        if row.name == "":
            self._attr_name = None
        elif row.scope in PARTS_OF_SYSTEMS:
            self._attr_translation_placeholders = {row.scope: self._part_name()}
        elif row.scope == "object":
            self._attr_translation_placeholders = {"object": self._object_name()}
        elif row.mode is not None and row.key not in _USUAL:
            self._attr_translation_key = "mode"
            self._attr_translation_placeholders = {"mode": row.mode.replace("_", " ").capitalize()}

    @property
    def available(self) -> bool:
        """Whether it can be known: the bridge is there, the target too and, unless the row says otherwise, the VMS."""
        coordinator, row = self.coordinator, self.row
        if row.source == "status":
            return True
        if not coordinator.is_connected or not self._is_there():
            return False
        if row.always or row.lasts or self.target.system is None:
            return True
        data = coordinator.system(self.target) if self.target.monitor is None else coordinator.monitor(self.target)
        return data is not None and data.is_available

    @property
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """What the row has beside its value."""
        if not self.row.attributes:
            return None
        message = self.message() or {}
        return message if self.row.attributes == WHOLE_MESSAGE else {name: message.get(name) for name in self.row.attributes}

    def message(self) -> JsonObject | None:
        """Return the message that the row's value is in; None: there is none (yet)."""
        coordinator, target = self.coordinator, self.target
        if target.system is None:
            return self._of_bridge()
        if target.monitor is None:
            system = coordinator.system(target)
            return None if system is None else system.state
        monitor = coordinator.monitor(target)
        if monitor is None:
            return None
        return monitor.last_event if self.row.source == "last_event" else monitor.state

    def read(self) -> Any:  # noqa: ANN401  # JSON
        """Return the row's value as it is in the message; None: unknown."""
        message = self.message()
        if message is None:
            return None
        if self.row.part_of and self.part is not None:
            parts = message.get(self.row.part_of)
            value = parts.get(self.part) if isinstance(parts, dict) else None
            if not self.row.field:
                return value
            return value.get(self.row.field) if isinstance(value, dict) else None
        return message.get(self.row.field)

    def text(self) -> str | None:
        """Return the row's value where it is a text, as long as Home Assistant's states may be; an empty one says nothing."""
        value = self.read()
        return value[:255] or None if isinstance(value, str) else None

    def truth(self) -> bool | None:
        """Return the row's value where it is true or false."""
        value = self.read()
        return value if isinstance(value, bool) else None

    async def give(self, value: object = None, **fields: object) -> None:
        """Give the row's command for who has asked this entity for it."""
        command = self.row.command
        if command is not None:
            await self.coordinator.command(self.target, command, value, context=self._context, **fields)

    async def async_added_to_hass(self) -> None:
        """Listen to what it shows."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.listen(self.target, self._heard))
        self._written = self._seen()

    def _seen(self) -> object:
        """Return all that makes the state that it writes."""
        return self.available, self.read(), self.extra_state_attributes

    @callback
    def _heard(self) -> None:
        """Write the state if another one is to be seen."""
        seen = self._seen()
        if seen != self._written:
            self._written = seen
            self.async_write_ha_state()

    def _is_there(self) -> bool:
        """Say whether the bridge has what this is about, and that can still do it."""
        row, coordinator = self.row, self.coordinator
        if self.target.system is None:
            return True
        if row.scope == "system":
            system = coordinator.system(self.target)
            return system is not None and row.key in system.shape.entities
        if row.scope in PARTS_OF_SYSTEMS:
            system = coordinator.system(self.target)
            return system is not None and self.part is not None and system.part(row.scope, self.part) is not None
        monitor = coordinator.monitor(self.target)
        if monitor is None:
            return False
        match row.scope:
            case "zone":
                there = {zone.key for zone in zones_of(monitor)}
            case "object":
                there = {watched.key for watched in monitor.shape.watched}
            case _:
                return row.key in monitor.shape.entities
        return self.part in there

    def _part_name(self) -> str:
        system = self.coordinator.system(self.target)
        said = None if system is None or self.part is None else system.part(self.row.scope, self.part)
        name = None if said is None else said.get("name")
        return name[:64] if isinstance(name, str) and name else self.part or ""

    def _object_name(self) -> str:
        monitor = self.coordinator.monitor(self.target)
        watched = () if monitor is None else monitor.shape.watched
        return next((each.name for each in watched if each.key == self.part), self.part or "")

    def _of_bridge(self) -> JsonObject:
        """Return how the bridge fares in the words of MQTT's `health`, in which its rows are."""
        coordinator, health = self.coordinator, self.coordinator.health
        problem = health.get("problem")
        return {
            "version": coordinator.version,
            "problem": None if not health else problem is not None,
            "detail": problem,
            "undelivered": health.get("undelivered"),
            "systems": len(coordinator.systems),
        }


def unique_id(bridge_id: str, row: Row, target: Target, part: str | None) -> str:
    """Return an entity's id, which never changes with a name."""
    return "/".join(filter(None, (bridge_id, target.system, target.monitor, part, row.key)))


def add_entities(
    entry: VmsBridgeConfigEntry,
    platform: str,
    make: Callable[[VmsBridgeCoordinator, Row, Target, str | None], Entity],
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Make the platform's entities: those that there are, and those that come. One that comes back is made no second time."""
    coordinator = entry.runtime_data
    made: set[str] = set()
    """The ids of those that were made, and that nobody has deleted."""
    there: set[str] = set()
    """The ids of what the bridge had at the last look."""

    @callback
    def look() -> None:
        now = {unique_id(coordinator.bridge_id, *place): place for place in places(coordinator, platform)}
        back = (now.keys() & made) - there
        if back:  # somebody may have deleted the device while it was gone
            registry = er.async_get(coordinator.hass)
            made.difference_update([each for each in back if registry.async_get_entity_id(platform, DOMAIN, each) is None])
        new = [place for each, place in now.items() if each not in made]
        made.update(now)
        there.clear()
        there.update(now)
        if new:
            async_add_entities([make(coordinator, *place) for place in new])

    look()
    entry.async_on_unload(coordinator.listen_shapes(look))


def places(coordinator: VmsBridgeCoordinator, platform: str) -> Iterator[Place]:
    """Yield what there is to show on a platform: what the bridge has, and the token may command."""
    for place in _everything(coordinator):
        row = place[0]
        if row.platform == platform and (row.command is None or (row.level is not None and coordinator.may(row.level))):
            yield place


def _everything(coordinator: VmsBridgeCoordinator) -> Iterator[Place]:
    for row in ROWS["bridge"]:
        if row.source != "health" or row.field in {"version", "systems"} or coordinator.health:
            yield row, BRIDGE, None
    for key, system in coordinator.systems.items():
        yield from _of_system(Target(system=key), system)
    for (key, monitor), data in coordinator.monitors.items():
        yield from _of_monitor(Target(system=key, monitor=monitor), data)


def _of_system(target: Target, system: SystemData) -> Iterator[Place]:
    for row in ROWS["system"]:
        if row.key in system.shape.entities:
            yield row, target, None
    for scope in PARTS_OF_SYSTEMS:
        for part, said in system.parts(scope).items():
            for row in ROWS[scope]:
                has_it = row.field not in {"percent", "total"} or bool(said.get("total"))  # a size, and a share of it
                if has_it and system.shape.capabilities.issuperset(row.needs):
                    yield row, target, part


def _of_monitor(target: Target, monitor: MonitorData) -> Iterator[Place]:
    known = frozenset(monitor.shape.entities)
    for row in ROWS["monitor"]:
        if row.key in known:
            yield row, target, None
    for key in sorted(known - _USUAL):
        if _MODE.fullmatch(key) and (mode := key.removeprefix("mode_")) in monitor.shape.modes:
            yield mode_row(mode), target, None
    for zone in zones_of(monitor):
        for row in ROWS["zone"]:
            yield row, target, zone.key
    for watched in monitor.shape.watched:
        for row in ROWS["object"]:
            yield row, target, watched.key


def mode_row(mode: str) -> Row:
    """Return the row of a mode that only its own VMS knows."""
    return Row(
        key=f"mode_{mode}",
        scope="monitor",
        platform="select",
        name="{mode} mode",
        category=_SELECT.category,
        icon="mdi:tune-variant",
        type="string",
        field=f"mode_{mode}",
        command=mode,
        level=_SELECT.level,
        mode=mode,
        needs=_SELECT.needs,
    )
