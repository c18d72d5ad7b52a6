"""What systems have recorded: asked for by public keys and ids, in bounds, and answered by what is shown of them only."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from vms_bridge.archive import (
    MEDIA_NEEDS,
    MOST_EVENTS,
    MOST_FRAMES,
    MOST_LINES,
    EventClip,
    EventFrame,
    FrameKind,
    RecordedEvent,
    RecordedPage,
)
from vms_bridge.errors import BackendDefect, MediaBusy, MediaUnavailable, NoSuchEvent, NoSuchPart
from vms_bridge.hub import door
from vms_bridge.hub.performers import DrawnPicture
from vms_bridge.hub.text import without
from vms_bridge.model import Capability, EventPicture, EventRef

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

    from vms_bridge.archive import ByteRange, EventQuery, Extent, FrameTimes, LogLine, LogQuery, MediaRef, OpenMedia, VideoSource
    from vms_bridge.hub.performers import Performers
    from vms_bridge.hub.system import System
    from vms_bridge.model import PictureRef

MOST_OPEN = 16
"""How many pictures and clips are read from a system at a time; each takes a connection of its own."""
_LONGEST_AFTER = 1_000
_MOST_SOURCES = 8
_OWN_HINT = "the bridge itself tells of it, and keeps a picture for a while; ask for the monitor's recording of that time"
_LONGEST_S = 1e7
"""No event lasts longer."""


async def _unheard(_event: EventRef) -> None:
    """Let it be."""


class Archives:
    """Asks systems for what they have recorded, and for pictures. Raises MediaUnavailable or VmsError for what can't be had.

    `on_missing` receives an event of which the VMS itself says that it has no such picture or clip, `on_gone` one that it says
    not to have at all.
    """

    def __init__(
        self,
        systems: Mapping[str, System],
        performers: Performers | None = None,
        *,
        on_missing: Callable[[EventRef], None] = lambda _: None,
        on_gone: Callable[[EventRef], Awaitable[None]] = _unheard,
    ) -> None:
        self._systems, self.performers = systems, performers
        self._on_missing, self._on_gone = on_missing, on_gone
        self._open: Counter[str] = Counter()

    async def picture(self, system: str, ref: PictureRef) -> bytes:
        """Return a JPEG."""
        found = self._system(system)
        if isinstance(ref, EventPicture) and ref.event.is_own:
            return await self._own_picture(found, ref.event)
        asked = _picture(found, ref)
        if isinstance(ref, EventPicture) and (drawn := await self._drawn(ref.event)) is not None:
            _picture(found, ref)
            return drawn
        async with self._noted(ref):
            picture = await found.backend.picture(asked)
        _picture(found, ref)  # meanwhile the event's id may have become another's
        return picture

    async def events(self, system: str, query: EventQuery, after: str | None = None) -> RecordedPage:
        """Return a page of events of monitors that are shown."""
        found = self._system(system)
        query = _asked(found, query)
        generation = found.generation
        page = door.PAGES.admit(await found.backend.recorded(query, after))
        if len(page.events) > MOST_EVENTS or len(page.after or "") > _LONGEST_AFTER or not all(one.id for one in page.events):
            raise BackendDefect(
                "wrong values", f"EventPage: {len(page.events)} events, or one without an id, or `after` too long"
            )
        if found.generation != generation:
            raise begun_anew(system)
        shown = [(found.key_of(event.monitor_id), event) for event in page.events]
        return RecordedPage(
            events=tuple(
                RecordedEvent(
                    ref=EventRef(system, generation, event.id),
                    monitor=key,
                    event=without(event, found.strike, "cause", "notes"),
                )
                for key, event in shown
                if key is not None
            ),
            after=page.after,
        )

    def can_find(self, system: str) -> bool:
        """Say whether the system can be asked for one event."""
        return system in self._systems and self._systems[system].backend.can_find

    async def event(self, ref: EventRef) -> RecordedEvent | None:
        """Return an event as the system has it now; None: it has none, or of a monitor that is not shown."""
        found = self._system(ref.system)
        if not found.calls_so(ref):
            return None
        _need(found, Capability.ARCHIVE, "archive that can be asked")
        said = await found.backend.found(ref.id)
        event = None if said is None else door.EVENTS.admit(said)
        if event is None or event.deleted or not found.calls_so(ref):
            return None
        if event.id != ref.id:
            raise BackendDefect("wrong values", f"event {event.id!r} in the place of another")
        key = found.key_of(event.monitor_id)
        return None if key is None else RecordedEvent(ref=ref, monitor=key, event=without(event, found.strike, "cause", "notes"))

    async def extent(self, system: str, query: EventQuery) -> Extent:
        """Return how much it has recorded, of monitors that are not shown too where the query names none."""
        found = self._system(system)
        query = _asked(found, query)
        generation = found.generation
        extent = door.EXTENTS.admit(await found.backend.extent(query))
        if found.generation != generation:
            raise begun_anew(system)
        return extent

    async def frame_times(self, event: EventRef) -> FrameTimes:
        """Return which single pictures an event has, and when they were taken."""
        found = self._system(event.system)
        _check(found, event)
        _need(found, Capability.EVENT_FRAME, "such pictures")
        async with self._noted(EventFrame(event=event)):
            times = door.FRAMES.admit(await found.backend.frame_times(event))
        if len(times.frames) > MOST_FRAMES or not all(number >= 1 and 0 <= time < _LONGEST_S for number, time in times.frames):
            raise BackendDefect("wrong values", f"FrameTimes: {len(times.frames)} pictures, or one that can't be")
        _check(found, event)
        return times

    @asynccontextmanager
    async def media(self, system: str, ref: MediaRef, byte_range: ByteRange | None) -> AsyncIterator[OpenMedia]:
        """Open a picture or clip, or a part of it, to be read piece by piece."""
        found = self._system(system)
        if isinstance(ref, EventFrame) and ref.event.is_own:
            yield DrawnPicture(await self._own_picture(found, ref.event))
            return
        asked = _media(found, ref)
        if isinstance(ref, EventFrame) and ref.frame is FrameKind.ANNOTATED and (drawn := await self._drawn(ref.event)):
            _media(found, ref)
            yield DrawnPicture(drawn)
            return
        _need(found, MEDIA_NEEDS[type(ref)], "such pictures or clips")
        if self._open[system] >= MOST_OPEN:
            raise MediaBusy(
                f"system {system} is asked for {MOST_OPEN} pictures and clips at a time already", hint="try again in a moment"
            )
        self._open[system] += 1
        try:
            async with self._noted(ref):
                media = await found.backend.media(asked, byte_range)
            try:
                _media(found, ref)
                yield media
            finally:
                await media.close()
        finally:
            self._open[system] -= 1

    def check_live(self, system: str, key: str) -> None:
        """Raise MediaUnavailable where there is no such monitor, or no live video of it."""
        found = self._system(system)
        _id_of(found, key)
        _need(found, Capability.LIVE_STREAM, "live video")

    async def video_sources(self, system: str, key: str) -> Sequence[VideoSource]:
        """Return where H.264 or H.265 of a monitor comes from, the best first; none where there are only pictures."""
        found = self._system(system)
        _need(found, Capability.LIVE_STREAM, "live video")
        sources = await found.backend.video_sources(_id_of(found, key))
        return [door.SOURCES.admit(source) for source in sources[:_MOST_SOURCES]]

    async def logs(self, system: str, query: LogQuery) -> Sequence[LogLine]:
        """Return lines of the system's log, the oldest first."""
        found = self._system(system)
        _need(found, Capability.LOGS, "log that can be asked for")
        most = max(1, min(query.most, MOST_LINES))
        lines = await found.backend.logs(replace(query, most=most))
        return [without(door.LINES.admit(line), found.strike, "message") for line in lines[-most:]]

    async def _own_picture(self, system: System, event: EventRef) -> bytes:
        """Return the only picture that there is of an event of the bridge's own: that of who tells it."""
        drawn = await self._drawn(event) if event.system == system.key else None
        if drawn is None:
            raise _no_own(event)
        return drawn

    async def _drawn(self, event: EventRef) -> bytes | None:
        """Return a picture of the event with what was found drawn into it, None where there is none."""
        return await self.performers.picture(event) if self.performers is not None else None

    @asynccontextmanager
    async def _noted(self, ref: PictureRef | MediaRef) -> AsyncIterator[None]:
        """Have it heard if the VMS says that it has no such picture or clip of an event, or no such event."""
        try:
            yield
        except NoSuchPart:
            raise
        except MediaUnavailable as error:
            if isinstance(ref, EventPicture | EventFrame | EventClip):
                if isinstance(error, NoSuchEvent):
                    await self._on_gone(ref.event)
                else:
                    self._on_missing(ref.event)
            raise

    def _system(self, key: str) -> System:
        found = self._systems.get(key)
        if found is None:
            raise MediaUnavailable(f"there is no system {key!r}")
        return found


def begun_anew(system: str) -> MediaUnavailable:
    """Return the error for what was asked of ids that the VMS has given to others meanwhile."""
    return MediaUnavailable(f"system {system} has begun to count its events anew", hint="ask from the beginning")


def _asked(system: System, query: EventQuery) -> EventQuery:
    """Return what is asked for in the VMS's words. Raises MediaUnavailable where it can't be."""
    _need(system, Capability.ARCHIVE, "archive that can be asked")
    if query.monitors is None:
        return query
    return replace(query, monitors=frozenset(_id_of(system, key) for key in query.monitors))


def _picture(system: System, ref: PictureRef) -> PictureRef:
    """Return what is asked for in the VMS's words. Raises MediaUnavailable for what there is not, or no more."""
    if isinstance(ref, EventPicture):
        _check(system, ref.event)
        return ref
    return replace(ref, monitor=_id_of(system, ref.monitor))


def _media(system: System, ref: MediaRef) -> MediaRef:
    """Do the same for a picture or clip of any kind."""
    if isinstance(ref, EventFrame | EventClip):
        _check(system, ref.event)
        return ref
    return replace(ref, monitor=_id_of(system, ref.monitor))


def _check(system: System, event: EventRef) -> None:
    if event.is_own:
        raise _no_own(event)
    if not system.calls_so(event):
        raise MediaUnavailable(
            f"system {system.key} has no picture of event {event.format()}",
            hint="its event ids have started anew, as after a restored database" if event.system == system.key else "",
        )


def _no_own(event: EventRef) -> MediaUnavailable:
    return MediaUnavailable(f"there is no such picture or clip of event {event.format()}", hint=_OWN_HINT)


def _id_of(system: System, key: str) -> str:
    monitor_id = system.id_of(key)
    if monitor_id is None:
        raise MediaUnavailable(f"system {system.key} has no monitor {key!r}")
    return monitor_id


def _need(system: System, capability: Capability, what: str) -> None:
    if capability not in system.state.capabilities:
        raise MediaUnavailable(f"system {system.key} has no {what}")
