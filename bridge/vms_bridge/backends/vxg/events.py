"""Follows the events of a group: what is new, what has changed, what is over, and which channels are alarmed by that.

The VMS tells of an event once, seconds after it began, and never that it is over: an event ends a while (`hold`) after its
beginning, and an alarm a while after the event that it is for was seen, so that none is missed for having come late.

What has been read counts as told, and is not read again: `follow` alone reads, so that nobody who gives up waiting can come
between reading and recording. Where that fails the connection ends, and the next one reads on from what was recorded.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

from vms_bridge.backends.holding import Holding
from vms_bridge.backends.vxg.forced import Forced
from vms_bridge.backends.vxg.parse import OWN_EVENT, ended, event_of
from vms_bridge.model import Event, EventBatch
from vms_bridge.vxg import NotThere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vms_bridge.backends.vxg.cameras import Camera, Cameras
    from vms_bridge.backends.vxg.connection import Connection
    from vms_bridge.errors import VmsError
    from vms_bridge.vxg import EventChanges, EventRow, EventWatch, Image

_BATCH = 500
_AT_ONCE = 128
"""So many rows are recorded and shown together: others have their turn between, and the first need not wait for the last."""
_CURSOR_S = 10.0
LEAST_APART_S = 0.25
"""So long apart two looks are, whoever wants one."""
_MOST_STRAYS, _MOST_ENDED, _MOST_PICTURES = 1_000, 2_000, 1_000
_BEGAN = "began"
"""Under which name is kept when the bridge first looked here."""
_NEVER, _EVER = datetime.max.replace(tzinfo=UTC), datetime.min.replace(tzinfo=UTC)
_LATEST = timedelta(seconds=60)
"""So late a row may be, and raise an alarm all the same."""


class Events:
    """The events of one connection: `begin` and `tell`, then `follow` and `end_in_time`; `close` in the end."""

    def __init__(
        self,
        connection: Connection,
        cameras: Cameras,
        *,
        missing: Callable[[], None],
        recorded: Callable[[Iterable[Event]], None] | None = None,
    ) -> None:
        self._vxg, self._feed, self._clock, self._config = connection.vxg, connection.feed, connection.clock, connection.config
        self._cameras, self._missing, self._recorded = cameras, missing, recorded
        """`missing` is called where there is an event of a channel that nobody knows yet, `recorded` with all that were."""
        self._hold = timedelta(seconds=self._config.hold)
        self._quiet = frozenset(self._config.quiet_events)
        self._watch: EventWatch | None = None
        self._open: dict[int, Event] = {}
        self._ends: Holding[int] = Holding()
        self._alarms: Holding[int] = Holding()
        self._forced = Forced(connection.feed)
        self._ended: OrderedDict[int, datetime] = OrderedDict()
        """When events were over, by what was told of them: they stay so, though clocks are measured anew."""
        self._pictures: OrderedDict[int, Image] = OrderedDict()
        """Where the pictures of the latest events are."""
        self._strays: dict[int, tuple[EventRow, datetime]] = {}
        """What has happened at channels that nobody knows yet, and until when it waits for them."""
        self._touched: set[int] = set()
        """The channels that may be in another state than was told."""
        self._began = _EVER
        """When the bridge first looked here: nothing is told of what was over by then, whatever comes of it."""
        self._is_all = True
        """Whether all that was missed has been read."""
        self._turn = asyncio.Lock()
        """Has what is found out and what is recorded be in the same order."""
        self._wanted, self._held = asyncio.Event(), asyncio.Event()
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._stored_s = self._clock.monotonic()
        self._now_at = (self._clock.now(), self._stored_s)
        """What time it was by the VMS's clock, and when that was by ours."""

    async def begin(self) -> Sequence[EventRow]:
        """Read what has happened since the bridge was here last, or goes on now; `tell` it then. Raises VmsError."""
        now, cursor = await self._time(), parse_cursor(self._feed.resume.cursor)
        since = now - self._hold
        if cursor is None:
            self._began = now
            await self._feed.keep(_BEGAN, now.isoformat())
        else:
            since = min(since, max(cursor, now - timedelta(days=self._config.catch_up_days)))
            self._began = parse_cursor(await self._feed.kept(_BEGAN)) or _EVER
        for event in self._feed.resume.recent_events:
            if event.end is not None and is_event_id(event.id):
                self._note_end(int(event.id), event.end)
        await self._forced.recall()
        self._watch = self._vxg.events.watch(since)
        changes = await self._watch.poll()
        self._is_all = changes.is_all
        self._alarm_by(changes.new, await self._time())
        for camera in map(self._cameras.get, self._forced):
            if camera is not None:
                self._see(camera)
        return changes.new

    async def tell(self, rows: Sequence[EventRow]) -> None:
        """Record what `begin` has read, and what became of the events that were open. Raises VmsError, StoreError."""
        now = self._now()
        for event in self._feed.resume.open_events:
            if is_event_id(event.id) and is_event_id(event.monitor_id):
                self._keep(event, self._end(int(event.id), int(event.monitor_id), event.start or now))
        is_late = self._feed.resume.cursor is not None
        await self._record([*self._all_taken(self._known(rows, now), now), *self._over(now)], is_late=is_late)
        while not self._is_all:  # much was missed: no more of it is held than one look has
            changes = await self._watch_now().poll()
            now, self._is_all = await self._time(), changes.is_all
            self._alarm_by(changes.new, now)
            await self._record(self._all_taken(self._known((*changes.new, *changes.changed), now), now), is_late=is_late)
        self._show(now)

    async def _record(self, events: Sequence[Event], *, is_late: bool) -> None:
        """Record what was missed, and up to where all is recorded now."""
        for first in range(0, len(events), _BATCH):
            await self._feed.record(EventBatch(events=tuple(events[first : first + _BATCH]), late=is_late))
        if self._recorded is not None:
            self._recorded(events)
        await self._store(())

    async def follow(self) -> NoReturn:
        """Look again and again, or when somebody wants it, until cancelled. Raises VmsError, StoreError."""
        looked_s = self._clock.monotonic()
        while True:
            await self._until_next(looked_s)
            looked_s = self._clock.monotonic()
            await self._look()

    async def _until_next(self, looked_s: float) -> None:
        """Wait until it is time to look, or somebody wants it: who wants it again and again has it no faster."""
        next_s = looked_s + self._config.poll_interval
        await self._clock.sleep(min(looked_s + LEAST_APART_S, next_s) - self._clock.monotonic())
        with suppress(TimeoutError):
            async with self._clock.timeout(next_s - self._clock.monotonic()):
                await self._wanted.wait()

    def hasten(self) -> None:
        """Have it look at once: there is something, as others say."""
        self._wanted.set()

    async def look(self) -> None:
        """Have it look now, and return when what is new is recorded. Raises VmsError where it can't be seen."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self.hasten()
        await waiting

    def close(self, error: VmsError) -> None:
        """Tell those who wait for a look why there is none."""
        while self._waiting:
            if not (waiting := self._waiting.popleft()).done():
                waiting.set_exception(error)

    async def _look(self) -> None:
        self._wanted.clear()
        asked = len(self._waiting)  # who asks from now on wants to see what is so later
        async with aclosing(self._watch_now().batches(_AT_ONCE)) as batches:
            async for changes in batches:
                await self._take(changes)
        for _ in range(asked):
            if not (waiting := self._waiting.popleft()).done():
                waiting.set_result(None)

    async def _take(self, changes: EventChanges) -> None:
        now = await self._time()
        async with self._turn:
            news = self._strays.keys() | {row.id for row in changes.new}
            rows = self._known((*changes.new, *changes.changed), now)
            for row in rows:
                if row.id in news and row.time + _LATEST > now:
                    self._alarm(row, now + self._hold)
            events = [*self._all_taken(rows, now), *self._over(now)]
            if events or self._clock.monotonic() - self._stored_s >= _CURSOR_S:
                await self._store(events)
            self._show(now)
        self._held.set()

    async def end_in_time(self) -> NoReturn:
        """Have events and alarms be over when it is time, though the VMS may not answer just then. Raises StoreError."""
        while True:
            self._held.clear()
            with suppress(TimeoutError):
                async with self._clock.timeout(self._next_end_s()):
                    await self._held.wait()
            async with self._turn:
                now = self._now()
                if events := self._over(now):  # without a cursor: what `follow` has just read may not be recorded yet
                    await self._feed.record(EventBatch(events=tuple(events)))
                self._show(now)

    async def refresh(self, event_id: str) -> None:
        """Read this event, and record how it is, or that there is none. Raises VmsError, StoreError."""
        row = await self.find(event_id)
        if row is None:
            event = Event(id=event_id, monitor_id="", start=None, deleted=True)
        else:
            event = self.as_event(row, await self._vxg.now())
        await self._feed.record(EventBatch(events=(event,), refreshed=True))

    async def find(self, event_id: str) -> EventRow | None:
        """Return the row of an event of the group; None: there is none. Raises VmsError."""
        if not is_event_id(event_id):
            return None
        try:
            row = await self._vxg.events.get(int(event_id))
        except NotThere:
            return None
        return row if self._cameras.get(row.camera_id) is not None else None

    def picture(self, event_id: str) -> Image | None:
        """Return where the picture of an event is, as was said when it was told; None: that has to be asked."""
        image = self._pictures.get(int(event_id)) if is_event_id(event_id) else None
        return image if image is not None and self._cameras.get(image.camera_id) is not None else None

    def as_event(self, row: EventRow, now: datetime) -> Event:
        """Return a row as the event that it is by now."""
        end = self._end(row.id, row.camera_id, row.time)
        return event_of(row, end=end, now=max(now, end) if row.id in self._ended else now)

    async def force(self, camera: Camera, cause: str, text: str) -> None:
        """Make an event that goes on until `end_forced`. Raises VmsError."""
        number = camera.row.id
        if number in self._forced:
            return
        await self._vxg.events.add_type(camera.row, OWN_EVENT)
        meta = {name: said for name, said in (("cause", cause), ("text", text)) if said}
        row = await self._vxg.events.create(camera.row, OWN_EVENT, await self._vxg.now(), meta)
        await self._forced.begin(number, row.id)
        if row.id in self._open:  # it was read before it was known to be this
            self._ends.hold(row.id, _NEVER)
        self.hasten()

    async def end_forced(self, camera: Camera) -> None:
        """Have the alarm that was forced here be over, if one is, and its event."""
        number, now = camera.row.id, self._now()
        event_id = self._forced.event_of(number)
        if event_id is not None:
            self._note_end(event_id, now)
        if event_id in self._open:
            self._ends.let_go(event_id)
            self._ends.hold(event_id, now)
        if camera.is_forced:
            self._alarms.let_go(number)
        await self._forced.end(number)
        self._touched.add(number)
        self._held.set()

    def _known(self, rows: Iterable[EventRow], now: datetime) -> list[EventRow]:
        """Return those of channels that are known; others wait until the list of channels has been read again."""
        strays, self._strays = self._strays, {}
        known: dict[int, EventRow] = {}
        for row, until in (*strays.values(), *((row, now + 2 * _LATEST) for row in rows if self._is_told_of(row))):
            if self._cameras.get(row.camera_id) is not None:
                known[row.id] = row
            elif until > now and len(self._strays) < _MOST_STRAYS:
                self._strays[row.id] = (row, until)
        if self._strays:
            self._missing()
        return list(known.values())

    def _is_told_of(self, row: EventRow) -> bool:
        return row.time + self._hold > self._began

    def _all_taken(self, rows: Iterable[EventRow], now: datetime) -> list[Event]:
        """Take note of rows, and return their events."""
        events = [self.as_event(row, now) for row in rows]
        for row in rows:
            if row.thumb is not None:
                self._pictures[row.id] = row.thumb
        while len(self._pictures) > _MOST_PICTURES:
            self._pictures.popitem(last=False)
        for event in events:
            number, channel = int(event.id), int(event.monitor_id)
            self._touched.add(channel)
            if event.end is not None:
                self._open.pop(number, None)
                self._ends.let_go(number)
                self._note_end(number, event.end)
            else:
                self._keep(event, self._end(number, channel, event.start or now))
        return events

    def _keep(self, event: Event, end: datetime) -> None:
        number = int(event.id)
        self._open[number] = event
        self._ends.let_go(number)
        self._ends.hold(number, end)

    def _end(self, number: int, channel: int, start: datetime) -> datetime:
        """Return when an event is over that began then."""
        if (told := self._ended.get(number)) is not None:
            return max(start, told)
        return _NEVER if self._forced.event_of(channel) == number else start + self._hold

    def _note_end(self, number: int, end: datetime) -> None:
        self._ended[number] = end
        if len(self._ended) > _MOST_ENDED:
            self._ended.popitem(last=False)

    def _alarm(self, row: EventRow, until: datetime) -> None:
        camera = self._cameras.get(row.camera_id)
        if camera is None or row.name in self._quiet:
            return
        self._touched.add(row.camera_id)
        self._alarms.hold(row.camera_id, until)
        camera.is_alarmed, camera.cause = True, row.name
        camera.is_forced = camera.is_forced or row.name == OWN_EVENT

    def _alarm_by(self, rows: Iterable[EventRow], now: datetime) -> None:
        """Have those channels be alarmed at which something goes on still, though it began while nobody looked."""
        for row in rows:
            if now - self._hold < row.time < now + _LATEST:  # else a camera's clock is far ahead, and nobody knows
                self._alarm(row, min(row.time, now) + self._hold)

    def _see(self, camera: Camera) -> None:
        """Have a channel be alarmed by what there is."""
        is_forced = camera.row.id in self._forced
        if is_forced and not camera.is_alarmed:
            camera.cause = OWN_EVENT
        camera.is_alarmed = is_forced or camera.row.id in self._alarms
        camera.is_forced = is_forced or (camera.is_alarmed and camera.is_forced)

    def _watch_now(self) -> EventWatch:
        assert self._watch is not None  # noqa: S101 - it has begun
        return self._watch

    def _over(self, now: datetime) -> list[Event]:
        """Return the events that are over by now."""
        over = []
        for number in self._ends.over(now):
            event = self._open.pop(number)
            channel = int(event.monitor_id)
            self._touched.add(channel)
            end = self._end(number, channel, event.start or now)
            self._note_end(number, end)
            over.append(ended(event, end))
        return over

    def _show(self, now: datetime) -> None:
        """Tell the states of channels that have changed by what has happened."""
        touched = self._touched.union(self._alarms.over(now))
        self._touched.clear()
        if not touched:
            return
        going_on = {int(event.monitor_id): event.id for event in self._open.values()}
        for camera in map(self._cameras.get, touched):
            if camera is not None:
                self._see(camera)
                camera.event = going_on.get(camera.row.id)
                self._cameras.tell_one(camera, now)

    async def _store(self, events: Sequence[Event]) -> None:
        await self._feed.record(EventBatch(events=tuple(events), cursor=self._watch_now().mark.isoformat()))
        if self._recorded is not None:
            self._recorded(events)
        self._stored_s = self._clock.monotonic()

    async def _time(self) -> datetime:
        """Return the time by the VMS's clock, and note it. Raises VmsError."""
        now = await self._vxg.now()
        self._now_at = now, self._clock.monotonic()
        self._began = min(self._began, now)  # the VMS's clock was set back: what comes now is not of before
        return now

    def _now(self) -> datetime:
        """Return the time by the VMS's clock, without asking."""
        noted, at_s = self._now_at
        return noted + timedelta(seconds=self._clock.monotonic() - at_s)

    def _next_end_s(self) -> float | None:
        """Return in how many seconds something is over next; None where nothing is."""
        nearest = min((each for each in (self._ends.next_over, self._alarms.next_over) if each is not None), default=_NEVER)
        return None if nearest >= _NEVER else max(0.01, (nearest - self._now()) / timedelta(seconds=1))


def is_event_id(text: str) -> bool:
    """Say whether this can be an event's id: a number as the VMS writes it."""
    return text.isascii() and text.isdigit() and len(text) <= 18 and str(int(text)) == text and text != "0"


def parse_cursor(cursor: str | None) -> datetime | None:
    """Return up to when all was recorded; None for no cursor, or that of another kind of system."""
    try:
        time = None if cursor is None else datetime.fromisoformat(cursor)
    except ValueError:
        return None
    return time if time is not None and time.tzinfo is not None else None
