"""What the simulated VXG knows: channels, groups, events, pictures, recordings, clips and documents, all by its own clock."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vms_bridge.clock import Clock

_MOST_IMAGES = 20_000


@dataclass(slots=True)
class FakeChannel:
    id: int
    name: str
    status: str = "active"
    recording: Any = True
    rec_mode: str = "on"
    timezone: str = "UTC"
    meta: dict[str, str] = field(default_factory=dict)
    token: str = ""
    watch_token: str = ""
    image_period: float | None = None
    images_from: datetime | None = None
    regions: list[dict[str, Any]] = field(
        default_factory=lambda: [
            {"id": 1, "name": "All", "enabled": True, "sensitivity": 5, "map": "//8="},
            {"id": 2, "name": "Door", "enabled": True, "sensitivity": 3, "map": "AAE="},
        ]
    )
    event_types: dict[str, dict[str, Any]] = field(default_factory=dict)
    ptz: list[str] = field(default_factory=list)
    presets: dict[str, str] = field(default_factory=dict)
    can_move: bool = True
    protocols: tuple[str, ...] = ("rtsp", "rtmp", "hls", "webrtc")


@dataclass(slots=True)
class FakeGroup:
    id: int
    name: str
    token: str
    channels: list[int]
    access: str = "all"
    ai_targeted: bool = False
    has_all: bool = False
    meta: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class FakeEvent:
    id: int
    camid: int
    name: str
    time: datetime
    listed_at: datetime
    thumb_at: datetime | None = None
    """When its picture comes; None for never."""
    meta_at: datetime | None = None
    meta: dict[str, str] = field(default_factory=dict)
    file: bytes | None = None
    odd: dict[str, Any] = field(default_factory=dict)
    """What its row says in the place of what is so."""
    first_listed_s: float | None = None
    """When it was in an answer first, by the monotonic clock."""


@dataclass(slots=True)
class FakeImage:
    id: int
    camid: int
    time: datetime
    origin: str


@dataclass(slots=True)
class FakeRecord:
    id: int
    camid: int
    start: datetime
    duration_s: float

    @property
    def end(self) -> datetime:
        return self.start + timedelta(seconds=self.duration_s)


@dataclass(slots=True)
class FakeClip:
    id: int
    camid: int
    title: str
    start: datetime
    end: datetime
    created: datetime
    wait_for_data: bool = False
    delete_at: datetime | None = None


@dataclass(slots=True)
class World:
    """Everything; `clock` is the time by which it goes."""

    clock: Clock
    channels: dict[int, FakeChannel] = field(default_factory=dict)
    groups: dict[int, FakeGroup] = field(default_factory=dict)
    events: dict[int, FakeEvent] = field(default_factory=dict)
    images: list[FakeImage] = field(default_factory=list)
    records: list[FakeRecord] = field(default_factory=list)
    clips: dict[int, FakeClip] = field(default_factory=dict)
    tasks: dict[int, tuple[datetime, bool]] = field(default_factory=dict)
    """When each task that makes pictures of recordings is done, and whether it fails."""
    documents: dict[str, tuple[int, dict[str, Any]]] = field(default_factory=dict)
    """By their ids: whose they are, and what they say."""
    documents_listed: dict[str, datetime] = field(default_factory=dict)
    """When each of those is listed that is listed later than it was written."""
    clock_ahead_s: float = 0.0
    task_delay_s: float = 3.0
    images_delay_s: float = 5.0
    """After so long the pictures of live video begin to come; a real one may take half a minute [S]."""
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def now(self) -> datetime:
        return self.clock.now() + timedelta(seconds=self.clock_ahead_s)

    def new_id(self) -> int:
        return next(self._ids)

    def record(self, camid: int, start: datetime, duration_s: float, piece_s: float = 60.0) -> None:
        """Have there be recorded video of this time, in pieces."""
        at = 0.0
        while at < duration_s:
            length = min(piece_s, duration_s - at)
            self.records.append(FakeRecord(self.new_id(), camid, start + timedelta(seconds=at), length))
            at += length

    def happen(self, camid: int, name: str = "motion", *, ago_s: float = 0.0, late_s: float = 0.0, **more: Any) -> FakeEvent:  # noqa: ANN401
        """Have an event be, so long ago, listed so much later; `thumb_s`, `meta_s`: when these come after that.

        It gets the next id, unless `id` is given.
        """
        time = self.now() - timedelta(seconds=ago_s)
        listed = time + timedelta(seconds=late_s)
        thumb_s, meta_s = more.pop("thumb_s", 0.0), more.pop("meta_s", 0.0)
        event = FakeEvent(
            more.pop("id", None) or self.new_id(),
            camid,
            name,
            time,
            listed,
            None if thumb_s is None else listed + timedelta(seconds=thumb_s),
            listed + timedelta(seconds=meta_s),
            **more,
        )
        self.events[event.id] = event
        return event

    def note(self, camid: int, *, ago_s: float = 0.0, late_s: float = 0.0, **said: Any) -> str:  # noqa: ANN401
        """Have an AI engine have written a document about so long ago, listed so much later; `said` are its other fields."""
        time = self.now() - timedelta(seconds=ago_s)
        number = f"AYm{self.new_id():06d}"
        self.documents[number] = (camid, {"timestamp": written(time), **said, "id": number})
        self.documents_listed[number] = time + timedelta(seconds=late_s)
        return number

    def records_in(self, camids: set[int], start: datetime | None, end: datetime | None) -> list[FakeRecord]:
        """[I] Every piece that overlaps the time."""
        found = [
            each
            for each in self.records
            if each.camid in camids and (end is None or each.start < end) and (start is None or each.end > start)
        ]
        return sorted(found, key=lambda each: each.start)

    def set_period(self, channel: FakeChannel, period: float | None) -> None:
        self.made_images(channel)
        if period != channel.image_period:
            channel.images_from = None if period is None else self.now() + timedelta(seconds=self.images_delay_s)
        channel.image_period = period

    def made_images(self, channel: FakeChannel) -> None:
        """Make the pictures of live video that are due by now."""
        while channel.image_period and channel.images_from is not None and channel.images_from <= self.now():
            self.images.append(FakeImage(self.new_id(), channel.id, channel.images_from, "generated_from_live"))
            channel.images_from += timedelta(seconds=channel.image_period)
            del self.images[:-_MOST_IMAGES]

    def extract(self, camid: int, start: datetime, end: datetime, period: float) -> int:
        """Make pictures of recordings; returns the task."""
        number = self.new_id()
        found = self.records_in({camid}, start, end)
        self.tasks[number] = (self.now() + timedelta(seconds=self.task_delay_s), not found)
        at = start
        while found and at < end:
            if any(each.start <= at < each.end for each in found):
                self.images.append(FakeImage(self.new_id(), camid, at, "generated_from_records"))
            at += timedelta(seconds=period)
        return number

    def clip_status(self, clip: FakeClip) -> str:
        """[S] `pending`, then `done`, or `error` where there is nothing recorded."""
        ready_at = clip.created + timedelta(seconds=self.task_delay_s)
        if clip.wait_for_data:
            ready_at = max(ready_at, clip.end + timedelta(seconds=self.task_delay_s))
        if self.now() < ready_at:
            return "pending"
        return "done" if self.records_in({clip.camid}, clip.start, clip.end) else "error"


def written(when: datetime) -> str:
    """[S] Naive UTC, with microseconds."""
    return when.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")


def read_time(text: str | None) -> datetime | None:
    """[S] Without a zone; what cannot be read is no filter."""
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found
