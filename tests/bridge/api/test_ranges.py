"""Which bytes a request wants."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.api.ranges import MOST_SPANS, Span, parse, resolve
from vms_bridge.archive import ByteRange
from vms_bridge.errors import RangeUnsatisfiable


@pytest.mark.parametrize(
    ("header", "spans"),
    [
        (None, ()),
        ("bytes=0-0", (Span(0, 0),)),
        ("bytes=0-", (Span(0, None),)),
        ("bytes=5-9", (Span(5, 9),)),
        ("bytes=-9", (Span(None, 9),)),
        ("BYTES = 5-9 , , -1", (Span(5, 9), Span(None, 1))),
        ("bytes=9-5", ()),
        ("bytes=5-9,9-5", ()),
        ("bytes=", ()),
        ("bytes=-", ()),
        ("bytes=a-b", ()),
        ("bytes=1-2-3", ()),
        ("bytes=+1-2", ()),
        ("bytes=٣-٤", ()),
        ("bytes", ()),
        ("", ()),
        ("seconds=1-2", ()),
        (f"bytes=0-{'9' * 19}", ()),
        ("bytes=" + ",".join(["0-1"] * MOST_SPANS), (Span(0, 1),) * MOST_SPANS),
        ("bytes=" + ",".join(["0-1"] * 1_000), ()),
    ],
)
def test_what_is_asked_for(header: str | None, spans: tuple[Span, ...]) -> None:
    assert parse(header) == spans


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", ByteRange(first=0, last=0)),
        ("bytes=0-", ByteRange(first=0, last=99)),
        ("bytes=90-1000", ByteRange(first=90, last=99)),
        ("bytes=99-99", ByteRange(first=99, last=99)),
        ("bytes=-1", ByteRange(first=99, last=99)),
        ("bytes=-1000", ByteRange(first=0, last=99)),
        ("bytes=0-5,3-9", None),
        ("bytes=0-5,1000-", None),
        ("rows=1-2", None),
    ],
)
def test_what_that_is_of_a_hundred_bytes(header: str, part: ByteRange | None) -> None:
    assert resolve(parse(header), 100) == part


@pytest.mark.parametrize("header", ["bytes=100-", "bytes=100-200", "bytes=-0", "bytes=100-,200-300"])
def test_what_is_not_there(header: str) -> None:
    with pytest.raises(RangeUnsatisfiable) as raised:
        resolve(parse(header), 100)
    assert raised.value.length == 100


def test_of_nothing_there_is_no_part() -> None:
    with pytest.raises(RangeUnsatisfiable):
        resolve(parse("bytes=0-"), 0)
    assert resolve((), 0) is None


@given(st.text(alphabet="bytes=0123456789-, \t", max_size=60), st.integers(0, 10**6))
def test_a_part_is_always_within(header: str, length: int) -> None:
    try:
        part = resolve(parse(header), length)
    except RangeUnsatisfiable:
        return
    assert part is None or (part.last is not None and 0 <= part.first <= part.last < length)
