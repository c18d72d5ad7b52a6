from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.scripts.triggers.made import alarm, event, seen

from vms_bridge.scripts.triggers import occurrences
from vms_bridge.scripts.triggers.errors import RecordingInvalid
from vms_bridge.scripts.triggers.record import line, read

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
STATE = {"connected": True, "armed": True, "v": 1}
HAPPENED = [
    event("new"),
    event("update", 2, labels=["person"]),
    alarm("alarm"),
    seen("person", "car", zones=("drive",)),
    *occurrences.monitor_states(("zm", "1"), "Front", STATE, {**STATE, "connected": False}),
    *occurrences.system_states("zm", "ZM", {"available": True}, {"available": False}),
    occurrences.notice({"id": "system_lost:zm", "kind": "system_lost", "system": "zm", "monitor": None}, is_active=True),
    occurrences.message("home/door", b"open"),
    occurrences.message("home/door", b"\xff\xfe"),
    occurrences.message("home/door", b'{"a": [1, null]}', is_retained=True),
    occurrences.webhook("gate", b'{"open": true}'),
    occurrences.setting({"a": 1}, ["a"]),
    occurrences.command("siren", True),
    occurrences.of("entity", {"key": "siren", "json": 1, "payload": None}),
    occurrences.of("startup", {}),
    occurrences.gone("zm", "1"),
    occurrences.gone("zm"),
]


def test_what_was_recorded_is_read_as_it_was() -> None:
    times = [AT + timedelta(milliseconds=25 * number) for number, _ in enumerate(HAPPENED)]
    lines = [line(at, one) for at, one in zip(times, HAPPENED, strict=True)]
    assert all("\n" not in one for one in lines)
    assert list(read(lines, file="a.jsonl")) == list(zip(times, HAPPENED, strict=True))


def test_a_line_by_hand_needs_no_more_than_its_time_kind_and_words() -> None:
    text = '{"at": "2026-11-20T13:00:00+01:00", "kind": "event", "what": {"id": "zm-1", "system": "zm", "monitor": "1"}}'
    ((at, found),) = read(["# made by hand", "", text], file="a.jsonl")
    assert at == AT
    assert (found.monitor, found.subject, found.what["step"], found.is_urgent) == (("zm", "1"), "zm-1", "new", True)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        (["", "{"], "a.jsonl:2: Invalid JSON"),
        (["[]"], "a.jsonl:1: "),
        (['{"kind": "alarm", "what": {}}'], "at: Field required"),
        (['{"at": "2026-11-20T12:00:00", "kind": "alarm", "what": {}}'], "at: "),
        (['{"at": "2026-11-20T12:00:00Z", "kind": "alrm", "what": {}}'], "kind: nothing of the kind 'alrm' happens"),
        (['{"at": "2026-11-20T12:00:00Z", "kind": "alarm", "what": []}'], "what: "),
        (['{"at": "2026-11-20T12:00:00Z", "kind": "alarm", "what": {}, "v": 2}'], "v: "),
        (['{"at": "2026-11-20T12:00:00Z", "kind": "alarm", "what": {}, "whatt": 2}'], "whatt: "),
        (['{"at": "2026-11-20T12:00:00Z", "kind": "mqtt", "what": {}, "data": "%"}'], "data: this is no base64"),
        (['{"at": "2026-11-20T12:00:00Z", "kind": "mqtt", "what": {}, "data": "' + "A" * 400_000 + '"}'], "data: at most"),
        (["x" * 3_000_000], "at most 2097152 characters"),
        ([line(AT, alarm("alarm")), line(AT - timedelta(seconds=1), alarm("idle"))], "a.jsonl:2: at: it is before"),
    ],
)
def test_a_broken_line_is_named(lines: list[str], says: str) -> None:
    with pytest.raises(RecordingInvalid) as refused:
        list(read(lines, file="a.jsonl"))
    assert says in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "what", "says"),
    [
        ("alarm", {"now": 5}, "what.now: "),
        ("alarm", {"now": "No state"}, "what.now: "),
        ("alarm", {"monitor": 1}, "what.monitor: "),
        ("event", {"kind": "No kind"}, "what.kind: "),
        ("event", {"end_reason": "?"}, "what.end_reason: "),
        ("event", {"labels": "person"}, "what.labels: "),
        ("event", {"labels": [5]}, "what.labels.0: "),
        ("event", {"score": "high"}, "what.score: "),
        ("event", {"start": "2026-11-20T12:00:00"}, "what.start: the time has no zone"),
        ("event", {"start": 5}, "what.start: "),
        ("detection", {"objects": 7}, "what.objects: "),
        ("detection", {"objects": ["car"]}, "what.objects.0: "),
        ("detection", {"objects": [{"zones": 5}]}, "what.objects.0.zones: "),
        ("monitor_state", {"field": 1}, "what.field: "),
        ("notice", {"kind": 5}, "what.kind: "),
        ("mqtt", {"topic": 5}, "what.topic: "),
        ("webhook", {"name": []}, "what.name: "),
        ("setting", {"changed": 5}, "what.changed: "),
        ("entity", {"key": 5}, "what.key: "),
        ("cron", {"late_s": "x"}, "what.late_s: "),
    ],
)
def test_a_word_of_another_type_than_handlers_are_promised_is_named(kind: str, what: dict[str, object], says: str) -> None:
    text = json.dumps({"at": "2026-11-20T12:00:00Z", "kind": kind, "what": what})
    with pytest.raises(RecordingInvalid, match=re.escape(f"a.jsonl:1: {says}")):
        list(read([text], file="a.jsonl"))
    unknown = json.dumps({"at": "2026-11-20T12:00:00Z", "kind": kind, "what": {**dict.fromkeys(what), "more": 5}})
    assert list(read([unknown], file="a.jsonl"))


@given(st.lists(st.text(max_size=200), max_size=5))
def test_any_text_is_read_or_refused(lines: list[str]) -> None:
    try:
        list(read(lines, file="a.jsonl"))
    except RecordingInvalid as refused:
        where = str(refused).partition(" ")[0]
    else:
        return
    assert where.startswith("a.jsonl:")


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
words = st.dictionaries(st.sampled_from(["id", "system", "monitor", "name", "field", "source", "topic"]) | st.text(), values)


@given(kind=st.sampled_from(["alarm", "detection", "notice", "webhook", "entity", "system_state"]), what=words)
def test_anything_that_is_recorded_is_read_as_it_was_or_refused(kind: str, what: dict[str, Any]) -> None:
    happened = occurrences.as_told(kind, what)
    try:
        found = list(read([line(AT, happened)], file="a"))
    except RecordingInvalid:
        return
    assert found == [(AT, happened)]
