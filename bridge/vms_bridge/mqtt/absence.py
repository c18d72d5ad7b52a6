"""How long the bridge may have been away from the broker, and what it had subscribed to there: known after a kill too."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from pydantic import BaseModel, ValidationError

from vms_bridge.clock import Moment
from vms_bridge.mqtt.events import SINK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from vms_bridge.clock import Clock
    from vms_bridge.views import HubView

_LOGGER = logging.getLogger(__name__)
SESSION_S = 300
"""For how long the broker is to keep what comes for us while we are away."""
_KEY = "session"


class _Record(BaseModel):
    """What is known of the session at a broker: it is that of a client id there."""

    peer: str
    alive: Moment
    filters: tuple[str, ...] = ()


class Absence:
    """Outlives links. MQTT does not say when a message was sent, so the age of what waited is bounded by this."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._hub: HubView | None = None
        self._peer = ""
        self._record: _Record | None = None
        self.has_shunned = False
        """Whether a session that is not ours was refused once: a broker that comes up with it again has to be borne."""

    async def load(self, hub: HubView, peer: str) -> None:
        """Take over what an earlier run has kept.

        `peer` names the session: the broker, and our client id there. What is known of another one says nothing of it.
        """
        self._hub, self._peer = hub, peer
        kept = await hub.kept(SINK, _KEY)
        if kept is None:
            return
        try:
            record = _Record.model_validate_json(kept)
        except ValidationError:
            _LOGGER.warning("what was kept of the broker's session can't be read: what waits there counts as too old")
            return
        if record.peer == self._peer:
            self._record = record

    @property
    def is_known(self) -> bool:
        """Whether we have had a session at this broker."""
        return self._record is not None

    @property
    def filters(self) -> frozenset[str]:
        """What the session may have subscribed to."""
        return frozenset(self._record.filters) if self._record else frozenset()

    def seconds(self) -> float | None:
        """Return for how long no link can have been alive, at most; None where that can't be known."""
        return self._record.alive.until(self._clock.moment()) if self._record else None

    async def began(self, alive: Moment, *, was_kept_s: float) -> None:
        """Note that the broker has begun a new session; it was to keep one for so long."""
        if (away_s := self.seconds()) is not None and away_s < was_kept_s:
            _LOGGER.info("the broker has not kept the bridge's session: commands that were sent meanwhile are lost with it")
        await self._keep(_Record(peer=self._peer, alive=alive))

    async def subscribes(self, filters: Iterable[str]) -> None:
        """Note these before they are subscribed to: after a kill nobody else knows."""
        if self._record is not None and not self.filters.issuperset(filters):
            await self._keep(self._record.model_copy(update={"filters": tuple(sorted(self.filters.union(filters)))}))

    async def subscribed(self, filters: Iterable[str]) -> None:
        """Note that the session has these, and no others."""
        if self._record is not None and self.filters != frozenset(filters):
            await self._keep(self._record.model_copy(update={"filters": tuple(sorted(filters))}))

    async def was_alive(self, moment: Moment) -> None:
        """Note that the link was alive then, and that nothing from before is still to come."""
        if self._record is not None and self._record.alive != moment:
            await self._keep(self._record.model_copy(update={"alive": moment}))

    async def _keep(self, record: _Record) -> None:
        self._record = record
        if self._hub is not None:
            await self._hub.keep(SINK, _KEY, record.model_dump_json())
