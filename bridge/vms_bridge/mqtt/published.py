"""Which monitors have topics on the broker, kept in the store: some brokers show nothing retained to a wildcard."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from vms_bridge.mqtt.events import SINK

if TYPE_CHECKING:
    from collections.abc import Collection

    from vms_bridge.mqtt.inventory import RetainedMessages
    from vms_bridge.mqtt.topics import Topics
    from vms_bridge.views import HubView, MonitorKey

_LOGGER = logging.getLogger(__name__)
_KEY = "published"
_MOST_CHARACTERS = 65_000
_SHAPE = TypeAdapter(tuple[str, dict[str, list[str]]])


class Published:
    """Outlives links. Only grows while the bridge runs, for what is cleared may not have been before a kill.

    `peer` names the broker and the instance: what is known of another one says nothing of it.
    """

    def __init__(self) -> None:
        self._peer = ""
        self._keys: set[MonitorKey] = set()

    async def load(self, hub: HubView, peer: str) -> None:
        """Take over what an earlier run has published."""
        self._peer = peer
        kept = await hub.kept(SINK, _KEY)
        if kept is None:
            return
        try:
            place, systems = _SHAPE.validate_json(kept)
        except ValidationError:
            _LOGGER.warning("what was kept of published topics can't be read: leftovers are found by the broker only")
            return
        if place == peer:
            self._keys = {(system, monitor) for system, monitors in systems.items() for monitor in monitors}

    async def note(self, hub: HubView, keys: Collection[MonitorKey]) -> None:
        """Note that something will be published about these."""
        if not self._keys.issuperset(keys):
            self._keys.update(keys)
            await self._keep(hub)

    async def settle(self, hub: HubView) -> None:
        """Note that something is published about what there is now, and about nothing else; once all systems have reported."""
        systems = hub.systems
        keys = {(key, monitor) for key, system in systems.items() for monitor in system.monitors}
        if self._keys != keys and all(system.state.available for system in systems.values()):
            self._keys = keys
            await self._keep(hub)

    def add_to(self, found: RetainedMessages, topics: Topics) -> None:
        """Have the broker hold what it must, where it shows nothing at all: what is no longer wanted is cleared then."""
        if found.states or found.discovery:
            return
        for system, monitor in self._keys:
            found.discovery |= {topics.system_discovery(system): b"", topics.monitor_discovery(system, monitor): b""}
            found.states |= {topics.system_state(system): b"", topics.monitor_state(system, monitor): b""}

    async def _keep(self, hub: HubView) -> None:
        systems: dict[str, list[str]] = {}
        for system, monitor in sorted(self._keys):
            systems.setdefault(system, []).append(monitor)
        text = json.dumps([self._peer, systems], separators=(",", ":"))
        if len(text) <= _MOST_CHARACTERS:
            await hub.keep(SINK, _KEY, text)
