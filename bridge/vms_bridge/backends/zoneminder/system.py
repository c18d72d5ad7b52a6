"""What is to be told of a ZoneMinder as a whole, each part as far as this user may read it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.api import PermissionMissing
from vms_bridge.backends.zoneminder.parse import as_bool, mapping, parse_load, parse_states, parse_storage, parse_zones
from vms_bridge.backends.zoneminder.servers import parse_servers
from vms_bridge.errors import VmsAuthFailed, VmsProtocolError
from vms_bridge.logs import Trouble
from vms_bridge.model import Capability, SystemState

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import tzinfo

    from vms_bridge.backends.zoneminder.api import Api
    from vms_bridge.backends.zoneminder.parse import MonitorRow
    from vms_bridge.clock import Clock
    from vms_bridge.model import Zone

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Known:
    """What was read last of one configured system, whichever connection read it.

    It holds until a good answer, or a refusal, says otherwise: entities are not to come and go with failing requests.
    """

    state: SystemState = field(default_factory=SystemState)
    zones: Mapping[str, tuple[Zone, ...]] = field(default_factory=dict)
    """By monitor; all of them, in ZoneMinder's order."""
    zones_read: float = 0.0
    """When they were asked for, as Unix time."""
    servers: Mapping[str, str] = field(default_factory=dict)
    time_zone: tzinfo | None = None
    troubles: dict[str, Trouble] = field(default_factory=dict)
    """By what was asked for."""


class SystemReader:
    """Reads what monitors and events do not tell; what is refused once is left alone for the rest of the connection."""

    def __init__(self, name: str, api: Api, known: Known, clock: Clock) -> None:
        self._name, self._api, self._known, self._clock = name, api, known, clock
        self._refused: set[str] = set()
        self._reading = asyncio.Lock()

    @property
    def state(self) -> SystemState:
        """What is known of the system as a whole."""
        return self._known.state

    async def read(self) -> None:
        """Read run states, storage and load anew. Raises VmsUnreachable."""
        # An older answer must not undo a newer one.
        async with self._reading:
            await self._read_now()

    async def read_zones(self, monitors: Mapping[str, MonitorRow]) -> bool:
        """Read every monitor's zones, and say whether they were told. Raises VmsUnreachable."""
        asked = self._clock.now().timestamp()
        answer = await self.optional("zones")
        is_told = self._is_told("zones", answer)
        if is_told:
            self._known.zones, self._known.zones_read = parse_zones(answer, monitors), asked
        return is_told

    async def read_servers(self, portal: str) -> None:
        """Read where the other servers are. Raises VmsUnreachable."""
        answer = await self.optional("servers")
        if self._is_told("servers", answer):
            self._known.servers = parse_servers(answer, portal)

    async def optional(self, path: str, *, at: str | None = None) -> object:
        """Return the answer, or None where this user may not have it or this version does not give it. Raises VmsUnreachable."""
        kind = path.split("/id:", maxsplit=1)[0]
        if kind in self._refused:
            return None
        try:
            answer = await self._api.get(path, at=at)
        except PermissionMissing as error:
            self._refused.add(kind)
            self.trouble(kind).report(f"this user may not read it: {error}", code="refused", level=logging.INFO)
            return None
        except (VmsAuthFailed, VmsProtocolError) as error:
            self.trouble(kind).report(f"can't be read: {error}")
            return None
        self.trouble(kind).over()
        return answer

    def trouble(self, kind: str) -> Trouble:
        """Return the trouble with what the API tells of this; it outlives the connection, so that one that flaps says little."""
        known = self._known.troubles
        if kind not in known:
            known[kind] = Trouble(_LOG, f"{self._name}: api/{kind}", self._clock.monotonic)
        return known[kind]

    async def _read_now(self) -> None:
        states, storage, load, daemons = await asyncio.gather(
            self.optional("states"), self.optional("storage"), self.optional("host/getLoad"), self.optional("host/daemonCheck")
        )
        known = self._known.state
        runs = parse_states(states)
        run_states = tuple(run.name for run in runs) if self._is_told("states", states) else known.run_states
        areas = tuple(replace(area, used_bytes=None) for area in known.storage)
        if self._is_told("storage", storage):
            areas = parse_storage(storage)
        average = parse_load(load)
        has_load = average is not None or (Capability.LOAD in known.capabilities and "host/getLoad" not in self._refused)
        running = mapping(daemons).get("result")
        capabilities = {Capability.EVENTS, Capability.EVENT_PICTURE}
        capabilities |= {Capability.RUN_STATE} if run_states else set()
        capabilities |= {Capability.STORAGE} if areas else set()
        capabilities |= {Capability.LOAD} if has_load else set()
        self._known.state = SystemState(
            available=True,
            running=None if running is None else as_bool(running),
            run_state=next((run.name for run in runs if run.is_active), None),
            run_states=run_states,
            load=None if average is None else round(average, 2),
            storage=areas,
            source="api",
            capabilities=frozenset(capabilities),
        )

    def _is_told(self, kind: str, answer: object) -> bool:
        """Say whether this is a list, even an empty one, or will not be told to this user."""
        return kind in self._refused or isinstance(mapping(answer).get(kind), (list, dict))
