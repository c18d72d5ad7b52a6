"""Certificates that nobody has signed whom Home Assistant knows: a person compares them, once for each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from custom_components.vms_bridge.client import BridgeClient
from homeassistant.data_entry_flow import FlowResultType
from tests.component.fakes.bridge import CODE, TOKEN

if TYPE_CHECKING:
    import pytest
    from homeassistant.core import HomeAssistant
    from tests.component.fakes.bridge import FakeBridge
    from tests.component.flow.conftest import Fill


async def test_it_is_shown_as_the_bridge_shows_it_and_then_pinned(tls_bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    form = await add(tls_bridge.url)
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, "certificate")
    assert form["description_placeholders"] is not None
    assert form["description_placeholders"]["fingerprint"] == tls_bridge.fingerprint

    form = await fill(form)
    assert form["step_id"] == "pair"
    done = await fill(form, code=CODE)
    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert done["data"]["fingerprint"] == tls_bridge.fingerprint


async def test_nothing_is_said_to_the_bridge_before_somebody_has_agreed(tls_bridge: FakeBridge, add: Fill) -> None:
    await add(tls_bridge.url)
    assert tls_bridge.requests == []


async def test_it_changes_while_somebody_compares_it(tls_bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    form = await add(tls_bridge.url, "token")
    await tls_bridge.new_certificate()

    form = await fill(form)
    assert form["step_id"] == "certificate"
    assert form["description_placeholders"] is not None
    assert form["description_placeholders"]["fingerprint"] == tls_bridge.fingerprint

    done = await fill(await fill(form), token=TOKEN)
    assert done["data"]["fingerprint"] == tls_bridge.fingerprint


async def test_it_changes_while_somebody_types_the_code(tls_bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    form = await fill(await add(tls_bridge.url))
    assert form["step_id"] == "pair"
    await tls_bridge.new_certificate()

    form = await fill(form, code=CODE)
    assert form["step_id"] == "certificate"
    assert tls_bridge.code is not None, "the code was not used up"

    form = await fill(form)
    assert form["step_id"] == "pair"
    done = await fill(form, code=CODE)
    assert done["data"]["fingerprint"] == tls_bridge.fingerprint


async def test_the_bridge_goes_away_while_somebody_compares_it(tls_bridge: FakeBridge, add: Fill, fill: Fill) -> None:
    form = await add(tls_bridge.url)
    await tls_bridge.stop()
    form = await fill(form)
    assert (form["step_id"], form["errors"]) == ("certificate", {"base": "cannot_connect"})

    await tls_bridge.start()
    assert (await fill(form))["step_id"] == "pair"


async def test_a_flow_that_is_aborted_there_leaves_nothing(hass: HomeAssistant, tls_bridge: FakeBridge, add: Fill) -> None:
    form = await add(tls_bridge.url)
    hass.config_entries.flow.async_abort(form["flow_id"])
    assert hass.config_entries.async_entries("vms_bridge") == []
    assert hass.config_entries.flow.async_progress() == []


async def test_one_that_can_not_be_read_is_an_error(tls_bridge: FakeBridge, add: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    async def unreadable(_: BridgeClient) -> str | None:
        return None  # it is looked at by a second connection, which may fail

    monkeypatch.setattr(BridgeClient, "certificate", unreadable)
    form = await add(tls_bridge.url)
    assert (form["step_id"], form["errors"]) == ("user", {"base": "certificate_untrusted"})
