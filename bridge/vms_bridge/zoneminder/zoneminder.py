"""A ZoneMinder, for programs: everything behind one object."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Self, TypedDict, Unpack

from vms_bridge.addresses import WrongAddress
from vms_bridge.clock import SystemClock
from vms_bridge.concealment import Secrets
from vms_bridge.doors import options_of
from vms_bridge.errors import ConfigError, GateClosed, VmsAuthFailed, VmsError, VmsProtocolError
from vms_bridge.http import HttpClient
from vms_bridge.zoneminder.client import Client
from vms_bridge.zoneminder.connection import Connection
from vms_bridge.zoneminder.events.events import Events
from vms_bridge.zoneminder.kept import Kept
from vms_bridge.zoneminder.parse import as_bool, mapping, parse_loads, parse_time_zone, parse_version_info
from vms_bridge.zoneminder.portal import portal_of
from vms_bridge.zoneminder.ptz import Ptz
from vms_bridge.zoneminder.resources.configs import Configs
from vms_bridge.zoneminder.resources.groups import Groups
from vms_bridge.zoneminder.resources.logs import Logs
from vms_bridge.zoneminder.resources.monitors import Monitors
from vms_bridge.zoneminder.resources.servers import Servers
from vms_bridge.zoneminder.resources.states import States
from vms_bridge.zoneminder.resources.storage import StorageAreas
from vms_bridge.zoneminder.resources.users import Users
from vms_bridge.zoneminder.resources.zones import Zones

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from os import PathLike
    from zoneinfo import ZoneInfo

    from vms_bridge.clock import Clock
    from vms_bridge.doors import HttpOptions
    from vms_bridge.zoneminder.connection import Log
    from vms_bridge.zoneminder.transport import Transport
    from vms_bridge.zoneminder.values import VersionInfo

_VERSION = "host/getVersion"
_TIMEOUT_S = 30.0
_ACCEPT = "application/json, image/jpeg"
_LOG = logging.getLogger("vms_bridge.zoneminder")


class Options(TypedDict, total=False):
    """How to get to a ZoneMinder, by what may be in front of it."""

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
    http_username: str
    """The user that the web server or a proxy before it wants by HTTP basic authentication."""
    http_password: str


class ZoneMinder:
    """One ZoneMinder, from 1.34 on.

        async with ZoneMinder("https://host/zm", "user", "password") as zm:
            for monitor in await zm.monitors.list():
                print(monitor.id, monitor.name)

    `url` is what the browser shows; a page's address or that of the API does as well. Without a user none is logged in. What
    goes wrong is a `vms_bridge.errors.BridgeError`, whose `hint` says what to do. `logger` gets what is worth telling, without
    secrets; `transport` and `clock` take the place of HTTP and of the machine's time.
    """

    def __init__(
        self,
        url: str,
        username: str | None = None,
        password: str | None = None,
        *,
        logger: Log | None = None,
        transport: Transport | None = None,
        clock: Clock | None = None,
        **options: Unpack[Options],
    ) -> None:
        """Say where it is; nothing is asked yet. Raises ConfigError."""
        if (username is None) != (password is None):
            raise ConfigError("a user needs a password, and a password a user", hint="give both, or neither")
        self._log, self._clock = logger or _LOG, clock or SystemClock()
        self._door: AbstractAsyncContextManager[object] | None = None
        door = _door(url, options)
        self.url = door.url
        """The portal's address."""
        secrets = Secrets([*Secrets.of(door).texts(), *([password] if password else [])])
        if transport is None:
            http = HttpClient(door, options.get("timeout_s", _TIMEOUT_S), _ACCEPT, name="ZoneMinder", secrets=secrets)
            self._door = transport = http
        self.client = Client(
            self.url, transport, self._clock, username=username, password=password, keep_secrets=secrets.keep_passing
        )
        """What asks its API, for what has no better place."""
        self._username = username
        self._version, self._time_zone = Kept(self._read_version), Kept(self._read_time_zone)
        self._connection = Connection(
            client=self.client,
            url=self.url,
            clock=self._clock,
            log=self._log,
            version=self.version,
            time_zone=self.time_zone,
            server_api=self._server_api,
            username=username,
        )
        self._make_resources()

    def _make_resources(self) -> None:
        connection = self._connection
        self.configs = Configs(connection)
        self.servers = Servers(connection)
        self.monitors = Monitors(connection, self.configs, self.servers)
        self.zones = Zones(connection, self.monitors)
        self.groups = Groups(connection)
        self.storage = StorageAreas(connection)
        self.events = Events(connection, self.monitors, self.storage)
        self.states = States(connection)
        self.logs = Logs(connection)
        self.users = Users(connection)
        self.ptz = Ptz(connection, self.monitors)

    async def __aenter__(self) -> Self:
        """Open the way to it, and log in. Raises VmsError."""
        if self._door is not None:
            await self._door.__aenter__()
        try:
            await self.login()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._door is not None:
            await self._door.__aexit__(None, None, None)

    async def login(self) -> None:
        """Log in where that is wanted and not done yet; later it is done anew by itself whenever it has to be. Raises VmsError.

        A token lives for hours and is renewed in time by another one, which lives for a day; then the password is sent again.
        """
        auth = self.client.auth
        if self._username is None:
            await self._version.get()
            return
        try:
            await auth.token()
        except GateClosed:
            raise
        except VmsAuthFailed as refusal:
            try:
                # Before 1.36 a login may fail where none is wanted.
                await self.client.get_without_token(_VERSION)
            except VmsError:
                raise refusal from None
            auth.is_off = True

    @property
    def is_logged_in(self) -> bool:
        """Whether its API can be asked: a login has succeeded, or none is wanted."""
        return self.client.auth.is_off or self.client.auth.has_token

    async def version(self, *, force_reload: bool = False) -> VersionInfo:
        """Return which version it is. Raises VmsError."""
        return await self._version.get(force_reload=force_reload)

    async def time_zone(self, *, force_reload: bool = False) -> ZoneInfo | None:
        """Return the zone that it writes times in; None where it does not say, or one that is unknown here. Raises VmsError."""
        return await self._time_zone.get(force_reload=force_reload)

    async def is_running(self) -> bool:
        """Say whether its daemons are at work. Raises VmsError."""
        return as_bool(mapping(await self.client.get("host/daemonCheck")).get("result"))

    async def load(self) -> tuple[float, float, float] | None:
        """Return the load average of its host over 1, 5 and 15 minutes; None where it does not say. Raises VmsError."""
        return parse_loads(await self.client.get("host/getLoad"))

    def __repr__(self) -> str:
        return f"<ZoneMinder at {self.url}>"

    async def _read_version(self) -> VersionInfo:
        auth = self.client.auth
        found, auth.greeting = parse_version_info(auth.greeting), {}
        if found is None and self._username is None:
            try:
                found = parse_version_info(await self.client.get_without_token(_VERSION))
            except GateClosed:
                raise
            except VmsAuthFailed as error:
                raise VmsAuthFailed(
                    f"ZoneMinder wants a login: {error}", hint="give the name and the password of a user"
                ) from None
            auth.is_off = True
        elif found is None:
            found = parse_version_info(await self.client.get(_VERSION))
        if found is None:
            raise VmsProtocolError("ZoneMinder does not say what version it is", hint="does the address lead to a ZoneMinder?")
        return found

    async def _read_time_zone(self) -> ZoneInfo | None:
        try:
            answer = await self.client.get("host/getTimeZone")
        except VmsProtocolError as error:
            self._log.warning("ZoneMinder does not say what its time zone is: %s", error)
            return None
        # The zone's rules are read from a file.
        return await asyncio.to_thread(parse_time_zone, answer)

    async def _server_api(self, server_id: str | None) -> str | None:
        if server_id is None:
            return None
        named = {row.server_id for row in await self.monitors.list()}
        return await self.servers.api_of(server_id, used={number for number in named if number is not None})


def _door(url: str, options: Options) -> HttpOptions:
    """Return what leads there. Raises ConfigError, which quotes nothing of it."""
    try:
        portal = portal_of(url)
    except WrongAddress as wrong:
        raise ConfigError(str(wrong), key="url", hint=wrong.remedy or "write it as in https://host/zm") from None
    return options_of(portal, {name: value for name, value in options.items() if name != "timeout_s"})
