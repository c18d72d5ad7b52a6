"""A slow link before the broker: a TCP proxy in a process of its own that lets so many bits a second through each way.

Its connections share the link in turns, a packet's worth each, as they do behind Linux's default queue (fq_codel). What
has not been let through yet stays with its sender: the proxy itself holds little.
"""

from __future__ import annotations

import argparse
import asyncio
import socket
from contextlib import suppress

from benchmarks.lab.remote import Json, serve

_CHUNK_BYTES = 4096
_BUFFER_BYTES = 64 * 1024
_BURST_S = 0.001
"""As exact as the loop's clock; what was slept too long is made up for."""


class Link:
    """One direction of the link: who wants to send waits until its bytes have passed."""

    def __init__(self, bytes_per_s: float) -> None:
        self._bytes_per_s = bytes_per_s
        self._free_at = 0.0
        self.passed = 0

    async def carry(self, size: int) -> None:
        """Return when that many bytes have passed, behind what was there before."""
        loop = asyncio.get_running_loop()
        self._free_at = max(self._free_at, loop.time() - _BURST_S) + size / self._bytes_per_s
        self.passed += size
        wait = self._free_at - loop.time()
        if wait > 0:
            await asyncio.sleep(wait)


class SlowLink:
    """The proxy: listens on a port of its own and connects to `port`."""

    def __init__(self, port: int, bits_per_s: float) -> None:
        self._port = port
        self.there, self.back = Link(bits_per_s / 8), Link(bits_per_s / 8)
        self._tasks: set[asyncio.Task[None]] = set()
        self._connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER_BYTES)
        self._listener.setblocking(False)

    async def answer(self, do: str, _request: Json) -> Json | None:
        """Say where the link begins, or how much has passed over how many connections."""
        match do:
            case "port":
                return {"port": self._listener.getsockname()[1]}
            case "passed":
                return {"there": self.there.passed, "back": self.back.passed, "connections": self._connections}
        raise ValueError(do)

    async def accept(self) -> None:
        """Take connections until cancelled."""
        loop = asyncio.get_running_loop()
        try:
            while True:
                near, _ = await loop.sock_accept(self._listener)
                self._connections += 1
                task = asyncio.create_task(self._connect(near))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        finally:
            self._listener.close()
            for task in list(self._tasks):
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _connect(self, near: socket.socket) -> None:
        with near, socket.socket() as far:
            for each in (near, far):
                each.setblocking(False)
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            far.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _BUFFER_BYTES)
            with suppress(OSError):
                await asyncio.get_running_loop().sock_connect(far, ("127.0.0.1", self._port))
                pumps = [asyncio.create_task(_pump(near, far, self.there)), asyncio.create_task(_pump(far, near, self.back))]
                try:
                    await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for pump in pumps:
                        pump.cancel()
                    await asyncio.gather(*pumps, return_exceptions=True)


async def _pump(source: socket.socket, sink: socket.socket, link: Link) -> None:
    loop = asyncio.get_running_loop()
    while data := await loop.sock_recv(source, _CHUNK_BYTES):
        await link.carry(len(data))
        await loop.sock_sendall(sink, data)


async def main() -> None:
    """Serve the parent until it closes our input."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--mbit", type=float, required=True)
    wanted = parser.parse_args()
    link = SlowLink(wanted.port, wanted.mbit * 1e6)
    accepting = asyncio.create_task(link.accept())
    try:
        await serve(link.answer)
    finally:
        accepting.cancel()
        await asyncio.gather(accepting, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main())
