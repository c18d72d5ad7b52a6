"""The bridge does not take the stored token any more, or whoever answers does not know it: somebody gives another one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from homeassistant.data_entry_flow import FlowResultType
from tests.component.conftest import entry_of
from tests.component.fakes.bridge import CODE, TOKEN

if TYPE_CHECKING:
    from unittest.mock import AsyncMock

    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry
    from tests.component.fakes.bridge import FakeBridge
    from tests.component.flow.conftest import Fill

OLD = f"vb_revoked000_{'C' * 43}"


@pytest.fixture
def entry(hass: HomeAssistant, bridge: FakeBridge) -> MockConfigEntry:
    """An entry whose token was revoked."""
    return entry_of(hass, bridge, token=OLD)


async def test_by_a_code(
    hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry, choose: Fill, fill: Fill, set_up: AsyncMock
) -> None:
    menu = await entry.start_reauth_flow(hass)
    assert (menu["type"], menu["step_id"]) == (FlowResultType.MENU, "reauth_confirm")
    assert menu["description_placeholders"] is not None
    assert menu["description_placeholders"]["name"] == entry.title

    done = await fill(await choose(menu, "pair"), code=CODE)

    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "reauth_successful")
    assert entry.data["token"] in {token.text for token in bridge.tokens.values()} - {TOKEN}
    assert entry.data == {**entry.data, "url": bridge.url, "fingerprint": None, "bridge_id": bridge.bridge_id}
    await hass.async_block_till_done()
    assert len(set_up.mock_calls) == 1
    assert len(bridge.tokens) == 2, "what is in use is not given up"


async def test_by_a_token(hass: HomeAssistant, entry: MockConfigEntry, choose: Fill, fill: Fill) -> None:
    form = await choose(await entry.start_reauth_flow(hass), "token")
    form = await fill(form, token=OLD)
    assert form["errors"] == {"base": "token_unknown"}
    done = await fill(form, token=TOKEN)
    assert done["reason"] == "reauth_successful"
    assert entry.data["token"] == TOKEN
    await hass.async_block_till_done()


async def test_by_one_that_may_only_read(
    hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry, choose: Fill, fill: Fill
) -> None:
    bridge.scope = "read"
    form = await fill(await choose(await entry.start_reauth_flow(hass), "token"), token=TOKEN)
    assert form["step_id"] == "read_only"
    assert entry.data["token"] == OLD, "not before somebody has agreed"
    assert (await fill(form))["reason"] == "reauth_successful"
    assert entry.data["token"] == TOKEN
    await hass.async_block_till_done()


async def test_another_bridge_at_the_address_gets_nothing(
    hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry, choose: Fill, fill: Fill
) -> None:
    bridge.bridge_id = "another0another0"
    form = await fill(await choose(await entry.start_reauth_flow(hass), "pair"), code=CODE)
    assert form["errors"] == {"base": "other_bridge"}
    assert bridge.code is not None
    assert entry.data["token"] == OLD


async def test_an_impostor_gets_nothing(
    hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry, choose: Fill, fill: Fill
) -> None:
    bridge.be_impostor("stranger")
    form = await fill(await choose(await entry.start_reauth_flow(hass), "pair"), code=CODE)
    assert form["errors"] == {"base": "impostor"}
    form = await fill(await choose(await entry.start_reauth_flow(hass), "token"), token=TOKEN)
    assert form["errors"] == {"base": "token_unknown"}
    assert bridge.leaked == []
    assert entry.data["token"] == OLD


async def test_with_a_certificate_that_has_changed_too(
    hass: HomeAssistant, tls_bridge: FakeBridge, choose: Fill, fill: Fill
) -> None:
    entry = entry_of(hass, tls_bridge, token=OLD)
    await tls_bridge.new_certificate()

    form = await fill(await choose(await entry.start_reauth_flow(hass), "pair"), code=CODE)
    assert form["step_id"] == "certificate"
    form = await fill(form)
    assert form["step_id"] == "pair"
    done = await fill(form, code=CODE)

    assert done["reason"] == "reauth_successful"
    assert entry.data["fingerprint"] == tls_bridge.fingerprint
    await hass.async_block_till_done()


async def test_a_form_that_is_closed_changes_nothing(
    hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry, choose: Fill, fill: Fill
) -> None:
    form = await choose(await entry.start_reauth_flow(hass), "token")
    bridge.hold("/api/v1/tokens/self")
    using = hass.async_create_task(fill(form, token=TOKEN))
    await bridge.asked("/api/v1/tokens/self")
    hass.config_entries.flow.async_abort(form["flow_id"])
    bridge.release()
    assert (await using)["reason"] == "closed"
    assert entry.data["token"] == OLD
    assert len(bridge.tokens) == 1, "a token that somebody has typed is his own"
