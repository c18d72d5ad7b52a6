"""A TCP proxy with bad weather: resets, black holes, delays, one byte a second; for the web also TLS and 401."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import struct
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Iterator

    from tests.chaos.tap import Tap, TappedConnection

_CHUNK = 65_536
_HELD = 64
_METHODS = (b"GET ", b"POST ", b"PUT ", b"DELETE ")
_CHANGE = re.compile(
    rb"POST \S*?/api/(monitors/\d+)\.|GET \S*?/api/(monitors/alarm/id(?::|%3A)\d+/command(?::|%3A)(?!status)\w+)\."
)
_BODY = b'{"success":false,"data":{"name":"Not Authenticated","message":"Not Authenticated"}}'
_UNAUTHORISED = (
    b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s" % (len(_BODY), _BODY)
)


class Proxy:
    """Listens on `port`, passes on to the port given.

    `hits` counts what the weather has spoiled, `asked` what the client has sent: a part that is hurt while nobody asks
    it for anything is not missed.
    """

    def __init__(self, upstream: int, *, tap: Tap | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self.hits = 0
        self.asked = 0
        self.unauthorised = 0
        self.changes: list[tuple[float, str]] = []
        """What was asked for that changes something and was not refused as unauthorised: when, and the path."""
        self._upstream, self._tap, self._tls = upstream, tap, tls
        self._spare_tls: ssl.SSLContext | None = None
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._passing = asyncio.Event()
        self._passing.set()
        self.undelayed = asyncio.Event()
        self.delay_s = 0.0
        self.trickles = False
        self.answers_401 = False

    async def __aenter__(self) -> Self:
        await self._listen(self._tls)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self._close()

    @property
    def is_used(self) -> bool:
        """Whether there is a connection."""
        return bool(self._connections)

    def reset(self) -> None:
        """Break all connections by RST."""
        self.hits += len(self._connections)
        for connection in list(self._connections):
            connection.reset()

    @contextlib.contextmanager
    def black_hole(self) -> Iterator[None]:
        """Let nothing through; what was sent meanwhile arrives afterwards, as TCP's retransmissions do."""
        self._passing.clear()
        try:
            yield
        finally:
            self._passing.set()

    @contextlib.contextmanager
    def delay(self, seconds: float) -> Iterator[None]:
        """Let everything through that much later."""
        self.undelayed.clear()
        self.delay_s = seconds
        try:
            yield
        finally:
            self.delay_s = 0
            self.undelayed.set()

    @contextlib.contextmanager
    def half_open(self) -> Iterator[None]:
        """Swallow all that goes over the connections of now; those made later work."""
        lost = list(self._connections)
        for connection in lost:
            connection.is_lost = True
        try:
            yield
        finally:
            for connection in lost:
                connection.reset()

    @contextlib.asynccontextmanager
    async def certificate(self, tls: ssl.SSLContext) -> AsyncIterator[None]:
        """Show another certificate, as after a careless renewal; connections of before are closed."""
        await self._close()
        await self._listen(tls)
        self.reset()
        try:
            yield
        finally:
            await self._close()
            await self._listen(self._tls)
            self.reset()

    async def passing(self) -> None:
        """Wait while nothing gets through."""
        if not self._passing.is_set():
            self.hits += 1
            await self._passing.wait()

    def connection(self) -> TappedConnection | None:
        """Return the ear for one more connection."""
        return self._tap.connection() if self._tap else None

    async def _listen(self, tls: ssl.SSLContext | None) -> None:
        for _ in range(50):  # the port may still be in use for a moment after a close
            try:
                self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port, ssl=tls, limit=_CHUNK)
                break
            except OSError:
                await asyncio.sleep(0.1)
        assert self._server is not None, f"port {self.port} can't be had again"
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        self.reset()
        await asyncio.sleep(0)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self, writer)
        self._connections.add(connection)
        self.asked += 1
        try:
            await self.passing()
            upstream, to_upstream = await asyncio.open_connection("127.0.0.1", self._upstream)
            connection.writers.append(to_upstream)
            await connection.run(reader, upstream)
        except* (OSError, EOFError):
            pass
        finally:
            self._connections.discard(connection)
            connection.reset()


class _Connection:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, writer: asyncio.StreamWriter) -> None:
        self.proxy = proxy
        self.writers = [writer]
        self.is_lost = False
        self._ear = proxy.connection()
        self._change: tuple[float, str] | None = None

    async def run(self, client: asyncio.StreamReader, upstream: asyncio.StreamReader) -> None:
        """Pass bytes in both directions until one side ends."""
        to_client, to_upstream = self.writers
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pass(client, to_upstream, is_up=True))
            group.create_task(self._pass(upstream, to_client, is_up=False))

    def reset(self) -> None:
        """End it by RST."""
        for writer in self.writers:
            found: socket.socket | None = writer.get_extra_info("socket")
            with contextlib.suppress(OSError):
                if found is not None:
                    found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_up: bool) -> None:
        """Pass one direction on; its end ends the other one too."""
        held: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_HELD)

        async def read() -> None:
            while True:
                try:
                    chunk = await reader.read(_CHUNK)
                except OSError:
                    chunk = b""
                if self._ear is not None and not is_up:
                    self._ear.from_broker(chunk)  # acknowledged is acknowledged, though the bridge may never hear of it
                self.proxy.asked += is_up and bool(chunk)
                await held.put((time.monotonic() + self.proxy.delay_s, chunk))
                if not chunk:
                    return

        reading = asyncio.create_task(read())
        try:
            while True:
                due, chunk = await held.get()
                if not chunk:
                    raise EOFError
                await self._weather(due)
                if self.is_lost:
                    self.proxy.hits += 1
                elif is_up and self.proxy.answers_401 and chunk.startswith(_METHODS):
                    await self._refuse()
                else:
                    await self._write(writer, chunk, is_up=is_up)
        finally:
            reading.cancel()

    async def _weather(self, due: float) -> None:
        proxy = self.proxy
        if due > time.monotonic() and proxy.delay_s:
            proxy.hits += 1
            with contextlib.suppress(TimeoutError):  # what is held when the line is good again goes at once
                async with asyncio.timeout(due - time.monotonic()):
                    await proxy.undelayed.wait()
        await proxy.passing()

    async def _write(self, writer: asyncio.StreamWriter, chunk: bytes, *, is_up: bool) -> None:
        self._note_http(chunk, is_up=is_up)
        for part in self._parts(chunk):
            writer.write(part)
            if self._ear is not None and is_up:
                self._ear.from_client(part)
            await writer.drain()
            if len(part) == 1 and self.proxy.trickles:
                self.proxy.hits += 1
                await asyncio.sleep(1)

    def _note_http(self, chunk: bytes, *, is_up: bool) -> None:
        """Note requests that change something, but for those that are refused: these are made again."""
        if is_up and (asked := _CHANGE.match(chunk)):
            self._change = time.monotonic(), (asked[1] or asked[2]).decode().replace("%3A", ":")
            self.proxy.changes.append(self._change)
        elif not is_up and chunk.startswith(b"HTTP/1.1 "):
            if chunk.startswith(b"HTTP/1.1 401"):
                self.proxy.unauthorised += 1
                if self._change is not None:
                    self.proxy.changes.remove(self._change)
            self._change = None

    def _parts(self, chunk: bytes) -> Iterator[bytes]:
        """Cut the chunk into bytes while the line is that slow."""
        at = 0
        while at < len(chunk):
            end = at + 1 if self.proxy.trickles else len(chunk)
            yield chunk[at:end]
            at = end

    async def _refuse(self) -> None:
        self.proxy.hits += 1
        self.writers[0].write(_UNAUTHORISED)
        await self.writers[0].drain()
        self.writers[0].close()
        raise EOFError
