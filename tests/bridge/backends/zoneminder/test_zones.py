"""Zones, in which something moves or not: by scores in shared memory, else by the notes of the alarm's event."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from tests.bridge.backends.zoneminder.support import FastClock, MemoryFeed, config, memory_config
from tests.bridge.mqtt import samples
from tests.fakes.zoneminder import FakeZoneMinder, World
from tests.fakes.zoneminder.personality import V1_36_33, V1_38_4
from tests.fakes.zoneminder.world import ALARM, IDLE, PREALARM

from vms_bridge import model
from vms_bridge.backends.zoneminder.kept_zones import KeptZones
from vms_bridge.backends.zoneminder.notes import motion_zones
from vms_bridge.backends.zoneminder.zone_watch import Loaded, ZoneWatch
from vms_bridge.backends.zoneminder.zones import alarmed_by_scores, occupied_by_notes, watching
from vms_bridge.model import Capability, Event
from vms_bridge.mqtt.homeassistant.discovery import monitor_payload
from vms_bridge.views import MonitorView
from vms_bridge.zoneminder import AlarmState, Zone
from vms_bridge.zoneminder.memory import Sample
from vms_bridge.zoneminder.parse import in_order

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.bridge.backends.zoneminder.conftest import Serve
    from tests.fakes.zoneminder import Personality

    Worlds = Callable[..., World]

pytestmark = pytest.mark.virtual_time

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


async def settled(feed: MemoryFeed, world: World) -> None:
    """Wait until the edited zones were read; that a monitor came has the lists read at once."""
    number = max(world.monitors) + 1
    world.add_monitor(number)
    await feed.until(lambda: str(number) in feed.monitors and feed.monitors[str(number)].zones)


@pytest.mark.parametrize(
    ("edited", "moving", "zones"),
    [
        # another kind, so that the order is another and the number is not
        (("Gate:Exclusive", "Drive", "Sky:Privacy"), "Drive", {"100": False, "101": True}),
        (("Gate", "Drive", "Sky"), "Drive", {"100": False, "101": True, "102": None}),
        (("Gate", "Drive:Inactive", "Sky:Privacy"), "Drive", {"100": False}),
        # one gone, one new
        (("101#Drive", "102#Sky:Privacy", "103#Porch"), "Gate", {"101": False, "103": None}),
        (("101#Drive", "102#Sky:Privacy", "103#Porch"), "Drive", {"101": True, "103": None}),
        (("90#Porch", "101#Drive", "102#Sky:Privacy"), "Drive", {"90": None, "101": True}),
        # of another number
        (("Gate", "Drive", "Sky:Privacy", "Porch"), "Gate", {"100": True, "101": False, "103": None}),
        (("101#Drive",), "Gate", {"101": False}),
        ((), "Gate", {}),
        # only of other names, which takes nothing from what the scores are of
        (("Drive", "Gate", "Sky:Privacy"), "Gate", {"100": True, "101": False}),
    ],
)
async def test_zones_edited_by_the_api_get_no_others_scores(
    edited: tuple[str, ...], moving: str, zones: dict[str, bool | None], worlds: Worlds, serve: Serve, clock: FastClock
) -> None:
    world = worlds(V1_38_4)
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.states["1"].zones)
        world.edit_zones_by_api(1, *edited)
        await settled(feed, world)
        seen = len(feed.history)
        world.move(1, moving)
        world.set_state(1, PREALARM, score=30)
        await clock.sleep(2)
        assert feed.states["1"].zones == zones
        told = [state.zones for monitor, state in feed.history[seen:] if monitor == "1"]
        assert not any(state.get(number) for state in told for number in zones if not zones[number])
        assert "restart" in (feed.states["1"].detail or "")
        world.restart_monitor(1)
        await feed.until(lambda: feed.states["1"].detail is None)
        for number, name, kind in world.monitors[1].zone_rows():
            if kind in {"Active", "Exclusive"}:
                world.move(1, name)
                await feed.until(lambda number=number: feed.states["1"].zones.get(str(number)))  # type: ignore[misc]


async def test_zones_edited_in_the_web_page_are_read_at_once(worlds: Worlds, serve: Serve) -> None:
    """The daemon reads them, and goes on with the same file."""
    world = worlds(V1_38_4)
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.states["1"].zones)
        world.edit_zones_in_place(1, "Gate:Exclusive", "Drive", "Sky:Privacy")
        world.memories[1].set(startup=int(world.now().timestamp()))
        seen = len(feed.history)
        world.move(1, "Drive")
        await feed.until(lambda: feed.states["1"].zones.get("101"))
        assert not any(state.zones.get("100") for _, state in feed.history[seen:])
        assert feed.states["1"].detail is None


async def test_zones_edited_while_the_bridge_was_away_get_no_others_scores(worlds: Worlds, serve: Serve) -> None:
    world = worlds(V1_38_4)
    async with FakeZoneMinder(world) as fake:
        before = MemoryFeed()
        async with serve(fake, before, memory_config(fake)):
            await before.until(lambda: before.states["1"].zones and before.texts)
            await settled(before, world)  # what the daemon has read is kept with the lists
        world.edit_zones_by_api(1, "Gate:Exclusive", "Drive", "Sky:Privacy")
        after = MemoryFeed()
        after.texts = before.texts
        async with serve(fake, after, memory_config(fake)):
            await after.until(lambda: after.states["1"].zones)
            world.move(1, "Gate")
            await after.until(lambda: after.states["1"].zones == {"100": True, "101": False})
            world.move(1, "Drive")
            await after.until(lambda: after.states["1"].zones == {"100": False, "101": True})
            assert "restart" in (after.states["1"].detail or "")


async def test_a_daemon_that_names_other_zones_is_not_believed(
    worlds: Worlds, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    """They were edited before anybody looked: nothing else tells."""
    world = worlds(V1_38_4)
    world.edit_zones_by_api(1, "Gate:Exclusive", "Drive", "Sky:Privacy")
    async with FakeZoneMinder(world) as fake, serve(fake, settings=memory_config(fake)) as (_, feed):
        await feed.until(lambda: feed.states["1"].zones)
        for _ in range(3):
            world.alarm(1, notes="Motion: Gate")  # its score is where that of Drive is thought to be
            await feed.until(lambda: feed.states["1"].alarm is model.AlarmState.ALARM)
            world.calm(1)
            await feed.until(lambda: feed.states["1"].alarm is model.AlarmState.IDLE and not any(feed.states["1"].zones.values()))
        event = world.alarm(1, notes="Motion: Gate")
        assert event is not None
        await feed.until(lambda: feed.states["1"].zones == {"100": True, "101": False})
        assert "monitor 1: its daemon names other zones" in caplog.text
        assert "restart" in (feed.states["1"].detail or "")


def loaded(**of: object) -> ZoneWatch:
    watch = ZoneWatch(listed=ZONES[:3], read_at=100.0)
    watch.saw(None, sample(**of), 0.0)
    return watch


def sample(**of: object) -> Sample:
    given: dict[str, object] = {
        "alarm": AlarmState.ALARM,
        "last_event": 1,
        "is_detecting": True,
        "has_signal": True,
        "startup": 50,
    }
    given |= {"heartbeat": 100, "last_write": 100, "imagesize": 1, "scored_zones": (True, False, False)}
    return Sample(**{**given, **of})  # type: ignore[arg-type]  # fields by keyword


def begun(watch: ZoneWatch, *samples: Sample) -> bool:
    """Have events begin, one after the other, and return whether they have contradicted what is known of the zones."""
    for one in samples:
        watch.saw(sample(last_event=one.last_event - 1), one, 0.0)
    return watch.complains()


def test_a_daemon_that_names_other_zones_is_heard() -> None:
    watch = loaded()
    assert begun(watch, *(sample(last_event=event, cause="Motion:Zone 2") for event in range(1, 4)))
    assert watch.alarmed(sample()) is None
    assert not watch.complains()
    again = sample(startup=60)
    watch.saw(sample(), again, 1.0)
    assert watch.alarmed(again) == frozenset("1")


def test_a_person_who_walks_on_contradicts_nobody() -> None:
    """Between an event's first frame and the look at it somebody may have gone from one zone to the next."""
    watch = loaded()
    samples = []
    for event in range(1, 20):
        named, scored = (2, 0) if event % 3 else (2, 1)
        scores = tuple(place == scored for place in range(3))
        samples.append(sample(last_event=event, scored_zones=scores, cause=f"Motion:Zone {named}"))
    assert not begun(watch, *samples)
    assert watch.alarmed(sample()) == frozenset("1")


@pytest.mark.parametrize("cause", ["", "Continuous", "Forced Web", "Motion", "Linked", "Motion:Zone 1,Zone 2,Zone 3"])
def test_causes_that_name_no_zones_contradict_nobody(cause: str) -> None:
    assert not begun(loaded(), *(sample(last_event=event, cause=cause) for event in range(1, 9)))


def test_scores_are_nobodys_between_a_start_and_the_next_list() -> None:
    watch = loaded()
    watch.take(ZONES[1:4], 200.0)
    assert watch.alarmed(sample()) == frozenset("1")
    late = sample(startup=300)
    watch.saw(sample(), late, 2.0)
    assert watch.are_old(300)
    assert watch.alarmed(late) is None
    watch.take(ZONES[1:4], 302.0)
    watch.saw(late, late, 3.0)
    assert watch.alarmed(late) == frozenset("2")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", '{"1": 5}', '{"1": []}', '{"1": ["x"]}', '{"1": [5, "7"]}', '{"1": [5, 7]}']
)
async def test_what_was_kept_of_zones_may_be_anything(text: str) -> None:
    feed = MemoryFeed()
    feed.texts = {"zones.1": text}
    assert await KeptZones(feed).recall() == dict[str, Loaded]()


async def test_zones_are_kept_only_when_they_change() -> None:
    feed, writes = MemoryFeed(), []

    class Counting(MemoryFeed):
        async def keep(self, key: str, value: str | None) -> None:
            writes.append(key)
            await feed.keep(key, value)

    kept = KeptZones(Counting())
    known = {str(number): Loaded(number, ZONES) for number in range(1, 3000)}
    for _ in range(3):
        await kept.keep(known)
    assert len(writes) == 16
    await kept.keep({**known, "5": Loaded(77, ZONES[:2])})
    assert len(writes) == 17
    recalled = await KeptZones(feed).recall()
    assert len(recalled) == 2999
    assert recalled["5"].startup == 77
    assert recalled["5"].goes_by(ZONES[:2])
    assert not recalled["6"].goes_by(ZONES[:2])
    await kept.keep({})
    assert feed.texts == {}
