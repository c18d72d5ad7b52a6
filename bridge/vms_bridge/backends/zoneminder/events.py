"""ZoneMinder's events, each reported from its row's appearance to its end, in the order of their ids."""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.cursor import Gap, Place, began_after, is_another, is_later, parse_cursor, stamp
from vms_bridge.backends.zoneminder.deletions import Deletions
from vms_bridge.backends.zoneminder.event_values import abandoned, event_of, untimed
from vms_bridge.backends.zoneminder.local_time import KEPT_OFFSET
from vms_bridge.backends.zoneminder.passed_over import PassedOver
from vms_bridge.backends.zoneminder.tracked import Newest, Tracked
from vms_bridge.errors import VmsProtocolError
from vms_bridge.model import EndReason, Event, EventBatch
from vms_bridge.zoneminder.events.halving import PAGE

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vms_bridge.backends.base import Feed
    from vms_bridge.backends.zoneminder.cursor import Cursor
    from vms_bridge.backends.zoneminder.event_context import EventContext
    from vms_bridge.backends.zoneminder.event_list import EventList
    from vms_bridge.backends.zoneminder.pace import Budget
    from vms_bridge.backends.zoneminder.readiness import Readiness
    from vms_bridge.clock import Clock
    from vms_bridge.zoneminder import EventRow


_LOG = logging.getLogger(__name__)
# ZoneMinder's lists look at every row's files: a long stretch between open events is asked for by id instead.
_SPAN = 30
_AFTER_END_S = 60.0
_CLOSED_CHECK_S = 10.0
_BACK_PAGES = 5
_PAGES_A_TURN = 20
# A row's end follows that of the alarm within a second or two.
_ENDING_S = 5.0


class EventTracker:
    """Reads the events of one connection.

    `begin` finds the place to go on from; then `turn` again and again, and a `catch_up` now and then while it `is_behind`.
    Live and late events are read apart, so that what happens now does not wait for what was missed.
    """

    def __init__(
        self,
        events: EventList,
        clock: Clock,
        feed: Feed,
        *,
        catch_up_days: float,
        context: EventContext,
        readiness: Readiness,
        spare: Budget,
    ) -> None:
        self._list, self._clock, self._feed, self._readiness = events, clock, feed, readiness
        self._window = timedelta(days=catch_up_days)
        self._context, self._spare = context, spare
        self._tracked: dict[int, Tracked] = {}
        self._passed_over = PassedOver(clock)
        self._ending: dict[int, float] = {}
        """Events whose end is on its way, and until when they are polled for it."""
        self._newest = Newest()
        self._deletions = Deletions(events, self._newest, clock, spare)
        self._generation = 1
        self._head = Place()
        self._gap: Gap | None = None

    @property
    def read_to(self) -> int:
        """The highest id that has been read."""
        return self._head.read_to

    @property
    def generation(self) -> int:
        """Which generation of ids it is."""
        return self._generation

    @property
    def is_behind(self) -> bool:
        """Whether there is more to `catch_up` with."""
        return self._gap is not None

    def open_events(self, monitor_id: str) -> list[Event]:
        """Return the monitor's events that are open now: its newest or none, what was left open before that is not."""
        newest = self._tracked.get(self._newest.id(monitor_id))
        return [newest.event] if newest is not None and not newest.event.is_over else []

    def unchanged_s(self, monitor_id: str) -> float:
        """Return for how long the row of the monitor's open event has stayed the same."""
        newest = self._tracked.get(self._newest.id(monitor_id))
        return 0.0 if newest is None or newest.event.is_over else newest.unchanged_s

    def known(self, event_id: int) -> Event | None:
        """Return the event as it was read last, None where it is not followed."""
        tracked = self._tracked.get(event_id)
        return None if tracked is None else tracked.event

    def is_open(self, event_id: int) -> bool:
        """Say whether this event is known and has not ended."""
        event = self.known(event_id)
        return event is not None and not event.is_over

    def expect_end(self, event_id: int) -> None:
        """Note that this event is about to be closed: the next polls read its row, however many newer ones there are."""
        if self.is_open(event_id):
            self._ending[event_id] = self._clock.monotonic() + _ENDING_S

    def zone_changed(self) -> None:
        """Note that times are to be read otherwise: what is still followed is reported anew."""
        for tracked in self._tracked.values():
            tracked.event = replace(tracked.event, start=None)

    def without_picture(self) -> list[Tracked]:
        """Return the events whose pictures were not there yet."""
        return [tracked for tracked in self._tracked.values() if not tracked.event.snapshot_ready]

    def picture_fetched(self, event_id: int, *, is_there: bool) -> None:
        """Note that somebody has fetched this event's picture, or could not."""
        tracked = self._tracked.get(event_id)
        if tracked is not None:
            self._readiness.noted(tracked.event, is_there=is_there)

    async def begin(self, monitors: int, *, late: bool) -> None:
        """Find the place to go on from, and what is open now; `late`: it is long since the last read. Raises VmsError."""
        resume = self._feed.resume
        self._generation, self._gap = resume.generation, None
        await self._list.unreadable.recall(resume.generation)
        cursor = parse_cursor(resume.cursor)
        newest = await self._list.newest(min(_BACK_PAGES, 1 + monitors // 50), near=cursor[0] if cursor else 0)
        self._list.times.weigh(newest)
        if cursor is None:
            await self._start_at(newest)
        elif await self._is_restored(cursor, newest):
            await self._start_generation(resume.open_events, cursor, newest)
        else:
            await self._go_on(cursor, newest, late=late)
            self._follow((*resume.open_events, *resume.recent_events))
        # What has ended meanwhile must not be shown as open while the rest is read.
        await self._check_by_id([number for number in self._tracked if self._tracked[number].checked < 0], late=late)

    async def catch_up(self) -> None:
        """Read a page of what happened while the bridge was not watching. Raises VmsError."""
        gap = self._gap
        if gap is None:
            return
        since = self._clock.now() - self._window
        page = await self._list.above(gap.place.read_to)
        if not gap.is_begun and page.rows and page.rows[0].start < since:
            with suppress(VmsProtocolError):  # then they are read, and not reported
                await self._skip_what_is_too_old(gap.place, since, gap.high)
            page = await self._list.above(gap.place.read_to)
        gap.is_begun = True
        await self._process([row for row in page.rows if row.id <= gap.high], gap.place, late=True, since=since)
        gap.place.read_to = max(gap.place.read_to, page.read_to)
        if not page.has_more or gap.place.read_to >= gap.high or (page.rows and page.rows[-1].id >= gap.high):
            self._gap = None
            await self._record((), late=False, even_if_empty=True)

    async def turn(self) -> None:
        """Read new events, and read again those that may still change. Raises VmsError."""
        now, read_to, bad = self._clock.monotonic(), self._head.read_to, self._list.unreadable
        floor = self._floor()
        tracked = [(n, t) for n, t in self._tracked.items() if n not in bad]
        changing = [n for n, t in tracked if t.is_open or now - t.checked >= _CLOSED_CHECK_S]
        wanted = [*changing, *self._passed_over.ids]
        near = [number for number in wanted if floor < number <= read_to]
        # The newest row that is known comes with it, to see that the database is still the same.
        low = max(min(near, default=read_to) - 1, floor, 0)
        page = await self._list.above(low, known_to=read_to)
        if low < read_to and not self._holds_its_place(page.rows) and not await self._is_to_be_believed():
            return
        for _ in range(_PAGES_A_TURN):
            reached = page.reached(low, read_to)
            seen = {row.id for row in page.rows}
            gone = [number for number in self._tracked if low < number <= reached and number not in seen and number not in bad]
            await self._process(page.rows, self._head, late=False, gone=gone)
            if not page.has_more or not page.rows:
                break
            low = page.rows[-1].id
            page = await self._list.above(low)
        await self._check_ends(now)
        floor = self._floor()
        far = [(self._tracked[n].checked, n) for n in changing if n <= floor and n in self._tracked]
        far = sorted(far + [(0.0, n) for n in self._passed_over.ids if n <= floor])
        if far and self._spare.take():
            await self._check_by_id([number for _, number in far[:PAGE]], late=False)
        await self._record(self._readiness.newly_ready(self._tracked.values()), late=False)
        await self._settle()
        await self._try_unreadable()
        if self._head.read_to == self._head.cursor[0]:  # else a database may be in the middle of being restored
            await self._check_deletions()

    def _floor(self) -> int:
        """Return the id up to which rows are asked for by id: far ones, and what a row that can't be read would spoil."""
        bad, top = self._list.unreadable, self.read_to
        while top + 1 in bad:
            top += 1
        return max((self.read_to - _SPAN, *(number for number in bad if number <= top)))

    async def _go_on(self, cursor: Cursor, newest: Sequence[EventRow], *, late: bool) -> None:
        """Go on from the cursor; what is open now does not wait until all that was missed is read."""
        self._newest.note(newest)
        top = newest[0].id if newest else cursor[0]
        place = Place(read_to=min(cursor[0], top), cursor=cursor)
        self._passed_over.clear()
        if not late or top <= cursor[0]:
            self._head = place
            return
        self._gap = Gap(place=place, high=top)
        self._head = Place(read_to=top, cursor=(top, stamp(newest[0])))
        await self._report_open(newest, above=place.read_to)

    def _holds_its_place(self, page: Sequence[EventRow]) -> bool:
        """Say whether the newest row that was read is still there, as far as it is known."""
        number, start = self._head.cursor
        if number != self._head.read_to or not start:
            return True
        return any(row.id == number and not is_another(row, start) for row in page)

    async def _is_to_be_believed(self) -> bool:
        """Find out why a page misses the newest row: deleted, or in a database of before, with which a generation begins.

        If that row is there after all, the page says nothing of any other either.
        """
        read_to = self._head.read_to
        newest = await self._list.newest(1, near=read_to)
        if await self._is_restored(self._head.cursor, newest):
            await self._start_generation((), self._head.cursor, newest)
            return False
        if newest:  # a table that is just being restored may be empty for a moment
            self._head.read_to = min(read_to, newest[0].id)
        return not any(row.id == read_to for row in newest)

    async def _is_restored(self, cursor: Cursor, newest: Sequence[EventRow]) -> bool:
        """Say whether the ids are certainly given out anew, in an older database or in another one."""
        if not newest or not cursor[1]:
            return False
        if newest[0].id < cursor[0]:
            return is_later(newest[0], cursor[1], self._list.local.reading)
        found = newest if newest[-1].id <= cursor[0] else await self._list.these([cursor[0]])
        return any(is_another(row, cursor[1]) for row in found if row.id == cursor[0])

    async def _check_ends(self, now: float) -> None:
        """Ask for the rows that are about to be closed and are not among the newest."""
        self._ending = {number: until for number, until in self._ending.items() if now < until and self.is_open(number)}
        far = [number for number in self._ending if number <= self._floor()]
        if far:
            await self._check_by_id(far[:PAGE], late=False)

    async def _check_deletions(self) -> None:
        gone = await self._deletions.check(self._tracked)
        await self._record([replace(self._event(row), deleted=True) for row in gone], late=False)
        for row in gone:
            self._newest.forget_row(row.monitor_id, row.id)

    async def _start_at(self, newest: Sequence[EventRow]) -> None:
        """Start as at the first contact: from the newest event on, with what is open."""
        top = newest[0].id if newest else 0
        self._head = Place(read_to=top, cursor=(top, stamp(newest[0]) if newest else ""))
        self._newest.note(newest)
        await self._report_open(newest, above=0)

    async def _report_open(self, newest: Sequence[EventRow], *, above: int) -> None:
        current = [row for row in reversed(newest) if row.end is None and self._newest.id(row.monitor_id) == row.id > above]
        await self._context.ensure_described({row.monitor_id for row in current})
        context = self._context
        current = [row for row in current if not context.is_dead(row.monitor_id)]
        await self._readiness.check(current)
        events = [self._event(row) for row in current]
        alive = [event for event in events if not context.has_begun_anew(event)]
        for event in alive:
            self._tracked[int(event.id)] = Tracked(event, checked=self._clock.monotonic())
        await self._record(alive, late=False, even_if_empty=True)

    async def _start_generation(self, left_open: Iterable[Event], cursor: Cursor, newest: Sequence[EventRow]) -> None:
        """Go on in a restored database, with what it has recorded since the newest event that was read before."""
        since = await self._list.first_after(datetime.fromisoformat(cursor[1]), above=0)
        first = newest[0].id + 1 if since is None else since.id
        self._head.cursor = cursor
        self._follow(left_open)
        await self._next_generation(first)
        if since:
            await self._go_on((first - 1, ""), newest, late=True)
        else:
            await self._start_at(newest)

    async def _next_generation(self, first: int) -> None:
        _LOG.warning("ZoneMinder's event ids start anew at %d, after %d: was its database restored?", first, self._head.cursor[0])
        now = self._clock.now()
        left_open = [tracked.event for tracked in self._tracked.values() if not tracked.event.is_over]
        orphans = [replace(event, end=now, end_reason=EndReason.UNKNOWN) for event in left_open]
        await self._record(orphans, late=True, moves_cursor=False)
        self._generation += 1
        await self._list.unreadable.forget_all(self._generation)
        self._tracked.clear()
        self._passed_over.clear()
        self._newest.clear()
        self._head.cursor, self._gap = (0, ""), None

    def _follow(self, events: Iterable[Event]) -> None:
        """Read known events again: open ones until they end, ended ones for a while."""
        now = self._clock.monotonic()
        for event in events:
            number = int(event.id) if event.id.isdecimal() else 0
            if number and not event.deleted and number not in self._tracked:
                self._tracked[number] = Tracked(event, closed_at=now if event.is_over else None)
                self._newest.note_id(event.monitor_id, number)

    async def _skip_what_is_too_old(self, place: Place, since: datetime, high: int) -> None:
        first = await self._list.first_after(since, above=place.read_to)
        count = await self._list.count_before(since, above=place.read_to)
        last = high if first is None else first.id - 1
        place.read_to, place.cursor = last, (last, "")
        days = self._window.total_seconds() / 86400
        _LOG.warning("%s events are older than catch_up_days (%g) and are not reported", count or "some", days)

    async def _process(
        self, page: Sequence[EventRow], place: Place, *, late: bool, gone: Sequence[int] = (), since: datetime | None = None
    ) -> None:
        """Report what is new in these rows, in order, and what has become of events that are `gone` from them.

        What ended and had begun before `since` is not reported.
        """
        await self._context.ensure_described({row.monitor_id for row in page if self._is_new(row.id, place)})
        again = [row for row in page if place.read_to < row.id <= place.cursor[0]]
        reused = [row.id for row in again if began_after(row, place.cursor[1])]
        if reused:
            await self._next_generation(reused[0])
        read_to = place.read_to
        new = {row.id for row in page if self._is_new(row.id, place)}
        # Rows of before come back, one after the other, while a database is being restored.
        new -= {row.id for row in again if row.id not in reused}
        if since is not None:
            new -= {row.id for row in page if row.end is not None and row.start < since}
        if not late:
            if self._list.times.weigh(page, [row for row in page if row.id in new and row.end is None]):
                self.zone_changed()
                await self._feed.keep(KEPT_OFFSET, self._list.local.to_text())
            await self._readiness.check([row for row in page if row.id in new])
        self._newest.note(page)
        reported_late: list[Event] = []
        reported: list[Event] = []
        for row in page:
            event = self._first_seen(row, late=late) if row.id in new else self._seen_again(row, late=late)
            if row.id > place.cursor[0]:
                self._passed_over.note(place.read_to, row.id, place.cursor, but=self._list.unreadable)
                place.cursor = (row.id, stamp(row))
            place.read_to = max(place.read_to, row.id)
            if event is not None:
                (reported_late if late and event.is_over else reported).append(event)
        reported += await self._vanished(gone)
        has_moved = place.read_to > read_to
        # The cursor may move only once all are stored; a repeated event does no harm.
        await self._record(reported_late, late=True, moves_cursor=not reported)
        await self._record(reported, late=False, even_if_empty=has_moved and not reported_late)

    def _is_new(self, number: int, place: Place) -> bool:
        return (number > place.read_to or number in self._passed_over.ids) and number not in self._tracked

    def _first_seen(self, row: EventRow, *, late: bool) -> Event:
        self._passed_over.came(row.id)
        event = self._event(row, late=late)
        is_left = late and self._newest.id(row.monitor_id) > row.id
        if not event.is_over and (is_left or self._context.has_begun_anew(event)):
            event = abandoned(event)
        now = self._clock.monotonic()
        # By id, not by time: the server's clock may be another.
        if row.end is None or not late or row.id > self._newest.highest - _SPAN:
            self._tracked[row.id] = Tracked(event, closed_at=now if event.is_over else None, checked=now)
        return event

    def _seen_again(self, row: EventRow, *, late: bool) -> Event | None:
        """Return the row's event where it says something new."""
        tracked = self._tracked.get(row.id)
        if tracked is None:
            return None
        event = self._event(row, late=late)
        # What was not there is believed to be only once it was seen.
        event = event if late else replace(event, snapshot_ready=False)
        return tracked.take(event, self._clock.monotonic())

    async def _vanished(self, numbers: Iterable[int]) -> list[Event]:
        gone = await self._deletions.among(numbers, self._tracked)
        events = [self._tracked.pop(number).event for number in gone if number in self._tracked]
        for event in events:
            self._newest.forget_row(event.monitor_id, int(event.id))
        return [replace(event, deleted=True) for event in events]

    async def _check_by_id(self, numbers: Sequence[int], *, late: bool) -> None:
        for first in range(0, len(numbers), PAGE):
            asked = numbers[first : first + PAGE]
            page = await self._list.these(asked)
            seen = {*(row.id for row in page), *self._list.unreadable}
            await self._process(page, self._head, late=late, gone=[number for number in asked if number not in seen])

    async def _try_unreadable(self) -> None:
        """Try one of the rows again that could not be read, and report what it has to say."""
        number = self._list.unreadable.due()
        for row in await self._list.again(number) if number is not None else ():
            if row.id <= self.read_to:
                self._passed_over.note(row.id - 1, row.id + 1, self._head.cursor)
            await self._process([row], self._head, late=True)

    async def _settle(self) -> None:
        """Let go of what has come to its final form, and end what nobody will end any more."""
        now = self._clock.monotonic()
        ended: list[Event] = []
        media: list[Event] = []
        for number, tracked in list(self._tracked.items()):
            if tracked.closed_at is not None:
                if now - tracked.closed_at >= _AFTER_END_S:
                    del self._tracked[number]
                    media += filter(None, [self._readiness.last_word(tracked)])
            elif self._is_abandoned(number, tracked, now):
                ended.append(tracked.give_up(now))
        has_given_up = self._passed_over.give_up()
        if ended or has_given_up:
            await self._record(ended, late=False, even_if_empty=True)
        await self._record(media, late=False)

    def _is_abandoned(self, number: int, tracked: Tracked, now: float) -> bool:
        monitor_id = tracked.event.monitor_id
        if self._context.has_begun_anew(tracked.event):
            return True
        is_superseded = self._newest.id(monitor_id) > number
        return tracked.is_left(now, is_superseded=is_superseded, is_dead=self._context.is_dead(monitor_id))

    def _event(self, row: EventRow, *, late: bool = False) -> Event:
        names = self._context.zone_names(row.monitor_id)
        return event_of(row, names, snapshot_ready=self._readiness.is_there(row, late=late), tags=self._context.tags_of(row.id))

    async def _record(
        self, events: Sequence[Event], *, late: bool, even_if_empty: bool = False, moves_cursor: bool = True
    ) -> None:
        if not events and not even_if_empty:
            return
        held_back = self._passed_over.hold_back(self._head.cursor)
        number, start = held_back if self._gap is None else min(held_back, self._gap.place.cursor)
        cursor = f"{number}@{start}" if moves_cursor else None
        reported = tuple(events) if self._list.local.is_known else tuple(map(untimed, events))
        await self._feed.record(EventBatch(events=reported, cursor=cursor, late=late, generation=self._generation))
        self._context.open_events_changed(dict.fromkeys(event.monitor_id for event in events))
