"""What the two sides say to each other, and all that somebody could say instead."""

from __future__ import annotations

import json
import math
import sys
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vms_bridge.scripts.wire import HEADER, MOST_BYTES, MOST_JSON_BYTES, WireError, header, lengths, pack, read

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4), max_leaves=8
)
SAID = st.builds(lambda kind, more: {**more, "t": kind}, st.text(), st.dictionaries(st.text(), VALUES, max_size=4))

pytestmark = pytest.mark.timeout(120)


def is_sound(said: object) -> bool:
    """Say whether everything else can work with it: it can be sent on, and stored, as it is."""
    json.dumps(said, ensure_ascii=False, allow_nan=False).encode()
    return isinstance(said, dict) and isinstance(said["t"], str)


@settings(max_examples=60, deadline=None)
@given(said=SAID, data=st.binary(max_size=100))
def test_what_is_said_is_heard(said: dict[str, Any], data: bytes) -> None:
    frame = pack(said, data)
    json_bytes, data_bytes = lengths(frame[: HEADER.size])
    assert read(frame[HEADER.size : HEADER.size + json_bytes]) == said
    assert frame[HEADER.size + json_bytes :] == data
    assert data_bytes == len(data)


@settings(max_examples=200, deadline=None)
@given(raw=st.binary(max_size=300) | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass")))
@example(raw=b"")
@example(raw=b'\xef\xbb\xbf{"t":"a"}')
@example(raw='{"t":"a"}'.encode("utf-16"))
@example(raw='{"t":"a"}'.encode("utf-32"))
@example(raw=b'{"t":"\xed\xa0\x80"}')
@example(raw=b"[" * 100_000)
@example(raw=b'{"t":' * 100_000)
@example(raw=b'{"t":"a","x":' + b"[" * 200_000 + b"]" * 200_000 + b"}")
@example(raw=b'{"t":"a","x":' + b"9" * 5_000 + b"}")
def test_garbage_is_refused_and_nothing_else_happens(raw: bytes) -> None:
    with suppress(WireError):
        assert is_sound(read(raw))


@settings(max_examples=100, deadline=None)
@given(said=SAID, at=st.integers(0, 400), change=st.sampled_from(["cut", "flip", "insert", "double"]), byte=st.integers(0, 255))
def test_a_damaged_frame_is_refused_or_sound(said: dict[str, Any], at: int, change: str, byte: int) -> None:
    whole = json.dumps(said).encode()
    at %= len(whole)
    made = {
        "cut": whole[:at],
        "flip": whole[:at] + bytes([whole[at] ^ (byte or 1)]) + whole[at + 1 :],
        "insert": whole[:at] + bytes([byte]) + whole[at:],
        "double": whole + whole[at:],
    }[change]
    with suppress(WireError):
        assert is_sound(read(made))


@settings(deadline=None)
@given(raw=st.binary(max_size=16))
@example(raw=b"\xff" * 8)
@example(raw=HEADER.pack(MOST_JSON_BYTES + 1, 0))
@example(raw=HEADER.pack(2, MOST_BYTES + 1))
@example(raw=HEADER.pack(1, 0))
@example(raw=HEADER.pack(0, 0))
def test_no_header_has_more_read_than_may_be_sent(raw: bytes) -> None:
    try:
        json_bytes, data_bytes = lengths(raw)
    except WireError:
        return
    assert 2 <= json_bytes <= MOST_JSON_BYTES
    assert 0 <= data_bytes <= MOST_BYTES
    assert header(json_bytes, data_bytes) == raw


@pytest.mark.parametrize(
    "text",
    [
        '{"t":"a","x":NaN}',
        '{"t":"a","x":Infinity}',
        '{"t":"a","x":-Infinity}',
        '{"t":"a","x":1e999}',
        '{"t":"a","x":[-1e999]}',
        '{"t":"a","x":"\\ud800"}',
        '{"t":"a","\\udfff":1}',
        '{"t":"\\uDC00\\uD800"}',
        '{"t":1}',
        '{"t":null}',
        '{"T":"a"}',
        '["t"]',
        '"t"',
        "null",
        "{}",
        '{"t":"a"}{"t":"b"}',
        '{"t":"a",}',
        "{'t':'a'}",
        '{"t":"a\n"}',
    ],
)
def test_what_is_nearly_json_is_refused(text: str) -> None:
    with pytest.raises(WireError):
        read(text.encode())


def test_both_halves_of_a_character_are_one() -> None:
    assert read(b'{"t":"\\ud83d\\ude00"}') == {"t": "\N{GRINNING FACE}"}


def test_of_a_key_that_is_said_twice_the_last_counts() -> None:
    assert read(b'{"t":"a","t":"b","x":1,"x":2}') == {"t": "b", "x": 2}


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, "\ud800", {"\udfff": 1}, {1, 2}, object(), b"bytes"])
def test_what_is_no_json_is_not_sent(value: object) -> None:
    with pytest.raises(WireError):
        pack({"t": "a", "x": value})


def test_what_is_too_large_or_too_deep_is_not_sent() -> None:
    with pytest.raises(WireError, match="bytes of JSON"):
        pack({"t": "a", "x": "x" * MOST_JSON_BYTES})
    with pytest.raises(WireError, match="bytes behind"):
        pack({"t": "a"}, bytes(MOST_BYTES + 1))
    deep: list[object] = []
    for _ in range(sys.getrecursionlimit() * 100):
        deep = [deep]
    with pytest.raises(WireError):
        pack({"t": "a", "x": deep})
    while deep:  # taken apart from outside, for so deep a list is not let go of in one go
        (deep,) = deep  # type: ignore[assignment] # another list, or nothing
    itself: list[object] = []
    itself.append(itself)
    with pytest.raises(WireError):
        pack({"t": "a", "x": itself})


def test_the_largest_frame_can_be_sent() -> None:
    said = {"t": "a", "x": "x" * (MOST_JSON_BYTES - len('{"t":"a","x":""}'))}
    frame = pack(said, bytes(MOST_BYTES))
    assert lengths(frame[: HEADER.size]) == (MOST_JSON_BYTES, MOST_BYTES)
