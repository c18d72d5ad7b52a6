from __future__ import annotations

import copy
import pickle
import re
from dataclasses import fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.mqtt import samples

from vms_bridge.commands import COMMANDS, Level, Request, SetMode, TargetKind
from vms_bridge.contributing import NOTHING_OFFERED
from vms_bridge.entities import (
    CATALOGUE,
    MONITOR,
    OBJECT,
    SERVER,
    STORAGE,
    SYSTEM,
    ZONE,
    BridgeView,
    DeadBand,
    Entity,
    JsonType,
    ObjectPart,
    Platform,
    Scope,
    Source,
    ZonePart,
    command_of,
    monitor_rows,
    object_parts,
    offered,
    part_key,
)
from vms_bridge.entities.detection import DETECTION
from vms_bridge.entities.system import index_progress
from vms_bridge.index import IndexProgress
from vms_bridge.machines import Server
from vms_bridge.model import AlarmState, Capability, MonitorState, Storage, SystemState, Zone
from vms_bridge.objects import Pace, Watched
from vms_bridge.views import BridgeState

DOCS = Path(__file__).parents[2] / "docs" / "entities.md"
ROWS = [pytest.param(scope, row, id=f"{scope}-{row.key}") for scope, rows in CATALOGUE.items() for row in rows]
_OF_STATE = tuple(row for row in MONITOR if row not in DETECTION)
BLANK = replace(
    samples.VIEW, state=MonitorState(), last_event=None, objects=None, seen=None, pictures={}, offer=NOTHING_OFFERED, pace=None
)


def keys(scope: Scope) -> set[str]:
    return {row.key for row in CATALOGUE[scope]}


def test_names_on_a_device_differ() -> None:
    for rows in CATALOGUE.values():
        names = [row.name for row in rows if row.name]
        assert len(names) == len(set(names))


def test_unique_ids_can_never_meet() -> None:
    for scope, rows in CATALOGUE.items():
        assert len(keys(scope)) == len(rows)
    assert not keys(Scope.MONITOR) & keys(Scope.ZONE), "monitor `1-2` and zone 2 of monitor 1"
    assert not keys(Scope.MONITOR) & keys(Scope.STORAGE), "monitor 1 and storage 1"
    assert not keys(Scope.ZONE) & keys(Scope.STORAGE), "zone 2 of monitor 1 and a storage"
    assert not keys(Scope.SERVER) & (keys(Scope.STORAGE) | keys(Scope.MONITOR)), "server 1, storage 1 and monitor 1"
    others = {scope for scope in CATALOGUE if scope is not Scope.OBJECT}
    assert not keys(Scope.OBJECT) & set().union(*map(keys, others)), "dogs at monitor 1, and a zone `dog`"


@pytest.mark.parametrize(("scope", "row"), ROWS)
def test_a_row_is_whole(scope: Scope, row: Entity[Any]) -> None:
    assert re.fullmatch(r"[a-z_]+", row.key)
    assert row.name is not None or row.device_class is not None, "nothing would give it a name"
    assert row.field not in dir({}), "in a template this would be a method, not the value"
    if row.source in {Source.STATE, Source.LAST_EVENT}:
        assert row.read is not None
        assert row.field or row.part_of
    told_at_once = {"storage_used_percent", "monitors", "systems", "undelivered", "count"}
    if row.state_class == "measurement" and row.key not in told_at_once:
        assert row.dead_band is not None, "every jitter would be a message"
    assert (row.command is not None) == (row.platform in {Platform.SWITCH, Platform.SELECT, Platform.BUTTON, Platform.NUMBER})
    assert row.mode is None or row.mode == row.command
    assert (row.choices is not None) == (row.platform is Platform.SELECT)
    assert (row.json is not None) == (row.read is not None)
    assert bool(row.part_of) == (scope in {Scope.ZONE, Scope.STORAGE, Scope.SERVER, Scope.OBJECT})
    assert not row.meaning or row.meaning.endswith(".")
    if row.command and scope is not Scope.BRIDGE:
        command = command_of(row, TargetKind(scope))
        assert command is not None, "nothing would take it"
        assert command.needs in row.needs, "the hub would refuse it"
    assert not row.state_class or row.platform is Platform.SENSOR
    assert not row.unit or row.platform in {Platform.SENSOR, Platform.NUMBER}
    assert row.bounds is None or (row.platform is Platform.NUMBER and row.bounds[0] < row.bounds[1])
    assert row.display_unit is None or row.display_unit[1] >= 1


@pytest.mark.parametrize("row", MONITOR, ids=lambda row: row.key)
def test_a_monitors_value_is_a_scalar_and_unknown_when_nothing_is_known(row: Entity[Any]) -> None:
    if row.read is not None:
        assert isinstance(row.read(samples.VIEW), str | int | float | bool | datetime)
        assert row.read(BLANK) is None


TYPES: dict[JsonType | None, type | tuple[type, ...]] = {
    JsonType.BOOLEAN: bool,
    JsonType.INTEGER: int,
    JsonType.NUMBER: (int, float),
    JsonType.STRING: str,
    JsonType.TIME: datetime,
}
BRIDGE_VIEW = BridgeView("1.2.3", BridgeState(problem="the disk is full", undelivered=3), {"zm": samples.SYSTEM})
VIEWS: list[tuple[Scope, object]] = [
    (Scope.BRIDGE, BRIDGE_VIEW),
    (Scope.SYSTEM, samples.SYSTEM),
    (Scope.STORAGE, samples.SYSTEM_STATE.storage[0]),
    (Scope.SERVER, samples.SYSTEM_STATE.servers[0]),
    (Scope.MONITOR, samples.VIEW),
    (Scope.ZONE, ZonePart(samples.VIEW, samples.MONITOR.zones[0])),
    (Scope.OBJECT, ObjectPart(samples.VIEW, samples.VIEW.watched[0])),
]


@pytest.mark.parametrize(("scope", "view"), VIEWS)
def test_each_value_is_of_the_type_that_its_row_says(scope: Scope, view: object) -> None:
    for row in CATALOGUE[scope]:
        if row.read is not None:
            value = row.read(view)
            assert isinstance(value, TYPES[row.json])
            assert (row.json is JsonType.BOOLEAN) == isinstance(value, bool)


def test_what_the_bridge_shows_is_what_its_message_says() -> None:
    read = {row.key: row.read(BRIDGE_VIEW) for row in CATALOGUE[Scope.BRIDGE] if row.read is not None}
    assert read == {"connectivity": True, "version": "1.2.3", "problem": True, "undelivered": 3, "systems": 1}


def test_a_row_is_offered_where_there_is_something_to_show() -> None:
    def keys_of(**changes: Any) -> set[str]:  # noqa: ANN401  # any field of the monitor
        view = replace(samples.VIEW, monitor=replace(samples.MONITOR, **changes))
        return {row.key for row in offered(monitor_rows(view.monitor), view.monitor.capabilities, view)}

    everything = {row.key for row in MONITOR}
    assert keys_of() == everything
    assert keys_of(modes={"function": ()}) == everything - {"function", "capturing", "analysing", "recording"}
    assert keys_of(modes={"profile": ("Day",)}) >= {"mode_profile"}
    assert "mode_profile" not in keys_of(modes={"profile": ()})
    assert "mode_profile" not in keys_of(modes={"profile": ("Day",)}, capabilities=frozenset())
    assert keys_of(settings=("max_fps",)) == everything - {"alarm_max_fps", "analysis_max_fps", "section_length"}
    disk = Storage(id="0", name="", used_bytes=1)
    assert [row.key for row in offered(STORAGE, frozenset(Capability), disk)] == ["storage_used"]


def test_a_mode_that_only_its_own_vms_knows_has_a_row() -> None:
    names = ("profile", "Mode", "a/b", "alarm", "restart", "end_alarm", "x" * 33, "night_vision", "mode")
    monitor = replace(samples.MONITOR, modes={"recording": ("a",), **dict.fromkeys(names, ("a", "b"))})
    rows = monitor_rows(monitor)
    others = [row for row in rows if row not in MONITOR]
    assert [(row.key, row.name, row.command) for row in others] == [
        ("mode_profile", "Profile mode", "profile"),
        ("mode_night_vision", "Night vision mode", "night_vision"),
        ("mode_mode", "Mode mode", "mode"),
    ]
    assert [row for row in rows if row not in others] == list(MONITOR)
    view = replace(samples.VIEW, monitor=monitor, state=replace(samples.STATE, modes={"profile": "b"}))
    assert [row.read(view) for row in others if row.read] == ["b", None, None]
    assert monitor_rows(samples.MONITOR) is MONITOR


def test_every_mode_with_a_row_is_set_by_the_command_of_its_name() -> None:
    modes = {"recording": ("a", "b"), "profile": ("a", "b"), "mode": ("a", "b")}
    for row in monitor_rows(replace(samples.MONITOR, modes=modes)):
        if row.mode in modes:
            action = COMMANDS.parse(TargetKind.MONITOR, row.command or "", Request(value="b"), modes)
            assert action == SetMode(mode=row.mode or "", value="b")


def test_a_word_that_is_not_known_yet_is_taken() -> None:
    state = AlarmState("tamper")
    assert state == "tamper"
    assert {state: 1}[AlarmState("tamper")] == 1
    assert state not in set(AlarmState)
    assert repr(state) == "<AlarmState.TAMPER: 'tamper'>"
    assert copy.deepcopy(state) == pickle.loads(pickle.dumps(state)) == state  # noqa: S301  # our own
    for wrong in ("", "Tamper", "a b", "x" * 33, "é", "1"):
        with pytest.raises(ValueError, match="is not a valid AlarmState"):
            AlarmState(wrong)


def test_values_are_read_from_where_they_stand() -> None:
    read = {row.key: row.read(samples.VIEW) for row in MONITOR if row.read is not None}
    assert (read["motion"], read["force_alarm"]) == (True, False)
    assert (read["alarm"], read["event_id"], read["function"], read["analysing"]) == ("alarm", "zm-12", "Modect", "None")
    assert (read["capture_fps"], read["bandwidth"], read["disk_used"], read["lag"]) == (14.99, 123_456, 10**10, 0.05)
    assert (read["last_event"], read["last_event_label"], read["last_event_duration"]) == (samples.NOW, "person", 12.5)
    assert {row.key: row.read(samples.SYSTEM) for row in SYSTEM if row.read} == {
        "connectivity": True,
        "problem": False,
        "running": True,
        "run_state": "default",
        "version": "1.36.33",
        "monitors": 1,
        "load": 1.23,
        "source": "api",
        "lag": 2.0,
        "index_progress": 41,
    }


@pytest.mark.parametrize(
    ("index", "percent"),
    [
        (None, None),
        (IndexProgress(), None),
        (IndexProgress(events=7), None),
        (IndexProgress(events=7, expected=0), None),
        (IndexProgress(events=7, expected=70), 10),
        (IndexProgress(events=70, expected=70), 99),
        (IndexProgress(events=7, expected=70, is_complete=True), 100),
    ],
)
def test_how_far_the_index_is(index: IndexProgress | None, percent: int | None) -> None:
    assert index_progress(replace(samples.SYSTEM, index=index)) == percent


@pytest.mark.parametrize(
    ("alarm", "motion"), [(None, None), ("idle", False), ("prealarm", False), ("alarm", True), ("alert", True)]
)
def test_motion_is_alarm_or_alert(alarm: str | None, *, motion: bool | None) -> None:
    state = MonitorState(alarm=None if alarm is None else AlarmState(alarm))
    assert MONITOR[0].read is not None
    assert MONITOR[0].read(replace(samples.VIEW, state=state)) is motion


@pytest.mark.parametrize(
    ("alarm", "known", "forced"),
    [
        ("alarm", True, True),
        ("alarm", False, False),
        ("alarm", None, None),
        ("alert", None, None),
        ("prealarm", None, None),
        (None, None, None),
        ("idle", None, False),
        ("idle", False, False),
    ],
)
def test_the_switch_shows_a_forced_alarm_and_no_other(alarm: str | None, *, known: bool | None, forced: bool | None) -> None:
    state = MonitorState(alarm=None if alarm is None else AlarmState(alarm), forced=known)
    row = next(row for row in MONITOR if row.key == "force_alarm")
    assert row.read is not None
    assert row.read(replace(samples.VIEW, state=state)) is forced


def test_no_two_entities_of_a_monitor_show_the_same_value() -> None:
    shown = [(row.source, row.field) for row in MONITOR if row.field]
    assert len(shown) == len(set(shown))


def test_what_is_looked_for_is_there_or_not_or_nobody_can_tell() -> None:
    dogs, people, on_the_porch = object_parts(samples.VIEW).values()
    assert [dogs.number, people.number, on_the_porch.number] == [0, 2, 1]
    present = OBJECT[0].read
    assert present is not None
    assert [present(part) for part in (dogs, people, on_the_porch)] == [False, True, True]
    assert [present(part) for part in object_parts(BLANK).values()] == [None, None, None]
    assert [part.watched.name for part in (dogs, people, on_the_porch)] == ["Dog", "Person", "Porch person"]


@pytest.mark.parametrize(
    "watched",
    [
        (Watched("dog"), Watched("a dog"), Watched("a/dog"), Watched("dog", "a"), Watched("a-dog"), Watched("\N{DOG FACE}")),
        (Watched("porch_dog"), Watched("dog", "porch"), Watched("porch/dog"), Watched("x" * 300)),
    ],
)
def test_each_label_and_zone_has_a_key_of_its_own(watched: tuple[Watched, ...]) -> None:
    parts = object_parts(replace(samples.VIEW, watched=watched))
    assert len(parts) == len(watched)
    assert all(re.fullmatch(r"[A-Za-z0-9_]{1,48}", key) for key in parts)


def test_a_zones_and_a_storages_values() -> None:
    occupied = ZONE[0].read
    assert occupied is not None
    zones = [Zone(id=zone_id, name="") for zone_id in ("1", "2-a", "3")]
    assert [occupied(ZonePart(samples.VIEW, zone)) for zone in zones] == [True, False, None]
    used, _, percent = (row.read for row in STORAGE)
    assert used is not None
    assert percent is not None
    disk = Storage(id="0", name="", used_bytes=1, total_bytes=3)
    assert (used(disk), percent(disk)) == (1, 33.3)
    for unknown in (replace(disk, used_bytes=None), replace(disk, total_bytes=None), replace(disk, total_bytes=0)):
        assert percent(unknown) is None


def test_a_servers_memory_in_use() -> None:
    read = next(row.read for row in SERVER if row.key == "server_memory_percent")
    assert read is not None
    server = Server(id="1", name="", memory_total=8, memory_free=6)
    assert read(server) == 25.0
    assert read(replace(server, memory_free=9)) == 0.0
    for unknown in (replace(server, memory_free=None), replace(server, memory_total=None), replace(server, memory_total=0)):
        assert read(unknown) is None


@pytest.mark.parametrize(
    ("rows", "model"),
    [(_OF_STATE, MonitorState), (DETECTION, Pace), (SYSTEM, SystemState), (STORAGE, Storage), (SERVER, Server)],
)
def test_dead_bands_are_about_what_the_model_has(rows: tuple[Entity[Any], ...], model: type[Any]) -> None:
    attributes = [row.dead_band.attribute for row in rows if row.dead_band is not None]
    assert attributes
    assert set(attributes) <= {field.name for field in fields(model)}


def test_every_capability_but_the_sinks_own_makes_an_entity_or_a_command() -> None:
    used = frozenset[Capability]().union(*(row.needs for rows in CATALOGUE.values() for row in rows))
    used |= {row.needs for row in COMMANDS.rows}
    media = {
        Capability.LIVE_PICTURE,
        Capability.LIVE_STREAM,
        Capability.EVENT_FRAME,
        Capability.EVENT_CLIP,
        Capability.RANGE_CLIP,
    }
    assert set(Capability) - used == media | {Capability.LOGS, Capability.DETECTIONS}


def test_dangerous_commands_are_for_admins() -> None:
    assert {row.name for row in COMMANDS.rows if row.level is Level.ADMIN} == {"delete", "restart", "set_preset"}


@pytest.mark.parametrize(
    ("old", "new", "exceeded"),
    [
        (None, None, False),
        (None, 1.0, True),
        (1.0, None, True),
        (10.0, 10.5, False),
        (10.0, 11.01, True),
        (10.0, 8.99, True),
        (100.0, 109.0, False),
        (100.0, 111.0, True),
        (0.0, 0.01, True),
        (0.01, 0.0, True),
        (0.0, 0.0, False),
    ],
)
def test_a_dead_band_needs_both_bounds_to_be_passed(old: float | None, new: float | None, *, exceeded: bool) -> None:
    assert DeadBand("x", absolute=1.0, relative=0.1).is_exceeded(old, new) is exceeded


@given(st.text(max_size=80))
def test_a_parts_key_fits_ids_and_has_no_hyphen(part_id: str) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_]{1,64}", part_key(part_id))


@given(st.lists(st.text(alphabet="ab-_ é", min_size=1, max_size=4), unique=True, max_size=20))
def test_different_parts_have_different_keys(part_ids: list[str]) -> None:
    assert len({part_key(part_id) for part_id in part_ids}) == len(part_ids)


def test_an_event_of_the_state_has_the_id_that_its_messages_have() -> None:
    [read] = [row.read for row in MONITOR if row.key == "event_id" and row.read is not None]
    assert read(samples.VIEW) == "zm-12"
    assert read(replace(samples.VIEW, generation=2)) == "zm-2.12"
    assert read(BLANK) is None


def needs_admin(scope: Scope, row: Entity[Any]) -> bool:
    command = command_of(row, TargetKind(scope)) if scope in {Scope.SYSTEM, Scope.MONITOR} else None
    return command is not None and command.level is Level.ADMIN


def table(scope: Scope) -> str:
    """Return the scope's table as docs/entities.md has it."""
    lines = ["| key | entity | name | needs | default | command |", "|---|---|---|---|---|---|"]
    for row in CATALOGUE[scope]:
        name = f"({row.device_class})" if row.name is None else row.name or "(the device's)"
        unit = f", {row.display_unit[0] if row.display_unit else row.unit}" if row.unit else ""
        command = f"`{row.command}`{' (admin)' if needs_admin(scope, row) else ''}" if row.command else ""
        wanted = ", ".join(f"`{need}`" for need in sorted(row.needs))
        lines.append(f"| `{row.key}` | {row.platform}{unit} | {name} | {wanted} | {'on' if row.enabled else 'off'} | {command} |")
    return "\n".join(lines)


@pytest.mark.parametrize("scope", Scope)
def test_the_page_about_entities_says_what_the_catalogue_says(scope: Scope) -> None:
    assert table(scope) in DOCS.read_text(encoding="utf-8"), f"docs/entities.md wants this table:\n{table(scope)}"
