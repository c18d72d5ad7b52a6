"""One connection to a ZoneMinder, from the first request to the loss: what is asked when, and what is told of it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import UTC
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.api import NotThere, PermissionMissing
from vms_bridge.backends.zoneminder.events import EventTracker
from vms_bridge.backends.zoneminder.follower import EventFollower
from vms_bridge.backends.zoneminder.memory import MemorySource
from vms_bridge.backends.zoneminder.pace import Allowance, Bell
from vms_bridge.backends.zoneminder.parse import (
    mapping,
    parse_alarm_status,
    parse_monitor,
    parse_monitors,
    parse_time_zone,
    parse_version,
)
from vms_bridge.backends.zoneminder.system import SystemReader
from vms_bridge.backends.zoneminder.telling import Teller
from vms_bridge.backends.zoneminder.watch import Lags, Watch
from vms_bridge.backends.zoneminder.zones import watching
from vms_bridge.errors import VmsAuthFailed, VmsProtocolError, VmsUnreachable
from vms_bridge.logs import Trouble

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import tzinfo

    from vms_bridge.backends.base import Feed
    from vms_bridge.backends.zoneminder.api import Api
    from vms_bridge.backends.zoneminder.config import ZoneMinderConfig
    from vms_bridge.backends.zoneminder.follower import LastRead
    from vms_bridge.backends.zoneminder.memory import Listener
    from vms_bridge.backends.zoneminder.parse import MonitorRow
    from vms_bridge.backends.zoneminder.system import Known
    from vms_bridge.clock import Clock
    from vms_bridge.model import Event, SystemState

_LOG = logging.getLogger(__name__)
SYSTEM_INTERVAL_S = 60.0
ZONES_INTERVAL_S = 300.0
# Beyond the regular requests: far events and alarm states, so that all together stay below one a second.
SPARE_REQUESTS_PER_S = 0.35
_SETTLE_S = 15.0
_SETTLE_LOOK_S = 1.0
# For that long after a restart the database may still hold the old daemon's status.
_START_S = 3.0
_SLOW_LOOK_S = 1.0
# Events outlive their monitors: one that is not there is looked for so often at most.
_STRANGER_S = 30.0
# A status that old tells nothing any more.
_WORTHLESS_S = 60.0


class Session:
    """The state of one connection; `open`, then `serve` until it is lost."""

    def __init__(
        self, name: str, config: ZoneMinderConfig, clock: Clock, api: Api, feed: Feed, *, known: Known, last_read: LastRead
    ) -> None:
        self.name, self.config, self.api = name, config, api
        self._clock, self._feed, self._known, self._last_read = clock, feed, known, last_read
        self.version = (0, 0, 0)
        self.version_text: str | None = None
        self._zone_name: str | None = None
        self.watches: dict[str, Watch] = {}
        self._zones_read = float("-inf")
        self._server_trouble = Trouble(_LOG, f"{name}: another server", clock.monotonic)
        self._system = SystemReader(name, api, known, clock)
        self._spare = Allowance(SPARE_REQUESTS_PER_S, clock)
        self._monitors_bell, self._system_bell = Bell(clock), Bell(clock)
        self._events: EventTracker | None = None
        self._follower: EventFollower | None = None
        self._settling: dict[str, float] = {}
        self._reading = asyncio.Lock()
        self._strangers: dict[str, float] = {}
        self._memory: MemorySource | None = None
        self._teller = Teller(feed, clock, self.watches, lags=self._count_lags, system=self._system_state)

    async def open(self) -> None:
        """Find out what this ZoneMinder is and can do, and tell the whole state. Raises VmsError."""
        answer = await self._greeting()
        version = parse_version(answer)
        if version is None:
            raise VmsProtocolError("ZoneMinder does not tell its version", hint="check that url: leads to a ZoneMinder")
        self.version, self.version_text = version, ".".join(map(str, version))
        zone = await self._time_zone()
        self._zone_name = str(zone)
        await self._read_monitors()
        await self._system.read()
        self._events = EventTracker(
            self.api, self._clock, self._feed,
            zone=zone, catch_up_days=self.config.catch_up_days, around=self, spare=self._spare,
        )  # fmt: skip
        self._follower = EventFollower(
            self.name, self._events, self._clock,
            interval=self.config.poll_interval, listener=self, last=self._last_read,
        )  # fmt: skip
        self._memory = self.memory_for(self)
        if self._memory is not None:
            await self._memory.look(is_first=True)
        self._teller.tell_everything()

    async def serve(self) -> None:
        """Follow everything until cancelled. Raises VmsError when the system is lost."""
        async with asyncio.TaskGroup() as tasks:
            for loop in (self._follow_monitors(), self._follow_system(), self._follow_the_rest()):
                tasks.create_task(loop)
            if self._follower is not None:
                tasks.create_task(self._follower.follow())
            if self._memory is not None:
                tasks.create_task(self._memory.follow())

    def memory_for(self, listener: Listener) -> MemorySource | None:
        """Return another reader of the shared memory, for who goes on when this connection is lost."""
        directory = self.config.shared_memory
        if directory is False:
            return None
        return MemorySource(self.name, self.api, self._clock, directory=directory, version=self.version, listener=listener)

    def close(self) -> None:
        """Let go of the shared memory."""
        if self._memory is not None:
            self._memory.close()

    def watch(self, monitor_id: str) -> Watch | None:
        """Return what is known of a monitor."""
        return self.watches.get(monitor_id)

    async def refresh(self, monitor_id: str | None) -> None:
        """Look now at one monitor, or at the system with all its monitors. Raises VmsError."""
        if monitor_id is None:
            await self._read_monitors()
            await self._system.read()
            self._teller.tell_everything()
            return
        watch = self.watches.get(monitor_id)
        if watch is None:
            return
        if watch.uses_memory(self._clock.monotonic()):
            await self._reread(monitor_id)
            return
        events_read = self._follower.ring() if self._follower is not None else None
        if not watch.row.is_idle:
            await self._read_status(watch)
        await self._reread(monitor_id)
        if events_read is not None:
            await events_read.wait()

    def settle(self, monitor_ids: Collection[str]) -> None:
        """Expect these monitors' daemons to start anew, and look closely until they run."""
        now = self._clock.monotonic()
        for monitor_id in monitor_ids:
            watch = self.watches.get(monitor_id)
            if watch is not None:
                self._settling[monitor_id] = now + _SETTLE_S
                watch.hold(now)
        self._monitors_bell.ring()

    def mark_restart(self, monitor_id: str, *, is_due: bool) -> None:
        """Call the camera disconnected until its new daemon shows, or take that back."""
        watch = self.watches.get(monitor_id)
        if watch is not None:
            startup = 0 if watch.sample is None else watch.sample.startup
            watch.restarting_from = startup if is_due else None
            self.tell(monitor_id)

    # What the event tracker asks of its surroundings.

    async def get_to_know(self, monitor_ids: Collection[str]) -> None:
        """Read the monitors, and tell of them, if one of these is not known and was not looked for just now. Raises VmsError."""
        now = self._clock.monotonic()
        self._strangers = {number: seen for number, seen in self._strangers.items() if now - seen < _STRANGER_S}
        new = set(monitor_ids) - self.watches.keys() - self._strangers.keys()
        if new:
            self._strangers.update(dict.fromkeys(new, now))
            await self._read_monitors()
            self._teller.tell_everything_new()

    def zone_names(self, monitor_id: str) -> Sequence[str]:
        """Return the monitor's zones by name."""
        return [zone.name for zone in watching(self._known.zones.get(monitor_id, ()))]

    def is_dead(self, monitor_id: str) -> bool:
        """Say whether nothing can be at work on the monitor's events."""
        watch = self.watches.get(monitor_id)
        if watch is None or watch.row.is_idle:
            return True
        return watch.sample is None and watch.row.status in {None, "NotRunning"}

    def has_begun_anew(self, event: Event) -> bool:
        """Say whether the event's capture daemon was started after it: its memory then names another event, or none."""
        watch = self.watches.get(event.monitor_id)
        if watch is None or watch.sample is None or watch.is_foreign:
            return False
        sample = watch.sample
        return sample.startup > event.start.timestamp() + 1 and str(sample.last_event) != event.id

    def open_events_changed(self, monitor_ids: Collection[str]) -> None:
        """Hear that other events are open than before."""
        for monitor_id in monitor_ids:
            watch = self.watches.get(monitor_id)
            if watch is not None and self._events is not None:
                watch.open_events = tuple(self._events.open_events(monitor_id))
                self.tell(monitor_id)

    async def _greeting(self) -> object:
        try:
            answer = await self.api.get_without_token("host/getVersion")
        except VmsAuthFailed:
            return await self.api.get("host/getVersion")
        self.api.auth.is_off = True
        return answer

    async def _time_zone(self) -> tzinfo:
        try:
            answer = await self.api.get("host/getTimeZone")
            # The zone's rules are read from a file.
            zone = await asyncio.to_thread(parse_time_zone, answer)
        except (PermissionMissing, VmsProtocolError):
            zone = None
        self._known.time_zone = zone or self._known.time_zone
        trouble = self._system.trouble("host/getTimeZone")
        if self._known.time_zone is None:
            trouble.report("ZoneMinder does not tell its time zone; its times are taken as UTC")
        else:
            trouble.over()
        return self._known.time_zone or UTC

    async def _read_monitors(self) -> None:
        # An older answer must not undo a newer one.
        async with self._reading:
            await self._read_monitors_now()

    async def _read_monitors_now(self) -> None:
        now = self._clock.monotonic()
        found = parse_monitors(await self._list_of_monitors())
        are_zones_old = any(watch.has_old_zones for watch in self.watches.values())
        if are_zones_old or now - self._zones_read >= ZONES_INTERVAL_S or found.keys() != self.watches.keys():
            self._zones_read = now if await self._system.read_zones(found) else float("-inf")
            await self._system.read_servers(self.config.url)
        known = self._known
        for gone in self.watches.keys() - found.keys():
            del self.watches[gone]
        for monitor_id, row in found.items():
            watch = self.watches.setdefault(monitor_id, Watch(row=row))
            self._take_row(watch, row)
            watch.is_shown = self._feed.shows(monitor_id, row.name)
            watch.zones, watch.zones_read = known.zones.get(monitor_id, ()), known.zones_read
            watch.server = known.servers.get(row.server_id or "")
            if self._events is not None:
                watch.open_events = tuple(self._events.open_events(monitor_id))

    def _take_row(self, watch: Watch, row: MonitorRow) -> None:
        if watch.row.modes != row.modes:
            self._system_bell.ring()  # perhaps somebody has changed the run state
        watch.row = row

    async def _list_of_monitors(self) -> object:
        answer = await self.api.get("monitors")
        if "monitors" not in mapping(answer):
            raise VmsProtocolError("api/monitors answered without a list of monitors", hint="look at ZoneMinder's log")
        return answer

    async def _reread(self, monitor_id: str) -> None:
        try:
            row = parse_monitor(mapping(await self.api.get(f"monitors/{monitor_id}")).get("monitor"))
        except NotThere:
            row = None
        watch = self.watches.get(monitor_id)
        if row is None or watch is None:
            self._monitors_bell.ring()
            return
        # A single monitor comes without what other tables add in some versions; the list has it all.
        self._take_row(watch, replace(row, events=row.events if any(row.events.values()) else watch.row.events))
        # Whoever asked for this look wants to see that it took place.
        self._teller.tell(monitor_id, even_if_same=True)

    async def _read_status(self, watch: Watch) -> None:
        path = f"monitors/alarm/id:{watch.row.id}/command:status"
        try:
            answer = await self._system.optional(path, at=watch.server)
        except VmsUnreachable as error:
            if watch.server is None:
                raise
            self._server_trouble.report(error, hint="check Hostname, Protocol, Port and PathToApi under Options > Servers")
            answer = None
        watch.status = parse_alarm_status(answer, self.version)
        watch.status_event = watch.open_events[-1].id if watch.open_events else None
        watch.status_at = self._clock.monotonic()
        self.tell(watch.row.id)

    async def _follow_monitors(self) -> None:
        due = self._clock.monotonic() + self.config.monitors_interval
        while True:
            wait = due - self._clock.monotonic()
            rung = await self._monitors_bell.wait(min(wait, _SETTLE_LOOK_S) if self._settling else wait)
            now = self._clock.monotonic()
            if now >= due or (rung and not self._settling):
                due = now + self.config.monitors_interval
                await self._read_monitors()
                await self._teller.tell_news_in_turns()
            for monitor_id, until in list(self._settling.items()):
                await self._look_while_settling(monitor_id, until)

    async def _look_while_settling(self, monitor_id: str, until: float) -> None:
        await self._reread(monitor_id)
        watch = self.watches.get(monitor_id)
        now = self._clock.monotonic()
        is_early = now < until - _SETTLE_S + _START_S
        if watch is None or now >= until or watch.row.is_idle or (not is_early and watch.row.is_delivering):
            del self._settling[monitor_id]
            if watch is not None and watch.restarting_from is not None:
                watch.restarting_from = None
                self.tell(monitor_id)

    async def _follow_system(self) -> None:
        while True:
            await self._system_bell.wait(SYSTEM_INTERVAL_S)
            await self._system.read()
            self._teller.tell_system()

    async def _follow_the_rest(self) -> None:
        """Every second: tell what is not urgent, and ask within the budget for what no better source tells."""
        while True:
            await self._clock.sleep(_SLOW_LOOK_S)
            await self._teller.tell_news_in_turns()
            if self._memory is not None and self._events is not None and self._has_events:
                await self._memory.compare(self._events.read_to)
            waiting = self._in_need_of_status()
            if waiting and self._status_lag(len(waiting)) is not None and self._spare.take():
                await self._read_status(min(waiting, key=lambda watch: watch.status_at or 0.0))

    def _in_need_of_status(self) -> list[Watch]:
        now = self._clock.monotonic()
        return [watch for watch in self.watches.values() if watch.needs_status(now, has_events=self._has_events)]

    def _status_lag(self, count: int) -> float | None:
        """Return how late statuses are with that many monitors to ask; None if too late to be worth it."""
        lag = round(count / SPARE_REQUESTS_PER_S, 1)
        return lag if lag <= _WORTHLESS_S else None

    # What the shared memory tells, and the event follower.

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
        if self._events is not None:
            for monitor_id, watch in self.watches.items():
                watch.open_events = tuple(self._events.open_events(monitor_id))
        self._teller.tell_everything_new()

    @property
    def _has_events(self) -> bool:
        return self._follower is not None and self._follower.is_good

    def _count_lags(self) -> Lags:
        count = len(self._in_need_of_status())
        return Lags(
            events=self.config.poll_interval if self._has_events else None,
            status=self._status_lag(count) if count else None,
            monitors=self.config.monitors_interval,
        )

    def tell(self, monitor_id: str) -> None:
        """Tell the monitor's state, if it is another than before."""
        self._teller.tell(monitor_id)

    def _system_state(self) -> SystemState:
        has_trouble = self._follower is not None and self._follower.has_trouble and not self._follower.is_good
        detail = "events can't be read; see the log" if has_trouble else None
        lag = self.config.poll_interval if self._has_events else None
        return replace(self._system.state, version=self.version_text, time_zone=self._zone_name, lag_s=lag, detail=detail)
