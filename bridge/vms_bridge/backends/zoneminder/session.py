"""One connection to a ZoneMinder, from the first request to the loss: what is asked when, and what is told of it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.asker import Asker
from vms_bridge.backends.zoneminder.doubt import may_stand_still, standstill_limit
from vms_bridge.backends.zoneminder.down import Down
from vms_bridge.backends.zoneminder.event_list import EventList
from vms_bridge.backends.zoneminder.events import EventTracker
from vms_bridge.backends.zoneminder.facts import Facts
from vms_bridge.backends.zoneminder.follower import PAGES_AT_ONCE, PAGES_PER_S, EventFollower
from vms_bridge.backends.zoneminder.lists import STATES, STORAGE
from vms_bridge.backends.zoneminder.media import Pictures
from vms_bridge.backends.zoneminder.memory import MemorySource
from vms_bridge.backends.zoneminder.monitors import Monitors
from vms_bridge.backends.zoneminder.pace import Allowance, Bell
from vms_bridge.backends.zoneminder.parse import parse_alarm_status
from vms_bridge.backends.zoneminder.readiness import Readiness
from vms_bridge.backends.zoneminder.system import SystemReader
from vms_bridge.backends.zoneminder.telling import Teller
from vms_bridge.backends.zoneminder.time_witness import TimeWitness
from vms_bridge.backends.zoneminder.unreadable import Unreadable
from vms_bridge.backends.zoneminder.watch import Lags, Watch
from vms_bridge.errors import MediaUnavailable, VmsUnreachable
from vms_bridge.model import AlarmState, EventPicture

if TYPE_CHECKING:
    from collections.abc import Iterator

    from vms_bridge.backends.base import Feed
    from vms_bridge.backends.zoneminder.api import Api
    from vms_bridge.backends.zoneminder.config import ZoneMinderConfig
    from vms_bridge.backends.zoneminder.follower import LastRead
    from vms_bridge.backends.zoneminder.memory import Listener
    from vms_bridge.backends.zoneminder.system import Known
    from vms_bridge.clock import Clock
    from vms_bridge.commands import Action
    from vms_bridge.model import PictureRef, SystemState

_LOG = logging.getLogger(__name__)
SYSTEM_INTERVAL_S = 60.0
# Beyond the regular requests: far events and alarm states, so that all together stay below one a second.
SPARE_REQUESTS_PER_S = 0.35
_SYSTEM_APART_S = 5.0
_SLOW_LOOK_S = 1.0
_COMMANDED_S = 60.0


class Session:
    """The state of one connection; `open`, then `serve` until it is lost."""

    def __init__(
        self, name: str, config: ZoneMinderConfig, clock: Clock, api: Api, feed: Feed, *, known: Known, last_read: LastRead
    ) -> None:
        self.name, self.config, self.api = name, config, api
        self._clock, self._feed, self._known, self._last_read = clock, feed, known, last_read
        self.watches: dict[str, Watch] = {}
        self._down = Down(name, clock)
        self._pages = Allowance(PAGES_PER_S, clock, burst=PAGES_AT_ONCE)
        self._system = SystemReader(name, api, known, clock, self._pages)
        self._facts = Facts(name, api, feed, clock, local=known.local_time, trouble=self._system.trouble("host/getTimeZone"))
        self._spare = Allowance(SPARE_REQUESTS_PER_S, clock)
        self._asker = Asker(self.watches, clock, rate=SPARE_REQUESTS_PER_S, has_events=lambda: self._has_events)
        self._system_bell = Bell(clock)
        self._events: EventTracker | None = None
        self._follower: EventFollower | None = None
        self._memory: MemorySource | None = None
        self._newest_startup = 0
        self._commanded_at = float("-inf")
        self._teller = Teller(feed, clock, self.watches, lags=self._count_lags, system=self._system_state)
        self.monitors = Monitors(
            api, config, clock, feed,
            watches=self.watches, known=known, system=self._system, teller=self._teller,
            look_at_events=self._look_at_events, on_mode_changed=self._system_bell.ring,
        )  # fmt: skip

        self._pictures = Pictures(api, config.url, clock)
        self._readiness = Readiness(self._pictures, clock, around=self.monitors, spare=self._spare)

    async def open(self) -> None:
        """Find out what this ZoneMinder is and can do, and tell the whole state. Raises VmsError."""
        await self._facts.learn()
        await self._known.absence.recall(self._feed)
        async with self._system.patiently():
            await self.monitors.read()
            await self._system.read()
        unreadable = Unreadable(self.name, self._feed, self._clock)
        times = TimeWitness(self._known.local_time, self._system.trouble("events"))
        self._events = EventTracker(
            EventList(self.api, times, unreadable, self._pages), self._clock, self._feed,
            catch_up_days=self.config.catch_up_days, around=self.monitors, readiness=self._readiness, spare=self._spare,
        )  # fmt: skip
        self._follower = EventFollower(
            self.name, self._events, self._clock,
            interval=self.config.poll_interval, listener=self, last=self._last_read, pages=self._pages,
        )  # fmt: skip
        self._memory = self.memory_for(self)
        if self._memory is not None:
            await self._memory.look()
            self._newest_startup = self._startup()
        self._teller.tell_everything()

    async def serve(self) -> None:
        """Follow everything until cancelled. Raises VmsError when the system is lost."""
        async with asyncio.TaskGroup() as tasks:
            for loop in (self.monitors.follow(), self._follow_system(), self._follow_the_rest()):
                tasks.create_task(loop)
            if self._follower is not None:
                tasks.create_task(self._follower.follow())
            if self._events is not None:
                tasks.create_task(self._readiness.follow(self._events.without_picture))
            if self._memory is not None:
                tasks.create_task(self._memory.follow())

    def memory_for(self, listener: Listener) -> MemorySource | None:
        """Return another reader of the shared memory, for who goes on when this connection is lost."""
        directory = self.config.shared_memory
        if directory is False:
            return None
        return MemorySource(self.name, self.api, self._clock, directory=directory, version=self._facts.version, listener=listener)

    def close(self) -> None:
        """Let go of the shared memory."""
        if self._memory is not None:
            self._memory.close()

    async def refresh(self, monitor_id: str | None) -> None:
        """Look now at one monitor, or at the system with all its monitors. Raises VmsError."""
        if monitor_id is None:
            await self._look_at_everything()
            return
        watch = self.watches.get(monitor_id)
        if watch is None:
            return
        uses_memory = watch.uses_memory(self._clock.monotonic())
        if uses_memory or not watch.wants_alarm:
            await self.monitors.reread(monitor_id)
            if uses_memory and watch.wants_alarm:
                await self._see_it_alive(watch)
            return
        events_read = self._follower.ring() if self._follower is not None else None
        if not watch.row.is_idle:
            await self._read_status(watch)
            self.tell(monitor_id)
        await self.monitors.reread(monitor_id)
        if events_read is not None:
            await events_read.wait()

    def was_commanded(self, watch: Watch, action: Action) -> None:
        """Hear what ZoneMinder was asked to do with a monitor, and has accepted."""
        self._commanded_at = self._clock.monotonic()
        watch.was_commanded(action)

    async def _look_at_everything(self) -> None:
        """Read all lists or, soon after a command, only those that tell of commands: hundreds of these may wait."""
        if self._clock.monotonic() - self._commanded_at < _COMMANDED_S:
            await asyncio.gather(self.monitors.read(), self._system.read_run_state())
            self._teller.tell_everything_new()
            return
        await self.monitors.read()
        await self._system.read()
        if self._system.lists.second_look_s(STATES, STORAGE) is not None:
            self._system_bell.ring()
        self._teller.tell_everything()

    async def _see_it_alive(self, watch: Watch) -> None:
        """Wait for a frame, so that the memory tells of now. Raises VmsUnreachable for a daemon that hangs."""
        is_expected = watch.sample is not None and watch.trigger.is_at_work
        if self._memory is not None and is_expected and not await self._memory.frame(watch.row.id):
            raise VmsUnreachable(f"the daemon of monitor {watch.row.id} shows no sign of life")

    async def picture(self, ref: PictureRef) -> bytes:
        """Return a JPEG. Raises MediaUnavailable or VmsError."""
        try:
            picture = await self._pictures.fetch(ref)
        except MediaUnavailable:
            self._note_picture(ref, is_there=False)
            raise
        self._note_picture(ref, is_there=True)
        return picture

    def _note_picture(self, ref: PictureRef, *, is_there: bool) -> None:
        if isinstance(ref, EventPicture) and ref.event.id.isdecimal() and self._events is not None:
            self._events.picture_fetched(int(ref.event.id), is_there=is_there)

    async def _read_status(self, watch: Watch) -> bool:
        """Ask for the alarm's status, and say whether it is another than before. Raises VmsUnreachable."""
        path = f"monitors/alarm/id:{watch.row.id}/command:status"
        asked_during = watch.doubt.event_id
        server = watch.server
        try:
            watch.server_problem = server.problem or self._down.why(server)
            answer = None if watch.server_problem else await self._system.optional(path, at=server.api)
        except VmsUnreachable as error:
            if server.api is None:
                raise
            watch.server_problem = self._down.note(server, error)
            answer = None
        if server.api is not None and answer is None and not watch.server_problem:
            watch.server_problem = f"its server {server.name} does not tell; see the log"
        before = watch.status
        watch.was_asked(parse_alarm_status(answer, self._facts.version), asked_during, self._clock.monotonic())
        return watch.status is not before

    async def _follow_system(self) -> None:
        while True:
            asked, second_look_s = self._clock.monotonic(), self._system.lists.second_look_s(STATES, STORAGE)
            if await self._system_bell.wait(SYSTEM_INTERVAL_S if second_look_s is None else second_look_s):
                # A scene changes the modes of hundreds of monitors, one after the other.
                await self._clock.sleep(max(0.0, _SYSTEM_APART_S - (self._clock.monotonic() - asked)))
            await self._look_at_facts()
            await self._system.read()
            self._teller.tell_system()

    async def _look_at_facts(self) -> None:
        self._newest_startup = self._startup()
        if await self._facts.look_again() and self._events is not None:
            self._events.zone_changed()

    def _startup(self) -> int:
        """Return when the capture daemon was started that was started last, as far as shared memory tells."""
        return max((watch.sample.startup for watch in self.watches.values() if watch.sample is not None), default=0)

    async def _follow_the_rest(self) -> None:
        """Every second: tell what is not urgent, and ask within the budget for what no better source tells."""
        while True:
            await self._clock.sleep(_SLOW_LOOK_S)
            await self._look_at_all_events()
            await self._teller.tell_news_in_turns()
            if self._memory is not None and self._events is not None and self._has_events:
                await self._memory.compare(self._events.read_to)
            if self._startup() > self._newest_startup and self._spare.take():
                await self._look_at_facts()  # a daemon that starts may be that of another version
            asked = self._asker.next()
            if asked is not None and self._spare.take():
                await self._ask(asked)

    async def _ask(self, watch: Watch) -> None:
        """Ask for an alarm's status; where an event is open although there is none, see first whether it has just ended."""
        is_news = await self._read_status(watch) and watch.status is AlarmState.IDLE and watch.doubt.event_id is not None
        if is_news and self._follower is not None:
            await self._follower.ring().wait()
        self.tell(watch.row.id)

    def expect_event(self, event_id: int) -> None:
        """Hear that an event begins whose row may not be there yet."""
        if self._follower is not None:
            self._follower.expect_event(event_id)

    def expect_end(self, event_id: int) -> None:
        """Hear that an event is about to be closed."""
        if self._follower is not None:
            self._follower.expect_end(event_id)

    def monitor_count(self) -> int:
        """Return how many monitors there are."""
        return len(self.watches)

    def events_health_changed(self) -> None:
        """Hear that events can be read, or can't any more."""
        for watch in self.watches.values():
            self._look_at_events(watch)
        self._teller.tell_everything_new()

    async def _look_at_all_events(self) -> None:
        events = self._events
        if events is not None and any(may_stand_still(events.standstill_s(number)) for number in self.watches):
            await self._system.read_bulk_frames()
        for watch in self.watches.values():
            self._look_at_events(watch)

    def _look_at_events(self, watch: Watch) -> None:
        if self._events is not None:
            number, row = watch.row.id, watch.row
            limit_s = standstill_limit(self._known.bulk_frames, row.capture_fps)
            now = self._clock.monotonic()
            watch.look_at_events(self._events.open_events(number), self._events.standstill_s(number), limit_s, now)

    @property
    def _has_events(self) -> bool:
        return self._follower is not None and self._follower.is_good

    def _count_lags(self) -> Lags:
        return Lags(
            events=self.config.poll_interval if self._has_events else None,
            status=self._asker.lag(),
            monitors=self.config.monitors_interval,
        )

    def tell(self, monitor_id: str) -> None:
        """Tell the monitor's state, if it is another than before."""
        self._teller.tell(monitor_id)

    def _system_state(self) -> SystemState:
        lag = self.config.poll_interval if self._has_events else None
        details = "; ".join(self._details()) or None
        version, zone = self._facts.version_text, self._known.local_time.name
        return replace(self._system.state, version=version, time_zone=zone, lag_s=lag, detail=details)

    def _details(self) -> Iterator[str]:
        if self._follower is not None and self._follower.has_trouble and not self._follower.is_good:
            yield "events can't be read; see the log"
        if not self._known.local_time.is_known:
            yield "ZoneMinder's time zone is not known, nor are start and end of events; see the log"
        if self._known.local_time.problem is not None:
            yield self._known.local_time.problem
