"""Zones, in which something moves or not: by scores in shared memory, else by the notes of the alarm's event."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.zoneminder.support import FastClock, config, memory_config
from tests.bridge.mqtt import samples
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.personality import V1_36_33, V1_38_4
from tests.fakes.zoneminder.world import ALARM, IDLE, PREALARM

from vms_bridge.backends.zoneminder.notes import motion_zones
from vms_bridge.backends.zoneminder.zones import alarmed_by_scores, in_order, occupied_by_notes, watching
from vms_bridge.model import AlarmState, Capability, Event, Zone
from vms_bridge.mqtt.discovery import monitor_payload
from vms_bridge.views import MonitorView

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.bridge.backends.zoneminder.conftest import Serve
    from tests.fakes.zoneminder import Personality

    Worlds = Callable[..., World]

KINDS = ("active", "active", "inclusive", "exclusive", "preclusive", "inactive", "privacy")
ZONES = tuple(Zone(id=str(number), name=f"Zone {number}", kind=kind) for number, kind in enumerate(KINDS, 1))


@pytest.mark.parametrize(
    ("scored", "alarmed"),
    [
        ("", ""),
        ("1", "1"),
        ("12", "12"),
        ("13", "13"),
        ("3", ""),  # looked at while an active one is alarmed: what it says is old
        ("4", "4"),
        ("14", "1"),  # looked at while no active one is
        ("34", "4"),
        ("125", ""),  # a preclusive one keeps all alarms away, and the others from being looked at
    ],
)
def test_scores_that_are_old_count_for_nothing(scored: str, alarmed: str) -> None:
    assert alarmed_by_scores(ZONES, [zone.id in scored for zone in ZONES]) == frozenset(alarmed)


def test_order_is_by_kind_then_by_id() -> None:
    mixed = [
        Zone(id="10", name="a"),
        Zone(id="1", name="b", kind="privacy"),
        Zone(id="9", name="c"),
        Zone(id="2", name="d", kind="odd"),
    ]
    assert [zone.id for zone in in_order(mixed)] == ["9", "10", "1", "2"]
    assert [zone.id for zone in watching(ZONES)] == ["1", "2", "3", "4"]


@pytest.mark.parametrize(
    ("alarm", "named", "occupied"),
    [
        (AlarmState.ALARM, ("Zone 1",), (True, False)),
        (AlarmState.ALERT, ("Zone 1", "Zone 2"), (True, True)),
        (AlarmState.ALARM, (), (False, False)),
        (AlarmState.ALARM, None, (None, None)),
        (AlarmState.PREALARM, None, (False, False)),
        (AlarmState.IDLE, ("Zone 1",), (False, False)),
        (None, ("Zone 1",), (None, None)),
    ],
)
def test_notes_tell_while_the_alarm_lasts(
    alarm: AlarmState | None, named: tuple[str, ...] | None, occupied: tuple[bool | None, ...]
) -> None:
    event = None if named is None else Event(id="1", monitor_id="1", start=datetime.now(UTC), zones=named)
    assert tuple(occupied_by_notes(ZONES[:2], alarm, event).values()) == occupied


@pytest.mark.parametrize(
    ("names", "notes", "occupied"),
    [
        (("Left", "Right"), "Motion: LeftPerson: seen at gate", (True, False)),
        (("Gate", "Gate left"), "Motion: Gate left", (False, True)),
        (("A", "B", "A, B", "C"), "Motion: A, B", (None, None, None, False)),
        (("Left", "Right"), "Motion: Left, Renamed", (True, None)),
        (("All", "All", "Gate"), "Motion: All", (None, None, False)),
        (("All", "All", "Gate"), "Motion: Gate", (False, False, True)),
    ],
)
def test_what_notes_leave_open_is_unknown(names: tuple[str, ...], notes: str, occupied: tuple[bool | None, ...]) -> None:
    zones = [Zone(id=str(number), name=name) for number, name in enumerate(names)]
    event = Event(id="1", monitor_id="1", start=datetime.now(UTC), notes=notes, zones=motion_zones(notes, names))
    assert tuple(occupied_by_notes(zones, AlarmState.ALARM, event).values()) == occupied


@pytest.fixture
def clock() -> FastClock:
    return FastClock(10)


@pytest.fixture
async def worlds(tmp_path: Path, clock: FastClock) -> AsyncIterator[Worlds]:
    """Make a world whose first monitor has the zones Gate (100) and Drive (101), and one that watches nothing."""
    lives: list[asyncio.Task[None]] = []

    async def beating(world: World) -> None:
        while True:
            world.beat()
            await asyncio.sleep(0.05)

    def make(personality: Personality, *, has_memory: bool = True) -> World:
        world = World(personality, monitors=0, now=clock.now, shm_dir=tmp_path if has_memory else None)
        world.add_monitor(1, zones=["Gate", "Drive", "Sky:Privacy"])
        if has_memory:
            world.memories[1].set(startup=int(clock.now().timestamp()) - 60)
        lives.append(asyncio.create_task(beating(world)))
        return world

    yield make
    for life in lives:
        life.cancel()


async def test_scores_tell_at_once_who_is_where(worlds: Worlds, serve: Serve) -> None:
    world = worlds(V1_38_4)
    world.set_function(1, "Mocord")
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        assert Capability.ZONE_STATE in feed.monitors["1"].capabilities
        assert [zone.name for zone in feed.monitors["1"].zones] == ["Gate", "Drive"]
        await feed.until(lambda: feed.states["1"].zones == {"100": False, "101": False})
        world.move(1, "Gate")
        world.set_state(1, PREALARM, score=30)
        await feed.until(lambda: feed.states["1"].zones == {"100": True, "101": False})
        world.move(1, "Drive", "Sky")
        await feed.until(lambda: feed.states["1"].zones == {"100": False, "101": True})
        world.calm(1)
        await feed.until(lambda: feed.states["1"].zones == {"100": False, "101": False})


async def test_a_frame_without_a_score_empties_no_zone(worlds: Worlds, serve: Serve, clock: FastClock) -> None:
    world = worlds(V1_38_4)
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.states["1"].zones)
        world.alarm(1, notes="Motion: Gate")
        await feed.until(lambda: feed.states["1"].zones.get("100"))
        seen = len(feed.history)
        for _ in range(10):
            world.move(1)
            await clock.sleep(0.2)
            world.move(1, "Gate")
            await clock.sleep(0.2)
        assert all(state.zones["100"] for _, state in feed.history[seen:])


@pytest.mark.parametrize("memory", [{"active": 0}, {"signal": 0}])
async def test_old_scores_are_no_motion(memory: dict[str, int], worlds: Worlds, serve: Serve) -> None:
    """ZoneMinder leaves the scores as they are when it stops to look."""
    world = worlds(V1_38_4)
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        world.alarm(1, notes="Motion: Gate")
        await feed.until(lambda: feed.states["1"].zones.get("100"))
        world.memories[1].set(**memory)
        await feed.until(lambda: not feed.states["1"].zones)
        world.memories[1].set(active=1, signal=1)
        await feed.until(lambda: feed.states["1"].zones.get("100"))
        world.memories[1].set_trigger(2)
        await feed.until(lambda: not feed.states["1"].zones)


async def test_who_is_not_armed_watches_no_zone(worlds: Worlds, serve: Serve) -> None:
    world = worlds(V1_38_4)
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.states["1"].zones)
        world.set_function(1, "Record")
        await feed.until(lambda: not feed.states["1"].zones)


async def test_zones_that_are_added_live(worlds: Worlds, serve: Serve) -> None:
    world = worlds(V1_38_4)
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.states["1"].zones)
        world.edit_zones(1, "Gate", "Drive", "Sky:Privacy", "Porch")
        world.move(1, "Porch")
        await feed.until(lambda: feed.states["1"].zones.get("103"))
        assert feed.states["1"].zones == {"100": False, "101": False, "103": True}
        assert [zone.name for zone in feed.monitors["1"].zones] == ["Gate", "Drive", "Porch"]


async def test_a_kind_that_was_changed_moves_no_score(worlds: Worlds, serve: Serve) -> None:
    """There are as many zones as before, in another order."""
    world = worlds(V1_38_4)
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.states["1"].zones)
        seen = len(feed.history)
        world.edit_zones(1, "Gate:Exclusive", "Drive", "Sky:Privacy")
        world.move(1, "Drive")
        await feed.until(lambda: feed.states["1"].zones.get("101"))
        assert not any(state.zones.get("100") for _, state in feed.history[seen:])


async def test_scores_of_unknown_zones_are_not_believed(worlds: Worlds, serve: Serve, clock: FastClock) -> None:
    world = worlds(V1_38_4)
    world.memories[1].zones = 5
    world.memories[1].create(world.now().timestamp())
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        world.memories[1].score_zones(9, 9, 9, 9, 9)
        await clock.sleep(5)
        assert feed.states["1"].source == "shared_memory"
        assert not any(any(state.zones.values()) for _, state in feed.history)


async def test_without_the_api_scores_go_on(worlds: Worlds, serve: Serve) -> None:
    world = worlds(V1_38_4)
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.states["1"].zones)
        fake.fail("", "close")
        await feed.until(lambda: feed.lost)
        world.alarm(1, notes="Motion: Gate")
        await feed.until(lambda: feed.states["1"].zones == {"100": True, "101": False})
        fake.heal()
        await feed.until(lambda: feed.states["1"].armed)


async def test_notes_tell_up_to_1_36(worlds: Worlds, serve: Serve) -> None:
    world = worlds(V1_36_33)
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.batches)
        assert feed.states["1"].zones == {"100": False, "101": False}
        event = world.alarm(1, notes="Motion: Gate")
        assert event is not None
        await feed.until(lambda: feed.states["1"].zones == {"100": True, "101": False})
        event.notes = "Motion: Gate, Drive"
        await feed.until(lambda: feed.states["1"].zones == {"100": True, "101": True})
        world.calm(1)
        await feed.until(lambda: feed.states["1"].zones == {"100": False, "101": False})


async def test_notes_of_the_alarm_before_tell_nothing(worlds: Worlds, serve: Serve) -> None:
    world = worlds(V1_36_33)
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.batches)
        world.alarm(1, notes="Motion: Gate")
        await feed.until(lambda: feed.states["1"].zones.get("100"))
        world.set_state(1, ALARM, last_event=77)
        await feed.until(lambda: feed.states["1"].zones == {"100": None, "101": None})


async def test_in_a_lasting_recording_notes_name_who_is_gone(worlds: Worlds, serve: Serve) -> None:
    world = worlds(V1_36_33)
    world.set_function(1, "Mocord")
    world.open_event(1, "Continuous, Motion", "Motion: Gate")
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.states["1"].event_id)
        assert feed.states["1"].zones == {"100": False, "101": False}
        world.set_state(1, ALARM)
        await feed.until(lambda: feed.states["1"].zones == {"100": None, "101": None})
        world.set_state(1, IDLE)
        await feed.until(lambda: feed.states["1"].zones == {"100": False, "101": False})


@pytest.mark.parametrize("personality", [V1_36_33, V1_38_4], ids=lambda p: p.version)
async def test_notes_tell_on_another_host(personality: Personality, worlds: Worlds, serve: Serve) -> None:
    world = worlds(personality, has_memory=False)
    async with FakeZoneMinder(world) as fake, serve(fake, settings=config(fake.url)) as (_, feed):
        await feed.until(lambda: feed.states["1"].zones == {"100": False, "101": False})
        world.alarm(1, notes="Motion: Drive")
        await feed.until(lambda: feed.states["1"].zones == {"100": False, "101": True})
        world.calm(1)
        await feed.until(lambda: feed.states["1"].zones == {"100": False, "101": False})
        event = world.alarm(1, notes="Motion: GateSignal: Reacquired")
        assert event is not None
        await feed.until(lambda: feed.states["1"].zones == {"100": True, "101": False})
        told = feed.event(event.id)
        assert told is not None
        assert told.zones == ("Gate",)


async def test_home_assistant_gets_a_device_for_every_zone(worlds: Worlds, serve: Serve) -> None:
    """Two cameras with ZoneMinder's own zone `All` meet nowhere."""
    world = worlds(V1_38_4)
    world.edit_zones(1, "All", "Sky:Privacy")
    world.add_monitor(2)
    world.add_monitor(3, zones=["Sky:Privacy"])
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.states["2"].zones)
        children = {}
        for number, monitor in feed.monitors.items():
            view = MonitorView(system="zm", key=number, monitor=monitor, state=feed.states[number])
            payload = json.loads(monitor_payload(view, samples.SYSTEM, samples.OFFER))
            children[number] = payload.get("cdevs", [])
        assert [len(children[number]) for number in "123"] == [1, 1, 0]
        (first,), (second,) = children["1"], children["2"]
        assert (first["name"], second["name"]) == ("Camera 1 All", "Camera 2 All")
        assert not set(first["ids"]) & set(second["ids"])
        (one,), (other,) = first["cmps"].values(), second["cmps"].values()
        assert one["dev_cla"] == "occupancy"
        assert one["uniq_id"] != other["uniq_id"]
        assert (one["def_ent_id"], other["def_ent_id"]) == (
            "binary_sensor.camera_1_all_occupancy",
            "binary_sensor.camera_2_all_occupancy",
        )
