"""Pictures and clips as they are asked for one by one: what ZoneMinder is asked, and what its answers amount to."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

from vms_bridge.archive import ByteRange, EventClip, EventFrame, FrameKind, FrameTimes
from vms_bridge.backends.held import within
from vms_bridge.backends.opened import Opened
from vms_bridge.backends.zoneminder.event_values import has_clip
from vms_bridge.backends.zoneminder.frames import frame_times
from vms_bridge.backends.zoneminder.media import TRY_AGAIN_S, decimal
from vms_bridge.downloads import parse_content_range
from vms_bridge.errors import MediaUnavailable, NoSuchEvent, NoSuchPart, VmsError
from vms_bridge.model import LivePicture
from vms_bridge.zoneminder.events.asked_media import check_jpeg, check_stream, clip_query, explained, frame_query
from vms_bridge.zoneminder.parse import parse_frames
from vms_bridge.zoneminder.portal import live_query

if TYPE_CHECKING:
    from vms_bridge.archive import MediaRef
    from vms_bridge.backends.zoneminder.event_list import EventList
    from vms_bridge.backends.zoneminder.line import Line
    from vms_bridge.backends.zoneminder.media import Pictures
    from vms_bridge.backends.zoneminder.sources.open_events import OpenEvents
    from vms_bridge.clock import Clock
    from vms_bridge.model import EventRef
    from vms_bridge.zoneminder import EventRow, Stream

_T = TypeVar("_T")
_BEGIN_S = 20.0
"""So long an answer, or a piece of it, may take: a picture from the middle of a video is made when it is asked for."""
_REMEMBERED = 256
_MARGIN = timedelta(seconds=1)
_OF_PICTURES = "its pictures can be had; a bridge that was installed as `vms-bridge[video]` makes a clip of them"
_FRAMES = {FrameKind.BEST: "snapshot", FrameKind.ALARM: "alarm", FrameKind.FIRST: "1", FrameKind.ANNOTATED: "objdetect_jpg"}
_TYPES = {"mp4": "video/mp4", "m4v": "video/mp4", "mkv": "video/x-matroska", "webm": "video/webm", "avi": "video/x-msvideo"}


@dataclass(frozen=True, slots=True)
class _Wish:
    """What is to be asked for: where, in which words, and what that is for people."""

    url: str
    query: dict[str, str]
    what: str


class Clips:
    """Opens pictures and clips over a connection's line."""

    def __init__(self, line: Line, clock: Clock, *, events: OpenEvents, rows: EventList, pictures: Pictures) -> None:
        self._line, self._clock, self._events, self._rows, self._pictures = line, clock, events, rows, pictures
        self.begin_s = _BEGIN_S
        self._over: OrderedDict[str, EventRow] = OrderedDict()
        """Rows that change no more: players ask for a clip part by part."""
        self._sizes: OrderedDict[str, int] = OrderedDict()

    async def open(self, ref: MediaRef, part: ByteRange | None) -> Opened:
        """Open it. Raises MediaUnavailable or VmsError."""
        match ref:
            case LivePicture(monitor=monitor_id):
                return await self._live(decimal(monitor_id), part)
            case EventFrame(event=event, frame=frame):
                return await self._frame(decimal(event.id), frame, part)
            case EventClip(event=event):
                return await self._clip(decimal(event.id), part)
            case _:
                raise MediaUnavailable("ZoneMinder gives clips of whole events and single pictures only")

    async def frame_times(self, event: EventRef) -> FrameTimes:
        """Return which pictures an event has. Raises MediaUnavailable or VmsError."""
        number = decimal(event.id)
        row = await self._row(number)
        if row.end is None:
            raise _no_clip(row, is_open=self._events.is_open(row.id))
        if has_clip(row) or not row.saves_jpegs:
            raise MediaUnavailable(f"event {number} was recorded as a video, not as single pictures")
        with explained(f"list of the pictures of event {number}"):
            known = parse_frames(await self._line.api.get(f"events/{number}"))
        if not known and not row.frames:
            raise MediaUnavailable(f"event {number} has no pictures")
        length_s = row.length_s or (row.end - row.start).total_seconds()
        return FrameTimes(frames=frame_times(known, row.frames or max(number for number, _ in known), length_s))

    async def _live(self, number: str, part: ByteRange | None) -> Opened:
        try:
            wish = _Wish(await self._pictures.live_page(), live_query(number), f"monitor {number}")
            return await self._picture(wish, part)
        except MediaUnavailable:
            self._pictures.gave_none()
            raise

    async def _frame(self, number: str, frame: FrameKind | int | datetime, part: ByteRange | None) -> Opened:
        wish = _Wish(self._pictures.page, frame_query(number, await self._frame_name(number, frame)), f"event {number}")
        for pause in TRY_AGAIN_S if self._events.is_open(int(number)) else ():
            try:
                return await self._picture(wish, part)
            except NoSuchPart:
                raise
            except MediaUnavailable:
                await self._clock.sleep(pause)
        try:
            return await self._picture(wish, part)
        except NoSuchPart:
            raise
        except MediaUnavailable:
            await self._check_it_is_there(number)
            raise

    async def _frame_name(self, number: str, frame: FrameKind | int | datetime) -> str:
        if isinstance(frame, FrameKind):
            return _FRAMES[frame]
        if isinstance(frame, datetime):
            row = await self._row(number)
            if not self._rows.local.is_known:
                raise MediaUnavailable(f"when event {number} was is not known: ZoneMinder does not say what its time zone is")
            return str(_frame_at(row, frame))
        if frame < 1:
            raise MediaUnavailable(f"event {number} has no frame {frame}", hint="frames count from 1")
        return str(frame)

    async def _picture(self, wish: _Wish, part: ByteRange | None) -> Opened:
        opened = await self._opened(wish, f"picture of {wish.what}", "image/jpeg", None)
        try:
            check_jpeg(await opened.head(), opened.said_type, wish.what)
            if part is not None and opened.length is not None:
                first, last = within(part, opened.length, f"the picture of {wish.what}")
                opened.part = ByteRange(first=first, last=last)
                opened.skipped, opened.left = first, last - first + 1
        except BaseException:
            await opened.close()
            raise
        return opened

    async def _clip(self, number: str, part: ByteRange | None) -> Opened:
        row = await self._row(number)
        if not has_clip(row):
            raise _no_clip(row, is_open=self._events.is_open(row.id))
        wish = _Wish(self._pictures.page, clip_query(number), f"event {number}")
        kind = _TYPES.get(row.video.rpartition(".")[2].lower(), "video/mp4")
        try:
            return await self._part_of_clip(wish, number, kind, part)
        except NoSuchPart:
            raise
        except MediaUnavailable:
            await self._check_it_is_there(number)
            raise

    async def _part_of_clip(self, wish: _Wish, number: str, kind: str, part: ByteRange | None) -> Opened:
        what, wanted = f"clip of {wish.what}", None
        if part is not None and (part.first, part.last) != (0, None):
            size = self._sizes.get(number) or await self._size(wish, what, kind)
            wanted = None if size is None else within(part, size, f"the {what}")
        opened = await self._opened(wish, what, kind, wanted)
        try:
            await _check_video(opened, what)
            if part is not None and part.first == 0 and opened.part is None and opened.length is not None:
                # All of it came, and begins with what was asked for.
                last = opened.length - 1 if part.last is None else min(part.last, opened.length - 1)
                opened.part, opened.left = ByteRange(first=0, last=last), last + 1
        except BaseException:
            await opened.close()
            raise
        if opened.length is not None:
            _remember(self._sizes, number, opened.length)
        return opened

    async def _size(self, wish: _Wish, what: str, kind: str) -> int | None:
        """Return how long the whole is: of parts that there are not ZoneMinder says anything."""
        whole = await self._opened(wish, what, kind, None)
        await whole.close()
        return whole.length

    async def _opened(self, wish: _Wish, what: str, content_type: str, wanted: tuple[int, int] | None) -> Opened:
        """Ask, and look at what the answer says of itself. Raises MediaUnavailable."""
        line = self._line
        line.hold()
        try:
            with explained(what):
                stream = await line.api.open(wish.url, wish.query, part=wanted, timeout_s=self.begin_s)
            try:
                check_stream(stream, what)
                opened = Opened(stream, f"the {what}", content_type, line.release)
                opened.length, opened.part = _measure(stream, wanted, what)
            except BaseException:
                stream.close()
                raise
        except BaseException:
            await line.release()
            raise
        return opened

    async def _check_it_is_there(self, number: str) -> None:
        """Raise NoSuchEvent where there is no such event at all."""
        try:
            await self._row(number, anew=True)
        except NoSuchEvent:
            raise
        except (MediaUnavailable, VmsError):
            pass  # why there is no picture or clip is known already

    async def _row(self, number: str, *, anew: bool = False) -> EventRow:
        """Return the event's row. Raises NoSuchEvent, MediaUnavailable and VmsError."""
        if not anew and number in self._over:
            return self._over[number]
        wanted, newest = int(number), 0
        missed: set[int] = set()
        # A list that misses a row once has lied before, and one that misses the newest row too says nothing.
        for _ in range(2):
            found = {row.id: row for row in await self._rows.these(sorted({wanted, newest or wanted}))}
            if wanted in found:
                if found[wanted].end is not None:
                    _remember(self._over, number, found[wanted])
                return found[wanted]
            missed = {newest or wanted} - {wanted} - found.keys()
            newest = await self._events.newest()
        self._over.pop(number, None)
        bad = self._rows.unreadable
        if wanted in bad:
            raise MediaUnavailable(f"event {number} can't be read", hint="look at its cause and notes in ZoneMinder")
        if any(each not in bad for each in missed):
            raise MediaUnavailable(f"ZoneMinder does not say now whether it has an event {number}", hint="try again in a moment")
        raise NoSuchEvent(f"ZoneMinder has no event {number}")


def _remember(values: OrderedDict[str, _T], number: str, value: _T) -> None:
    values[number] = value
    values.move_to_end(number)
    if len(values) > _REMEMBERED:
        values.popitem(last=False)


def _frame_at(row: EventRow, time: datetime) -> int:
    """Return the number of the frame of that time: they come as fast at the end of an event as at its beginning."""
    end = row.end or (row.start + timedelta(seconds=row.length_s or 0.0))
    is_within = row.start - _MARGIN <= time and (row.end is None or time <= end + _MARGIN)
    if not is_within:
        raise MediaUnavailable(f"event {row.id} has no frame of {time:%Y-%m-%d %H:%M:%S %Z}")
    lasts_s = (end - row.start).total_seconds()
    share = (time - row.start).total_seconds() / lasts_s if lasts_s > 0 else 0.0
    return 1 + round(min(max(share, 0.0), 1.0) * max((row.frames or 1) - 1, 0))


def _no_clip(row: EventRow, *, is_open: bool) -> MediaUnavailable:
    if is_open:
        return MediaUnavailable(f"event {row.id} is still recorded", hint="its clip is there when it has ended")
    if row.end is None:
        return MediaUnavailable(f"event {row.id} was never finished, and so was its clip", hint="its pictures can be had")
    return MediaUnavailable(f"event {row.id} was recorded as single pictures, not as a video", hint=_OF_PICTURES)


async def _check_video(opened: Opened, what: str) -> None:
    head = await opened.head()
    if not head:
        raise MediaUnavailable(f"ZoneMinder gave an empty {what}", hint="its file may be gone: look at ZoneMinder's storage")
    begins = opened.part is None or opened.part.first == 0
    if opened.said_type.startswith("text/") or (begins and head.lstrip().startswith((b"<", b"{"))):
        raise MediaUnavailable(f"what ZoneMinder gave is no {what} ({opened.said_type})", hint="look at ZoneMinder's log")


def _measure(stream: Stream, wanted: tuple[int, int] | None, what: str) -> tuple[int | None, ByteRange | None]:
    """Return how long the whole is, and which part of it this is. Raises MediaUnavailable for what can't be so."""
    if stream.status == 200:
        return stream.length, None
    told = parse_content_range(stream.content_range)
    if told is not None and wanted is not None:
        first, last, whole = told
        is_wanted = first == wanted[0] and last <= wanted[1] and (whole is None or last < whole)
        if is_wanted and stream.length in {None, last - first + 1}:
            return whole, ByteRange(first=first, last=last)
    raise MediaUnavailable(f"ZoneMinder answered with another part of the {what} than was asked for", hint="try again")
