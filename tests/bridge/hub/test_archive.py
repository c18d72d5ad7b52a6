"""What systems have recorded, as sinks ask for it: by public keys, of what is shown only, and in bounds."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from tests.fakes.backend import EVERYTHING, START, ScriptedBackend, event, monitor, snapshot, system_state
from tests.fakes.clock import FakeClock, settle

from vms_bridge.archive import (
    MOST_EVENTS,
    MOST_FRAMES,
    MOST_LINES,
    EventClip,
    EventFrame,
    EventPage,
    EventQuery,
    Extent,
    FrameTimes,
    LiveStream,
    LogLine,
    LogQuery,
    RangeClip,
)
from vms_bridge.errors import BackendDefect, MediaUnavailable, VmsUnreachable
from vms_bridge.hub import Hub
from vms_bridge.hub.archive import MOST_OPEN, Archives
from vms_bridge.keys import MonitorRule, MonitorRules
from vms_bridge.model import Capability, EventBatch, EventPicture, EventRef, LivePicture
from vms_bridge.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from vms_bridge.archive import ByteRange, MediaRef
    from vms_bridge.hub import SystemFeed
    from vms_bridge.model import Event, PictureRef

RULES = MonitorRules(exclude=("3",), monitors={"1": MonitorRule(key="door")})
WITHOUT = EVERYTHING - {Capability.ARCHIVE, Capability.LOGS, Capability.EVENT_CLIP}


class Clip:
    content_type, length, part = "video/mp4", None, None

    def __init__(self) -> None:
        self.pieces = [b"one", b"two", b""]
        self.is_closed = False

    async def read(self) -> bytes:
        return self.pieces.pop(0)

    async def close(self) -> None:
        self.is_closed = True


class Recording(ScriptedBackend):
    """A backend with an archive: it notes what it is asked, and gives what a test has put there."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[object] = []
        self.page: object = EventPage(events=())
        self.there: object = Extent()
        self.clips: list[Clip] = []
        self.lines: object = []
        self.frames: object = FrameTimes(frames=())
        self.hold: asyncio.Event | None = None

    @property
    def archive(self) -> Recording:
        return self

    async def events(self, query: EventQuery, after: str | None) -> EventPage:
        self.asked.append((query, after))
        return cast("EventPage", self.page)

    async def extent(self, query: EventQuery) -> Extent:
        self.asked.append(query)
        return cast("Extent", self.there)

    async def media(self, ref: MediaRef, byte_range: ByteRange | None) -> Clip:
        self.asked.append((ref, byte_range))
        if self.hold:
            await self.hold.wait()
        self.clips.append(Clip())
        return self.clips[-1]

    async def frame_times(self, event: EventRef) -> FrameTimes:
        self.asked.append(event)
        return cast("FrameTimes", self.frames)

    async def logs(self, query: LogQuery) -> Sequence[LogLine]:
        self.asked.append(query)
        return cast("Sequence[LogLine]", self.lines)


@asynccontextmanager
async def archived(path: Path) -> AsyncIterator[tuple[Hub, Recording, SystemFeed]]:
    clock = FakeClock()
    store = await asyncio.to_thread(Store.open, path, clock)
    hub, backend = Hub(store, clock), Recording()
    try:
        feed = backend.feed = await hub.add_system(key="zm", kind="fake", name="Fake", rules=RULES, backend=backend)
        feed.emit(snapshot(monitor(1), monitor(2), monitor(3)))
        yield hub, backend, feed
    finally:
        await hub.close()
        await store.close()


async def test_events_are_asked_for_and_given_by_public_keys(tmp_path: Path) -> None:
    async with archived(tmp_path) as (hub, backend, feed):
        backend.page = EventPage(events=(event(9, "2"), event(8, "3"), event(7, "1", cause="Motion\x1b[2J")), after="7")
        query = EventQuery(since=START, monitors=frozenset({"door", "2"}))
        page = await hub.recorded("zm", query, "10")
        assert backend.asked == [(replace(query, monitors=frozenset({"1", "2"})), "10")]
        assert [(one.ref, one.monitor) for one in page.events] == [
            (EventRef("zm", 1, "9"), "2"),
            (EventRef("zm", 1, "7"), "door"),
        ]
        assert page.events[1].event.cause == "Motion [2J"
        assert page.after == "7"
        await feed.record(EventBatch(events=(), cursor="x", generation=2))
        assert (await hub.recorded("zm", EventQuery())).events[0].ref == EventRef("zm", 2, "9")


async def test_a_monitor_that_has_gone_still_has_its_events(tmp_path: Path) -> None:
    async with archived(tmp_path) as (hub, backend, feed):
        feed.emit(snapshot(monitor(1)))
        await hub.recorded("zm", EventQuery(monitors=frozenset({"2"})))
        assert backend.asked == [(EventQuery(monitors=frozenset({"2"})), None)]
        for key in ("1", "3", "9"):  # not by the id of one that has a key, nor of one that is hidden
            with pytest.raises(MediaUnavailable, match=f"has no monitor '{key}'"):
                await hub.recorded("zm", EventQuery(monitors=frozenset({key})))


async def test_ids_that_start_anew_while_a_page_is_read_are_not_taken_for_others(tmp_path: Path) -> None:
    class Restored(Recording):
        async def events(self, query: EventQuery, after: str | None) -> EventPage:
            assert self.feed
            await self.feed.record(EventBatch(events=(), cursor="x", generation=2))
            return await super().events(query, after)

    async with archived(tmp_path) as (hub, _, _):
        backend = Restored()
        backend.feed = await hub.add_system(key="other", kind="fake", name="Fake", rules=RULES, backend=backend)
        backend.feed.emit(snapshot())
        with pytest.raises(MediaUnavailable, match="count its events anew"):
            await hub.recorded("other", EventQuery())


@pytest.mark.parametrize(
    "page",
    [
        None,
        [],
        EventPage(events=None),  # type: ignore[arg-type]
        EventPage(events=(event(start=datetime(2026, 11, 20)),)),  # noqa: DTZ001 - a time without a zone
        EventPage(events=(event(id=""),)),
        EventPage(events=(event(),) * (MOST_EVENTS + 1)),
        EventPage(events=(), after="x" * 1_001),
        EventPage(events=(), after=7),  # type: ignore[arg-type]
    ],
    ids=lambda page: repr(page)[:40],
)
async def test_what_is_no_page_is_refused(tmp_path: Path, page: object) -> None:
    async with archived(tmp_path) as (hub, backend, _):
        backend.page = page
        with pytest.raises(BackendDefect, match="wrong values"):
            await hub.recorded("zm", EventQuery())


async def test_how_much_there_is_is_asked_for_by_public_keys(tmp_path: Path) -> None:
    async with archived(tmp_path) as (_, backend, feed):
        system = feed._system
        archives = Archives({"zm": system})
        backend.there = Extent(events=7, oldest=event(3))
        query = EventQuery(monitors=frozenset({"door"}), in_background=True)
        assert await archives.extent("zm", query) == backend.there
        assert backend.asked == [replace(query, monitors=frozenset({"1"}))]
        for wrong in (None, Extent(events=cast("int", "many")), Extent(oldest=cast("Event", 7))):
            backend.there = wrong
            with pytest.raises(BackendDefect, match="wrong values"):
                await archives.extent("zm", query)


async def test_ids_that_start_anew_while_it_counts_are_not_counted(tmp_path: Path) -> None:
    class Restored(Recording):
        async def extent(self, query: EventQuery) -> Extent:
            assert self.feed
            await self.feed.record(EventBatch(events=(), cursor="x", generation=2))
            return await super().extent(query)

    async with archived(tmp_path) as (hub, _, _):
        backend = Restored()
        feed = backend.feed = await hub.add_system(key="other", kind="fake", name="Fake", rules=RULES, backend=backend)
        feed.emit(snapshot())
        with pytest.raises(MediaUnavailable, match="count its events anew"):
            await Archives({"other": feed._system}).extent("other", EventQuery())


async def test_a_picture_that_the_vms_has_not_is_heard_of(tmp_path: Path) -> None:
    class Purged(Recording):
        async def picture(self, ref: PictureRef) -> bytes:
            raise MediaUnavailable(f"there is no {ref}")

        async def media(self, ref: MediaRef, byte_range: ByteRange | None) -> Clip:
            raise MediaUnavailable(f"there is no {ref} with {byte_range}")

    async with archived(tmp_path) as (hub, _, _):
        backend = Purged()
        feed = backend.feed = await hub.add_system(key="other", kind="fake", name="Fake", rules=RULES, backend=backend)
        feed.emit(snapshot(monitor(1)))
        missing: list[EventRef] = []
        archives = Archives({"other": feed._system}, on_missing=missing.append)
        seven, eight, old = EventRef("other", 1, "7"), EventRef("other", 1, "8"), EventRef("other", 2, "9")
        for picture in (EventPicture(event=seven), EventPicture(event=old), LivePicture(monitor="door")):
            with pytest.raises(MediaUnavailable):
                await archives.picture("other", picture)
        for ref in (EventClip(event=eight), EventFrame(event=eight), LivePicture(monitor="door"), EventClip(event=old)):
            with pytest.raises(MediaUnavailable):
                async with archives.media("other", ref, None):
                    pass
        assert missing == [seven, eight, eight]


REFS: list[tuple[MediaRef, MediaRef]] = [
    (LivePicture(monitor="door"), LivePicture(monitor="1")),
    (LivePicture(monitor="2"), LivePicture(monitor="2")),
    (RangeClip(monitor="door", start=START, end=START), RangeClip(monitor="1", start=START, end=START)),
    (EventClip(event=EventRef("zm", 1, "7")), EventClip(event=EventRef("zm", 1, "7"))),
]


@pytest.mark.parametrize(("ref", "asked"), REFS, ids=repr)
async def test_a_clip_is_read_piece_by_piece(tmp_path: Path, ref: MediaRef, asked: MediaRef) -> None:
    async with archived(tmp_path) as (hub, backend, _):
        async with hub.media("zm", ref) as media:
            assert (media.content_type, media.length, media.part) == ("video/mp4", None, None)
            assert [piece async for piece in media.pieces()] == [b"one", b"two"]
            assert [clip.is_closed for clip in backend.clips] == [False]
        assert [clip.is_closed for clip in backend.clips] == [True]
        assert backend.asked == [(asked, None)]


@pytest.mark.parametrize(
    "ref",
    [
        LiveStream(monitor="1"),
        LiveStream(monitor="3"),
        LivePicture(monitor="9"),
        EventClip(event=EventRef("zm", 2, "7")),
        EventFrame(event=EventRef("other", 1, "7")),
    ],
    ids=repr,
)
async def test_what_is_not_shown_or_another_is_not_asked_for(tmp_path: Path, ref: MediaRef) -> None:
    async with archived(tmp_path) as (hub, backend, _):
        with pytest.raises(MediaUnavailable, match=r"no (monitor|picture of event)"):
            async with hub.media("zm", ref):
                pass
        with pytest.raises(MediaUnavailable, match="no system 'nowhere'"):
            async with hub.media("nowhere", ref):
                pass
        assert backend.asked == []


async def test_a_clip_of_what_has_another_id_by_now_is_closed(tmp_path: Path) -> None:
    async with archived(tmp_path) as (hub, backend, feed):
        backend.hold = asyncio.Event()

        async def ask() -> None:
            async with hub.media("zm", EventClip(event=EventRef("zm", 1, "7"))):
                raise AssertionError("it is another event's")

        task = asyncio.create_task(ask())
        await settle()
        assert backend.asked
        await feed.record(EventBatch(events=(), cursor="x", generation=2))
        backend.hold.set()
        with pytest.raises(MediaUnavailable, match="no picture of event zm-7"):
            await task
        assert backend.clips[0].is_closed


async def test_so_many_at_a_time_and_each_that_ends_makes_room(tmp_path: Path) -> None:
    async with archived(tmp_path) as (hub, backend, _):
        async with AsyncExitStack() as viewers:
            for _ in range(MOST_OPEN - 1):
                await viewers.enter_async_context(hub.media("zm", LivePicture(monitor="2")))
            async with hub.media("zm", LivePicture(monitor="2")):
                with pytest.raises(MediaUnavailable, match="at a time already"):
                    await viewers.enter_async_context(hub.media("zm", LivePicture(monitor="2")))
            with pytest.raises(ZeroDivisionError):
                async with hub.media("zm", LivePicture(monitor="2")):
                    raise ZeroDivisionError
            async with hub.media("zm", LivePicture(monitor="2")):
                pass
        assert all(clip.is_closed for clip in backend.clips)


async def test_a_system_that_is_taken_away_lets_its_viewers_go(tmp_path: Path) -> None:
    async with archived(tmp_path) as (hub, _, _), hub.media("zm", LivePicture(monitor="2")) as media:
        pieces = media.pieces()
        assert await anext(pieces) == b"one"
        hub.remove_system("zm")
        with pytest.raises(VmsUnreachable, match="by a reload"):
            await anext(pieces)


async def test_what_a_system_does_not_declare_is_not_asked_for(tmp_path: Path) -> None:
    async with archived(tmp_path) as (hub, backend, feed):
        feed.emit(replace(snapshot(monitor(1)), system=system_state(capabilities=WITHOUT)))
        with pytest.raises(MediaUnavailable, match="no archive"):
            await hub.recorded("zm", EventQuery())
        with pytest.raises(MediaUnavailable, match="no log"):
            await hub.logs("zm", LogQuery())
        with pytest.raises(MediaUnavailable, match="no such pictures or clips"):
            async with hub.media("zm", EventClip(event=EventRef("zm", 1, "7"))):
                pass
        assert backend.asked == []


async def test_a_log_is_bounded_and_fit_to_be_shown(tmp_path: Path) -> None:
    async with archived(tmp_path) as (hub, backend, _):
        backend.lines = [LogLine(time=START + timedelta(seconds=each), message=f"line {each}\n") for each in range(20)]
        assert [line.message for line in await hub.logs("zm", LogQuery(most=2))] == ["line 18", "line 19"]
        await hub.logs("zm", LogQuery(most=10**9))
        await hub.logs("zm", LogQuery(most=-1))
        assert [cast("LogQuery", each).most for each in backend.asked] == [2, MOST_LINES, 1]
        for wrong in ([None], [LogLine(time=cast("Any", "now"), message="x")], ["line"]):
            backend.lines = wrong
            with pytest.raises(BackendDefect):
                await hub.logs("zm", LogQuery())


async def test_single_pictures_of_an_event_are_listed_in_bounds(tmp_path: Path) -> None:
    async with archived(tmp_path) as (hub, backend, feed):
        archives, seven = Archives({"zm": feed._system}), EventRef("zm", 1, "7")
        backend.frames = FrameTimes(frames=((1, 0.0), (2, 0.5)))
        assert await archives.frame_times(seven) == backend.frames
        assert backend.asked == [seven]
        for wrong in (
            FrameTimes(frames=((0, 0.0),)),
            FrameTimes(frames=((1, -1.0),)),
            FrameTimes(frames=((1, float("nan")),)),
            FrameTimes(frames=((1, 1e9),)),
            FrameTimes(frames=((1, 0.0),) * (MOST_FRAMES + 1)),
            FrameTimes(frames=cast("tuple[tuple[int, float], ...]", ((1, 2, 3),))),
            [(1, 0.0)],
        ):
            backend.frames = wrong
            with pytest.raises(BackendDefect):
                await archives.frame_times(seven)
        with pytest.raises(MediaUnavailable, match="no picture of event"):
            await archives.frame_times(EventRef("zm", 2, "7"))
        with pytest.raises(MediaUnavailable, match="no system"):
            await archives.frame_times(EventRef("nowhere", 1, "7"))
        feed.emit(replace(snapshot(monitor(1)), system=system_state(capabilities=EVERYTHING - {Capability.EVENT_FRAME})))
        with pytest.raises(MediaUnavailable, match="no such pictures"):
            await archives.frame_times(seven)
        del hub


async def test_an_archive_that_lists_no_pictures_says_so(tmp_path: Path) -> None:
    class Plain:
        """An archive as there was before there were such lists."""

    class Old(ScriptedBackend):
        archive = Plain()

    async with archived(tmp_path) as (hub, _, _):
        backend = Old()
        feed = backend.feed = await hub.add_system(key="old", kind="fake", name="Old", rules=RULES, backend=backend)
        feed.emit(snapshot(monitor(1)))
        with pytest.raises(MediaUnavailable, match="does not say which pictures"):
            await Archives({"old": feed._system}).frame_times(EventRef("old", 1, "7"))
