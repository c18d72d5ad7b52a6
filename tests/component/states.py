"""What entities show, for tests that know that there are such entities."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant, State


def state_of(hass: HomeAssistant, entity_id: str) -> State:
    """Return an entity's state with its attributes."""
    found = hass.states.get(entity_id)
    assert found is not None, entity_id
    return found


def state(hass: HomeAssistant, entity_id: str) -> str:
    """Return what an entity shows."""
    return state_of(hass, entity_id).state
