"""What sinks have the bridge keep for them beyond restarts (`views.HubView`). A failure is reported, not raised."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.hub.chores import Chore
    from vms_bridge.store import Store


class SinkNotes:
    """Keeps it in the store, for each sink by its name."""

    def __init__(self, store: Store, keeping: Chore) -> None:
        self._store, self._keeping = store, keeping

    async def note_unanswered(self, sink: str, notes: Mapping[int, bytes | None]) -> None:
        """Keep notes on commands that the sink still has to answer."""
        await self._keeping.attempt(self._store.note_unanswered(sink, notes))

    async def unanswered(self, sink: str) -> Mapping[int, bytes]:
        """Return the notes that the sink has not taken back."""
        return await self._keeping.attempt(self._store.unanswered(sink)) or {}

    async def keep(self, sink: str, key: str, value: str | None) -> None:
        """Keep a short text for the sink beyond restarts."""
        await self._keeping.attempt(self._store.keep(f"sink:{sink}", key, value))

    async def kept(self, sink: str, key: str) -> str | None:
        """Return what the sink has kept last under this key."""
        return await self._keeping.attempt(self._store.kept(f"sink:{sink}", key))
