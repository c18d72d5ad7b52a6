"""What scripts say of events: it stays at the event, beside what its VMS and others say, under the script's name."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Self
from weakref import WeakValueDictionary

from pydantic import Field, model_validator

from vms_bridge.model import Enrichment
from vms_bridge.scripts.permissions import require_flag
from vms_bridge.scripts.services import visible
from vms_bridge.scripts.services.archive import AskedEvent
from vms_bridge.scripts.services.table import Answered, ServiceRow

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.scripts.services.table import Asker
    from vms_bridge.views import HubView

Words = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=64)], ...], Field(max_length=32)]


class AskedNote(AskedEvent):
    """What the script has to say of an event: all of it each time, in place of what it has said before."""

    labels: Words = ()
    score: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] | None = None
    zones: Words = ()
    text: Annotated[str, Field(max_length=2_000)] | None = None
    plates: Words = ()
    faces: Words = ()

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.score is not None and not self.labels:
            raise ValueError("a score is that of the first label, and there is none")
        return self


def source_of(script: str) -> str:
    """Return by which name a script contributes: no other part of the bridge has such a one."""
    return f"script/{script}"


class Annotations:
    """Adds to events."""

    def __init__(self, hub: HubView) -> None:
        self._hub = hub
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """One for each script that adds something now: nobody contributes twice under one name."""

    async def annotate(self, asker: Asker, asked: AskedNote, _data: bytes) -> Answered:
        """Add it. Raises PermissionMissing, NotFound, ContributionRefused, StoreError."""
        require_flag(asker.permissions, "annotate")
        found = await visible.event(self._hub, asker, asked.event)
        note = Enrichment(
            labels=asked.labels,
            score=asked.score,
            zones=asked.zones,
            text=asked.text or None,
            plates=asked.plates,
            faces=asked.faces,
        )
        source = source_of(asker.name)
        async with self._turns.setdefault(source, asyncio.Lock()):
            contributor = self._hub.contribute(source)
            try:
                await contributor.enrich(found.ref, note)
            finally:
                contributor.close()
        return Answered()


def rows(hub: HubView) -> Sequence[ServiceRow]:
    """Return what can be said of events."""
    return (ServiceRow(what="event.annotate", asked=AskedNote, do=Annotations(hub).annotate, rate=5.0, burst=50.0),)
