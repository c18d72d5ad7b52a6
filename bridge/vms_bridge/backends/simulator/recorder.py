"""What the simulated system has recorded, as the bridge can ask for it (`backends.base.Archive`).

The world is a function of time, so nothing is kept: a page of events and a clip are worked out when they are asked for.
Cameras have recorded as if they had always been in the modes that they are in now. Forced alarms are in no list; of those of
this run the newest have their picture and clip.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING

from vms_bridge.archive import (
    ByteRange,
    EventClip,
    EventFrame,
    EventPage,
    EventQuery,
    FrameKind,
    FrameTimes,
    LiveKind,
    LiveStream,
    LogLine,
    RangeClip,
    VideoSource,
)
from vms_bridge.backends.held import Held
from vms_bridge.backends.simulator.archive import FPS, began, best_moment, event_at, moment, parse_event_id, shown_visit
from vms_bridge.backends.simulator.clips import CONTENT_TYPE, clip_of, programme
from vms_bridge.errors import MediaUnavailable, NoSuchEvent
from vms_bridge.model import LivePicture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from vms_bridge.archive import LogQuery, MediaRef
    from vms_bridge.backends.base import Media
    from vms_bridge.backends.simulator.camera import Camera
    from vms_bridge.backends.simulator.marks import Marks
    from vms_bridge.backends.simulator.world import World
    from vms_bridge.clock import Clock
    from vms_bridge.model import Event, EventRef, Monitor

PAGE = 100
KEPT_S = 2 * 86_400.0
"""How long the simulated recorder keeps an event in its list, as one with a small disk does."""
_MOST_WINDOWS = 500
_FILM_FPS = 2.0
_SLACK_S = 0.001
"""Times of events are whole microseconds, those of the world are not."""
_BOUNDARY = "frame"


class Recorder:
    """The archive; `draw` draws what a monitor sees at a time, blocking."""

    def __init__(
        self, world: World, cameras: Mapping[str, Camera], clock: Clock, draw: Callable[[Monitor, float], bytes], marks: Marks
    ) -> None:
        self._world, self._cameras, self._clock, self._draw, self._marks = world, cameras, clock, draw, marks

    async def events(self, query: EventQuery, after: str | None) -> EventPage:
        """Work out a page; in a thread, since it may be about thousands of cameras."""
        return await asyncio.to_thread(self._page, query, _parse(after), self._clock.now().timestamp())

    async def event(self, event_id: str) -> Event | None:
        """Work out one event."""
        parsed = parse_event_id(event_id)
        if parsed is None or str(parsed) != event_id or str(parsed.camera) not in self._cameras:
            return None
        found = event_at(self._world, parsed, self._clock.now().timestamp())
        return None if found is None else self._marks.on(self._cameras[str(parsed.camera)].told(found))

    async def media(self, ref: MediaRef, byte_range: ByteRange | None) -> Media:
        """Open a picture or a clip, which have parts, or a film, which has none."""
        now = self._clock.now().timestamp()
        match ref:
            case LivePicture(monitor=monitor_id):
                return await self._still(self._monitor(monitor_id), now, byte_range)
            case LiveStream(monitor=monitor_id):
                return _Film(self._clock, self._draw, self._monitor(monitor_id), (now + each / _FILM_FPS for each in count()))
            case RangeClip(monitor=monitor_id, start=start, end=end):
                times = _film_times(start.timestamp(), min(end.timestamp(), now))
                return _Film(self._clock, self._draw, self._monitor(monitor_id), times)
            case EventFrame() | EventClip():
                event = self._event(ref.event.id, now)
                monitor = self._monitor(event.monitor_id)
                if isinstance(ref, EventFrame):
                    return await self._still(monitor, self._moment(event, ref.frame, now), byte_range)
                return await self._clip(event, now, byte_range)

    async def video_sources(self, monitor_id: str) -> Sequence[VideoSource]:
        """Return the clips that show what is about to happen, one after the other."""
        number = int(self._monitor(monitor_id).id)
        clips = programme(self._world, number, self._clock.now().timestamp())
        return [VideoSource(kind=LiveKind.FILES, urls=tuple(map(str, clips)), name="the simulated camera")]

    async def frame_times(self, event: EventRef) -> FrameTimes:
        """Name two pictures a second: it could draw any, and drawing takes its time."""
        found = self._event(event.id, self._clock.now().timestamp())
        camera = self._cameras.get(found.monitor_id)
        if camera is None or camera.writes_video or found.end is None:
            raise MediaUnavailable(f"event {event.id!r} is not recorded as single pictures, or not yet")
        pictures = int((found.end.timestamp() - began(found)) * _FILM_FPS) + 1
        step = round(FPS / _FILM_FPS)
        return FrameTimes(frames=tuple((1 + each * step, each * step / FPS) for each in range(pictures)))

    async def logs(self, query: LogQuery) -> Sequence[LogLine]:
        """Add these events; only that many of the newest are kept."""
        now = self._clock.now().timestamp()
        found = await asyncio.to_thread(self._newest, query, now)
        return [
            LogLine(
                time=event.start or moment(now),
                message=f"{self._cameras[event.monitor_id].monitor.name}: {event.cause}",
                component=f"camera {event.monitor_id}",
            )
            for event in found
        ]

    def _newest(self, query: LogQuery, now: float) -> list[Event]:
        """Return the newest events of that time, the oldest of them first: page by page, so that nobody waits for all years."""
        until = min(now, query.until.timestamp()) if query.until else now
        since = max(self._world.epoch, query.since.timestamp() if query.since else until - 3_600)
        found: list[Event] = []
        after: str | None = None
        while len(found) < query.most and since < until:
            page = self._page(EventQuery(since=moment(since), until=moment(until)), _parse(after), now)
            found += page.events
            after = page.after
            if after is None:
                break
        return found[: query.most][::-1]

    def _page(self, query: EventQuery, last: tuple[datetime, str] | None, now: float) -> EventPage:
        """Go back in time until the page is full, or for a while."""
        wanted = self._cameras if query.monitors is None else query.monitors & self._cameras.keys()
        cameras = [self._cameras[monitor_id] for monitor_id in wanted]
        oldest = max(self._world.epoch, now - KEPT_S)
        first = max(oldest, query.since.timestamp() - _SLACK_S if query.since else oldest)
        ends = [each.timestamp() + _SLACK_S for each in (query.until, last and last[0]) if each is not None]
        end = min([now, *ends])
        window_s = max(0.001, self._world.slot_s * (1 + PAGE // max(1, len(cameras))))
        found: list[Event] = []
        for _ in range(_MOST_WINDOWS):
            if end <= first or len(found) >= PAGE or not cameras:
                break
            start = max(first, end - window_s)
            recorded = self._recorded(cameras, start, end, now)
            found += sorted((event for event in recorded if _is_asked(event, query, last)), key=_order, reverse=True)
            end = start
        if len(found) > PAGE:
            return EventPage(events=tuple(found[:PAGE]), after=_written(*_order(found[PAGE - 1])))
        is_all = end <= first or not cameras
        return EventPage(events=tuple(found), after=None if is_all else _written(moment(end), ""))

    def _recorded(self, cameras: Iterable[Camera], since: float, until: float, now: float) -> list[Event]:
        recorded = (self._marks.on(event) for camera in cameras for event in camera.recorded(since, until, now))
        return [event for event in recorded if not event.deleted]

    def _event(self, text: str, now: float) -> Event:
        event_id = parse_event_id(text)
        event = event_at(self._world, event_id, now) if event_id is not None else None
        if event is None and event_id is not None and (maker := self._cameras.get(str(event_id.camera))) is not None:
            event = maker.forced_event(text)
        if event is None or self._marks.is_deleted(text):
            raise NoSuchEvent(f"there is no recording of an event {text!r}")
        camera = self._cameras.get(event.monitor_id)
        return event if camera is None else camera.told(event)

    def _moment(self, event: Event, frame: FrameKind | int | datetime, now: float) -> float:
        start, end = began(event), _ended(event, now)
        if isinstance(frame, datetime):
            time: float | None = frame.timestamp()
        elif isinstance(frame, int):
            time = start + (frame - 1) / FPS
        elif frame in {FrameKind.BEST, FrameKind.ANNOTATED}:  # what is seen is drawn with a box around it anyway
            event_id = parse_event_id(event.id)
            time = best_moment(self._world, event_id, now) if event_id is not None else None
        else:
            time = start
        if time is None or not start - _SLACK_S <= time <= end + _SLACK_S:
            raise MediaUnavailable(f"event {event.id!r} has no frame {frame}")
        return time

    def _monitor(self, monitor_id: str) -> Monitor:
        camera = self._cameras.get(monitor_id)
        if camera is None:
            raise MediaUnavailable(f"there is no monitor {monitor_id!r}")
        return camera.monitor

    async def _still(self, monitor: Monitor, time: float, part: ByteRange | None) -> Media:
        return Held("image/jpeg", await asyncio.to_thread(self._draw, monitor, time), part)

    async def _clip(self, event: Event, now: float, part: ByteRange | None) -> Media:
        """Open the clip that shows what an event of this kind looks like."""
        if not event.clip_ready and not self._cameras[event.monitor_id].writes_video:
            raise MediaUnavailable(f"event {event.id!r} was recorded as single pictures", hint="its pictures can be had")
        if not event.clip_ready:
            raise MediaUnavailable(f"event {event.id!r} is still recorded", hint="its clip is there when it has ended")
        place = self._world.place(int(event.monitor_id))
        event_id = parse_event_id(event.id)
        visit = None if event_id is None else shown_visit(self._world, event_id, now)
        file = await asyncio.to_thread(clip_of(place, visit).read_bytes)
        return Held(CONTENT_TYPE, file, part)


class _Film:
    """JPEGs one after the other, each drawn when it is read, and none before its time has come."""

    content_type = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"

    def __init__(self, clock: Clock, draw: Callable[[Monitor, float], bytes], monitor: Monitor, times: Iterator[float]) -> None:
        self.length: int | None = None
        self.part: ByteRange | None = None
        self._clock, self._draw, self._monitor, self._times = clock, draw, monitor, times

    async def read(self) -> bytes:
        time = next(self._times, None)
        if time is None:
            return b""
        if (wait_s := time - self._clock.now().timestamp()) > 0:
            await self._clock.sleep(wait_s)
        jpeg = await asyncio.to_thread(self._draw, self._monitor, time)
        return f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n".encode() + jpeg + b"\r\n"

    async def close(self) -> None:
        self._times = iter(())


def _film_times(start: float, end: float) -> Iterator[float]:
    return (start + each / _FILM_FPS for each in range(int(max(0.0, end - start) * _FILM_FPS) + 1))


def _ended(event: Event, now: float) -> float:
    return event.end.timestamp() if event.end else now


def _is_asked(event: Event, query: EventQuery, last: tuple[datetime, str] | None) -> bool:
    start = _order(event)
    if query.since is not None and start[0] < query.since:
        return False
    return (query.until is None or start[0] < query.until) and (last is None or start < last)


def _order(event: Event) -> tuple[datetime, str]:
    return event.start or datetime.min.replace(tzinfo=UTC), event.id


def _written(start: datetime, event_id: str) -> str:
    return f"{start.isoformat()} {event_id}"


def _parse(after: str | None) -> tuple[datetime, str] | None:
    if after is None:
        return None
    start, _, event_id = after.partition(" ")
    try:
        return datetime.fromisoformat(start).astimezone(UTC), event_id
    except ValueError:
        raise MediaUnavailable(f"no page begins after {after!r}") from None
