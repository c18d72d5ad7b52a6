"""The schemas in the package, and our own messages against a strict reading of them."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from tests.bridge.mqtt import samples
from tests.fakes.commands import ask

from vms_bridge.commands import Ack, AckResult, SetArmed, Target
from vms_bridge.entities import BRIDGE, MONITOR, OBJECT, SERVER, STORAGE, SYSTEM, Source
from vms_bridge.entities.states import monitor_state, system_state
from vms_bridge.errors import CommandRejected
from vms_bridge.messages import decode, encode
from vms_bridge.model import AlarmState, DetectedObject, Detection, EndReason, EventKind, EventRef, MonitorState, SystemState
from vms_bridge.mqtt import payloads
from vms_bridge.mqtt.commands import parse_request
from vms_bridge.mqtt.counters import Counters
from vms_bridge.mqtt.schemas import write
from vms_bridge.sinks import ApiAddress
from vms_bridge.views import BridgeState, MessageType

PAGE = Path(__file__).parents[3] / "docs" / "mqtt.md"
NAMES = {"ack", "command", "detection", "event", "health", "info", "last_event", "monitor_state", "system_state"} | {
    *(f"script_{name}" for name in ("entity", "event", "line", "status")),
    "notification",
}


def schema(name: str) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads((files("vms_bridge") / "schemas" / f"{name}.json").read_text(encoding="utf-8"))
    return decoded


def strict(node: Any) -> Any:  # noqa: ANN401  # any part of a schema
    """Return the schema as it binds us: no field but those named, all of them there, no value but the known ones."""
    if isinstance(node, list):
        return [strict(one) for one in node]
    if not isinstance(node, dict):
        return node
    result = {key: strict(value) for key, value in node.items()}
    if "properties" in node:
        result |= {"additionalProperties": False, "required": node["required"]}
    if "x-known-values" in node:
        result["enum"] = [*node["x-known-values"], *([None] if "null" in node["type"] else [])]
    return result


def check(name: str, payload: bytes) -> None:
    message = json.loads(payload)
    checker = Draft202012Validator.FORMAT_CHECKER
    Draft202012Validator(strict(schema(name)), format_checker=checker).validate(message)
    tolerant = Draft202012Validator(schema(name), format_checker=checker)
    tolerant.validate(message)
    tolerant.validate({**message, "added_in_a_later_release": 1})


def test_these_schemas_are_in_the_package() -> None:
    folder = files("vms_bridge") / "schemas"
    assert {entry.name for entry in folder.iterdir()} == {f"{name}.json" for name in NAMES} | {"openapi.json", "websocket.json"}
    for name in NAMES:
        Draft202012Validator.check_schema(schema(name))
        assert schema(name)["$id"] == f"urn:vms-bridge:schema:{name}:1"


@pytest.mark.parametrize("available", [True, False])
def test_states(*, available: bool) -> None:
    check("monitor_state", monitor_state(replace(samples.VIEW, state=replace(samples.STATE, available=available))))
    system = replace(samples.SYSTEM, state=replace(samples.SYSTEM_STATE, available=available, detail="x"))
    check("system_state", system_state(system))


def test_states_of_which_nothing_is_known() -> None:
    check("monitor_state", monitor_state(replace(samples.VIEW, state=MonitorState(available=True))))
    check("system_state", system_state(replace(samples.SYSTEM, state=SystemState(available=True))))


@pytest.mark.parametrize("alarm", AlarmState)
def test_every_alarm_state(alarm: AlarmState) -> None:
    check("monitor_state", monitor_state(replace(samples.VIEW, state=replace(samples.STATE, alarm=alarm))))


@pytest.mark.parametrize("kind", EventKind)
@pytest.mark.parametrize("type_", MessageType)
@pytest.mark.parametrize("end_reason", [None, *EndReason])
def test_every_event_message(type_: MessageType, kind: EventKind, end_reason: EndReason | None) -> None:
    message = samples.message(type_, kind=kind, end_reason=end_reason)
    check("event", encode(message))
    check("last_event", payloads.last_event(message))


def test_an_event_of_which_little_is_known() -> None:
    nothing = {"label": None, "labels": (), "score": None, "zones": (), "end": None, "duration": None, "end_reason": None}
    message = samples.message(MessageType.NEW, **nothing, alarm_frames=None, max_score=None)
    check("event", encode(message))
    check("last_event", payloads.last_event(message))


@pytest.mark.parametrize("result", AckResult)
@pytest.mark.parametrize("event", [None, EventRef("zm", 2, "12")])
def test_every_ack(result: AckResult, event: EventRef | None) -> None:
    command = ask(SetArmed(on=True), None, name="armed", target=Target(system="zm", event=event))
    check("ack", payloads.ack(Ack.of(command, result, samples.NOW)))
    check("ack", payloads.ack(Ack.of(command, result, samples.NOW, code="vms", hint="look there")))


def test_the_hello_the_health_and_detections() -> None:
    for api in (None, ApiAddress(url="http://127.0.0.1:8098", lowest_protocol=1, highest_protocol=2, fingerprint="ab" * 32)):
        check("info", payloads.info(samples.identity(api), "b"))
    health = payloads.health(
        version="1",
        epoch="e",
        discovery=False,
        systems=[samples.SYSTEM],
        state=BridgeState(problem="the disk is full", undelivered=3, given_up=1),
        counters=Counters(messages_too_large=7),
    )
    check("health", health)
    seen = DetectedObject(label="car", score=0.5, box=(0, 0, 1, 1), zones=("1",), track="1", text="AB 12")
    check("detection", payloads.detection(samples.VIEW, Detection(monitor_id="1", time=samples.NOW, objects=(seen,))))
    bare = DetectedObject(label="car")
    check("detection", payloads.detection(samples.VIEW, Detection(monitor_id="1", time=samples.NOW, objects=(bare,))))


def test_a_strict_reading_finds_what_is_wrong() -> None:
    good = json.loads(monitor_state(samples.VIEW))
    for wrong in ({"extra": 1}, {"alarm": "panic"}, {"time": "2026-11-20T11:00:00+01:00"}, {"v": 2}, {"zones": {"a-b": True}}):
        with pytest.raises(ValidationError):
            check("monitor_state", json.dumps({**good, **wrong}).encode())


def test_words_of_a_newer_backend_are_told_as_they_are() -> None:
    state = replace(samples.STATE, alarm=AlarmState("tamper"))
    message = json.loads(monitor_state(replace(samples.VIEW, state=state)))
    assert (message["alarm"], message["motion"]) == ("tamper", None)
    Draft202012Validator(schema("monitor_state")).validate(message)
    step = samples.message(MessageType("enriched"), kind=EventKind("doorbell"), end_reason=EndReason("merged"))
    told = json.loads(encode(step))
    assert (told["type"], told["kind"], told["end_reason"]) == ("enriched", "doorbell", "merged")
    Draft202012Validator(schema("event")).validate(told)
    assert decode(encode(step)) == step, "a store that a newer bridge has written"


def test_another_mode_of_a_monitor_stands_beside_the_usual_ones() -> None:
    modes = {**samples.MONITOR.modes, "profile": ("Day", "Night"), "alarm": ("a", "b"), "Bad/name": ("a",)}
    states = {**samples.STATE.modes, "profile": "Night", "alarm": "a", "Bad/name": "a"}
    view = replace(samples.VIEW, monitor=replace(samples.MONITOR, modes=modes), state=replace(samples.STATE, modes=states))
    for available, told in ((True, "Night"), (False, None)):
        payload = monitor_state(replace(view, state=replace(view.state, available=available)))
        check("monitor_state", payload)
        message = json.loads(payload)
        assert message.pop("mode_profile", "missing") == told
        assert list(message) == list(schema("monitor_state")["properties"])


def test_an_unknown_value_is_no_error_for_a_consumer() -> None:
    later = {**json.loads(monitor_state(samples.VIEW)), "alarm": "panic"}
    Draft202012Validator(schema("monitor_state")).validate(later)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_the_schemas_are_made_of_the_models(name: str, tmp_path: Path) -> None:
    write(tmp_path)
    made = (tmp_path / f"{name}.json").read_text(encoding="utf-8")
    assert (files("vms_bridge") / "schemas" / f"{name}.json").read_text(encoding="utf-8") == made, "scripts/schemas writes them"


def test_every_value_of_the_catalogue_is_in_a_schema() -> None:
    fields = {row.field for row in MONITOR if row.source is Source.STATE and row.field}
    monitor = schema("monitor_state")["properties"]
    lists = {"zones", "objects", "detected", "detection_profiles", "presets"}
    assert fields | lists | {"v", "available", "detail", "time"} == set(monitor)
    assert {row.field for row in OBJECT} | {"label", "zone"} == set(monitor["objects"]["additionalProperties"]["properties"])
    system = schema("system_state")["properties"]
    assert {row.field for row in SYSTEM} <= set(system)
    for part, rows in (("storage", STORAGE), ("servers", SERVER)):
        assert {row.field for row in rows} | {"name"} == set(system[part]["additionalProperties"]["properties"])
    last_event = schema("last_event")["properties"]
    assert {row.field for row in MONITOR if row.source is Source.LAST_EVENT} <= set(last_event)
    assert {row.field for row in BRIDGE if row.field} <= set(schema("health")["properties"])


@pytest.mark.parametrize(
    "payload",
    [
        {},
        {"value": "ON"},
        {"value": True, "request_id": "r1"},
        {"on": False},
        {"value": "ON", "cause": "Door", "text": "back door", "score": 255, "seconds": 0.5},
        {"value": "x", "event": "zm-12"},
        {"event": ""},
        {"value": 1},
        {"value": "x" * 129},
        {"request_id": ""},
        {"score": 256},
        {"seconds": 0},
        {"seconds": 90_000},
        {"cause": "x" * 65},
        {"colour": "red"},
    ],
)
def test_a_command_is_understood_if_its_schema_says_so(payload: dict[str, Any]) -> None:
    valid = Draft202012Validator(schema("command")).is_valid(payload)
    if valid:
        parse_request(json.dumps(payload).encode())
    else:
        with pytest.raises(CommandRejected):
            parse_request(json.dumps(payload).encode())


def test_the_page_about_mqtt_shows_an_example_of_each_message() -> None:
    blocks = re.findall(r"<!-- schema: (\w+) -->\n```json\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert {name for name, _ in blocks} == NAMES
    for name, example in blocks:
        if name == "command":
            Draft202012Validator(schema(name)).validate(json.loads(example))
        else:
            check(name, example.encode())
            fields = list(json.loads(example))
            assert fields == schema(name)["required"], "the order in which we send them"


def test_schemas_list_fields_in_the_order_in_which_they_are_sent() -> None:
    for name, payload in {
        "monitor_state": monitor_state(samples.VIEW),
        "system_state": system_state(samples.SYSTEM),
        "event": encode(samples.message()),
        "last_event": payloads.last_event(samples.message()),
        "info": payloads.info(samples.identity(None), "b"),
    }.items():
        assert list(json.loads(payload)) == list(schema(name)["properties"])
