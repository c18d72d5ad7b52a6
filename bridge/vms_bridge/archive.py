"""What a VMS has recorded, as it can be asked for: events page by page, pictures and clips piece by piece, and its log.

The values are those that sinks use. The hub puts the VMS's own id of a monitor in the place of its public key before a
backend sees it; an event is named by its `EventRef`, whose `id` is the VMS's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from vms_bridge.model import Capability, Event, EventRef, LivePicture
from vms_bridge.open_set import OpenSet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager

MOST_EVENTS = 1_000
"""How many events a page has at most."""
MOST_LINES = 10_000
"""How many lines of a log are given at most."""
MOST_FRAMES = 200_000
"""How many pictures of an event are listed at most."""
MOST_PIECE_BYTES = 4 * 1024 * 1024
"""How long a piece of a picture or clip is at most."""


class FrameKind(StrEnum):
    """Which frame of an event, where that is not a number or a time."""

    BEST = "best"
    ALARM = "alarm"
    FIRST = "first"
    ANNOTATED = "annotated"
    """The best one, with what was found drawn into it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFrame:
    """A picture of an event: of that kind, the one of that number (from 1), or the one of that time."""

    event: EventRef
    frame: FrameKind | int | datetime = FrameKind.BEST


@dataclass(frozen=True, slots=True, kw_only=True)
class EventClip:
    """All of an event, as a clip; of one that is still open, what there is so far, where its VMS can give that."""

    event: EventRef


@dataclass(frozen=True, slots=True, kw_only=True)
class RangeClip:
    """What a monitor has recorded in that time, as its VMS itself makes a clip of it."""

    monitor: str
    start: datetime
    end: datetime


class LiveForm(OpenSet):
    """In which form a live video is wanted."""

    MPEG_TS = "ts"
    MP4 = "mp4"
    """In fragments."""
    MJPEG = "mjpeg"
    """Picture by picture. A backend is asked for this one only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveStream:
    """What the monitor sees from now on, without an end."""

    monitor: str
    form: LiveForm = LiveForm.MJPEG


class LiveKind(OpenSet):
    """How H.264 or H.265 of a monitor is to be read."""

    RTSP = "rtsp"
    HTTP = "http"
    """MPEG-TS, or whatever else shows what it is."""
    FILES = "files"
    """Played one after the other, again and again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoSource:
    """Where H.264 or H.265 of a monitor comes from.

    The addresses may hold passwords, and are opened by the bridge only; `name` is what it is called, for people.
    """

    kind: LiveKind
    urls: tuple[str, ...] = field(repr=False)
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoPicture:
    """A decoded picture: three bytes (red, green, blue) for each pixel, row after row from the top left."""

    width: int
    height: int
    time: datetime
    """When it was decoded."""
    pixels: bytes = field(repr=False)


MediaRef = EventFrame | EventClip | RangeClip | LivePicture | LiveStream

MEDIA_NEEDS: Mapping[type, Capability] = {
    EventFrame: Capability.EVENT_FRAME,
    EventClip: Capability.EVENT_CLIP,
    RangeClip: Capability.RANGE_CLIP,
    LivePicture: Capability.LIVE_PICTURE,
    LiveStream: Capability.LIVE_STREAM,
}
"""The capability that each asks of its monitor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ByteRange:
    """A part of a picture or clip, from the byte `first` to the byte `last` (None: the end), both counted from 0."""

    first: int
    last: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """Which events: those that began from `since` on and before `until`, of these monitors (None: of all).

    `in_background` is for who asks page after page and is in no hurry: such a question waits for its turn among all that the
    VMS is asked, and no person's waits behind it.
    """

    since: datetime | None = None
    until: datetime | None = None
    monitors: frozenset[str] | None = None
    in_background: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage:
    """Events, each as it is now, the one that began last first; the next page is asked for by `after` (None: there is none).

    `after` is the backend's own word. A page may be short, or empty, and have a next one all the same. Where a VMS counts its
    events, the next page may hold some that began a moment after the last of this one, as it counts two that began together.
    """

    events: tuple[Event, ...]
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """How many events a query finds (None: that can't be known), and the one of them that has been there longest."""

    events: int | None = None
    oldest: Event | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedEvent:
    """An event of a page, as sinks see it: by its monitor's public key."""

    ref: EventRef
    monitor: str
    event: Event


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedPage:
    """A page of events, as sinks see it."""

    events: tuple[RecordedEvent, ...]
    after: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogQuery:
    """Which lines of a VMS's log: the newest ones from `since` on and before `until`, `most` of them."""

    since: datetime | None = None
    until: datetime | None = None
    most: int = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line of a VMS's log."""

    time: datetime
    message: str
    level: str = "info"
    component: str = ""


class SelfLogging(Protocol):
    """Who can be asked for the bridge's own log: the hub, for sinks."""

    def own_log(self, level: int, limit: int) -> Sequence[LogLine]:
        """Return the newest lines of the bridge's own log that are of this level (as of `logging`) at least, the oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameTimes:
    """Which single pictures an event has: their numbers, by which they are asked for, and their seconds from its beginning."""

    frames: tuple[tuple[int, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRange:
    """What a monitor has recorded in that time, over however many events, as one clip.

    What does not fit together (another codec or size, single pictures beside a video) is refused or, with `encode`, encoded anew.
    """

    system: str
    monitor: str
    since: datetime
    until: datetime
    encode: bool = False


class GapReason(StrEnum):
    """Why there is nothing of a time."""

    NOT_RECORDED = "not_recorded"
    STILL_RECORDED = "still_recorded"
    """Its event goes on, or was never finished: there is no clip of it yet."""
    UNAVAILABLE = "unavailable"
    """It was recorded, and the VMS does not give it, or not as something that can be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipGap:
    """A time that was asked for and is not in the clip."""

    start: datetime
    end: datetime
    reason: GapReason


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipPart:
    """What of an event is in a clip: `at_s` is where in the clip it begins, in seconds."""

    event: EventRef
    start: datetime
    end: datetime
    at_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipContent:
    """What is in a clip; `version` stands for these bytes, `is_settled` says whether nothing in it can change any more."""

    version: str
    length: int
    parts: tuple[ClipPart, ...]
    gaps: tuple[ClipGap, ...]
    duration_s: float
    codec: str
    width: int
    height: int
    is_encoded: bool
    is_settled: bool


class MadeClip(Protocol):
    """A clip that was made: it stays for as long as it is held."""

    @property
    def content(self) -> ClipContent:
        """What is in it."""

    def open(self, byte_range: ByteRange | None) -> AbstractAsyncContextManager[OpenMedia]:
        """Open it, or a part of it. Raises NoSuchPart."""


class Clippable(Protocol):
    """What can be asked for clips that are made when they are asked for: the hub, for sinks."""

    def clip(self, asked: ClipRange | EventClip) -> AbstractAsyncContextManager[MadeClip]:
        """Have a clip made of a time, or of an event that was recorded as single pictures; who asks for the same shares it.

        It begins at the key frame before. Raises MediaUnavailable (ClipRefused, NoRoom), VmsError, VideoFailed, StoreError.
        """


class OpenMedia(Protocol):
    """A picture or clip that is being read."""

    @property
    def content_type(self) -> str:
        """What it is, as in HTTP."""

    @property
    def length(self) -> int | None:
        """How many bytes the whole of it has, where that is known."""

    @property
    def part(self) -> ByteRange | None:
        """Which part of it this is; None: the whole, whatever was asked for."""

    def pieces(self) -> AsyncIterator[bytes]:
        """Return its bytes piece by piece, never all of them in memory."""


class Watchable(Protocol):
    """Who can be asked in which forms there is live video of a monitor, and for what monitors see now, decoded."""

    async def live_forms(self, system: str, monitor: str) -> Sequence[LiveForm]:
        """Return in which forms a monitor can be looked at, as far as can be told without reading its video.

        Raises MediaUnavailable where there is no such monitor, or no live video of it, and VmsError.
        """

    def frames(
        self, system: str, monitor: str, rate: float, *, width: int = 1_280
    ) -> AbstractAsyncContextManager[AsyncIterator[VideoPicture | bytes]]:
        """Look at a monitor: yields pictures, `rate` a second at most.

        Those of a video are decoded, and no wider than `width` pixels; JPEGs that a VMS sends one by one come as they are.

        Who is slow gets the newest one, and misses those before. Raises MediaUnavailable, VideoFailed or VmsError, then and
        while it is looked at.
        """
