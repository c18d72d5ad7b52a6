"""Tokens in memory, for sinks: nothing is refused but what a test wants refused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.fakes.backend import START

from vms_bridge.tokens import Scope, Token, digest_of, new_token

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import timedelta

    from vms_bridge.errors import BridgeError
    from vms_bridge.views import MonitorKey


class FakeTokens:
    """Implements `tokens.Tokens`; `add` makes one without waiting."""

    def __init__(self, on_change: Callable[[], None] = lambda: None) -> None:
        self._on_change = on_change
        self._tokens: dict[str, tuple[Token, bytes]] = {}
        self.refusal: BridgeError | None = None
        self.stores = asyncio.Event()
        self.stores.set()
        """The disk takes what is revoked."""

    def add(
        self,
        scope: Scope = Scope.READ,
        *,
        name: str = "test",
        systems: frozenset[str] | None = None,
        monitors: frozenset[MonitorKey] | None = None,
        receiver: tuple[str, str] | None = None,
        life: timedelta | None = None,
    ) -> tuple[Token, str]:
        token_id, text = new_token()
        expires = None if life is None else START + life
        token = Token(
            id=token_id, name=name, scope=scope, created=START,
            systems=systems, monitors=monitors, receiver=receiver, expires=expires,
        )  # fmt: skip
        self._tokens[token_id] = (token, digest_of(text))
        self._on_change()
        return token, text

    def drop(self, token_id: str) -> None:
        """Take one away, as somebody else has revoked it."""
        del self._tokens[token_id]
        self._on_change()

    def all(self) -> Sequence[Token]:
        return [token for token, _ in self._tokens.values()]

    def find(self, digest: bytes) -> Token | None:
        return next((token for token, known in self._tokens.values() if known == digest and not token.has_expired(START)), None)

    def holds(self, token_id: str) -> bool:
        return token_id in self._tokens and not self._tokens[token_id][0].has_expired(START)

    def get(self, token_id: str) -> Token | None:
        return self._tokens[token_id][0] if self.holds(token_id) else None

    def key(self, token_id: str) -> bytes | None:
        return self._tokens[token_id][1] if self.holds(token_id) else None

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
        if self.refusal is not None:
            raise self.refusal
        return self.add(scope, name=name, systems=systems, monitors=monitors, receiver=receiver, life=life)

    async def revoke(self, token_id: str) -> bool:
        if self.refusal is not None:
            raise self.refusal
        known = self._tokens.pop(token_id, None) is not None
        self._on_change()
        await self.stores.wait()
        return known
