"""Boxes and labels are seen in the picture, whatever they are."""

from __future__ import annotations

import io

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.fakes.pictures import saved

from vms_bridge.detect.worker.draw import draw
from vms_bridge.detect.worker.pictures import open_file

GREY = saved(Image.new("RGB", (640, 360), (90, 90, 90)))


def drawn(
    *rows: tuple[str, tuple[float, float, float, float], int], data: bytes = GREY, most_width: int | None = None
) -> npt.NDArray[np.int64]:
    jpeg = draw(open_file(data), rows, most_width)
    assert jpeg.startswith(b"\xff\xd8")
    return np.asarray(Image.open(io.BytesIO(jpeg)).convert("RGB")).astype(int)


def test_without_anything_to_draw_the_picture_stays() -> None:
    assert np.abs(drawn() - 90).max() < 5


def test_a_box_has_its_colour_at_its_border_only() -> None:
    pixels = drawn(("", (0.25, 0.25, 0.5, 0.5), 0))
    assert abs(pixels[90, 320] - (255, 77, 77)).max() < 60
    assert abs(pixels[180, 160] - (255, 77, 77)).max() < 60
    assert np.abs(pixels[180, 320] - 90).max() < 5


@pytest.mark.parametrize("label", ["person 0.93", "Größe", "собака", "車", "🚗", "a/b\n\x00c", "﷽" * 20, "x" * 500, "   "])
@pytest.mark.parametrize("size", [(64, 36), (640, 360), (1_920, 1_080)])
def test_any_label_at_any_size(label: str, size: tuple[int, int]) -> None:
    pixels = drawn((label, (0.1, 0.4, 0.3, 0.3), 1), data=saved(Image.new("RGB", size, (90, 90, 90))))
    assert pixels.shape[:2] == (size[1], size[0])


def test_a_label_stands_above_its_box_and_in_it_where_there_is_no_room() -> None:
    above = drawn(("person", (0.3, 0.5, 0.2, 0.4), 1))
    top = drawn(("person", (0.3, 0.0, 0.2, 0.4), 1))
    filled = (61, 220, 132)
    assert (np.abs(above[150:176, 194:230] - filled).max(axis=2) < 60).mean() > 0.2
    assert (np.abs(top[2:20, 194:230] - filled).max(axis=2) < 60).mean() > 0.2


def test_letters_are_readable_in_small_and_in_large_pictures() -> None:
    for width, height in ((320, 180), (1_920, 1_080)):
        rows = ("car", (0.3, 0.5, 0.2, 0.4), 3)
        pixels = drawn(rows, data=saved(Image.new("RGB", (width, height), (90, 90, 90))))
        dark = (pixels.max(axis=2) < 80).any(axis=1)
        letters = dark[: height // 2].sum()  # above the box
        assert 3 <= letters <= height / 8


def test_it_is_made_smaller_and_never_larger() -> None:
    assert drawn(most_width=320).shape == (180, 320, 3)
    assert drawn(most_width=5_000).shape == (360, 640, 3)
    turned = saved(Image.new("RGB", (360, 640)), orientation=6)
    assert drawn(data=turned, most_width=320).shape == (180, 320, 3)


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(st.text(max_size=20), st.tuples(*[st.floats(-1, 2, allow_nan=False)] * 4), st.integers(-(10**6), 10**6)),
        max_size=5,
    ),
    st.integers(1, 100),
    st.integers(1, 100),
)
def test_nothing_that_is_to_be_drawn_fails(
    rows: list[tuple[str, tuple[float, float, float, float], int]], width: int, height: int
) -> None:
    pixels = drawn(*rows, data=saved(Image.new("RGB", (width, height))))
    assert pixels.shape == (height, width, 3)
