"""Somebody chooses an entry's options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from custom_components.vms_bridge import options
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from pytest_homeassistant_custom_component.common import MockConfigEntry

if TYPE_CHECKING:
    from unittest.mock import AsyncMock

    from homeassistant.core import HomeAssistant


async def test_they_are_kept_and_the_entry_is_loaded_anew(hass: HomeAssistant, entry: MockConfigEntry, set_up: AsyncMock) -> None:
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert (options.prefers_mjpeg(entry), options.notify_old_s(entry)) == (False, 60)

    form = await hass.config_entries.options.async_init(entry.entry_id)
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, "init")
    chosen = {"live": {"prefer": "mjpeg"}, "events": {"notify_old_s": 300.0}}
    done = await hass.config_entries.options.async_configure(form["flow_id"], chosen)

    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options == {"live": {"prefer": "mjpeg"}, "events": {"notify_old_s": 300}}
    assert (options.prefers_mjpeg(entry), options.notify_old_s(entry)) == (True, 300)
    await hass.async_block_till_done()
    assert len(set_up.mock_calls) == 2

    form = await hass.config_entries.options.async_init(entry.entry_id)
    assert form["data_schema"] is not None
    shown = {
        str(field): field.description["suggested_value"]
        for section in form["data_schema"].schema.values()
        for field in section.schema.schema
    }
    assert shown == {"prefer": "mjpeg", "notify_old_s": 300}


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"live": {"prefer": "av1"}, "events": {"notify_old_s": 60}},
        {"live": {"prefer": "h264"}, "events": {"notify_old_s": -1}},
        {"live": {"prefer": "h264"}, "events": {"notify_old_s": 3_601}},
        {"live": {"prefer": "h264"}, "events": {"notify_old_s": "soon"}},
    ],
)
async def test_what_makes_no_sense_is_refused(hass: HomeAssistant, entry: MockConfigEntry, chosen: dict[str, Any]) -> None:
    assert await hass.config_entries.async_setup(entry.entry_id)
    form = await hass.config_entries.options.async_init(entry.entry_id)
    with pytest.raises(InvalidData):
        await hass.config_entries.options.async_configure(form["flow_id"], chosen)
    assert entry.options == {}


@pytest.mark.parametrize(
    ("stored", "is_mjpeg", "old_s"),
    [
        ({}, False, 60),
        ({"live": None, "events": []}, False, 60),
        ({"live": {"prefer": "h264"}, "events": {"notify_old_s": "60"}}, False, 60),
        ({"live": {"prefer": "mjpeg"}, "events": {"notify_old_s": True}}, True, 60),
        ({"events": {"notify_old_s": 0}}, False, 0),
        ({"events": {"notify_old_s": -5}}, False, 0),
        ({"events": {"notify_old_s": 90_000.5}}, False, 3_600),
    ],
)
def test_what_is_stored_is_read_with_care(stored: dict[str, Any], is_mjpeg: bool, old_s: float) -> None:  # noqa: FBT001 - parametrised
    entry = MockConfigEntry(domain="vms_bridge", options=stored)
    assert (options.prefers_mjpeg(entry), options.notify_old_s(entry)) == (is_mjpeg, old_s)
