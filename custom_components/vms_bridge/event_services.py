"""The actions on events: keep one, note something at it, delete it. No event is an entity, so that its id names it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

import voluptuous as vol
from homeassistant.auth.permissions.const import POLICY_CONTROL
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import callback
from homeassistant.exceptions import ServiceValidationError, Unauthorized, UnknownUser
from homeassistant.helpers import config_validation as cv

from .const import DOMAIN
from .models import Target

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from homeassistant.core import HomeAssistant, ServiceCall
    from homeassistant.helpers.typing import VolDictType

    from .coordinator import VmsBridgeCoordinator

_MOST_AT_ONCE: Final = 100
_ID: Final = vol.All(cv.string, vol.Length(min=1, max=512))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Action:
    """An action: by which command of the bridge's it is done, and with what value."""

    command: Callable[[Mapping[str, Any]], str]
    value: Callable[[Mapping[str, Any]], str | None]
    schema: VolDictType
    is_for_admins: bool = False


def _switch(command: str, field: str) -> _Action:
    return _Action(
        command=lambda _data: command,
        value=lambda data: "ON" if data[field] else "OFF",
        schema={vol.Required(field, default=True): cv.boolean},
    )


ACTIONS: Final[Mapping[str, _Action]] = {
    "archive_event": _switch("archived", "archived"),
    "lock_event": _switch("locked", "locked"),
    "tag_event": _Action(
        command=lambda data: "tag" if data["tagged"] else "untag",
        value=lambda data: data["tag"],
        schema={
            vol.Required("tag"): vol.All(cv.string, vol.Length(min=1, max=64)),
            vol.Required("tagged", default=True): cv.boolean,
        },
    ),
    "note_event": _Action(
        command=lambda _data: "note",
        value=lambda data: data["text"],
        schema={vol.Required("text"): vol.All(cv.string, vol.Length(max=1_000))},
    ),
    "delete_event": _Action(command=lambda _data: "delete", value=lambda _data: None, schema={}, is_for_admins=True),
}
"""By name (docs/home-assistant.md)."""


@callback
def async_setup_event_services(hass: HomeAssistant) -> None:
    """Register them."""
    for name, action in ACTIONS.items():
        schema = vol.Schema(
            {
                vol.Required("event_id"): vol.All(cv.ensure_list, [_ID], vol.Length(min=1, max=_MOST_AT_ONCE)),
                vol.Optional("config_entry_id"): cv.string,
                **action.schema,
            }
        )
        hass.services.async_register(DOMAIN, name, partial(_run, hass, action), schema=schema)


async def _run(hass: HomeAssistant, action: _Action, call: ServiceCall) -> None:
    """Give the command to each event, one after the other. Raises at the first that is not done."""
    await _admit(hass, call, is_for_admins=action.is_for_admins)
    coordinator = _coordinator(hass, call.data.get("config_entry_id"))
    for event in dict.fromkeys(call.data["event_id"]):
        await coordinator.command(Target(), action.command(call.data), action.value(call.data), context=call.context, event=event)


async def _admit(hass: HomeAssistant, call: ServiceCall, *, is_for_admins: bool) -> None:
    """Raise Unauthorized for who may not control all: which camera an event is of shows only at the bridge."""
    if call.context.user_id is None:
        return
    user = await hass.auth.async_get_user(call.context.user_id)
    if user is None:
        raise UnknownUser(context=call.context)
    if not user.is_admin and (is_for_admins or not user.permissions.access_all_entities(POLICY_CONTROL)):
        raise Unauthorized(context=call.context)


def _coordinator(hass: HomeAssistant, entry_id: str | None) -> VmsBridgeCoordinator:
    """Return the bridge that is named, or the only one that there is. Raises ServiceValidationError."""
    loaded = [entry for entry in hass.config_entries.async_entries(DOMAIN) if entry.state is ConfigEntryState.LOADED]
    chosen = [entry for entry in loaded if entry_id in {None, entry.entry_id}]
    if len(chosen) != 1:
        key = "which_bridge" if len(chosen) > 1 else "no_such_bridge"
        raise ServiceValidationError(translation_domain=DOMAIN, translation_key=key)
    coordinator: VmsBridgeCoordinator = chosen[0].runtime_data
    return coordinator
