"""Which user of Home Assistant may see what a camera has recorded: who may read its camera entity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.auth.permissions.const import POLICY_READ
from homeassistant.const import Platform
from homeassistant.core import callback
from homeassistant.helpers import entity_registry as er

from .const import DOMAIN

if TYPE_CHECKING:
    from homeassistant.auth.models import User
    from homeassistant.core import HomeAssistant


@callback
def may_see_all(user: User | None) -> bool:
    """Say whether a user may see every camera. None is Home Assistant itself, as with an automation."""
    return user is None or user.is_admin or user.permissions.access_all_entities(POLICY_READ)


@callback
def may_see(hass: HomeAssistant, user: User | None, bridge_id: str, system: str, monitor: str) -> bool:
    """Say whether a user may see this one; where there is no entity by which that could be allowed, he may not."""
    if user is None or may_see_all(user):
        return True
    entity_id = er.async_get(hass).async_get_entity_id(Platform.CAMERA, DOMAIN, f"{bridge_id}/{system}/{monitor}/camera")
    return entity_id is not None and user.permissions.check_entity(entity_id, POLICY_READ)
