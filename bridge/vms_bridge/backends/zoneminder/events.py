"""ZoneMinder's events, each told from its row's appearance to its end, in the order of their ids."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.cursor import is_another, parse_cursor, stamp
from vms_bridge.backends.zoneminder.event_list import PAGE, EventList
from vms_bridge.backends.zoneminder.event_values import abandoned, event_of, is_news, merged
from vms_bridge.backends.zoneminder.passed_over import PassedOver
from vms_bridge.model import EndReason, Event, EventBatch, EventKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import tzinfo
    from typing import Protocol

    from vms_bridge.backends.base import Feed
    from vms_bridge.backends.zoneminder.api import Api
    from vms_bridge.backends.zoneminder.cursor import Cursor
    from vms_bridge.backends.zoneminder.pace import Allowance
    from vms_bridge.backends.zoneminder.parse import EventRow
    from vms_bridge.clock import Clock

    class Surroundings(Protocol):
        """What the tracker has to know of the monitors."""

        async def get_to_know(self, monitor_ids: Collection[str]) -> None:
            """Have these monitors told before their events are, unless they were looked for in vain just now. Raises VmsError."""

        def zone_names(self, monitor_id: str) -> Sequence[str]:
            """Return the monitor's zones by name."""

        def is_dead(self, monitor_id: str) -> bool:
            """Say whether nothing can be at work on the monitor's events: it is gone, or does not capture."""

        def has_begun_anew(self, event: Event) -> bool:
            """Say whether what recorded the event was started again since, and knows nothing of it."""

        def open_events_changed(self, monitor_ids: Collection[str]) -> None:
            """Hear that other events are open than before."""


_LOG = logging.getLogger(__name__)
# ZoneMinder's lists look at every row's files: a long stretch between open events is asked for by id instead.
_SPAN = 30
_AFTER_END_S = 60.0
_CLOSED_LOOK_S = 10.0
_ABANDONED_S = 30.0
_DEAD_S = 60.0
_LOOK_BACK_PAGES = 5
# A row's end follows that of the alarm within a second or two.
_ENDING_S = 5.0


@dataclass(slots=True)
class _Tracked:
    event: Event
    closed_at: float | None = None
    superseded_at: float | None = None
    dead_since: float | None = None
    checked: float = field(default=float("-inf"))

    @property
    def is_open(self) -> bool:
        """Whether its row has no end, whatever was concluded from that."""
        return self.event.end is None or self.event.end_reason is EndReason.ABANDONED


class EventTracker:
    """Reads the events of one connection; `begin`, then `catch_up`, then `turn` again and again."""

    def __init__(
        self, api: Api, clock: Clock, feed: Feed, *, zone: tzinfo, catch_up_days: float, around: Surroundings, spare: Allowance
    ) -> None:
        self._clock, self._feed = clock, feed
        self._list = EventList(api, zone)
        self._window = timedelta(days=catch_up_days)
        self._around, self._spare = around, spare
        self._tracked: dict[int, _Tracked] = {}
        self._passed_over = PassedOver(clock)
        self._ending: dict[int, float] = {}
        """Events whose end is on its way, and until when it is looked for."""
        self._newest: dict[str, int] = {}
        self._generation = 1
        self._cursor = (0, "")
        self._read_to = 0

    @property
    def read_to(self) -> int:
        """The highest id that has been read."""
        return self._read_to

    @property
    def is_following(self) -> bool:
        """Whether some event has not come to its final form."""
        return bool(self._tracked)

    def open_events(self, monitor_id: str) -> list[Event]:
        """Return the monitor's events that are open now: its newest or none, what was left open before that is not."""
        newest = self._tracked.get(self._newest.get(monitor_id, 0))
        return [newest.event] if newest is not None and newest.event.end is None else []

    def is_open(self, event_id: int) -> bool:
        """Say whether this event is known and has not ended."""
        tracked = self._tracked.get(event_id)
        return tracked is not None and tracked.event.end is None

    def expect_end(self, event_id: int) -> None:
        """Hear that this event is about to be closed: the next turns look at its row, however many newer ones there are."""
        if self.is_open(event_id):
            self._ending[event_id] = self._clock.monotonic() + _ENDING_S

    async def begin(self, monitors: int) -> None:
        """Find the place to go on from, and what is open now. Raises VmsError."""
        resume = self._feed.resume
        self._generation = resume.generation
        newest: list[EventRow] = []
        for page in range(1, min(_LOOK_BACK_PAGES, 1 + monitors // 50) + 1):
            some = await self._list.page([("Id >", "0")], ascending=False, page=page)
            newest += some
            if len(some) < PAGE:
                break
        top = newest[0].id if newest else 0
        self._note_newest(newest)
        cursor = parse_cursor(resume.cursor)
        if cursor is None:
            await self._start_at(top, newest)
        elif await self._is_restored(cursor, newest):
            await self._start_generation(resume.open_events, cursor, newest)
        else:
            # With the newest event below the cursor, some were deleted or an older database was restored: the next id will tell.
            self._cursor, self._read_to = cursor, min(cursor[0], top)
            self._follow(resume.open_events)
        # What has ended meanwhile must not be shown as open while the rest is read.
        await self._check_by_id([number for number in self._tracked if self._tracked[number].checked < 0], late=True)

    async def catch_up(self) -> None:
        """Read what happened while nobody looked. Raises VmsError."""
        page = await self._list.page([("Id >", str(self._read_to))])
        if page and page[0].start < self._clock.now() - self._window:
            await self._skip_what_is_too_old()
            page = await self._list.page([("Id >", str(self._read_to))])
        while page:
            await self._take_in(page, late=True)
            if len(page) < PAGE:
                break
            page = await self._list.page([("Id >", str(self._read_to))])

    async def turn(self) -> None:
        """Read new events, and look again at those that may still change. Raises VmsError."""
        now = self._clock.monotonic()
        changing = [n for n, t in self._tracked.items() if t.is_open or now - t.checked >= _CLOSED_LOOK_S]
        wanted = [*changing, *self._passed_over.ids]
        near = [number for number in wanted if self._read_to - _SPAN < number <= self._read_to]
        low = min(near, default=self._read_to + 1) - 1
        while True:
            page = await self._list.page([("Id >", str(low))])
            reached = page[-1].id if len(page) == PAGE else max(self._read_to, low)
            seen = {row.id for row in page}
            gone = [number for number in self._tracked if low < number <= reached and number not in seen]
            await self._take_in(page, late=False, gone=gone)
            if len(page) < PAGE:
                break
            low = page[-1].id
        await self._look_for_ends(now)
        far = [(self._tracked[n].checked, n) for n in changing if n <= self._read_to - _SPAN and n in self._tracked]
        far = sorted(far + [(0.0, n) for n in self._passed_over.ids if n <= self._read_to - _SPAN])
        if far and self._spare.take():
            await self._check_by_id([number for _, number in far[:PAGE]], late=False)
        await self._settle()

    async def _is_restored(self, cursor: Cursor, newest: Sequence[EventRow]) -> bool:
        """Say whether the ids are certainly given out anew, in an older database or in another one."""
        if not newest or not cursor[1]:
            return False
        if newest[0].id < cursor[0]:
            return stamp(newest[0]) > cursor[1]
        found = newest if newest[-1].id <= cursor[0] else await self._list.page([("Id", str(cursor[0]))])
        return any(is_another(row, cursor[1]) for row in found if row.id == cursor[0])

    async def _look_for_ends(self, now: float) -> None:
        """Ask for the rows that are about to be closed and are not among the newest."""
        self._ending = {number: until for number, until in self._ending.items() if now < until and self.is_open(number)}
        far = [number for number in self._ending if number <= self._read_to - _SPAN]
        if far:
            await self._check_by_id(far[:PAGE], late=False)

    async def _start_at(self, top: int, newest: Sequence[EventRow]) -> None:
        self._read_to = top
        self._cursor = (top, stamp(newest[0]) if newest else "")
        self._note_newest(newest)
        current = [row for row in reversed(newest) if row.end is None and self._newest[row.monitor_id] == row.id]
        await self._around.get_to_know({row.monitor_id for row in current})
        alive = [row for row in current if not self._around.is_dead(row.monitor_id)]
        for row in alive:
            self._tracked[row.id] = _Tracked(self._event(row), checked=self._clock.monotonic())
        await self._record([self._tracked[row.id].event for row in alive], late=False, even_if_empty=True)
        self._around.open_events_changed({row.monitor_id for row in alive})

    async def _start_generation(self, left_open: Iterable[Event], cursor: Cursor, newest: Sequence[EventRow]) -> None:
        """Go on in a restored database, with what it has recorded since the newest event that was read before."""
        since = await self._list.after(datetime.fromisoformat(cursor[1]))
        first = min((row.id for row in since), default=newest[0].id + 1)
        self._cursor = cursor
        self._follow(left_open)
        await self._next_generation(first)
        self._read_to, self._cursor = first - 1, (first - 1, "")
        if not since:
            await self._start_at(newest[0].id, newest)
        self._note_newest(newest)

    async def _next_generation(self, first: int) -> None:
        _LOG.warning("ZoneMinder's event ids start anew at %d, after %d: was its database restored?", first, self._cursor[0])
        now = self._clock.now()
        left_open = [tracked.event for tracked in self._tracked.values() if tracked.event.end is None]
        orphans = [replace(event, end=now, end_reason=EndReason.UNKNOWN) for event in left_open]
        await self._record(orphans, late=True, moves_cursor=False)
        self._generation += 1
        self._tracked.clear()
        self._passed_over.clear()
        self._newest.clear()
        self._cursor = (0, "")

    def _follow(self, events: Iterable[Event]) -> None:
        for event in events:
            if event.id.isdecimal() and event.end is None:
                self._tracked[int(event.id)] = _Tracked(event)
                self._newest[event.monitor_id] = max(self._newest.get(event.monitor_id, 0), int(event.id))

    async def _skip_what_is_too_old(self) -> None:
        cutoff = self._clock.now() - self._window
        found, count = await self._list.newest_before(cutoff, above=self._read_to)
        if found is not None:
            self._read_to = found.id
            self._cursor = (found.id, stamp(found))
            days = self._window.total_seconds() / 86400
            _LOG.warning("%s events are older than catch_up_days (%g) and are not told", count or "some", days)

    async def _take_in(self, page: Sequence[EventRow], *, late: bool, gone: Sequence[int] = ()) -> None:
        """Tell what is new in these rows, in order, and what has become of events that are `gone` from them."""
        await self._around.get_to_know({row.monitor_id for row in page if self._is_new(row.id)})
        reused = [row.id for row in page if self._read_to < row.id <= self._cursor[0]]
        if reused:
            await self._next_generation(reused[0])
        read_to = self._read_to
        new = {row.id for row in page if self._is_new(row.id)}
        self._note_newest(page)
        told_late: list[Event] = []
        told: list[Event] = []
        for row in page:
            event = self._first_seen(row, late=late) if row.id in new else self._seen_again(row)
            if event is not None:
                (told_late if late and event.end is not None else told).append(event)
        told += self._vanished(gone)
        has_moved = self._read_to > read_to
        # The cursor may move only once all are stored; a repeated event does no harm.
        await self._record(told_late, late=True, moves_cursor=not told)
        await self._record(told, late=False, even_if_empty=has_moved and not told_late)
        if told or told_late:
            self._around.open_events_changed({event.monitor_id for event in (*told_late, *told)})

    def _note_newest(self, rows: Iterable[EventRow]) -> None:
        for row in rows:
            self._newest[row.monitor_id] = max(self._newest.get(row.monitor_id, 0), row.id)

    def _is_new(self, number: int) -> bool:
        return number > self._read_to or number in self._passed_over.ids

    def _first_seen(self, row: EventRow, *, late: bool) -> Event:
        if not self._passed_over.came(row.id):
            self._passed_over.note(self._read_to, row.id, self._cursor)
            self._read_to = row.id
            self._cursor = (row.id, stamp(row))
        event = self._event(row)
        if event.end is None and late and self._newest[row.monitor_id] > row.id:
            event = abandoned(event)
        now = self._clock.monotonic()
        # By id, not by time: the server's clock may be another.
        if row.end is None or not late or row.id > max(self._newest.values()) - _SPAN:
            self._tracked[row.id] = _Tracked(event, closed_at=None if event.end is None else now, checked=now)
        return event

    def _seen_again(self, row: EventRow) -> Event | None:
        """Return the row's event where it says something new."""
        tracked = self._tracked.get(row.id)
        if tracked is None:
            return None
        fresh = self._event(row)
        now = self._clock.monotonic()
        tracked.checked = now
        if fresh.end is None and tracked.event.end_reason is EndReason.ABANDONED:
            return None
        before, tracked.event = tracked.event, merged(tracked.event, fresh)
        if tracked.event.end is not None and tracked.closed_at is None:
            tracked.closed_at = now
        return tracked.event if is_news(before, tracked.event) else None

    def _vanished(self, numbers: Iterable[int]) -> list[Event]:
        events = [self._tracked.pop(number).event for number in numbers if number in self._tracked]
        return [replace(event, deleted=True) for event in events]

    async def _check_by_id(self, numbers: Sequence[int], *, late: bool) -> None:
        for first in range(0, len(numbers), PAGE):
            asked = numbers[first : first + PAGE]
            page = await self._list.page([("Id", str(number)) for number in asked])
            seen = {row.id for row in page}
            # An unfollowed filter would list other events, not these.
            ours = [row for row in page if row.id in asked]
            await self._take_in(ours, late=late, gone=[number for number in asked if number not in seen])

    async def _settle(self) -> None:
        """Let go of what has come to its final form, and end what nobody will end any more."""
        now = self._clock.monotonic()
        ended: list[Event] = []
        for number, tracked in list(self._tracked.items()):
            if tracked.closed_at is not None:
                if now - tracked.closed_at >= _AFTER_END_S:
                    del self._tracked[number]
            elif self._is_abandoned(number, tracked, now):
                # It is looked at a while longer: the true end may come all the same.
                tracked.event, tracked.closed_at = abandoned(tracked.event), now
                ended.append(tracked.event)
        if ended or self._passed_over.give_up():
            await self._record(ended, late=False, even_if_empty=True)
            self._around.open_events_changed({event.monitor_id for event in ended})

    def _is_abandoned(self, number: int, tracked: _Tracked, now: float) -> bool:
        if self._around.has_begun_anew(tracked.event):
            return True
        if self._newest.get(tracked.event.monitor_id, 0) > number:
            tracked.superseded_at = now if tracked.superseded_at is None else tracked.superseded_at
            if now - tracked.superseded_at >= _ABANDONED_S:
                return True
        if not self._around.is_dead(tracked.event.monitor_id):
            tracked.dead_since = None
            return False
        tracked.dead_since = now if tracked.dead_since is None else tracked.dead_since
        return now - tracked.dead_since >= _DEAD_S

    def _event(self, row: EventRow) -> Event:
        return event_of(row, self._around.zone_names(row.monitor_id))

    async def _record(
        self, events: Sequence[Event], *, late: bool, even_if_empty: bool = False, moves_cursor: bool = True
    ) -> None:
        if not events and not even_if_empty:
            return
        number, stamp = self._passed_over.hold_back(self._cursor)
        cursor = f"{number}@{stamp}" if moves_cursor else None
        await self._feed.record(EventBatch(events=tuple(events), cursor=cursor, late=late, generation=self._generation))


def open_alarm(events: Iterable[Event]) -> bool:
    """Say whether one of these open events was made by an alarm."""
    return any(event.kind is not EventKind.CONTINUOUS for event in events)
