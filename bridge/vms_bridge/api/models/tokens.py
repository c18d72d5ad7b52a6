"""Tokens, pairing, and the bridge's proof of itself."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from typing import Self as Self_

from pydantic import AfterValidator, Field, model_validator

from vms_bridge.api.models.base import Asked, Model
from vms_bridge.tokens import Scope


def _name(text: str) -> str:
    if not text.isprintable() or " ".join(text.split()) != text:
        raise ValueError("write a name on one line, of what can be seen")
    return text


def _known_scope(scope: Scope) -> Scope:
    if scope not in list(Scope):
        raise ValueError(f"write one of {', '.join(Scope)}")
    return scope


Name = Annotated[str, Field(min_length=1, max_length=64, examples=["Kitchen"]), AfterValidator(_name)]
KnownScope = Annotated[Scope, Field(json_schema_extra={"enum": list(Scope)}), AfterValidator(_known_scope)]
SystemKey = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,31}$", examples=["zm"])]
ReceiverName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,31}/[a-z][a-z0-9_]{0,31}$", examples=["zm/event"])]
"""System and receiver, by their keys."""
MonitorName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,31}/[A-Za-z0-9_-]{1,48}$", examples=["zm/3"])]
"""System and monitor, by their keys."""
Nonce = Annotated[str, Field(pattern="^[0-9a-f]{32,128}$", examples=["00112233445566778899aabbccddeeff"])]
"""Random bytes of the client's, 16 at least, in hex."""
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Limited(Model):
    """What something is limited to."""

    systems: tuple[str, ...] | None
    """These systems only, by key."""
    monitors: tuple[str, ...] | None
    """These monitors only, each as `system/monitor`."""


class Token(Limited):
    """A token, without its text, which nobody can ask for."""

    id: str = Field(examples=["7k3m9q2x4c"])
    name: str
    scope: str = Field(examples=["control"])
    created: datetime
    receiver: str | None
    """Which one a token of the scope `hook` is for, as `system/name`."""
    expires: datetime | None
    used: datetime | None
    """When it was last used, give or take an hour."""


class Tokens(Model):
    """All tokens."""

    tokens: tuple[Token, ...]
    """The oldest first."""


class NewToken(Token):
    """A token, with its text: it is said this once."""

    token: str = Field(examples=["vb_7k3m9q2x4c_..."])


class Self(Limited):
    """Who asks, and how far he may go."""

    door: str = Field(examples=["api"])
    """`api`, or `socket` for a process on the bridge's machine."""
    scope: str
    token: Token | None


class GrantBody(Asked):
    """What somebody is to get: at most one of the limits."""

    scope: KnownScope = Scope.CONTROL
    systems: Annotated[tuple[SystemKey, ...], Field(min_length=1, max_length=1_000)] | None = None
    """These systems only, with all their monitors."""
    monitors: Annotated[tuple[MonitorName, ...], Field(min_length=1, max_length=1_000)] | None = None
    """These monitors only."""

    @model_validator(mode="after")
    def _check_limits(self) -> Self_:
        if self.systems is not None and self.monitors is not None:
            raise ValueError("name systems or monitors, and not both")
        if self.scope is Scope.ADMIN and (self.systems is not None or self.monitors is not None):
            raise ValueError("who is admin is so for everything: leave the limits out")
        return self


class TokenBody(GrantBody):
    """The token that is wanted."""

    name: Name
    receiver: ReceiverName | None = None
    """Which one a token of the scope `hook` is for: with that scope it has to be said."""
    life: Annotated[float, Field(ge=1, le=315_000_000)] | None = None
    """For how many seconds it is good; without it, for ever."""

    @model_validator(mode="after")
    def _check_receiver(self) -> Self_:
        if (self.scope is Scope.HOOK) is (self.receiver is None):
            raise ValueError("a token of the scope hook is for one receiver, and no other token is")
        if self.scope is Scope.HOOK and (self.systems is not None or self.monitors is not None):
            raise ValueError("a token of the scope hook is for one receiver: leave systems and monitors out")
        return self


class OpeningBody(GrantBody):
    """What whoever pairs is to get."""

    @model_validator(mode="after")
    def _check_scope(self) -> Self_:
        if self.scope is Scope.HOOK:
            raise ValueError("a token of the scope hook is not given by pairing: make it by `tokens`")
        return self


class ProofBody(Asked):
    """For which token the bridge is to prove itself."""

    token_id: Annotated[str, Field(pattern="^[0-9a-z]{10}$", examples=["7k3m9q2x4c"])]
    """What stands between the two first `_` of the token."""
    nonce: Nonce


class Proof(Model):
    """The bridge's proof that it knows a token; for one that there is not it looks the same, and is of no use."""

    bridge_id: str
    host: str
    """`Host`, as the bridge was asked: to be held against what the client has asked for."""
    certificate: str | None
    """The SHA-256 of its own certificate: to be held against the one that the client sees."""
    nonce: str
    mac: str


class Opened(Model):
    """Pairing is open: whoever knows this code gets a token, once."""

    code: str = Field(examples=["7K3M9Q2X"])
    seconds: float
    """How long it is good for."""
    opening: str = Field(examples=["00112233aabbccdd"])
    """What this opening is called; it is no secret."""


class Opening(Model):
    """Whether pairing is open."""

    is_open: bool
    seconds_left: float
    tries_left: int
    """How many wrong codes close it."""
    opening: str | None
    """What the opening is called that is open, or was last; null: there was none since the API began to run."""
    token_id: str | None
    """The token that a client has got by that opening; null: none, or not yet."""


class PairBody(Asked):
    """A client that knows the code, and does not say it."""

    name: Name
    """Its name, by which people know its token again."""
    nonce: Nonce
    proof: Sha256
    """An HMAC by the key that is made of the code (docs/api.md)."""


class Paired(Limited):
    """A token for who has paired; only who knows the code can read it."""

    bridge_id: str
    host: str
    certificate: str | None
    token_id: str
    scope: str
    sealed: str
    """The token's text, sealed (docs/api.md)."""
    mac: str
    """The bridge's own proof that it knows the code."""


class Alive(Model):
    """Whether the bridge is well; why not, it tells only those who may know."""

    ok: bool
