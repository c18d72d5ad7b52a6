"""Messages of the bridge's scripts to people: told to whom somebody has ticked, and to nobody else, by harmless words only."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from typing import TYPE_CHECKING, Any

import pytest
from custom_components.vms_bridge import notifying
from custom_components.vms_bridge.notify_pictures import MOST_PICTURES, async_notify_pictures
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import async_mock_service
from tests.component.conftest import entry_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from homeassistant.core import HomeAssistant, ServiceCall
    from pytest_homeassistant_custom_component.common import MockConfigEntry
    from pytest_homeassistant_custom_component.typing import ClientSessionGenerator
    from tests.component.fakes.bridge import FakeBridge

PHONE, TABLET = "notify.mobile_app_phone", "notify.tablet"
JPEG = b"\xff\xd8 a picture"
PICTURE = {"type": "image/jpeg", "base64": b64encode(JPEG).decode()}


@pytest.fixture
def phone(hass: HomeAssistant) -> list[ServiceCall]:
    """What an action of a phone is called with."""
    return async_mock_service(hass, "notify", "mobile_app_phone")


@pytest.fixture
def entities(hass: HomeAssistant) -> list[ServiceCall]:
    """What notify entities are called with; there is a tablet that takes titles, and a speaker that does not."""
    hass.states.async_set(TABLET, "unknown", {"supported_features": 1})
    hass.states.async_set("notify.speaker", "unknown")
    return async_mock_service(hass, "notify", "send_message")


@pytest.fixture
async def ticked(hass: HomeAssistant, bridge: FakeBridge) -> AsyncIterator[MockConfigEntry]:
    """An entry, set up, in which a phone, a tablet, a speaker and something that is no more are ticked."""
    entry = entry_of(hass, bridge)
    targets = [PHONE, TABLET, "notify.speaker", "notify.gone"]
    hass.config_entries.async_update_entry(entry, options={"notify": {"targets": targets}})
    assert await hass.config_entries.async_setup(entry.entry_id)
    await bridge.connected()
    yield entry
    assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()


async def ask(bridge: FakeBridge, **words: Any) -> dict[str, Any]:
    content = {"script": "gate", "title": "Gate", "message": "Somebody is there", "targets": None, "data": {}, **words}
    return await bridge.ask("notify", content)


@pytest.mark.usefixtures("ticked")
async def test_all_that_are_ticked_are_told(bridge: FakeBridge, phone: list[ServiceCall], entities: list[ServiceCall]) -> None:
    answer = await ask(bridge)
    assert answer["content"] == {
        "told": [PHONE, TABLET, "notify.speaker"],
        "failed": {"notify.gone": "Home Assistant has it no more"},
    }
    assert [dict(call.data) for call in phone] == [{"title": "Gate", "message": "Somebody is there"}]
    assert sorted(str(dict(call.data)) for call in entities) == sorted(
        str(each)
        for each in (
            {"entity_id": TABLET, "message": "Somebody is there", "title": "Gate"},
            {"entity_id": "notify.speaker", "message": "Gate: Somebody is there"},
        )
    )


@pytest.mark.usefixtures("ticked", "entities")
async def test_a_script_may_name_some_of_them_and_nobody_else(
    hass: HomeAssistant, bridge: FakeBridge, phone: list[ServiceCall]
) -> None:
    other = async_mock_service(hass, "notify", "mobile_app_other")
    answer = await ask(bridge, targets=["mobile_app_phone", "notify.mobile_app_other", PHONE])
    assert answer["content"] == {
        "told": [PHONE],
        "failed": {"notify.mobile_app_other": "it is not ticked in the options"},
    }
    assert (len(phone), other) == (1, [])
    answer = await ask(bridge, targets=["notify.mobile_app_other"])
    assert "not ticked" in answer["error"]
    assert other == []


@pytest.mark.usefixtures("component")
async def test_nobody_is_told_where_nothing_is_ticked(bridge: FakeBridge) -> None:
    assert bridge.answering == [()]


async def test_who_may_only_read_answers_nothing(hass: HomeAssistant, bridge: FakeBridge) -> None:
    bridge.scope = "read"
    entry = entry_of(hass, bridge)
    hass.config_entries.async_update_entry(entry, options={"notify": {"targets": [PHONE]}})
    assert await hass.config_entries.async_setup(entry.entry_id)
    await bridge.connected()
    assert bridge.answering == [()]
    assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()


@pytest.mark.usefixtures("ticked")
async def test_only_harmless_words_are_passed_on(bridge: FakeBridge, phone: list[ServiceCall]) -> None:
    data = {
        "tag": "gate",
        "ttl": 0,
        "sticky": True,
        "color": ["red"],
        "channel": {"a": 1},
        "image": "/config/secrets.yaml",
        "photo": [{"file": "/etc/passwd"}],
        "url": "https://evil.example",
        "actions": [{"action": "X"}],
        "clickAction": "app://x",
        "attachment": {"url": "x"},
        "command": "x",
        "video": "x",
    }
    await ask(bridge, targets=[PHONE], data=data)
    assert phone[0].data["data"] == {"tag": "gate", "ttl": 0, "sticky": True}


@pytest.mark.parametrize(
    "words",
    [
        {"message": "command_webview"},
        {"message": " Command_Activity"},
        {"message": "clear_notification"},
        {"message": "TTS"},
        {"message": ""},
        {"message": None},
        {"message": "x" * 4_001},
        {"title": 5},
        {"title": "x" * 251},
        {"targets": PHONE},
        {"targets": [5]},
        {"targets": ["x"] * 21},
    ],
)
@pytest.mark.usefixtures("ticked")
async def test_what_is_no_message_to_people_is_told_to_nobody(
    bridge: FakeBridge, phone: list[ServiceCall], entities: list[ServiceCall], words: dict[str, Any]
) -> None:
    answer = await ask(bridge, **words)
    assert answer["error"]
    assert (phone, entities) == ([], [])


@pytest.mark.usefixtures("ticked")
async def test_one_that_fails_keeps_nobody_else_from_being_told(
    hass: HomeAssistant, bridge: FakeBridge, entities: list[ServiceCall]
) -> None:
    async def fail(_call: ServiceCall) -> None:
        raise HomeAssistantError("the phone is lost")

    hass.services.async_register("notify", "mobile_app_phone", fail)
    answer = await ask(bridge, targets=[PHONE, TABLET])
    assert answer["content"] == {"told": [TABLET], "failed": {PHONE: "the phone is lost"}}
    assert len(entities) == 1

    async def break_(_call: ServiceCall) -> None:
        raise KeyError("x")

    hass.services.async_register("notify", "mobile_app_phone", break_)
    answer = await ask(bridge, targets=[PHONE])
    assert answer["error"]


@pytest.mark.usefixtures("ticked")
async def test_one_that_hangs_is_not_waited_for(hass: HomeAssistant, bridge: FakeBridge, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_call: ServiceCall) -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(notifying, "WITHIN_S", 0.0)
    hass.services.async_register("notify", "mobile_app_phone", hang)
    answer = await ask(bridge, targets=[PHONE])
    assert "too long" in answer["error"]


@pytest.mark.usefixtures("ticked")
async def test_a_picture_is_had_by_its_signed_address_only(
    hass: HomeAssistant,
    bridge: FakeBridge,
    phone: list[ServiceCall],
    hass_client_no_auth: ClientSessionGenerator,
) -> None:
    await ask(bridge, targets=[PHONE], picture=PICTURE)
    address = phone[0].data["data"]["image"]
    client = await hass_client_no_auth()
    answer = await client.get(address)
    assert (answer.status, answer.content_type, await answer.read()) == (200, "image/jpeg", JPEG)
    assert (await client.get(address.partition("?")[0])).status == 401
    other = address.replace("/notification/", "/notification/x")
    assert (await client.get(other)).status == 401
    for _ in range(MOST_PICTURES):
        async_notify_pictures(hass).add(JPEG)
    assert (await client.get(address)).status == 404


@pytest.mark.parametrize(
    "picture",
    [
        {"type": "image/svg+xml", "base64": PICTURE["base64"]},
        {"type": "image/jpeg", "base64": "!"},
        {"type": "image/jpeg", "base64": b64encode(b"<html>").decode()},
        {"type": "image/jpeg", "base64": 5},
        {"type": "image/jpeg", "base64": b64encode(JPEG + bytes(2_200_000)).decode()},
        "picture",
    ],
)
@pytest.mark.usefixtures("ticked")
async def test_what_is_no_picture_is_left_out(bridge: FakeBridge, phone: list[ServiceCall], picture: object) -> None:
    await ask(bridge, targets=[PHONE], picture=picture)
    assert "data" not in phone[0].data


async def test_requests_of_another_kind_are_none_of_ours(hass: HomeAssistant, ticked: MockConfigEntry) -> None:
    assert await async_setup_component(hass, "http", {})
    notifier = ticked.runtime_data._notifier
    for request in ({"id": "1", "kind": "other"}, {"id": 5, "kind": "notify"}, {}):
        notifier.take(request)
    assert not notifier._answering
