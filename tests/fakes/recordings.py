"""What a system has recorded, as clips are made of it: videos and pictures from files, each of which may fail as a VMS's does."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.archive import EventClip, EventFrame, FrameTimes, RecordedEvent, RecordedPage
from vms_bridge.errors import MediaUnavailable, NoSuchEvent, SearchRefused
from vms_bridge.index import IndexedEvent, SearchPage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from vms_bridge.archive import ByteRange, EventQuery, MediaRef
    from vms_bridge.errors import BridgeError
    from vms_bridge.index import Search
    from vms_bridge.model import Event, EventRef

PIECE = 4_096


@dataclass(slots=True)
class Piecewise:
    data: bytes
    content_type: str
    fault: BridgeError | None = None
    part: ByteRange | None = None
    given: int = 0

    @property
    def length(self) -> int | None:
        return len(self.data)

    async def pieces(self) -> AsyncIterator[bytes]:
        for start in range(0, len(self.data), PIECE):
            self.given += 1
            yield self.data[start : start + PIECE]
            if self.fault is not None:
                raise self.fault


@dataclass(slots=True, kw_only=True)
class Recordings:
    """By an event's id: its video, or its pictures by number with their times; what else it says instead (`faults`)."""

    events_: dict[str, tuple[EventRef, Event]] = field(default_factory=dict)
    videos: dict[str, bytes] = field(default_factory=dict)
    pictures: dict[str, dict[int, tuple[float, bytes]]] = field(default_factory=dict)
    faults: dict[str, BridgeError] = field(default_factory=dict)
    breaks: dict[str, BridgeError] = field(default_factory=dict)
    """What it says in the middle."""
    content_type: str = "video/mp4"
    has_index: bool = True
    page: int | None = None
    """How many events a page has of those that it is asked for, each with an empty one before it; None: all are one page."""
    asked: list[str] = field(default_factory=list)
    opened: list[Piecewise] = field(default_factory=list)
    open_now: int = 0
    most_open: int = 0

    def add(self, ref: EventRef, event: Event) -> None:
        self.events_[ref.id] = (ref, event)

    @asynccontextmanager
    async def media(self, system: str, ref: MediaRef, byte_range: ByteRange | None) -> AsyncIterator[Piecewise]:
        assert byte_range is None
        assert isinstance(ref, EventClip | EventFrame)
        assert system == ref.event.system
        key = ref.event.id
        self.asked.append(key)
        if key in self.faults:
            raise self.faults[key]
        if isinstance(ref, EventClip):
            if key not in self.videos:
                raise NoSuchEvent(f"there is no event {key}")
            found = Piecewise(self.videos[key], self.content_type, self.breaks.get(key))
        else:
            picture = self.pictures.get(key, {}).get(ref.frame) if isinstance(ref.frame, int) else None
            if picture is None:
                raise MediaUnavailable(f"event {key} has no frame {ref.frame}")
            found = Piecewise(picture[1], "image/jpeg", self.breaks.get(key))
        self.opened.append(found)
        self.open_now += 1
        self.most_open = max(self.most_open, self.open_now)
        try:
            yield found
        finally:
            self.open_now -= 1

    async def frame_times(self, event: EventRef) -> FrameTimes:
        if event.id not in self.pictures:
            raise MediaUnavailable(f"event {event.id} was recorded as a video")
        return FrameTimes(frames=tuple((number, time) for number, (time, _) in self.pictures[event.id].items()))

    async def events(self, system: str, query: EventQuery, after: str | None) -> RecordedPage:
        found = self._before(system, query.until)
        if self.page is None:
            assert after is None
            return RecordedPage(events=tuple(map(_recorded, found)))
        number = int(after or 0)
        first = number // 2 * self.page
        is_last = first + self.page >= len(found) and number % 2
        events = found[first : first + self.page] if number % 2 else []
        return RecordedPage(events=tuple(map(_recorded, events)), after=None if is_last else str(number + 1))

    async def search(self, query: Search, after: str | None, limit: int) -> SearchPage:
        if not self.has_index:
            raise SearchRefused("the index is off")
        assert after is None
        assert query.monitors is not None
        ((system, _),) = query.monitors
        found = [each for each in self._before(system, query.until) if query.is_own in {None, each[0].is_own}][:limit]
        return SearchPage(events=tuple(IndexedEvent(ref=ref, monitor=event.monitor_id, event=event) for ref, event in found))

    async def one(self, ref: EventRef) -> IndexedEvent | None:
        found = self.events_.get(ref.id)
        return None if found is None else IndexedEvent(ref=ref, monitor=found[1].monitor_id, event=found[1])

    def _before(self, system: str, until: object) -> list[tuple[EventRef, Event]]:
        found = [(ref, event) for ref, event in self.events_.values() if ref.system == system and event.start is not None]
        return sorted(
            (each for each in found if each[1].start < until),  # type: ignore[operator]  # it has a start
            key=lambda each: each[1].start,  # type: ignore[arg-type,return-value]  # the same
            reverse=True,
        )


def _recorded(one: tuple[EventRef, Event]) -> RecordedEvent:
    ref, event = one
    return RecordedEvent(ref=ref, monitor=event.monitor_id, event=event)
