"""An entry's life: set-up, unloading, removal, and what is in its way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from custom_components.vms_bridge import async_migrate_entry
from custom_components.vms_bridge.const import DOMAIN
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.helpers import instance_id
from homeassistant.helpers import issue_registry as ir
from pytest_homeassistant_custom_component.common import MockConfigEntry
from tests.component.conftest import entry_of
from tests.component.fakes.bridge import TOKEN_ID, FakeBridge, Token
from tests.component.lines import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from homeassistant.core import HomeAssistant


@pytest.fixture(autouse=True)
def _may_claim(bridge: FakeBridge) -> None:
    bridge.claim_scope = "control"


@pytest.fixture
async def other_bridge() -> AsyncIterator[FakeBridge]:
    bridge = FakeBridge(bridge_id="00112233445566ff")
    await bridge.start()
    yield bridge
    await bridge.stop()
    assert bridge.mistakes == []


def issues(hass: HomeAssistant) -> set[str | None]:
    return {issue.translation_key for issue in ir.async_get(hass).issues.values() if issue.domain == DOMAIN}


def state_of(entry: MockConfigEntry) -> ConfigEntryState:
    state: ConfigEntryState = entry.state
    return state


async def set_up(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()


async def test_set_up_and_unloading(
    hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry, find: Callable[..., str]
) -> None:
    motion = find("binary_sensor", "motion", "zm", "1")
    assert state_of(component) is ConfigEntryState.LOADED
    assert hass.states.get(motion).state == "off"  # type: ignore[union-attr]
    assert await hass.config_entries.async_unload(component.entry_id)
    await bridge.disconnected()
    assert state_of(component) is ConfigEntryState.NOT_LOADED
    assert hass.states.get(motion).state == STATE_UNAVAILABLE  # type: ignore[union-attr]
    await set_up(hass, component)
    assert hass.states.get(motion).state == "off"  # type: ignore[union-attr]


async def test_nobody_answers(hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry) -> None:
    await bridge.stop()
    await set_up(hass, entry)
    assert state_of(entry) is ConfigEntryState.SETUP_RETRY
    assert entry.error_reason_translation_key == "no_bridge"
    await bridge.start()
    await hass.config_entries.async_reload(entry.entry_id)
    assert state_of(entry) is ConfigEntryState.LOADED


async def test_a_token_that_was_revoked(hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry) -> None:
    bridge.revoke()
    await set_up(hass, entry)
    assert state_of(entry) is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "token_unknown"
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == [SOURCE_REAUTH]


async def test_an_impostor_gets_no_token(hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry) -> None:
    bridge.be_impostor()
    await set_up(hass, entry)
    assert state_of(entry) is ConfigEntryState.SETUP_ERROR
    assert bridge.leaked == []


async def test_another_bridge_at_the_address_gets_no_token(
    hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry
) -> None:
    bridge.bridge_id = "0123456789abcdef"
    await set_up(hass, entry)
    assert state_of(entry) is ConfigEntryState.SETUP_ERROR
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == [SOURCE_REAUTH]
    assert not [each for each in bridge.requests if each.token_id is not None]


@pytest.mark.parametrize(
    ("lowest", "highest", "issue"),
    [(0, 0, "bridge_too_old"), (2, 3, "bridge_too_new")],
)
async def test_a_bridge_of_another_time(
    hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry, lowest: int, highest: int, issue: str
) -> None:
    bridge.lowest_protocol, bridge.highest_protocol = lowest, highest
    await set_up(hass, entry)
    assert state_of(entry) is ConfigEntryState.SETUP_RETRY
    assert issues(hass) == {issue}
    bridge.lowest_protocol = bridge.highest_protocol = 1
    await hass.config_entries.async_reload(entry.entry_id)
    await hass.async_block_till_done()
    assert state_of(entry) is ConfigEntryState.LOADED
    assert issues(hass) == set()


async def test_another_certificate(hass: HomeAssistant, tls_bridge: FakeBridge) -> None:
    entry = entry_of(hass, tls_bridge)
    await set_up(hass, entry)
    assert state_of(entry) is ConfigEntryState.LOADED
    await hass.config_entries.async_unload(entry.entry_id)
    await tls_bridge.new_certificate()
    await set_up(hass, entry)
    assert state_of(entry) is ConfigEntryState.SETUP_RETRY
    assert issues(hass) == {"certificate_changed"}


@pytest.mark.parametrize("how", ["text", "html", "list", "empty", "wrong"])
async def test_what_is_no_bridge(hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry, how: Any) -> None:
    bridge.say_garbage(how)
    await set_up(hass, entry)
    assert state_of(entry) is ConfigEntryState.SETUP_RETRY
    bridge.mistakes.clear()


async def test_an_address_that_makes_no_sense(hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry) -> None:  # noqa: ARG001
    hass.config_entries.async_update_entry(entry, data={**entry.data, "url": "ftp://127.0.0.1"})
    await set_up(hass, entry)
    assert state_of(entry) is ConfigEntryState.SETUP_ERROR
    assert entry.error_reason_translation_key == "bad_address"
    await hass.config_entries.async_remove(entry.entry_id)
    assert issues(hass) == set()


async def test_removal_gives_devices_and_token_up(hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry) -> None:
    holder = await instance_id.async_get(hass)
    await until(lambda: list(bridge.claims) == [holder], "the devices are claimed")
    await hass.config_entries.async_remove(component.entry_id)
    await hass.async_block_till_done()
    assert bridge.claims == {}
    assert TOKEN_ID not in bridge.tokens
    assert issues(hass) == set()


async def test_removal_while_the_bridge_is_down_is_told(
    hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry
) -> None:
    await until(lambda: bool(bridge.claims), "the devices are claimed")
    await bridge.stop()
    await hass.config_entries.async_remove(component.entry_id)
    await hass.async_block_till_done()
    assert bridge.claims
    assert issues(hass) == {"claim_left"}
    await bridge.start()
    await set_up(hass, entry_of(hass, bridge))
    await until(lambda: issues(hass) == set(), "who is back has its claim again")


async def test_a_token_that_may_not_claim_leaves_nothing(hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry) -> None:
    bridge.tokens[TOKEN_ID] = Token(bridge.token, "control", monitors=["zm/1"])
    await set_up(hass, entry)
    await hass.config_entries.async_remove(entry.entry_id)
    assert issues(hass) == set()
    assert TOKEN_ID not in bridge.tokens


async def test_an_entry_of_later_can_not_be_read(hass: HomeAssistant) -> None:
    assert await async_migrate_entry(hass, MockConfigEntry(domain=DOMAIN, version=1))
    assert not await async_migrate_entry(hass, MockConfigEntry(domain=DOMAIN, version=2))


async def test_two_bridges_with_equal_names(
    hass: HomeAssistant,
    bridge: FakeBridge,  # noqa: ARG001
    component: MockConfigEntry,
    other_bridge: FakeBridge,
    told: Callable[[], Awaitable[None]],
) -> None:
    other = entry_of(hass, other_bridge)
    await set_up(hass, other)
    assert state_of(other) is ConfigEntryState.LOADED
    other_bridge.change_state("zm", "1", motion=True)
    await other_bridge.delivered()
    await told()
    assert component.runtime_data.monitors["zm", "1"].state["motion"] is False
    assert other.runtime_data.monitors["zm", "1"].state["motion"] is True
    assert (
        len([state for state in hass.states.async_all("binary_sensor") if state.attributes.get("device_class") == "motion"]) == 4
    )
