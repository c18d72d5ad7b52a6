"""Pictures are decoded as small as needed and the right way up, and what is none is refused with the reason."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from tests.fakes.pictures import CORNERS, Format, bomb, quarters, saved, sixteen_bits, turned

from vms_bridge.detect.worker.pictures import MOST_PIXELS, Opened, fitting, open_file, open_pixels
from vms_bridge.detect.worker.refusals import Unfit

JPEG = saved(quarters())


def corners(image: Image.Image) -> list[tuple[int, ...]]:
    """Return the colours in the middles of its quarters."""
    pixels = np.asarray(image.convert("RGB")).astype(int)
    height, width = pixels.shape[:2]
    places = [
        (height // 4, width // 4),
        (height // 4, 3 * width // 4),
        (3 * height // 4, width // 4),
        (3 * height // 4, 3 * width // 4),
    ]
    return [tuple(pixels[place]) for place in places]


def are_close(found: list[tuple[int, ...]], wanted: tuple[tuple[int, int, int], ...], most: int = 12) -> bool:
    return all(abs(a - b) <= most for one, other in zip(found, wanted, strict=True) for a, b in zip(one, other, strict=True))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "BMP"])
def test_forms_that_are_known(form: Format) -> None:
    picture = open_file(saved(quarters(), form))
    assert (picture.width, picture.height) == (640, 360)
    scaled = picture.scaled(320, 180)
    assert scaled.size == (320, 180)
    assert are_close(corners(scaled), CORNERS)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_camera_may_be_held_in_any_way(orientation: int) -> None:
    stored = turned(quarters(640, 360), orientation)
    picture = open_file(saved(stored, orientation=orientation))
    assert (picture.width, picture.height) == (640, 360)
    scaled = picture.scaled(160, 90)
    assert scaled.size == (160, 90)
    assert are_close(corners(scaled), CORNERS)


def test_an_orientation_that_there_is_not_changes_nothing() -> None:
    for orientation in (0, 9, 60_000):
        assert open_file(saved(quarters(), orientation=orientation)).turn is None


def test_broken_exif_says_nothing_about_the_picture() -> None:
    data = saved(quarters(), orientation=6)
    at = data.index(b"Exif")
    broken = data[: at + 6] + b"\xff" * 8 + data[at + 14 :]
    assert are_close(corners(open_file(broken).scaled(160, 90)), CORNERS)


@pytest.mark.parametrize(
    ("mode", "form"),
    [("L", "JPEG"), ("CMYK", "JPEG"), ("L", "PNG"), ("LA", "PNG"), ("RGBA", "PNG"), ("P", "PNG"), ("1", "PNG"), ("RGBA", "WEBP")],
)
def test_other_kinds_of_colours(mode: str, form: Format) -> None:
    image = quarters().convert(mode)
    scaled = open_file(saved(image, form)).scaled(160, 90)
    assert scaled.mode == "RGB"
    if mode not in {"1", "P"}:  # which look different
        wanted = tuple(corners(image.convert("RGB")))
        assert are_close(corners(scaled), wanted, most=20)  # type: ignore[arg-type]  # three values each


def test_a_palette_with_what_can_be_seen_through() -> None:
    image = quarters().convert("P")
    image.info["transparency"] = bytes([0, 128, 255])
    assert open_file(saved(image, "PNG")).scaled(160, 90).mode == "RGB"


def test_sixteen_bits_are_not_all_white() -> None:
    grey = quarters().convert("L")
    scaled = open_file(sixteen_bits(quarters())).scaled(640, 360)
    assert are_close(corners(scaled), tuple(corners(grey)), most=2)  # type: ignore[arg-type]  # three values each


def test_pixels_that_are_decoded_already() -> None:
    image = quarters(64, 36)
    picture = open_pixels(memoryview(image.tobytes()), 64, 36)
    assert are_close(corners(picture.scaled(32, 18)), CORNERS)
    for width, height in ((0, 36), (64, 35), (64, 37), (10**6, 10**6)):
        with pytest.raises(Unfit):
            open_pixels(memoryview(image.tobytes()), width, height)


@pytest.mark.parametrize("size", [(640, 360), (320, 180), (160, 90), (1_280, 720)])
def test_a_jpeg_is_decoded_no_larger_than_needed_and_no_smaller(size: tuple[int, int]) -> None:
    data = saved(quarters(1_280, 720))
    decoded = open_file(data).decoded(*size)
    assert decoded.size == size
    turned_size = open_file(saved(quarters(720, 1_280), orientation=6)).decoded(*size).size
    assert turned_size == (size[1], size[0])


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "no picture that is known"),
        (b"GIF89a" + bytes(100), "no picture that is known"),
        (b"\xff\xd8\xff" + bytes(100), "no picture that is known"),
        (JPEG[: len(JPEG) // 2], "truncated"),
        (bomb(60_000, 60_000), "million"),
        (bomb(9_000, 9_000), "million"),
        (bomb(300, 300), "can't be decoded"),
        (bomb(0, 10), "picture"),
    ],
)
def test_why_a_picture_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(Unfit, match=told) as refused:
        open_file(data).scaled(160, 90)
    assert len(str(refused.value)) < 300


def test_a_picture_of_a_great_camera_is_taken() -> None:
    data = saved(Image.new("RGB", (8_000, 6_000)), quality=30)
    assert MOST_PIXELS > 8_000 * 6_000
    assert open_file(data).scaled(640, 480).size == (640, 480)


@settings(max_examples=40)
@given(st.data())
def test_nothing_that_is_broken_raises_anything_else(data: st.DataObject) -> None:
    broken = bytearray(JPEG)
    for _ in range(data.draw(st.integers(1, 20))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    try:
        scaled = open_file(bytes(broken)).scaled(64, 36)
    except Unfit:
        return
    assert scaled.size == (64, 36)


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.integers(1, 2_000), st.integers(1, 2_000))
def test_what_fits_has_the_same_shape(width: int, height: int, most_width: int, most_height: int) -> None:
    fit_width, fit_height = fitting(width, height, most_width, most_height)
    assert 1 <= fit_width <= most_width
    assert 1 <= fit_height <= most_height
    scale = min(most_width / width, most_height / height)
    assert abs(fit_width - width * scale) <= 1
    assert abs(fit_height - height * scale) <= 1


def test_opened_pictures_are_values() -> None:
    picture = open_file(JPEG)
    assert isinstance(picture, Opened)
    assert picture.scaled(1, 1).size == (1, 1)
