"""Sizes and times are read as people write them, and nothing else is."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.bridge.detect.calm import CALM, GARBAGE

from vms_bridge.detect.sizes import Area, WrongSize, parse_area, parse_duration, parse_picture_size


def test_areas_are_shares_or_pixels() -> None:
    assert parse_area("0.4%").of(1280, 720) == pytest.approx(0.004)
    assert parse_area(" 100 % ") == Area(share=1.0)
    assert parse_area("900px").of(30, 30) == 1.0
    assert parse_area("900px").of(300, 300) == pytest.approx(0.01)
    assert parse_area("1px").of(0, 0) == math.inf


def test_times_have_units() -> None:
    assert [parse_duration(text) for text in ("500ms", "2s", "1.5m", "12h", "7d", "0")] == [0.5, 2, 90, 43_200, 604_800, 0]


def test_pictures_have_two_sides() -> None:
    assert parse_picture_size("1280x720") == (1280, 720)
    assert parse_picture_size("1280 x 720") == (1280, 720)


@pytest.mark.parametrize("text", ["", "4", "101%", "-1%", "nan%", "1e3px", "900 em", "٣px"])
def test_what_is_no_area_is_refused(text: str) -> None:
    with pytest.raises(WrongSize) as wrong:
        parse_area(text)
    assert wrong.value.remedy


@pytest.mark.parametrize("text", ["", "12", "-1s", "1 week", "infs", "1h30m"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(WrongSize):
        parse_duration(text)


@pytest.mark.parametrize("text", ["", "0x720", "1280", "1280x720x3", "99999x1"])
def test_what_is_no_size_of_a_picture_is_refused(text: str) -> None:
    with pytest.raises(WrongSize):
        parse_picture_size(text)


@CALM
@given(st.text(GARBAGE, max_size=20))
def test_garbage_is_refused_or_finite(text: str) -> None:
    for parse in (parse_area, parse_duration, parse_picture_size):
        try:
            value = parse(text)
        except WrongSize:
            continue
        assert value is not None
