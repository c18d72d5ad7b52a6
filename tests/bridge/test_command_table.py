"""The command table: every action has its row, every row is whole, and the page about MQTT says what the rows say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vms_bridge.backends.guard import EXECUTE_S
from vms_bridge.commands import (
    COMMANDS,
    Action,
    AddTag,
    CommandRow,
    DeleteEvent,
    DetectEvent,
    DetectNow,
    EndAlarm,
    GoToPreset,
    Level,
    MoveCamera,
    RemoveTag,
    Request,
    Restart,
    Seen,
    SetAlarm,
    SetArchived,
    SetArmed,
    SetDetectionProfile,
    SetDetectionThreshold,
    SetLocked,
    SetMode,
    SetMotionDetection,
    SetNote,
    SetObjectDetection,
    SetPreset,
    SetRunState,
    SetSetting,
    TargetKind,
)
from vms_bridge.commands.bridge import BRIDGE
from vms_bridge.commands.request import DETAILS
from vms_bridge.commands.schema import request_schema
from vms_bridge.errors import CommandRejected, UnsupportedCommand
from vms_bridge.model import Capability, Event, MonitorState, SystemState
from vms_bridge.ptz import PtzMove

DOCS = Path(__file__).parents[2] / "docs" / "mqtt.md"
ROWS = [pytest.param(row, id=row.name) for row in COMMANDS.rows]
EXAMPLES: list[tuple[Action, str]] = [
    (SetArmed(on=True), "ON"),
    (SetAlarm(on=False), "OFF"),
    (EndAlarm(), "ended"),
    (SetMotionDetection(on=False), "OFF"),
    (Restart(), "restarted"),
    (SetMode(mode="function", value="Modect"), "Modect"),
    (SetSetting(setting="max_fps", value=2.5), "2.5"),
    (MoveCamera(move=PtzMove.ZOOM_IN), "zoom_in"),
    (GoToPreset(preset="Gate"), "Gate"),
    (SetPreset(number=2), "2"),
    (SetRunState(name="Away"), "Away"),
    (DeleteEvent(), "deleted"),
    (SetArchived(on=True), "ON"),
    (SetLocked(on=False), "OFF"),
    (AddTag(tag="parcel"), "parcel"),
    (RemoveTag(tag="parcel"), "parcel"),
    (SetNote(text="the post has come"), "the post has come"),
    (SetObjectDetection(on=False), "OFF"),
    (SetDetectionProfile(profile="night"), "night"),
    (SetDetectionThreshold(score=0.6), "0.6"),
    (DetectNow(), "detected"),
    (DetectEvent(frames=("alarm", "21")), "alarm,21"),
]
PLACES = {
    TargetKind.SYSTEM: "<system>/set",
    TargetKind.MONITOR: "<system>/<monitor>/set",
    TargetKind.EVENT: "<system>/event/set",
}


def actions(kind: type[Action] = Action) -> set[str]:
    """Return the names of all actions that the product has, whichever module they stand in."""
    found: set[str] = set()
    for each in kind.__subclasses__():  # by name: a dataclass with slots is another class than the one that it was made from
        found |= actions(each) | ({each.__name__} if each.__module__.partition(".")[0] == "vms_bridge" else set())
    return found


def test_no_action_lacks_a_row_and_no_row_an_action() -> None:
    names = [row.action.__name__ for row in COMMANDS.rows]
    assert len(set(names)) == len(names)
    of_bridge = {row.action.__name__ for row in BRIDGE}
    assert set(names) == actions() - of_bridge == {type(action).__name__ for action, _ in EXAMPLES}
    assert of_bridge <= actions()


def test_no_two_commands_of_a_target_go_by_one_name() -> None:
    names = [(row.target, name) for row in COMMANDS.rows for name in (row.name, *row.names)]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("row", ROWS)
def test_a_row_is_whole(row: CommandRow[Any]) -> None:
    assert row.needs in Capability
    assert row.level in {Level.CONTROL, Level.ADMIN}, "a command changes something"
    assert 0 < row.timeout_s <= EXECUTE_S, "the border to backends would end it before"
    assert row.is_long is (row.timeout_s > 30), "who waits for longer wants to hear that it goes on"
    assert row.payload
    assert row.meaning
    assert set(row.details) <= set(DETAILS)
    assert not row.per_mode or row.target is TargetKind.MONITOR


def test_every_detail_of_a_request_belongs_to_a_command() -> None:
    assert {detail for row in COMMANDS.rows for detail in row.details} == set(DETAILS)


@pytest.mark.parametrize(("action", "value"), EXAMPLES, ids=str)
def test_the_value_in_force_asks_for_the_same_again(action: Action, value: str) -> None:
    row = COMMANDS.row_of(action)
    assert row.value(action) == value
    name = getattr(action, "mode", getattr(action, "setting", row.name))
    assert COMMANDS.parse(row.target, name, Request(value=value), {"function": ("Modect",)}) == action


@pytest.mark.parametrize(("action", "value"), EXAMPLES, ids=str)
def test_its_own_words_for_choices_are_put_in_and_nothing_else(action: Action, value: str) -> None:
    row = COMMANDS.row_of(action)
    named = row.named(action, lambda label: f"{label}!")
    assert row.value(named) in {value, f"{value}!"}
    assert row.named(action, lambda label: label) == action


def test_no_effect_shows_while_nothing_is_known() -> None:
    for action, _ in EXAMPLES:
        row = COMMANDS.row_of(action)
        if row.effect is None:  # no state shows it: who does it says what is so then
            assert row.needs in {Capability.OBJECT_DETECTION, Capability.PTZ}
            continue
        monitor = MonitorState(available=True) if row.target is TargetKind.MONITOR else None
        assert not row.effect(action, None)(Seen(SystemState(available=True), monitor))


EVENT = Event(id="7", monitor_id="1", start=None)


@pytest.mark.parametrize(
    ("action", "so", "otherwise"),
    [
        (DeleteEvent(), {"deleted": True}, {}),
        (SetArchived(on=True), {"archived": True}, {"archived": False}),
        (SetLocked(on=False), {"locked": False}, {"locked": True}),
        (AddTag(tag="a"), {"tags": ("b", "a")}, {"tags": ("b",)}),
        (RemoveTag(tag="a"), {"tags": ()}, {"tags": ("a",)}),
        (SetNote(text="x y"), {"notes": "x y"}, {"notes": "x"}),
        (SetNote(text=""), {"notes": ""}, {"notes": "x"}),
    ],
    ids=str,
)
def test_the_effect_on_an_event_shows_in_what_was_recorded_of_it(
    action: Action, so: dict[str, Any], otherwise: dict[str, Any]
) -> None:
    effect = COMMANDS.row_of(action).effect
    assert effect is not None
    shows = effect(action, None)
    assert shows(Seen(SystemState(), event=replace(EVENT, **so)))
    assert not shows(Seen(SystemState(), event=replace(EVENT, **otherwise)))
    if not isinstance(action, DeleteEvent):
        assert not shows(Seen(SystemState(), event=replace(EVENT, **so, deleted=True))), "it is gone"
    if not isinstance(action, SetNote | DeleteEvent):
        assert not shows(Seen(SystemState(), event=EVENT)), "the VMS does not tell"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("tag", ""),
        ("tag", "  "),
        ("tag", "x" * 65),
        ("tag", "a\nb"),
        ("untag", True),
        ("note", None),
        ("note", "a\nb"),
        ("archived", "x"),
    ],
)
def test_what_can_not_be_done_to_an_event_is_refused(name: str, value: Any) -> None:  # noqa: ANN401 - as it comes in JSON
    with pytest.raises(CommandRejected):
        COMMANDS.parse(TargetKind.EVENT, name, Request(value=value, event="zm-7"), {})


def test_a_note_is_one_line_without_gaps() -> None:
    request = Request(value="  the   post has come ", event="zm-7")
    assert COMMANDS.parse(TargetKind.EVENT, "note", request, {}) == SetNote(text="the post has come")


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (TargetKind.MONITOR, "detection_threshold", "1.1"),
        (TargetKind.MONITOR, "detection_threshold", "nan"),
        (TargetKind.MONITOR, "detection_threshold", "much"),
        (TargetKind.MONITOR, "detection_profile", ""),
        (TargetKind.EVENT, "detect", "alarm,0"),
        (TargetKind.EVENT, "detect", "annotated"),
        (TargetKind.EVENT, "detect", ",".join(["7"] * 101)),
    ],
)
def test_what_detection_can_not_be_asked_for_is_refused(kind: TargetKind, name: str, value: str) -> None:
    with pytest.raises(CommandRejected):
        COMMANDS.parse(kind, name, Request(value=value), {})


def test_an_event_is_looked_at_by_the_configuration_where_no_frame_is_named() -> None:
    assert COMMANDS.parse(TargetKind.EVENT, "detect", Request(event="zm-7"), {}) == DetectEvent()


def test_what_there_is_no_row_for_is_unsupported() -> None:
    class Sing(Action):
        pass

    with pytest.raises(UnsupportedCommand, match="Sing"):
        COMMANDS.row_of(Sing())


@pytest.mark.parametrize("kind", TargetKind)
def test_a_name_that_is_none_is_refused_with_those_that_are(kind: TargetKind) -> None:
    with pytest.raises(UnsupportedCommand, match=f"(an?|the) {kind} has no command 'sing'") as caught:
        COMMANDS.parse(kind, "sing", Request(value="ON"), {"own": ("a",)})
    names = caught.value.hint.removeprefix("it takes ").split(", ")
    for row in COMMANDS.rows:
        assert (row.name in names) is any(each.target is kind and each.name == row.name for each in COMMANDS.rows)
    assert ("own" in names) is (kind is TargetKind.MONITOR)


@pytest.mark.parametrize("name", ["armed", "sing"])
def test_what_belongs_to_another_command_is_refused(name: str) -> None:
    with pytest.raises(CommandRejected, match=r"^cause, text, score and seconds belong to alarm$"):
        COMMANDS.parse(TargetKind.MONITOR, name, Request(value="ON", score=3), {})


def test_levels_include_those_below() -> None:
    allowed = {(mine, needed) for mine in Level for needed in Level if mine.includes(needed)}
    read, control, admin = Level
    assert allowed == {(read, read), (control, read), (control, control), *((admin, needed) for needed in Level)}


def test_the_schema_of_a_command_says_whose_a_detail_is() -> None:
    properties = request_schema(COMMANDS)["properties"]
    assert list(properties) == list(Request.model_fields)
    assert properties["score"]["description"] == "alarm only."
    assert properties["seconds"]["description"].startswith("alarm, ptz only: ")


def table() -> str:
    """Return the table as docs/mqtt.md has it."""
    lines = ["| topic below `vms_bridge/<instance>/` | payload | meaning | level | within |", "|---|---|---|---|---|"]
    for row in COMMANDS.rows:
        others = f" ({', '.join(f'`{name}`' for name in row.names)})" if row.names else ""
        topic = f"`{PLACES[row.target]}/{row.name}`{others}"
        lines.append(f"| {topic} | {row.payload} | {row.meaning} | {row.level} | {row.timeout_s:g} s |")
    return "\n".join(lines)


def test_the_page_about_mqtt_says_what_the_table_says() -> None:
    assert table() in DOCS.read_text(encoding="utf-8"), f"docs/mqtt.md wants this table:\n{table()}"
