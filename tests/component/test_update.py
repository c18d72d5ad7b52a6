"""The bridge's version beside the one that this component was tested with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from custom_components.vms_bridge.const import TESTED_BRIDGE

if TYPE_CHECKING:
    from collections.abc import Callable

    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry
    from tests.component.fakes.bridge import FakeBridge


@pytest.mark.parametrize(("version", "shown"), [("0.0.9", "on"), (TESTED_BRIDGE, "off"), ("99.0.0", "off"), ("", "unknown")])
async def test_it_is_on_where_the_bridge_is_behind(
    hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry, find: Callable[..., str], version: str, shown: str
) -> None:
    bridge.version = version
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    state = hass.states.get(find("update", "update"))
    assert state is not None
    assert state.state == shown
    assert state.attributes["latest_version"] == TESTED_BRIDGE
