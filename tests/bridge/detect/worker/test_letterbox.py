"""Pictures into a model's input, and boxes back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.fakes.pictures import CORNERS, quarters, saved

from vms_bridge.detect.worker.letterbox import GREY, Canvas, Placed, boxes_in_picture
from vms_bridge.detect.worker.pictures import open_file, open_pixels


@pytest.mark.parametrize(("width", "height"), [(640, 360), (360, 640), (500, 500), (1_000, 1), (1, 1_000)])
def test_a_picture_is_put_in_the_middle_and_grey_is_around_it(width: int, height: int) -> None:
    pixels = np.zeros((192, 320, 3), np.uint8)
    placed = Canvas(pixels).put(open_file(saved(quarters(width, height), "PNG")))
    inside = pixels[placed.top : placed.top + placed.height, placed.left : placed.left + placed.width]
    around = np.ones(pixels.shape[:2], bool)
    around[placed.top : placed.top + placed.height, placed.left : placed.left + placed.width] = False
    assert (pixels[around] == GREY).all()
    assert placed.width == 320 or placed.height == 192
    assert abs(placed.left - (320 - placed.width - placed.left)) <= 1
    assert abs(placed.top - (192 - placed.height - placed.top)) <= 1
    if min(width, height) > 1:
        quarter = inside[placed.height // 4, placed.width // 4].astype(int)
        assert np.abs(quarter - CORNERS[0]).max() < 12


def test_what_was_there_before_goes() -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    canvas = Canvas(pixels)
    for width, height in ((64, 16), (16, 64), (64, 16), (64, 64), (16, 64)):
        data = bytes([250]) * (width * height * 3)
        placed = canvas.put(open_pixels(memoryview(data), width, height))
        assert (placed.width, placed.height) == (width, height)
        assert (pixels == 250).sum() == width * height * 3
        assert (pixels == GREY).sum() == (64 * 64 - width * height) * 3


@settings(max_examples=40)
@given(
    st.integers(1, 4_000),
    st.integers(1, 3_000),
    st.tuples(*[st.floats(0, 1, width=32)] * 4),
)
def test_a_box_comes_back_to_where_it_was(width: int, height: int, box: tuple[float, float, float, float]) -> None:
    x, y = sorted(box[:2]), sorted(box[2:])
    scale = min(640 / width, 384 / height)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    placed = Placed((640 - inner[0]) // 2, (384 - inner[1]) // 2, *inner)
    corners = np.array([[
        placed.left + x[0] * inner[0], placed.top + y[0] * inner[1], placed.left + x[1] * inner[0], placed.top + y[1] * inner[1]
    ]], np.float32)  # fmt: skip
    boxes, is_in = boxes_in_picture(corners, placed)
    assert np.allclose(boxes[0], [x[0], y[0], x[1] - x[0], y[1] - y[0]], atol=2e-3 * 640 / min(*inner, 640))
    assert is_in[0] == bool((boxes[0, 2:] > 0).all())


@settings(max_examples=40)
@given(st.lists(st.tuples(*[st.floats(-2_000, 2_000, width=32)] * 4), min_size=1, max_size=20))
def test_no_box_sticks_out(corners: list[tuple[float, float, float, float]]) -> None:
    boxes, is_in = boxes_in_picture(np.array(corners, np.float32), Placed(10, 20, 300, 200))
    kept = boxes[is_in]
    assert ((kept >= 0) & (kept <= 1)).all()
    assert (kept[:, :2] + kept[:, 2:] <= 1.0001).all()
    assert (kept[:, 2:] > 0).all()


def test_boxes_in_the_grey_go() -> None:
    boxes, is_in = boxes_in_picture(np.array([[0, 0, 9, 640], [0, 0, 320, 640]], np.float32), Placed(10, 0, 300, 640))
    assert is_in.tolist() == [False, True]
    assert boxes[1].tolist() == [0, 0, 1, 1]
    assert boxes_in_picture(np.zeros((0, 4), np.float32), Placed(0, 0, 1, 1))[0].shape == (0, 4)
