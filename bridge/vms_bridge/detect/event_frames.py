"""Looks at the frames of events: asks for those that are wanted, again where they come late, and tells what is in them.

Each system's frames are asked for by a task of its own, so that a VMS that hangs holds up nobody else's.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from datetime import timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, NoReturn

from vms_bridge.archive import EventFrame
from vms_bridge.detect.event_work import EventWork, asks
from vms_bridge.detect.fetching import fetch
from vms_bridge.detect.results import enrichment, objects
from vms_bridge.errors import (
    BridgeError,
    ContributionRefused,
    DetectionFailed,
    NoSuchEvent,
    PictureRefused,
    StoreError,
)
from vms_bridge.logs import Trouble
from vms_bridge.views import MessageType

if TYPE_CHECKING:
    from vms_bridge.detect.event_work import Ask
    from vms_bridge.detect.notes import Notes
    from vms_bridge.detect.progress import Progress
    from vms_bridge.detect.tools import Tools
    from vms_bridge.detect.values import Looked
    from vms_bridge.history import Cursor
    from vms_bridge.model import Enrichment, EventRef
    from vms_bridge.views import EventMessage, MonitorKey

_LOGGER = logging.getLogger(__name__)
MOST_EVENTS = 256
"""How many events are under way at a time; one more ends the one that has been for longest."""
MOST_AGE = timedelta(minutes=10)
"""Events that began longer ago are not looked at: what was missed for so long is for who asks for it."""
AT_ONCE = 2
"""How many frames a system is asked for at a time."""
_REFUSALS = 4
_STORE_AGAIN_S = 5.0
_STORE_TRIES = 12


class EventFrames:
    """The events under way; the contributor is told what is found."""

    def __init__(self, tools: Tools, progress: Progress, notes: Notes | None = None) -> None:
        self._hub, self._clock, self._cameras, self._looks = tools.hub, tools.clock, tools.cameras, tools.looks
        self._contributor, self._pictures, self._statistics = tools.contributor, tools.pictures, tools.statistics
        self._progress, self._notes = progress, notes
        self._works: dict[EventRef, EventWork] = {}
        self._at_work: set[str] = set()
        self._news = asyncio.Event()
        self._of_system: dict[str, asyncio.Event] = {}
        self._trouble = Trouble(_LOGGER, "what was found in events can't be stored", tools.clock.monotonic)

    def __len__(self) -> int:
        return len(self._works)

    def heard(self, before: Cursor | None, message: EventMessage) -> None:
        """Take in a step of an event's life; `before` is the cursor of the message before it."""
        ref = message.ref
        if ref is None or ref.is_own:  # of what the bridge itself tells, no VMS has pictures
            return
        work = self._works.get(ref)
        if work is None and message.type is MessageType.NEW:  # later steps may be of one that is done long ago
            work = self._begin(ref, message)
            if work is not None:
                self._progress.begin(ref, before)
        if work is None:
            return
        if message.type is MessageType.DELETED:
            work.is_gone = True
        else:
            work.grow(message, self._clock.monotonic())
        self._wake(ref.system)

    def moved(self, monitor: MonitorKey) -> None:
        """Note that something moves before a monitor: the best frame of its event may be another one soon."""
        for work in self._works.values():
            if work.monitor == monitor and work.over_at is None:
                work.refresh(self._clock.monotonic() + 1.0)
                self._wake(monitor[0])

    async def run(self) -> NoReturn:
        """Look at them until cancelled."""
        self._at_work.clear()
        async with asyncio.TaskGroup() as group:
            while True:
                self._news.clear()
                for system in {ref.system for ref in self._works} - self._at_work:
                    self._at_work.add(system)
                    group.create_task(self._serve(system), name=f"detect: events of {system}")
                await self._news.wait()

    def _begin(self, ref: EventRef, message: EventMessage) -> EventWork | None:
        """Return the event, if it is to be looked at."""
        view = self._hub.monitor(message.system, message.monitor)
        looking = None if view is None else self._cameras.of(view)
        if looking is None or not (looking.is_on and looking.camera.events) or self._progress.is_done(ref):
            return None
        started = message.start
        if message.late and started is None:
            return None
        if started is not None and self._clock.now() - started > MOST_AGE:
            return None
        if len(self._works) >= MOST_EVENTS:
            self._statistics.left_out += 1
            self._finish(next(iter(self._works.values())))
        now, frames = self._clock.monotonic(), looking.judge.frames
        work = EventWork(
            ref=ref,
            monitor=(message.system, message.monitor),
            looking=looking,
            asks=asks(frames.take, now, frames.after_s),
            is_late=message.late,
            began=now,
        )
        self._works[ref] = work
        return work

    def _wake(self, system: str) -> None:
        self._of_system.setdefault(system, asyncio.Event()).set()
        self._news.set()

    async def _serve(self, system: str) -> None:
        """Look at this system's events until there are none."""
        room = asyncio.Semaphore(AT_ONCE)
        try:
            async with asyncio.TaskGroup() as group:
                while (found := await self._next(system)) is not None:
                    await room.acquire()
                    work, ask = found
                    if ask.due is None or ask.is_under_way or work.is_gone:  # meanwhile
                        room.release()
                        continue
                    ask.begin()
                    task = group.create_task(self._take(work, ask), name=f"detect: {work.ref.format()} {ask.name}")
                    task.add_done_callback(lambda _: room.release())
        finally:
            self._at_work.discard(system)
            self._news.set()  # one that has come meanwhile is for another task

    async def _next(self, system: str) -> tuple[EventWork, Ask] | None:
        """Wait for the frame whose time has come, and return it; None: no event of the system is under way any more."""
        news = self._of_system.setdefault(system, asyncio.Event())
        while True:
            news.clear()
            now = self._clock.monotonic()
            for work in [each for each in self._works.values() if each.ref.system == system]:
                if work.is_done(now):
                    self._finish(work)
                elif now - work.began >= MOST_AGE.total_seconds():
                    self._progress.let_go(work.ref)
            works = [each for each in self._works.values() if each.ref.system == system]
            if not works:
                return None
            open_asks = [(work.is_late, ask.due or 0.0, work, ask) for work in works if (ask := work.next(now)) is not None]
            ready = [each for each in open_asks if each[1] <= now]
            if ready:
                _, _, work, ask = min(ready, key=lambda each: each[:2])
                return work, ask
            waits = [due - now for _, due, _, _ in open_asks]
            with suppress(TimeoutError):
                async with self._clock.timeout(max(0.0, min([*waits, 5.0]))):
                    await news.wait()

    async def _take(self, work: EventWork, ask: Ask) -> None:
        """Ask for a frame, look at it, and tell what is in it."""
        try:
            began = self._clock.monotonic()
            picture = await self._fetch(work.ref, ask)
            if picture is not None and not work.is_gone and not self._is_same(work, ask, picture):
                looked = await self._looks.look(work.looking, picture, ask.name)
                self._statistics.event_looked(work.looking.key, self._clock.monotonic() - began)
                await self._note(work, ask, looked, picture)
        except NoSuchEvent:
            work.is_gone = True
        except PictureRefused as error:
            self._statistics.refused(error)
            ask.again(self._clock.monotonic())
            if ask.tries >= _REFUSALS:  # else it may be one that is still being written
                ask.done()
        except (DetectionFailed, StoreError) as error:
            self._statistics.failed(error)
            ask.again(self._clock.monotonic())
        except ContributionRefused:
            work.is_gone = True
        finally:
            ask.end(self._clock.monotonic())
            self._wake(work.ref.system)

    async def _fetch(self, event: EventRef, ask: Ask) -> bytes | None:
        """Return a frame; None where it is not there yet, and asked for again later. Raises NoSuchEvent, PictureRefused."""
        try:
            return await fetch(self._hub, self._clock, EventFrame(event=event, frame=ask.frame))
        except (NoSuchEvent, PictureRefused):
            raise
        except (BridgeError, TimeoutError):
            self._statistics.missing += 1
            ask.again(self._clock.monotonic())
            return None

    def _is_same(self, work: EventWork, ask: Ask, picture: bytes) -> bool:
        """Say whether it is the picture that was looked at before, and note that."""
        if ask.digest != _digest(picture):
            return False
        work.had(ask, self._clock.monotonic())
        return True

    async def _note(self, work: EventWork, ask: Ask, looked: Looked, picture: bytes) -> None:
        """Take in what was found in a frame. Raises StoreError, ContributionRefused."""
        work.had(ask, self._clock.monotonic())
        ask.digest = _digest(picture)
        if work.is_gone:
            return
        is_best = work.take(looked)
        if looked.found and not work.looking.has_live and work.over_at is None:
            frame = looked.frame if isinstance(looked.frame, int) else None
            self._contributor.detect(work.monitor, objects(looked.found), frame=frame, event=work.ref)
        if not is_best or work.best is None:
            return
        if looked.new:  # before the event tells of it: who hears that asks for its picture
            await self._pictures.keep(work.ref, picture, looked)
        added = enrichment(work.best)  # by now another frame may be better still
        if added != work.told and added.labels:
            await self._enrich(work, added)
        if looked.new:
            await self._pictures.show(work.monitor, picture, looked)

    async def _enrich(self, work: EventWork, added: Enrichment) -> None:
        """Add this to the event. Raises ContributionRefused, and StoreError where that lasts."""
        for number in range(_STORE_TRIES):
            try:
                await self._contributor.enrich(work.ref, added)
            except StoreError as error:
                self._trouble.report(error, hint=error.hint)
                if number == _STORE_TRIES - 1:
                    raise
                await self._clock.sleep(_STORE_AGAIN_S)
            else:
                self._trouble.over()
                work.told = added
                return

    def _finish(self, work: EventWork) -> None:
        """Let an event go: nothing more is looked at of it."""
        self._works.pop(work.ref, None)
        work.is_gone = True
        self._progress.finish(work.ref)
        self._looks.remember(work.looking, work.looked)
        self._statistics.events += 1
        if self._notes is not None and work.over_at is not None and work.best is not None and work.best.new:
            self._notes.add(work.ref, work.best)
        if work.best is not None and not work.looking.has_live:
            with suppress(ContributionRefused):
                self._contributor.detect(work.monitor, (), event=work.ref)


def _digest(picture: bytes) -> bytes:
    return blake2b(picture, digest_size=16).digest()
