"""What a VXG Cloud VMS has recorded, and what its channels see now (`backends.base.FilmingArchive`)."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple

from vms_bridge.archive import ByteRange, EventClip, EventFrame, FrameKind, LiveKind, LiveStream, RangeClip, VideoSource
from vms_bridge.backends.held import Held, within
from vms_bridge.backends.opened import Opened
from vms_bridge.backends.vxg.film import Film
from vms_bridge.backends.vxg.pages import Pages
from vms_bridge.downloads import parse_content_range
from vms_bridge.errors import CommandRejected, MediaUnavailable, NoSuchEvent
from vms_bridge.model import EventPicture, LivePicture
from vms_bridge.vxg import MediaExpired, NotThere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from vms_bridge.archive import EventPage, EventQuery, LogLine, LogQuery, MediaRef
    from vms_bridge.backends.base import Media
    from vms_bridge.backends.vxg.cameras import Camera
    from vms_bridge.backends.vxg.session import Session
    from vms_bridge.clock import Clock
    from vms_bridge.downloads import Stream
    from vms_bridge.model import Event, PictureRef
    from vms_bridge.vxg import Clip, EventRow, Image

_BEFORE, _AFTER = timedelta(seconds=2), timedelta(seconds=2)
"""What of the video is shown before and after an event."""
_NEAR = timedelta(seconds=5)
"""So far from a time a picture may be that is shown for it."""
_LONGEST = timedelta(hours=2)
_JPEG = "image/jpeg"


class _Time(NamedTuple):
    """What a clip is of."""

    start: datetime
    end: datetime
    title: str


class Archive:
    """Asks over the session of the moment, which `live` gives, or raises VmsUnreachable."""

    def __init__(self, live: Callable[[], Session], clock: Clock) -> None:
        self._live, self._clock = live, clock
        self._pages = Pages()
        self._making = asyncio.Lock()

    async def events(self, query: EventQuery, after: str | None) -> EventPage:
        """Return a page of events."""
        session = self._live()
        try:
            return await self._pages.page(session, query, after)
        except CommandRejected as error:
            raise MediaUnavailable(str(error), hint=error.hint) from None

    async def event(self, event_id: str) -> Event | None:
        """Return one event, as a page would have it."""
        session = self._live()
        row = await session.events.find(event_id)
        return None if row is None else session.events.as_event(row, await session.connection.vxg.now())

    async def logs(self, query: LogQuery) -> Sequence[LogLine]:
        """Refuse: there is no log that a group's token could read."""
        del query
        raise MediaUnavailable("a VXG Cloud VMS shows its log to nobody by the token of a group")

    async def picture(self, ref: PictureRef) -> bytes:
        """Return a JPEG. Raises MediaUnavailable or VmsError."""
        session = self._live()
        if isinstance(ref, EventPicture):
            return await self._event_picture(session, ref.event.id)
        return await _live_picture(session, _camera(session, ref.monitor))

    async def media(self, ref: MediaRef, byte_range: ByteRange | None) -> Media:
        """Open a picture, a clip, or what a channel sees now."""
        session = self._live()
        match ref:
            case LivePicture(monitor=monitor):
                return Held(_JPEG, await _live_picture(session, _camera(session, monitor)), byte_range)
            case LiveStream(monitor=monitor):
                return Film(session, _camera(session, monitor))
            case EventFrame(event=event, frame=frame):
                row = await _row(session, event.id)
                return Held(_JPEG, await self._frame(session, row, frame), byte_range)
            case EventClip(event=event):
                row = await _row(session, event.id)
                told = session.events.as_event(row, await session.connection.vxg.now())
                if told.end is None:
                    raise MediaUnavailable(f"event {event.id} goes on", hint="its clip is there when it has ended")
                camera = _camera(session, str(row.camera_id))
                of = _Time(row.time - _BEFORE, told.end + _AFTER, f"event {row.id}")
                return await self._clip(session, camera, of, byte_range)
            case RangeClip(monitor=monitor, start=start, end=end):
                of = _Time(start, end, f"{start:%Y-%m-%d %H:%M:%S}")
                return await self._clip(session, _camera(session, monitor), of, byte_range)

    async def video_sources(self, monitor_id: str) -> Sequence[VideoSource]:
        """Return where its live video is: the addresses are good for an hour or so."""
        session = self._live()
        with _told(monitor_id):
            urls = await session.connection.vxg.live.urls(_camera(session, monitor_id).row)
        found = [(LiveKind.RTSP, urls.rtsp, "the VMS's RTSP"), (LiveKind.HTTP, urls.hls, "the VMS's HLS")]
        return [VideoSource(kind=kind, urls=(url,), name=name) for kind, url, name in found if url]

    async def _event_picture(self, session: Session, event_id: str) -> bytes:
        known = session.events.picture(event_id)
        if known is not None:
            with suppress(MediaExpired):  # read anew, then
                return await session.connection.vxg.images.fetch(known)
        return await self._frame(session, await _row(session, event_id), FrameKind.BEST)

    async def _frame(self, session: Session, row: EventRow, frame: FrameKind | int | datetime) -> bytes:
        vxg = session.connection.vxg
        if isinstance(frame, int) and frame != 1:
            raise MediaUnavailable(f"event {row.id} has one picture", hint="ask for its first, its best, or that of a time")
        if isinstance(frame, datetime) and abs(frame - row.time) > timedelta(seconds=0.5):
            image = await _nearest(session, row, frame)
        else:
            image = row.thumb
        if image is None:
            raise MediaUnavailable(f"event {row.id} has no picture yet", hint="the VMS adds it seconds after the event")
        return await vxg.images.fetch(image)

    async def _clip(self, session: Session, camera: Camera, of: _Time, part: ByteRange | None) -> Opened:
        start, end, title = of
        if end - start > _LONGEST:
            raise MediaUnavailable(f"a clip is {_LONGEST} long at most", hint="ask for a shorter time")
        vxg = session.connection.vxg
        kept = timedelta(hours=session.connection.config.clips_kept_hours)
        with _told(str(camera.row.id)):
            async with self._making:  # who wants the same meanwhile gets this one
                clip = await _known_clip(session, camera, start, end)
                if clip is None:
                    delete_at = await vxg.now() + kept
                    clip = await vxg.clips.create(camera.row, start, end, title=f"VMS Bridge: {title}", delete_at=delete_at)
            clip = await vxg.clips.wait(camera.row, clip)
            wanted = (0, None) if part is None else (part.first, part.last)
            stream = await vxg.clips.open(camera.row, clip, wanted)
        opened = Opened(stream, f"the clip of {title}", "video/mp4", _nothing)
        try:
            _bound(opened, stream, part)
        except BaseException:
            await opened.close()
            raise
        return opened


def _bound(opened: Opened, stream: Stream, part: ByteRange | None) -> None:
    """Have no more be read of it than was asked for, whatever has come. Raises NoSuchPart, MediaUnavailable."""
    begins: int | None
    begins, opened.length = 0, stream.length
    if stream.status == 206:
        begins, _, opened.length = parse_content_range(stream.content_range) or (None, None, None)
    if part is not None and opened.length is not None and begins is not None and begins <= part.first:
        first, last = within(part, opened.length, "the clip")
        opened.skipped, opened.left = first - begins, last - first + 1
        opened.part = ByteRange(first=first, last=last)
    elif begins != 0:
        raise MediaUnavailable("the VMS gave another part of the clip than was asked for", hint="try again")


@contextmanager
def _told(channel: str) -> Iterator[None]:
    """Have what the VMS does not have be told as such. Raises MediaUnavailable."""
    try:
        yield
    except NotThere as error:
        raise MediaUnavailable(f"the VMS has no such thing of channel {channel}: {error}", hint=error.hint) from None


async def _known_clip(session: Session, camera: Camera, start: datetime, end: datetime) -> Clip | None:
    """Return a clip that was made of this before, or is being made: who gives up waiting, or reads in parts, asks again."""
    clips = session.connection.vxg.clips
    async for clip in clips.each(camera.row, newest_first=True, limit=50):
        if not clip.has_failed and _is_near(clip.start, start) and _is_near(clip.end, end):
            return await clips.get(camera.row, clip.id)  # its address is a new one
    return None


def _is_near(one: datetime | None, other: datetime) -> bool:
    """Say whether these are the same time, as far as the VMS keeps it."""
    return one is not None and abs(one - other) < timedelta(seconds=1)


async def _nothing() -> None:
    """Have nothing to let go of."""


async def _row(session: Session, event_id: str) -> EventRow:
    row = await session.events.find(event_id)
    if row is None:
        raise NoSuchEvent(f"the VMS has no event {event_id[:40]!r}")
    return row


def _camera(session: Session, monitor_id: str) -> Camera:
    try:
        return session.camera(monitor_id)
    except CommandRejected as error:
        raise MediaUnavailable(str(error), hint=error.hint) from None


async def _live_picture(session: Session, camera: Camera) -> bytes:
    vxg = session.connection.vxg
    return await vxg.images.fetch(await vxg.live.image(camera.row))


async def _nearest(session: Session, row: EventRow, time: datetime) -> Image | None:
    """Return the picture that was taken nearest to a time, of those that are not far from it."""
    images = session.connection.vxg.images.each(row.camera_id, start=time - _NEAR, end=time + _NEAR, limit=100)
    found = [image async for image in images if image.time is not None]
    return min(found, key=lambda image: abs((image.time or datetime.min.replace(tzinfo=UTC)) - time), default=None)
