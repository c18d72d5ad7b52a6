"""A hub with something in its index, whose pictures and clips come as a test wants: slowly, wrongly, or not to their end."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from tests.fakes.backend import START, event, monitor
from tests.fakes.hub import FakeHub

from vms_bridge.archive import ByteRange
from vms_bridge.commands import Ack, AckResult
from vms_bridge.commands.bridge import ClaimDevices, ReleaseDevices, SetDiscovery
from vms_bridge.errors import BridgeError, MediaUnavailable, NoSuchPart
from vms_bridge.index import Bucket, IndexedEvent, IndexProgress, SearchPage, ValueCount, ValueCounts
from vms_bridge.model import EndReason, EventRef
from vms_bridge.views import Claim

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import tzinfo

    from tests.fakes.clock import FakeClock

    from vms_bridge.archive import ClipContent, ClipRange, EventClip, LiveForm, LogLine, LogQuery, MadeClip, MediaRef, OpenMedia
    from vms_bridge.commands import Command
    from vms_bridge.index import BucketSize, Search, ValueKind
    from vms_bridge.views import SystemView

CLIP = bytes(range(256)) * 40


@dataclass(slots=True, kw_only=True)
class Film:
    """A picture or clip as some VMS gives it."""

    data: bytes = CLIP
    content_type: str = "video/mp4"
    length: int | None = -1
    """What the VMS says that it has; -1: the truth."""
    has_parts: bool = True
    gives: ByteRange | None = None
    """Another part than is asked for."""
    piece: int = 1_000
    refusal: MediaUnavailable | None = None
    """What it says instead of being opened."""
    breaks_at: int | None = None
    """After so many bytes it ends by `fault`, or simply."""
    fault: BridgeError | None = None
    hangs_at: int | None = None
    hang: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(slots=True)
class _Open:
    film: Film
    part: ByteRange | None
    content_type: str
    length: int | None

    async def pieces(self) -> AsyncIterator[bytes]:
        film, first, end = self.film, 0, len(self.film.data)
        if self.part is not None:
            first, end = self.part.first, min(end, (self.part.last if self.part.last is not None else end) + 1)
        for start in range(first, end, film.piece):
            if film.hangs_at is not None and start >= film.hangs_at:
                await film.hang.wait()
            if film.breaks_at is not None and start >= film.breaks_at:
                if film.fault is not None:
                    raise film.fault
                return
            yield film.data[start : min(end, start + film.piece)]


@dataclass(slots=True)
class _Made:
    content: ClipContent

    @asynccontextmanager
    async def open(self, byte_range: ByteRange | None) -> AsyncIterator[OpenMedia]:
        if byte_range is not None and byte_range.first >= len(CLIP):
            raise NoSuchPart("it has no such part", length=len(CLIP))
        last = len(CLIP) - 1 if byte_range is None or byte_range.last is None else min(byte_range.last, len(CLIP) - 1)
        part = None if byte_range is None else ByteRange(first=byte_range.first, last=last)
        yield _Open(Film(), part, "video/mp4", len(CLIP))


class World(FakeHub):
    """One system with two monitors, another with one; events 1 to 9 of the first monitor, 11 of the second."""

    def __init__(self, clock: FakeClock | None = None) -> None:
        super().__init__(monitors=0, clock=clock)
        self.add_monitor("zm", monitor(1, area="Garden"))
        self.add_monitor("zm", monitor(2))
        self.add_system("other")
        self.add_monitor("other", monitor(1))
        self.index = {ref.format(): _indexed(ref, key) for ref, key in _EVENTS}
        self.pages: list[tuple[Search, str | None, int]] = []
        self.counts: list[tuple[Search, BucketSize, tzinfo]] = []
        self.listed: list[tuple[Search, ValueKind, int]] = []
        self.rebuilt: list[str | None] = []
        self.lines: list[LogLine] = []
        self.log_queries: list[LogQuery] = []
        self.film = Film()
        self.opened: list[tuple[MediaRef, ByteRange | None]] = []
        self.open_now = 0
        self.live: BridgeError | tuple[LiveForm, ...] = ()
        """In which forms there is live video of any monitor, or why that can't be told."""
        self.content: ClipContent | None = None
        """What is in the clips that are made; None: none are."""
        self.asked_clips: list[ClipRange | EventClip] = []

    @property
    def systems(self) -> Mapping[str, SystemView]:
        progress = IndexProgress(is_complete=True, events=len(self.index), expected=len(self.index), oldest=START)
        return {key: replace(view, index=progress if key == "zm" else None) for key, view in super().systems.items()}

    def system(self, key: str) -> SystemView | None:
        return self.systems.get(key)

    async def submit(self, command: Command, progress: Callable[[Ack], None] | None = None) -> Ack:
        """Run commands to the bridge itself as the hub does, others as a test wants."""
        match command.action:
            case ClaimDevices(holder="switch") | ReleaseDevices(holder="switch"):
                return Ack.of(command, AckResult.REFUSED, START, code="rejected", hint="'switch' is the claim of a person")
            case ClaimDevices(holder=holder):
                self.claim(Claim(holder=holder, since=START, seen=START, token=command.origin.token), *self.state.claims)
            case ReleaseDevices(holder=holder):
                self.claim(*(one for one in self.state.claims if one.holder != holder))
            case SetDiscovery(on=on):
                self.claim(*(one for one in self.state.claims if one.holder != "switch"), *(() if on else ("switch",)))
            case _:
                return await super().submit(command, progress)
        return Ack.of(command, AckResult.APPLIED, START, applied="x")

    @property
    def holders(self) -> tuple[str, ...]:
        return tuple(claim.holder for claim in self.state.claims)

    async def search(self, query: Search, after: str | None = None, limit: int = 100) -> SearchPage:
        self.pages.append((query, after, limit))
        if self.refusal is not None:
            raise self.refusal
        found = [
            one
            for one in self.index.values()
            if (query.systems is None or one.ref.system in query.systems)
            and (query.monitors is None or (one.ref.system, one.monitor) in query.monitors)
        ]
        first = int(after or 0)
        return SearchPage(
            events=tuple(found[first : first + limit]), after=str(first + limit) if first + limit < len(found) else None
        )

    async def timeline(self, query: Search, bucket: BucketSize, zone: tzinfo) -> Sequence[Bucket]:
        self.counts.append((query, bucket, zone))
        return [Bucket(start=START.astimezone(zone), events=3)]

    async def values(self, query: Search, kind: ValueKind, limit: int = 100) -> ValueCounts:
        self.listed.append((query, kind, limit))
        return ValueCounts(counts=(ValueCount(value="person", events=2), ValueCount(value="dog", events=1))[:limit])

    async def indexed(self, ref: EventRef) -> IndexedEvent | None:
        return self.index.get(ref.format())

    async def rebuild_index(self, system: str | None = None) -> None:
        self.rebuilt.append(system)

    async def logs(self, system: str, query: LogQuery) -> Sequence[LogLine]:
        if system != "zm":
            raise MediaUnavailable(f"system {system} has no log that can be asked for")
        self.log_queries.append(query)
        return self.lines

    async def live_forms(self, system: str, monitor: str) -> Sequence[LiveForm]:
        assert self.monitor(system, monitor) is not None
        if isinstance(self.live, BridgeError):
            raise self.live
        return self.live

    def clip(self, asked: ClipRange | EventClip) -> AbstractAsyncContextManager[MadeClip]:
        return self._clip(asked)

    @asynccontextmanager
    async def _clip(self, asked: ClipRange | EventClip) -> AsyncIterator[MadeClip]:
        self.asked_clips.append(asked)
        if self.film.refusal is not None:
            raise self.film.refusal
        if self.content is None:
            raise MediaUnavailable("nothing was recorded in that time")
        self.open_now += 1
        try:
            yield _Made(self.content)
        finally:
            self.open_now -= 1

    def media(self, system: str, ref: MediaRef, byte_range: ByteRange | None = None) -> AbstractAsyncContextManager[OpenMedia]:
        return self._media(system, ref, byte_range)

    @asynccontextmanager
    async def _media(self, system: str, ref: MediaRef, part: ByteRange | None) -> AsyncIterator[OpenMedia]:
        self.opened.append((ref, part))
        film = self.film
        if film.refusal is not None:
            raise film.refusal
        if not film.data:
            raise MediaUnavailable(f"system {system} has no such picture or clip")
        part = part if film.has_parts else None
        if part is not None and part.first >= len(film.data):
            raise MediaUnavailable("it has no such part")
        if part is not None:
            last = len(film.data) - 1 if part.last is None else min(part.last, len(film.data) - 1)
            part = ByteRange(first=part.first, last=last)
        if part is not None and film.gives is not None:
            part = film.gives
        self.open_now += 1
        try:
            length = len(film.data) if film.length == -1 else film.length
            yield _Open(film, part, film.content_type, length)
        finally:
            self.open_now -= 1


_EVENTS = (
    *((EventRef("zm", 1, str(number)), "1") for number in range(9, 0, -1)),
    (EventRef("zm", 1, "11"), "2"),
    (EventRef("zm", 2, "5/a b"), "2"),
    (EventRef("other", 1, "1"), "1"),
)


def _indexed(ref: EventRef, key: str) -> IndexedEvent:
    start = START + timedelta(minutes=len(ref.id))
    told = event(
        1,
        key,
        id=ref.id,
        start=start,
        end=start + timedelta(seconds=20),
        end_reason=EndReason.CLOSED,
        duration_s=20.0,
        labels=("person", "dog"),
        score=0.91,
        zones=("Drive",),
        notes="by the gate",
        locked=False,
        tags=("parcel",),
        snapshot_ready=True,
        clip_ready=True,
    )
    return IndexedEvent(ref=ref, monitor=key, event=told, plates=("B AB 123",), text="a courier with a parcel")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text)
