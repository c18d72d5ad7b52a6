"""What is left of what a head has read, held against a slow reference that knows nothing of arrays."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from tests.bridge.detect.calm import CALM

from vms_bridge.detect.models.nms import settled, suppressed
from vms_bridge.detect.models.values import MOST, Candidates, Raw

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH, HEIGHT = 64, 48
Box = tuple[float, float, float, float]
Row = tuple[Box, float, int]
SIDE = st.one_of(st.integers(-20, 80).map(float), st.sampled_from([math.nan, math.inf, -math.inf, 3e38, -3e38]))
SCORE = st.one_of(st.integers(0, 40).map(lambda score: score / 32), st.just(math.nan), st.just(math.inf))
ROWS = st.lists(st.tuples(st.tuples(SIDE, SIDE, SIDE, SIDE), SCORE, st.integers(-1, 3)), max_size=16)


def settle(rows: Sequence[Row], overlap: float | None = 0.5, classes: int = 3) -> Candidates:
    boxes = np.array([box for box, _, _ in rows], np.float32).reshape(-1, 4)
    raw = Raw(boxes, np.array([score for _, score, _ in rows], np.float32), np.array([one for _, _, one in rows], np.int32))
    with np.errstate(all="ignore"):
        return settled(raw, width=WIDTH, height=HEIGHT, classes=classes, overlap=overlap)


def slow(rows: Sequence[Row], overlap: float | None, classes: int) -> list[Row]:
    """Return what is left, one at a time."""
    left: list[Row] = []
    for box, score, one in sorted(rows, key=lambda row: -row[1] if math.isfinite(row[1]) else 0.0):
        if not all(map(math.isfinite, (*box, score))) or not 0 <= one < classes:
            continue
        limited = tuple(min(max(side, -limit), 2 * limit) for side, limit in zip(box, (WIDTH, HEIGHT) * 2, strict=True))
        if limited[2] > limited[0] and limited[3] > limited[1]:
            left.append(((limited[0], limited[1], limited[2], limited[3]), score, one))
    stays: list[Row] = []
    for row in left[:MOST]:
        if overlap is None or not any(row[2] == other[2] and shared(row[0], other[0]) > overlap for other in stays):
            stays.append(row)
    seen = []
    for box, score, one in stays:
        x1, y1, x2, y2 = (min(max(side, 0.0), limit) for side, limit in zip(box, (WIDTH, HEIGHT) * 2, strict=True))
        if x2 > x1 and y2 > y1:
            seen.append(((x1, y1, x2, y2), min(score, 1.0), one))
    return seen


def shared(one: Box, other: Box) -> float:
    """Return which part of two boxes' area both have."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or high <= 0:
        return 0.0
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return wide * high / (areas - wide * high)


def as_rows(candidates: Candidates) -> list[Row]:
    return [
        ((float(box[0]), float(box[1]), float(box[2]), float(box[3])), float(score), int(one))
        for box, score, one in zip(candidates.boxes, candidates.scores, candidates.classes, strict=True)
    ]


@CALM
@given(ROWS, st.sampled_from([None, 0.25, 0.5, 0.75]))
@example([], 0.5)
def test_it_is_what_the_slow_reference_says(rows: list[Row], overlap: float | None) -> None:
    assert as_rows(settle(rows, overlap)) == slow(rows, overlap, 3)


@CALM
@given(ROWS)
def test_nothing_that_is_left_is_no_number_or_lies_outside(rows: list[Row]) -> None:
    left = settle(rows)
    assert np.isfinite(left.boxes).all()
    assert np.isfinite(left.scores).all()
    for (x1, y1, x2, y2), score, one in as_rows(left):
        assert 0 <= x1 < x2 <= WIDTH
        assert 0 <= y1 < y2 <= HEIGHT
        assert 0 <= score <= 1
        assert 0 <= one < 3


def test_no_more_than_the_best_are_looked_at() -> None:
    many: list[Row] = [((float(at % 60), 0.0, at % 60 + 2.0, 2.0), at / 1000, 0) for at in range(1000)]
    left = settle(many, None)
    assert len(left) == MOST
    assert left.scores[0] == np.float32(0.999)
    assert left.scores[-1] == np.float32(0.7)


def test_of_equal_scores_the_earlier_one_stays() -> None:
    left = settle([((0, 0, 10, 10), 0.5, 0), ((1, 0, 11, 10), 0.5, 0), ((0, 0, 10, 10), 0.5, 1)])
    assert as_rows(left) == [((0, 0, 10, 10), 0.5, 0), ((0, 0, 10, 10), 0.5, 1)]


def test_boxes_that_do_not_meet_are_left_alone_far_from_the_corner() -> None:
    # Corners taken for x, y, width and height, as others did, seem to overlap the more the further they are from the corner.
    boxes = np.array([[40, 30, 50, 40], [52, 30, 62, 40], [40, 41, 50, 47]], np.float32)
    assert suppressed(boxes, np.zeros(3, np.int32), 0.1).tolist() == [0, 1, 2]


def test_what_a_removed_box_overlaps_may_stay() -> None:
    boxes = np.array([[0, 0, 10, 10], [4, 0, 14, 10], [8, 0, 18, 10]], np.float32)
    assert suppressed(boxes, np.zeros(3, np.int32), 0.4).tolist() == [0, 2]
