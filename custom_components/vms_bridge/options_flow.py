"""The form in which people choose an entry's options; the entry is loaded anew when they have chosen others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import voluptuous as vol
from homeassistant.config_entries import OptionsFlowWithReload
from homeassistant.const import UnitOfTime
from homeassistant.data_entry_flow import section
from homeassistant.helpers.selector import (
    NumberSelector,
    NumberSelectorConfig,
    NumberSelectorMode,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

from . import options
from .notifying import possible_targets

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigEntry, ConfigFlowResult
    from homeassistant.core import HomeAssistant

_LIVE = vol.Schema(
    {
        vol.Required(options.CONF_PREFER, default=options.PREFER_H264): SelectSelector(
            SelectSelectorConfig(
                options=[options.PREFER_H264, options.PREFER_MJPEG],
                translation_key="prefer",
                mode=SelectSelectorMode.LIST,
            )
        ),
    }
)
_EVENTS = vol.Schema(
    {
        vol.Required(options.CONF_NOTIFY_OLD_S, default=options.DEFAULT_NOTIFY_OLD_S): vol.All(
            NumberSelector(
                NumberSelectorConfig(
                    min=options.LEAST_NOTIFY_OLD_S,
                    max=options.MOST_NOTIFY_OLD_S,
                    step=1,
                    unit_of_measurement=UnitOfTime.SECONDS,
                    mode=NumberSelectorMode.BOX,
                )
            ),
            vol.Coerce(int),
        ),
    }
)


class VmsBridgeOptionsFlow(OptionsFlowWithReload):
    """Asks for the options."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what is chosen now, and keep what is chosen then."""
        if user_input is not None:
            return self.async_create_entry(data=user_input)
        schema = self.add_suggested_values_to_schema(schema_of(self.hass, self.config_entry), self.config_entry.options)
        return self.async_show_form(step_id="init", data_schema=schema)


def schema_of(hass: HomeAssistant, entry: ConfigEntry[Any]) -> vol.Schema:
    """Return the form; who can be told something is known to this Home Assistant only."""
    targets = possible_targets(hass, options.notify_targets(entry))
    choices = [SelectOptionDict(value=target, label=name or target) for target, name in sorted(targets.items())]
    selector = SelectSelector(SelectSelectorConfig(options=choices, multiple=True, mode=SelectSelectorMode.DROPDOWN, sort=True))
    return vol.Schema(
        {
            vol.Required(options.CONF_LIVE): section(_LIVE),
            vol.Required(options.CONF_EVENTS): section(_EVENTS),
            vol.Required(options.CONF_NOTIFY): section(vol.Schema({vol.Optional(options.CONF_TARGETS, default=list): selector})),
        }
    )
