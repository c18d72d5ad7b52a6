"""What the parts of one `Vxg` share: who asks by which credential, and what is known of channels and of VXG's time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from vms_bridge.errors import VmsError, VmsProtocolError
from vms_bridge.vxg import rows
from vms_bridge.vxg.border import Question
from vms_bridge.vxg.fields import mapping, moment
from vms_bridge.vxg.paging import rows as paged
from vms_bridge.vxg.paging import rows_by_time
from vms_bridge.vxg.refusals import CredentialMissing, CredentialRefused, NotThere, WrongValue
from vms_bridge.vxg.tokens import ChannelToken, GroupToken
from vms_bridge.vxg.values import ChannelRow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from datetime import datetime
    from typing import Any

    from vms_bridge.clock import Clock
    from vms_bridge.vxg.border import Border, Query
    from vms_bridge.vxg.hosts import Hosts
    from vms_bridge.vxg.paging import Seen
    from vms_bridge.vxg.tokens import Credential, LKey
    from vms_bridge.vxg.values import Clip, EventRow, GroupRow

_T = TypeVar("_T")
_MOST_TOKENS = 20_000
_SKEW_LASTS_S, _MOST_STEP_S = 600.0, 1.0
_TIME = "/api/v2/server/time/"


class _Skew(NamedTuple):
    """By how much VXG's clock is ahead of ours, and when that was measured, by both of our clocks."""

    ahead_s: float
    at_s: float
    at: datetime

    def holds(self, clock: Clock) -> bool:
        """Say whether that is still so: it was measured lately, and nobody has set our clock since."""
        return clock.monotonic() - self.at_s <= _SKEW_LASTS_S and abs(self._step_s(clock)) <= _MOST_STEP_S

    def carried_on(self, clock: Clock) -> _Skew:
        """Return what it is now if VXG's clock has gone on as it did, whatever was done to ours."""
        return _Skew(self.ahead_s - self._step_s(clock), clock.monotonic(), clock.now())

    def _step_s(self, clock: Clock) -> float:
        return (clock.now() - self.at).total_seconds() - (clock.monotonic() - self.at_s)


class Session:
    """One account, group or channel, as its parts ask it."""

    def __init__(
        self, border: Border, hosts: Hosts, clock: Clock, *, lkey: LKey | None, token: GroupToken | ChannelToken | None
    ) -> None:
        """Join them. Raises HostRefused for a token that leads to a host that is not listed."""
        self._border, self._hosts, self.clock = border, hosts, clock
        self._lkey = lkey
        self._token: GroupToken | ChannelToken | None = None
        self._tokens: dict[int, ChannelToken] = {}
        self._skew: _Skew | None = None
        if token is not None:
            self.use(token)

    @property
    def token(self) -> GroupToken | ChannelToken | None:
        """The token that is used now."""
        return self._token

    def use(self, token: GroupToken | ChannelToken) -> None:
        """Have everything go by this token from now on. Raises HostRefused."""
        self._hosts.base_for(token)
        self._token = token
        self._tokens = {}

    @property
    def lkey(self) -> LKey:
        """The account's key. Raises CredentialMissing."""
        if self._lkey is None:
            raise CredentialMissing("this needs the account's key", hint="give lkey=")
        return self._lkey

    @property
    def for_all(self) -> Credential:
        """What gets at most: a group's token, else the account's key, else one channel's token. Raises CredentialMissing."""
        if isinstance(self._token, GroupToken):
            return self._token
        found = self._lkey or self._token
        if found is None:
            raise CredentialMissing("this needs a credential", hint="give token= of a group or a channel, or lkey=")
        return found

    async def ask(self, credential: Credential, method: str, path: str, *, query: Query = (), body: object = None) -> object:
        """Ask by this credential, at its own host, and return the JSON. Raises VmsError or HostRefused."""
        base = self._hosts.base_for(credential)
        question = Question(method=method, base=base, path=path, query=query, body=body, credential=credential)
        return await self._border.ask(question)

    def pages(
        self, credential: Credential, path: str, query: Query = (), *, limit: int | None = None, seen: Seen | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the rows of a list that is had by this credential. Raises VmsError."""

        async def ask(asked: Query) -> object:
            return await self.ask(credential, "GET", path, query=asked)

        return paged(ask, path, query, limit=limit, seen=seen)

    def pages_by_time(
        self, credential: Credential, path: str, query: Query = (), *, start: datetime | None = None, limit: int | None = None
    ) -> AsyncIterator[dict[str, Any]]:
        """Yield the rows of a list, the oldest first, from a time on. Raises VmsError."""

        async def ask(asked: Query) -> object:
            return await self.ask(credential, "GET", path, query=asked)

        return rows_by_time(ask, path, query, start=start, limit=limit)

    async def of(self, channel: ChannelRow | int, work: Callable[[ChannelToken], Awaitable[_T]]) -> _T:
        """Return what `work` does by the channel's own token; once more by a new one, where that one is good no more.

        Raises what `work` raises.
        """
        token = await self.channel_token(channel)
        try:
            return await work(token)
        except CredentialRefused:
            if isinstance(self._token, ChannelToken) and self._lkey is None:
                raise
            renewed = (await self.read_channel(token.channel_id)).token
            if renewed is None or renewed.packed == token.packed:
                raise
        return await work(renewed)

    async def ask_of(
        self, channel: ChannelRow | int, method: str, path: str, *, query: Query = (), body: object = None
    ) -> object:
        """Ask by the channel's token; `{id}` in the path is its number. Raises VmsError."""
        path = path.replace("{id}", str(channel_id(channel)))
        return await self.of(channel, lambda token: self.ask(token, method, path, query=query, body=body))

    async def channel_token(self, channel: ChannelRow | int) -> ChannelToken:
        """Return the token of a channel, looked up where it is not known. Raises VmsError."""
        number = channel_id(channel)
        if isinstance(self._token, ChannelToken) and self._token.channel_id == number:
            return self._token
        known = self._tokens.get(number) or (channel.token if isinstance(channel, ChannelRow) else None)
        if known is not None:
            return known
        found = (await self.read_channel(number)).token
        if found is None:
            raise VmsProtocolError(f"VXG gives no token of channel {number}", hint="does the group have it, with access?")
        return found

    async def read_channel(self, number: int) -> ChannelRow:
        """Read one channel by the widest credential. Raises VmsError."""
        credential = self.for_all
        if isinstance(credential, ChannelToken):
            if credential.channel_id != number:
                raise WrongValue(f"this token is of channel {credential.channel_id}, and not of {number}")
            raw = await self.ask(credential, "GET", f"/api/v2/cameras/{number}/", query=[("include_meta", "true")])
        else:
            version = "v5" if isinstance(credential, GroupToken) else "v3"
            raw = await self.ask(credential, "GET", f"/api/{version}/channels/{number}/", query=[("include_meta", "true")])
        found = rows.channel(mapping(raw))
        if found is None or found.id != number:
            raise VmsProtocolError(f"VXG answered something else than channel {number}")
        if isinstance(credential, ChannelToken):
            found = replace(found, token=credential, access=credential.access)
        self.remember(found)
        return found

    def remember(self, channel: ChannelRow) -> None:
        """Note the token of a channel that was read."""
        if channel.token is not None:
            if len(self._tokens) >= _MOST_TOKENS:
                self._tokens = {}
            self._tokens[channel.id] = channel.token

    async def server_time(self) -> datetime:
        """Return what time it is by VXG's clock, which is asked. Raises VmsError."""
        base = self._hosts.url if self._token is None else self._hosts.base_for(self._token)
        began = self.clock.monotonic()
        answer = await self._border.ask(Question(method="GET", base=base, path=_TIME))
        ended, now = self.clock.monotonic(), self.clock.now()
        found = moment(mapping(answer).get("utc"))
        if found is None:
            raise VmsProtocolError(f"{_TIME} does not say what time it is", hint="is it VXG that answers at url?")
        told = found + timedelta(seconds=(ended - began) / 2)
        self._skew = _Skew((told - now).total_seconds(), ended, now)
        return told

    async def skew_s(self, *, force_reload: bool = False) -> float:
        """Return by how much VXG's clock is ahead of ours; 0 where it has no such call.

        Raises VmsError where that was never known, or is to be measured anew.
        """
        known = self._skew
        if force_reload or known is None or not known.holds(self.clock):
            try:
                await self.server_time()
            except NotThere:
                self._skew = _Skew(0.0, self.clock.monotonic(), self.clock.now())
            except VmsError:
                if known is None or force_reload:
                    raise
                # What is asked for may be had all the same.
                self._skew = known.carried_on(self.clock)
            known = self._skew
        return known.ahead_s if known is not None else 0.0

    async def now(self) -> datetime:
        """Return the time by VXG's clock, as far as it is known. Raises VmsError."""
        return self.clock.now() + timedelta(seconds=await self.skew_s())


def channel_id(channel: object) -> int:
    """Return a channel's number. Raises WrongValue."""
    return id_of(channel, ChannelRow, "a channel", hint="names are looked up by channels.list()")


def id_of(row: object, kind: type[ChannelRow | GroupRow | Clip | EventRow], what: str, *, hint: str = "") -> int:
    """Return the number of a row of this kind, which may be given as that. Raises WrongValue."""
    number = row.id if isinstance(row, kind) else row
    if isinstance(number, bool) or not isinstance(number, int) or number <= 0:
        raise WrongValue(f"{what} is a row, or its number", hint=hint)
    return number
