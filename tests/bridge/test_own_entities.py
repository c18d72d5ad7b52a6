"""Entities that belong to scripts: which there can be, what they can be, and what people can want of them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.hub.own_entities import HubOwnEntities
from vms_bridge.own_entities import (
    MOST_CHARACTERS,
    MOST_ENTITIES,
    MOST_OWNERS,
    EntityCommand,
    EntityKind,
    EntityRefused,
    EntityState,
    Fired,
    OwnEntity,
    check,
    fit,
    read_command,
)

if TYPE_CHECKING:
    from vms_bridge.own_entities import Value

SENSOR = OwnEntity(key="count", kind=EntityKind.SENSOR)
SWITCH = OwnEntity(key="siren", kind=EntityKind.SWITCH)
NUMBER = OwnEntity(key="minutes", kind=EntityKind.NUMBER, min=1, max=60, step=1)
SELECT = OwnEntity(key="mode", kind=EntityKind.SELECT, options=("Day", "Night"))
TEXT = OwnEntity(key="note", kind=EntityKind.TEXT)
BUTTON = OwnEntity(key="test", kind=EntityKind.BUTTON)
EVENT = OwnEntity(key="bell", kind=EntityKind.EVENT, options=("pressed", "held"))
MOTION = OwnEntity(key="motion", kind=EntityKind.BINARY_SENSOR)


@pytest.mark.parametrize(
    "words",
    [
        {"key": ""},
        {"key": "Count"},
        {"key": "a/b"},
        {"key": "_status"},
        {"key": "set+"},
        {"key": "x" * 41},
        {"kind": "camera"},
        {"name": "two\nlines"},
        {"icon": "gate"},
        {"icon": "mdi:gate; x"},
        {"device_class": "{{ states }}"},
        {"unit": "x" * 21},
        {"category": "system"},
        {"category": "config"},
        {"kind": "select"},
        {"kind": "event"},
        {"kind": "select", "options": ("a", "a")},
        {"kind": "select", "options": ("None",)},
        {"kind": "select", "options": ("", "a")},
        {"kind": "select", "options": tuple(str(number) for number in range(65))},
        {"kind": "number", "min": 5, "max": 5},
        {"kind": "number", "step": 0},
        {"kind": "number", "max": math.inf},
        {"kind": "number", "min": math.nan},
        {"key": "set"},
    ],
)
def test_what_can_be_no_entity_is_refused(words: dict[str, Any]) -> None:
    kind = EntityKind(words.get("kind", "sensor"))
    with pytest.raises(EntityRefused):
        check(OwnEntity(**{"key": "count", **words, "kind": kind}))


@pytest.mark.parametrize(
    ("entity", "good", "bad"),
    [
        (SENSOR, (1, 1.5, "x", None, True, ""), (math.nan, math.inf, 10**400, "x" * (MOST_CHARACTERS + 1), "\ud800", "\x00")),
        (SWITCH, (True, False, None), (1, "ON")),
        (MOTION, (True, None), ("on", 0)),
        (NUMBER, (1, 60, 1.5, None), (0, 61, True, "5", math.nan)),
        (SELECT, ("Day", None), ("day", 1, True)),
        (TEXT, ("x", None), (1, "x" * 256)),
        (BUTTON, (None,), (True, "PRESS")),
        (EVENT, ("pressed",), (None, "other", 1)),
    ],
)
def test_what_each_can_be(entity: OwnEntity, good: tuple[Value, ...], bad: tuple[Value, ...]) -> None:
    check(entity)
    for value in good:
        assert fit(entity, value) is value
    for value in bad:
        with pytest.raises(EntityRefused):
            fit(entity, value)


def test_what_people_want_is_read_as_a_value_of_the_kind() -> None:
    assert read_command(SWITCH, "ON") is True
    assert read_command(SWITCH, "OFF") is False
    assert read_command(NUMBER, "5") == 5
    assert type(read_command(NUMBER, "5.0")) is int
    assert read_command(replace(NUMBER, step=0.5), "5.5") == 5.5
    with pytest.raises(EntityRefused, match="in steps of 1"):
        read_command(NUMBER, "5.5")
    assert read_command(SELECT, "Night") == "Night"
    assert read_command(TEXT, "hello") == "hello"
    assert read_command(BUTTON, "whatever") is None


@given(st.sampled_from([SENSOR, SWITCH, NUMBER, SELECT, TEXT, BUTTON, EVENT, MOTION]), st.text(max_size=300))
def test_whatever_people_want_fits_or_is_refused(entity: OwnEntity, said: str) -> None:
    try:
        value = read_command(entity, said)
    except EntityRefused:
        return
    assert fit(entity, value) is value


def kept() -> tuple[HubOwnEntities, list[str]]:
    changed: list[str] = []
    return HubOwnEntities(changed.append), changed


def test_all_that_an_owner_has_is_announced_in_one_message_of_bounded_length() -> None:
    hub, _ = kept()
    for number in range(4):
        options = tuple(f"{number} {option}".ljust(60) + "." for option in range(64))
        hub.add("gate", OwnEntity(key=f"mode_{number}", kind=EntityKind.SELECT, options=options))
    with pytest.raises(EntityRefused, match="characters of description"):
        hub.add(
            "gate",
            OwnEntity(key="more", kind=EntityKind.EVENT, options=tuple(f"{option:020}" for option in range(64))),
        )
    assert len(hub.owners["gate"].entities) == 4


def test_entities_come_change_and_go() -> None:
    hub, changed = kept()
    hub.declare("gate", [SENSOR, SWITCH])
    hub.say("gate", "count", 1, {"why": "a car"})
    hub.say("gate", "count", 1, {"why": "a car"})
    hub.available("gate", is_available=True)
    assert changed == ["gate"] * 3
    owner = hub.owners["gate"]
    assert (owner.is_available, set(owner.entities)) == (True, {"count", "siren"})
    assert owner.states == {"count": EntityState(value=1, attributes={"why": "a car"})}
    hub.add("gate", TEXT)
    hub.withdraw("gate", "count")
    assert set(hub.owners["gate"].entities) == {"siren", "note"}
    with pytest.raises(EntityRefused, match="no entity"):
        hub.say("gate", "count", 2, {})
    hub.forget("gate")
    assert not hub.owners


def test_a_script_that_starts_anew_keeps_states_that_still_fit() -> None:
    hub, _ = kept()
    hub.declare("gate", [SENSOR, SELECT, TEXT])
    for key, value in (("count", 1), ("mode", "Day"), ("note", "x")):
        hub.say("gate", key, value, {})
    hub.declare("gate", [SENSOR, OwnEntity(key="mode", kind=EntityKind.SELECT, options=("On",)), SWITCH])
    assert {key: state.value for key, state in hub.owners["gate"].states.items()} == {"count": 1}


def test_who_is_no_more_is_forgotten_and_that_is_known() -> None:
    hub, changed = kept()
    hub.declare("gate", [SENSOR])
    hub.declare("old", [SENSOR])
    before = hub.known
    hub.settle(["gate", "other"])
    assert before is None
    assert hub.known == frozenset({"gate", "other"})
    assert set(hub.owners) == {"gate"}
    assert changed[-2:] == ["old", ""]
    hub.settle(["other", "gate"])
    assert changed[-2:] == ["old", ""]
    hub.forget("gate")
    assert hub.known == frozenset({"other"})


def test_commands_go_to_who_runs_scripts_while_the_script_is_at_work() -> None:
    hub, _ = kept()
    hub.declare("gate", [SWITCH, SENSOR])
    taken: list[EntityCommand] = []
    with pytest.raises(EntityRefused, match="not at work"):
        hub.command("gate", "siren", "ON")
    stop = hub.take_commands(taken.append)
    hub.available("gate", is_available=True)
    hub.command("gate", "siren", "ON")
    assert taken == [EntityCommand(owner="gate", key="siren", value=True)]
    for key, said in (("siren", "TOGGLE"), ("count", "5"), ("nothing", "ON")):
        with pytest.raises(EntityRefused):
            hub.command("gate", key, said)
    stop()
    with pytest.raises(EntityRefused):
        hub.command("gate", "siren", "ON")


def test_events_fire_and_are_no_state() -> None:
    hub, changed = kept()
    hub.declare("gate", [EVENT])
    heard: list[Fired] = []
    stop = hub.on_fired(heard.append)
    hub.say("gate", "bell", "pressed", {"how": "long"})
    hub.say("gate", "bell", "pressed", {"how": "long"})
    stop()
    hub.say("gate", "bell", "held", {})
    fired = Fired(owner="gate", key="bell", state=EntityState(value="pressed", attributes={"how": "long"}))
    assert heard == [fired, fired]
    assert changed == ["gate"]


def test_everything_is_bounded() -> None:
    hub, _ = kept()
    many = [OwnEntity(key=f"s{number}", kind=EntityKind.SENSOR) for number in range(MOST_ENTITIES + 1)]
    with pytest.raises(EntityRefused, match="at most"):
        hub.declare("gate", many)
    with pytest.raises(EntityRefused, match="two entities"):
        hub.declare("gate", [SENSOR, SENSOR])
    hub.declare("gate", [SENSOR])
    for attributes in ({"x": "y" * 9_000}, {"x": object()}, {"x": math.nan}):
        with pytest.raises(EntityRefused, match="attributes"):
            hub.say("gate", "count", 1, attributes)
    for number in range(MOST_OWNERS - 1):
        hub.declare(f"s{number}", [SENSOR])
    with pytest.raises(EntityRefused):
        hub.declare("one_more", [SENSOR])
