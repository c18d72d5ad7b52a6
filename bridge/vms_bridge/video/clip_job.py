"""The job `clip`: what the child is to join to one clip, and what it answers. Imports nothing that reads videos."""

from __future__ import annotations

import struct
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar

from vms_bridge.video.jobs import Limits

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_PICTURE_BYTES = 20 * 1024 * 1024
_RECORD = struct.Struct(">dI")
_LIMITS = Limits(processor_s=600)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipSource:
    """A file with a video, or with single pictures (`is_pictures`), and what is wanted of it, in seconds from its beginning.

    `lasts_s` is how long it is by what its VMS says, `end_s` None: to its end.
    """

    path: str
    start_s: float
    end_s: float | None
    lasts_s: float
    is_pictures: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipJob:
    """What to join, in this order, to the MP4 file `target`, of no more than so many bytes.

    With `encode` what does not fit together is encoded anew instead of refused.
    """

    kind: ClassVar[str] = "clip"
    sources: tuple[ClipSource, ...]
    target: str
    most_bytes: int
    encode: bool
    limits: Limits = _LIMITS

    @property
    def secrets(self) -> Iterator[str]:
        """Nothing."""
        return iter(())

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> ClipJob:
        """Read it from JSON."""
        sources = tuple(ClipSource(**each) for each in said["sources"])
        return cls(sources=sources, target=said["target"], most_bytes=said["most_bytes"], encode=said["encode"])


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinedPart:
    """What of a source is in the clip, in seconds from the source's beginning, and where in the clip that begins."""

    start_s: float
    end_s: float
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipAnswer:
    """What became of it: with `refused` (a word: `differs`, `too_large`, `no_room`, `empty`) nothing, and `detail` says why.

    `parts` has one for each source, None for one that can't be read, or has nothing of what is wanted.
    """

    refused: str = ""
    detail: str = ""
    source: int | None = None
    """Which source it is about, where it is about one."""
    parts: tuple[JoinedPart | None, ...] = ()
    duration_s: float = 0.0
    codec: str = ""
    width: int = 0
    height: int = 0
    is_encoded: bool = False

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> ClipAnswer:
        """Read it from JSON."""
        parts = tuple(None if each is None else JoinedPart(**each) for each in said["parts"])
        return cls(**{**said, "parts": parts})

    def said(self) -> dict[str, Any]:
        """Return it as JSON."""
        return asdict(self)


def picture_record(time_s: float, jpeg: bytes) -> bytes:
    """Return a picture as it stands in a file of them: with its time, in seconds from the event's beginning."""
    return _RECORD.pack(time_s, len(jpeg)) + jpeg


def read_pictures(file: BinaryIO) -> Iterator[tuple[float, bytes]]:
    """Yield the pictures of a file, each with its time; what is cut off at the end is left out."""
    while len(head := file.read(_RECORD.size)) == _RECORD.size:
        time_s, size = _RECORD.unpack(head)
        jpeg = file.read(size) if size <= MOST_PICTURE_BYTES else b""
        if len(jpeg) < size:
            return
        yield time_s, jpeg
