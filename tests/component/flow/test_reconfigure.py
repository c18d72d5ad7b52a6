"""Somebody changes an entry: where the bridge is, which certificate it has, or the token."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from homeassistant.data_entry_flow import FlowResultType
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

OLD = f"vb_revoked000_{'C' * 43}"
DEAD = "http://127.0.0.1:9"


@pytest.fixture
def change(hass: HomeAssistant, choose: Fill) -> Callable[..., Awaitable[ConfigFlowResult]]:
    """Begin to change an entry: `await change(entry, "address")`."""

    async def begin(entry: MockConfigEntry, what: str) -> ConfigFlowResult:
        menu = await entry.start_reconfigure_flow(hass)
        assert (menu["type"], menu["step_id"]) == (FlowResultType.MENU, "reconfigure")
        return await choose(menu, what)

    return begin


async def test_another_address(hass: HomeAssistant, bridge: FakeBridge, change: Any, fill: Fill, set_up: AsyncMock) -> None:
    entry = entry_of(hass, bridge, url=DEAD)
    form = await change(entry, "address")
    assert (form["type"], form["step_id"], form["errors"]) == (FlowResultType.FORM, "address", {})
    (field,) = form["data_schema"].schema
    assert field.description == {"suggested_value": DEAD}

    done = await fill(form, url=bridge.host)

    assert (done["type"], done["reason"]) == (FlowResultType.ABORT, "reconfigure_successful")
    assert entry.data == {"url": bridge.url, "fingerprint": None, "token": TOKEN, "bridge_id": bridge.bridge_id}
    await hass.async_block_till_done()
    assert len(set_up.mock_calls) == 1


@pytest.mark.parametrize(("said", "error"), [("ftp://x", {"url": "bad_address"}), (DEAD, {"base": "cannot_connect"})])
async def test_a_wrong_address_changes_nothing(
    hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry, change: Any, fill: Fill, said: str, error: dict[str, str]
) -> None:
    form = await fill(await change(entry, "address"), url=said)
    assert (form["step_id"], form["errors"]) == ("address", error)
    assert entry.data["url"] == bridge.url
    assert (await fill(form, url=bridge.url))["reason"] == "reconfigure_successful"
    await hass.async_block_till_done()


async def test_another_bridge_is_not_taken(hass: HomeAssistant, bridge: FakeBridge, change: Any, fill: Fill) -> None:
    entry = entry_of(hass, bridge, url=DEAD)
    bridge.bridge_id = "another0another0"
    form = await fill(await change(entry, "address"), url=bridge.url)
    assert form["errors"] == {"base": "other_bridge"}
    assert entry.data["url"] == DEAD


async def test_another_bridge_that_takes_its_place_meanwhile(
    hass: HomeAssistant, bridge: FakeBridge, change: Any, fill: Fill
) -> None:
    entry = entry_of(hass, bridge, url=DEAD)
    said = {"bridge_id": "another0another0", "host": bridge.host, "certificate": None, "nonce": "00" * 32, "mac": "00" * 32}
    bridge.answer("/api/v1/proof", 200, said)
    form = await fill(await change(entry, "address"), url=bridge.url)
    assert form["errors"] == {"base": "other_bridge"}


async def test_an_impostor_is_not_taken(hass: HomeAssistant, bridge: FakeBridge, change: Any, choose: Fill, fill: Fill) -> None:
    entry = entry_of(hass, bridge, url=DEAD)
    bridge.be_impostor("stranger")
    menu = await fill(await change(entry, "address"), url=bridge.url)
    assert (menu["type"], menu["step_id"]) == (FlowResultType.MENU, "unproved")
    form = await fill(await choose(menu, "pair"), code=CODE)
    assert form["errors"] == {"base": "impostor"}
    assert bridge.leaked == []
    assert entry.data["url"] == DEAD


async def test_address_and_token_at_once(hass: HomeAssistant, bridge: FakeBridge, change: Any, choose: Fill, fill: Fill) -> None:
    entry = entry_of(hass, bridge, url=DEAD, token=OLD)
    menu = await fill(await change(entry, "address"), url=bridge.url)
    assert menu["step_id"] == "unproved"
    done = await fill(await choose(menu, "token"), token=TOKEN)
    assert done["reason"] == "reconfigure_successful"
    assert (entry.data["url"], entry.data["token"]) == (bridge.url, TOKEN)
    await hass.async_block_till_done()


async def test_another_token(hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry, change: Any, fill: Fill) -> None:
    done = await fill(await change(entry, "pair"), code=CODE)
    assert done["reason"] == "reconfigure_successful"
    assert entry.data["token"] != TOKEN
    assert entry.data["token"] in {token.text for token in bridge.tokens.values()}
    await hass.async_block_till_done()


async def test_the_certificate_that_is_known_needs_no_second_look(
    hass: HomeAssistant, tls_bridge: FakeBridge, change: Any, fill: Fill
) -> None:
    entry = entry_of(hass, tls_bridge, url="https://127.0.0.1:9")
    done = await fill(await change(entry, "address"), url=tls_bridge.url)
    assert done["reason"] == "reconfigure_successful"
    assert (entry.data["url"], entry.data["fingerprint"]) == (tls_bridge.url, tls_bridge.fingerprint)
    await hass.async_block_till_done()


async def test_another_certificate(hass: HomeAssistant, tls_bridge: FakeBridge, change: Any, fill: Fill) -> None:
    entry = entry_of(hass, tls_bridge)
    before = tls_bridge.fingerprint
    await tls_bridge.new_certificate()

    form = await fill(await change(entry, "address"), url=tls_bridge.url)
    assert form["step_id"] == "certificate"
    assert entry.data["fingerprint"] == before

    assert (await fill(form))["reason"] == "reconfigure_successful"
    assert entry.data["fingerprint"] == tls_bridge.fingerprint
    await hass.async_block_till_done()


async def test_another_certificate_while_somebody_types_a_token(
    hass: HomeAssistant, tls_bridge: FakeBridge, change: Any, fill: Fill
) -> None:
    entry = entry_of(hass, tls_bridge, token=OLD)
    form = await change(entry, "token")
    await tls_bridge.new_certificate()
    form = await fill(form, token=TOKEN)
    assert form["step_id"] == "certificate"
    form = await fill(form)
    assert form["step_id"] == "token"
    assert (await fill(form, token=TOKEN))["reason"] == "reconfigure_successful"
    assert (entry.data["fingerprint"], entry.data["token"]) == (tls_bridge.fingerprint, TOKEN)
    await hass.async_block_till_done()


async def test_from_http_to_https(hass: HomeAssistant, tls_bridge: FakeBridge, change: Any, fill: Fill) -> None:
    entry = entry_of(hass, tls_bridge, url=DEAD, fingerprint=None)
    form = await fill(await change(entry, "address"), url=tls_bridge.url.replace("https", "http"))
    assert form["errors"] == {"base": "use_https"}
    done = await fill(await fill(form, url=tls_bridge.url))
    assert done["reason"] == "reconfigure_successful"
    assert entry.data["fingerprint"] == tls_bridge.fingerprint
    await hass.async_block_till_done()


@pytest.mark.parametrize("what", ["address", "pair", "token"])
async def test_a_form_that_is_closed_changes_nothing(hass: HomeAssistant, entry: MockConfigEntry, change: Any, what: str) -> None:
    before = dict(entry.data)
    form = await change(entry, what)
    hass.config_entries.flow.async_abort(form["flow_id"])
    assert dict(entry.data) == before
    assert hass.config_entries.flow.async_progress() == []
