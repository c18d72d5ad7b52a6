"""The claim on a bridge's devices."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from custom_components.vms_bridge.claims import RENEW_S, RETRY_S
from homeassistant.helpers import instance_id
from homeassistant.helpers import issue_registry as ir
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import MockConfigEntry, async_fire_time_changed
from tests.component.fakes.bridge import TOKEN_ID, Token
from tests.component.lines import found, lost, until

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from tests.component.fakes.bridge import FakeBridge

CLAIMS = "/api/v1/discovery/claims"


@pytest.fixture(autouse=True)
def _may_claim(bridge: FakeBridge) -> None:
    bridge.claim_scope = "control"


def claimed(bridge: FakeBridge) -> int:
    return sum(each.path == CLAIMS and each.method == "POST" for each in bridge.requests)


async def test_it_is_made_and_renewed(hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry) -> None:  # noqa: ARG001
    await bridge.asked(CLAIMS)
    await until(lambda: list(bridge.claims) != [], "it is made")
    assert list(bridge.claims) == [await instance_id.async_get(hass)]
    await until(lambda: claimed(bridge) == 1, "once")
    bridge.claims.clear()
    async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=RENEW_S + 60))
    await until(lambda: bool(bridge.claims), "it is renewed")


async def test_it_is_made_again_when_the_line_is_back(
    hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry
) -> None:
    await until(lambda: bool(bridge.claims), "it is made")
    bridge.claims.clear()  # as with a database from a backup
    bridge.drop_all()
    await lost(hass, component.runtime_data)
    await found(hass, component.runtime_data)
    await until(lambda: bool(bridge.claims), "it is made again")


async def test_what_could_not_be_claimed_is_tried_again(hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry) -> None:
    bridge.answer(CLAIMS, 500)
    assert await hass.config_entries.async_setup(entry.entry_id)
    await bridge.asked(CLAIMS)
    await hass.async_block_till_done()
    assert not bridge.claims
    bridge.answer(CLAIMS, 0)
    await until(lambda: entry.runtime_data.is_connected, "the line is there")
    for _ in range(20):
        async_fire_time_changed(hass, dt_util.utcnow() + timedelta(seconds=RETRY_S + 1))
        await hass.async_block_till_done()
        if bridge.claims:
            break
    await until(lambda: bool(bridge.claims), "it is made after all")


async def test_it_stays_when_the_entry_is_unloaded(hass: HomeAssistant, bridge: FakeBridge, component: MockConfigEntry) -> None:
    await until(lambda: bool(bridge.claims), "it is made")
    await hass.config_entries.async_unload(component.entry_id)
    await hass.async_block_till_done()
    assert bridge.claims


@pytest.mark.parametrize(("has_mqtt", "issues"), [(True, {"no_claim"}), (False, set())])
async def test_who_may_not_claim_is_told_where_devices_are_there_twice(
    hass: HomeAssistant,
    bridge: FakeBridge,
    entry: MockConfigEntry,
    has_mqtt: bool,  # noqa: FBT001
    issues: set[str],
) -> None:
    if has_mqtt:
        MockConfigEntry(domain="mqtt").add_to_hass(hass)
    bridge.scope = "read"
    assert await hass.config_entries.async_setup(entry.entry_id)
    await bridge.asked("/api/v1/discovery")
    await bridge.delivered()
    for _ in range(10):
        await hass.async_block_till_done()
    await until(lambda: {issue.translation_key for issue in ir.async_get(hass).issues.values()} == issues, "people are told")
    assert claimed(bridge) == 0


async def test_a_limited_token_claims_nothing(hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry) -> None:
    bridge.tokens[TOKEN_ID] = Token(bridge.token, "control", systems=["zm"])
    assert await hass.config_entries.async_setup(entry.entry_id)
    await bridge.asked("/api/v1/discovery")
    assert not ir.async_get(hass).issues
