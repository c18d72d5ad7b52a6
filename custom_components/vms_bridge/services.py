"""The actions of the component: what its entities can be told beyond switching them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import voluptuous as vol
from homeassistant.const import Platform
from homeassistant.core import callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers import config_validation as cv
from homeassistant.helpers.service import async_register_platform_entity_service

from .const import DOMAIN
from .entity import VmsBridgeEntity
from .event_services import async_setup_event_services

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant, ServiceCall
    from homeassistant.helpers.entity import Entity
    from homeassistant.helpers.typing import VolDictType

FORCE_ALARM: Final = "force_alarm"
_COMMAND: Final = "alarm"
_FIELDS: Final = ("seconds", "cause", "text", "score")
_FORCE_ALARM_SCHEMA: Final[VolDictType] = {
    vol.Optional("seconds"): vol.All(vol.Coerce(float), vol.Range(min=0, min_included=False, max=86_400)),
    vol.Optional("cause"): vol.All(cv.string, vol.Length(min=1, max=64)),
    vol.Optional("text"): vol.All(cv.string, vol.Length(min=1, max=256)),
    vol.Optional("score"): vol.All(vol.Coerce(int), vol.Range(min=0, max=255)),
}
"""As the bridge takes them (docs/mqtt.md, "Commands")."""


@callback
def async_setup_services(hass: HomeAssistant) -> None:
    """Register the actions: they are there also while no bridge is."""
    async_register_platform_entity_service(
        hass, DOMAIN, FORCE_ALARM, entity_domain=Platform.SWITCH, schema=_FORCE_ALARM_SCHEMA, func=_force_alarm
    )
    async_setup_event_services(hass)


async def _force_alarm(entity: Entity, call: ServiceCall) -> None:
    """Force an alarm on the monitor whose switch that is. Raises ServiceValidationError for any other switch."""
    if not isinstance(entity, VmsBridgeEntity) or entity.row.command != _COMMAND:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="no_force_alarm",
            translation_placeholders={"entity_id": entity.entity_id},
        )
    said = {name: call.data[name] for name in _FIELDS if name in call.data}
    await entity.coordinator.command(entity.target, _COMMAND, "ON", context=call.context, **said)
