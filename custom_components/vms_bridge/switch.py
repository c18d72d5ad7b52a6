"""What can be switched: armed, a forced alarm, detection."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeassistant.components.switch import SwitchEntity
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
    add_entities(entry, Platform.SWITCH, VmsBridgeSwitch, async_add_entities)


class VmsBridgeSwitch(VmsBridgeEntity, SwitchEntity):
    """Something that can be switched on and off; it shows what the VMS says, not what was asked for."""

    @property
    def is_on(self) -> bool | None:
        """Whether it is on; None: unknown."""
        return self.truth()

    async def async_turn_on(self, **kwargs: Any) -> None:  # noqa: ANN401, ARG002  # Home Assistant's own signature
        """Switch it on, and return when the VMS shows that it is."""
        await self.give("ON")

    async def async_turn_off(self, **kwargs: Any) -> None:  # noqa: ANN401, ARG002  # Home Assistant's own signature
        """Switch it off, and return when the VMS shows that it is."""
        await self.give("OFF")
