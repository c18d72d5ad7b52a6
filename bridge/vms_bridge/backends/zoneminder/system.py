"""The state of a ZoneMinder as a whole, each part as far as this user may read it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypedDict, TypeVar

from vms_bridge import machines
from vms_bridge.backends.zoneminder.camera import KnownCameras
from vms_bridge.backends.zoneminder.doubt import BULK_FRAMES
from vms_bridge.backends.zoneminder.lists import SERVERS, STATES, STORAGE, ZONES, Listing, ListReader
from vms_bridge.backends.zoneminder.local_time import LocalTime
from vms_bridge.errors import VmsAuthFailed, VmsProtocolError
from vms_bridge.logs import Trouble
from vms_bridge.model import Capability, Storage, SystemState
from vms_bridge.zoneminder import PermissionMissing, ServerFailed
from vms_bridge.zoneminder.parse import as_bool, as_int, mapping, parse_load, parse_states, parse_storage, parse_zones
from vms_bridge.zoneminder.resources.servers import parse_server_rows
from vms_bridge.zoneminder.servers import servers_in_use

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping

    from vms_bridge import zoneminder
    from vms_bridge.backends.zoneminder.absence import Absence
    from vms_bridge.backends.zoneminder.api import Api
    from vms_bridge.backends.zoneminder.lists import Kind
    from vms_bridge.backends.zoneminder.pace import Allowance
    from vms_bridge.backends.zoneminder.zone_watch import Loaded
    from vms_bridge.clock import Clock
    from vms_bridge.zoneminder import MonitorRow, Zone
    from vms_bridge.zoneminder.resources.servers import ServerRow
    from vms_bridge.zoneminder.servers import Server

_LOG = logging.getLogger(__name__)
_REFUSED_S = 290.0
"""So often what was refused is asked for again: every five minutes."""
_PATIENCE_S = 10.0
_BULK_FRAMES_S = 600.0
_AGAIN_S = (0.5, 1.0, 2.0, 4.0)
_ANSWER_KEYS = {"host/getLoad": "load", "host/daemonCheck": "result"}
"""What has to be in the answer, else it is none."""
_T = TypeVar("_T")


class _RunState(TypedDict):
    running: bool | None
    run_state: str | None
    run_states: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class SystemCache:
    """What was read last of one configured system, whichever connection read it.

    It holds until a good answer, or a refusal, says otherwise: entities are not to come and go with failing requests.
    """

    absence: Absence
    rows: Mapping[str, MonitorRow] = field(default_factory=dict)
    state: SystemState = field(default_factory=SystemState)
    zones: Mapping[str, tuple[Zone, ...]] = field(default_factory=dict)
    """By monitor; all of them, in ZoneMinder's order."""
    zones_unread: frozenset[str] = frozenset()
    """The monitors whose zones could not be read then; theirs are as before."""
    zones_read: float = 0.0
    """When they were asked for, as Unix time."""
    loaded: dict[str, Loaded] | None = None
    """By monitor, the zones that its daemon goes by; None before that was looked up."""
    servers: Mapping[str, Server] = field(default_factory=dict)
    server_rows: tuple[ServerRow, ...] = ()
    """How those are that are used, where there are several."""
    bulk_frames: int = BULK_FRAMES
    edits_refused: float = float("-inf")
    """When this user was refused to change an event, monotonic."""
    local_time: LocalTime = field(default_factory=LocalTime)
    cameras: KnownCameras = field(default_factory=KnownCameras)
    troubles: dict[str, Trouble] = field(default_factory=dict)
    """By what was asked for."""


class SystemReader:
    """Reads what monitors and events do not say; what is refused is left alone for a while, for permissions may change."""

    def __init__(self, name: str, api: Api, cache: SystemCache, clock: Clock, pace: Allowance) -> None:
        self._name, self._api, self._cache, self._clock = name, api, cache, clock
        self.lists = ListReader(clock, ask=self._ask, trouble=self.trouble, absence=cache.absence, pace=pace)
        self._refused: dict[str, float] = {}
        """What this user may not read, and when that was said."""
        self._patient_until = self._bulk_frames_read = float("-inf")
        self._reading = asyncio.Lock()
        self._portal, self._used = "", frozenset[str]()
        """Of what the list of servers is read."""

    @property
    def state(self) -> SystemState:
        """What is known of the system as a whole."""
        return self._cache.state

    @asynccontextmanager
    async def patiently(self) -> AsyncIterator[None]:
        """While a connection begins, ask again what fails for a moment: else it would be missing until the next poll."""
        self._patient_until, self.lists.is_patient = self._clock.monotonic() + _PATIENCE_S, True
        try:
            yield
        finally:
            self._patient_until, self.lists.is_patient = float("-inf"), False

    async def read(self) -> None:
        """Read run states, storage and load anew. Raises VmsUnreachable."""
        # An older answer must not undo a newer one.
        async with self._reading:
            await self._read_now()

    async def read_run_state(self) -> None:
        """Read only which run state is in force, and whether ZoneMinder is at work. Raises VmsUnreachable."""
        async with self._reading:
            states, daemons = await asyncio.gather(self._list(STATES, ()), self.optional("host/daemonCheck"))
            self._cache.state = replace(self._cache.state, **self._run_state(states, daemons))

    async def read_zones(self, monitors: Mapping[str, MonitorRow]) -> bool:
        """Read every monitor's zones, and say whether the API listed them. Raises VmsUnreachable."""
        asked, cache = self._clock.now().timestamp(), self._cache
        listing = await self._list(ZONES, monitors)
        if listing is None:
            return False
        zones = parse_zones(listing.raw(ZONES), monitors)
        cache.zones = {number: cache.zones.get(number, ()) for number in listing.unread} | zones
        cache.zones_unread, cache.zones_read = listing.unread, asked
        return True

    async def read_servers(self, portal: str, used: frozenset[str]) -> None:
        """Read where the servers are, `used` being those that monitors name. Raises VmsUnreachable."""
        self._portal, self._used = portal, used
        listing = await self._list(SERVERS, self._cache.servers)
        if listing is not None and not listing.unread:
            raw, cache = listing.raw(SERVERS), self._cache
            cache.servers = servers_in_use(raw, portal, used)
            cache.server_rows = tuple(row for row in parse_server_rows(raw) if row.id in cache.servers)

    async def read_bulk_frames(self) -> None:
        """Read now and then how often the row of an event that goes on is written, if this user may. Raises VmsUnreachable."""
        now = self._clock.monotonic()
        if now - self._bulk_frames_read < _BULK_FRAMES_S:
            return
        self._bulk_frames_read = now
        try:
            answer = await self._api.get("configs/viewByName/ZM_BULK_FRAME_INTERVAL")
        except (VmsAuthFailed, VmsProtocolError):
            return
        frames = as_int(mapping(mapping(answer).get("config")).get("Value"))
        self._cache.bulk_frames = frames if frames is not None and frames > 0 else self._cache.bulk_frames

    async def optional(self, path: str, *, at: str | None = None) -> object:
        """Return the answer, or None where this user may not have it or this version does not give it. Raises VmsUnreachable."""
        kind = path.split("/id:", maxsplit=1)[0] + (f" at {at}" if at else "")
        return await self._guarded(kind, lambda: self._fitting(path, kind, at))

    async def _fitting(self, path: str, kind: str, at: str | None) -> object:
        answer = await (self._ask(path) if at is None else self._api.get(path, at=at))
        key = _ANSWER_KEYS.get(kind)
        if key is not None and mapping(answer).get(key) is None:
            raise VmsProtocolError(f"it answered without {key!r}")
        self.trouble(kind).over()
        return answer

    async def _list(self, kind: Kind, apart: Iterable[str]) -> Listing | None:
        """Return a list, an empty one where this user may not have it; None where what is known stays. Raises VmsUnreachable."""

        async def ids() -> Iterable[str]:
            return apart

        listing = await self._guarded(kind.plural, lambda: self.lists.read(kind, ids))
        return Listing([]) if kind.plural in self._refused else listing

    async def _guarded(self, kind: str, ask: Callable[[], Awaitable[_T]]) -> _T | None:
        """Return what is answered, None where nothing is, or this user may not have it. Raises VmsUnreachable."""
        if self._clock.monotonic() - self._refused.get(kind, float("-inf")) < _REFUSED_S:
            return None
        try:
            answer = await ask()
        except PermissionMissing as error:
            self._refused[kind] = self._clock.monotonic()
            self.trouble(kind).report(f"this user may not read it: {error}", code="refused", level=logging.INFO)
            return None
        except (VmsAuthFailed, VmsProtocolError) as error:
            self.trouble(kind).report(f"can't be read: {error}")
            return None
        self._refused.pop(kind, None)
        return answer

    async def _ask(self, path: str) -> object:
        """Ask, and while a connection begins ask again for what fails for a moment; but not for the rows of a list."""
        is_row = "/" in path and not path.startswith("host/")
        waits = iter(() if is_row or self.trouble(path).is_on else _AGAIN_S)
        while True:
            try:
                return await self._api.get(path)
            except ServerFailed:
                wait_s = next(waits, None)
                if wait_s is None or self._clock.monotonic() + wait_s > self._patient_until:
                    raise
                await self._clock.sleep(wait_s)

    def trouble(self, kind: str) -> Trouble:
        """Return the trouble with this part of the API; it outlives the connection, so that one that flaps says little."""
        troubles = self._cache.troubles
        if kind not in troubles:
            troubles[kind] = Trouble(_LOG, f"{self._name}: api/{kind}", self._clock.monotonic)
        return troubles[kind]

    async def _read_now(self) -> None:
        before = self._cache.state
        if self._cache.servers:  # how they are; who they are is read with the zones
            await self.read_servers(self._portal, self._used)
        states, storage, load, daemons = await asyncio.gather(
            self._list(STATES, ()),
            self._list(STORAGE, [area.id for area in before.storage]),
            self.optional("host/getLoad"),
            self.optional("host/daemonCheck"),
        )
        run_state = self._run_state(states, daemons)
        unread = {area.id for area in before.storage} if storage is None else storage.unread
        areas = tuple(replace(area, used_bytes=None) for area in before.storage if area.id in unread)
        if storage is not None:
            read = (_area(area) for area in parse_storage(storage.raw(STORAGE)))
            areas = tuple(sorted((*areas, *read), key=lambda area: int(area.id)))
        average = parse_load(load)
        has_load = average is not None or (Capability.LOAD in before.capabilities and "host/getLoad" not in self._refused)
        capabilities = {Capability.EVENTS, Capability.EVENT_PICTURE, Capability.ARCHIVE}
        # The log wants the same permission as the run states: System: View.
        capabilities |= set() if STATES.plural in self._refused else {Capability.LOGS}
        capabilities |= {Capability.RUN_STATE} if run_state["run_states"] else set()
        capabilities |= {Capability.STORAGE} if areas else set()
        capabilities |= {Capability.LOAD} if has_load else set()
        capabilities |= {Capability.SERVERS} if self._cache.server_rows else set()
        self._cache.state = SystemState(
            available=True,
            **run_state,
            load=None if average is None else round(average, 2),
            storage=areas,
            servers=tuple(_server(row) for row in self._cache.server_rows),
            source="api",
            capabilities=frozenset(capabilities),
        )

    def _run_state(self, states: Listing | None, daemons: object) -> _RunState:
        runs = [] if states is None else parse_states(states.raw(STATES))
        running = mapping(daemons).get("result")
        return {
            "running": None if running is None else as_bool(running),
            "run_state": next((run.name for run in runs if run.is_active), None),
            "run_states": self._cache.state.run_states if states is None else tuple(run.name for run in runs),
        }


def _area(area: zoneminder.Storage) -> Storage:
    return Storage(id=area.id, name=area.name, used_bytes=area.used_bytes, total_bytes=area.total_bytes)


def _server(row: ServerRow) -> machines.Server:
    running = {"Running": True, "NotRunning": False}.get(row.status)
    return machines.Server(
        id=row.id, name=row.name, running=running, load=row.load, cpu_percent=row.cpu_percent,
        memory_total=row.total_bytes, memory_free=row.free_bytes,
    )  # fmt: skip
