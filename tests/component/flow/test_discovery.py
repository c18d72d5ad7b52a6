"""A bridge is found by zeroconf or MQTT. What is said there is an offer: anybody can say it, of any bridge and any address."""

from __future__ import annotations

import json
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.service_info.mqtt import MqttServiceInfo
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo
from tests.component.conftest import entry_of
from tests.component.fakes.bridge import CODE, TOKEN

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from unittest.mock import AsyncMock

    from homeassistant.config_entries import ConfigFlowResult
    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry
    from tests.component.fakes.bridge import FakeBridge
    from tests.component.flow.conftest import Fill

    type Find = Callable[..., Awaitable[ConfigFlowResult]]

DEAD = "http://127.0.0.1:9"
"""Where nobody listens."""


def announced(bridge: FakeBridge, **properties: str) -> ZeroconfServiceInfo:
    """Return what zeroconf says of a bridge."""
    said = {"id": bridge.bridge_id, "version": "0.1.0", "tls": "true" if bridge.fingerprint else "false", "path": "/api/v1"}
    return ZeroconfServiceInfo(
        ip_address=ip_address("127.0.0.1"),
        ip_addresses=[ip_address("127.0.0.1")],
        port=bridge.port,
        hostname=f"vms-bridge-{bridge.bridge_id[:12]}.local.",
        type="_vms-bridge._tcp.local.",
        name=f"{bridge.bridge_id}._vms-bridge._tcp.local.",
        properties=said | properties,
    )


def hello(bridge: FakeBridge, topic: str = "vms_bridge/home/info", payload: str | None = None, **said: Any) -> MqttServiceInfo:
    """Return what MQTT says of a bridge."""
    usual = {
        "v": 1,
        "instance": "home",
        "name": bridge.name,
        "bridge_id": bridge.bridge_id,
        "api": bridge.url,
        "lowest_protocol": 1,
        "highest_protocol": 1,
        "fingerprint": bridge.fingerprint,
    }
    text = json.dumps(usual | said) if payload is None else payload
    return MqttServiceInfo(topic=topic, payload=text, qos=1, retain=True, subscribed_topic="vms_bridge/+/info", timestamp=0.0)


async def loaded(hass: HomeAssistant, entry: MockConfigEntry, *, is_connected: bool) -> None:
    """Have an entry set up whose bridge is there, or was lost."""
    assert await hass.config_entries.async_setup(entry.entry_id)
    entry.runtime_data = Mock(is_connected=is_connected)


@pytest.fixture
def find_by(hass: HomeAssistant) -> Find:
    async def begin(source: str, said: Any) -> ConfigFlowResult:
        return await hass.config_entries.flow.async_init("vms_bridge", context={"source": source}, data=said)

    return begin


@pytest.fixture
def by(bridge: FakeBridge, find_by: Find, request: pytest.FixtureRequest) -> Callable[[], Awaitable[ConfigFlowResult]]:
    """Find the bridge in the way that is asked for."""
    ways: dict[str, Callable[[FakeBridge], Any]] = {"zeroconf": announced, "mqtt": hello}
    return lambda: find_by(request.param, ways[request.param](bridge))


both = pytest.mark.parametrize("by", ["zeroconf", "mqtt"], indirect=True)


@both
async def test_a_bridge_that_is_found_is_added_by_a_code(
    hass: HomeAssistant, bridge: FakeBridge, by: Any, fill: Fill, choose: Fill
) -> None:
    menu = await by()
    assert (menu["type"], menu["step_id"]) == (FlowResultType.MENU, "method")
    (flow,) = hass.config_entries.flow.async_progress()
    assert flow["context"]["title_placeholders"] == {"name": "VMS Bridge"}

    form = await choose(menu, "pair")
    assert form["step_id"] == "pair"
    done = await fill(form, code=CODE)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert done["data"]["url"] == bridge.url
    assert done["result"].unique_id == bridge.bridge_id


@both
async def test_or_by_a_token(by: Any, fill: Fill, choose: Fill) -> None:
    done = await fill(await choose(await by(), "token"), token=TOKEN)
    assert done["type"] is FlowResultType.CREATE_ENTRY


async def test_one_with_a_certificate_of_its_own(tls_bridge: FakeBridge, find_by: Find, fill: Fill, choose: Fill) -> None:
    form = await find_by("zeroconf", announced(tls_bridge))
    assert form["step_id"] == "certificate"
    menu = await fill(form)
    assert menu["step_id"] == "method"
    done = await fill(await choose(menu, "pair"), code=CODE)
    assert done["data"] == {**done["data"], "url": tls_bridge.url, "fingerprint": tls_bridge.fingerprint}


async def test_what_is_found_twice_is_offered_once(hass: HomeAssistant, bridge: FakeBridge, find_by: Find) -> None:
    await find_by("zeroconf", announced(bridge))
    again = await find_by("mqtt", hello(bridge))
    assert (again["type"], again["reason"]) == (FlowResultType.ABORT, "already_in_progress")
    changed = await find_by("mqtt", hello(bridge, name="Another name"))
    assert changed["reason"] == "already_in_progress"
    assert len(hass.config_entries.flow.async_progress()) == 1


async def test_what_is_found_can_be_added_by_hand_all_the_same(
    hass: HomeAssistant, bridge: FakeBridge, find_by: Find, add: Fill, fill: Fill
) -> None:
    await find_by("zeroconf", announced(bridge))
    done = await fill(await add(bridge.url, "token"), token=TOKEN)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert hass.config_entries.flow.async_progress() == [], "the offer is gone"


@pytest.mark.parametrize("said", [{"payload": ""}, {"api": None}, {"topic": "vms_bridge/other/info"}])
async def test_what_is_no_hello_is_passed_over(
    hass: HomeAssistant, bridge: FakeBridge, find_by: Find, said: dict[str, Any]
) -> None:
    result = await find_by("mqtt", hello(bridge, **said))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "no_offer")
    assert bridge.requests == []
    assert hass.config_entries.flow.async_progress() == []


async def test_what_is_no_announcement_is_passed_over(bridge: FakeBridge, find_by: Find) -> None:
    assert (await find_by("zeroconf", announced(bridge, id="")))["reason"] == "no_offer"
    assert bridge.requests == []


async def test_an_offer_of_what_is_not_there(bridge: FakeBridge, find_by: Find) -> None:
    await bridge.stop()
    result = await find_by("zeroconf", announced(bridge))
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "offer_failed")


async def test_an_offer_of_another_bridge_than_is_there(bridge: FakeBridge, find_by: Find) -> None:
    result = await find_by("zeroconf", announced(bridge, id="another0another0"))
    assert result["reason"] == "offer_failed"


async def test_what_somebody_ignores_is_not_offered_again(
    hass: HomeAssistant, bridge: FakeBridge, find_by: Find, add: Fill, fill: Fill
) -> None:
    await find_by("zeroconf", announced(bridge))
    ignore = {"unique_id": bridge.bridge_id, "title": "VMS Bridge"}
    await hass.config_entries.flow.async_init("vms_bridge", context={"source": "ignore"}, data=ignore)

    assert (await find_by("mqtt", hello(bridge)))["reason"] == "already_configured"

    done = await fill(await add(bridge.url, "token"), token=TOKEN)
    assert done["type"] is FlowResultType.CREATE_ENTRY, "but who types its address gets it"


@both
@pytest.mark.usefixtures("entry")
async def test_a_bridge_that_is_set_up_is_not_offered(bridge: FakeBridge, by: Any) -> None:
    assert (await by())["reason"] == "already_configured"
    assert bridge.requests == []


@both
async def test_an_address_that_works_is_not_given_up_for_another(hass: HomeAssistant, bridge: FakeBridge, by: Any) -> None:
    entry = entry_of(hass, bridge, url=DEAD)
    await loaded(hass, entry, is_connected=True)
    assert (await by())["reason"] == "already_configured"
    assert entry.data["url"] == DEAD
    assert bridge.requests == [], "nobody is asked either"


@both
async def test_a_new_address_is_taken_once_the_bridge_has_proved_itself(
    hass: HomeAssistant, bridge: FakeBridge, by: Any, set_up: AsyncMock
) -> None:
    entry = entry_of(hass, bridge, url=DEAD)
    entry.mock_state(hass, ConfigEntryState.SETUP_RETRY)

    result = await by()

    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "address_changed")
    assert entry.data["url"] == bridge.url
    assert entry.data["token"] == TOKEN
    await hass.async_block_till_done()
    assert len(set_up.mock_calls) == 1, "it was loaded anew"


async def test_also_when_the_bridge_was_lost_later(
    hass: HomeAssistant, bridge: FakeBridge, find_by: Find, set_up: AsyncMock
) -> None:
    entry = entry_of(hass, bridge, url=DEAD)
    await loaded(hass, entry, is_connected=False)
    assert (await find_by("zeroconf", announced(bridge)))["reason"] == "address_changed"
    assert entry.data["url"] == bridge.url
    await hass.async_block_till_done()
    assert len(set_up.mock_calls) == 2


@both
async def test_a_bridge_that_is_heard_of_where_it_was_is_asked_again_at_once(
    hass: HomeAssistant, entry: MockConfigEntry, by: Any
) -> None:
    await loaded(hass, entry, is_connected=False)
    assert (await by())["reason"] == "already_configured"
    entry.runtime_data.hurry.assert_called_once_with()


@both
@pytest.mark.parametrize("how", ["stranger", "relay"])
async def test_an_impostor_changes_nothing_and_learns_nothing(hass: HomeAssistant, bridge: FakeBridge, by: Any, how: Any) -> None:
    entry = entry_of(hass, bridge, url=DEAD)
    entry.mock_state(hass, ConfigEntryState.SETUP_RETRY)
    bridge.be_impostor(how)
    assert (await by())["reason"] == "already_configured"
    assert entry.data["url"] == DEAD
    assert bridge.leaked == []
    assert not [asked for asked in bridge.requests if "Authorization" in asked.headers]


async def test_what_was_encrypted_stays_so(hass: HomeAssistant, bridge: FakeBridge, find_by: Find) -> None:
    entry = entry_of(hass, bridge, url="https://127.0.0.1:9", fingerprint="ab" * 32)
    entry.mock_state(hass, ConfigEntryState.SETUP_RETRY)
    assert (await find_by("zeroconf", announced(bridge)))["reason"] == "already_configured"
    assert entry.data["url"] == "https://127.0.0.1:9"
    assert bridge.requests == []


@pytest.mark.parametrize(
    ("url", "fingerprint"), [("https://127.0.0.1:9", "ab" * 32), ("https://127.0.0.1:9", None), (DEAD, None)]
)
async def test_a_new_certificate_is_proved_with_the_address(
    hass: HomeAssistant, tls_bridge: FakeBridge, find_by: Find, url: str, fingerprint: str | None
) -> None:
    entry = entry_of(hass, tls_bridge, url=url, fingerprint=fingerprint)
    entry.mock_state(hass, ConfigEntryState.SETUP_RETRY)
    was_signed_by_an_authority = url != DEAD and fingerprint is None

    result = await find_by("zeroconf", announced(tls_bridge))

    if was_signed_by_an_authority:
        assert result["reason"] == "already_configured"
        assert entry.data["url"] == url
    else:
        assert result["reason"] == "address_changed"
        assert entry.data["fingerprint"] == tls_bridge.fingerprint


async def test_an_impostor_with_a_certificate_changes_nothing(hass: HomeAssistant, tls_bridge: FakeBridge, find_by: Find) -> None:
    entry = entry_of(hass, tls_bridge, url="https://127.0.0.1:9", fingerprint="ab" * 32)
    entry.mock_state(hass, ConfigEntryState.SETUP_RETRY)
    tls_bridge.be_impostor("stranger")
    assert (await find_by("zeroconf", announced(tls_bridge)))["reason"] == "already_configured"
    assert entry.data["fingerprint"] == "ab" * 32
    assert tls_bridge.leaked == []


async def test_nobody_at_the_new_address(hass: HomeAssistant, bridge: FakeBridge, find_by: Find) -> None:
    entry = entry_of(hass, bridge, url=DEAD)
    entry.mock_state(hass, ConfigEntryState.SETUP_RETRY)
    said = announced(bridge)
    await bridge.stop()
    assert (await find_by("zeroconf", said))["reason"] == "already_configured"
    assert entry.data["url"] == DEAD


async def test_who_types_the_new_address_is_told_that_it_was_taken(hass: HomeAssistant, bridge: FakeBridge, add: Fill) -> None:
    entry = entry_of(hass, bridge, url=DEAD)
    entry.mock_state(hass, ConfigEntryState.SETUP_RETRY)
    result = await add(bridge.url)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "address_changed")
    assert result["description_placeholders"] == {"url": bridge.url}
    assert entry.data["url"] == bridge.url


@pytest.mark.usefixtures("entry")
async def test_who_adds_it_twice_is_told_so(bridge: FakeBridge, add: Fill) -> None:
    result = await add(bridge.url)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "already_configured")


@pytest.mark.usefixtures("entry")
async def test_two_bridges_are_two_entries(hass: HomeAssistant, tls_bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    tls_bridge.bridge_id = "another0another0"
    done = await fill(await fill(await add(tls_bridge.url)), code=CODE)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert len(hass.config_entries.async_entries("vms_bridge")) == 2


async def test_a_bridge_that_was_added_while_somebody_typed_is_not_added_twice(
    hass: HomeAssistant, bridge: FakeBridge, add: Fill, fill: Fill
) -> None:
    form = await add(bridge.url)
    entry_of(hass, bridge)
    result = await fill(form, code=CODE)
    assert result["reason"] == "already_configured"
    await hass.async_block_till_done(wait_background_tasks=True)
    assert len(bridge.tokens) == 1, "the token that was paired in vain was given up"
