"""What is a number that can be set: the least score of what counts in detection, and how a camera works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeassistant.components.number import NumberEntity, NumberMode
from homeassistant.const import Platform

from .entity import VmsBridgeEntity, add_entities

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import VmsBridgeConfigEntry, VmsBridgeCoordinator
    from .models import Target
    from .row import Row

PARALLEL_UPDATES = 0
_A_SHARE: Final = (0.0, 1.0, 0.01)


async def async_setup_entry(
    hass: HomeAssistant,  # noqa: ARG001  # Home Assistant's own signature
    entry: VmsBridgeConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Show what there is, and what comes."""
    add_entities(entry, Platform.NUMBER, VmsBridgeNumber, async_add_entities)


class VmsBridgeNumber(VmsBridgeEntity, NumberEntity):
    """A number within its row's bounds; it shows what the bridge says, not what was asked for."""

    def __init__(self, coordinator: VmsBridgeCoordinator, row: Row, target: Target, part: str | None = None) -> None:
        super().__init__(coordinator, row, target, part)
        least, most, step = row.bounds or _A_SHARE
        self._attr_native_min_value, self._attr_native_max_value, self._attr_native_step = least, most, step
        self._attr_mode = NumberMode.BOX if row.bounds else NumberMode.SLIDER
        self._attr_native_unit_of_measurement = row.unit

    @property
    def native_value(self) -> float | None:
        """What it is; None: unknown."""
        value = self.read()
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if is_number and self.native_min_value <= value <= self.native_max_value else None

    async def async_set_native_value(self, value: float) -> None:
        """Set it, and return when the bridge says that it is in force."""
        await self.give(f"{value:g}")
