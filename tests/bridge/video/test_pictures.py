"""Pictures one after the other, however their bytes come."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.errors import VideoFailed
from vms_bridge.video.pictures import Splitter

TYPE = "multipart/x-mixed-replace; boundary=ZoneMinderFrame"
PICTURES = [b"\xff\xd8\xff" + bytes([number]) * 40 * number + b"\r\n--\xff\xd9" for number in range(1, 5)]


def part(picture: bytes, *, has_length: bool = True, line: bytes = b"\r\n", kind: bytes = b"image/jpeg") -> bytes:
    length = b"Content-Length: %d" % len(picture) + line if has_length else b""
    return b"--ZoneMinderFrame" + line + b"Content-Type: " + kind + line + length + line + picture + line + line


@given(
    cuts=st.lists(st.integers(0, 1_000), max_size=20),
    has_length=st.booleans(),
    line=st.sampled_from([b"\r\n", b"\n"]),
    before=st.sampled_from([b"", b"\r\n", b"some preamble\r\n"]),
)
def test_the_same_pictures_come_of_any_pieces(cuts: list[int], line: bytes, before: bytes, *, has_length: bool) -> None:
    whole = before + b"".join(part(each, has_length=has_length, line=line) for each in PICTURES) + b"--ZoneMinderFrame--\r\n"
    places = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    splitter = Splitter(TYPE)
    found = [each for start, end in pairwise(places) for each in splitter.feed(whole[start:end])]
    assert [each.rstrip(b"\r\n") for each in found] == PICTURES


def test_what_is_no_picture_is_left_out() -> None:
    said = part(b"No signal", kind=b"text/plain") + part(PICTURES[0])
    assert list(Splitter(TYPE).feed(said)) == [PICTURES[0]]


@pytest.mark.parametrize("kind", ["text/html", "image/jpeg; boundary=x", "multipart/x-mixed-replace", ""])
def test_what_is_no_video_at_all(kind: str) -> None:
    with pytest.raises(VideoFailed, match="no video"):
        Splitter(kind)


@pytest.mark.parametrize("boundary", ['"--ZoneMinderFrame"', "--ZoneMinderFrame", '"ZoneMinderFrame"'])
def test_boundaries_are_written_in_several_ways(boundary: str) -> None:
    assert list(Splitter(f"multipart/x-mixed-replace;boundary={boundary}").feed(part(PICTURES[0]))) == [PICTURES[0]]


def test_nothing_grows_without_an_end() -> None:
    for said in (
        b"--ZoneMinderFrame\r\nContent-Length: 999999999\r\n\r\n",
        b"--ZoneMinderFrame\r\n" + b"x" * 20_000,
        b"x" * 40_000,
        b"--ZoneMinderFrame\r\n\r\n" + b"x" * 40_000,
    ):
        splitter = Splitter(TYPE, most_bytes=10_000)
        with pytest.raises(VideoFailed):
            list(splitter.feed(said))
