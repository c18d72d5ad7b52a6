from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vms_bridge.backends.zoneminder.notes import detected_labels, event_kind, motion_zones
from vms_bridge.model import EventKind


@pytest.mark.parametrize(
    ("cause", "kind"),
    [
        ("Motion", EventKind.ALARM),
        ("Continuous", EventKind.CONTINUOUS),
        ("Continuous, Motion", EventKind.ALARM),
        ("Forced Web", EventKind.FORCED),
        ("Linked", EventKind.ALARM),
        ("Signal", EventKind.ALARM),
        ("Doorbell", EventKind.EXTERNAL),
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
        ("Motion: Gate, Drive", ("Drive",), ("Drive",)),
        ("[a] detected:person:97% | Motion: Gate", ("Gate",), ("Gate",)),
        ("Motion: GateForced Web: ", ("Gate",), ("Gate",)),
        ("Forced Web: ", ("Gate",), ()),
    ],
)
def test_zones(notes: str, known: tuple[str, ...], zones: tuple[str, ...]) -> None:
    assert motion_zones(notes, known) == zones


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60).map(lambda text: f"detected:{text}Motion:{text}"), st.lists(st.text(max_size=5), max_size=3))
def test_any_notes(notes: str, known: list[str]) -> None:
    labels, score = detected_labels(notes)
    assert all(labels)
    assert score is None or 0 <= score <= 1
    motion_zones(notes, known)
    event_kind(notes)
