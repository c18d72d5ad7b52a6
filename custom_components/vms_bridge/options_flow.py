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
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

from . import options

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigFlowResult

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
_SCHEMA = vol.Schema(
    {
        vol.Required(options.CONF_LIVE): section(_LIVE),
        vol.Required(options.CONF_EVENTS): section(_EVENTS),
    }
)


class VmsBridgeOptionsFlow(OptionsFlowWithReload):
    """Asks for the options."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Show what is chosen now, and keep what is chosen then."""
        if user_input is not None:
            return self.async_create_entry(data=user_input)
        schema = self.add_suggested_values_to_schema(_SCHEMA, self.config_entry.options)
        return self.async_show_form(step_id="init", data_schema=schema)
