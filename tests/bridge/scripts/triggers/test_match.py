from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.scripts.triggers.made import Script, alarm, event, seen, trigger

from vms_bridge.scripts.triggers import occurrences
from vms_bridge.scripts.triggers.match import Match, Verdict
from vms_bridge.scripts.triggers.occurrences import MEASURED

if TYPE_CHECKING:
    from vms_bridge.scripts.values import Occurrence

YES, UNDONE, NOTHING = Verdict.YES, Verdict.UNDONE, Verdict.NOTHING
NOTICE = {"id": "signal_lost:zm/1", "kind": "signal_lost", "system": "zm", "monitor": "1", "text": "no pictures"}


def state(field: str, now: object, before: object = None) -> Occurrence:
    (found,) = occurrences.monitor_states(("zm", "1"), "Front door", {field: before}, {field: now})
    return found


@pytest.mark.parametrize(
    ("filters", "monitor", "name", "fits"),
    [
        ({}, "1", "Front door", True),
        ({"monitor": "front*"}, "1", "Front door", True),
        ({"monitor": "FRONT*"}, "1", "front door", True),
        ({"monitor": "1"}, "1", "Front door", True),
        ({"monitor": "zm/1"}, "1", "Front door", True),
        ({"monitor": "ZM/*"}, "1", "Front door", True),
        ({"monitor": "other/*"}, "1", "Front door", False),
        ({"monitor": "1"}, "11", "Front door", False),
        ({"monitor": ["back*", "f?ont*"]}, "1", "Front door", True),
        ({"monitor": "[a-z]"}, "b", "x", True),
        ({"system": "z*"}, "1", "", True),
        ({"system": "other"}, "1", "", False),
        ({"system": "zm", "monitor": "back*"}, "1", "Front door", False),
    ],
)
def test_a_monitor_is_named_by_key_name_or_both_parts(filters: dict[str, Any], monitor: str, name: str, *, fits: bool) -> None:
    assert Match(trigger("alarm", **filters)).is_about_monitor(("zm", monitor), name) is fits


@pytest.mark.parametrize(
    ("kind", "filters", "happened", "verdict"),
    [
        ("event", {}, event("new"), YES),
        ("event", {}, event("deleted"), UNDONE),
        ("event", {"step": "new"}, event("update"), NOTHING),
        ("event", {}, event("update"), NOTHING),
        ("event", {"kind": "alarm"}, event("end"), UNDONE),
        ("event", {"zone": "gate"}, event("end", zones=["gate"]), YES),
        ("event", {"for_s": 5}, event("update"), YES),
        ("event", {"step": ["new", "end"]}, event("end"), YES),
        ("event", {"kind": "ALARM"}, event(), YES),
        ("event", {"kind": "continuous"}, event(), NOTHING),
        ("event", {"label": "Person"}, event(labels=["car", "person"]), YES),
        ("event", {"label": "person"}, event(labels=["car"]), NOTHING),
        ("event", {"zone": ["drive", "GATE"]}, event(zones=["Gate"]), YES),
        ("event", {"zone": "drive"}, event(zones=[]), NOTHING),
        ("event", {"min_score": 0.5}, event(score=0.5), YES),
        ("event", {"min_score": 0.5}, event(score=0.4), NOTHING),
        ("event", {"min_score": 0.5}, event(score=None), NOTHING),
        ("event", {}, event(late=True), NOTHING),
        ("event", {"late": True}, event(late=True), YES),
        ("event", {"late": True}, event(late=False), YES),
        ("event", {"for_s": 5}, event("update", end_reason="closed"), UNDONE),
        ("event", {"for_s": 5}, event("end"), UNDONE),
        ("event", {"for_s": 5, "step": "end"}, event("end"), YES),
        ("event", {"for_s": 5, "step": "end"}, event("deleted"), UNDONE),
        ("alarm", {}, alarm("idle", "alert"), YES),
        ("alarm", {"to": "Alarm"}, alarm("alarm"), YES),
        ("alarm", {"to": ["alarm", "alert"]}, alarm("alert", "alarm"), YES),
        ("alarm", {"to": "alarm"}, alarm("alert", "alarm"), UNDONE),
        ("alarm", {"to": "unknown"}, alarm(None), YES),
        ("alarm", {"to": "alarm"}, alarm(None, "alarm"), UNDONE),
        ("alarm", {"to": "alarm", "from_": "idle"}, alarm("alarm", "prealarm"), NOTHING),
        ("alarm", {"from_": "idle"}, alarm("idle", "alert"), UNDONE),
        ("detection", {}, seen("cat"), YES),
        ("detection", {}, seen(), UNDONE),
        ("detection", {"label": "PERSON", "zone": "drive", "min_score": 0.8}, seen("person", zones=("Drive",)), YES),
        ("detection", {"label": "person", "min_score": 0.95}, seen("person"), UNDONE),
        ("detection", {"source": "detector"}, seen("person"), NOTHING),
        ("monitor_state", {}, state("connected", False), YES),
        ("monitor_state", {"field": "armed"}, state("connected", False), NOTHING),
        ("monitor_state", {"field": "Connected", "to": False}, state("connected", False), YES),
        ("monitor_state", {"field": "connected", "to": 0}, state("connected", False), UNDONE),
        ("monitor_state", {"to": "RECORD"}, state("function", "Record"), YES),
        ("monitor_state", {"to": [1, None]}, state("function", None, "x"), YES),
        ("notice", {}, occurrences.notice(NOTICE, is_active=True), YES),
        ("notice", {}, occurrences.notice(NOTICE, is_active=False), UNDONE),
        ("notice", {"active": False}, occurrences.notice(NOTICE, is_active=False), YES),
        ("notice", {"active": [True, False]}, occurrences.notice(NOTICE, is_active=False), YES),
        ("notice", {"kind": "system_lost"}, occurrences.notice(NOTICE, is_active=True), NOTHING),
        ("mqtt", {"topic": "home/+/state"}, occurrences.message("home/door/state", b""), YES),
        ("mqtt", {"topic": ["home/+", "home/a/b"]}, occurrences.message("home/a/c", b""), NOTHING),
        ("webhook", {"name": "gate"}, occurrences.webhook("gate", b"1"), YES),
        ("webhook", {"name": "gate"}, occurrences.webhook("Gate", b"1"), NOTHING),
        ("setting", {}, occurrences.setting({}, ["a"]), YES),
        ("setting", {"names": ["a", "b"]}, occurrences.setting({}, ["b"]), YES),
        ("setting", {"names": ["a"]}, occurrences.setting({}, ["b"]), NOTHING),
        ("entity", {"key": "siren"}, occurrences.command("siren", True), YES),
        ("entity", {"key": "siren"}, occurrences.command("lamp", True), NOTHING),
        ("startup", {}, occurrences.of("startup", {}), YES),
    ],
)
def test_filters_of_every_kind(kind: str, filters: dict[str, Any], happened: Occurrence, verdict: Verdict) -> None:
    assert Match(trigger(kind, **filters)).judge(happened.what) is verdict


def test_measurements_are_told_only_to_who_names_them() -> None:
    field = "capture_fps"
    assert field in MEASURED
    assert Match(trigger("monitor_state")).judge(state(field, 4.0).what) is NOTHING
    assert Match(trigger("monitor_state", field=field)).judge(state(field, 4.0).what) is YES


def test_what_a_script_may_not_see_it_never_hears_of() -> None:
    script = Script(trigger("alarm", 1), trigger("notice", 2), trigger("system_state", 3), hidden=(("zm", "2"), ("zm", "")))
    assert script.take(alarm("alarm", monitor="1")) == 1
    assert script.take(alarm("alarm", monitor="2")) == 0
    assert script.take(occurrences.notice({**NOTICE, "monitor": "2"}, is_active=True)) == 0
    assert script.take(occurrences.notice({**NOTICE, "monitor": None}, is_active=True)) == 0
    assert script.take(occurrences.notice({**NOTICE, "system": None, "monitor": None}, is_active=True)) == 1
    assert script.take(*occurrences.system_states("zm", "ZM", {"available": True}, {"available": False})) == 0
    assert script.take(*occurrences.system_states("b", "B", {"available": True}, {"available": False})) == 1


def test_what_is_about_no_monitor_fits_no_filter_for_one() -> None:
    lost = {"id": "system_lost:zm", "kind": "system_lost", "system": "zm", "monitor": None}
    script = Script(trigger("notice", 1, monitor="*"), trigger("notice", 2, system="Z?"), trigger("notice", 3, system="b"))
    assert script.take(occurrences.notice(lost, is_active=True)) == 1
    assert script.take(occurrences.notice({**lost, "system": None}, is_active=True)) == 0


def test_a_systems_own_state_is_named_by_key_or_name() -> None:
    script = Script(trigger("system_state", 1, system="gara*"), trigger("system_state", 2, system="zm"))
    assert script.take(*occurrences.system_states("zm", "Garage", {"available": True}, {"available": False})) == 2
    assert [number for number, _ in script.heard] == [1, 2]


def test_an_event_is_told_once_at_the_first_step_that_fits() -> None:
    script = Script(trigger("event", 1, label="person"), trigger("event", 2), trigger("event", 3, step=["new", "update"]))
    script.take(event("new"), event("update"), event("update", labels=["person"]), event("update", labels=["person", "dog"]))
    script.take(event("end", labels=["person"]), event("new", 2, labels=["person"]))
    assert [(number, one.what["step"], one.what["id"]) for number, one in script.heard] == [
        (2, "new", "zm-1"),
        (3, "new", "zm-1"),
        (3, "update", "zm-1"),
        (1, "update", "zm-1"),
        (3, "update", "zm-1"),
        (3, "update", "zm-1"),
        (1, "new", "zm-2"),
        (2, "new", "zm-2"),
        (3, "new", "zm-2"),
    ]


def test_a_removed_monitor_is_looked_at_anew_when_it_is_back() -> None:
    hidden = [("zm", "1")]
    script = Script(trigger("alarm"))
    script.triggers._sees = lambda key: key not in hidden
    assert script.take(alarm("alarm")) == 0
    hidden.clear()
    assert script.take(alarm("alarm")) == 0
    assert script.take(occurrences.gone("zm", "1"), alarm("alarm")) == 1


names = st.sampled_from(["front", "Front door", "back", "1", "2", "zm", "other", "ZM/1", ""])
patterns = st.sampled_from(["*", "f*", "FRONT*", "?", "zm/*", "zm/1", "back", "[12]", "*door"])


@given(
    wanted=st.lists(patterns, min_size=1, max_size=3),
    systems=st.lists(patterns, min_size=1, max_size=2) | st.none(),
    system=names,
    key=names,
    name=names,
)
def test_globs_are_those_of_fnmatch(wanted: list[str], systems: list[str] | None, system: str, key: str, name: str) -> None:
    def slow(texts: list[str], globs: list[str]) -> bool:
        return any(fnmatchcase(text.casefold(), glob.casefold()) for text in texts for glob in globs)

    expected = slow([key, name, f"{system}/{key}"], wanted) and (systems is None or slow([system], systems))
    filters: dict[str, Any] = {"monitor": wanted} | ({} if systems is None else {"system": systems})
    assert Match(trigger("alarm", **filters)).is_about_monitor((system, key), name) is expected


labels = st.lists(st.sampled_from(["person", "Person", "car", "DOG"]), max_size=3)
scores = st.none() | st.sampled_from([0.0, 0.3, 0.6, 1.0])
things = st.fixed_dictionaries({"label": st.sampled_from(["person", "CAR"]), "zones": labels, "score": scores})


@given(
    objects=st.lists(things, max_size=3),
    label=labels.filter(bool) | st.none(),
    zone=labels.filter(bool) | st.none(),
    least=st.none() | st.sampled_from([0.0, 0.3, 0.5]),
)
def test_an_object_fits_by_all_that_is_asked_of_it(
    objects: list[dict[str, Any]], label: list[str] | None, zone: list[str] | None, least: float | None
) -> None:
    def fits(one: dict[str, Any]) -> bool:
        if label is not None and one["label"].lower() not in [each.lower() for each in label]:
            return False
        if zone is not None and not [each for each in one["zones"] if each.lower() in [other.lower() for other in zone]]:
            return False
        return least is None or (one["score"] is not None and one["score"] >= least)

    asked: dict[str, Any] = {"label": label, "zone": zone, "min_score": least}
    match = Match(trigger("detection", **{key: value for key, value in asked.items() if value is not None}))
    assert (match.judge({"source": "vms", "objects": objects}) is YES) is any(fits(one) for one in objects)
