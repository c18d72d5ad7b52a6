"""Opens the API's doors, and takes in who comes: bounded before anything of theirs is read, TLS included."""

from __future__ import annotations

import asyncio
import errno
import logging
import socket
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from vms_bridge.api.connections import Connection, Door, Handler
from vms_bridge.api.unix_socket import peer_uid, uid_of
from vms_bridge.errors import DoorClosed
from vms_bridge.logs import Trouble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiohttp.web_server import Server

    from vms_bridge.api.certificates import Certificates
    from vms_bridge.api.config import HttpConfig
    from vms_bridge.api.connections import Connections
    from vms_bridge.clock import Clock

_LOGGER = logging.getLogger(__name__)
_BACKLOG = 128
_HANDSHAKE_S = 10.0
_GOODBYE_S = 2.0
_RETRY_S = 1.0
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nServer: vms-bridge\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
)


async def listening_sockets(config: HttpConfig) -> list[socket.socket]:
    """Return sockets that listen where the configuration says. Raises DoorClosed."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        hint = "set http.host to an address of this machine, such as 127.0.0.1"
        raise DoorClosed(f"the API can't listen on {config.place}: there is no such host", hint=hint) from error
    opened: list[socket.socket] = []
    try:
        for family, kind, protocol, _, address in dict.fromkeys(found):
            sock = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
            opened.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:  # `::` is for everything, and any other address for itself
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, config.host != "::")
            sock.bind(address)
            sock.listen(_BACKLOG)
    except OSError as error:
        for sock in opened:
            sock.close()
        raise _closed(config, error) from error
    return opened


def _closed(config: HttpConfig, error: OSError) -> DoorClosed:
    what, hint = f"{error.strerror}", "set http.host and http.port to where it may listen"
    if error.errno == errno.EADDRINUSE:
        what = "the port is taken"
        hint = f"set http.port to another one, or stop who has it (`ss -ltnp 'sport = :{config.port}'` names him)"
    elif error.errno == errno.EADDRNOTAVAIL:
        what, hint = "this machine has no such address", "set http.host to one that it has, such as 127.0.0.1"
    elif error.errno == errno.EACCES:
        what, hint = "the bridge's user may not", "set http.port to one from 1024 on"
    return DoorClosed(f"the API can't listen on {config.place}: {what}", hint=hint)


class Porter:
    """Stands at the doors, and hands over to aiohttp who may come in."""

    def __init__(self, server: Server, connections: Connections, certificates: Certificates, clock: Clock) -> None:
        self._server, self._connections, self._certificates, self._clock = server, connections, certificates, clock

    async def serve(self, sockets: Sequence[socket.socket], door: Door) -> None:
        """Take in who comes, until cancelled."""
        async with asyncio.TaskGroup() as group:
            for sock in sockets:
                group.create_task(self._accept(group, sock, door), name=f"api: {door}")

    async def _accept(self, group: asyncio.TaskGroup, listener: socket.socket, door: Door) -> None:
        loop = asyncio.get_running_loop()
        trouble = Trouble(_LOGGER, "the API can't take in who comes", self._clock.monotonic)
        while True:
            try:
                sock, address = await loop.sock_accept(listener)
            except OSError as error:
                trouble.report(error, hint="raise the limit of open files (LimitNOFILE=), or find out who has so many")
                await self._clock.sleep(_RETRY_S)
                continue
            trouble.over()
            connection = self._connection(sock, address, door)
            if connection is not None and self._connections.admit(connection):
                connection.handshake = group.create_task(self._take_in(connection), name="api: connection")
                connection.handshake.add_done_callback(partial(self._settle, connection))
            else:
                self._turn_away(sock, door)

    def _connection(self, sock: socket.socket, address: object, door: Door) -> Connection | None:
        """Return what there is to know of who has come; None for somebody whom the socket is not for."""
        opened = self._clock.monotonic()
        if door is Door.HOOKS:
            uid = uid_of(sock)
            return Connection(door=door, address=f"uid {uid}", uid=uid, opened=opened, sock=sock)
        if door is Door.SOCKET:
            uid = peer_uid(sock)
            if uid is None:
                _LOGGER.warning("another user of this machine has come by the API's socket, which is for the bridge's own only")
                return None
            return Connection(door=door, address="", uid=uid, opened=opened, sock=sock, is_known=True)
        host = address[0] if isinstance(address, tuple) else ""
        return Connection(door=door, address=neighbour(str(host)), opened=opened, sock=sock)

    def _turn_away(self, sock: socket.socket, door: Door) -> None:
        with suppress(OSError):
            if door is Door.API and self._certificates.context is None:
                sock.send(_BUSY)
        sock.close()

    async def _take_in(self, connection: Connection) -> None:
        """Shake hands, where there is a certificate, and let aiohttp serve."""
        loop = asyncio.get_running_loop()
        context = self._certificates.context if connection.door is Door.API else None
        limits = {} if context is None else {"ssl_handshake_timeout": _HANDSHAKE_S, "ssl_shutdown_timeout": _GOODBYE_S}
        try:
            await loop.connect_accepted_socket(
                lambda: Handler(self._server, loop, connection, self._connections), connection.sock, ssl=context, **limits
            )
        except OSError:
            _LOGGER.debug("somebody at %s came, and spoke no TLS", connection.address)
        except Exception:  # a border: whatever is wrong with one connection, the door stays open for the others
            _LOGGER.exception("a connection could not be taken in")

    def _settle(self, connection: Connection, _: asyncio.Task[None]) -> None:
        """Let go of a connection of which nothing has become, be it that it was ended before it was looked at."""
        connection.handshake = None
        if connection.transport is None:
            self._connections.discard(connection)
            connection.sock.close()


def neighbour(address: str) -> str:
    """Return a peer's address, an IPv4 one that is mapped into IPv6 as what it is."""
    return address.removeprefix("::ffff:") if "." in address else address
