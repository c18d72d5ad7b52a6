"""Areas of polygons and boxes, held against counting: every cell of a raster is in, or is not."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from tests.bridge.detect.calm import CALM

from vms_bridge.detect.geometry import MOST_POINTS, area, contains, fault, is_simple, overlap, shared, side

_CELLS = 12
_INTEGERS = st.integers(0, _CELLS)
_CORNERS = st.tuples(_INTEGERS, _INTEGERS)


def _stairs(heights: list[int]) -> list[tuple[float, float]]:
    """Return the outline of columns of these heights side by side: concave, on whole numbers, and simple."""
    points: list[tuple[float, float]] = [(0, 0)]
    for at, height in enumerate(heights):
        points += [(at, height), (at + 1, height)]
    return [*points, (len(heights), 0)]


_STAIRS = st.lists(st.integers(1, _CELLS), min_size=1, max_size=_CELLS)
_BOXES = st.tuples(_INTEGERS, _INTEGERS, _INTEGERS, _INTEGERS)


@CALM
@given(_STAIRS, _BOXES)
def test_what_a_concave_polygon_and_a_box_share_is_the_number_of_their_cells(
    heights: list[int], box: tuple[int, int, int, int]
) -> None:
    x, y, width, height = box
    cells = sum(x <= column < x + width and y <= row < y + height for column, tall in enumerate(heights) for row in range(tall))
    assert shared(_stairs(heights), box) == pytest.approx(cells, abs=1e-9)
    assert shared(_stairs(heights)[::-1], box) == pytest.approx(cells, abs=1e-9)
    assert area(_stairs(heights)) == pytest.approx(sum(heights))


@CALM
@given(_STAIRS, st.floats(-1, 13), st.floats(-1, 13))
def test_a_point_is_in_a_polygon_where_it_is_in_a_column(heights: list[int], x: float, y: float) -> None:
    polygon = _stairs(heights)
    is_on_a_border = x == int(x) or y == int(y)
    assume(not is_on_a_border)
    column = math.floor(x)
    expected = 0 <= column < len(heights) and 0 < y < heights[column]
    assert contains(polygon, (x, y)) is expected
    assert contains(polygon[::-1], (x, y)) is expected


@CALM
@given(st.lists(_CORNERS, min_size=3, max_size=6), _BOXES)
def test_clipping_agrees_with_sampling(points: list[tuple[int, int]], box: tuple[int, int, int, int]) -> None:
    polygon = [(float(x), float(y)) for x, y in points]
    assume(fault([(x / _CELLS, y / _CELLS) for x, y in polygon]) is None)
    assume(box[2] > 0 and box[3] > 0)
    # A sliver beside a border is wrong by a strip of samples at most.
    steps = 16
    hits = sum(
        contains(polygon, (box[0] + box[2] * (column + 0.5) / steps, box[1] + box[3] * (row + 0.5) / steps))
        for column in range(steps)
        for row in range(steps)
    )
    assert shared(polygon, box) / (box[2] * box[3]) == pytest.approx(hits / steps**2, abs=0.2)


@CALM
@given(st.lists(_CORNERS, min_size=3, max_size=8), _BOXES)
def test_a_part_is_never_more_than_the_whole(points: list[tuple[int, int]], box: tuple[int, int, int, int]) -> None:
    polygon = [(float(x), float(y)) for x, y in points]
    assume(is_simple(polygon))
    assert 0 <= shared(polygon, box) <= min(box[2] * box[3], area(polygon)) + 1e-9


def test_the_border_is_in() -> None:
    square = [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)]
    assert contains(square, (0.5, 1.0))
    assert contains(square, (0.0, 0.0))
    assert not contains(square, (0.5, 1.0001))


@pytest.mark.parametrize(
    ("polygon", "said"),
    [
        ([(0.1, 0.1)] * 3, "three different"),
        ([(0.1, 0.1), (0.5, 0.5), (0.1, 0.1), (0.5, 0.5)], "three different"),
        ([(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)], "one line"),
        ([(0.0, 0.0), (1.0, 0.9), (1.0, 0.0), (0.0, 1.0)], "cross"),
        ([(0.0, 0.0), (1.0, 0.0)], "three different"),
        ([(math.cos(at), math.sin(at)) for at in range(MOST_POINTS + 1)], "more than"),
        ([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (1.0, 1.0), (0.0, 1.0)], None),
        ([(0.0, 0.0), (1.0, 0.0), (0.5, 0.5), (1.0, 1.0), (0.0, 1.0)], None),
    ],
)
def test_what_nothing_can_be_in_is_said(polygon: list[tuple[float, float]], said: str | None) -> None:
    found = fault(polygon)
    assert (found is None) is (said is None)
    assert said is None or (found is not None and said in found)


@CALM
@given(_BOXES, _BOXES)
def test_overlap_is_what_cells_say(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> None:
    cells = [
        {(column, row) for column in range(box[0], box[0] + box[2]) for row in range(box[1], box[1] + box[3])}
        for box in (one, other)
    ]
    together = len(cells[0] | cells[1])
    assert overlap(one, other) == pytest.approx(len(cells[0] & cells[1]) / together if together else 0.0)
    assert overlap(one, other) == overlap(other, one)


def test_sides_are_as_one_walks() -> None:
    assert side((0, 0), (1, 0), (0.5, 0.5)) > 0  # y grows downwards: below is to the right
    assert side((0, 0), (1, 0), (0.5, -0.5)) < 0
