"""Somebody chooses an entry's options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from custom_components.vms_bridge import options
from homeassistant.data_entry_flow import FlowResultType, InvalidData
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_mock_service

if TYPE_CHECKING:
    from unittest.mock import AsyncMock

    from homeassistant.core import HomeAssistant


async def test_they_are_kept_and_the_entry_is_loaded_anew(hass: HomeAssistant, entry: MockConfigEntry, set_up: AsyncMock) -> None:
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert (options.prefers_mjpeg(entry), options.notify_old_s(entry)) == (False, 60)

    form = await hass.config_entries.options.async_init(entry.entry_id)
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, "init")
    chosen = {"live": {"prefer": "mjpeg"}, "events": {"notify_old_s": 300.0}, "notify": {"targets": []}}
    done = await hass.config_entries.options.async_configure(form["flow_id"], chosen)

    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert entry.options == {"live": {"prefer": "mjpeg"}, "events": {"notify_old_s": 300}, "notify": {"targets": []}}
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
    assert shown == {"prefer": "mjpeg", "notify_old_s": 300, "targets": []}


async def test_who_can_be_told_something_can_be_ticked_and_nobody_is(
    hass: HomeAssistant, entry: MockConfigEntry, set_up: AsyncMock
) -> None:
    assert set_up is not None
    for action in ("mobile_app_phone", "notify", "persistent_notification", "send_message"):
        async_mock_service(hass, "notify", action)
    hass.states.async_set("notify.tablet", "unknown", {"friendly_name": "Tablet"})
    assert await hass.config_entries.async_setup(entry.entry_id)
    hass.config_entries.async_update_entry(entry, options={"notify": {"targets": ["notify.gone"]}})

    form = await hass.config_entries.options.async_init(entry.entry_id)
    assert form["data_schema"] is not None
    selector = form["data_schema"].schema["notify"].schema.schema["targets"]
    assert [(each["value"], each["label"]) for each in selector.config["options"]] == [
        ("notify.gone", "notify.gone"),
        ("notify.mobile_app_phone", "mobile_app_phone"),
        ("notify.tablet", "Tablet"),
    ]
    chosen = {"live": {"prefer": "h264"}, "events": {"notify_old_s": 60}, "notify": {"targets": ["notify.tablet"]}}
    await hass.config_entries.options.async_configure(form["flow_id"], chosen)
    assert options.notify_targets(entry) == ("notify.tablet",)


@pytest.mark.parametrize(
    "chosen",
    [
        {},
        {"live": {"prefer": "h264"}, "events": {"notify_old_s": 60}, "notify": {"targets": ["light.all"]}},
        {"live": {"prefer": "h264"}, "events": {"notify_old_s": 60}, "notify": {"targets": "notify.tablet"}},
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


@pytest.mark.parametrize(
    ("stored", "targets"),
    [
        ({}, ()),
        ({"notify": None}, ()),
        ({"notify": {"targets": "notify.phone"}}, ()),
        ({"notify": {"targets": ["notify.phone", 5, "light.all", "notify.phone"]}}, ("notify.phone",)),
    ],
)
def test_targets_are_read_with_care(stored: dict[str, Any], targets: tuple[str, ...]) -> None:
    assert options.notify_targets(MockConfigEntry(domain="vms_bridge", options=stored)) == targets
