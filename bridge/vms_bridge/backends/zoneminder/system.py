"""What is to be told of a ZoneMinder as a whole, each part as far as this user may read it."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from vms_bridge.backends.zoneminder.api import PermissionMissing
from vms_bridge.backends.zoneminder.parse import as_bool, mapping, parse_load, parse_states, parse_storage
from vms_bridge.errors import VmsAuthFailed, VmsProtocolError
from vms_bridge.model import Capability, SystemState

if TYPE_CHECKING:
    from vms_bridge.backends.zoneminder.api import Api

_LOG = logging.getLogger(__name__)


class SystemReader:
    """Reads run states, storage and load; what is refused once is left alone for the rest of the connection."""

    def __init__(self, name: str, api: Api) -> None:
        self._name, self._api = name, api
        self._refused: set[str] = set()
        self._failed: set[str] = set()
        self.state = SystemState()

    async def read(self) -> None:
        """Read everything anew. Raises VmsUnreachable."""
        states, storage, load, daemons = await asyncio.gather(
            self.optional("states"), self.optional("storage"), self.optional("host/getLoad"), self.optional("host/daemonCheck")
        )
        known = self.state
        runs = parse_states(states)
        areas, average = parse_storage(storage), parse_load(load)
        if storage is None:
            areas = tuple(replace(area, used_bytes=None) for area in known.storage)
        running = mapping(daemons).get("result")
        capabilities = {Capability.EVENTS, Capability.EVENT_PICTURE}
        capabilities |= {Capability.RUN_STATE} if runs else set()
        capabilities |= {Capability.STORAGE} if areas else set()
        capabilities |= {Capability.LOAD} if average is not None else set()
        self.state = SystemState(
            available=True,
            running=None if running is None else as_bool(running),
            run_state=next((run.name for run in runs if run.is_active), None),
            run_states=known.run_states if states is None else tuple(run.name for run in runs),
            load=None if average is None else round(average, 2),
            storage=areas,
            source="api",
            # What could be read once is there, though it can't be read now: entities are not to come and go.
            capabilities=known.capabilities | capabilities,
        )

    async def optional(self, path: str, *, at: str | None = None) -> object:
        """Return the answer, or None where this user may not have it or this version does not give it. Raises VmsUnreachable."""
        kind = path.split("/id:", maxsplit=1)[0]
        if kind in self._refused:
            return None
        try:
            answer = await self._api.get(path, at=at)
        except PermissionMissing as error:
            self._refused.add(kind)
            _LOG.info("%s: this user may not read api/%s: %s", self._name, kind, error)
            return None
        except (VmsAuthFailed, VmsProtocolError) as error:
            if kind not in self._failed:
                _LOG.warning("%s: api/%s can't be read: %s", self._name, kind, error)
            self._failed.add(kind)
            return None
        self._failed.discard(kind)
        return answer
