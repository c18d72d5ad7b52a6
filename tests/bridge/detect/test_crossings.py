"""Lines: told once for each time that somebody has really come to the other side, with the right direction."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.detect.crossings import Crossings, Line, away, crossed
from vms_bridge.detect.happenings import Direction, Phase
from vms_bridge.detect.values import Found
from vms_bridge.model import EventKind

if TYPE_CHECKING:
    from random import Random

Point = tuple[float, float]
ACROSS = ((0.2, 0.5), (0.8, 0.5))
"""From the left to the right of the picture: its right side is below."""
SHARE = st.integers(0, 40).map(lambda number: number / 40)
POINT = st.tuples(SHARE, SHARE)


def standing(at: Point, track: str = "1", label: str = "person") -> Found:
    return Found(label, 0.5, (at[0] - 0.05, at[1] - 0.2, 0.1, 0.2), track=track)


def walked(path: list[Point], line: Line | None = None, **what: str) -> list[Direction | None]:
    crossings = Crossings(line or Line(name="gate", points=ACROSS))
    return [one.direction for second, at in enumerate(path) for one in crossings.update(second, [standing(at, **what)])]


def test_a_crossing_says_who_has_crossed_what_and_which_way() -> None:
    crossings = Crossings(Line(name="gate", points=ACROSS))
    assert crossings.update(1, [standing((0.5, 0.4))]) == []
    [told] = crossings.update(2, [standing((0.5, 0.6))])
    assert (told.kind, told.phase, told.place, told.track, told.label, told.time_s, told.direction) == (
        EventKind.LINE_CROSSING,
        Phase.MOMENT,
        "gate",
        "1",
        "person",
        2,
        Direction.IN,
    )


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ([(0.5, 0.4), (0.5, 0.6)], [Direction.IN]),
        ([(0.5, 0.6), (0.5, 0.4)], [Direction.OUT]),
        ([(0.5, 0.4), (0.5, 0.6), (0.5, 0.4)], [Direction.IN, Direction.OUT]),
        ([(0.5, 0.4), (0.5, 0.495), (0.5, 0.505), (0.5, 0.495), (0.5, 0.505), (0.5, 0.6)], [Direction.IN]),
        ([(0.5, 0.4), (0.5, 0.505), (0.5, 0.495), (0.5, 0.4)], []),
        ([(0.5, 0.4), (0.5, 0.5), (0.5, 0.6)], [Direction.IN]),
        ([(0.5, 0.4), (0.5, 0.5), (0.5, 0.4)], []),
        ([(0.5, 0.495), (0.5, 0.6)], [Direction.IN]),
        ([(0.1, 0.4), (0.1, 0.6)], []),
        ([(0.5, 0.4), (0.15, 0.45), (0.15, 0.55), (0.5, 0.6)], []),
        ([(0.5, 0.4)], []),
    ],
)
def test_who_crosses(path: list[Point], told: list[Direction]) -> None:
    assert walked(path) == told
    back = [Direction.OUT if one is Direction.IN else Direction.IN for one in reversed(told)]
    if path[0][1] != 0.495:
        assert walked(path[::-1]) == back


def test_only_the_direction_and_the_labels_that_are_asked_for_are_told() -> None:
    there_and_back = [(0.5, 0.4), (0.5, 0.6), (0.5, 0.4)]
    out = Line(name="gate", points=ACROSS, direction=Direction.OUT)
    assert walked(there_and_back, out) == [Direction.OUT]
    cars = Line(name="gate", points=ACROSS, accepts="car".__eq__)
    assert walked(there_and_back, cars) == []
    assert walked(there_and_back, cars, label="car") == [Direction.IN, Direction.OUT]


def test_two_who_cross_are_told_each() -> None:
    crossings = Crossings(Line(name="gate", points=ACROSS))
    crossings.update(1, [standing((0.4, 0.4), "1"), standing((0.6, 0.6), "2")])
    told = crossings.update(2, [standing((0.4, 0.6), "1"), standing((0.6, 0.4), "2")])
    assert [(one.track, one.direction) for one in told] == [("1", Direction.IN), ("2", Direction.OUT)]


def test_who_has_no_track_crosses_nothing_and_who_was_away_is_forgotten() -> None:
    crossings = Crossings(Line(name="gate", points=ACROSS))
    nobody = Found("person", 0.5, standing((0.5, 0.4)).box)
    assert crossings.update(1, [nobody, standing((0.5, 0.4))]) == []
    crossings.update(40, [])
    assert crossings.update(41, [standing((0.5, 0.6))]) == []
    crossings.end(42)
    assert crossings.update(43, [standing((0.5, 0.4))]) == []


@given(st.lists(POINT, min_size=2, max_size=6), st.lists(POINT, min_size=3, max_size=8))
def test_what_is_crossed_on_a_way_and_back_is_nothing(line: list[Point], path: list[Point]) -> None:
    there = sum(crossed(line, before, now) for before, now in pairwise(path))
    back = sum(crossed(line, before, now) for before, now in pairwise(path[::-1]))
    assert there == -back


@given(st.lists(POINT, min_size=2, max_size=12), st.randoms(use_true_random=False))
def test_jitter_less_than_the_margin_changes_nothing(path: list[Point], rng: Random) -> None:
    """On a line through the whole picture: told in turns, in and out, as the sides say on which he was last for certain."""
    whole = Line(name="gate", points=((-1.0, 0.5), (2.0, 0.5)), margin=0.05)
    shaken = [(x, y + rng.uniform(-0.02, 0.02)) for x, y in path]
    told = walked(shaken, whole)
    sides = [y >= 0.5 for _, y in shaken if abs(y - 0.5) >= 0.05]
    begins = [shaken[0][1] >= 0.5] if shaken else []
    expected = [Direction.IN if now else Direction.OUT for before, now in pairwise([*begins, *sides]) if before != now]
    assert told == expected


@given(st.lists(POINT, min_size=2, max_size=5), POINT)
def test_nobody_is_farther_from_a_line_than_from_its_corners(line: list[Point], point: Point) -> None:
    assert 0 <= away(line, point) <= min(math.dist(point, corner) for corner in line) + 1e-12
