"""The units of H.264 and H.265."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from vms_bridge.video.nal import parameters

SPS, PPS, IDR = b"\x67abc", b"\x68d", b"\x65" + b"e" * 20
VPS5, SPS5, PPS5, IDR5 = b"\x40\x01v", b"\x42\x01s", b"\x44\x01p", b"\x26\x01" + b"i" * 20
LONG, SHORT = b"\x00\x00\x00\x01", b"\x00\x00\x01"


def test_parameters_are_found_whatever_is_around_them() -> None:
    wanted = SPS + SHORT + PPS
    assert parameters(LONG + SPS + LONG + PPS + LONG + IDR, "h264") == wanted
    assert parameters(SHORT + b"\x09\xf0" + SHORT + SPS + SHORT + PPS + SHORT + IDR, "h264") == wanted
    assert parameters(LONG + VPS5 + LONG + SPS5 + LONG + PPS5 + LONG + IDR5, "hevc") == SHORT.join([VPS5, SPS5, PPS5])


def test_where_there_are_none_there_is_nothing() -> None:
    assert parameters(LONG + IDR, "h264") == b""
    assert parameters(len(IDR).to_bytes(4, "big") + IDR, "h264") == b"", "units of MP4 have lengths before them"


@given(st.binary(max_size=200), st.sampled_from(["h264", "hevc"]))
def test_anything_is_borne(data: bytes, codec: str) -> None:
    assert isinstance(parameters(data, codec), bytes)
    assert isinstance(parameters(SHORT + data, codec), bytes)
