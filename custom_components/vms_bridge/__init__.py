"""VMS Bridge: the cameras of video management systems, with live video, events and commands, by a bridge in the network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_TOKEN, CONF_URL
from homeassistant.exceptions import ConfigEntryError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from . import claims, repairs, services, views
from .client import Address, BridgeClient
from .const import CONF_BRIDGE_ID, CONF_FINGERPRINT, DOMAIN, PLATFORMS
from .coordinator import VmsBridgeCoordinator
from .cursor import Cursor
from .devices import is_there, target_of
from .errors import BadAddress

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigEntry
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.device_registry import AnyDeviceEntry
    from homeassistant.helpers.typing import ConfigType

    from .coordinator import VmsBridgeConfigEntry

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)
VERSION = 1
"""Of what an entry holds (config_flow.py makes it): an entry of a later one can't be read."""


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:  # noqa: ARG001  # Home Assistant's own signature
    """Register the actions, and open the view by which media go: neither belongs to a single bridge."""
    views.async_register(hass)
    services.async_setup_services(hass)
    return True


async def async_setup_entry(hass: HomeAssistant, entry: VmsBridgeConfigEntry) -> bool:
    """Follow a bridge. Raises ConfigEntryNotReady and ConfigEntryAuthFailed; ConfigEntryError for an entry without sense."""
    try:
        client = _client_of(hass, entry)
    except BadAddress as error:
        raise ConfigEntryError(
            translation_domain=DOMAIN, translation_key="bad_address", translation_placeholders={"reason": error.detail}
        ) from error
    coordinator = VmsBridgeCoordinator(hass, entry, client)
    await coordinator.async_start()
    entry.runtime_data = coordinator
    await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    coordinator.begin()
    return True


async def async_unload_entry(hass: HomeAssistant, entry: VmsBridgeConfigEntry) -> bool:
    """Leave a bridge alone. What Home Assistant has claimed there it keeps: it will be back."""
    is_unloaded = await hass.config_entries.async_unload_platforms(entry, PLATFORMS)
    if is_unloaded:
        await entry.runtime_data.async_stop()
    return is_unloaded


async def async_remove_entry(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Give a bridge's devices up, so that it announces them by MQTT again, and then the token."""
    await Cursor(hass, entry.entry_id).remove()
    repairs.async_forget(hass, entry)
    try:
        client = _client_of(hass, entry)
    except BadAddress:  # nobody could ever be told anything there
        return
    await claims.drop(hass, entry, client)


async def async_remove_config_entry_device(hass: HomeAssistant, entry: VmsBridgeConfigEntry, device: AnyDeviceEntry) -> bool:  # noqa: ARG001
    """Say whether a device may be deleted: one that the bridge has not, as far as is known."""
    if entry.state is not ConfigEntryState.LOADED:
        return False
    coordinator = entry.runtime_data
    found = target_of(coordinator.bridge_id, device)
    return found is None or not is_there(coordinator.world, *found)


async def async_migrate_entry(hass: HomeAssistant, entry: ConfigEntry[Any]) -> bool:  # noqa: ARG001  # Home Assistant's own signature
    """Say whether an entry can be read that another version of this component has made; the place to change older ones."""
    return entry.version <= VERSION


def _client_of(hass: HomeAssistant, entry: ConfigEntry[Any]) -> BridgeClient:
    """Return a client for what the entry says. Raises BadAddress."""
    address = Address(entry.data[CONF_URL], entry.data.get(CONF_FINGERPRINT))
    return BridgeClient(async_get_clientsession(hass), address, entry.data[CONF_TOKEN], bridge_id=entry.data[CONF_BRIDGE_ID])
