"""A VXG Cloud VMS, for programs: everything behind one object."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, TypedDict, Unpack
from urllib.parse import urlsplit

from vms_bridge.clock import SystemClock
from vms_bridge.concealment import Secrets
from vms_bridge.doors import HttpOptions, options_of
from vms_bridge.http import HttpClient
from vms_bridge.http_resolving import CheckedResolver
from vms_bridge.vxg.archive import Archive
from vms_bridge.vxg.border import Border
from vms_bridge.vxg.channels import Channels
from vms_bridge.vxg.clips import Clips
from vms_bridge.vxg.events import Events
from vms_bridge.vxg.groups import Groups
from vms_bridge.vxg.hosts import DEFAULT_URL, Hosts
from vms_bridge.vxg.images import Images
from vms_bridge.vxg.lanes import Lanes
from vms_bridge.vxg.live import Live
from vms_bridge.vxg.media import Media
from vms_bridge.vxg.metadata import Metadata
from vms_bridge.vxg.motion import Motion
from vms_bridge.vxg.ptz import Ptz
from vms_bridge.vxg.sampling import Pace
from vms_bridge.vxg.session import Session
from vms_bridge.vxg.tokens import parse_lkey, parse_token
from vms_bridge.vxg.uploads import Uploads

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Callable, Iterable, Mapping
    from datetime import datetime
    from os import PathLike

    from vms_bridge.clock import Clock
    from vms_bridge.downloads import Stream
    from vms_bridge.errors import VmsError
    from vms_bridge.vxg.tokens import ChannelToken, GroupToken
    from vms_bridge.vxg.transport import Answer, Transport

_TIMEOUT_S = 30.0
_ACCEPT = "application/json"
_OUTSIDE_CONNECTIONS = 32
"""To all hosts of pictures and videos together; of each, no more are asked at a time than of the API."""


class Options(TypedDict, total=False):
    """How to get to the API, by what may be in front of it; they are for the configured host only."""

    timeout_s: float
    """How long an answer may take, 30 s where it is left out."""
    verify: bool
    """False believes any certificate, also that of somebody who listens in between."""
    ca_file: str | PathLike[str]
    """The PEM file of the authority that signed the server's certificate."""
    fingerprint: str
    """The SHA-256 of the server's certificate, 64 hex digits."""
    client_certificate: str | PathLike[str]
    """The PEM file of one's own certificate."""
    client_key: str | PathLike[str]


class Vxg:
    """One account, one group of channels, or one channel.

        async with Vxg(token=GROUP_TOKEN) as vxg:
            for channel in await vxg.channels.list():
                print(channel.id, channel.name, channel.online)

    `token` is the packed token of a group or of a channel, `lkey` the account's key; `url` is where the API is, unless the token
    says it. A token that leads to another host is used only where `allowed_hosts` has that host; hosts with pictures and videos
    need no mention, unless they are in a private network. What goes wrong is a `vms_bridge.errors.BridgeError`, whose `hint`
    says what to do. `through` may measure what is asked, and `clock` takes the place of the machine's time.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        lkey: str | None = None,
        token: str | None = None,
        allowed_hosts: Iterable[str] = (),
        through: Callable[[HttpClient], Transport] | None = None,
        clock: Clock | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Say where it is and who asks; nothing is asked yet. Raises ConfigError, which quotes no credential."""
        hosts = Hosts(url, allowed_hosts)
        self.url = hosts.url
        """Where the API is, unless a token says otherwise."""
        key = None if lkey is None else parse_lkey(lkey)
        own = None if token is None else parse_token(token)
        self._secrets = Secrets([] if key is None else [key.secret.get_secret_value()])
        door = options_of(hosts.url, {name: value for name, value in options.items() if name != "timeout_s"})
        timeout_s = options.get("timeout_s", _TIMEOUT_S)
        resolver = CheckedResolver(hosts.is_named)
        self._doors = (
            HttpClient(door, timeout_s, _ACCEPT, name="VXG", secrets=self._secrets),
            HttpClient(
                HttpOptions(url="https:"),
                timeout_s,
                _ACCEPT,
                name="VXG",
                secrets=self._secrets,
                connections=_OUTSIDE_CONNECTIONS,
                resolver=resolver,
            ),
        )
        inside, outside = (door if through is None else through(door) for door in self._doors)
        used = SystemClock() if clock is None else clock
        lanes = Lanes(used)
        transport = _Ways(hosts.url, inside, outside)
        self._session = Session(Border(transport, used, lanes), hosts, used, lkey=key, token=own)
        self._pace = Pace(self._session)
        self._note(own)
        self._make_parts(Media(transport, hosts, lanes, resolver, self._session.now))

    def _make_parts(self, media: Media) -> None:
        session = self._session
        self.channels = Channels(session)
        self.groups = Groups(session)
        self.live = Live(session, self.channels, media)
        self.images = Images(session, media, self._pace)
        self.archive = Archive(session, media)
        self.clips = Clips(session, media)
        self.events = Events(session, media)
        self.metadata = Metadata(session)
        self.motion = Motion(session)
        self.ptz = Ptz(session)
        self.uploads = Uploads(session, media)

    async def __aenter__(self) -> Self:
        """Open the way to it, and find out what time it is there. Raises VmsError."""
        opened = []
        try:
            for door in self._doors:
                await door.__aenter__()
                opened.append(door)
            await self._session.skew_s(force_reload=True)
        except BaseException:
            for door in opened:
                await door.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self._pace.close()
        finally:
            for door in self._doors:
                await door.__aexit__()

    @property
    def token(self) -> GroupToken | ChannelToken | None:
        """The token that is used now."""
        return self._session.token

    def use_token(self, token: str) -> None:
        """Have everything go by this token from now on: that of a group was rotated, or leads elsewhere now.

        Raises TokenUnusable or HostRefused; then the one before stays.
        """
        parsed = parse_token(token)
        self._session.use(parsed)
        self._note(parsed)

    async def server_time(self) -> datetime:
        """Return what time it is by VXG's clock, which is asked. Raises VmsError."""
        return await self._session.server_time()

    async def clock_skew_s(self, *, force_reload: bool = False) -> float:
        """Return by how much VXG's clock is ahead of ours, measured every ten minutes. Raises VmsError."""
        return await self._session.skew_s(force_reload=force_reload)

    async def now(self) -> datetime:
        """Return the time by VXG's clock, as far as it is known. Raises VmsError."""
        return await self._session.now()

    def __repr__(self) -> str:
        return f"<Vxg at {self.url}>"

    def _note(self, token: GroupToken | ChannelToken | None) -> None:
        if token is not None:
            for secret in (token.packed, token.inner):
                self._secrets.keep_long(secret.get_secret_value())


class _Ways:
    """Asks the configured host by its own options, and all others without them."""

    def __init__(self, url: str, inside: Transport, outside: Transport) -> None:
        self._own, self._inside, self._outside = _origin(url), inside, outside

    async def send(
        self,
        method: str,
        url: str,
        *,
        limit_bytes: int,
        body: bytes | AsyncIterable[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        return await self._to(url).send(method, url, limit_bytes=limit_bytes, body=body, headers=headers, timeout_s=timeout_s)

    async def open(self, url: str, *, headers: Mapping[str, str], timeout_s: float | None = None) -> Stream:
        return await self._to(url).open(url, headers=headers, timeout_s=timeout_s)

    def _to(self, url: str) -> Transport:
        return self._inside if _origin(url) == self._own else self._outside

    def quoted(self, text: str, *, longest: int = 300) -> str:
        return self._inside.quoted(text, longest=longest)

    def login_page(self, where: str, body: bytes) -> VmsError | None:
        found = self._inside.login_page(where, body)
        if found is not None:  # a user and a password of its own have no room beside VXG's credentials
            found.hint = "have it let the bridge in by a client certificate, or set url: to an address that leads past it"
        return found


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"https": 443, "http": 80}.get(parts.scheme)
