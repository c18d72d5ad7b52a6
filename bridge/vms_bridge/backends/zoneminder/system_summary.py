"""The state of a ZoneMinder as a whole, put together from all that reads it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from vms_bridge.model import Capability

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from vms_bridge.backends.zoneminder.facts import Facts
    from vms_bridge.backends.zoneminder.follower import EventHealth
    from vms_bridge.backends.zoneminder.local_time import LocalTime
    from vms_bridge.backends.zoneminder.system import SystemReader
    from vms_bridge.model import SystemState

RECORDED = frozenset({Capability.ARCHIVE, Capability.EVENT_FRAME, Capability.EVENT_CLIP})
"""What a user without the permission Events: View has no use of."""


class SystemSummary:
    """The state of one connection's system; `interval` is how often its events are read."""

    def __init__(
        self, reader: SystemReader, facts: Facts, local_time: LocalTime, health: EventHealth, *, interval: float
    ) -> None:
        self.of_events: Callable[[], frozenset[Capability]] = frozenset
        """What can be asked of events."""
        self._reader, self._facts, self._local_time, self._health = reader, facts, local_time, health
        self._interval = interval

    def state(self) -> SystemState:
        """Return what is so now."""
        lag = self._interval if self._health.is_good else None
        details = "; ".join(self._details()) or None
        version, zone = self._facts.version_text, self._local_time.name
        known = self._reader.state
        capabilities = known.capabilities - RECORDED if self._health.is_refused else known.capabilities | self.of_events()
        return replace(known, version=version, time_zone=zone, lag_s=lag, detail=details, capabilities=capabilities)

    def _details(self) -> Iterator[str]:
        if self._health.has_trouble and not self._health.is_good:
            yield "events can't be read; see the log"
        if not self._local_time.is_known:
            yield "ZoneMinder's time zone is not known, nor are start and end of events; see the log"
        if self._local_time.problem is not None:
            yield self._local_time.problem
        for server in self._reader.state.servers:
            if server.running is False:
                yield f"server {server.name} is not running"
