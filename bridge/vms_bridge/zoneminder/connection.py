"""What the parts of one `ZoneMinder` share: whom they ask, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from logging import Logger, LoggerAdapter
    from zoneinfo import ZoneInfo

    from vms_bridge.clock import Clock
    from vms_bridge.zoneminder.client import Client
    from vms_bridge.zoneminder.values import VersionInfo

    Log = Logger | LoggerAdapter[Logger]


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """One ZoneMinder, as its resources ask it."""

    client: Client
    url: str
    """Its portal, such as https://host/zm, without a slash at the end."""
    clock: Clock
    log: Log
    version: Callable[[], Awaitable[VersionInfo]]
    """Which version it is, asked once. Raises VmsError."""
    time_zone: Callable[[], Awaitable[ZoneInfo | None]]
    """In which zone it writes times, asked once; None where it does not say. Raises VmsError."""
    server_api: Callable[[str | None], Awaitable[str | None]]
    """Where the API of the server with this id is, None for the portal's own: what runs there is asked there. Raises VmsError."""
    username: str | None = None
    """As whom we are logged in, None where no login is wanted."""
