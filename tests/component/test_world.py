"""What is known of a bridge, of its items: pure, and unmoved by nonsense."""

from __future__ import annotations

from typing import Any

import pytest
from custom_components.vms_bridge.errors import NotABridge
from custom_components.vms_bridge.live import Item
from custom_components.vms_bridge.models import Target
from custom_components.vms_bridge.world import BRIDGE, MOST_MONITORS, MOST_SYSTEMS, News, World

SYSTEM = Target(system="zm")
MONITOR = Target(system="zm", monitor="1")


def system(**fields: Any) -> dict[str, Any]:
    state = {"available": True, "storage": {"0": {"name": "Default", "total": 10, "used": 1}}}
    return {
        "key": "zm",
        "name": "Shed",
        "kind": "zoneminder",
        "capabilities": ["storage"],
        "entities": ["running"],
        "state": state,
        **fields,
    }


def monitor(**fields: Any) -> dict[str, Any]:
    return {
        "system": "zm",
        "key": "1",
        "name": "Door",
        "zones": [],
        "modes": {},
        "capabilities": [],
        "entities": ["motion"],
        **fields,
    }


@pytest.fixture
def world() -> World:
    made = World()
    made.take(Item(what="system", system="zm", value=system()))
    made.take(Item(what="monitor", system="zm", monitor="1", value=monitor()))
    return made


def test_a_new_system_is_a_shape() -> None:
    assert World().take(Item(what="system", system="zm", value=system())) == News(SYSTEM, is_shape=True)


def test_a_systems_new_state_is_none(world: World) -> None:
    changed = system(state={**system()["state"], "available": False})
    assert world.take(Item(what="system", system="zm", value=changed)) == News(SYSTEM)
    assert not world.systems["zm"].is_available


@pytest.mark.parametrize(
    "storage",
    [
        {},
        {"0": {"name": "Other", "total": 10, "used": 1}},
        {"0": {"name": "Default", "total": None, "used": 1}},
        {"0": {"name": "Default", "total": 10, "used": 1}, "1": {"name": "Second", "total": 10, "used": 1}},
    ],
)
def test_another_storage_is_a_shape(world: World, storage: dict[str, Any]) -> None:
    assert world.take(Item(what="system", system="zm", value=system(state={"storage": storage}))) == News(SYSTEM, is_shape=True)


def test_more_in_a_storage_is_none(world: World) -> None:
    state = {"available": True, "storage": {"0": {"name": "Default", "total": 10, "used": 2}}}
    assert world.take(Item(what="system", system="zm", value=system(state=state))) == News(SYSTEM)


def test_a_monitor_that_can_do_more_is_a_shape(world: World) -> None:
    assert world.take(Item(what="monitor", system="zm", monitor="1", value=monitor())) == News(MONITOR)
    assert world.take(Item(what="monitor", system="zm", monitor="1", value=monitor(entities=["motion", "alarm"]))) == News(
        MONITOR, is_shape=True
    )


def test_what_is_live_outlives_a_new_description(world: World) -> None:
    world.take(Item(what="state", system="zm", monitor="1", value={"available": True, "motion": True}))
    world.take(Item(what="last_event", system="zm", monitor="1", value={"id": "zm-1"}))
    world.take(Item(what="objects", system="zm", monitor="1", value={"labels": {"person": 1}, "zones": {}}))
    world.take(Item(what="monitor", system="zm", monitor="1", value=monitor(name="Gate")))
    data = world.monitors["zm", "1"]
    assert (data.shape.name, data.state, data.last_event) == ("Gate", {"available": True, "motion": True}, {"id": "zm-1"})
    assert data.objects == {"labels": {"person": 1}, "zones": {}}
    assert data.is_available


def test_a_value_that_was_read_does_not_change(world: World) -> None:
    before = world.monitors["zm", "1"]
    world.take(Item(what="state", system="zm", monitor="1", value={"available": True}))
    assert before.state is None


def test_a_system_goes_with_its_monitors(world: World) -> None:
    assert world.take(Item(what="system", system="zm", value=None)) == News(SYSTEM, is_shape=True)
    assert not world.systems
    assert not world.monitors
    assert world.take(Item(what="system", system="zm", value=None)) is None
    assert world.take(Item(what="monitor", system="zm", monitor="1", value=None)) is None


def test_has(world: World) -> None:
    assert world.has(BRIDGE)
    assert world.has(SYSTEM)
    assert world.has(MONITOR)
    assert not world.has(Target(system="other"))
    assert not world.has(Target(system="zm", monitor="2"))


@pytest.mark.parametrize(
    "item",
    [
        Item(what="state", system="zm", monitor="9", value={"available": True}),
        Item(what="state", value={"available": True}),
        Item(what="system", value=system()),
        Item(what="weather", system="zm", value={}),
        Item(what="bridge", value=[]),
        Item(what="notices", value={}),
    ],
)
def test_what_is_not_known_is_passed_over(world: World, item: Item) -> None:
    assert world.take(item) is None


@pytest.mark.parametrize("value", [[], "system", 1, {}, {"key": 1}])
def test_nonsense_changes_nothing(world: World, value: Any) -> None:
    before = dict(world.systems)
    with pytest.raises(NotABridge):
        world.take(Item(what="system", system="zm", value=value))
    assert world.systems == before


def test_a_state_that_is_none_is_unknown(world: World) -> None:
    world.take(Item(what="state", system="zm", monitor="1", value=[1]))
    assert world.monitors["zm", "1"].state is None
    assert not world.monitors["zm", "1"].is_available


def test_health_and_notices(world: World) -> None:
    assert world.take(Item(what="bridge", value={"problem": "the disk is full"})) == News(BRIDGE)
    assert world.take(Item(what="notices", value=[{"id": "n1"}, 7])) == News(BRIDGE)
    assert world.health == {"problem": "the disk is full"}
    assert world.notices == ({"id": "n1"},)


def test_keys_that_would_make_ids_ambiguous_are_passed_over() -> None:
    world = World()
    assert world.take(Item(what="system", system="a/b", value=system())) is None
    assert world.take(Item(what="monitor", system="zm", monitor="1/2", value=monitor())) is None


def test_it_is_bounded() -> None:
    world = World()
    for number in range(MOST_SYSTEMS + 5):
        world.take(Item(what="system", system=f"s{number}", value=system()))
    for number in range(MOST_MONITORS + 5):
        world.take(Item(what="monitor", system="s1", monitor=str(number), value=monitor()))
    assert len(world.systems) == MOST_SYSTEMS
    assert len(world.monitors) == MOST_MONITORS


def test_storages_that_make_no_sense_are_none(world: World) -> None:
    state = {"storage": {"0": 7, "a/b": {}, "1": {"name": "Default"}}}
    world.take(Item(what="system", system="zm", value=system(state=state)))
    assert world.systems["zm"].parts("storage") == {"1": {"name": "Default"}}
    assert world.systems["zm"].part("storage", "0") is None
    world.take(Item(what="system", system="zm", value=system(state={"storage": []})))
    assert world.systems["zm"].parts("storage") == {}
    assert world.systems["zm"].part("storage", "0") is None
