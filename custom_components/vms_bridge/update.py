"""The bridge's version beside the one that this component was tested with. Nobody is asked for either."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeassistant.components.update import UpdateEntity

from .const import TESTED_BRIDGE
from .entity import VmsBridgeEntity
from .row import Row
from .world import BRIDGE

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import VmsBridgeConfigEntry

PARALLEL_UPDATES = 0

ROW: Final = Row(
    key="update", scope="bridge", platform="update", name="Update", category="diagnostic", type="string", source="health"
)
"""MQTT has no such entity, so the catalogue has no such row."""


async def async_setup_entry(
    hass: HomeAssistant,  # noqa: ARG001  # Home Assistant's own signature
    entry: VmsBridgeConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Show whether the bridge is behind."""
    async_add_entities([VmsBridgeUpdate(entry.runtime_data, ROW, BRIDGE)])


class VmsBridgeUpdate(VmsBridgeEntity, UpdateEntity):
    """Whether a newer bridge is known to go with this component. Where it runs somebody has to install it: how is in the docs."""

    _attr_title = "VMS Bridge"
    _attr_latest_version = TESTED_BRIDGE

    @property
    def installed_version(self) -> str | None:
        """The bridge's version."""
        return self.coordinator.version

    def _seen(self) -> object:
        return self.available, self.installed_version
