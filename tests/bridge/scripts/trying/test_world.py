from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path  # noqa: TC003
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.archive import ByteRange, EventClip, LogQuery
from vms_bridge.commands import (
    AckResult,
    Command,
    EndAlarm,
    GoToPreset,
    Level,
    Origin,
    Restart,
    SetAlarm,
    SetArmed,
    Target,
)
from vms_bridge.errors import NoSuchPart
from vms_bridge.index import Search
from vms_bridge.model import AlarmState, EventRef, LivePicture
from vms_bridge.script.happenings import Alarm, Change, Detection, Event
from vms_bridge.scripts.triggers.errors import RecordingInvalid
from vms_bridge.scripts.triggers.match import Match
from vms_bridge.scripts.triggers.occurrences import told
from vms_bridge.scripts.triggers.record import read
from vms_bridge.scripts.trying.answers import Answers, AnswersInvalid, read_answers
from vms_bridge.scripts.trying.clock import JumpingClock
from vms_bridge.scripts.trying.completing import completed
from vms_bridge.scripts.trying.pictures import FILM, JPEG, MadeUp
from vms_bridge.scripts.trying.report import lines
from vms_bridge.scripts.trying.transcript import Entry, EntryKind
from vms_bridge.scripts.trying.world import World
from vms_bridge.scripts.values import Occurrence, Trigger

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
GATE = ("zm", "1")


def world(**said: Any) -> World:  # noqa: ANN401
    return World(Answers.model_validate(said), JumpingClock(START))


def happened(kind: str, /, **what: Any) -> Occurrence:  # noqa: ANN401
    return Occurrence(kind=kind, what={"system": "zm", "monitor": "1", "name": "Gate", **what}, monitor=GATE)


def command(action: Any, name: str) -> Command:  # noqa: ANN401
    return Command(
        target=Target(system="zm", monitor="1"), action=action, name=name, origin=Origin(door="script"), level=Level.ADMIN
    )


async def test_monitors_are_those_that_are_said_and_those_that_occur() -> None:
    made = world(monitors=[{"system": "zm", "key": "2", "zones": [{"key": "1", "name": "Drive"}], "presets": ["Gate"]}])
    made.take(happened("alarm", now="alarm"))
    made.take(Occurrence(kind="startup", what={}))
    system = made.system("zm")
    assert system is not None
    assert list(system.monitors) == ["2", "1"]
    view = made.monitor(*GATE)
    assert view is not None
    assert (view.monitor.name, view.state.alarm, view.monitor.ptz) == ("Gate", AlarmState.ALARM, None)
    made.take(happened("monitor_state", field="connected", now=False))
    made.take(happened("monitor_state", field="fps", now=3))
    view = made.monitor(*GATE)
    assert view is not None
    assert view.state.connected is False
    assert await made.logs("zm", LogQuery()) == ()
    assert await made.picture("zm", LivePicture(monitor="1")) == JPEG


@pytest.mark.parametrize(
    ("action", "name", "applied"),
    [
        (SetAlarm(on=True), "alarm", "ON"),
        (SetArmed(on=False), "armed", "OFF"),
        (EndAlarm(), "end_alarm", None),
        (Restart(), "restart", None),
    ],
)
async def test_commands_are_done_at_once(action: Any, name: str, applied: str | None) -> None:  # noqa: ANN401
    made = world()
    made.take(happened("alarm", now="alarm"))
    ack = await made.submit(command(action, name))
    assert ack.result is AckResult.APPLIED
    assert applied is None or ack.applied == applied
    view = made.monitor(*GATE)
    assert view is not None
    if name == "armed":
        assert view.state.armed is False
    if name == "end_alarm":
        assert view.state.alarm is AlarmState.IDLE


async def test_commands_may_be_answered_otherwise() -> None:
    made = world(commands=[{"name": "al*", "target": "zm/*", "result": "timeout", "code": "unverified", "hint": "look"}])
    made.take(happened("alarm", now="idle"))
    ack = await made.submit(command(SetAlarm(on=True), "alarm"))
    assert (ack.result, ack.code, ack.hint, ack.applied) == (AckResult.TIMEOUT, "unverified", "look", None)
    view = made.monitor(*GATE)
    assert view is not None
    assert view.state.alarm is AlarmState.IDLE
    ack = await made.submit(command(GoToPreset(preset="1"), "preset"))
    assert (ack.result, ack.code) == (AckResult.REFUSED, "unsupported")


async def test_events_can_be_found() -> None:
    recorded = {
        "id": "zm-1",
        "monitor": "zm/1",
        "start": "2026-11-20T10:00:00Z",
        "end": "2026-11-20T10:01:00Z",
        "labels": ["car"],
    }
    made = world(events=[recorded])
    began = {"id": "zm-2", "step": "new", "start": "2026-11-20T12:00:00Z", "kind": "zone", "labels": ["person"], "score": 0.8}
    made.take(happened("event", **began))
    made.take(happened("event", id="?", step="new"))
    page = await made.search(Search(), limit=1)
    assert ([event.ref.format() for event in page.events], page.after) == (["zm-2"], "1")
    page = await made.search(Search(), page.after, limit=1)
    assert ([event.ref.format() for event in page.events], page.after) == (["zm-1"], None)
    for query, count in (
        (Search(labels=frozenset({"person"})), 1),
        (Search(since=START), 1),
        (Search(until=START), 1),
        (Search(systems=frozenset({"other"})), 0),
        (Search(monitors=frozenset({GATE}), kinds=frozenset({"zone"})), 1),
        (Search(least_score=0.5), 1),
        (Search(most_score=0.5), 0),
        (Search(zones=frozenset({"a"})), 0),
        (Search(plates=frozenset({"a"})), 0),
        (Search(faces=frozenset({"a"})), 0),
        (Search(words="mot* car"), 1),
    ):
        assert len((await made.search(query)).events) == count, query
    found = await made.indexed(EventRef("zm", 1, "1"))
    assert found is not None
    assert found.event.duration_s == 60.0
    made.take(happened("event", id="zm-2", step="deleted"))
    assert await made.indexed(EventRef("zm", 1, "2")) is None
    made.take(happened("event", id="zm-3", step="end", start="no time", end=7, end_reason="closed"))
    found = await made.indexed(EventRef("zm", 1, "3"))
    assert found is not None
    assert (found.event.start, found.event.is_over) == (None, True)


async def test_pictures_and_clips_are_made_up() -> None:
    made = world()
    async with made.media("zm", LivePicture(monitor="1")) as picture:
        assert (picture.content_type, [piece async for piece in picture.pieces()]) == ("image/jpeg", [JPEG])
    ref = EventClip(event=EventRef("zm", 1, "1"))
    async with made.media("zm", ref, ByteRange(first=4, last=7)) as clip:
        assert (clip.content_type, [piece async for piece in clip.pieces()]) == ("video/mp4", [b"ftyp"])
        assert clip.length == len(FILM)
    with pytest.raises(NoSuchPart):
        MadeUp.of(ref, ByteRange(first=10**6))


def test_answers_are_read(tmp_path: Path) -> None:
    assert read_answers(None) == Answers()
    file = tmp_path / "answers.json"
    said = {
        "http": [{"method": "post", "url": "https://gate.example/*", "json": {"open": False}}, {"text": "é"}, {"error": "gone"}]
    }
    file.write_text(json.dumps(said))
    first, second, third = read_answers(file).http
    assert first.fits("POST", "https://gate.example/lock")
    assert not first.fits("GET", "https://gate.example/lock")
    assert (first.body, second.body, third.body) == (b'{"open": false}', "é".encode(), b"{}")
    for wrong, words in (
        ("{", "is no JSON"),
        ('{"https": []}', "https: "),
        ('{"time_zone": "Mars"}', "no such time zone"),
        ('{"events": [{"id": "zm-1", "monitor": "zm", "start": "2026-11-20T10:00:00Z"}]}', "events.0.monitor: "),
        ('{"events": [{"id": "zm-1", "monitor": "zm/1", "start": "2026-11-20T10:00:00"}]}', "events.0.start: "),
        ('{"events": [{"id": "zm-1", "monitor": "zm/1", "start": "2026-11-20T10:00:00Z", "kind": "A B"}]}', "events.0.kind: "),
        ("[]", "can't be understood"),
        ("[" * 100_000, "no JSON"),
    ):
        file.write_text(wrong)
        with pytest.raises(AnswersInvalid, match=words):
            read_answers(file)


async def test_an_archive_forgets_what_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vms_bridge.scripts.trying.events._MOST", 2)
    made = world()
    for number in range(4):
        start = (START + timedelta(seconds=number)).isoformat()
        made.take(happened("event", id=f"zm-{number}", step="new", start=start))
    assert [event.ref.id for event in (await made.search(Search())).events] == ["3", "2"]


VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        None,
        True,
        5,
        0.5,
        "alarm",
        "No word",
        "zm-1",
        "2026-11-20T12:00:00",
        "2026-11-20T12:00:00Z",
        "",
        [],
        ["car"],
        [5],
        {},
        [{}],
    ]
)
CAR = frozenset({"car"})
WORDS = {name: VALUES for kind in (Event, Alarm, Detection, Change) for name in kind.__annotations__}


@given(kind=st.sampled_from(["event", "alarm", "detection", "monitor_state"]), what=st.fixed_dictionaries({}, optional=WORDS))
def test_whatever_a_replay_says_is_refused_with_its_line_or_happens(kind: str, what: dict[str, Any]) -> None:
    text = json.dumps({"at": "2026-11-20T12:00:00Z", "kind": kind, "what": {"system": "zm", "monitor": "1", **what}})
    try:
        ((at, occurrence),) = read([text], file="a.jsonl")
    except RecordingInvalid:
        return
    here, whole = world(), completed(occurrence, at)
    here.take(whole)
    for filters in ({}, {"label": CAR, "zone": CAR, "min_score": 0.5}, {"to": frozenset({"alarm"}), "field": CAR}):
        match = Match(Trigger(id=0, kind=kind, handler="it", line=1, filters=filters))
        assert match.is_about(whole)
        match.judge(whole.what)
    assert list(lines([Entry(0.0, "2026-11-20T12:00:00Z", EntryKind.HAPPENED, kind, {"what": told(whole)})], UTC))
