"""What tests of cameras, images and events have in common."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

from homeassistant.core import callback
from homeassistant.helpers.entity_component import DATA_INSTANCES
from homeassistant.helpers.event import async_track_state_change_event

if TYPE_CHECKING:
    from collections.abc import Callable

    from custom_components.vms_bridge.camera import VmsBridgeCamera
    from homeassistant.core import HomeAssistant, State

LIMIT_S = 30.0


async def until(hass: HomeAssistant, entity_id: str, is_so: Callable[[State], bool]) -> State:
    """Return the entity's state as soon as it is so."""
    came: asyncio.Future[None] = hass.loop.create_future()

    @callback
    def look(*_: object) -> None:
        state = hass.states.get(entity_id)
        if state is not None and is_so(state) and not came.done():
            came.set_result(None)

    forget = async_track_state_change_event(hass, entity_id, look)
    try:
        look()
        async with asyncio.timeout(LIMIT_S):
            await came
    finally:
        forget()
    state = hass.states.get(entity_id)
    assert state is not None
    return state


async def soon(is_so: Callable[[], bool]) -> None:
    """Return as soon as it is so, of what says by no event that it has become so."""
    async with asyncio.timeout(LIMIT_S):
        while not is_so():  # noqa: ASYNC110  # nothing else says it
            await asyncio.sleep(0.005)


def camera_of(hass: HomeAssistant, entity_id: str) -> VmsBridgeCamera:
    """Return a camera's object, as core has it."""
    found = hass.data[DATA_INSTANCES]["camera"].get_entity(entity_id)
    assert found is not None
    return cast("VmsBridgeCamera", found)


def has_stream(state: State) -> bool:
    """Say whether a camera offers a stream."""
    return bool(state.attributes["supported_features"] & 2)
