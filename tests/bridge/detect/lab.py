"""A hub whose VMS has frames of events, and detection at work on it with an engine that needs no models."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tests.fakes.backend import ScriptedBackend, event, monitor, snapshot, system_state
from tests.fakes.clock import FakeClock
from tests.fakes.engine import FakeEngine

from vms_bridge.archive import EventFrame, EventPage, LiveStream
from vms_bridge.detect.config import DetectionSettings
from vms_bridge.detect.sink import Detection
from vms_bridge.errors import MediaUnavailable, NoSuchEvent
from vms_bridge.hub import Hub
from vms_bridge.keys import MonitorRules
from vms_bridge.messages import decode
from vms_bridge.model import Capability, EventBatch, EventPicture, EventRef, LivePicture
from vms_bridge.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from vms_bridge.archive import ByteRange, MediaRef
    from vms_bridge.hub import SystemFeed
    from vms_bridge.model import Event, PictureRef
    from vms_bridge.views import EventMessage, MonitorView

ONE = ("zm", "1")
_ABLE = frozenset(Capability) - {Capability.OBJECT_DETECTION}
SETTINGS: dict[str, Any] = {
    "models": {"street": {"file": "/models/street.xml"}},
    "profiles": {"default": {}, "night": {"stages": [{"min_score": 0.8}]}},
}


def settings(**changes: Any) -> DetectionSettings:  # noqa: ANN401 - as a file has them
    return DetectionSettings.model_validate({**SETTINGS, **changes})


@dataclass(kw_only=True)
class FilmedVms(ScriptedBackend):
    """Its events have the frames that a test gives them, by event and frame; what is missing comes later, or never."""

    frames: dict[tuple[str, object], bytes] = field(default_factory=dict)
    live: dict[str, bytes] = field(default_factory=dict)
    archived: tuple[Event, ...] | None = None
    """What it has recorded, where it can be asked for that (`Lab.with_archive`)."""
    film: asyncio.Queue[bytes] = field(default_factory=asyncio.Queue)
    """What a monitor's live video has, picture by picture, as a test puts it there."""
    gone: set[str] = field(default_factory=set)
    asked: list[tuple[str, object]] = field(default_factory=list)
    asked_live: int = 0

    @property
    def archive(self) -> FilmedVms:
        return self

    async def events(self, query: object, after: object) -> object:
        if self.archived is None:
            raise MediaUnavailable(f"nobody asks for {query} after {after} here")
        return EventPage(events=self.archived)

    async def logs(self, query: object) -> object:
        raise MediaUnavailable(f"nobody asks for {query} here")

    async def media(self, ref: MediaRef, byte_range: ByteRange | None) -> Jpeg | Film:
        assert byte_range is None
        if isinstance(ref, LiveStream):
            return Film(self.film)
        assert isinstance(ref, EventFrame)
        self.asked.append((ref.event.id, ref.frame))
        if ref.event.id in self.gone:
            raise NoSuchEvent(f"there is no event {ref.event.id}")
        picture = self.frames.get((ref.event.id, ref.frame))
        if picture is None:
            raise MediaUnavailable("not yet")
        return Jpeg(picture)

    async def picture(self, ref: PictureRef) -> bytes:
        if isinstance(ref, EventPicture):
            return b"the VMS's own"
        assert isinstance(ref, LivePicture)
        self.asked_live += 1
        if ref.monitor not in self.live:
            raise MediaUnavailable("the camera is dark")
        return self.live[ref.monitor]


class Jpeg:
    content_type, part = "image/jpeg", None

    def __init__(self, picture: bytes) -> None:
        self._rest, self.length = picture, len(picture)

    async def read(self) -> bytes:
        piece, self._rest = self._rest[:7], self._rest[7:]
        return piece

    async def close(self) -> None:
        self._rest = b""


class Film:
    content_type, length, part = "multipart/x-mixed-replace; boundary=f", None, None

    def __init__(self, pictures: asyncio.Queue[bytes]) -> None:
        self._pictures = pictures

    async def read(self) -> bytes:
        picture = await self._pictures.get()
        return b"--f\r\nContent-Length: %d\r\n\r\n%s\r\n" % (len(picture), picture)

    async def close(self) -> None:
        pass


class Lab:
    """See above. Time passes only when a test lets it."""

    def __init__(self, path: Path, *, monitors: int = 2) -> None:
        self.path, self.clock = path, FakeClock()
        self.engine = FakeEngine(self.clock)
        first = snapshot(*(monitor(number, capabilities=_ABLE) for number in range(1, monitors + 1)))
        self.vms = FilmedVms(first=replace(first, system=system_state(capabilities=_ABLE - {Capability.ARCHIVE})))
        self.hub: Hub
        self.feed: SystemFeed
        self._tasks: list[asyncio.Task[Any]] = []

    def with_archive(self, *events: Event) -> Lab:
        """Have the VMS be one that can be asked what it has recorded."""
        self.vms.first = replace(self.vms.first, system=system_state(capabilities=_ABLE))
        self.vms.archived = events
        return self

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Lab]:
        store = await asyncio.to_thread(Store.open, self.path / "data", self.clock)
        self.hub = Hub(store, self.clock)
        await self.hub.start()
        self.feed = await self.hub.add_system(key="zm", kind="fake", name="Fake", rules=MonitorRules(), backend=self.vms)
        self._tasks = [asyncio.create_task(self.hub.run()), asyncio.create_task(self.vms.run(self.feed))]
        await self.until(lambda: self.hub.monitor(*ONE) is not None)
        try:
            yield self
        finally:
            await self.hub.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks)
            await store.close()

    @asynccontextmanager
    async def detecting(self, with_: DetectionSettings | None = None) -> AsyncIterator[Detection]:
        """Have detection at work; it has heard of all that was so before."""
        sink = Detection(with_ or settings(), self.clock, engine=lambda: self.engine, folder=self.path / "detection")
        task = asyncio.create_task(sink.run(self.hub))
        try:
            await self.until(lambda: self.view().offer.settings or task.done())
            yield sink
            assert not task.done(), task
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def until(self, holds: Callable[[], object], *, step_s: float = 0.25) -> None:
        """Let time pass until this holds."""
        async with asyncio.timeout(20):
            while not holds():
                await self.clock.advance(step_s)
                await asyncio.sleep(0.001)

    async def pass_time(self, seconds: float) -> None:
        """Let so much time pass, with all that happens in it."""
        for _ in range(int(seconds * 2)):
            await self.clock.advance(0.5)
            await asyncio.sleep(0.001)

    def view(self, key: str = "1") -> MonitorView:
        found = self.hub.monitor("zm", key)
        assert found
        return found

    def counts(self, key: str = "1") -> dict[str, int]:
        """Return how many objects a monitor shows, by label."""
        objects = self.view(key).objects
        return {} if objects is None else dict(objects.labels)

    def ref(self, number: int) -> EventRef:
        return EventRef("zm", 1, str(number))

    async def record(self, *events: Event, late: bool = False) -> None:
        await self.feed.record(EventBatch(events=events, late=late))

    async def begin(self, number: int = 1, monitor_id: str = "1", **changes: object) -> Event:
        """Have an event begin now."""
        begun = event(number, monitor_id, start=self.clock.now(), **changes)
        await self.record(begun)
        return begun

    async def messages(self) -> list[EventMessage]:
        page = await self.hub.history(None, 1_000)
        return [decode(message.payload) for _, message in page.messages]

    async def labels(self, number: int = 1) -> tuple[str, ...]:
        """Return the labels of an event, as it was told of last."""
        return next((each.labels for each in reversed(await self.messages()) if each.id == f"zm-{number}"), ())

    async def until_labels(self, *labels: str, number: int = 1) -> None:
        async with asyncio.timeout(20):
            while await self.labels(number) != labels:
                await self.clock.advance(0.25)
                await asyncio.sleep(0.001)
