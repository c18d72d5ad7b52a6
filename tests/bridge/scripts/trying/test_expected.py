from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path  # noqa: TC003
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.scripts.trying import transcript as module
from vms_bridge.scripts.trying.clock import JumpingClock
from vms_bridge.scripts.trying.expected import as_expectation, differences, fits, read_expected
from vms_bridge.scripts.trying.files import FileUnusable, read_text
from vms_bridge.scripts.trying.transcript import EntryKind, Transcript, TrialTooLong

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def transcript() -> Transcript:
    clock = JumpingClock(START)
    made = Transcript(clock)
    made.add(EntryKind.HAPPENED, "alarm", {"what": {"now": "alarm"}})
    made.add(EntryKind.DID, "state.set", {"with": {"key": "a", "value": 1}})
    made.add(EntryKind.LOG, "on", {"level": "info", "line": 3})
    clock.jump(5.0)
    made.add(EntryKind.DID, "mqtt.publish", {"with": {"topic": "home/siren", "retain": False}, "text": "ON"})
    clock.jump(65.0)
    made.add(EntryKind.DID, "mqtt.publish", {"with": {"topic": "home/siren", "retain": False}, "text": "OFF"})
    return made


def test_a_part_is_enough(transcript: Transcript) -> None:
    on: dict[str, Any] = {"did": "mqtt.publish", "with": {"topic": "home/siren"}, "text": "ON"}
    off: dict[str, Any] = {"at_s": 65, "did": "mqtt.publish", "text": "OFF"}
    assert differences([on, off], transcript.entries) == []
    assert differences([{"log": "on"}, on, off], transcript.entries) == []
    assert differences([{"did": "state.set"}, on, off], transcript.entries) == []
    assert differences([{"happened": "alarm"}, on, off], transcript.entries) == []


def test_what_differs_is_shown_between_what_does_not(transcript: Transcript) -> None:
    on: dict[str, Any] = {"did": "mqtt.publish", "text": "ON"}
    found = differences([on, {"did": "notify.send"}], transcript.entries)
    assert [line[0] for line in found] == [" ", "-", "+"]
    assert json.loads(found[2][2:]) == {
        "at_s": 65.0,
        "did": "mqtt.publish",
        "with": {"topic": "home/siren", "retain": False},
        "text": "OFF",
    }
    assert [line[0] for line in differences([], transcript.entries)] == ["+", "+"]
    late = differences([{**on, "at_s": 6}, {"did": "mqtt.publish", "text": "OFF"}], transcript.entries)
    assert sorted(line[0] for line in late) == [" ", "+", "-"]


def test_a_failure_is_never_passed_over(transcript: Transcript) -> None:
    expected = [json.loads(line) for line in as_expectation(transcript.entries)]
    assert [said["at_s"] for said in expected] == [5.0, 65.0]
    assert differences(expected, transcript.entries) == []
    transcript.add(EntryKind.FAILED, "on_alarm", {"text": "ZeroDivisionError: division by zero", "line": 9})
    assert transcript.failures == 1
    [*_, last] = differences(expected, transcript.entries)
    assert "ZeroDivisionError" in last
    assert differences([*expected, {"failed": "on_alarm"}], transcript.entries) == []


def test_two_long_lists_that_have_little_in_common(monkeypatch: pytest.MonkeyPatch, transcript: Transcript) -> None:
    monkeypatch.setattr("vms_bridge.scripts.trying.expected._MOST_CELLS", 1)
    assert [line[0] for line in differences([{"did": "a"}, {"did": "b"}], transcript.entries)] == ["-", "-", "+", "+"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(JSON)
def test_everything_fits_itself(value: object) -> None:
    assert fits(value, value)


@given(st.dictionaries(st.text(max_size=2), JSON, max_size=4), st.data())
def test_a_part_of_an_object_fits_it_and_not_the_other_way_round(value: dict[str, object], data: st.DataObject) -> None:
    names = data.draw(st.sets(st.sampled_from(sorted(value)))) if value else set()
    part = {name: value[name] for name in names}
    assert fits(part, value)
    assert fits(value, part) == (part == value)


def test_true_is_not_one() -> None:
    assert not fits(1, True)
    assert not fits([1], [1, 2])
    assert not fits({"a": 1}, 1)
    assert fits(5, 5.0)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "expected.jsonl:2: this is no JSON"),
        ("[" * 100_000, "expected.jsonl:2: this is no JSON: it is nested too deep"),
        ("[]", "expected.jsonl:2: this is no JSON object"),
        ('{"with": {}}', "expected.jsonl:2: it does not say what is expected"),
        ('{"did": "a", "log": "b"}', "expected.jsonl:2: it does not say what is expected"),
    ],
)
def test_what_can_not_be_expected(tmp_path: Path, line: str, words: str) -> None:
    file = tmp_path / "expected.jsonl"
    file.write_text(f"# a comment\n{line}\n")
    with pytest.raises(FileUnusable) as raised:
        read_expected(file)
    assert words in str(raised.value)


def test_files_that_can_not_be_read(tmp_path: Path) -> None:
    file = tmp_path / "a"
    with pytest.raises(FileUnusable, match="can't be read"):
        read_text(file)
    file.write_bytes(b"good\n\xff")
    with pytest.raises(FileUnusable, match=r"a:2: this is not UTF-8"):
        read_text(file)
    with pytest.raises(FileUnusable, match="larger than 3 bytes"):
        read_text(file, 3)
    file.write_text("\n# nothing\n")
    assert read_expected(file) == []


def test_a_transcript_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ENTRIES", 1)
    transcript = Transcript(JumpingClock(START))
    transcript.add(EntryKind.LOG, "a", {})
    assert transcript.entries[0].said() == {"at_s": 0.0, "time": "2026-11-20T12:00:00Z", "log": "a"}
    with pytest.raises(TrialTooLong):
        transcript.add(EntryKind.LOG, "a", {})
