"""The actions of the component: an alarm that is forced with more than a switch can say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import voluptuous as vol
from homeassistant.exceptions import ServiceValidationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry
    from tests.component.fakes.bridge import FakeBridge

    Find = Callable[..., str]

DOMAIN, FORCE_ALARM = "vms_bridge", "force_alarm"
pytestmark = pytest.mark.usefixtures("component")


async def force(hass: HomeAssistant, entity: str, **said: object) -> None:
    await hass.services.async_call(DOMAIN, FORCE_ALARM, said, target={"entity_id": entity}, blocking=True)


async def test_an_alarm_is_forced_with_its_cause_for_so_long(hass: HomeAssistant, bridge: FakeBridge, find: Find) -> None:
    said = {"seconds": 30, "cause": "Doorbell", "text": "pressed twice", "score": 200}
    await force(hass, find("switch", "force_alarm", "zm", "1"), **said)
    command = await bridge.commanded()
    assert said.items() <= command.items()
    assert (command["system"], command["monitor"], command["command"], command["value"]) == ("zm", "1", "alarm", "ON")


async def test_what_is_not_said_is_not_sent(hass: HomeAssistant, bridge: FakeBridge, find: Find) -> None:
    await force(hass, find("switch", "force_alarm", "zm", "1"))
    assert not {"seconds", "cause", "text", "score"} & (await bridge.commanded()).keys()


async def test_another_switch_is_refused(hass: HomeAssistant, bridge: FakeBridge, find: Find) -> None:
    with pytest.raises(ServiceValidationError) as refused:
        await force(hass, find("switch", "armed", "zm", "1"))
    assert refused.value.translation_key == "no_force_alarm"
    assert not bridge.commands


async def test_a_vms_that_takes_no_cause_is_quoted(hass: HomeAssistant, bridge: FakeBridge, find: Find) -> None:
    bridge.refuse("alarm", hint="leave the cause out")
    with pytest.raises(ServiceValidationError, match="leave the cause out"):
        await force(hass, find("switch", "force_alarm", "zm", "1"), cause="Doorbell")


@pytest.mark.parametrize(
    "said",
    [
        {"seconds": 0},
        {"seconds": 86_401},
        {"seconds": "long"},
        {"cause": ""},
        {"cause": "c" * 65},
        {"text": "t" * 257},
        {"score": 256},
    ],
)
async def test_what_the_bridge_would_not_take_is_not_sent(
    hass: HomeAssistant, bridge: FakeBridge, find: Find, said: dict[str, Any]
) -> None:
    with pytest.raises(vol.Invalid):
        await force(hass, find("switch", "force_alarm", "zm", "1"), **said)
    assert not bridge.commands


async def test_the_action_is_there_without_a_bridge(hass: HomeAssistant, component: MockConfigEntry) -> None:
    assert await hass.config_entries.async_unload(component.entry_id)
    assert hass.services.has_service(DOMAIN, FORCE_ALARM)
