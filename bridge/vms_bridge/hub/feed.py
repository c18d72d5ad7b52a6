"""One backend's way to the hub."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from vms_bridge.hub.text import shown
from vms_bridge.model import Resume

if TYPE_CHECKING:
    from vms_bridge.hub.system import System
    from vms_bridge.model import Enrichment, EventBatch, Update
    from vms_bridge.receivers import Receiver, Registration


class OwnReceivers(Protocol):
    """Where a backend takes in something from outside."""

    def open_own(self, system: System, receiver: Receiver) -> Registration:
        """Take in under this name for the system's backend."""


class Owner(Protocol):
    """What a feed hands on to: the hub."""

    def apply(self, system: System, update: Update) -> None:
        """Make an update the current truth."""

    async def record(self, system: System, batch: EventBatch) -> None:
        """Store a batch of events, and make it the current truth."""

    async def enrich_for(self, system: System, event_id: str, enrichment: Enrichment) -> None:
        """Store what others have noted about an event in its VMS."""

    async def mint_for(self, system: System, monitor_id: str, native_key: str) -> str:
        """Return the event id for what the VMS knows by this key."""

    async def keep_for(self, system: System, key: str, value: str | None) -> None:
        """Keep a short text of the system's backend."""

    async def kept_for(self, system: System, key: str) -> str | None:
        """Return what the system's backend has kept last under this key."""

    @property
    def receivers(self) -> OwnReceivers:
        """What is taken in from outside."""


class SystemFeed:
    """One backend's way to the hub (`backends.base.Feed`)."""

    def __init__(self, hub: Owner, system: System) -> None:
        self._hub = hub
        self._system = system

    @property
    def resume(self) -> Resume:
        """Where the backend left off."""
        system = self._system
        return Resume(
            cursor=system.cursor,
            generation=system.generation,
            open_events=system.events.open,
            recent_events=system.events.recent,
        )

    def shows(self, monitor_id: str, name: str) -> bool:
        """Say whether the configuration shows this monitor."""
        return self._system.rules.shows(monitor_id, shown(name))

    def emit(self, update: Update) -> None:
        """Report the current state."""
        self._hub.apply(self._system, update)

    async def record(self, batch: EventBatch) -> None:
        """Report events; returns once they are stored."""
        await self._hub.record(self._system, batch)

    async def enrich(self, event_id: str, enrichment: Enrichment) -> None:
        """Add to an event what others have noted about it in the VMS."""
        await self._hub.enrich_for(self._system, event_id, enrichment)

    async def mint(self, monitor_id: str, native_key: str) -> str:
        """Return the event id for what the VMS knows by this key."""
        return await self._hub.mint_for(self._system, monitor_id, native_key)

    async def keep(self, key: str, value: str | None) -> None:
        """Keep a short text beyond restarts."""
        await self._hub.keep_for(self._system, key, value)

    async def kept(self, key: str) -> str | None:
        """Return what was kept last under this key."""
        return await self._hub.kept_for(self._system, key)

    def open_receiver(self, receiver: Receiver) -> Registration:
        """Take in what comes from outside under this name."""
        return self._hub.receivers.open_own(self._system, receiver)
