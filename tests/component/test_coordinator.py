"""Following a bridge: what is current, what changes, a line that is lost and comes back, events without loss, commands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from custom_components.vms_bridge.client import Address, BridgeClient
from custom_components.vms_bridge.coordinator import MOST_WAIT_FOR_NOBODY_S, MOST_WAIT_S, VmsBridgeCoordinator, _pause_s
from custom_components.vms_bridge.errors import Busy, CannotConnect, NotABridge
from custom_components.vms_bridge.models import Target
from homeassistant.config_entries import SOURCE_REAUTH, ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_FINAL_WRITE, STATE_UNAVAILABLE
from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from tests.component.fakes.bridge import TOKEN_ID, Token
from tests.component.lines import found, lost, tried, until

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from homeassistant.core import HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry
    from tests.component.fakes.bridge import FakeBridge

    Told = Callable[[], Awaitable[None]]

DOOR, YARD = Target(system="zm", monitor="1"), Target(system="zm", monitor="2")


@pytest.fixture(autouse=True)
def _may_claim(bridge: FakeBridge) -> None:
    bridge.claim_scope = "control"


@pytest.fixture
async def coordinator(component: MockConfigEntry, bridge: FakeBridge, told: Told) -> VmsBridgeCoordinator:
    """That of an entry that has claimed the devices: until then the bridge may tell of that."""
    await until(lambda: bool(bridge.claims), "the devices are claimed")
    await told()
    made: VmsBridgeCoordinator = component.runtime_data
    return made


class Heard:
    """What a listener has heard of."""

    def __init__(self, coordinator: VmsBridgeCoordinator) -> None:
        self.times: dict[Target, int] = {}
        self.shapes = 0
        self.events: list[tuple[str, str, bool]] = []
        self._coordinator = coordinator
        for target in (DOOR, YARD, Target(system="zm"), Target()):
            coordinator.listen(target, lambda target=target: self._hear(target))  # type: ignore[misc]
        for monitor in ("1", "2"):
            coordinator.listen_events("zm", monitor, self._event)
        coordinator.listen_shapes(self._shape)

    def _hear(self, target: Target) -> None:
        self.times[target] = self.times.get(target, 0) + 1

    def _event(self, message: dict[str, Any], is_old: bool) -> None:  # noqa: FBT001
        self.events.append((message["id"], message["type"], is_old))

    def _shape(self) -> None:
        self.shapes += 1


async def test_all_that_is_current(coordinator: VmsBridgeCoordinator) -> None:
    assert coordinator.is_connected
    assert list(coordinator.systems) == ["zm"]
    assert list(coordinator.monitors) == [("zm", "1"), ("zm", "2")]
    assert coordinator.version == "0.1.0"
    assert coordinator.scope == "control"
    assert coordinator.health["undelivered"] == 0
    assert coordinator.monitor(DOOR) is coordinator.monitors["zm", "1"]
    assert coordinator.system(DOOR) is coordinator.systems["zm"]
    assert coordinator.monitor(Target(system="zm")) is None
    assert coordinator.system(Target()) is None


async def test_a_change_is_told_to_those_of_its_target_only(
    coordinator: VmsBridgeCoordinator, bridge: FakeBridge, told: Told
) -> None:
    heard = Heard(coordinator)
    bridge.change_state("zm", "1", motion=True)
    await told()
    assert heard.times == {DOOR: 1}
    bridge.set_objects("zm", "2", {"person": 2})
    await told()
    assert heard.times == {DOOR: 1, YARD: 1}
    assert coordinator.monitors["zm", "2"].objects == {"labels": {"person": 2}, "zones": {}}
    bridge.change_health(undelivered=3)
    bridge.set_notices({"text": "Something"})
    await told()
    assert heard.times == {DOOR: 1, YARD: 1, Target(): 2}
    assert [each["text"] for each in coordinator.notices] == ["Something"]
    assert heard.shapes == 0


async def test_levels(coordinator: VmsBridgeCoordinator) -> None:
    assert coordinator.may("read")
    assert coordinator.may("control")
    assert not coordinator.may("admin")
    assert not coordinator.may("king")


async def test_what_comes_and_goes_is_a_shape(coordinator: VmsBridgeCoordinator, bridge: FakeBridge, told: Told) -> None:
    heard = Heard(coordinator)
    bridge.add_monitor("zm", "3", "Gate")
    await told()
    assert heard.shapes == 1
    assert ("zm", "3") in coordinator.monitors
    bridge.remove_system("zm")
    await told()
    assert coordinator.systems == {}
    assert coordinator.monitors == {}
    assert heard.times[DOOR] >= 1


async def test_a_lost_line_is_told_once_and_found_again(
    hass: HomeAssistant,
    coordinator: VmsBridgeCoordinator,
    bridge: FakeBridge,
    find: Callable[..., str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    motion, connectivity = find("binary_sensor", "motion", "zm", "1"), find("binary_sensor", "connectivity")
    await bridge.stop()
    await lost(hass, coordinator)
    assert coordinator.lost_at is not None
    assert hass.states.get(motion).state == STATE_UNAVAILABLE  # type: ignore[union-attr]
    assert hass.states.get(connectivity).state == "off"  # type: ignore[union-attr]
    looks = iter(range(200))
    await tried(coordinator, lambda: next(looks) == 100, "it has tried in vain")
    bridge.change_state("zm", "1", motion=True)
    await bridge.start()
    await found(hass, coordinator)
    assert hass.states.get(motion).state == "on"  # type: ignore[union-attr]
    assert hass.states.get(connectivity).state == "on"  # type: ignore[union-attr]
    assert coordinator.connects == 2
    assert caplog.text.count("is lost") == 1
    assert caplog.text.count("is back") == 1


async def test_what_came_and_went_meanwhile(
    hass: HomeAssistant, coordinator: VmsBridgeCoordinator, bridge: FakeBridge, find: Callable[..., str]
) -> None:
    bridge.drop_all(None)
    await lost(hass, coordinator)
    bridge.remove_monitor("zm", "2")
    bridge.add_monitor("zm", "3", "Gate")
    await found(hass, coordinator)
    assert list(coordinator.monitors) == [("zm", "1"), ("zm", "3")]
    assert hass.states.get(find("binary_sensor", "motion", "zm", "3")).state == "off"  # type: ignore[union-attr]
    assert hass.states.get(find("binary_sensor", "motion", "zm", "2")).state == STATE_UNAVAILABLE  # type: ignore[union-attr]


async def test_a_token_that_is_revoked_meanwhile(
    hass: HomeAssistant, coordinator: VmsBridgeCoordinator, bridge: FakeBridge
) -> None:
    bridge.revoke()
    await lost(hass, coordinator)
    await tried(coordinator, lambda: bool(hass.config_entries.flow.async_progress()), "it is asked for")
    await hass.async_block_till_done()
    assert [flow["context"]["source"] for flow in hass.config_entries.flow.async_progress()] == [SOURCE_REAUTH]
    bridge.tokens[TOKEN_ID] = Token(bridge.token)  # whoever revoked it, as from a backup, takes it back
    await found(hass, coordinator)
    assert hass.config_entries.flow.async_progress() == []


async def test_a_bridge_that_becomes_too_new(hass: HomeAssistant, coordinator: VmsBridgeCoordinator, bridge: FakeBridge) -> None:
    bridge.lowest_protocol, bridge.highest_protocol = 2, 2
    bridge.drop_all()
    await lost(hass, coordinator)
    issues = ir.async_get(hass).issues
    await tried(coordinator, lambda: bool(issues), "people are told")
    assert {issue.translation_key for issue in issues.values()} == {"bridge_too_new"}
    bridge.lowest_protocol, bridge.highest_protocol = 1, 1
    await found(hass, coordinator)
    assert not issues


async def test_a_bridge_that_says_nothing_more(
    hass: HomeAssistant, coordinator: VmsBridgeCoordinator, bridge: FakeBridge, entry: MockConfigEntry
) -> None:
    bridge.hold_socket()
    bridge.drop_all(None)
    await lost(hass, coordinator)
    opened = len([each for each in bridge.requests if each.path == "/api/v1/ws"])
    await tried(
        coordinator, lambda: len([each for each in bridge.requests if each.path == "/api/v1/ws"]) > opened, "it tries again"
    )
    assert entry.state is ConfigEntryState.LOADED
    assert not coordinator.is_connected
    bridge.release_socket()
    await until(lambda: coordinator.is_connected, "it goes on")


async def test_nonsense_ends_only_itself(coordinator: VmsBridgeCoordinator, bridge: FakeBridge, told: Told) -> None:
    bridge.item({"what": "system", "system": "zm", "value": {"key": 7}})
    bridge.item({"what": "from the future", "value": {}})
    bridge.item({"what": "event", "cursor": None, "value": {"system": "zm", "monitor": 7}})
    bridge.change_state("zm", "1", motion=True)
    await told()
    assert coordinator.is_connected
    assert coordinator.monitors["zm", "1"].state["motion"] is True  # type: ignore[index]


# --- events ---


async def test_events_are_told_as_they_happen(coordinator: VmsBridgeCoordinator, bridge: FakeBridge, told: Told) -> None:
    heard = Heard(coordinator)
    event = bridge.event("zm", "1", label="person")
    bridge.event("zm", "1", id=event, type="end", end=datetime.now(UTC))
    await told()
    assert heard.events == [(event, "new", False), (event, "end", False)]
    assert coordinator.cursor == bridge.end
    assert coordinator.monitors["zm", "1"].last_event["type"] == "end"  # type: ignore[index]


async def test_a_live_event_is_news_whatever_the_clocks_say(
    coordinator: VmsBridgeCoordinator, bridge: FakeBridge, told: Told
) -> None:
    heard = Heard(coordinator)
    event = bridge.event("zm", "1", start=datetime.now(UTC) - timedelta(hours=1))
    late = bridge.event("zm", "1", start=datetime.now(UTC) - timedelta(hours=1), late=True)
    await told()
    assert heard.events == [(event, "new", False), (late, "new", True)]


async def test_events_of_meanwhile_come_once_and_the_old_ones_as_old(
    hass: HomeAssistant, coordinator: VmsBridgeCoordinator, bridge: FakeBridge, told: Told
) -> None:
    before = bridge.event("zm", "1")
    await told()
    bridge.drop_all()
    await lost(hass, coordinator)
    heard = Heard(coordinator)
    old = bridge.event("zm", "1", start=datetime.now(UTC) - timedelta(minutes=10))
    new = bridge.event("zm", "2")
    await found(hass, coordinator)
    await told()
    assert heard.events == [(old, "new", True), (new, "new", False)]
    assert before not in [each[0] for each in heard.events]
    assert bridge.subscribed[-1]["after"] is not None


async def test_nothing_is_lost_over_a_restart(
    hass: HomeAssistant,
    component: MockConfigEntry,
    bridge: FakeBridge,
    told: Told,
    hass_storage: dict[str, Any],  # noqa: ARG001
) -> None:
    bridge.event("zm", "1")
    await told()
    assert await hass.config_entries.async_unload(component.entry_id)
    await bridge.disconnected()
    missed = bridge.event("zm", "1")
    assert await hass.config_entries.async_setup(component.entry_id)
    await bridge.connected()
    assert bridge.subscribed[-1]["after"] == f"{bridge.epoch}:1"
    await told()
    assert component.runtime_data.cursor == bridge.end
    assert missed == component.runtime_data.monitors["zm", "1"].last_event["id"]


async def test_what_happened_meanwhile_waits_for_the_entities(
    hass: HomeAssistant, entry: MockConfigEntry, bridge: FakeBridge, told: Told, hass_storage: dict[str, Any]
) -> None:
    hass_storage[f"vms_bridge.{entry.entry_id}"] = {
        "version": 1,
        "minor_version": 1,
        "key": f"vms_bridge.{entry.entry_id}",
        "data": {"cursor": bridge.end},
    }
    event = bridge.event("zm", "1")
    client = BridgeClient(async_get_clientsession(hass), Address(bridge.url), bridge.token)
    coordinator = VmsBridgeCoordinator(hass, entry, client)
    await coordinator.async_start()
    try:
        assert coordinator.cursor != bridge.end
        heard = Heard(coordinator)
        coordinator.begin()
        await told()
        assert heard.events == [(event, "new", False)]
        assert coordinator.cursor == bridge.end
    finally:
        await coordinator.async_stop()


async def test_the_cursor_is_written_at_home_assistants_end(
    hass: HomeAssistant, component: MockConfigEntry, bridge: FakeBridge, told: Told, hass_storage: dict[str, Any]
) -> None:
    bridge.event("zm", "1")
    await told()
    hass.bus.async_fire(EVENT_HOMEASSISTANT_FINAL_WRITE)
    await hass.async_block_till_done()
    assert hass_storage[f"vms_bridge.{component.entry_id}"]["data"] == {"cursor": bridge.end}
    await hass.config_entries.async_remove(component.entry_id)
    await hass.async_block_till_done()
    assert f"vms_bridge.{component.entry_id}" not in hass_storage


@pytest.mark.parametrize("kept", [{"cursor": 7}, {"cursor": ""}, {"cursor": "x" * 500}, {}])
async def test_a_cursor_that_is_none_is_forgotten(
    hass: HomeAssistant, entry: MockConfigEntry, bridge: FakeBridge, hass_storage: dict[str, Any], kept: dict[str, Any]
) -> None:
    hass_storage[f"vms_bridge.{entry.entry_id}"] = {"version": 1, "minor_version": 1, "key": "", "data": kept}
    assert await hass.config_entries.async_setup(entry.entry_id)
    await bridge.connected()
    assert bridge.subscribed[-1].get("after") is None


async def test_a_cursor_of_another_database(
    hass: HomeAssistant, coordinator: VmsBridgeCoordinator, bridge: FakeBridge, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    bridge.event("zm", "1")
    await told()
    bridge.drop_all()
    await lost(hass, coordinator)
    bridge.new_epoch()
    await found(hass, coordinator)
    await told()
    assert coordinator.cursor == bridge.end
    assert "may have had events" in caplog.text


@pytest.mark.parametrize(
    "expected_lingering_timers", [True]
)  # aiohttp's heartbeat, where a socket is closed that is still spoken to
async def test_a_cursor_that_the_bridge_can_not_read(
    hass: HomeAssistant, entry: MockConfigEntry, bridge: FakeBridge, hass_storage: dict[str, Any]
) -> None:
    hass_storage[f"vms_bridge.{entry.entry_id}"] = {"version": 1, "minor_version": 1, "key": "", "data": {"cursor": "not one"}}
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert [said.get("after") for said in bridge.said if said["type"] == "subscribe"] == ["not one", None]
    assert await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()
    assert hass_storage[f"vms_bridge.{entry.entry_id}"]["data"] == {"cursor": bridge.end}


# --- commands ---


async def test_a_command_says_for_whom(
    hass: HomeAssistant,  # noqa: ARG001
    coordinator: VmsBridgeCoordinator,
    bridge: FakeBridge,
    hass_admin_user: Any,
) -> None:
    await coordinator.command(DOOR, "alarm", "ON", context=Context(user_id=hass_admin_user.id), seconds=20)
    asked = bridge.commands[-1]
    assert (asked["system"], asked["monitor"], asked["command"], asked["value"], asked["seconds"]) == (
        "zm",
        "1",
        "alarm",
        "ON",
        20,
    )
    assert asked["on_behalf_of"] == hass_admin_user.name
    await coordinator.command(DOOR, "alarm", "OFF", context=None)
    assert "on_behalf_of" not in bridge.commands[-1]
    await coordinator.command(DOOR, "armed", "OFF", context=Context(user_id="gone"))
    assert bridge.commands[-1]["on_behalf_of"] == "gone"
    assert len({each["request_id"] for each in bridge.commands}) == 3


@pytest.mark.parametrize(
    ("result", "kind", "key"),
    [
        ("refused", ServiceValidationError, "command_refused"),
        ("failed", HomeAssistantError, "command_failed"),
        ("timeout", HomeAssistantError, "command_timeout"),
    ],
)
async def test_what_is_not_done_is_told(
    coordinator: VmsBridgeCoordinator, bridge: FakeBridge, result: str, kind: type[HomeAssistantError], key: str
) -> None:
    bridge.refuse("armed", result, hint="the camera is asleep")
    with pytest.raises(HomeAssistantError) as raised:
        await coordinator.command(DOOR, "armed", "OFF", context=None)
    assert type(raised.value) is kind
    assert raised.value.translation_key == key
    assert raised.value.translation_placeholders == {"reason": "the camera is asleep"}


async def test_a_command_to_nobody(hass: HomeAssistant, coordinator: VmsBridgeCoordinator, bridge: FakeBridge) -> None:
    with pytest.raises(HomeAssistantError) as raised:
        await coordinator.command(Target(system="zm", monitor="9"), "armed", "OFF", context=None)
    assert raised.value.translation_key == "command_refused"
    bridge.drop_all()
    await lost(hass, coordinator)
    with pytest.raises(HomeAssistantError) as raised:
        await coordinator.command(DOOR, "armed", "OFF", context=None)
    assert raised.value.translation_key == "not_connected"


# --- waiting ---


def test_how_long_to_wait() -> None:
    assert _pause_s(CannotConnect("nobody"), 2) == 2
    assert _pause_s(CannotConnect("nobody"), 60) == MOST_WAIT_FOR_NOBODY_S
    assert _pause_s(NotABridge("html"), 60) == 60
    assert _pause_s(Busy("too much", 20), 1) == 20
    assert _pause_s(Busy("too much", 1e9), 1) == MOST_WAIT_S
