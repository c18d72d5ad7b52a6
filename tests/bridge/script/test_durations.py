"""How authors write how long something is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.script.durations import MOST_S, seconds, written


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (0, 0), (1.5, 1.5), ("30s", 30), ("500ms", 0.5), ("5m", 300), ("1h30m", 5400), ("2d", 172_800), ("1.5h", 5400),
        ("1h 30m", 5400), (" 10 ", 10), ("1W", 604_800), ("30m1h", 5400), ("0", 0),
    ],
)  # fmt: skip
def test_a_duration_is_a_number_or_a_text(said: float | str, expected: float) -> None:
    assert seconds(said) == expected


@pytest.mark.parametrize(
    "said", ["", "soon", "-5", "5x", "5m5m", "1e3s", "m", "5.", "\u0661s", "5 m in", "1h-5m", "9" * 40, "5m\n3"]
)
def test_anything_else_is_told_apart(said: str) -> None:
    with pytest.raises(ValueError, match=r"debounce|at most a year"):
        seconds(said, "debounce")


@pytest.mark.parametrize("said", [-1, float("inf"), float("nan"), MOST_S + 1, "367d"])
def test_what_no_duration_can_be_is_refused(said: float | str) -> None:
    with pytest.raises(ValueError, match="timeout"):
        seconds(said, "timeout")


@pytest.mark.parametrize("said", [None, True, [5], b"5s"])
def test_other_types_are_refused_by_name(said: object) -> None:
    with pytest.raises(TypeError, match="for_ is a number of seconds"):
        seconds(said, "for_")  # type: ignore[arg-type] # that is what is tested


@given(st.integers(min_value=0, max_value=int(MOST_S * 1000)))
def test_what_is_written_is_read_as_the_same(ms: int) -> None:
    assert seconds(written(ms / 1000)) == pytest.approx(ms / 1000, abs=0.0006)


@given(st.text(max_size=40))
def test_any_text_is_a_duration_or_a_value_error(text: str) -> None:
    try:
        found = seconds(text)
    except ValueError:
        return
    assert 0 <= found <= MOST_S
