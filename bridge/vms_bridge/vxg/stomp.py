"""STOMP 1.2, as far as hearing a topic takes: frames, bounded, and nothing of what it can do besides.

The libraries that there are for it speak TLS without looking at the server's name unless told to, or need a thread; what is
needed here is one page of the specification (https://stomp.github.io/stomp-specification-1.2.html).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.errors import VmsProtocolError

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_HEAD_BYTES = 16 * 1024
MOST_BODY_BYTES = 1024 * 1024
_COMMAND = re.compile(rb"[A-Z]{3,16}")
_ESCAPES = {"\\": "\\\\", "\r": "\\r", "\n": "\\n", ":": "\\c"}
_ESCAPED = {"\\\\": "\\", "\\r": "\r", "\\n": "\n", "\\c": ":"}
_AN_ESCAPE = re.compile(r"\\.?", re.DOTALL)
_UNESCAPED = frozenset({"CONNECT", "CONNECTED"})
"""The specification has these be as they were in STOMP 1.0."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame; of a header that comes twice the first counts."""

    command: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


def pack(frame: Frame) -> bytes:
    """Return the frame as it is sent."""
    escaped = frame.command not in _UNESCAPED
    lines = [frame.command, *(f"{_out(name, escaped)}:{_out(value, escaped)}" for name, value in frame.headers.items())]
    return "\n".join(lines).encode() + b"\n\n" + frame.body + b"\0"


class Inflow:
    """Takes what comes, and gives frames; ends of line between them are signs of life."""

    def __init__(self) -> None:
        self._in = bytearray()

    def add(self, data: bytes) -> None:
        """Take what has come."""
        self._in += data

    @property
    def is_begun(self) -> bool:
        """Whether a frame has begun to come."""
        return bool(self._in)

    def take(self) -> Frame | None:
        """Return the next frame that is whole, None where there is none yet. Raises VmsProtocolError."""
        while self._in.startswith((b"\n", b"\r")):
            del self._in[:1]
        head_end, body_at = self._head()
        if head_end < 0:
            if len(self._in) > MOST_HEAD_BYTES:
                raise VmsProtocolError(f"the head of a frame has more than {MOST_HEAD_BYTES} bytes")
            return None
        command, headers = _parsed(bytes(self._in[:head_end]))
        body_end = self._body_end(headers, body_at)
        if body_end is None:
            return None
        body = bytes(self._in[body_at:body_end])
        del self._in[: body_end + 1]
        return Frame(command, headers, body)

    def _head(self) -> tuple[int, int]:
        """Return where the head ends, and where the body begins; -1 where that has not come yet."""
        ends = [(at, at + len(mark)) for mark in (b"\n\n", b"\n\r\n") if 0 <= (at := self._in.find(mark)) <= MOST_HEAD_BYTES]
        return min(ends, default=(-1, -1))

    def _body_end(self, headers: Mapping[str, str], body_at: int) -> int | None:
        """Return where the body ends, None where that has not come yet. Raises VmsProtocolError."""
        said = headers.get("content-length")
        if said is None:
            end = self._in.find(b"\0", body_at)
            if (len(self._in) if end < 0 else end) - body_at > MOST_BODY_BYTES:
                raise VmsProtocolError(f"a message has more than {MOST_BODY_BYTES} bytes")
            return None if end < 0 else end
        if not (said.isascii() and said.isdigit() and len(said) <= 9) or int(said) > MOST_BODY_BYTES:
            raise VmsProtocolError(f"a message has {said[:20]!r} bytes, and {MOST_BODY_BYTES} is the most")
        end = body_at + int(said)
        if len(self._in) <= end:
            return None
        if self._in[end] != 0:
            raise VmsProtocolError("a message is longer than it says")
        return end


def _parsed(head: bytes) -> tuple[str, dict[str, str]]:
    """Read command and headers. Raises VmsProtocolError."""
    first, *lines = head.replace(b"\r\n", b"\n").split(b"\n")
    first = first.rstrip(b"\r")
    if not _COMMAND.fullmatch(first):
        raise VmsProtocolError("what came is no frame of STOMP")
    command, headers = first.decode(), dict[str, str]()
    for line in lines:
        try:
            name, colon, value = line.rstrip(b"\r").decode().partition(":")
        except UnicodeDecodeError:
            raise VmsProtocolError("a header is no text") from None
        if not colon:
            raise VmsProtocolError("a header has no colon")
        if command not in _UNESCAPED:
            name, value = _in(name), _in(value)
        headers.setdefault(name, value)
    return command, headers


def _out(text: str, escaped: bool) -> str:  # noqa: FBT001 - it is called by position, in one place
    if not escaped:
        return text.replace("\n", "").replace("\r", "")
    return "".join(_ESCAPES.get(each, each) for each in text)


def _in(text: str) -> str:
    def one(found: re.Match[str]) -> str:
        if found[0] not in _ESCAPED:
            raise VmsProtocolError("a header has an escape that there is not")
        return _ESCAPED[found[0]]

    return _AN_ESCAPE.sub(one, text)
