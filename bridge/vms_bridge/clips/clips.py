"""Clips of any time of a monitor, over several events, and of events that are single pictures: as sinks ask for them."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol

from vms_bridge import metrics
from vms_bridge.archive import ClipRange, EventQuery
from vms_bridge.clips import making
from vms_bridge.clips.plan import Recorded, plan
from vms_bridge.clips.spool import Spool
from vms_bridge.errors import ClipRefused, MediaUnavailable, NoSuchEvent, SearchBusy, SearchRefused, VideoFailed
from vms_bridge.index import Search
from vms_bridge.video.child import WORKER, Child, need_video
from vms_bridge.video.clip_job import ClipAnswer
from vms_bridge.video.wire import Kind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from vms_bridge.archive import EventClip, MadeClip, RecordedPage
    from vms_bridge.clips.plan import ClipPlan
    from vms_bridge.clock import Clock
    from vms_bridge.index import IndexedEvent, SearchPage
    from vms_bridge.measures import Reading
    from vms_bridge.model import EventRef
    from vms_bridge.video.clip_job import ClipJob

FOLDER = "clips"
"""In `data_dir`."""
_LOOKED_AT = making.MOST_PARTS + 1
"""How many events are looked at, the newest before a time's end first: one that began before all of them is not found."""
_AROUND = timedelta(seconds=5)
"""What led to an event, and what came of it."""
_MOST_PAGES = 20
"""How many pages of events are asked for where there is no index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipRules:
    """Where clips are made, and how much is made."""

    folder: Path
    most_s: float = 600.0
    most_bytes: int = 500_000_000
    spool_bytes: int = 2_000_000_000
    kept_s: float = 1_800.0


class Recordings(making.Recordings, Protocol):
    """What clips are made from: the hub's archives."""

    async def events(self, system: str, query: EventQuery, after: str | None) -> RecordedPage:
        """Return a page of events. Raises MediaUnavailable or VmsError."""


class Events(Protocol):
    """Where events are found: the hub's index."""

    async def search(self, query: Search, after: str | None, limit: int) -> SearchPage:
        """Return a page of events, the one that began last first. Raises SearchRefused or StoreError."""

    async def one(self, ref: EventRef) -> IndexedEvent | None:
        """Return an event. Raises SearchRefused or StoreError."""


class Clips:
    """Finds what a clip is made of, and has it made; without rules there is no place for it, and none is made."""

    def __init__(
        self, recordings: Recordings, events: Events, clock: Clock, rules: ClipRules | None, *, join: making.Join | None = None
    ) -> None:
        self._recordings, self._events, self._clock, self._rules = recordings, events, clock, rules
        self._join = join or partial(join_in_child, clock=clock)
        self._spool = (
            None if rules is None else Spool(rules.folder / FOLDER, clock, most_bytes=rules.spool_bytes, kept_s=rules.kept_s)
        )

    async def run(self) -> None:
        """Make clips until cancelled."""
        if self._spool is not None:
            await self._spool.run()

    def readings(self) -> Iterator[Reading]:
        """Yield how many clips there are, and how much of the disk they take."""
        if self._spool is not None:
            yield metrics.CLIPS.of(self._spool.clips)
            yield metrics.CLIPS_BYTES.of(self._spool.used_bytes)

    @asynccontextmanager
    async def clip(self, asked: ClipRange | EventClip) -> AsyncIterator[MadeClip]:
        """Hold a clip (`archive.Clippable`)."""
        if self._rules is None or self._spool is None:
            raise MediaUnavailable("this bridge has no place to make clips in")
        need_video()
        if isinstance(asked, ClipRange):
            planned = await self._of_time(asked, self._rules)
        else:
            planned = await self._of_event(asked.event, self._rules)
        self._check(planned, self._rules)
        work = partial(making.make, planned, recordings=self._recordings, join=self._join, most_bytes=self._rules.most_bytes)
        async with self._spool.hold(planned.key, work) as made:
            yield made

    async def _of_time(self, asked: ClipRange, rules: ClipRules) -> ClipPlan:
        now = self._clock.now()
        if asked.until <= asked.since:
            raise ClipRefused("the time ends before it begins", hint="`until` has to be later than `since`")
        if (asked.until - asked.since).total_seconds() > rules.most_s:
            raise _too_long(rules)
        if asked.since >= now:
            raise MediaUnavailable("that time has not come yet")
        recorded = await self._recorded(asked)
        planned = plan(asked.system, recorded, asked.since, asked.until, now=now, encode=asked.encode)
        if not planned.parts:
            raise self._nothing(planned, recorded)
        return planned

    async def _around(self, found: IndexedEvent, rules: ClipRules) -> ClipPlan:
        """Return what the monitor has recorded around an event that the bridge itself tells: nobody else recorded it."""
        event = found.event
        if event.start is None or not event.is_over:
            raise MediaUnavailable(f"event {found.ref.format()} is still going on", hint="its clip is there when it has ended")
        since, until = event.start - _AROUND, (event.end or event.start) + _AROUND
        return await self._of_time(ClipRange(system=found.ref.system, monitor=found.monitor, since=since, until=until), rules)

    async def _of_event(self, ref: EventRef, rules: ClipRules) -> ClipPlan:
        found = await self._events.one(ref)
        if found is None:
            raise NoSuchEvent(f"there is no event {ref.format()}")
        if ref.is_own:
            return await self._around(found, rules)
        start, now = found.event.start, self._clock.now()
        if start is None or not found.event.is_over:
            raise MediaUnavailable(f"event {ref.format()} is still recorded", hint="its clip is there when it has ended")
        recorded = Recorded(ref=ref, event=found.event)
        end = found.event.end or now
        planned = plan(ref.system, [recorded], start, end, now=now)
        if not planned.parts:
            raise MediaUnavailable(f"event {ref.format()} has no length, and so no clip")
        return planned

    def _check(self, planned: ClipPlan, rules: ClipRules) -> None:
        if (planned.until - planned.since).total_seconds() > rules.most_s:
            raise _too_long(rules)
        if len(planned.parts) > making.MOST_PARTS:
            raise ClipRefused(f"{len(planned.parts)} events were recorded in that time", hint="ask for a shorter time")

    async def _recorded(self, asked: ClipRange) -> list[Recorded]:
        """Return the newest events that began before its end, from the index or, where there is none, from the VMS itself."""
        query = Search(until=asked.until, monitors=frozenset({(asked.system, asked.monitor)}), is_own=False)
        try:
            found = await self._events.search(query, None, _LOOKED_AT)
        except SearchBusy:
            raise
        except SearchRefused:
            return await self._listed(asked)
        return [Recorded(ref=one.ref, event=one.event) for one in found.events]

    async def _listed(self, asked: ClipRange) -> list[Recorded]:
        """Return them from the VMS's pages, of which one may be empty and have a next one, back to one from before its begin."""
        query = EventQuery(until=asked.until, monitors=frozenset({asked.monitor}))
        found: list[Recorded] = []
        after: str | None = None
        for _ in range(_MOST_PAGES):
            page = await self._recordings.events(asked.system, query, after)
            found += [Recorded(ref=one.ref, event=one.event) for one in page.events]
            after, oldest = page.after, found[-1].event.start if found else None
            if after is None or len(found) >= _LOOKED_AT or (oldest is not None and oldest <= asked.since):
                break
        return found

    def _nothing(self, planned: ClipPlan, recorded: list[Recorded]) -> MediaUnavailable:
        if planned.gaps:
            return MediaUnavailable("what was recorded in that time goes on", hint="its clip is there when its event has ended")
        starts = [one.event.start for one in recorded if one.event.start is not None]
        if not starts:
            return MediaUnavailable("nothing was recorded in that time", hint="nor before it, as far as the bridge knows")
        return MediaUnavailable(
            "nothing was recorded in that time", hint=f"the recording before it began at {max(starts):%Y-%m-%dT%H:%M:%SZ}"
        )


async def join_in_child(job: ClipJob, *, clock: Clock, program: Sequence[str] = WORKER) -> ClipAnswer:
    """Have a child do it. Raises VideoFailed."""
    child = await Child.start(job, clock, program=program)
    said: bytes | None = None
    try:
        async for frame in child.frames():
            if frame.kind is Kind.DONE:
                said = frame.content
    finally:
        await child.close()
    try:
        return ClipAnswer.of(json.loads(said or b""))
    except (ValueError, TypeError, KeyError):
        raise VideoFailed("the process for video has not said what became of the clip") from None


def _too_long(rules: ClipRules) -> ClipRefused:
    return ClipRefused(
        f"a clip has {rules.most_s / 60:g} minutes at most", hint="ask for a shorter time, or raise `clips.minutes`"
    )
