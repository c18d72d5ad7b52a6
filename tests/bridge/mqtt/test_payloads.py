from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.mqtt import samples
from tests.fakes.commands import ask

from vms_bridge.commands import Ack, AckResult, SetArmed
from vms_bridge.entities import states
from vms_bridge.entities.urgency import Shown, Urgency, system_urgency, urgency
from vms_bridge.messages import encode
from vms_bridge.model import AlarmState, DetectedObject, Detection, MonitorState, Storage, SystemState
from vms_bridge.mqtt import payloads
from vms_bridge.mqtt.counters import Counters
from vms_bridge.objects import ObjectCounts
from vms_bridge.sinks import ApiAddress
from vms_bridge.views import BridgeState

STATE, SYSTEM_STATE = samples.STATE, samples.SYSTEM_STATE
LATER = {
    "score",
    "capture_fps",
    "analysis_fps",
    "bandwidth_bytes",
    "events_total",
    "events_hour",
    "events_day",
    "events_week",
    "events_month",
    "disk_bytes",
    "lag_s",
}


def monitor_state(state: MonitorState) -> dict[str, Any]:
    decoded: dict[str, Any] = json.loads(states.monitor_state(replace(samples.VIEW, state=state)))
    return decoded


def test_a_monitors_state() -> None:
    assert monitor_state(STATE) == {
        "v": 1,
        "available": True,
        "motion": True,
        "alarm": "alarm",
        "connected": True,
        "is_recording": True,
        "armed": True,
        "forced": False,
        "detection": True,
        "function": "Modect",
        "capturing": "Always",
        "analysing": "None",
        "recording": "OnMotion",
        "score": 42,
        "cause": "Motion",
        "event_id": "zm-12",
        "capture_fps": 14.99,
        "analysis_fps": 5.0,
        "bandwidth": 123_456,
        "events_hour": 1,
        "events_day": 2,
        "events_week": 3,
        "events_month": 4,
        "events_total": 5,
        "disk_used": 10_000_000_000,
        "last_detection": "2026-11-20T11:00:00Z",
        "source": "shared_memory",
        "source_reason": "zmtrigger refuses",
        "lag": 0.05,
        "max_fps": 5.0,
        "alarm_max_fps": 0.0,
        "analysis_max_fps": 2.5,
        "section_length": 600.0,
        "object_detection": True,
        "detection_profile": "default",
        "detection_threshold": 0.5,
        "detection_rate": 2.5,
        "detection_time": 12.5,
        "detection_age": 0.08,
        "detection_drops": 3,
        "detection_share": 3.1,
        "preset": "Gate",
        "zones": {"1": True, "2_a_7db5c92c": False, "3": None},
        "objects": {
            "dog": {"label": "dog", "zone": None, "present": False, "count": 0, "picture": "2026-11-20T11:00:00Z"},
            "person": {"label": "person", "zone": None, "present": True, "count": 2, "picture": "2026-11-20T11:00:00Z"},
            "porch_person_da8381ba": {
                "label": "person",
                "zone": "Porch",
                "present": True,
                "count": 1,
                "picture": "2026-11-20T11:00:00Z",
            },
        },
        "detected": ["person"],
        "detection_profiles": ["default", "night"],
        "presets": ["Gate", "Preset 2"],
        "detail": None,
        "time": "2026-11-20T11:00:00Z",
    }


def test_what_can_not_be_known_now_is_null_and_never_a_stale_value() -> None:
    lost = monitor_state(replace(STATE, available=False, detail="no answer"))
    assert lost.pop("zones") == {"1": None, "2_a_7db5c92c": None, "3": None}
    objects = lost.pop("objects").values()
    assert {each[field] for each in objects for field in ("present", "count", "picture")} == {None}
    assert lost.pop("detected") == []
    assert lost.pop("detection_profiles") == ["default", "night"]
    assert lost.pop("presets") == ["Gate", "Preset 2"]
    told = {field: value for field, value in lost.items() if value is not None}
    assert told == {"v": 1, "available": False, "detail": "no answer", "time": "2026-11-20T11:00:00Z"}
    taken = {"zones", "objects", "detected", "detection_profiles", "presets"}
    assert list(lost) == [field for field in monitor_state(STATE) if field not in taken]


def test_a_systems_state() -> None:
    assert json.loads(states.system_state(samples.SYSTEM)) == {
        "v": 1,
        "name": "Shed",
        "kind": "zoneminder",
        "available": True,
        "problem": False,
        "running": True,
        "run_state": "default",
        "version": "1.36.33",
        "monitors": 1,
        "load": 1.23,
        "source": "api",
        "lag": 2.0,
        "index_progress": 41,
        "run_states": ["default", "home"],
        "storage": {
            "0": {"name": "Default", "total": 100_000_000_000, "used": 10_000_000_000, "percent": 10.0},
            "a_b_87df6b40": {"name": "NAS", "total": None, "used": 3_000_000_000, "percent": None},
        },
        "servers": {
            "1": {"name": "East", "running": True, "load": 1.5, "cpu": 12.5, "memory_percent": 25.0, "memory_free": 6_000_000_000}
        },
        "time_zone": "Europe/Berlin",
        "detail": None,
        "time": "2026-11-20T11:00:00Z",
    }


def test_a_lost_systems_live_values_are_null() -> None:
    state = replace(SYSTEM_STATE, available=False, detail="connection refused")
    lost = json.loads(states.system_state(replace(samples.SYSTEM, state=state)))
    assert [lost[field] for field in ("running", "run_state", "load", "source", "lag")] == [None] * 5
    assert [lost[field] for field in ("available", "problem", "version", "monitors")] == [False, True, "1.36.33", 1]
    assert [(storage["total"], storage["used"]) for storage in lost["storage"].values()] == [
        (100_000_000_000, None),
        (None, None),
    ]
    assert lost["servers"]["1"] == {"name": "East", **dict.fromkeys(("running", "load", "cpu", "memory_percent", "memory_free"))}


def test_the_hello_says_who_it_is_and_where_its_api_is() -> None:
    alone = json.loads(payloads.info(samples.identity(None), "b1"))
    nowhere = {"api": None, "lowest_protocol": None, "highest_protocol": None, "fingerprint": None}
    assert alone == {"v": 1, "instance": "home", "name": "VMS Bridge", "bridge_id": "b1", **nowhere}
    api = ApiAddress(url="https://bridge.example", lowest_protocol=1, highest_protocol=2, fingerprint="ab" * 32)
    assert json.loads(payloads.info(samples.identity(api), "b1")) == {
        **alone,
        "api": "https://bridge.example",
        "lowest_protocol": 1,
        "highest_protocol": 2,
        "fingerprint": "ab" * 32,
    }


def test_the_health_names_the_systems() -> None:
    health = payloads.health(
        version="1.0",
        epoch="e1",
        discovery=True,
        systems=[samples.SYSTEM],
        state=BridgeState(problem="the disk is full", undelivered=3, given_up=1),
        counters=Counters(messages_too_large=7),
    )
    assert json.loads(health) == {
        "v": 1,
        "version": "1.0",
        "epoch": "e1",
        "discovery": True,
        "problem": True,
        "detail": "the disk is full",
        "undelivered": 3,
        "given_up": 1,
        "states_overtaken": 0,
        "messages_too_large": 7,
        "messages_refused": 0,
        "events_refused": 0,
        "acknowledgements_lost": 0,
        "answers_lost": 0,
        "commands_busy": 0,
        "pictures_failed": 0,
        "systems": [{"key": "zm", "name": "Shed", "kind": "zoneminder"}],
    }


def test_an_ack_says_what_became_of_it() -> None:
    command = ask(SetArmed(on=True), name="armed", request_id="r1")
    applied = json.loads(payloads.ack(Ack.of(command, AckResult.APPLIED, samples.NOW, applied="ON")))
    assert applied == {
        "v": 1,
        "request_id": "r1",
        "system": "zm",
        "monitor": "1",
        "command": "armed",
        "result": "applied",
        "applied": "ON",
        "error": None,
        "time": "2026-11-20T11:00:00Z",
    }
    refused = Ack.of(command, AckResult.REFUSED, samples.NOW, code="unsupported", hint="it has no modes")
    assert json.loads(payloads.ack(refused))["error"] == {"code": "unsupported", "hint": "it has no modes"}


def test_a_detection_has_the_public_event_id() -> None:
    seen = DetectedObject(label="person", score=0.9, box=(0.1, 0.2, 0.3, 0.4), zones=("1",), track="t1", text=None)
    detection = Detection(monitor_id="1", time=samples.NOW, objects=(seen,), frame=3, event_id="12")
    assert json.loads(payloads.detection(samples.VIEW, detection)) == {
        "v": 1,
        "time": "2026-11-20T11:00:00Z",
        "frame": 3,
        "event_id": "zm-12",
        "source": "vms",
        "objects": [{"label": "person", "score": 0.9, "box": [0.1, 0.2, 0.3, 0.4], "zones": ["1"], "track": "t1", "text": None}],
    }
    ended = json.loads(payloads.detection(samples.VIEW, Detection(monitor_id="1", time=samples.NOW)))
    assert (ended["objects"], ended["event_id"]) == ([], None)
    restored = json.loads(payloads.detection(replace(samples.VIEW, generation=2), detection))
    assert restored["event_id"] == "zm-2.12"


def test_the_last_event_is_the_message_without_its_urls() -> None:
    message = samples.message(snapshot_url="https://x/s?signature=1", clip_url="https://x/c?signature=2")
    everything = json.loads(encode(message))
    kept = json.loads(payloads.last_event(message))
    assert kept == {field: value for field, value in everything.items() if field not in {"snapshot_url", "clip_url"}}
    assert b"signature" not in payloads.last_event(message)


def test_half_a_character_in_a_name_spoils_no_message() -> None:
    state = replace(STATE, cause="caf\udce9", modes={"function": "\ud800"})
    assert monitor_state(state)["cause"] == "caf?"
    odd = replace(samples.SYSTEM, state=replace(SYSTEM_STATE, storage=(Storage(id="0", name="\udcff"),)))
    assert json.loads(states.system_state(odd))["storage"]["0"]["name"] == "?"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_json_does_not_have_is_null(value: float) -> None:
    assert monitor_state(replace(STATE, capture_fps=value))["capture_fps"] is None


@given(st.text(), st.text(), st.floats(), st.integers())
def test_whatever_a_vms_says_the_message_is_json(cause: str, detail: str, fps: float, score: int) -> None:
    told = monitor_state(replace(STATE, cause=cause, detail=detail, capture_fps=fps, score=score))
    assert (told["cause"], told["detail"], told["score"]) == (cause, detail, score)


def how_soon(old: MonitorState | None, new: MonitorState) -> Urgency:
    return urgency(None if old is None else Shown(old), Shown(new))


def test_how_a_monitor_is_looked_at_is_a_measurement() -> None:
    before = Shown.of(samples.VIEW)
    assert before.pace is not None
    for pace, soon in (
        (replace(before.pace, rate=2.55), Urgency.NEVER),
        (replace(before.pace, rate=4.0), Urgency.LATER),
        (replace(before.pace, age_s=None), Urgency.LATER),
        (replace(before.pace, dropped=0), Urgency.LATER),
        (None, Urgency.LATER),
    ):
        assert urgency(before, before._replace(pace=pace)) is soon


def test_the_first_state_goes_out_at_once() -> None:
    assert how_soon(None, STATE) is Urgency.NOW
    assert system_urgency(None, SYSTEM_STATE) is Urgency.NOW


def test_an_observation_time_alone_is_never_worth_a_message() -> None:
    assert how_soon(STATE, replace(STATE, observed=samples.NOW + timedelta(seconds=1))) is Urgency.NEVER
    assert system_urgency(SYSTEM_STATE, replace(SYSTEM_STATE, observed=None)) is Urgency.NEVER


@pytest.mark.parametrize("field", sorted({field.name for field in fields(MonitorState)} - LATER - {"observed"}))
def test_what_automations_wait_for_goes_out_at_once(field: str) -> None:
    value = getattr(STATE, field)
    other: Any = (not value) if isinstance(value, bool) else {} if isinstance(value, dict) else "other"
    assert how_soon(STATE, replace(STATE, **{field: other})) is Urgency.NOW


def test_objects_that_are_looked_for_go_out_at_once_and_others_do_not() -> None:
    view = samples.VIEW
    nobody = replace(view, objects=ObjectCounts())
    assert urgency(Shown.of(view), Shown.of(nobody)) is Urgency.NOW
    assert urgency(Shown.of(view), Shown.of(replace(view, seen=None))) is Urgency.NOW
    assert urgency(Shown.of(view), Shown.of(replace(view, watched=()))) is Urgency.NOW
    unwatched = replace(view, watched=())
    assert urgency(Shown.of(unwatched), Shown.of(replace(unwatched, objects=None, seen=None))) is Urgency.NEVER


def test_an_alarm_goes_out_at_once_though_its_score_does_not() -> None:
    calm = replace(STATE, alarm=AlarmState.IDLE, score=0)
    assert how_soon(calm, replace(calm, score=42)) is Urgency.LATER
    assert how_soon(calm, STATE) is Urgency.NOW


@pytest.mark.parametrize("field", sorted(LATER))
def test_measurements_wait_and_small_changes_are_not_told(field: str) -> None:
    value = getattr(STATE, field)
    assert how_soon(STATE, replace(STATE, **{field: value * 3 + 1})) is Urgency.LATER
    unknown: Any = None
    assert how_soon(STATE, replace(STATE, **{field: unknown})) is Urgency.LATER
    small = value if field.startswith("events_") else value * 1.001
    assert how_soon(STATE, replace(STATE, **{field: small})) is Urgency.NEVER


def test_while_nothing_can_be_known_only_the_reason_matters() -> None:
    lost = replace(STATE, available=False, detail="no answer")
    assert how_soon(STATE, lost) is Urgency.NOW
    assert how_soon(lost, replace(lost, alarm=AlarmState.IDLE, capture_fps=0.0)) is Urgency.NEVER
    assert how_soon(lost, replace(lost, detail="wrong password")) is Urgency.NOW
    assert how_soon(lost, STATE) is Urgency.NOW


@pytest.mark.parametrize("field", ["available", "version", "time_zone", "running", "run_state", "run_states", "source", "detail"])
def test_a_systems_changes_go_out_at_once(field: str) -> None:
    other: Any = {"available": False, "running": None, "run_states": ("home",)}.get(field, "other")
    assert system_urgency(SYSTEM_STATE, replace(SYSTEM_STATE, **{field: other})) is Urgency.NOW


def test_a_systems_measurements_wait() -> None:
    def disk(**changes: Any) -> SystemState:  # noqa: ANN401  # any field of a storage
        first, second = SYSTEM_STATE.storage
        return replace(SYSTEM_STATE, storage=(replace(first, **changes), second))

    assert system_urgency(SYSTEM_STATE, replace(SYSTEM_STATE, load=3.0)) is Urgency.LATER
    assert system_urgency(SYSTEM_STATE, replace(SYSTEM_STATE, load=1.25)) is Urgency.NEVER
    assert system_urgency(SYSTEM_STATE, disk(used_bytes=11_000_000_000)) is Urgency.LATER
    assert system_urgency(SYSTEM_STATE, disk(used_bytes=10_000_000_001)) is Urgency.NEVER
    assert system_urgency(SYSTEM_STATE, disk(name="Renamed")) is Urgency.NOW
    assert system_urgency(SYSTEM_STATE, disk(total_bytes=1)) is Urgency.NOW
    assert system_urgency(SYSTEM_STATE, replace(SYSTEM_STATE, storage=())) is Urgency.NOW
