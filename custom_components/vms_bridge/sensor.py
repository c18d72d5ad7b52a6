"""What is measured, counted or said: alarm states, last events, rates, storage, data paths."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from homeassistant.components.sensor import SensorDeviceClass, SensorEntity, SensorStateClass
from homeassistant.const import Platform

from .entity import VmsBridgeEntity, add_entities
from .times import time_of

if TYPE_CHECKING:
    from datetime import datetime

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
    add_entities(entry, Platform.SENSOR, VmsBridgeSensor, async_add_entities)


class VmsBridgeSensor(VmsBridgeEntity, SensorEntity):
    """A value."""

    def __init__(self, coordinator: VmsBridgeCoordinator, row: Row, target: Target, part: str | None = None) -> None:
        super().__init__(coordinator, row, target, part)
        if row.device_class is not None:
            self._attr_device_class = SensorDeviceClass(row.device_class)
        if row.state_class is not None:
            self._attr_state_class = SensorStateClass(row.state_class)
        if row.options:
            self._attr_options = list(row.options)
        self._attr_native_unit_of_measurement = row.unit
        if row.display_unit is not None:
            self._attr_suggested_unit_of_measurement = row.display_unit
            self._attr_suggested_display_precision = 1

    @property
    def native_value(self) -> str | float | datetime | None:
        """The value; None: unknown, or nothing that can be shown."""
        match self.row.type:
            case "integer" | "number":
                return self._number()
            case "time":
                return time_of(self.read())
            case _:
                said = self.text()
                return said if not self.row.options or said in self.row.options else None

    def _number(self) -> float | None:
        value = self.read()
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
        return value if is_number else None
