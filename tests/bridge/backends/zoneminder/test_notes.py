from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vms_bridge.backends.zoneminder.named_zones import named_zones
from vms_bridge.backends.zoneminder.notes import event_kind, motion_zones
from vms_bridge.model import EventKind
from vms_bridge.zoneminder.detected import detected_labels

pytestmark = pytest.mark.virtual_time


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        ("Motion", EventKind.ALARM),
        ("Continuous", EventKind.CONTINUOUS),
        ("Continuous, Motion", EventKind.ALARM),
        ("Forced Web", EventKind.FORCED),
        ("Linked", EventKind.ALARM),
        ("Signal", EventKind.SIGNAL_LOSS),
        ("Continuous, Signal", EventKind.SIGNAL_LOSS),
        ("Motion, Signal", EventKind.ALARM),
        ("Doorbell", EventKind.EXTERNAL),
        ("Motion:Left,Right", EventKind.ALARM),
        ("Motion:Doorbell, Continuous", EventKind.ALARM),
        ("ContinuousMotion:Left", EventKind.ALARM),
        ("Continuous, Doorbell", EventKind.EXTERNAL),
        ("Forced WebMotion:Left", EventKind.FORCED),
        ("", EventKind.ALARM),
        (" , ", EventKind.ALARM),
    ],
)
def test_kind(cause: str, kind: EventKind) -> None:
    assert event_kind(cause) is kind


@pytest.mark.parametrize(
    ("notes", "labels", "score"),
    [
        ("detected:person:97%", ("person",), 0.97),
        ("[a] detected:car:80% person:97% | Motion: Gate", ("person", "car"), 0.97),
        ("[s] detected:John Doe:88% Motion: All", ("john doe",), 0.88),
        ("detected:dog:200%", ("dog",), 1.0),
        ("detected:person,car", ("person", "car"), None),
        ("detected:person,carMotion: All", ("person", "car"), None),
        ("detected:person, carSignal: Lost", ("person", "car"), None),
        ("detected:person, carDoorbell: pressed, twice", ("person",), None),
        ("detected:dog:60%Motion: Gate", ("dog",), 0.6),
        ("Motion: GatePerson: detected:dog:60%Signal: Reacquired", ("dog",), 0.6),
        ("Motion: All", (), None),
        ("", (), None),
    ],
)
def test_labels(notes: str, labels: tuple[str, ...], score: float | None) -> None:
    assert detected_labels(notes) == (labels, score)


@pytest.mark.parametrize(
    ("notes", "known", "zones"),
    [
        ("Motion: Gate, Drive", (), ("Gate", "Drive")),
        ("Motion: Gate, DriveSignal: Reacquired", (), ("Gate", "Drive")),
        ("Motion: Gate, DrivePerson: seen, at gate", (), ("Gate",)),
        ("Motion: Gate | more", (), ("Gate",)),
        ("Forced Web: ", (), ()),
        ("Motion: Gate, Drive", ("Drive",), ("Drive",)),
        ("[a] detected:person:97% | Motion: Gate", ("Gate",), ("Gate",)),
        ("Motion: Gate [a] detected:person:97%", ("Gate",), ("Gate",)),
        ("Motion: GateForced Web: ", ("Gate",), ("Gate",)),
        ("Forced Web: ", ("Gate",), ()),
        # another cause begins where the last name ends
        ("Motion: LeftPerson: seen at gate", ("Left", "Right"), ("Left",)),
        ("Motion: Left, RightPerson: seen at gate, Gate", ("Left", "Right", "Gate"), ("Left", "Right")),
        ("Motion: LeftSignal: Reacquired", ("Left",), ("Left",)),
        ("Motion: Leftdoorbell: pressed", ("Left",), ("Left",)),
        ("Motion: LeftPerson:", ("Left",), ("Left",)),
        ("Doorbell: pressed by labMotion: Left, Right", ("Left", "Right"), ("Left", "Right")),
        ("Linked: Motion: DriveMotion: Left", ("Left", "Drive"), ("Left",)),
        ("Motion: LeftPerson: Motion: Right", ("Left", "Right"), ("Left",)),
        # names that begin alike
        ("Motion: LeftPerson: seen", ("Left", "LeftPerson"), ("Left",)),
        ("Motion: LeftPersonSignal: Lost", ("Left", "LeftPerson"), ("LeftPerson",)),
        ("Motion: Gate, Gate left", ("Gate left", "Gate"), ("Gate left", "Gate")),
        ("Motion: Gate left", ("Gate", "Gate left"), ("Gate left",)),
        ("Motion: Gateway", ("Gate",), ()),
        ("Motion: DoorwayTrigger: x", ("Door", "Doorway"), ("Doorway",)),
        # names with what stands between names
        ("Motion: Left, rear, Right", ("Left", "Left, rear", "Right"), ("Left, rear", "Right")),
        ("Motion: Left, Left, rear", ("Left", "Left, rear"), ("Left", "Left, rear")),
        ("Motion: B, A", ("A", "B", "B, A"), ("B, A",)),
        ("Motion: Gate: left", ("Gate", "Gate: left"), ("Gate: left",)),
        ("Motion: Gate: leftSignal: Lost", ("Gate", "Gate: left"), ("Gate: left",)),
        ("Motion: a | b", ("a", "a | b"), ("a | b",)),
        ("Motion:  Gate , Drive", ("Drive", " Gate "), ("Drive", " Gate ")),
        ("Motion: Drive, Gate", ("Drive", "Gate  "), ("Drive", "Gate  ")),
        # names that nobody knows any more
        ("Motion: Left, Old, Right", ("Left", "Right"), ("Left", "Right")),
        ("Motion: OldSignal: Lost", ("Left",), ()),
        ("Motion: Left, , Right", ("Left", "", " ", "Right"), ("Left", "Right")),
    ],
)
def test_zones(notes: str, known: tuple[str, ...], zones: tuple[str, ...]) -> None:
    assert motion_zones(notes, known) == zones


@pytest.mark.parametrize(
    ("notes", "cause", "zones", "doubtful"),
    [
        ("Motion: A, B", "Motion", "", "ABC"),
        ("Motion: A, B", "Motion:A,B", "AB", "C"),
        ("Motion: A, B", "Motion:A, B", "C", "AB"),
        ("Motion: A", "Motion:A", "A", ""),
        ("Motion: A, D", "Motion:A", "AD", ""),
        ("Motion: D", "Motion:D,A", "AD", ""),
        ("detected:person", "Motion:D,A, Linked", "AD", "BC"),
        ("detected:person", "Motion", "", ""),
        ("Motion: A, Old", "Motion", "A", "BCD"),
        ("Forced Web: ", "Forced Web", "", ""),
    ],
)
def test_a_cause_is_a_second_witness(notes: str, cause: str, zones: str, doubtful: str) -> None:
    named = {"A": "A", "B": "B", "A, B": "C", "D": "D"}
    found = named_zones(notes, named, cause=cause)
    assert "".join(sorted(named[name] for name in found.names)) == zones
    assert "".join(sorted(named[name] for name in found.doubtful)) == doubtful


NAMES = st.lists(st.text("ab,: ", min_size=1, max_size=5).filter(str.strip), min_size=1, max_size=6, unique_by=str.rstrip)
BEFORE = st.sampled_from(["", "Forced Web: ", "Doorbell: Motion", "Linked: Front, Back", "[a] detected:person:97% | "])
BEHIND = st.sampled_from(["", "Signal: Lost", "Person: seen at gate", "Person: a, b: c", "ZONE: ", "ONVIF: a"])


@settings(max_examples=300, deadline=None)
@given(NAMES, st.data(), BEFORE, BEHIND)
def test_what_zoneminder_writes_is_read_back(known: list[str], data: st.DataObject, before: str, behind: str) -> None:
    """Whatever the names hold: what is read for certain is true, and what is true is not ruled out."""
    written = data.draw(st.sets(st.sampled_from(known), min_size=1))
    notes = f"{before}Motion: {', '.join(sorted(written, key=str.encode))}{behind}".strip()
    found = named_zones(notes, known)
    assert set(found.names) <= written <= set(found.names) | found.doubtful
    plain = all("," not in name and ":" not in name and name == name.strip() for name in known)
    if plain and not behind:
        assert set(found.names) == written


def test_notes_of_any_length_are_read_in_no_time() -> None:
    names = ["a" * number for number in range(1, 200)]
    for text in ("a, " * 2000, ", " * 2000, "a" * 4000, "Motion: " * 600, ",".join(names)):
        began = time.thread_time()
        named_zones(f"Motion: {text}", names, cause=f"Motion:{text}")
        assert time.thread_time() - began < 2


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60).map(lambda text: f"detected:{text}Motion:{text}"), st.lists(st.text(max_size=5), max_size=3))
def test_any_notes(notes: str, known: list[str]) -> None:
    labels, score = detected_labels(notes)
    assert all(labels)
    assert score is None or 0 <= score <= 1
    motion_zones(notes, known)
    event_kind(notes)
