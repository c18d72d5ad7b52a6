"""The units that H.264 and H.265 consist of, as far as it matters whether a camera has changed what it sends."""

from __future__ import annotations

import re

_START = re.compile(rb"\x00\x00\x01")
_H264 = frozenset({7, 8})
_H265 = frozenset({32, 33, 34})


def parameters(data: bytes, codec: str) -> bytes:
    """Return the sets of parameters in a packet whose units have start codes; nothing where there are none, or no such units."""
    if not data.startswith((b"\x00\x00\x01", b"\x00\x00\x00\x01")):
        return b""
    starts = [found.end() for found in _START.finditer(data)]
    ends = [start - 3 for start in starts[1:]] + [len(data)]
    units = (data[start:end].rstrip(b"\x00") for start, end in zip(starts, ends, strict=True))
    return b"\x00\x00\x01".join(unit for unit in units if _is_parameters(unit, codec))


def _is_parameters(unit: bytes, codec: str) -> bool:
    if not unit:
        return False
    return (unit[0] & 0x1F) in _H264 if codec == "h264" else (unit[0] >> 1 & 0x3F) in _H265
