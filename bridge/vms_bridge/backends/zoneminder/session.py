"""One connection to a ZoneMinder, from the first request to the loss: its sources, and what is asked when."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.connection import Connection
from vms_bridge.backends.zoneminder.event_commands import EventCommands
from vms_bridge.backends.zoneminder.facts import Facts
from vms_bridge.backends.zoneminder.follower import PAGES_AT_ONCE, PAGES_PER_S, EventHealth
from vms_bridge.backends.zoneminder.hook import Announcements
from vms_bridge.backends.zoneminder.ladders import Ladders
from vms_bridge.backends.zoneminder.lists import STATES, STORAGE
from vms_bridge.backends.zoneminder.media import Pictures
from vms_bridge.backends.zoneminder.pace import SPARE_PER_S, Allowance, Bell, Halves
from vms_bridge.backends.zoneminder.sampler import Sampler
from vms_bridge.backends.zoneminder.sources.alarm_status import AlarmStatus
from vms_bridge.backends.zoneminder.sources.asker import Asker
from vms_bridge.backends.zoneminder.sources.monitor_list import MonitorList
from vms_bridge.backends.zoneminder.sources.open_events import OpenEvents
from vms_bridge.backends.zoneminder.sources.shared_memory import SharedMemory
from vms_bridge.backends.zoneminder.system import SystemReader
from vms_bridge.backends.zoneminder.system_summary import SystemSummary
from vms_bridge.commands import SetPreset
from vms_bridge.errors import MediaUnavailable, VmsUnreachable
from vms_bridge.model import EventPicture

if TYPE_CHECKING:
    from collections.abc import Collection

    from vms_bridge.backends.base import Feed
    from vms_bridge.backends.zoneminder.api import Api
    from vms_bridge.backends.zoneminder.config import ZoneMinderConfig
    from vms_bridge.backends.zoneminder.follower import LastRead
    from vms_bridge.backends.zoneminder.monitor_ladder import MonitorLadder
    from vms_bridge.backends.zoneminder.sources.shared_memory import EventReader
    from vms_bridge.backends.zoneminder.sources.source import Source
    from vms_bridge.backends.zoneminder.system import SystemCache
    from vms_bridge.clock import Clock
    from vms_bridge.commands import Action
    from vms_bridge.model import PictureRef

SYSTEM_INTERVAL_S = 60.0
_SYSTEM_APART_S = 5.0
_SLOW_S = 1.0
_COMMANDED_S = 60.0


class ZoneMinderSession:
    """The state of one connection; `open`, then `serve` until it is lost."""

    def __init__(
        self, name: str, config: ZoneMinderConfig, clock: Clock, api: Api, feed: Feed, *, cache: SystemCache, last_read: LastRead
    ) -> None:
        self.api = api
        self._clock, self._cache = clock, cache
        pages = Allowance(PAGES_PER_S, clock, burst=PAGES_AT_ONCE)
        spare = Allowance(SPARE_PER_S, clock)
        beyond = Halves(spare, clock)
        self.allowances = {"pages": pages, "spare": spare}
        """What may be asked beyond the regular requests, by what for."""
        self.connection = connection = Connection(
            name=name, config=config, api=api, clock=clock, feed=feed, cache=cache,
            pages=pages, spare=beyond.one, statuses=beyond.other,
        )  # fmt: skip
        self._system = SystemReader(name, api, cache, clock, pages)
        self._facts = Facts(name, api, feed, clock, local=cache.local_time, trouble=self._system.trouble("host/getTimeZone"))
        health = EventHealth()
        summary = SystemSummary(self._system, self._facts, cache.local_time, health, interval=config.poll_interval)
        self.ladders = Ladders(connection, health=health, system=summary)
        self._system_bell = Bell(clock)
        self.pictures = Pictures(api, config.url, clock)
        self.monitors = MonitorList(
            connection, self.ladders, system=self._system, on_read=self._report_events, on_mode_changed=self._system_bell.ring
        )
        self.events = OpenEvents(
            connection, self.ladders,
            monitors=self.monitors, system=self._system, pictures=self.pictures, health=health, last_read=last_read,
        )  # fmt: skip
        self.event_commands = EventCommands(connection, self.events, self._facts)
        summary.of_events = self.event_commands.offered
        self.announcements = Announcements(self.events, clock)
        asker = Asker(self.ladders.by_id, clock, health)
        self._statuses = AlarmStatus(connection, asker=asker, system=self._system, facts=self._facts)
        self._health = health
        self._memory: SharedMemory | None = None
        self._newest_startup = 0
        self._commanded_at = float("-inf")

    async def open(self) -> None:
        """Find out what this ZoneMinder is and can do, and report the full state. Raises VmsError."""
        await self._facts.learn()
        await self._cache.absence.recall(self.connection.feed)
        async with self._system.patiently():
            await self.monitors.read()
            await self._system.read()
        self._memory = self.another_memory(self.events)
        if self._memory is not None:
            await self._memory.read()
            self._newest_startup = self._startup()
        self.ladders.emit_all()

    async def serve(self) -> None:
        """Follow everything until cancelled. Raises VmsError when the system is lost."""
        sources: list[Source] = [self.monitors, self.events]
        sources += [] if self._memory is None else [self._memory]
        async with asyncio.TaskGroup() as tasks:
            for loop in (self._follow_system(), self._follow_the_rest(), *(source.follow() for source in sources)):
                tasks.create_task(loop)

    def another_memory(self, events: EventReader | None = None) -> SharedMemory | None:
        """Return another reader of the shared memory; without `events` for who goes on when this connection is lost."""
        connection, directory = self.connection, self.connection.config.shared_memory
        if directory is False:
            return None
        sampler = Sampler(directory, self._facts.version, self._clock)
        return SharedMemory(connection.name, connection.api, self._clock, self.ladders, sampler, events=events)

    def close(self) -> None:
        """Let go of the shared memory."""
        if self._memory is not None:
            self._memory.close()

    async def refresh(self, monitor_id: str | None) -> None:
        """Read one monitor now, or the system with all its monitors. Raises VmsError."""
        if monitor_id is None:
            await self._refresh_everything()
            return
        ladder = self.ladders.by_id.get(monitor_id)
        if ladder is None:
            return
        uses_memory = ladder.memory.is_used(self._clock.monotonic())
        if uses_memory or not ladder.wants_alarm:
            await self.monitors.reread(monitor_id)
            if uses_memory and ladder.wants_alarm:
                await self._see_it_alive(ladder)
            return
        events_read = self.events.read_now()
        if not ladder.row.is_idle:
            await self._statuses.ask(ladder)
            self.ladders.emit_state(monitor_id)
        await self.monitors.reread(monitor_id)
        await events_read.wait()

    def was_commanded(self, ladder: MonitorLadder, action: Action) -> None:
        """Note what ZoneMinder was asked to do with a monitor, and has accepted."""
        self._commanded_at = self._clock.monotonic()
        ladder.was_commanded(action)
        if isinstance(action, SetPreset):
            self.monitors.presets_changed(ladder.row.id)

    async def _refresh_everything(self) -> None:
        """Read all lists or, soon after a command, only those that show the effects of commands: hundreds of these may wait."""
        if self._clock.monotonic() - self._commanded_at < _COMMANDED_S:
            await asyncio.gather(self.monitors.read(), self._system.read_run_state())
            self.ladders.emit_changes()
            return
        await self.monitors.read()
        await self._system.read()
        if self._system.lists.recheck_in_s(STATES, STORAGE) is not None:
            self._system_bell.ring()
        self.ladders.emit_all()

    async def _see_it_alive(self, ladder: MonitorLadder) -> None:
        """Wait for a frame, so that the memory shows the present. Raises VmsUnreachable for a daemon that hangs."""
        is_expected = ladder.memory.sample is not None and ladder.memory.trigger.is_at_work
        if self._memory is not None and is_expected and not await self._memory.frame(ladder.row.id):
            raise VmsUnreachable(f"the daemon of monitor {ladder.row.id} shows no sign of life")

    async def picture(self, ref: PictureRef) -> bytes:
        """Return a JPEG. Raises MediaUnavailable or VmsError."""
        try:
            picture = await self.pictures.fetch(ref)
        except MediaUnavailable:
            self._note_picture(ref, is_there=False)
            raise
        self._note_picture(ref, is_there=True)
        return picture

    def _note_picture(self, ref: PictureRef, *, is_there: bool) -> None:
        if isinstance(ref, EventPicture) and ref.event.id.isdecimal():
            self.events.picture_fetched(int(ref.event.id), is_there=is_there)

    async def _follow_system(self) -> None:
        while True:
            asked, recheck_in_s = self._clock.monotonic(), self._system.lists.recheck_in_s(STATES, STORAGE)
            if await self._system_bell.wait(SYSTEM_INTERVAL_S if recheck_in_s is None else recheck_in_s):
                # A scene changes the modes of hundreds of monitors, one after the other.
                await self._clock.sleep(max(0.0, _SYSTEM_APART_S - (self._clock.monotonic() - asked)))
            await self._refresh_facts()
            await self._system.read()
            self.ladders.emit_system()

    async def _refresh_facts(self) -> None:
        self._newest_startup = self._startup()
        if await self._facts.refresh():
            self.events.zone_changed()

    def _startup(self) -> int:
        """Return when the capture daemon was started that was started last, as far as shared memory says."""
        samples = (ladder.memory.sample for ladder in self.ladders.by_id.values())
        return max((sample.startup for sample in samples if sample is not None), default=0)

    async def _follow_the_rest(self) -> None:
        """Every second: report what is not urgent, and ask within the budget for what no better source reports."""
        while True:
            await self._clock.sleep(_SLOW_S)
            self.announcements.look()
            await self.events.report_all()
            await self.ladders.emit_changes_in_turns()
            if self._memory is not None and self._health.is_good:
                await self._memory.compare(self.events.read_to)
            if self._startup() > self._newest_startup and self.connection.spare.take():
                await self._refresh_facts()  # a daemon that starts may be that of another version
            await self._ask_a_status()

    async def _ask_a_status(self) -> None:
        """Ask for an alarm's status; where an event is open although there is none, see first whether it has just ended."""
        asked = await self._statuses.ask_next()
        if asked is not None:
            ladder, may_have_ended = asked
            if may_have_ended:
                await self.events.read_now().wait()
            self.ladders.emit_state(ladder.row.id)

    def _report_events(self, monitor_ids: Collection[str]) -> None:
        self.events.report(monitor_ids)
