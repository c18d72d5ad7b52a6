"""Access tokens: got once for all who need one, renewed before they run out.

The token is the only thing that ZoneMinder's API takes from a program (as a query parameter); it lives
ZM_AUTH_HASH_TTL hours, and a refresh token of a day spares the server the slow password check.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.errors import VmsAuthFailed
from vms_bridge.zoneminder.parse import as_float, as_text, mapping

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from vms_bridge.zoneminder.transport import Clock

    Login = Callable[[Mapping[str, str]], Awaitable[object]]

_RENEW_FROM, _RENEW_TO = 0.5, 0.75
_REFRESH_MARGIN_S = 300.0
_DEFAULT_TTL_S = 3600.0


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    got: float
    renew_at: float
    expires: float

    def __repr__(self) -> str:
        return "<token>"


def _token(text: object, ttl: object, now: float) -> _Token | None:
    if not isinstance(text, str) or not text:
        return None
    lifetime = max(as_float(ttl) or _DEFAULT_TTL_S, 1.0)
    # Several bridges and restarts must not all renew in the same moment.
    share = random.uniform(_RENEW_FROM, _RENEW_TO)  # noqa: S311 (spreads load, guards nothing)
    return _Token(text, now, now + lifetime * share, now + lifetime)


class Authenticator:
    """The tokens of one connection; `login` posts a form to host/login.json and raises VmsError itself.

    `keep_secrets` gets what was received, so that it can be struck out wherever something is said.
    """

    def __init__(
        self,
        username: str | None,
        password: str | None,
        login: Login,
        clock: Clock,
        keep_secrets: Callable[..., None] = lambda *_: None,
    ) -> None:
        self._keep_secrets = keep_secrets
        self._username, self._password = username, password
        self._login, self._clock = login, clock
        self._lock = asyncio.Lock()
        self._access: _Token | None = None
        self._refresh: _Token | None = None
        self.is_off = False
        self.greeting: Mapping[str, str] = {}
        """What the last login said of the server: `version` and `apiversion`."""

    @property
    def has_token(self) -> bool:
        """Whether a login has succeeded; what came of it may have run out by now, and is then renewed by itself."""
        return self._access is not None

    async def token(self) -> str | None:
        """Return a token that is good for now, or None where the server wants none. Raises VmsError."""
        if self.is_off:
            return None
        access = self._access
        if access is not None and self._clock.monotonic() < access.renew_at:
            return access.text
        async with self._lock:
            if self._access is None or self._clock.monotonic() >= self._access.renew_at:
                await self._renew()
            return None if self._access is None else self._access.text

    async def renew_after_refusal(self, token: str, *, younger_than_s: float) -> bool:
        """Log in anew because the server refused `token`; False if that is pointless, as the token is that young."""
        async with self._lock:
            access = self._access
            if access is not None and access.text != token:
                return True
            if access is not None and self._clock.monotonic() - access.got < younger_than_s:
                return False
            self._access = self._refresh = None
            await self._renew()
            return True

    async def _renew(self) -> None:
        now = self._clock.monotonic()
        if self._refresh is not None and now < self._refresh.expires - _REFRESH_MARGIN_S:
            try:
                self._keep(await self._login({"token": self._refresh.text}))
            except VmsAuthFailed:
                # A restarted server may have another secret, and an administrator may have revoked all tokens.
                self._refresh = None
            else:
                return
        if self._username is None or self._password is None:
            raise VmsAuthFailed("ZoneMinder wants a login, but none is configured", hint="set username: and password:")
        self._keep(await self._login({"user": self._username, "pass": self._password}))

    def _keep(self, answer: object) -> None:
        now = self._clock.monotonic()
        fields = mapping(answer)
        self._conceal(fields)
        self.greeting = {name: as_text(fields.get(name)) for name in ("version", "apiversion")}
        access = _token(fields.get("access_token"), fields.get("access_token_expires"), now)
        if access is None:
            if not as_text(fields.get("version")):
                raise VmsAuthFailed(
                    "ZoneMinder accepted the login but gave no token",
                    hint="set AUTH_HASH_SECRET under Options > System, and turn on OPT_USE_API",
                )
            self.is_off = True
        self._access = access
        self._refresh = _token(fields.get("refresh_token"), fields.get("refresh_token_expires"), now) or self._refresh

    def _conceal(self, fields: Mapping[str, object]) -> None:
        """Have what was got appear nowhere; of `auth=HASH`, with which ZoneMinder's pages are asked, that is the hash."""
        hashed = as_text(fields.get("credentials")).partition("auth=")[2].partition("&")[0]
        self._keep_secrets(as_text(fields.get("refresh_token")), as_text(fields.get("access_token")), hashed)
