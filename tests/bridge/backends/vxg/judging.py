"""Holds what a backend tells to what is so in the simulated VXG."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.bridge.backends.zoneminder.support import MemoryFeed
from tests.fakes.vxg.filters import time_of

from vms_bridge.backends.vxg.parse import OWN_SOURCE
from vms_bridge.errors import ContributionRefused
from vms_bridge.model import AlarmState, Enrichment, FullState, SystemLost

if TYPE_CHECKING:
    from datetime import datetime

    from tests.fakes.vxg import FakeVxg
    from tests.fakes.vxg.world import FakeEvent

    from vms_bridge.model import Event, EventBatch, Update

_RIGHT_S = timedelta(seconds=10)
_REFUSED_S = timedelta(seconds=40)
_POLL = timedelta(seconds=4)
_NOTED = timedelta(seconds=45)
"""What belongs to an event and comes so soon after it is told."""
_QUIET = "net"


@dataclass(slots=True)
class _Trouble:
    began: datetime
    over: datetime | None = None
    """When all has to be right again."""


@dataclass(slots=True)
class Judge:
    """Sees the world. `steady` are the channels that are in the group from beginning to end."""

    fake: FakeVxg
    hold: timedelta
    steady: frozenset[int] = field(init=False)
    began: datetime = field(init=False)
    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    _troubles: list[_Trouble] = field(default_factory=list)
    _forgotten: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.steady, self.began = frozenset(self.fake.group.channels), self.now

    @property
    def now(self) -> datetime:
        return self.fake.world.now()

    def blame(self, what: str) -> None:
        self.wrong.append(what)
        self.notes.append(f"         WRONG: {what}")

    def forget(self, gone: FakeEvent) -> None:
        """Take note that there is no such event any more."""
        self._forgotten.add(gone.id)

    def trouble_begins(self) -> None:
        self._troubles.append(_Trouble(self.now))

    def trouble_ends(self, *, is_refused: bool = False) -> None:
        self._troubles[-1].over = self.now + (_REFUSED_S if is_refused else _RIGHT_S)

    def look(self, feed: JudgingFeed, when: str) -> None:
        """Hold the states of now to what is so."""
        if feed.system is None or not feed.system.available or feed.is_lost:
            self.blame(f"{when}: the system is away: {feed.lost[-1:]}")
            return
        members = {str(number) for number in self.fake.group.channels}
        if feed.monitors.keys() != members:
            self.blame(f"{when}: told are {sorted(feed.monitors)}, there are {sorted(members)}")
            return
        for number in self.fake.group.channels:
            state, channel = feed.states[str(number)], self.fake.world.channels[number]
            if state.connected is not (channel.status == "active"):
                self.blame(f"{when}: channel {number} is {channel.status}, and told as connected: {state.connected}")
            if state.alarm is AlarmState.IDLE and (why := self._alarming(number)) is not None:
                self.blame(f"{when}: channel {number} is idle in spite of {why}")
            if state.alarm is AlarmState.ALARM and not self._may_alarm(number):
                self.blame(f"{when}: channel {number} is alarmed ({state.cause}) by nothing")

    def conclude(self, feed: JudgingFeed) -> None:
        """Hold all that was told to all that has happened; everything is over by now."""
        for event in self.fake.world.events.values():
            told = feed.told.get(event.id)
            if event.camid not in self.steady:
                continue
            if event.time + self.hold <= self.began - timedelta(seconds=1):
                if told is not None:
                    self.blame(f"told of {_named(event)}, which was over before")
            elif told is None:
                self.blame(f"lost is {_named(event)}")
            else:
                self._compare(event, told)
        for number in self.fake.group.channels:
            if feed.states[str(number)].alarm is not AlarmState.IDLE:
                self.blame(f"channel {number} is alarmed in the end")
        self._conclude_seen(feed)

    def _conclude_seen(self, feed: JudgingFeed) -> None:
        """Hold what was told of documents to those that others have written; each says a label of its own."""
        told = Counter(one.label for each in feed.detections for one in each.objects)
        for name, (camid, said) in self.fake.world.documents.items():
            label, time = said["string"]["label"], time_of(said)
            assert time is not None
            if said["string"].get("source") == OWN_SOURCE:
                if told[label] or any(label in added.labels for added in feed.enrichments.values()):
                    self.blame(f"the bridge's own document {label!r} was told as somebody's")
                continue
            if told[label] > 1:
                self.blame(f"document {label!r} was told {told[label]} times")
            if camid not in self.steady:
                continue
            listed = self.fake.world.documents_listed[name]
            if not told[label] and not self._is_troubled(time, listed + _RIGHT_S):
                self.blame(f"document {label!r} of {camid} at {time:%H:%M:%S.%f}, listed at {listed:%H:%M:%S.%f}, was not told")
            for event in self.fake.world.events.values():
                belongs = event.camid == camid and event.time <= time <= event.time + self.hold and event.id in feed.told
                added = feed.enrichments.get(str(event.id), Enrichment()).labels
                if belongs is not (label in added) and event.camid == camid:
                    self.blame(f"{_named(event)} has {added}, and {label!r} {'was' if belongs else 'was not'} seen in it")

    def _is_troubled(self, since: datetime, until: datetime) -> bool:
        return any(each.began <= until and (each.over is None or each.over >= since) for each in self._troubles)

    def _compare(self, event: FakeEvent, told: Event) -> None:
        if (told.start, told.monitor_id, told.cause) != (event.time, str(event.camid), event.name):
            self.blame(f"{_named(event)} is told as {told}")
        if told.end != event.time + self.hold:
            self.blame(f"{_named(event)} has its end told as {told.end}")
        if event.thumb_at is not None and event.thumb_at <= event.time + _NOTED and not told.snapshot_ready:
            self.blame(f"{_named(event)} has a picture, of which nothing was told")
        if event.meta_at is not None and event.meta_at <= event.time + _NOTED and set(told.tags or ()) != set(event.meta):
            self.blame(f"{_named(event)} has tags {event.meta}, and {told.tags} were told")

    def _alarming(self, number: int) -> FakeEvent | None:
        """Return an event for which there is an alarm now, however late it was told."""
        for event in self.fake.world.events.values():
            is_seen = event.listed_at <= self.now - _RIGHT_S
            if event.camid == number and event.name != _QUIET and is_seen and event.time + self.hold > self.now + _POLL:
                return event
        return None

    def _may_alarm(self, number: int) -> bool:
        """Whether an event may be seen so lately that the alarm still goes on. What is gone may have been seen too."""
        if any(each.over is None or each.over + self.hold > self.now for each in self._troubles):
            return True
        recent = self.now - self.hold - _POLL
        found = [each for each in self.fake.world.events.values() if each.camid == number and each.name != _QUIET]
        return bool(self._forgotten) or any(recent <= each.listed_at <= self.now for each in found)


class JudgingFeed(MemoryFeed):
    """Stores what a backend tells as the hub does, after a moment, and says at once what it should not have told."""

    def __init__(self, judge: Judge, dice: random.Random | None = None) -> None:
        super().__init__()
        self.told: dict[int, Event] = {}
        self.is_lost = True
        self._judge, self._dice = judge, random.Random(1) if dice is None else dice  # noqa: S311 - no secret
        self._since: datetime | None = None

    async def enrich(self, event_id: str, enrichment: Enrichment) -> None:
        if int(event_id) not in self.told:
            raise ContributionRefused(f"event {event_id} is not known")
        await asyncio.sleep(self._dice.choice([0, 0, 0.2]))
        await super().enrich(event_id, enrichment)

    def lose(self) -> None:
        """Take note that nobody tells anything any more."""
        self.is_lost, self._since = True, None

    def emit(self, update: Update) -> None:
        if isinstance(update, SystemLost):
            self._judge.notes.append(f"         lost: {update.detail}")
            self.lose()
        if isinstance(update, FullState):
            self.is_lost = False
            self._since = self._since or self._judge.now
            missing = {str(number) for number in self._judge.steady} - {monitor.id for monitor in update.monitors}
            if missing:
                self._judge.blame(f"channels {sorted(missing)} are told to be gone")
        super().emit(update)

    async def record(self, batch: EventBatch) -> None:
        await asyncio.sleep(self._dice.choice([0, 0, 0.2]))
        seen: set[str] = set()
        for event in batch.events:
            before = self.told.get(int(event.id))
            if before is not None and before.is_over and not event.is_over:
                self._judge.blame(f"event {event.id} goes on again")
            if before is None and not batch.late:
                self._is_news(event, is_first=self.cursor is None)
            if event.id in seen:
                self._judge.blame(f"event {event.id} is twice in a batch")
            seen.add(event.id)
            self.told[int(event.id)] = event
        await super().record(batch)
        self._recent = tuple(event for event in list(self.told.values())[-100:] if event.is_over)
        await asyncio.sleep(self._dice.choice([0, 0, 0.2]))

    def _is_news(self, event: Event, *, is_first: bool) -> None:
        row = self._judge.fake.world.events.get(int(event.id))
        if row is None or is_first or self._since is None:
            return
        if row.listed_at < self._since - timedelta(seconds=1) and row.time + self._judge.hold < self._since:
            self._judge.blame(
                f"event {event.id} is told as if it were new, {self._judge.now - row.listed_at} after it was listed"
            )


def _named(event: FakeEvent) -> str:
    return (
        f"event {event.id} ({event.name} of {event.camid} at {event.time:%H:%M:%S.%f}, listed at {event.listed_at:%H:%M:%S.%f})"
    )
