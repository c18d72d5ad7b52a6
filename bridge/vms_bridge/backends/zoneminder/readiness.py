"""Whether the pictures of events are there: seen, not taken for granted.

A monitor that decodes all it records writes a picture with an event's first frame. That is believed of an event once it was
seen of another one of that monitor, not long ago. Elsewhere ZoneMinder makes the picture of the video when the event has ended.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.event_values import has_media
from vms_bridge.backends.zoneminder.pace import Allowance
from vms_bridge.zoneminder.events.asked_media import MediaLate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from vms_bridge.backends.zoneminder.event_context import EventContext
    from vms_bridge.backends.zoneminder.media import Pictures
    from vms_bridge.backends.zoneminder.pace import Budget
    from vms_bridge.backends.zoneminder.tracked import Tracked
    from vms_bridge.clock import Clock
    from vms_bridge.model import Event
    from vms_bridge.zoneminder import EventRow

_FIRST_CHECK_S = 1.0
"""So long may the report of new events wait for a check of their pictures."""
_PAUSE_S = 30.0
"""So long it does not wait at all, once it has waited in vain."""
_AT_ONCE = 8
_BELIEVED_S = 600.0
_CHECK_S = 5.0
_PERIOD_S = 0.5
_WHILE_OPEN_S = (1.0, 3.0, 10.0, 30.0)
_AFTER_END_S = (0.0, 1.0, 3.0, 10.0, 30.0)
"""When it is checked again, each counted from the check before."""
_CHECKS_PER_S, _CHECKS_AT_ONCE = 0.2, 4.0


@dataclass(frozen=True, slots=True)
class _Belief:
    is_good: bool
    since: float


class Readiness:
    """Knows of which events of one connection the pictures were seen; `follow` checks the others, within a budget."""

    def __init__(self, pictures: Pictures, clock: Clock, *, context: EventContext, spare: Budget) -> None:
        self._pictures, self._clock, self._context, self._spare = pictures, clock, context, spare
        self._own = Allowance(_CHECKS_PER_S, clock, burst=_CHECKS_AT_ONCE)
        self._beliefs: dict[str, _Belief] = {}
        """By monitor: whether its open events have pictures."""
        self._seen: set[int] = set()
        """Events whose pictures were seen, which is not reported yet."""
        self._waits_from = float("-inf")

    def is_there(self, row: EventRow, *, late: bool) -> bool:
        """Say whether the event's picture is there. Late ones can't be checked one by one: there the row decides."""
        if late and row.end is not None:
            return has_media(row)
        belief = self._beliefs.get(row.monitor_id)
        return self._context.writes_pictures(row.monitor_id) and (belief is None or belief.is_good)

    async def check(self, rows: Sequence[EventRow]) -> None:
        """Check the pictures of new events for a moment before these are reported, where their monitors have not proved good."""
        now = self._clock.monotonic()
        doubtful = {row.monitor_id: row for row in rows if row.end is None and self._is_in_doubt(row.monitor_id)}
        asked = list(doubtful.values())[-_AT_ONCE:]
        self._beliefs |= dict.fromkeys((row.monitor_id for row in asked), _Belief(is_good=False, since=now))
        if not asked or now < self._waits_from:
            return
        if not all(await asyncio.gather(*(self._check_now(str(row.id), row.monitor_id) for row in asked))):
            self._waits_from = self._clock.monotonic() + _PAUSE_S

    async def follow(self, without: Callable[[], Iterable[Tracked]]) -> None:
        """Check again and again the pictures of events that are `without`, until cancelled."""
        while True:
            await self._clock.sleep(_PERIOD_S)
            now = self._clock.monotonic()
            for tracked in list(without()):
                if self._is_due(tracked, now) and self._own.left >= 1 and self._spare.take():
                    self._own.take()
                    tracked.checks, tracked.checked_at = tracked.checks + 1, now
                    await self._check_again(tracked)

    def newly_ready(self, tracked: Iterable[Tracked]) -> list[Event]:
        """Return the events whose pictures were seen since this was asked last."""
        ready = [each for each in tracked if int(each.event.id) in self._seen and not each.event.snapshot_ready]
        self._seen.clear()
        for each in ready:
            each.event = replace(each.event, snapshot_ready=True)
        return [each.event for each in ready]

    def last_word(self, tracked: Tracked) -> Event | None:
        """Return an event that is checked no more, if its picture has to be believed: no check since its end was answered."""
        event = tracked.event
        is_unseen = not event.snapshot_ready and event.clip_ready and not tracked.is_end_answered
        return replace(event, snapshot_ready=True) if is_unseen else None

    def noted(self, event: Event, *, is_there: bool) -> None:
        """Note that somebody has fetched this event's picture, or could not though it was said to be there."""
        if is_there:
            self._seen.add(int(event.id))
        if not event.is_over and (is_there or event.snapshot_ready):
            self._beliefs[event.monitor_id] = _Belief(is_good=is_there, since=self._clock.monotonic())

    def _is_in_doubt(self, monitor_id: str) -> bool:
        belief = self._beliefs.get(monitor_id)
        is_proved = belief is not None and belief.is_good and self._clock.monotonic() - belief.since < _BELIEVED_S
        return not is_proved and self._context.writes_pictures(monitor_id)

    def _is_due(self, tracked: Tracked, now: float) -> bool:
        event = tracked.event
        if event.is_over and not tracked.is_end_checked:
            tracked.checks, tracked.checked_at, tracked.is_end_checked = 0, now, True
        if not event.is_over and self._context.has_pictures_at_end(event.monitor_id):
            return False
        waits = _AFTER_END_S if event.is_over else _WHILE_OPEN_S
        return tracked.checks < len(waits) and now - tracked.checked_at >= waits[tracked.checks]

    async def _check_again(self, tracked: Tracked) -> None:
        event = tracked.event
        with suppress(MediaLate):
            if await self._pictures.has(event.id, within_s=_CHECK_S):
                self.noted(event, is_there=True)
            tracked.is_end_answered = tracked.is_end_answered or event.is_over

    async def _check_now(self, number: str, monitor_id: str) -> bool:
        """Check this picture, and say whether there was an answer in time."""
        try:
            is_there = await self._pictures.has(number, within_s=_FIRST_CHECK_S)
        except MediaLate:
            return False
        if is_there:
            self._beliefs[monitor_id] = _Belief(is_good=True, since=self._clock.monotonic())
        return True
