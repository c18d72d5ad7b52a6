"""Whether devices are announced to Home Assistant over MQTT: not while anybody claims them, such as a switch turned off."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias

from pydantic import TypeAdapter

from vms_bridge.errors import CommandRejected
from vms_bridge.hub.text import NAME_CHARACTERS, shown
from vms_bridge.views import Claim

if TYPE_CHECKING:
    from collections.abc import Callable

    from vms_bridge.clock import Clock
    from vms_bridge.hub.chores import Chore
    from vms_bridge.store import Store

MOST_CLAIMS = 32
MOST_BY_TOKEN = 4
"""A Home Assistant has one id; one that was made anew from a backup may have another one with the same token."""
SCOPE, KEY = "hub", "discovery claims"
"""Where the store keeps them."""
_LOGGER = logging.getLogger(__name__)
_SEEN_APART = timedelta(minutes=1)
"""A claim that is repeated is noted no more often than that."""
_CLAIMS = TypeAdapter(tuple[Claim, ...])
_Key: TypeAlias = tuple[str, str | None]
"""Holder, and the token by which it was claimed."""


def read_claims(text: str | None) -> tuple[Claim, ...]:
    """Return the claims that the store keeps as this text. Raises ValueError for what can't be read."""
    claims = _CLAIMS.validate_json(text) if text else ()
    if any(time.tzinfo is None for claim in claims for time in (claim.since, claim.seen)):
        raise ValueError("a time without a zone")
    return claims


class Claims:
    """The claims that there are, kept in the store: one for each holder and token by which it was made.

    `on_change` gets the claims that there are after a change, `holds` says whether a token is good for anything now. A claim
    outlives its token: whoever must come in anew has the devices all the same, and they are not to appear twice meanwhile. It
    then belongs to whoever claims for the same holder next.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        keeping: Chore,
        on_change: Callable[[tuple[Claim, ...]], None],
        holds: Callable[[str], bool],
    ) -> None:
        self._store, self._clock, self._keeping, self._on_change, self._holds = store, clock, keeping, on_change, holds
        self._claims: dict[_Key, Claim] = {}

    async def load(self) -> None:
        """Take up what was claimed before a restart; what can't be read is reported, and claims nothing."""
        text = await self._keeping.attempt(self._store.kept(SCOPE, KEY))
        try:
            kept = read_claims(text)
        except ValueError:
            _LOGGER.warning("what the store keeps of discovery can't be read: devices are announced until that is changed again")
            return
        self._claims = {(claim.holder, claim.token): claim for claim in kept}
        if kept:
            self._on_change(kept)

    async def hold(self, holder: str, token: str | None = None) -> bool:
        """Have the holder claim the devices by this token, or say that it still does; say whether that is new.

        What was claimed for it by a token that is no more becomes this one's. Raises CommandRejected.
        """
        name, now = shown(holder), self._clock.now()
        if not name or len(holder) > NAME_CHARACTERS:
            raise CommandRejected("a claim needs a name", hint=f"one of up to {NAME_CHARACTERS} characters that can be shown")
        left = [] if token is None else self._left_behind(name)
        known = self._claims.get((name, token)) or next((self._claims[key] for key in left), None)
        if known is None:
            self._check_room(token)
        if known is None or left or not timedelta() <= now - known.seen < _SEEN_APART:
            for key in left:
                del self._claims[key]
            since = now if known is None else known.since
            self._claims[name, token] = Claim(holder=name, since=since, seen=now, token=token)
            await self._keep()
        return known is None

    async def drop(self, holder: str, token: str | None = None, *, is_admin: bool = True) -> bool:
        """Have the holder claim nothing any more; say whether it did.

        Without `is_admin` only what was claimed by this token, or by one that is no more. Raises CommandRejected where nothing
        but others' claims is there.
        """
        name = shown(holder)
        there = [key for key in self._claims if key[0] == name]
        own = there if is_admin else [key for key in there if key in {(name, token), *self._left_behind(name)}]
        if there and not own:
            raise CommandRejected(
                "this was claimed by another token", hint="drop it by that token, or by `vms-bridge discovery drop`"
            )
        for key in own:
            del self._claims[key]
        if own:
            await self._keep()
        return bool(own)

    def _left_behind(self, name: str) -> list[_Key]:
        """Return what was claimed for a holder by tokens that are good for nothing any more."""
        return [key for key in self._claims if key[0] == name and key[1] is not None and not self._holds(key[1])]

    def _check_room(self, token: str | None) -> None:
        """Raise CommandRejected where there is no room for one more claim."""
        if len(self._claims) >= MOST_CLAIMS:
            raise CommandRejected(f"there are {MOST_CLAIMS} claims already", hint="drop those of whom is no more")
        if token is not None and sum(one == token for _, one in self._claims) >= MOST_BY_TOKEN:
            raise CommandRejected(f"there are {MOST_BY_TOKEN} claims by this token already", hint="drop those of whom is no more")

    async def _keep(self) -> None:
        claims = tuple(self._claims.values())
        self._on_change(claims)
        text = _CLAIMS.dump_json(claims).decode() if claims else None
        await self._keeping.attempt(self._store.keep(SCOPE, KEY, text))
