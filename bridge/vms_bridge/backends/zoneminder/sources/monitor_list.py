"""ZoneMinder's list of monitors as a source: which there are, what is read of them when, and how they come through restarts."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from vms_bridge.backends.zoneminder.cameras import Cameras
from vms_bridge.backends.zoneminder.kept_zones import KeptZones
from vms_bridge.backends.zoneminder.lists import MONITORS, Listing
from vms_bridge.backends.zoneminder.monitor_ladder import MonitorLadder
from vms_bridge.backends.zoneminder.pace import Bell
from vms_bridge.backends.zoneminder.restarts import START_S, parse_process
from vms_bridge.backends.zoneminder.zone_watch import ZoneWatch
from vms_bridge.errors import VmsAuthFailed, VmsProtocolError, VmsUnreachable
from vms_bridge.zoneminder import NotThere
from vms_bridge.zoneminder.parse import as_id, as_text, mapping, parse_monitor, parse_monitors, rows
from vms_bridge.zoneminder.servers import server_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from vms_bridge.backends.zoneminder.connection import Connection
    from vms_bridge.backends.zoneminder.ladders import Ladders
    from vms_bridge.backends.zoneminder.system import SystemReader
    from vms_bridge.zoneminder import MonitorRow

_ZONES_INTERVAL_S = 300.0
_SETTLE_S = 15.0
_SETTLE_CHECK_S = 1.0
_ROWS_PER_S = 200.0
_DEFINED = re.compile(r"(?:^|,)([1-9]\d{0,8}):")
"""A run state holds the modes of each monitor, as `1:Modect:1,2:None:1`."""
# Events outlive their monitors: one that is not there is read again so often at most.
_STRANGER_S = 30.0
_READ_AT_ONCE = 100


class MonitorList:
    """Keeps the ladders of one connection's monitors as the list has them.

    `on_read` gets the monitors that were read, `on_mode_changed` is called when some mode has changed.
    """

    def __init__(
        self,
        connection: Connection,
        ladders: Ladders,
        *,
        system: SystemReader,
        on_read: Callable[[Collection[str]], None],
        on_mode_changed: Callable[[], None],
    ) -> None:
        self._api, self._config, self._clock, self._feed = connection.api, connection.config, connection.clock, connection.feed
        self._cache, self._ladders, self._system = connection.cache, ladders, system
        self._on_read, self._on_mode_changed = on_read, on_mode_changed
        self._zones_read = float("-inf")
        self._kept_zones = KeptZones(self._feed)
        self.cameras = Cameras(connection, system)
        """Which of them can be moved, and how."""
        self._settling: dict[str, float] = {}
        self._strangers: dict[str, float] = {}
        self._reading = asyncio.Lock()
        self._bell = Bell(self._clock)

    async def read(self) -> None:
        """Read which monitors there are, and what they are. Raises VmsError."""
        await self._read()
        if self._system.lists.recheck_in_s(MONITORS) is not None:
            self._bell.ring()  # whoever follows them is to read again

    async def reread(self, monitor_id: str) -> None:
        """Read one monitor, and report it, even if it is the same. Raises VmsError."""
        try:
            row = parse_monitor(mapping(await self._api.get(f"monitors/{monitor_id}")).get("monitor"))
        except NotThere:
            row = None
        ladder = self._ladders.by_id.get(monitor_id)
        if row is None or ladder is None:
            self._bell.ring()
            return
        # A single monitor comes without what other tables add in some versions; the list has it all.
        self._take_row(ladder, replace(row, events=row.events if any(row.events.values()) else ladder.row.events))
        await self._check_restart(ladder)
        # Whoever asked for this read wants to see that it took place.
        self._ladders.emit_state(monitor_id, even_if_same=True)

    async def follow(self) -> None:
        """Read them again and again until cancelled, those that settle more often. Raises VmsError."""
        due = self._clock.monotonic() + self._config.monitors_interval
        check_at = float("-inf")
        while True:
            recheck_in_s = self._system.lists.recheck_in_s(MONITORS)
            if recheck_in_s is not None:
                due = min(due, self._clock.monotonic() + recheck_in_s)
            wait = due - self._clock.monotonic()
            rung = await self._bell.wait(min(wait, _SETTLE_CHECK_S) if self._settling else wait)
            now = self._clock.monotonic()
            if now >= due or (rung and not self._settling):
                due = now + self._config.monitors_interval
                await self._read()
                await self._ladders.emit_changes_in_turns()
            if self._settling and now >= check_at:
                await self._check_settling()
                # One request a second, whatever the number of monitors; long lists are no small thing.
                check_at = now + max(_SETTLE_CHECK_S, len(self._settling) > 1 and len(self._ladders.by_id) / _ROWS_PER_S)

    def presets_changed(self, monitor_id: str) -> None:
        """Read the names of this monitor's presets anew, soon."""
        self.cameras.presets_changed(monitor_id)
        self._bell.ring()

    def settle(self, monitor_ids: Collection[str]) -> None:
        """Expect these monitors' daemons to start anew, and poll them often until they run."""
        now = self._clock.monotonic()
        for monitor_id in monitor_ids:
            ladder = self._ladders.by_id.get(monitor_id)
            if ladder is not None:
                self._settling[monitor_id] = now + _SETTLE_S
                ladder.hold(now)
        self._bell.ring()

    async def announce_restart(self, monitor_id: str) -> None:
        """Call the camera disconnected until its new daemon was seen. Raises VmsUnreachable."""
        ladder = self._ladders.by_id.get(monitor_id)
        if ladder is not None:
            sample = ladder.memory.own
            if sample is None or ladder.restart.process is not None:
                ladder.restart.is_named(await self._process(ladder))
            ladder.restart.ask(sample, self._clock.monotonic())
            self._ladders.emit_state(monitor_id)

    def take_restart_back(self, monitor_id: str) -> None:
        """Note that the daemon is not restarted after all."""
        ladder = self._ladders.by_id.get(monitor_id)
        if ladder is not None:
            ladder.restart.end()
            self._ladders.emit_state(monitor_id)

    async def ensure_described(self, monitor_ids: Collection[str]) -> None:
        """Read the monitors, and report them, if one of these is not known and was not read just now. Raises VmsError."""
        now = self._clock.monotonic()
        self._strangers = {number: seen for number, seen in self._strangers.items() if now - seen < _STRANGER_S}
        new = set(monitor_ids) - self._ladders.by_id.keys() - self._strangers.keys()
        if new:
            self._strangers.update(dict.fromkeys(new, now))
            await self.read()
            self._ladders.emit_changes()

    async def _read(self) -> None:
        # An older answer must not undo a newer one.
        async with self._reading:
            await self._read_now()

    async def _read_now(self) -> None:
        now = self._clock.monotonic()
        listing = await self._system.lists.read(MONITORS, self._ids)
        if listing is None:
            return  # it is read again soon
        found = await self._rows_of(listing)
        are_zones_old = any(ladder.has_old_zones for ladder in self._ladders.by_id.values())
        if are_zones_old or now - self._zones_read >= _ZONES_INTERVAL_S or found.keys() != self._ladders.by_id.keys():
            self._zones_read = now if await self._system.read_zones(found) else float("-inf")
            used = frozenset(row.server_id for row in found.values() if row.server_id is not None)
            await self._system.read_servers(self._config.url, used)
        cache = self._cache
        await self.cameras.read(found, cache.servers)
        cache.rows = found
        if cache.loaded is None:
            cache.loaded = await self._kept_zones.recall()
        self._ladders.keep_only(found.keys())
        for monitor_id, row in found.items():
            ladder = self._ladders.by_id.get(monitor_id)
            if ladder is None:
                ladder = MonitorLadder(row=row, zone_watch=ZoneWatch(loaded=cache.loaded.get(monitor_id)))
                self._ladders.add(monitor_id, ladder)
            self._take_row(ladder, row)
            ladder.take_place(
                is_shown=self._feed.shows(monitor_id, row.name),
                is_unreadable=monitor_id in listing.bad,
                server=server_of(row.server_id, cache.servers),
            )
            ladder.take_camera(self.cameras.of(row))
            if monitor_id not in cache.zones_unread:
                ladder.take_zones(cache.zones.get(monitor_id, ()), cache.zones_read)
        self._on_read(found.keys())
        await self._keep_zones()

    async def _keep_zones(self) -> None:
        """Have the next connection, and the next run of the bridge, know by which zones the daemons go."""
        zones = {number: ladder.zone_watch for number, ladder in self._ladders.by_id.items()}
        self._cache.loaded = {number: each.loaded for number, each in zones.items() if each.loaded is not None}
        await self._kept_zones.keep({number: each for number, each in self._cache.loaded.items() if zones[number].has_scores})

    def _take_row(self, ladder: MonitorLadder, row: MonitorRow) -> None:
        if ladder.row.modes != row.modes:
            self._on_mode_changed()  # perhaps somebody has changed the run state
        ladder.take_row(row, self._clock.monotonic(), is_starting=row.id in self._settling)

    async def _rows_of(self, listing: Listing) -> dict[str, MonitorRow]:
        """Return the rows that were read, and those of before where they could not be."""
        found: dict[str, MonitorRow] = {}
        for start in range(0, len(listing.items), _READ_AT_ONCE):
            for monitor_id, row in parse_monitors({"monitors": listing.items[start : start + _READ_AT_ONCE]}).items():
                found.setdefault(monitor_id, row)
            await asyncio.sleep(0)  # thousands take a tenth of a second, and others wait
        if not listing.unread:
            return found
        before = {number: ladder.row for number, ladder in self._ladders.by_id.items()} | dict(self._cache.rows)
        found |= {number: before[number] for number in listing.unread if number in before}
        return dict(sorted(found.items(), key=lambda pair: int(pair[0])))

    async def _ids(self) -> Collection[str]:
        """Return the ids of all monitors that are named anywhere."""
        known = {*self._ladders.by_id, *self._cache.rows, *self._cache.absence.known(MONITORS.plural)}
        if not known:
            zones, states = [await self._other("zones", "Zone"), await self._other("states", "State")]
            known |= {number for row in zones if (number := as_id(row.get("MonitorId"))) is not None}
            known |= {number for row in states for number in _DEFINED.findall(as_text(row.get("Definition")))}
        return known

    async def _other(self, plural: str, single: str) -> list[dict[str, Any]]:
        """Return the rows of another list, none where it can't be read."""
        try:
            return rows(await self._api.get(plural), plural, single)
        except (VmsAuthFailed, VmsProtocolError):
            return []

    async def _check_settling(self) -> None:
        """Poll those that settle: one by itself, several by the list, and one process at most."""
        if len(self._settling) == 1:
            await self.reread(next(iter(self._settling)))
        else:
            await self.read()
            settling = [self._ladders.by_id[number] for number in self._settling if number in self._ladders.by_id]
            restarting = [ladder for ladder in settling if ladder.restart.is_under_way]
            if restarting:
                await self._check_restart(min(restarting, key=lambda ladder: ladder.restart.checked_at))
            await self._ladders.emit_changes_in_turns()
        now = self._clock.monotonic()
        for monitor_id, until in list(self._settling.items()):
            ladder = self._ladders.by_id.get(monitor_id)
            is_early = now < until - _SETTLE_S + START_S
            is_settled = ladder is None or now >= until or ladder.row.is_idle or (not is_early and ladder.row.is_delivering)
            if is_settled and (ladder is None or not ladder.restart.is_under_way):
                del self._settling[monitor_id]

    async def _check_restart(self, ladder: MonitorLadder) -> None:
        """Ask which process captures the monitor, where that shows a restart that is under way. Raises VmsUnreachable."""
        restart = ladder.restart
        if not restart.is_under_way:
            return
        restart.is_asked_about(self._clock.monotonic())
        if restart.process is not None:
            restart.is_named(await self._process(ladder))
        restart.read(ladder.row, self._clock.monotonic())

    async def _process(self, ladder: MonitorLadder) -> str | None:
        path = f"monitors/daemonStatus/id:{ladder.row.id}/daemon:zmc"
        if ladder.server.problem:
            return None
        try:
            return parse_process(await self._system.optional(path, at=ladder.server.api))
        except VmsUnreachable:
            if ladder.server.api is None:
                raise
            return None  # another server than the one that we are connected to
