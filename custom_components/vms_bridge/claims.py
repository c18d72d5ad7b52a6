"""The claim on a bridge's devices: while Home Assistant has them by this component, the bridge does not announce them by MQTT."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from homeassistant.const import CONF_URL
from homeassistant.core import callback
from homeassistant.helpers import instance_id
from homeassistant.helpers import issue_registry as ir

from . import repairs
from .const import CONF_BRIDGE_ID, DOMAIN, LOGGER
from .errors import BridgeError, NotAllowed, NotFound, Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from homeassistant.config_entries import ConfigEntry
    from homeassistant.core import HomeAssistant

    from .client import BridgeClient

RENEW_S: Final = 12 * 3600.0
RETRY_S: Final = 300.0
DROP_S: Final = 10.0
"""How long the bridge has for each of the two farewells, when an entry is removed."""
_MQTT: Final = "mqtt"
_LEFT: Final = "claim_left"


class Claim:
    """Our claim, by Home Assistant's instance id: made when the line is there, and renewed while it is."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry[Any], client: BridgeClient) -> None:
        self._hass, self._entry, self._client = hass, entry, client
        self._task: asyncio.Task[None] | None = None

    @callback
    def keep(self, scope: str) -> None:
        """Claim the devices now and then, with a token that may; with another one see whether they are there twice."""
        self.rest()
        keeping = self._keep() if scope != "read" else self._do_without()
        self._task = self._entry.async_create_background_task(self._hass, keeping, name=f"{DOMAIN} claim")

    @callback
    def rest(self) -> None:
        """Claim nothing for now. What was claimed holds."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _keep(self) -> None:
        holder = await instance_id.async_get(self._hass)
        while True:
            wait_s = RENEW_S
            try:
                await self._client.claim(holder)
            except NotAllowed:  # a token that is limited to some cameras
                await self._do_without()
                return
            except BridgeError as error:
                LOGGER.debug("The devices could not be claimed: %s", error.detail)
                wait_s = RETRY_S
            else:
                self._said()
            await asyncio.sleep(wait_s)

    @callback
    def _said(self) -> None:
        """Take back what people were told: the bridge knows that we are here."""
        repairs.async_report_claim(self._hass, self._entry, is_missing=False)
        ir.async_delete_issue(self._hass, DOMAIN, _issue_id(self._entry))

    async def _do_without(self) -> None:
        """Tell people if the bridge announces the same devices to this Home Assistant by MQTT, as far as the token may know."""
        try:
            is_on = (await self._client.get("discovery")).get("is_on") is True
        except BridgeError as error:
            LOGGER.debug("Whether devices are announced by MQTT too is not known: %s", error.detail)
            return
        is_missing = is_on and bool(self._hass.config_entries.async_entries(_MQTT))
        repairs.async_report_claim(self._hass, self._entry, is_missing=is_missing)


async def drop(hass: HomeAssistant, entry: ConfigEntry[Any], client: BridgeClient) -> None:
    """Give the devices and then the token up. Where the bridge can't be told, people are: they can tell it later."""
    holder = await instance_id.async_get(hass)
    if await _is_done(client.unclaim(holder)):
        await _is_done(client.delete("tokens/self"))
        return
    LOGGER.warning("The bridge %s could not be told that its devices are given up", entry.title)
    ir.async_create_issue(
        hass,
        DOMAIN,
        _issue_id(entry),
        is_fixable=False,
        is_persistent=True,
        severity=ir.IssueSeverity.WARNING,
        translation_key=_LEFT,
        translation_placeholders={"name": entry.title, "url": entry.data[CONF_URL], "holder": holder},
    )


async def _is_done(farewell: Awaitable[object]) -> bool:
    try:
        async with asyncio.timeout(DROP_S):
            await farewell
    except NotAllowed, NotFound, Refused:  # then nothing is claimed by this token
        return True
    except BridgeError, TimeoutError:
        return False
    return True


def _issue_id(entry: ConfigEntry[Any]) -> str:
    return f"{_LEFT}_{entry.data[CONF_BRIDGE_ID]}"
