"""What was found before is known again, and is forgotten in time."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.detect.calm import CALM, GARBAGE

from vms_bridge.detect.choose import Groups
from vms_bridge.detect.past import MOST_ENTRIES, Past
from vms_bridge.detect.values import Found

_LEAVES = st.none() | st.booleans() | st.floats() | st.integers() | st.text(GARBAGE, max_size=4)
CAR = Found("car", 0.9, (0.2, 0.2, 0.2, 0.2))


def _at(x: float, label: str = "car", score: float = 0.9) -> Found:
    return Found(label, score, (x, 0.2, 0.2, 0.2))


def test_what_stands_where_it_stood_is_known_and_nothing_else() -> None:
    past = Past().after([CAR], 100)
    assert [one.is_known for one in past.marked([CAR, _at(0.6), _at(0.2, "dog")], 200)] == [True, False, False]
    assert Past().marked([CAR], 200) == (CAR,)


def test_labels_of_a_group_are_taken_for_each_other() -> None:
    past = Past(groups=Groups([["car", "truck"]])).after([CAR], 100)
    assert [one.is_known for one in past.marked([_at(0.2, "truck"), _at(0.2, "Car"), _at(0.2, "bus")], 100)] == [
        True,
        True,
        False,
    ]


def test_it_is_forgotten_when_it_was_not_seen_for_long_enough() -> None:
    past = Past(forget_s=3600).after([CAR], 0)
    assert past.marked([CAR], 3600)[0].is_known
    assert not past.marked([CAR], 3601)[0].is_known
    seen_again = past.after([CAR], 3000)
    assert seen_again.marked([CAR], 6500)[0].is_known
    assert seen_again.entries[0].first_s == 0
    assert past.after([], 3601).entries == ()


def test_a_clock_that_went_back_makes_nothing_last_for_ever() -> None:
    past = Past(forget_s=3600).after([CAR], 1_000_000).after([], 100)
    assert past.marked([CAR], 100)[0].is_known
    assert past.after([], 3701).entries == ()


def test_its_place_follows_what_creeps() -> None:
    past = Past()
    for step in range(40):
        past = past.after([_at(0.2 + step * 0.001)], step)
        assert len(past.entries) == 1, step
    assert past.entries[0].times == 40


def test_two_of_a_kind_side_by_side_are_two() -> None:
    past = Past(overlap=0.5).after([_at(0.2), _at(0.25)], 0).after([_at(0.2), _at(0.25)], 1)
    assert sorted(one.box[0] for one in past.entries) == pytest.approx([0.2, 0.25])
    assert [one.times for one in past.entries] == [2, 2]


def test_it_never_grows_beyond_its_bound() -> None:
    past = Past()
    for at in range(MOST_ENTRIES + 50):
        past = past.after([Found(f"thing {at}", 0.5, CAR.box)], at)
    assert len(past.entries) == MOST_ENTRIES
    assert past.entries[-1].label == f"thing {MOST_ENTRIES + 49}"


def test_it_comes_back_as_it_was_kept() -> None:
    past = Past().after([CAR, _at(0.6, "🐕 a/b")], 100)
    assert Past().with_json(past.to_json()) == past


@CALM
@given(
    st.text(max_size=60)
    | st.recursive(st.none() | st.booleans() | st.floats() | st.integers() | st.text(GARBAGE, max_size=4), st.lists).map(
        json.dumps
    )
)
def test_garbage_is_no_past(text: str) -> None:
    Past().with_json(text).marked([CAR], 0)


def test_rows_that_are_right_are_kept_beside_such_that_are_not() -> None:
    rows = [["car", 0.2, 0.2, 0.2, 0.2, 3, 0, 1], ["car", "x", 0, 0, 0, 0, 0, 0], ["car", 10**400, 0, 0, 0, 0, 0, 0], None, []]
    past = Past().with_json(json.dumps(rows))
    assert [(one.label, one.times) for one in past.entries] == [("car", 3)]
    assert Past().with_json("[" * 100_000).entries == ()
