"""The API's tokens: in memory for whoever looks, in the store beyond a restart."""

from __future__ import annotations

import hmac
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from vms_bridge.errors import TokenRefused
from vms_bridge.hub.text import shown
from vms_bridge.keys import INSTANCE_PATTERN, is_monitor_key
from vms_bridge.tokens import Scope, Token, digest_of, new_token

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from vms_bridge.clock import Clock
    from vms_bridge.hub.chores import Chore
    from vms_bridge.store import Store
    from vms_bridge.views import MonitorKey

MOST_TOKENS = 256
_MOST_LIMITS = 1_000
_NAME_CHARACTERS = 64
_LOOK_S = 15.0
_USED_APART = timedelta(hours=1)
"""A token that is used is noted no more often than that."""
_LEAST_LIFE = timedelta(seconds=1)
_MOST_LIFE = timedelta(days=3653)


class HubTokens:
    """See `tokens.Tokens`; `on_change` hears when one comes, goes, or its time is over."""

    def __init__(self, store: Store, clock: Clock, keeping: Chore, on_change: Callable[[], None]) -> None:
        self._store, self._clock, self._keeping, self._on_change = store, clock, keeping, on_change
        self._tokens: dict[str, Token] = {}
        self._digests: dict[str, bytes] = {}
        self._ids: dict[bytes, str] = {}
        self._unsaved: set[str] = set()
        self._over: set[str] = set()
        """Those whose time is over, as was told."""
        self._is_loaded = False

    async def load(self) -> None:
        """Take up what the store has; where that fails it is told, and tried again while `run` runs."""
        kept = await self._keeping.attempt(self._store.tokens())
        if kept is None:
            return
        self._is_loaded = True
        for token, digest in kept:
            self._take(token, digest)
        if kept:
            self._on_change()

    async def run(self) -> None:
        """Tell whose time is over, and keep when each was used, until cancelled."""
        while True:
            if not self._is_loaded:
                await self.load()
            now = self._clock.now()
            over = {token.id for token in self._tokens.values() if token.has_expired(now)}
            if over - self._over:
                self._on_change()
            self._over = over
            used = [self._tokens[token_id] for token_id in self._unsaved if token_id in self._tokens]
            self._unsaved.clear()
            if used:
                await self._keeping.attempt(self._store.update_tokens(used))
            await self._clock.sleep(self._until_next(now))

    def all(self) -> Sequence[Token]:
        """Return every token, the oldest first."""
        return tuple(self._tokens.values())

    def find(self, digest: bytes) -> Token | None:
        """Return the token whose text has this SHA-256, and note its use."""
        token_id = self._ids.get(digest)
        if token_id is None or not hmac.compare_digest(self._digests[token_id], digest) or not self.holds(token_id):
            return None
        token, now = self._tokens[token_id], self._clock.now()
        if token.used is None or not timedelta() <= now - token.used < _USED_APART:
            token = self._tokens[token_id] = replace(token, used=now)
            self._unsaved.add(token_id)
        return token

    def holds(self, token_id: str) -> bool:
        """Say whether there is such a token, and its time is not over."""
        token = self._tokens.get(token_id)
        return token is not None and not token.has_expired(self._clock.now())

    def get(self, token_id: str) -> Token | None:
        """Return the token with this id."""
        return self._tokens[token_id] if self.holds(token_id) else None

    def key(self, token_id: str) -> bytes | None:
        """Return the SHA-256 of a token's text."""
        return self._digests[token_id] if self.holds(token_id) else None

    async def create(
        self,
        name: str,
        scope: Scope,
        *,
        systems: frozenset[str] | None = None,
        monitors: frozenset[MonitorKey] | None = None,
        receiver: tuple[str, str] | None = None,
        life: timedelta | None = None,
    ) -> tuple[Token, str]:
        """Make a token, and return it with its text. Raises TokenRefused or StoreError."""
        self._admit(name, scope, systems, monitors, life)
        _check_receiver(scope, receiver, is_limited=systems is not None or monitors is not None)
        now = self._clock.now()
        token_id, text = new_token()
        token = Token(
            id=token_id,
            name=name,
            scope=scope,
            created=now,
            systems=systems,
            monitors=monitors,
            receiver=receiver,
            expires=None if life is None else now + life,
        )
        digest = digest_of(text)
        await self._store.add_token(token, digest)
        self._take(token, digest)
        self._on_change()
        return token, text

    async def revoke(self, token_id: str) -> bool:
        """Make a token good for nothing, at once; say whether there was one. Raises StoreError: a restart may bring it back."""
        known = self._tokens.pop(token_id, None)
        if known is not None:
            self._ids.pop(self._digests.pop(token_id), None)
            self._on_change()
        return await self._store.remove_token(token_id) or known is not None

    def _take(self, token: Token, digest: bytes) -> None:
        self._tokens[token.id], self._digests[token.id], self._ids[digest] = token, digest, token.id

    def _until_next(self, now: datetime) -> float:
        """Return how long nothing is to be told for, at most."""
        left = [(token.expires - now).total_seconds() for token in self._tokens.values() if token.expires is not None]
        return min((seconds for seconds in left if 0 < seconds < _LOOK_S), default=_LOOK_S)

    def _admit(
        self,
        name: str,
        scope: Scope,
        systems: frozenset[str] | None,
        monitors: frozenset[MonitorKey] | None,
        life: timedelta | None,
    ) -> None:
        """Raise TokenRefused for what can be no token."""
        if not name or len(name) > _NAME_CHARACTERS or shown(name) != name:
            raise TokenRefused("a token needs a name", hint=f"one of 1 to {_NAME_CHARACTERS} characters that can be shown")
        if scope not in list(Scope):
            raise TokenRefused(f"there is no scope {scope.value!r}", hint=f"there are: {', '.join(Scope)}")
        if scope is Scope.ADMIN and (systems is not None or monitors is not None):
            raise TokenRefused("who is admin is so for everything", hint="make it a token for control, or leave the limits out")
        if systems is not None and monitors is not None:
            raise TokenRefused("a token is limited to systems, or to monitors", hint="name all monitors of a system in its place")
        keys = (*(systems or ()), *(system for system, _ in monitors or ()))
        if not all(INSTANCE_PATTERN.fullmatch(key) for key in keys) or not all(is_monitor_key(key) for _, key in monitors or ()):
            raise TokenRefused("there can be no system or monitor of this key", hint="name them as in topics, such as zm/3")
        if len(keys) > _MOST_LIMITS:
            raise TokenRefused(f"a token is limited to {_MOST_LIMITS} systems and monitors at most", hint="name whole systems")
        if life is not None and not _LEAST_LIFE <= life <= _MOST_LIFE:
            raise TokenRefused(
                "a token lives a second at least and ten years at most", hint="leave its life out: it then has no end"
            )
        if len(self._tokens) >= MOST_TOKENS:
            raise TokenRefused(f"there are {MOST_TOKENS} tokens already", hint="revoke those that nobody uses any more")


def _check_receiver(scope: Scope, receiver: tuple[str, str] | None, *, is_limited: bool) -> None:
    """Raise TokenRefused where a hook has no receiver, or something else has one; it need not be there now."""
    if scope is not Scope.HOOK:
        if receiver is not None:
            raise TokenRefused("only a token of the scope hook is for a receiver", hint="make it one, or leave the receiver out")
        return
    if receiver is None:
        raise TokenRefused("a token of the scope hook is for one receiver", hint="name it, such as zm/event; `hooks` lists them")
    if is_limited:
        raise TokenRefused("a token of the scope hook is for one receiver", hint="leave systems and monitors out")
    if not all(INSTANCE_PATTERN.fullmatch(part) for part in receiver):
        raise TokenRefused("there can be no receiver of this name", hint="name it by system and name, such as zm/event")
