"""What goes between the bridge and a child: the job as a line of JSON, and the child's frames, each with its length before it."""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass
from enum import Enum

HEADER = struct.Struct(">cI")
"""A frame's kind, and how many bytes its content has."""
MOST_FRAME_BYTES = 32 * 1024 * 1024
MOST_JOB_BYTES = 256 * 1024


class Kind(Enum):
    """What a frame's content is."""

    HELLO = b"H"
    """JSON: what comes from now on, of whatever kind of job."""
    FAILURE = b"E"
    """JSON with `message` and `hint`: why the child ends before its time."""
    TS_KEY = b"T"
    """MPEG-TS that can be begun with: PAT and PMT, and a picture that needs no other."""
    TS = b"t"
    MP4_HEAD = b"I"
    """What fragments of MP4 begin with: a new one makes an end of those before."""
    MP4_KEY = b"M"
    """A fragment that needs none before it."""
    MP4 = b"m"
    PICTURE = b"P"
    """`PICTURE`, and the picture's pixels, three bytes each, row after row."""
    DATA = b"D"
    """A part of a file."""
    DONE = b"Z"
    """JSON: what has become of the job."""


PICTURE = struct.Struct(">HHd")
"""Width, height, and Unix seconds at which it was decoded."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame."""

    kind: Kind
    content: bytes


class Unsuitable(Exception):
    """What a child was asked for can't be done; the text is for people, `hint` says what they may do."""

    def __init__(self, text: str, *, hint: str = "") -> None:
        super().__init__(text)
        self.hint = hint


class Output:
    """The child's end of the pipe. What is written waits for the bridge to read it."""

    def __init__(self, file: int) -> None:
        self._file = file

    def send(self, kind: Kind, content: bytes) -> None:
        """Write a frame. Raises BrokenPipeError where nobody reads any more."""
        left = memoryview(HEADER.pack(kind.value, len(content)) + content)
        while left:
            left = left[os.write(self._file, left) :]
