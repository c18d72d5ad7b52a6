"""How a script's worker and the bridge speak: frames of one JSON object and, behind it, bytes such as a picture.

Neither side trusts the other. Everything is bounded before it is read, and nothing but JSON is ever decoded.
Standard library only: the worker loads this too.
"""

from __future__ import annotations

import json
import re
import struct
from typing import TYPE_CHECKING, Any

from vms_bridge.strict_json import decode

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADER = struct.Struct("!II")
"""How many bytes of JSON follow, and how many of anything behind these."""
MOST_JSON_BYTES = 1024 * 1024
MOST_BYTES = 4 * 1024 * 1024
"""How much may stand behind the JSON."""

_MAY_BE_HALF = re.compile(r"\\u[dD][89a-fA-F]")
"""Half of a character, or one of both halves: a text with a half alone could be neither stored nor sent."""


class WireError(Exception):
    """What was sent makes no sense, or is larger than anything that may be sent."""


def pack(said: Mapping[str, Any], data: bytes = b"") -> bytes:
    """Return the frame that says this. Raises WireError for what is too large, or is no JSON."""
    try:
        text = json.dumps(said, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:  # UnicodeEncodeError, of half a pair of surrogates, is a ValueError
        raise WireError(f"this is no JSON: {error}") from None
    return header(len(text), len(data)) + text + data


def header(json_bytes: int, data_bytes: int) -> bytes:
    """Return the header of a frame. Raises WireError for what is too large."""
    _check(json_bytes, data_bytes)
    return HEADER.pack(json_bytes, data_bytes)


def lengths(raw: bytes) -> tuple[int, int]:
    """Return how many bytes of JSON follow this header, and how many behind these. Raises WireError."""
    try:
        json_bytes, data_bytes = HEADER.unpack(raw)
    except struct.error:
        raise WireError(f"a header has {HEADER.size} bytes, and not {len(raw)}") from None
    _check(json_bytes, data_bytes)
    return json_bytes, data_bytes


def read(raw: bytes) -> dict[str, Any]:
    """Return the JSON object of a frame. Raises WireError for anything else."""
    try:
        text = raw.decode()  # `loads` would take UTF-16 too, and halves of characters
        said = decode(text)
        if _MAY_BE_HALF.search(text):
            json.dumps(said, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:
        raise WireError(f"this is no JSON: {type(error).__name__}") from None
    if not isinstance(said, dict) or not isinstance(said.get("t"), str):
        raise WireError("a frame says an object with a text `t`")
    return said


class Inflow:
    """What has come of frames so far; one is taken out when all of it is there."""

    def __init__(self) -> None:
        self._in = bytearray()

    def add(self, data: bytes) -> None:
        """Add what has come."""
        self._in += data

    def clear(self) -> None:
        """Forget it."""
        self._in.clear()

    def lengths(self) -> tuple[int, int] | None:
        """Return how much JSON and how much behind it the next frame has, once it says so. Raises WireError."""
        return lengths(bytes(self._in[: HEADER.size])) if len(self._in) >= HEADER.size else None

    def take(self) -> tuple[dict[str, Any], bytes] | None:
        """Return the next frame, None where it is not all there. Raises WireError."""
        sizes = self.lengths()
        if sizes is None:
            return None
        data_at = HEADER.size + sizes[0]
        end = data_at + sizes[1]
        if len(self._in) < end:
            return None
        said, data = read(bytes(self._in[HEADER.size : data_at])), bytes(self._in[data_at:end])
        del self._in[:end]
        return said, data


def _check(json_bytes: int, data_bytes: int) -> None:
    if not 2 <= json_bytes <= MOST_JSON_BYTES:
        raise WireError(f"a frame has 2 to {MOST_JSON_BYTES} bytes of JSON, and not {json_bytes}")
    if not 0 <= data_bytes <= MOST_BYTES:
        raise WireError(f"a frame has at most {MOST_BYTES} bytes behind its JSON, and not {data_bytes}")
