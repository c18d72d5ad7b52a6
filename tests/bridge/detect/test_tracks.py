"""Tracks: one object keeps its id, no two share one, and none comes twice."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vms_bridge.detect.tracks import Tracker, TrackRules, distance
from vms_bridge.detect.values import Found

if TYPE_CHECKING:
    from random import Random

SHARE = st.integers(0, 100).map(lambda number: number / 100)
SCORE = st.integers(0, 20).map(lambda number: number / 20)
FOUND = st.builds(
    Found,
    label=st.sampled_from(["person", "car", "dog"]),
    score=SCORE,
    box=st.tuples(SHARE, SHARE, SHARE, SHARE),
    text=st.none() | st.just("AB 12"),
)
FRAMES = st.lists(st.tuples(st.sampled_from([0.0, 0.2, 1.0, 9.0]), st.lists(FOUND, max_size=6, unique=True)), max_size=12)


def at(
    x: float, y: float = 0.5, *, label: str = "person", score: float = 0.5, size: float = 0.1, text: str | None = None
) -> Found:
    """Something that stands there."""
    return Found(label, score, (x - size / 2, y - size, size, size), text=text)


def ids(tracked: tuple[Found, ...]) -> list[str | None]:
    return [one.track for one in tracked]


@settings(max_examples=60, deadline=None)
@given(FRAMES, st.integers(1, 5))
def test_no_two_boxes_of_a_frame_are_one_track_and_no_id_comes_twice(frames: list[tuple[float, list[Found]]], most: int) -> None:
    tracker, time_s, gone = Tracker(TrackRules(most=most)), 0.0, set[str]()
    known: set[str] = set()
    for later, found in frames:
        time_s += later
        tracked = tracker.update(time_s, found)
        assert [replace(one, track=None) for one in tracked] == found
        given_now = [one for one in ids(tracked) if one is not None]
        assert len(set(given_now)) == len(given_now)
        assert len(given_now) == min(len(found), most), "all have one, as far as there is room"
        assert not gone & set(given_now), "who was gone does not come back"
        now = {track.id for track in tracker.tracks}
        assert len(now) <= most
        gone |= known - now
        known = now


@settings(max_examples=60, deadline=None)
@given(FRAMES, st.randoms(use_true_random=False))
def test_the_order_of_boxes_says_nothing(frames: list[tuple[float, list[Found]]], rng: Random) -> None:
    one, other, time_s = Tracker(), Tracker(), 0.0
    for later, found in frames:
        time_s += later
        mixed = rng.sample(range(len(found)), len(found))
        tracked = one.update(time_s, found)
        other_way = other.update(time_s, [found[place] for place in mixed])
        assert {(found[place], two.track) for place, two in zip(mixed, other_way, strict=True)} == set(
            zip(found, ids(tracked), strict=True)
        )
    assert one.tracks == other.tracks


def test_an_object_keeps_its_id_while_it_walks_and_is_missed_for_a_moment() -> None:
    tracker = Tracker()
    [first] = ids(tracker.update(0, [at(0.1)]))
    for step in range(1, 20):
        found = [at(0.1 + step * 0.04)]
        assert ids(tracker.update(step * 0.5, [] if step in {7, 8} else found)) in ([], [first])
    [track] = tracker.tracks
    assert (track.id, track.first_s, track.last_s, track.seen) == (first, 0, 9.5, 18)


def test_objects_of_different_labels_that_cross_keep_their_ids() -> None:
    tracker = Tracker()
    person, dog = ids(tracker.update(0, [at(0.1), at(0.9, label="dog")]))
    for step in range(1, 41):
        x = 0.1 + step * 0.02
        assert ids(tracker.update(step * 0.2, [at(1 - x, label="dog"), at(x)])) == [dog, person]


def test_who_was_lost_is_another_one_when_he_comes_back() -> None:
    tracker = Tracker(TrackRules(lost_s=5))
    [first] = ids(tracker.update(0, [at(0.5)]))
    tracker.update(4, [])
    assert ids(tracker.update(5, [at(0.5)])) == [first]
    assert ids(tracker.update(10.5, [at(0.5)])) != [first]


def test_who_has_come_too_far_is_another_one() -> None:
    tracker = Tracker()
    [first] = ids(tracker.update(0, [at(0.1)]))
    assert ids(tracker.update(0.2, [at(0.9)])) != [first]


def test_labels_that_a_model_takes_for_each_other_are_one_object() -> None:
    tracker = Tracker(TrackRules(same=(frozenset({"car", "truck"}),)))
    [first] = ids(tracker.update(0, [at(0.5, label="car")]))
    assert ids(tracker.update(1, [at(0.5, label="truck")])) == [first]
    assert ids(tracker.update(2, [at(0.5, label="truck")])) == [first]
    assert tracker.tracks[0].label == "truck"


def test_while_nothing_moves_nobody_is_lost() -> None:
    tracker = Tracker(TrackRules(lost_s=5))
    tracked = tracker.update(0, [at(0.5)])
    assert all(tracker.still(second) == tracked for second in range(1, 30))
    assert ids(tracker.update(30, [at(0.5)])) == ids(tracked)


@given(st.lists(SCORE, min_size=1, max_size=25))
def test_the_score_is_the_median_of_the_newest_ten(scores: list[float]) -> None:
    tracker = Tracker()
    for second, score in enumerate(scores):
        tracker.update(second, [at(0.5, score=score)])
    assert tracker.tracks[0].score == median(scores[-10:])


def test_the_best_frame_is_read_before_whole_before_large_and_sure() -> None:
    small, large, cut = at(0.5, score=0.9), at(0.5, score=0.8, size=0.2), replace(at(0.5, score=0.99), box=(0.3, 0.3, 0.3, 0.7))
    read = at(0.5, score=0.1, text="AB 12")
    tracker = Tracker(TrackRules(farthest=100))
    for second, (found, best) in enumerate(
        [(cut, cut), (small, small), (large, large), (cut, large), (read, read), (large, read)]
    ):
        tracker.update(second, [found])
        assert tracker.tracks[0].best.found == best


@given(st.tuples(SHARE, SHARE, SHARE, SHARE), st.tuples(SHARE, SHARE, SHARE, SHARE))
def test_distance_is_no_direction(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> None:
    assert distance(one, other) == pytest.approx(distance(other, one))
    assert distance(one, one) == 0


def test_a_box_that_is_none_is_near_nothing() -> None:
    assert distance((math.nan, 0, 1, 1), (0, 0, 1, 1)) == math.inf
    tracker = Tracker()
    tracker.update(0, [Found("person", 0.5, (math.nan, 0.0, 1.0, 1.0)), at(0.5)])
    assert len(set(ids(tracker.update(1, [Found("person", 0.5, (math.nan, 0.0, 1.0, 1.0)), at(0.5)])))) == 2


def test_time_that_goes_back_harms_nobody() -> None:
    tracker = Tracker()
    [first] = ids(tracker.update(10, [at(0.5)]))
    assert ids(tracker.update(2, [at(0.5)])) == [first]
    assert ids(tracker.update(math.nan, [at(0.5)])) == [first]
    assert tracker.tracks[0].last_s == 10
