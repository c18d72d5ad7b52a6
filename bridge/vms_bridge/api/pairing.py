"""Pairing: a client gets a token for a short code that a person has read to it; closed until somebody opens it.

Neither the code nor the token is ever sent as it is. From code and nonces both sides make a key, slowly (PBKDF2), so that
who hears the exchange, or stands in for the bridge, has to try 2^40 codes at a tenth of a second each before it is of use.
docs/api.md describes it to the byte, for clients.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.api import proof
from vms_bridge.errors import PairingClosed, PairingCodeWrong
from vms_bridge.threads import in_thread
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from vms_bridge.api.proof import Binding
    from vms_bridge.clock import Clock
    from vms_bridge.tokens import Token
    from vms_bridge.views import HubView, MonitorKey

_LOGGER = logging.getLogger(__name__)
ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Crockford's: no letter that is taken for a digit, and none too many."""
_MEANT = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None})
CODE_LETTERS = 8
OPEN_S = 600.0
MOST_TRIES = 5
ROUNDS = 600_000
"""Of PBKDF2; a client takes no other number from anybody."""
_CLOSED = "run `vms-bridge pair` on the bridge's machine: it shows a code that is good for ten minutes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What whoever pairs is to get."""

    scope: Scope = Scope.CONTROL
    systems: frozenset[str] | None = None
    monitors: frozenset[MonitorKey] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paired:
    """The answer to who has paired: the token's text sealed, and the bridge's proof that it knows the code."""

    token: Token
    sealed: str
    mac: str


@dataclass(slots=True)
class _Opening:
    code: str
    grant: Grant
    until: float
    id: str
    tries: int = MOST_TRIES
    token_id: str | None = None


class Pairing:
    """Whether it is open, and for what; tests make fewer `rounds`."""

    def __init__(self, clock: Clock, *, rounds: int = ROUNDS) -> None:
        self._clock, self._rounds = clock, rounds
        self._opening: _Opening | None = None
        self._last: _Opening | None = None
        """The one that was opened last, also when it is closed."""
        self._turn = asyncio.Lock()

    @property
    def seconds_left(self) -> float:
        """How long it is open yet; 0 while it is closed."""
        opening = self._opening
        return 0.0 if opening is None else max(0.0, opening.until - self._clock.monotonic())

    @property
    def tries_left(self) -> int:
        """How many wrong codes it bears yet."""
        return self._opening.tries if self._opening is not None and self.seconds_left else 0

    @property
    def opening_id(self) -> str | None:
        """What the opening is called that is open, or was last; None: there was none since the API began to run."""
        return None if self._last is None else self._last.id

    @property
    def token_id(self) -> str | None:
        """Which token was given by that opening; None: none, or not yet."""
        return None if self._last is None else self._last.token_id

    def open(self, grant: Grant) -> str:
        """Open it for ten minutes and return the code; one that was opened before is good for nothing any more."""
        code = "".join(secrets.choice(ALPHABET) for _ in range(CODE_LETTERS))
        until = self._clock.monotonic() + OPEN_S
        self._opening = self._last = _Opening(code, grant, until, secrets.token_hex(8))
        _LOGGER.info("pairing is open for ten minutes, for one client with the scope %s", grant.scope)
        return code

    def close(self) -> None:
        """Close it."""
        self._opening = None

    async def pair(self, hub: HubView, name: str, bound: Binding, nonce: str, shown: str) -> Paired:
        """Make a token for who has proved (`shown`) that he knows the code.

        Raises PairingClosed, PairingCodeWrong, TokenRefused or StoreError.
        """
        async with self._turn:  # one at a time: each try counts before the next one is looked at
            opening = self._opening
            if opening is None or not self.seconds_left:
                self.close()
                raise PairingClosed("pairing is closed", hint=_CLOSED)
            opening.tries -= 1
            key = await in_thread("pairing", lambda: key_of(opening.code, bound.bridge_id, nonce, self._rounds))
            if self._opening is not opening:
                raise PairingClosed("pairing was closed meanwhile", hint=_CLOSED)
            if not hmac.compare_digest(proof.mac(key, "pair client", bound, nonce), shown):
                _LOGGER.warning(
                    "somebody tried to pair with a wrong code, or by way of somebody else; %d tries are left", opening.tries
                )
                if not opening.tries:
                    self.close()
                raise PairingCodeWrong("the code is wrong", hint="read it again; after five wrong ones another has to be made")
            grant = opening.grant
            token, text = await hub.tokens.create(name, grant.scope, systems=grant.systems, monitors=grant.monitors)
            opening.token_id = token.id
            self.close()
        sealed = proof.seal(key, "pair token", bound, nonce, text=text)
        return Paired(token=token, sealed=sealed, mac=proof.mac(key, "pair bridge", bound, nonce, sealed, token.scope))


def key_of(code: str, bridge_id: str, nonce: str, rounds: int = ROUNDS) -> bytes:
    """Return the key that both sides make of the code. Takes a good part of a second, and blocks."""
    return hashlib.pbkdf2_hmac("sha256", normal(code).encode(), f"{bridge_id}\n{nonce}".encode(), rounds)


def normal(code: str) -> str:
    """Return a code as it is meant, however somebody has typed it."""
    return code.upper().translate(_MEANT)
