"""What people have to mend, and the form that takes a changed certificate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from custom_components.vms_bridge import repairs
from custom_components.vms_bridge.errors import (
    Busy,
    CannotConnect,
    CertificateChanged,
    CertificateUntrusted,
    Impostor,
    TokenRefused,
    TooNew,
    TooOld,
)
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers import issue_registry as ir
from homeassistant.setup import async_setup_component
from tests.component.conftest import entry_of
from tests.component.fakes.bridge import TOKEN

if TYPE_CHECKING:
    from custom_components.vms_bridge.errors import BridgeError
    from homeassistant.components.repairs import RepairsFlow
    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry
    from tests.component.fakes.bridge import FakeBridge

DOMAIN = "vms_bridge"


def issues(hass: HomeAssistant) -> dict[str, ir.IssueEntry]:
    """Return our issues, by what they are about."""
    found = ir.async_get(hass).issues
    return {str(issue.translation_key): issue for (domain, _), issue in found.items() if domain == DOMAIN}


@pytest.mark.parametrize(
    ("error", "kind", "is_fixable"),
    [
        (TooOld("it is old"), "bridge_too_old", False),
        (TooNew("it is new"), "bridge_too_new", False),
        (CertificateChanged("another", "ab" * 32), "certificate_changed", True),
        (CertificateUntrusted("another", "ab" * 32), "certificate_changed", True),
    ],
)
def test_what_people_can_mend_is_an_issue(
    hass: HomeAssistant,
    entry: MockConfigEntry,
    error: BridgeError,
    kind: str,
    is_fixable: bool,  # noqa: FBT001 - parametrised
) -> None:
    repairs.async_report(hass, entry, error)
    (issue,) = issues(hass).values()
    assert (issue.translation_key, issue.is_fixable, issue.severity) == (kind, is_fixable, ir.IssueSeverity.ERROR)
    assert issue.translation_placeholders == {"name": entry.title, "url": entry.data["url"]}
    assert issue.data == {"entry_id": entry.entry_id}

    repairs.async_clear(hass, entry)
    assert issues(hass) == {}


@pytest.mark.parametrize("error", [CannotConnect("away"), Busy("busy"), Impostor("somebody"), TokenRefused("revoked")])
def test_what_mends_itself_or_is_asked_elsewhere_is_none(hass: HomeAssistant, entry: MockConfigEntry, error: BridgeError) -> None:
    repairs.async_report(hass, entry, error)
    assert issues(hass) == {}


def test_one_issue_takes_the_place_of_another(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    repairs.async_report(hass, entry, TooOld("it is old"))
    repairs.async_report(hass, entry, CannotConnect("it restarts"))
    assert list(issues(hass)) == ["bridge_too_old"], "it is not over while nobody answers"
    repairs.async_report(hass, entry, TooNew("it is new"))
    assert list(issues(hass)) == ["bridge_too_new"]


def test_entries_have_issues_of_their_own(hass: HomeAssistant, entry: MockConfigEntry, bridge: FakeBridge) -> None:
    other = entry_of(hass, bridge, url="http://other")
    repairs.async_report(hass, entry, TooOld("it is old"))
    repairs.async_report(hass, other, TooOld("it is old"))
    repairs.async_clear(hass, entry)
    (issue,) = issues(hass).values()
    assert issue.data == {"entry_id": other.entry_id}


def test_a_claim_that_is_missing_is_told_until_it_is_made(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    repairs.async_report_claim(hass, entry, is_missing=True)
    (issue,) = issues(hass).values()
    assert (issue.translation_key, issue.is_fixable, issue.severity) == ("no_claim", False, ir.IssueSeverity.WARNING)
    repairs.async_clear(hass, entry)
    assert list(issues(hass)) == ["no_claim"], "a connection says nothing of it"
    repairs.async_report_claim(hass, entry, is_missing=False)
    assert issues(hass) == {}


def test_nothing_is_told_of_an_entry_that_is_gone(hass: HomeAssistant, entry: MockConfigEntry) -> None:
    repairs.async_report(hass, entry, TooOld("it is old"))
    repairs.async_report_claim(hass, entry, is_missing=True)
    repairs.async_forget(hass, entry)
    assert issues(hass) == {}


async def fix(hass: HomeAssistant, **said: Any) -> Any:
    """Begin to mend the one issue that there is, or go on with it."""
    from homeassistant.components.repairs import repairs_flow_manager  # noqa: PLC0415 - after its set-up

    manager = repairs_flow_manager(hass)
    assert manager is not None
    if "flow_id" in said:
        return await manager.async_configure(said["flow_id"], {})
    (issue,) = issues(hass).values()
    return await manager.async_init(DOMAIN, data={"issue_id": issue.issue_id})


@pytest.fixture
async def changed(hass: HomeAssistant, tls_bridge: FakeBridge) -> MockConfigEntry:
    """An entry that could not be set up, for its bridge has another certificate by now."""
    assert await async_setup_component(hass, "repairs", {})
    entry = entry_of(hass, tls_bridge)
    await tls_bridge.new_certificate()
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert list(issues(hass)) == ["certificate_changed"]
    return entry


async def test_a_new_certificate_is_taken_when_proved_and_agreed_to(
    hass: HomeAssistant, tls_bridge: FakeBridge, changed: MockConfigEntry
) -> None:
    before = changed.data["fingerprint"]
    form = await fix(hass)
    assert (form["type"], form["step_id"]) == (FlowResultType.FORM, "confirm")
    assert form["description_placeholders"] == {
        "name": changed.title,
        "url": tls_bridge.url,
        "fingerprint": tls_bridge.fingerprint,
        "before": before,
    }
    assert changed.data["fingerprint"] == before

    done = await fix(hass, flow_id=form["flow_id"])

    assert done["type"] is FlowResultType.CREATE_ENTRY
    assert changed.data == {**changed.data, "fingerprint": tls_bridge.fingerprint, "token": TOKEN}
    await hass.async_block_till_done()
    await tls_bridge.connected()
    await hass.async_block_till_done()
    assert issues(hass) == {}
    assert await hass.config_entries.async_unload(changed.entry_id)


async def test_only_the_one_that_was_shown_is_taken(
    hass: HomeAssistant, tls_bridge: FakeBridge, changed: MockConfigEntry
) -> None:
    form = await fix(hass)
    shown = tls_bridge.fingerprint
    await tls_bridge.new_certificate()
    await fix(hass, flow_id=form["flow_id"])
    assert changed.data["fingerprint"] == shown
    await hass.async_block_till_done()
    assert list(issues(hass)) == ["certificate_changed"], "and it is asked again"


@pytest.mark.parametrize("how", ["stranger", "relay"])
async def test_that_of_an_impostor_is_not_offered(
    hass: HomeAssistant, tls_bridge: FakeBridge, changed: MockConfigEntry, how: Any
) -> None:
    tls_bridge.be_impostor(how)
    before = dict(changed.data)
    result = await fix(hass)
    assert (result["type"], result["reason"]) == (FlowResultType.ABORT, "not_proved")
    assert dict(changed.data) == before
    assert tls_bridge.leaked == []
    assert list(issues(hass)) == ["certificate_changed"]


@pytest.mark.usefixtures("changed")
async def test_nobody_is_there_to_prove_it(hass: HomeAssistant, tls_bridge: FakeBridge) -> None:
    await tls_bridge.stop()
    assert (await fix(hass))["reason"] == "not_proved"


async def test_an_issue_of_an_entry_that_is_gone_is_closed(hass: HomeAssistant) -> None:
    for data in (None, {}, {"entry_id": "gone"}):
        flow: RepairsFlow = await repairs.async_create_fix_flow(hass, "certificate_changed_gone", data)
        assert type(flow).__name__ == "ConfirmRepairFlow"


async def test_a_bridge_that_is_too_new_is_told_of_until_it_is_not(
    hass: HomeAssistant, entry: MockConfigEntry, bridge: FakeBridge
) -> None:
    bridge.lowest_protocol, bridge.highest_protocol = 2, 3
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert list(issues(hass)) == ["bridge_too_new"]

    bridge.lowest_protocol = 1
    assert await hass.config_entries.async_reload(entry.entry_id)
    await bridge.connected()
    await hass.async_block_till_done()
    assert issues(hass) == {}
    assert await hass.config_entries.async_unload(entry.entry_id)
