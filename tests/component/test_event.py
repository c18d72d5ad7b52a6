"""Event entities: they fire once for what is news, with all that is known of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from custom_components.vms_bridge.const import DOMAIN
from custom_components.vms_bridge.event import EVENT_TYPES
from homeassistant.core import State, callback
from homeassistant.helpers import entity_registry as er
from homeassistant.helpers.event import async_track_state_change_event
from pytest_homeassistant_custom_component.common import mock_restore_cache_with_extra_data

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from homeassistant.core import Event, EventStateChangedData, HomeAssistant
    from pytest_homeassistant_custom_component.common import MockConfigEntry
    from tests.component.fakes.bridge import FakeBridge

    type Told = Callable[[], Awaitable[None]]
    type Find = Callable[..., str]


@pytest.fixture
def fired(hass: HomeAssistant, component: MockConfigEntry, find: Find) -> list[State]:
    """Return the states that the event entity of the front door will have, one for each time that it fires."""
    assert component.runtime_data.is_connected
    states: list[State] = []

    @callback
    def note(event: Event[EventStateChangedData]) -> None:
        if event.data["new_state"] is not None:
            states.append(event.data["new_state"])

    async_track_state_change_event(hass, find("event", "event", "zm", "1"), note)
    return states


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def item(value: dict[str, Any], *, replayed: bool = False) -> dict[str, Any]:
    return {"what": "event", "cursor": "5d1f0c3a9b7e:900", "replayed": replayed, "value": value}


def message(**fields: Any) -> dict[str, Any]:
    """Return an event message as a bridge says it."""
    said = {"v": 1, "epoch": "e1", "seq": 7, "id": "zm-70", "type": "new", "kind": "alarm", "late": False}
    return {**said, "system": "zm", "monitor": "1", "start": now().isoformat(), "end": None, **fields}


async def test_it_fires_for_each_step_with_the_same_id(bridge: FakeBridge, fired: list[State], told: Told) -> None:
    event = bridge.event("zm", "1", start=now(), label="person", labels=["person"], score=0.9, zones=["Drive"], cause="Motion")
    bridge.event("zm", "1", id=event, type="update", labels=["person", "dog"])
    bridge.event("zm", "1", id=event, type="end", end=now(), duration=4.0, end_reason="closed")
    bridge.event("zm", "1", id=event, type="media", snapshot_ready=True, clip_ready=True)
    bridge.event("zm", "1", id=event, type="deleted")
    await told()
    assert [state.attributes["event_type"] for state in fired] == ["new", "end", "media"] == EVENT_TYPES
    assert {state.attributes["id"] for state in fired} == {event}
    assert len({state.state for state in fired}) == 3
    first, ended, _ = (state.attributes for state in fired)
    assert (first["label"], first["zones"], first["cause"], first["monitor"]) == ("person", ["Drive"], "Motion", "1")
    assert (ended["labels"], ended["duration"], ended["end_reason"]) == (["person", "dog"], 4.0, "closed")
    assert first["media_id"].startswith("media-source://vms_bridge/")
    assert event in first["media_id"]
    assert not {"v", "type", "late"} & first.keys()


async def test_each_monitor_has_its_own(
    hass: HomeAssistant, bridge: FakeBridge, fired: list[State], find: Find, told: Told
) -> None:
    event = bridge.event("zm", "2", start=now())
    await told()
    assert fired == []
    state = hass.states.get(find("event", "event", "zm", "2"))
    assert state is not None
    assert state.attributes["id"] == event


async def test_a_recording_that_runs_all_the_time_is_no_news(bridge: FakeBridge, fired: list[State], told: Told) -> None:
    bridge.event("zm", "1", start=now(), kind="continuous")
    await told()
    assert fired == []
    bridge.event("zm", "1", start=now(), kind="smoke_signal")
    await told()
    assert [state.attributes["kind"] for state in fired] == ["smoke_signal"]


async def test_what_is_old_when_it_comes_fires_nothing(bridge: FakeBridge, fired: list[State], told: Told) -> None:
    bridge.item(item(message(id="zm-71", seq=8, start=(now() - timedelta(minutes=5)).isoformat()), replayed=True))
    bridge.item(item(message(id="zm-72", seq=9, late=True, start=(now() - timedelta(minutes=5)).isoformat())))
    await told()
    assert fired == []
    bridge.item(item(message(id="zm-73", seq=10, start=(now() - timedelta(seconds=20)).isoformat()), replayed=True))
    bridge.item(item(message(id="zm-74", seq=11, start=(now() - timedelta(minutes=5)).isoformat())))  # live, whatever its clock
    await told()
    assert [state.attributes["id"] for state in fired] == ["zm-73", "zm-74"]


async def test_a_message_that_comes_twice_fires_once(bridge: FakeBridge, fired: list[State], told: Told) -> None:
    bridge.item(item(message()))
    bridge.item(item(message(), replayed=True))
    bridge.item(item(message(seq=6, id="zm-69"), replayed=True))
    await told()
    assert [state.attributes["id"] for state in fired] == ["zm-70"]
    bridge.item(item(message(epoch="e2", seq=1, id="zm-71")))  # a new store counts anew
    await told()
    assert [state.attributes["id"] for state in fired] == ["zm-70", "zm-71"]


async def test_a_message_from_before_a_restart_of_home_assistant_fires_no_second_time(
    hass: HomeAssistant, bridge: FakeBridge, entry: MockConfigEntry, told: Told
) -> None:
    unique_id = f"{bridge.bridge_id}/zm/1/event"
    registered = er.async_get(hass).async_get_or_create(
        "event", DOMAIN, unique_id, config_entry=entry, suggested_object_id="door"
    )
    known = {"epoch": "e1", "seq": 7, "id": "zm-70"}
    last = State(registered.entity_id, "2026-11-28T12:00:00.000+00:00", {"event_type": "new", **known})
    mock_restore_cache_with_extra_data(hass, [(last, {"last_event_type": "new", "last_event_attributes": known})])
    assert await hass.config_entries.async_setup(entry.entry_id)
    await told()
    bridge.item(item(message(), replayed=True))
    await told()
    state = hass.states.get(registered.entity_id)
    assert state is not None
    assert (state.state, state.attributes["id"]) == (last.state, "zm-70")
    bridge.item(item(message(seq=8, type="end")))
    await told()
    after = hass.states.get(registered.entity_id)
    assert after is not None
    assert (after.state != last.state, after.attributes["event_type"]) == (True, "end")


async def test_nonsense_is_passed_over_and_too_much_is_cut(bridge: FakeBridge, fired: list[State], told: Told) -> None:
    for wrong in (message(id=None), message(id=""), message(id=17), message(type="begin"), message(type=None), message(type=[])):
        bridge.item(item(wrong))
    await told()
    assert fired == []
    bridge.item(
        item(
            message(
                text="x" * 5_000, labels=["dog"] * 5_000, zones=[{"a": 1}, "Drive"], cause={"a": 1}, secret="of a newer bridge"
            )
        )
    )
    await told()
    [attributes] = [state.attributes for state in fired]
    assert (len(attributes["text"]), len(attributes["labels"])) == (1_000, 100)
    assert (attributes["zones"], attributes["cause"]) == (["Drive"], None)
    assert "secret" not in attributes


async def test_the_recorder_keeps_only_what_tells_what_it_was(bridge: FakeBridge, fired: list[State], told: Told) -> None:
    bridge.event("zm", "1", start=now(), label="person")
    await told()
    [state] = fired
    assert state.state_info is not None
    kept = state.attributes.keys() - state.state_info["unrecorded_attributes"]
    assert kept == {"event_type", "id", "kind", "label", "score", "duration", "friendly_name"}


async def test_it_is_there_as_long_as_the_bridge_is(
    hass: HomeAssistant, bridge: FakeBridge, fired: list[State], find: Find, told: Told
) -> None:
    assert fired == []
    bridge.change_system("zm", available=False)
    bridge.change_state("zm", "1", available=False)
    await told()
    state = hass.states.get(find("event", "event", "zm", "1"))
    assert state is not None
    assert state.state == "unknown"
