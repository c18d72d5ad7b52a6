"""Whether a bridge that is set up already is at another address now: it has to prove that it knows the stored token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_TOKEN, CONF_URL
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .client import Address, BridgeClient
from .const import CONF_BRIDGE_ID, CONF_FINGERPRINT
from .errors import BridgeError, CertificateChanged, CertificateUntrusted

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

    from .coordinator import VmsBridgeConfigEntry


async def proved_address(hass: HomeAssistant, entry: VmsBridgeConfigEntry, offered: Address) -> Address | None:
    """Return the address if the entry's bridge has proved itself there, and is not to be had where it was.

    Nobody learns the token by that: it is not sent. What was encrypted stays so, and a certificate that an authority has signed
    is not given up for one that none has.
    """
    known = Address(entry.data[CONF_URL], entry.data[CONF_FINGERPRINT])
    if offered.url == known.url or not _is_lost(entry) or (known.is_encrypted and not offered.is_encrypted):
        return None
    try:
        return await _proved(hass, entry, Address(offered.url, known.fingerprint if offered.is_encrypted else None))
    except (CertificateChanged, CertificateUntrusted) as other:
        is_verified = known.is_encrypted and known.fingerprint is None
        if is_verified or other.fingerprint is None:
            return None
        shown = other.fingerprint
    except BridgeError:
        return None
    try:
        return await _proved(hass, entry, Address(offered.url, shown))
    except BridgeError:
        return None


def _is_lost(entry: VmsBridgeConfigEntry) -> bool:
    """Say whether the bridge is not to be had where it was, and another address might help."""
    if entry.state is ConfigEntryState.LOADED:
        return not entry.runtime_data.is_connected
    return entry.state is ConfigEntryState.SETUP_RETRY


async def _proved(hass: HomeAssistant, entry: VmsBridgeConfigEntry, address: Address) -> Address:
    """Return the address once the bridge has proved itself there. Raises BridgeError."""
    client = BridgeClient(async_get_clientsession(hass), address, entry.data[CONF_TOKEN], bridge_id=entry.data[CONF_BRIDGE_ID])
    await client.prove()
    return address
