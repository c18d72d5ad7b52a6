"""What people have to mend: issues of an entry, and the form that takes a changed certificate for the bridge's own.

A token that the bridge does not take any more is no issue of ours: Home Assistant itself asks for another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import voluptuous as vol
from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlow
from homeassistant.const import CONF_TOKEN, CONF_URL
from homeassistant.core import callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.aiohttp_client import async_get_clientsession

from .client import Address, BridgeClient
from .const import CONF_BRIDGE_ID, CONF_FINGERPRINT, DOMAIN
from .errors import BridgeError, CertificateChanged, CertificateUntrusted, TooNew, TooOld

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.components.repairs import RepairsFlowResult
    from homeassistant.config_entries import ConfigEntry
    from homeassistant.core import HomeAssistant

    from .coordinator import VmsBridgeConfigEntry

BRIDGE_TOO_OLD = "bridge_too_old"
BRIDGE_TOO_NEW = "bridge_too_new"
CERTIFICATE = "certificate_changed"
NO_CLAIM = "no_claim"
_OF_CONNECTING = (BRIDGE_TOO_OLD, BRIDGE_TOO_NEW, CERTIFICATE)


@callback
def async_report(hass: HomeAssistant, entry: ConfigEntry, error: BridgeError) -> None:
    """Have people told why there is no connection, if they can mend that; what was told of before is over then."""
    match error:
        case TooOld():
            found = BRIDGE_TOO_OLD
        case TooNew():
            found = BRIDGE_TOO_NEW
        case CertificateChanged() | CertificateUntrusted():
            found = CERTIFICATE
        case _:
            return
    for kind in _OF_CONNECTING:
        if kind != found:
            ir.async_delete_issue(hass, DOMAIN, _id_of(kind, entry))
    _create(hass, entry, found, is_fixable=found == CERTIFICATE)


@callback
def async_clear(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take back what was told of connecting: there is a connection."""
    for kind in _OF_CONNECTING:
        ir.async_delete_issue(hass, DOMAIN, _id_of(kind, entry))


@callback
def async_report_claim(hass: HomeAssistant, entry: ConfigEntry, *, is_missing: bool) -> None:
    """Say that the bridge announces its devices by MQTT too, for Home Assistant may not claim them; or take that back."""
    if is_missing:
        _create(hass, entry, NO_CLAIM, is_fixable=False)
    else:
        ir.async_delete_issue(hass, DOMAIN, _id_of(NO_CLAIM, entry))


@callback
def async_forget(hass: HomeAssistant, entry: ConfigEntry) -> None:
    """Take back all that was told of an entry that is removed."""
    async_clear(hass, entry)
    async_report_claim(hass, entry, is_missing=False)


async def async_create_fix_flow(
    hass: HomeAssistant, _issue_id: str, data: Mapping[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return the form by which an issue is mended."""
    entry = hass.config_entries.async_get_entry(str((data or {}).get("entry_id")))
    if entry is None:
        return ConfirmRepairFlow()  # its entry was removed meanwhile: there is nothing to mend
    return CertificateRepair(entry)


class CertificateRepair(RepairsFlow):
    """Takes another certificate for the bridge's, if the bridge proves by the token that it is its own and a person agrees."""

    _proved: Address

    def __init__(self, entry: VmsBridgeConfigEntry) -> None:
        super().__init__()
        self._entry = entry

    async def async_step_init(self, _user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Have the bridge prove itself, with whatever certificate is shown now."""
        address = Address(self._entry.data[CONF_URL])
        session, token = async_get_clientsession(self.hass), self._entry.data[CONF_TOKEN]
        try:
            shown = await BridgeClient(session, address).certificate()
            address = Address(address.url, shown)
            await BridgeClient(session, address, token, bridge_id=self._entry.data[CONF_BRIDGE_ID]).prove()
        except BridgeError as error:
            return self.async_abort(reason="not_proved", description_placeholders={"detail": error.detail, "url": address.url})
        self._proved = address
        return await self.async_step_confirm()

    async def async_step_confirm(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Ask whether to take it, and take it: the one that was shown, whatever is shown by then."""
        proved = self._proved
        if user_input is None:
            placeholders = {
                "name": self._entry.title,
                "url": proved.url,
                "fingerprint": proved.fingerprint or "",
                "before": self._entry.data[CONF_FINGERPRINT] or "-",
            }
            return self.async_show_form(step_id="confirm", data_schema=vol.Schema({}), description_placeholders=placeholders)
        data = {**self._entry.data, CONF_FINGERPRINT: proved.fingerprint}
        self.hass.config_entries.async_update_entry(self._entry, data=data)
        self.hass.config_entries.async_schedule_reload(self._entry.entry_id)
        return self.async_create_entry(data={})


def _create(hass: HomeAssistant, entry: ConfigEntry, kind: str, *, is_fixable: bool) -> None:
    ir.async_create_issue(
        hass,
        DOMAIN,
        _id_of(kind, entry),
        data={"entry_id": entry.entry_id},
        is_fixable=is_fixable,
        severity=ir.IssueSeverity.WARNING if kind == NO_CLAIM else ir.IssueSeverity.ERROR,
        translation_key=kind,
        translation_placeholders={"name": entry.title, "url": entry.data[CONF_URL]},
    )


def _id_of(kind: str, entry: ConfigEntry) -> str:
    return f"{kind}_{entry.entry_id}"
