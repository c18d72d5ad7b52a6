"""Losing a bridge and finding it again, without waiting for real time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from custom_components.vms_bridge.coordinator import VmsBridgeCoordinator
    from homeassistant.core import HomeAssistant

PATIENCE_S = 30.0


async def until(look: Callable[[], bool], what: str) -> None:
    """Let the loop go on until it is so."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not look():  # noqa: ASYNC110  # whatever it looks at, nobody says when that changes
                await asyncio.sleep(0)
    except TimeoutError:
        raise AssertionError(f"not within {PATIENCE_S:g} s: {what}") from None


async def lost(hass: HomeAssistant, coordinator: VmsBridgeCoordinator) -> None:
    """Wait until the line is lost, and everybody knows."""
    await until(lambda: not coordinator.is_connected, "the line is lost")
    await hass.async_block_till_done()


async def found(hass: HomeAssistant, coordinator: VmsBridgeCoordinator) -> None:
    """Have the line come back without a pause, and wait until everybody knows all that is current."""

    def is_back() -> bool:
        if not coordinator.is_connected:
            coordinator.hurry()
        return coordinator.is_connected

    await until(is_back, "the line is back")
    await hass.async_block_till_done()


async def tried(coordinator: VmsBridgeCoordinator, look: Callable[[], bool], what: str) -> None:
    """Have it try again and again, without a pause, until it is so."""

    def hurried() -> bool:
        coordinator.hurry()
        return look()

    await until(hurried, what)
