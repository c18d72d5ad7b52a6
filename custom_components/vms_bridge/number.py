"""What is a number that can be set: the least score of what counts in detection, from 0 to 1."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.components.number import NumberEntity, NumberMode
from homeassistant.const import Platform

from .entity import VmsBridgeEntity, add_entities

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import VmsBridgeConfigEntry

PARALLEL_UPDATES = 0


async def async_setup_entry(
    hass: HomeAssistant,  # noqa: ARG001  # Home Assistant's own signature
    entry: VmsBridgeConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Show what there is, and what comes."""
    add_entities(entry, Platform.NUMBER, VmsBridgeNumber, async_add_entities)


class VmsBridgeNumber(VmsBridgeEntity, NumberEntity):
    """A number from 0 to 1; it shows what the bridge says, not what was asked for."""

    _attr_native_min_value = 0.0
    _attr_native_max_value = 1.0
    _attr_native_step = 0.01
    _attr_mode = NumberMode.SLIDER

    @property
    def native_value(self) -> float | None:
        """What it is; None: unknown."""
        value = self.read()
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return float(value) if is_number and 0 <= value <= 1 else None

    async def async_set_native_value(self, value: float) -> None:
        """Set it, and return when the bridge says that it is in force."""
        await self.give(f"{value:g}")
