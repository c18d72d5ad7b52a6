"""Numbers as people write them: whatever they are, none of it is lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.steps import with_all_digits


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53))
def test_it_is_the_same_number_again(value: float) -> None:
    assert float(with_all_digits(value)) == value


@pytest.mark.parametrize(
    ("value", "text"), [(5.0, "5"), (-3, "-3"), (0.1, "0.1"), (1_234_567.0, "1234567"), (1e15, "1" + "0" * 15)]
)
def test_it_is_written_as_people_do(value: float, text: str) -> None:
    assert with_all_digits(value) == text
