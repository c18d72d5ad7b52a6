"""Tokens: who may come in by the API, and how far. The secret itself is with its holder only; the bridge keeps its SHA-256."""

from __future__ import annotations

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from vms_bridge.commands.values import Level
from vms_bridge.open_set import OpenSet

if TYPE_CHECKING:
    from collections.abc import Sequence

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_ID_LETTERS = 10
_TEXT = re.compile(r"vb_([0-9a-z]{10})_[A-Za-z0-9_-]{43}")


class Scope(OpenSet):
    """What a token is good for; each of the first three includes those above it. `hook` is for calls of one receiver only."""

    READ = "read"
    CONTROL = "control"
    ADMIN = "admin"
    HOOK = "hook"

    @property
    def level(self) -> Level | None:
        """How far commands may go with it; None: it is not for that, nor for reading."""
        return _LEVELS.get(self)

    def includes(self, other: Scope) -> bool:
        """Say whether who has this scope may do what needs the other."""
        level, needed = self.level, other.level
        return self is other if level is None or needed is None else level.includes(needed)


_LEVELS = {Scope.READ: Level.READ, Scope.CONTROL: Level.CONTROL, Scope.ADMIN: Level.ADMIN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What is known of a token. With `systems` or `monitors` (system and key) it is good for those only.

    One of the scope `hook` is good for one `receiver` (system and name); one of before there were any is good for nothing.
    """

    id: str
    name: str
    scope: Scope
    created: datetime
    systems: frozenset[str] | None = None
    monitors: frozenset[tuple[str, str]] | None = None
    receiver: tuple[str, str] | None = None
    expires: datetime | None = None
    used: datetime | None = None
    """When it was last used, give or take an hour; None: never."""

    @property
    def is_limited(self) -> bool:
        """Whether it is not good for everything."""
        return self.systems is not None or self.monitors is not None

    def sees(self, system: str, monitor: str | None = None) -> bool:
        """Say whether it is good for this monitor or, without one, for the whole of the system."""
        if not self.is_limited or system in (self.systems or ()):
            return True
        return monitor is not None and (system, monitor) in (self.monitors or ())

    def knows(self, system: str) -> bool:
        """Say whether it is good for this system, or for something in it."""
        return self.sees(system) or any(one == system for one, _ in self.monitors or ())

    def has_expired(self, now: datetime) -> bool:
        """Say whether its time is over."""
        return self.expires is not None and self.expires <= now


def new_id() -> str:
    """Return an id that nothing has had before."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_ID_LETTERS))


class Tokens(Protocol):
    """Who may come in by the API. Looking is done in memory; what changes is stored before anybody receives it."""

    def all(self) -> Sequence[Token]:
        """Return every token, the oldest first, those too whose time is over."""

    def find(self, digest: bytes) -> Token | None:
        """Return the token whose text has this SHA-256; None where there is none, or its time is over. Notes its use."""

    def holds(self, token_id: str) -> bool:
        """Say whether there is such a token, and its time is not over."""

    def get(self, token_id: str) -> Token | None:
        """Return the token with this id, likewise; for who knows no more than that."""

    def key(self, token_id: str) -> bytes | None:
        """Return the SHA-256 of a token's text, by which the bridge proves itself; None as for `find`."""

    async def create(
        self,
        name: str,
        scope: Scope,
        *,
        systems: frozenset[str] | None = None,
        monitors: frozenset[tuple[str, str]] | None = None,
        receiver: tuple[str, str] | None = None,
        life: timedelta | None = None,
    ) -> tuple[Token, str]:
        """Make a token, and return it with its text, which nobody can ask for again. Raises TokenRefused or StoreError."""

    async def revoke(self, token_id: str) -> bool:
        """Make a token good for nothing; say whether there was one. Raises StoreError."""


def new_token() -> tuple[str, str]:
    """Return the id of a new token, and its text: 256 random bits behind the id."""
    token_id = new_id()
    return token_id, f"vb_{token_id}_{secrets.token_urlsafe(32)}"


def id_in(text: str) -> str | None:
    """Return the id that stands in a token's text; None where it is no such text."""
    found = _TEXT.fullmatch(text)
    return found[1] if found else None


def digest_of(text: str) -> bytes:
    """Return what is kept of a token: the SHA-256 of its text. By it the bridge proves that it knows the token."""
    return hashlib.sha256(text.encode()).digest()
