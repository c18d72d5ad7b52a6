"""Follows the events of a group: what is new, what has changed, what is over, and which channels are alarmed by that.

The VMS tells of an event once, seconds after it began, and never that it is over: an event ends a while (`hold`) after its
beginning, and an alarm a while after the event that it is for was seen, so that none is missed for having come late.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from vms_bridge.backends.holding import Holding
from vms_bridge.backends.vxg.parse import OWN_EVENT, ended, event_of
from vms_bridge.model import Event, EventBatch
from vms_bridge.vxg import NotThere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vms_bridge.backends.vxg.cameras import Camera, Cameras
    from vms_bridge.backends.vxg.connection import Connection
    from vms_bridge.vxg import EventRow, EventWatch

_BATCH = 500
_CURSOR_S = 10.0
LEAST_APART_S = 0.25
"""So long apart two looks are, whoever wants one."""
_MOST_ENDED, _MOST_STRAYS = 1_000, 1_000
_BEGAN = "began"
"""Under which name is kept when the bridge first looked here."""
_NEVER = datetime.max.replace(tzinfo=UTC)
_LATEST = timedelta(seconds=60)
"""So late a row may be, and raise an alarm all the same."""


class Events:
    """The events of one connection; `begin` it, then let it `follow`."""

    def __init__(self, connection: Connection, cameras: Cameras, *, missing: Callable[[], None]) -> None:
        self._vxg, self._feed, self._clock, self._config = connection.vxg, connection.feed, connection.clock, connection.config
        self._cameras, self._missing = cameras, missing
        """`missing` is called where there is an event of a channel that nobody knows yet."""
        self._hold = timedelta(seconds=self._config.hold)
        self._quiet = frozenset(self._config.quiet_events)
        self._watch: EventWatch | None = None
        self._open: dict[int, Event] = {}
        self._ends: Holding[int] = Holding()
        self._alarms: Holding[int] = Holding()
        self._forced: dict[int, int] = {}
        """The event that was made here to force an alarm and goes on, by its channel."""
        self._strays: list[EventRow] = []
        """What has happened at channels that nobody knows yet."""
        self._touched: set[int] = set()
        """The channels that may be in another state than was told."""
        self._ended_early: OrderedDict[int, datetime] = OrderedDict()
        self._past: frozenset[int] = frozenset()
        """What was over before the first contact: nothing is told of it, whatever comes of it."""
        self._is_all = True
        """Whether all that was missed has been read."""
        self._turn = asyncio.Lock()
        self._wanted = asyncio.Event()
        self._stored_s = self._clock.monotonic()

    async def begin(self) -> Sequence[EventRow]:
        """Read what has happened since the bridge was here last, or goes on now; `tell` it then. Raises VmsError."""
        now, cursor = await self._vxg.now(), parse_cursor(self._feed.resume.cursor)
        since = now - self._hold
        if cursor is not None:
            since = min(since, max(cursor - _LATEST, now - timedelta(days=self._config.catch_up_days)))
        self._watch = self._vxg.events.watch(since)
        changes = await self._watch.poll()
        self._is_all, rows = changes.is_all, changes.new
        self._alarm_by(rows, now)
        began = parse_cursor(await self._feed.kept(_BEGAN))
        if cursor is None:
            began = now
            await self._feed.keep(_BEGAN, now.isoformat())
        if began is not None:
            self._past = frozenset(row.id for row in rows if row.time + self._hold <= began)
        return [row for row in rows if row.id not in self._past]

    async def tell(self, rows: Sequence[EventRow]) -> None:
        """Record what `begin` has read, and what became of the events that were open. Raises StoreError."""
        now = await self._vxg.now()
        for event in self._feed.resume.open_events:
            if is_event_id(event.id) and is_event_id(event.monitor_id):
                self._keep(int(event.id), event, (event.start or now) + self._hold)
        is_late = self._feed.resume.cursor is not None
        await self._record([*self._all_taken(self._of_known(rows, now), now), *self._over(now)], is_late=is_late)
        while not self._is_all:  # much was missed: no more of it is held than one look has
            changes = await self._watch_now().poll()
            now, self._is_all = await self._vxg.now(), changes.is_all
            self._alarm_by(changes.new, now)
            await self._record(self._all_taken(self._of_known(changes.new, now), now), is_late=is_late)
        self._show(now)

    async def _record(self, events: Sequence[Event], *, is_late: bool) -> None:
        """Record what was missed, and up to where all is recorded now."""
        for first in range(0, len(events), _BATCH):
            await self._feed.record(EventBatch(events=tuple(events[first : first + _BATCH]), late=is_late))
        await self._store(())

    async def follow(self) -> None:
        """Look again and again, or when somebody wants it, until cancelled. Raises VmsError, StoreError."""
        looked_s = self._clock.monotonic()
        while True:
            past_s = self._clock.monotonic() - looked_s
            left_s = self._config.poll_interval - past_s
            if self._wanted.is_set() and past_s < min(LEAST_APART_S, self._config.poll_interval):
                await self._clock.sleep(LEAST_APART_S - past_s)  # who says it again and again has it looked at no faster
            elif left_s <= 0 or self._wanted.is_set():
                looked_s = self._clock.monotonic()
                await self.look()
            else:
                await self._wait(min(left_s, await self._next_end_s()))

    async def _wait(self, seconds: float) -> None:
        """Wait so long, or until somebody wants a look; what is over by then ends."""
        try:
            async with self._clock.timeout(seconds):
                await self._wanted.wait()
        except TimeoutError:
            async with self._turn:
                await self._let_end()

    def hasten(self) -> None:
        """Have it look at once: there is something, as others say."""
        self._wanted.set()

    async def look(self) -> None:
        """Look now, and record what is new. Raises VmsError, StoreError."""
        async with self._turn:
            self._wanted.clear()
            changes = await self._watch_now().poll()
            now = await self._vxg.now()
            if not changes.is_all:
                self._wanted.set()
            new = self._of_known(changes.new, now)
            for row in new:
                if row.time + _LATEST > now:
                    self._alarm(row, max(row.time, now) + self._hold)
            changed = [row for row in changes.changed if row.id not in self._past]
            events = [*self._all_taken((*new, *changed), now), *self._over(now)]
            if events or self._clock.monotonic() - self._stored_s >= _CURSOR_S:
                await self._store(events)
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

    def as_event(self, row: EventRow, now: datetime) -> Event:
        """Return a row as the event that it is by now."""
        return event_of(row, end=self._end_of(row), now=now)

    async def force(self, camera: Camera, cause: str, text: str) -> None:
        """Make an event that goes on until `end_forced`. Raises VmsError."""
        number = camera.row.id
        if number in self._forced:
            return
        if all(each.name != OWN_EVENT for each in await self._vxg.events.types(camera.row)):
            await self._vxg.events.add_type(camera.row, OWN_EVENT)
        meta = {name: said for name, said in (("cause", cause), ("text", text)) if said}
        row = await self._vxg.events.create(camera.row, OWN_EVENT, await self._vxg.now(), meta)
        self._forced[number] = row.id
        self.hasten()

    async def end_forced(self, camera: Camera) -> None:
        """End the event that was made here, if one goes on, and with it the alarm. Raises VmsError, StoreError."""
        number = camera.row.id
        async with self._turn:
            now = await self._vxg.now()
            self._touched.add(number)
            event_id = self._forced.pop(number, None)
            if event_id is not None:
                self._ended_early[event_id] = now
                while len(self._ended_early) > _MOST_ENDED:
                    self._ended_early.popitem(last=False)
            if camera.is_forced:
                self._alarms.let_go(number)
            if event_id in self._open:
                self._ends.let_go(event_id)
                await self._store([ended(self._open.pop(event_id), now)])
            self._show(now)

    def _of_known(self, new: Iterable[EventRow], now: datetime) -> list[EventRow]:
        """Return those of channels that are known; others wait until the list of channels has been read again."""
        waiting = [row for row in self._strays if row.time + 2 * _LATEST > now]
        both = [*waiting, *new]
        known = [row for row in both if self._cameras.get(row.camera_id) is not None]
        self._strays = [row for row in both if self._cameras.get(row.camera_id) is None][-_MOST_STRAYS:]
        if self._strays:
            self._missing()
        return known

    def _all_taken(self, rows: Iterable[EventRow], now: datetime) -> list[Event]:
        return [event for row in rows if (event := self._taken(row, now)) is not None]

    def _taken(self, row: EventRow, now: datetime) -> Event | None:
        """Take note of a row, and return its event; None: of a channel that is not in the group."""
        if self._cameras.get(row.camera_id) is None:
            return None
        event = self.as_event(row, now)
        self._touched.add(row.camera_id)
        if event.is_over:
            self._open.pop(row.id, None)
            self._ends.let_go(row.id)
        else:
            self._keep(row.id, event, self._end_of(row))
        return event

    def _keep(self, number: int, event: Event, end: datetime) -> None:
        self._open[number] = event
        self._ends.let_go(number)
        self._ends.hold(number, end)

    def _end_of(self, row: EventRow) -> datetime:
        if row.id == self._forced.get(row.camera_id):
            return _NEVER
        return max(row.time, self._ended_early.get(row.id, row.time + self._hold))

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
            if row.time + self._hold > now:
                self._alarm(row, row.time + self._hold)

    def _watch_now(self) -> EventWatch:
        assert self._watch is not None  # noqa: S101 - it has begun
        return self._watch

    def _over(self, now: datetime) -> list[Event]:
        """Return the events that are over by now."""
        over = []
        for number in self._ends.over(now):
            event = self._open.pop(number)
            self._touched.add(int(event.monitor_id))
            over.append(ended(event, (event.start or now) + self._hold))
        return over

    async def _let_end(self) -> None:
        now = await self._vxg.now()
        if events := self._over(now):
            await self._store(events)
        self._show(now)

    def _show(self, now: datetime) -> None:
        """Tell the states of channels that have changed by what has happened."""
        going_on = {int(event.monitor_id): event.id for event in self._open.values() if event.monitor_id.isdigit()}
        for number in self._touched.union(self._alarms.over(now)):
            camera = self._cameras.get(number)
            if camera is not None:
                if number not in self._alarms and number not in self._forced:
                    camera.is_alarmed = camera.is_forced = False
                camera.event = going_on.get(number)
                self._cameras.tell_one(camera, now)
        self._touched.clear()

    async def _store(self, events: Iterable[Event]) -> None:
        await self._feed.record(EventBatch(events=tuple(events), cursor=self._watch_now().mark.isoformat()))
        self._stored_s = self._clock.monotonic()

    async def _next_end_s(self) -> float:
        """Return in how many seconds something is over next; a day where nothing is."""
        nearest = [each for each in (self._ends.next_over, self._alarms.next_over) if each is not None]
        if not nearest or (first := min(nearest)) >= _NEVER:
            return 86_400.0
        return max(0.01, (first - await self._vxg.now()) / timedelta(seconds=1))


def is_event_id(text: str) -> bool:
    """Say whether this can be an event's id: a number as the VMS writes it."""
    return text.isascii() and text.isdigit() and len(text) <= 18 and str(int(text)) == text


def parse_cursor(cursor: str | None) -> datetime | None:
    """Return up to when all was recorded; None for no cursor, or that of another kind of system."""
    try:
        time = None if cursor is None else datetime.fromisoformat(cursor)
    except ValueError:
        return None
    return time if time is not None and time.tzinfo is not None else None
