"""The sink `api`: opens its doors, each again and again until it can, and sees that nobody stays who may not."""

from __future__ import annotations

import asyncio
import logging
import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from aiohttp import web

from vms_bridge.api.announcing import Announcer
from vms_bridge.api.certificates import Certificates
from vms_bridge.api.connections import Connections, Door
from vms_bridge.api.context import Context
from vms_bridge.api.hooks_socket import hooks_flaw, place_of
from vms_bridge.api.limits import Rates
from vms_bridge.api.listening import Porter, listening_sockets
from vms_bridge.api.measured import SINK, Traffic
from vms_bridge.api.pairing import Grant, Pairing
from vms_bridge.api.server import application
from vms_bridge.api.unix_socket import SocketPlace, UnixSocket
from vms_bridge.errors import DoorClosed
from vms_bridge.logs import Trouble
from vms_bridge.threads import in_thread
from vms_bridge.views import Subjects

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Sequence

    from vms_bridge.api.announcing import Multicast
    from vms_bridge.api.config import HttpConfig
    from vms_bridge.clock import Clock
    from vms_bridge.sinks import BridgeIdentity
    from vms_bridge.views import HubView

_LOGGER = logging.getLogger(__name__)
NAME = SINK
_OFFERED = "offered pairing"
_RETRY_S = 5.0
_SWEEP_S = 1.0
_SHUTDOWN_S = 1.5
"""How long requests under way may take to end, and then to be ended; both fit into the sink's grace."""


class ApiSink:
    """Serves the API for as long as it runs. Runs once."""

    def __init__(self, config: HttpConfig, bridge: BridgeIdentity, clock: Clock) -> None:
        self._config, self._bridge, self._clock = config, bridge, clock
        self._certificates = Certificates(config.tls, clock)
        self._connections = Connections(config.limits.sockets, clock)
        self._pairing = Pairing(clock)
        self._traffic = Traffic()
        self._announcer = Announcer(config, bridge, clock, _multicast)
        self.addresses: list[tuple[str, int]] = []
        """Where it listens now."""
        self.opened = asyncio.Event()
        """Set once it has listened for the first time."""

    @property
    def name(self) -> str:
        """Its name in logs and in the store."""
        return NAME

    async def run(self, hub: HubView) -> None:
        """Serve until cancelled; a door that can't be opened is told, and tried again."""
        context = Context(
            hub=hub,
            config=self._config,
            bridge=self._bridge,
            clock=self._clock,
            certificates=self._certificates,
            pairing=self._pairing,
            rates=Rates.of(self._config.limits.requests, self._clock),
            connections=self._connections,
            traffic=self._traffic,
            addresses=self.addresses,
        )
        # Who has gone away is noticed at once, so that no VMS is read for nobody; commands go on (`running.py`).
        runner = web.AppRunner(application(context), shutdown_timeout=_SHUTDOWN_S, handler_cancellation=True)
        await runner.setup()
        assert runner.server is not None  # noqa: S101  # `setup` has made it
        porter = Porter(runner.server, self._connections, self._certificates, self._clock)
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_network_door(hub, porter), name="api: network")
                for door, place in self._local_doors():
                    group.create_task(self._keep_local_door(door, place, porter), name=f"api: {door}")
                group.create_task(self._certificates.run(), name="api: certificate")
                group.create_task(self._sweep(), name="api: sweep")
                group.create_task(self._end_revoked(hub), name="api: tokens")
        finally:
            await runner.cleanup()

    async def _keep_network_door(self, hub: HubView, porter: Porter) -> None:
        trouble = Trouble(_LOGGER, "the API is not open", self._clock.monotonic)
        while True:
            try:
                await self._certificates.load()
                sockets = await listening_sockets(self._config)
            except DoorClosed as error:
                trouble.report(error, hint=error.hint)
                await self._clock.sleep(_RETRY_S)
                continue
            trouble.over()
            try:
                self._tell(sockets)
                await self._offer_pairing(hub)
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._announcer.run(hub.bridge_id, tuple(self.addresses)), name="api: zeroconf")
                    await porter.serve(sockets, Door.API)
            finally:
                self.addresses.clear()
                for sock in sockets:
                    sock.close()

    def _local_doors(self) -> Iterator[tuple[Door, SocketPlace]]:
        if self._bridge.data_dir is not None:
            yield Door.SOCKET, SocketPlace.in_data_dir(self._bridge.data_dir)
        hooks = place_of(self._config)
        if hooks is not None:
            yield Door.HOOKS, hooks

    async def _keep_local_door(self, door: Door, place: SocketPlace, porter: Porter) -> None:
        what = "the API's socket" if door is Door.SOCKET else "the socket for hooks"
        trouble = Trouble(_LOGGER, f"{what} is not open", self._clock.monotonic)
        while True:
            try:
                opened = await in_thread("api socket", lambda: self._open(door, place), close=UnixSocket.close)
            except DoorClosed as error:
                trouble.report(error, hint=error.hint)
                await self._clock.sleep(_RETRY_S)
                continue
            trouble.over()
            try:
                await porter.serve([opened.sock], door)
            finally:
                opened.sock.close()
                with suppress(TimeoutError):
                    async with self._clock.timeout(_SHUTDOWN_S):
                        await in_thread("api socket", opened.close)

    def _open(self, door: Door, place: SocketPlace) -> UnixSocket:
        flaw = hooks_flaw(place, self._bridge.data_dir) if door is Door.HOOKS else None
        if flaw is not None:
            raise flaw
        return UnixSocket.open(place)

    async def _sweep(self) -> None:
        while True:
            due = self._clock.monotonic() + _SWEEP_S
            await self._clock.sleep(_SWEEP_S)
            self._traffic.loop.observe(max(0.0, self._clock.monotonic() - due))
            self._connections.sweep()

    async def _end_revoked(self, hub: HubView) -> None:
        """End what is served by a token that is good for nothing any more, once it has had a moment to say why."""
        subscription = hub.subscribe(Subjects(tokens=True))
        try:
            while True:
                await subscription.changes()
                await self._clock.sleep(_SWEEP_S)
                for connection in self._connections:
                    if connection.token_id is not None and not hub.tokens.holds(connection.token_id):
                        connection.abort()
        finally:
            subscription.close()

    def _tell(self, sockets: Sequence[socket.socket]) -> None:
        self.addresses[:] = [(str(name[0]), int(name[1])) for name in (sock.getsockname() for sock in sockets)]
        scheme, shown = ("http", None) if self._config.tls is None else ("https", self._certificates.fingerprint)
        named = ((f"[{host}]" if ":" in host else host, port) for host, port in self.addresses)
        places = ", ".join(f"{scheme}://{host}:{port}" for host, port in named)
        _LOGGER.info("the API listens on %s%s", places, f", with the certificate {shown}" if shown else "")
        self.opened.set()

    async def _offer_pairing(self, hub: HubView) -> None:
        """Show a code once, while there is no token, where somebody sits at the terminal: it goes into no file and no log."""
        if (
            not self._config.offer_pairing
            or hub.tokens.all()
            or await hub.kept(NAME, _OFFERED) is not None
            or not sys.stdout.isatty()
        ):
            return
        await hub.keep(NAME, _OFFERED, "once")
        code = self._pairing.open(Grant())
        text = f"Nobody has paired with the API yet. For ten minutes this code lets one client in: {code[:4]}-{code[4:]}"
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def _multicast() -> Multicast:
    from vms_bridge.api.multicast import MulticastDns  # noqa: PLC0415  # it needs the extra, and only where it is wanted

    return MulticastDns()
