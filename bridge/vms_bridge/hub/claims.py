"""Whether devices are announced to Home Assistant over MQTT: not while anybody claims them, such as a switch turned off."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError

from vms_bridge.errors import CommandRejected
from vms_bridge.hub.text import NAME_CHARACTERS, shown
from vms_bridge.views import Claim

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.clock import Clock
    from vms_bridge.hub.chores import Chore
    from vms_bridge.store import Store

MOST_CLAIMS = 32
_LOGGER = logging.getLogger(__name__)
_SCOPE, _KEY = "hub", "discovery claims"
_SEEN_APART = timedelta(minutes=1)
"""A claim that is repeated is noted no more often than that."""
_CLAIMS = TypeAdapter(tuple[Claim, ...])


class Claims:
    """The claims that there are, kept in the store; `on_change` gets the claims that there are after a change."""

    def __init__(self, store: Store, clock: Clock, keeping: Chore, on_change: Callable[[tuple[Claim, ...]], None]) -> None:
        self._store, self._clock, self._keeping, self._on_change = store, clock, keeping, on_change
        self._claims: dict[str, Claim] = {}

    async def load(self) -> None:
        """Take up what was claimed before a restart; what can't be read is reported, and claims nothing."""
        text = await self._keeping.attempt(self._store.kept(_SCOPE, _KEY))
        try:
            kept = _CLAIMS.validate_json(text) if text else ()
        except ValidationError:
            _LOGGER.warning("what the store keeps of discovery can't be read: devices are announced until that is changed again")
            return
        self._claims = {claim.holder: claim for claim in kept}
        if kept:
            self._on_change(kept)

    async def hold(self, holder: str) -> bool:
        """Have the holder claim the devices, or say that it still does; say whether that is new. Raises CommandRejected."""
        name, now = shown(holder), self._clock.now()
        if not name or len(holder) > NAME_CHARACTERS:
            raise CommandRejected("a claim needs a name", hint=f"one of up to {NAME_CHARACTERS} characters that can be shown")
        known = self._claims.get(name)
        if known is None and len(self._claims) >= MOST_CLAIMS:
            raise CommandRejected(f"there are {MOST_CLAIMS} claims already", hint="drop those of whom is no more")
        if known is None or not timedelta() <= now - known.seen < _SEEN_APART:
            self._claims[name] = Claim(holder=name, since=now, seen=now) if known is None else replace(known, seen=now)
            await self._keep()
        return known is None

    async def drop(self, holder: str) -> bool:
        """Have the holder claim nothing any more; say whether it did."""
        known = self._claims.pop(shown(holder), None)
        if known is not None:
            await self._keep()
        return known is not None

    async def _keep(self) -> None:
        claims = tuple(self._claims.values())
        self._on_change(claims)
        text = _CLAIMS.dump_json(claims).decode() if claims else None
        await self._keeping.attempt(self._store.keep(_SCOPE, _KEY, text))
