"""What is so, or is not: motion, connectivity, recording, problems, occupancy of zones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.components.binary_sensor import BinarySensorEntity
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import Platform

from .entity import VmsBridgeEntity, add_entities

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import VmsBridgeConfigEntry, VmsBridgeCoordinator
    from .models import Target
    from .row import Row

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,  # noqa: ARG001  # Home Assistant's own signature
    entry: VmsBridgeConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Show what there is, and what comes."""
    add_entities(entry, Platform.BINARY_SENSOR, VmsBridgeBinarySensor, async_add_entities)


class VmsBridgeBinarySensor(VmsBridgeEntity, BinarySensorEntity):
    """Something that is so, or is not."""

    def __init__(self, coordinator: VmsBridgeCoordinator, row: Row, target: Target, part: str | None = None) -> None:
        super().__init__(coordinator, row, target, part)
        if row.device_class is not None:
            self._attr_device_class = BinarySensorDeviceClass(row.device_class)

    @property
    def is_on(self) -> bool | None:
        """Whether it is so; None: unknown."""
        return self.coordinator.is_connected if self.row.source == "status" else self.truth()

    def _seen(self) -> object:
        return self.available, self.is_on, self.extra_state_attributes
