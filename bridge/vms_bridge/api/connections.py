"""The API's open connections: how many there may be, and how long one may be open without saying who it is.

Whoever floods the door meets these limits before any request is read, and before TLS: beyond the bound the oldest stranger
of the address that has most of them makes room, and who has shown a token stays.
"""

from __future__ import annotations

import logging
import resource
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from aiohttp import web

from vms_bridge.api.problems import of_status
from vms_bridge.logs import Trouble

if TYPE_CHECKING:
    import asyncio
    import socket
    from collections.abc import Callable, Iterator

    from aiohttp.web_server import Server

    from vms_bridge.clock import Clock

_LOGGER = logging.getLogger(__name__)
MOST_STRANGERS = 32
STRANGER_S = 10.0
"""How long somebody may be there without a token."""
_STALLED_S = 60.0
"""How long somebody may take nothing of what is sent."""
KEEP_ALIVE_S = 75.0
_LINGERING_S = 2.0
_MOST_LOCAL = 32
"""How many may have come by each unix socket; they take no room from those of the network."""
_OTHERS = 128
"""How many of the process's files are for the rest of the bridge, at least."""
_ANY_NUMBER = 1_000_000


class Door(StrEnum):
    """By which way somebody comes in."""

    API = "api"
    SOCKET = "socket"
    LINK = "link"
    """The network too, by an address that opens one thing."""
    HOOKS = "hooks"
    """The unix socket by which others on this machine get at receivers, with a token, and at nothing else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedLink:
    """A link by which something is served: what it names, and whether it still is good."""

    target: str
    is_good: Callable[[], bool]


@dataclass(slots=True, eq=False, kw_only=True)
class Connection:
    """One open connection, from its acceptance on; `address` is the peer's, `uid` that of a process on this machine."""

    door: Door
    address: str
    opened: float
    sock: socket.socket
    uid: int | None = None
    is_known: bool = False
    """Whether somebody has come in by it with a token, or may without one."""
    token_id: str | None = None
    """By whose token the request, or the WebSocket, is served that it carries now."""
    link: OpenedLink | None = field(default=None, repr=False)
    """By which link the request is served, if it came by one."""
    transport: asyncio.Transport | None = None
    handshake: asyncio.Task[None] | None = None
    stalled_since: float | None = field(default=None, repr=False)

    def abort(self) -> None:
        """End it at once, whatever it is at."""
        if self.transport is not None:
            self.transport.abort()
        elif self.handshake is not None:
            self.handshake.cancel()


class Connections:
    """All connections of the API."""

    def __init__(self, most: int, clock: Clock) -> None:
        self.most = min(most, room())
        self._clock = clock
        self._open: dict[Connection, None] = {}
        """In the order in which they came."""
        self.refused: Counter[str] = Counter()
        """How many were refused, or ended, and why."""
        self._crowd = Trouble(_LOGGER, "the API has no room for more connections", clock.monotonic)

    def __iter__(self) -> Iterator[Connection]:
        return iter(tuple(self._open))

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, connection: Connection) -> bool:
        """Take a connection in, and say whether there was room for it; a stranger may have to go for it."""
        most = self.most if connection.door is Door.API else _MOST_LOCAL
        others = [one for one in self._open if one.door is connection.door]
        strangers = [one for one in others if not one.is_known]
        if strangers and (len(strangers) >= MOST_STRANGERS or len(others) >= most):
            self._close_one(strangers)
        elif len(others) >= most:
            self.refused["crowded"] += 1
            self._crowd.report(f"there are {len(others)}", hint="raise http.limits.sockets, or find out whose they are")
            return False
        if len(others) < most // 2:
            self._crowd.over()
        self._open[connection] = None
        return True

    def discard(self, connection: Connection) -> None:
        """Forget a connection that has ended."""
        self._open.pop(connection, None)

    def sweep(self) -> None:
        """End those that were strangers for too long, that take nothing of what they are sent, or whose link is over."""
        now = self._clock.monotonic()
        for connection in self:
            transport = connection.transport
            protocol = None if transport is None else transport.get_protocol()
            is_stalled = isinstance(protocol, Handler) and protocol.writing_paused
            connection.stalled_since = (connection.stalled_since or now) if is_stalled else None
            is_over = connection.link is not None and not connection.link.is_good()
            is_strange = not connection.is_known and now - connection.opened >= STRANGER_S
            is_stalled_long = connection.stalled_since is not None and now - connection.stalled_since >= _STALLED_S
            if is_over or is_strange or is_stalled_long:
                self.refused["link_over" if is_over else "stranger" if is_strange else "stalled"] += 1
                connection.abort()

    def _close_one(self, strangers: list[Connection]) -> None:
        """End the oldest stranger of the address that has most of them."""
        by_address = Counter(one.address for one in strangers)
        oldest = min(strangers, key=lambda one: (-by_address[one.address], one.opened))
        self.refused["displaced"] += 1
        self.discard(oldest)
        oldest.abort()


class Handler(web.RequestHandler):
    """aiohttp's own, which knows its connection; what is no HTTP is answered as everything else, and not logged."""

    __slots__ = ("_connections", "connection")

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop, connection: Connection, connections: Connections) -> None:
        options: dict[str, Any] = {"access_log": None, "auto_decompress": False}
        super().__init__(server, loop=loop, keepalive_timeout=KEEP_ALIVE_S, lingering_time=_LINGERING_S, **options)
        self.connection, self._connections = connection, connections

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over an accepted connection."""
        super().connection_made(transport)
        self.connection.transport = self.transport

    def connection_lost(self, exc: BaseException | None) -> None:
        """Let it go."""
        self._connections.discard(self.connection)
        super().connection_lost(exc)

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer what could not even be read, or what failed where nobody else has caught it."""
        del message
        if status >= 500:
            _LOGGER.error("a request failed in an unforeseen way", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("a part of the answer is sent already")
        answer = of_status(status)
        answer.headers["Server"] = "vms-bridge"
        answer.force_close()
        return answer


def connection_of(request: web.BaseRequest) -> Connection:
    """Return the connection by which a request has come."""
    protocol = request.protocol
    assert isinstance(protocol, Handler)  # noqa: S101  # the API is served by nothing else
    return protocol.connection


def room() -> int:
    """Return how many connections the process may have, so that files are left to the rest of the bridge."""
    try:
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    except OSError:
        return _ANY_NUMBER
    return _ANY_NUMBER if files == resource.RLIM_INFINITY else max(1, files - _OTHERS)
