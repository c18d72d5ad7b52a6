"""What can be done once: end an alarm, restart a camera's capturing, move a camera."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.components.button import ButtonEntity
from homeassistant.components.button.const import ButtonDeviceClass
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
    add_entities(entry, Platform.BUTTON, VmsBridgeButton, async_add_entities)


class VmsBridgeButton(VmsBridgeEntity, ButtonEntity):
    """Something that can be done."""

    def __init__(self, coordinator: VmsBridgeCoordinator, row: Row, target: Target, part: str | None = None) -> None:
        super().__init__(coordinator, row, target, part)
        if row.device_class is not None:
            self._attr_device_class = ButtonDeviceClass(row.device_class)

    async def async_press(self) -> None:
        """Have it done."""
        await self.give(self.row.press)

    def _seen(self) -> object:
        return self.available
