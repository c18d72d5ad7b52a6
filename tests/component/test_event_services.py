"""The actions on events: which command each is, and who may, at which bridge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import voluptuous as vol
from homeassistant.core import Context
from homeassistant.exceptions import ServiceValidationError, Unauthorized

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry, MockUser
    from tests.component.fakes.bridge import FakeBridge

DOMAIN = "vms_bridge"
pytestmark = pytest.mark.usefixtures("component")


@pytest.fixture(autouse=True)
def for_all(bridge: FakeBridge) -> None:
    bridge.scope = "admin"


async def act(hass: HomeAssistant, action: str, context: Context | None = None, **said: object) -> None:
    await hass.services.async_call(DOMAIN, action, {"event_id": "zm-11", **said}, blocking=True, context=context)


@pytest.mark.parametrize(
    ("action", "said", "command", "value"),
    [
        ("archive_event", {}, "archived", "ON"),
        ("archive_event", {"archived": False}, "archived", "OFF"),
        ("lock_event", {"locked": True}, "locked", "ON"),
        ("tag_event", {"tag": "parcel"}, "tag", "parcel"),
        ("tag_event", {"tag": "parcel", "tagged": False}, "untag", "parcel"),
        ("note_event", {"text": ""}, "note", ""),
        ("delete_event", {}, "delete", None),
    ],
)
async def test_an_action_is_a_command_on_the_event(
    hass: HomeAssistant, bridge: FakeBridge, action: str, said: dict[str, Any], command: str, value: str | None
) -> None:
    await act(hass, action, **said)
    given = await bridge.commanded()
    assert (given["command"], given["event"], given.get("value")) == (command, "zm-11", value)
    assert not {"system", "monitor"} & given.keys()


async def test_several_events_are_done_one_after_the_other_and_each_once(hass: HomeAssistant, bridge: FakeBridge) -> None:
    await act(hass, "archive_event", event_id=["zm-11", "zm-12", "zm-11"])
    assert [given["event"] for given in bridge.commands] == ["zm-11", "zm-12"]


async def test_a_refusal_is_quoted_and_ends_it(hass: HomeAssistant, bridge: FakeBridge) -> None:
    bridge.refuse("delete", hint="it is archived")
    with pytest.raises(ServiceValidationError, match="it is archived"):
        await act(hass, "delete_event", event_id=["zm-11", "zm-12"])
    assert len(bridge.commands) == 1


@pytest.mark.parametrize(
    ("action", "said"),
    [("archive_event", {"event_id": []}), ("tag_event", {}), ("tag_event", {"tag": ""}), ("note_event", {"text": "t" * 1_001})],
)
async def test_what_makes_no_sense_is_not_sent(
    hass: HomeAssistant, bridge: FakeBridge, action: str, said: dict[str, Any]
) -> None:
    with pytest.raises(vol.Invalid):
        await act(hass, action, **said)
    assert not bridge.commands


async def test_only_administrators_delete(hass: HomeAssistant, bridge: FakeBridge, hass_admin_user: MockUser) -> None:
    hass_admin_user.groups = []
    context = Context(user_id=hass_admin_user.id)
    for action in ("delete_event", "archive_event"):
        with pytest.raises(Unauthorized):
            await act(hass, action, context)
    assert not bridge.commands


async def test_the_bridge_can_be_named(hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry) -> None:
    await act(hass, "archive_event", config_entry_id=component.entry_id)
    assert len(bridge.commands) == 1
    with pytest.raises(ServiceValidationError) as refused:
        await act(hass, "archive_event", config_entry_id="another")
    assert refused.value.translation_key == "no_such_bridge"
