"""A TCP proxy before the broker that reads MQTT and lies: it swallows, delays, repeats and alters packets."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from tests.chaos.tap import CONNACK, CONNECT, PINGRESP, PUBACK, PUBLISH, SUBACK, next_packet, packet_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.tap import Tap

_CHUNK = 65_536
_LATE_S = 3.0
_EVERY = 3
_DUP = 0x08
_QOS = 0x06
_BUSY = 0x89


@dataclass(frozen=True, slots=True)
class Trick:
    """One kind of lie about MQTT.

    `loses`: what is lost is noticed by what follows it, or by 15 s of silence, and then all is said again. `resets`: the
    connections are broken when it begins, since it is about their beginning.
    """

    loses: bool = False
    resets: bool = False


TRICKS = {
    "lose-some": Trick(loses=True),
    "lose-all": Trick(loses=True),
    "lose-some-acks": Trick(loses=True),
    "lose-all-acks": Trick(loses=True),
    "lose-down": Trick(loses=True, resets=True),
    "late-acks": Trick(),
    "late-suback": Trick(resets=True),
    "late-ping": Trick(),
    "repeat-up": Trick(),
    "repeat-down": Trick(),
    "forget-session": Trick(resets=True),
    "claim-session": Trick(resets=True),
    "busy": Trick(resets=True),
}


class Line:
    """Listens on `port`, passes on to the port given; `tricks` are those that are played now."""

    def __init__(self, upstream: int, tap: Tap, *, late_s: float = _LATE_S) -> None:
        self.port = 0
        self.tap = tap
        self.late_s = late_s
        self.tricks: set[str] = set()
        self.hits: dict[str, int] = dict.fromkeys(TRICKS, 0)
        self.forgotten: list[float] = []
        """When the broker was made to forget a session, and what waits in it."""
        self._upstream = upstream
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_CHUNK)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_exc: object) -> None:
        assert self._server is not None
        self._server.close()
        self.reset()
        await asyncio.sleep(0)

    def begin(self, name: str) -> None:
        """Play this trick from now on."""
        self.tricks.add(name)
        if TRICKS[name].resets:
            self.reset()

    def end(self, name: str) -> None:
        """Play it no more."""
        self.tricks.discard(name)

    def reset(self) -> None:
        """Break all connections."""
        for connection in list(self._connections):
            connection.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self, writer)
        self._connections.add(connection)
        try:
            upstream, to_upstream = await asyncio.open_connection("127.0.0.1", self._upstream)
            connection.writers.append(to_upstream)
            await connection.run(reader, upstream)
        except* (OSError, EOFError):
            pass
        finally:
            self._connections.discard(connection)
            connection.abort()


class _Connection:
    """One connection through the proxy."""

    def __init__(self, line: Line, writer: asyncio.StreamWriter) -> None:
        self._line = line
        self.writers = [writer]
        self._ear = line.tap.connection()
        self._counts = dict.fromkeys(TRICKS, 0)
        self._confirmed_twice: set[bytes] = set()
        self._version = 4
        self._acknowledged_until = 0.0

    async def run(self, client: asyncio.StreamReader, upstream: asyncio.StreamReader) -> None:
        """Pass packets in both directions until one side ends."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._pass(client, self._up))
            group.create_task(self._pass(upstream, self._down))

    def abort(self) -> None:
        """End it at once."""
        for writer in self.writers:
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, take: Callable[[int, bytes], None]) -> None:
        buffer = bytearray()
        while True:
            chunk = await reader.read(_CHUNK)
            if not chunk:
                raise EOFError
            buffer += chunk
            while packet := next_packet(buffer):
                take(*packet)
            for writer in self.writers:
                await writer.drain()

    def _up(self, head: int, body: bytes) -> None:
        """Take a packet from the bridge."""
        kind, whole = head >> 4, packet_of(head, body)
        if kind == CONNECT:
            self._version = body[6]
            if self._plays("forget-session"):
                whole = packet_of(head, body[:7] + bytes([body[7] | 0x02]) + body[8:])
                self._line.forgotten.append(time.monotonic())
        elif kind == PUBLISH and head & _QOS:
            if self._plays("lose-all") or self._plays("lose-some", every=_EVERY):
                self._ear.lost(whole)
                return
            if self._plays("repeat-up"):
                self._write_up(whole)
                self.writers[1].write(packet_of(head | _DUP, body))
                return
        elif kind == PUBACK and body[:2] in self._confirmed_twice:
            self._confirmed_twice.discard(body[:2])
            return
        self._write_up(whole)

    def _down(self, head: int, body: bytes) -> None:
        """Take a packet from the broker."""
        kind, whole = head >> 4, packet_of(head, body)
        match kind:
            case _ if kind == CONNACK:
                self._connected(whole, body)
                return
            case _ if kind == PUBACK:
                self._acknowledged(whole)
                return
            case _ if kind == SUBACK and self._plays("late-suback"):
                self._later(whole)
                return
            case _ if kind == PINGRESP and self._plays("late-ping"):
                self._later(whole)
                return
            case _ if kind == PUBLISH:
                if self._plays("lose-down"):
                    return
                if head & _QOS and self._plays("repeat-down"):
                    self._write_down(whole)
                    self._confirmed_twice.add(_number(body))
                    whole = packet_of(head | _DUP, body)
        self._write_down(whole)

    def _connected(self, whole: bytes, body: bytes) -> None:
        if self._plays("busy"):
            self._write_down(packet_of(CONNACK << 4, b"\0" + (bytes([_BUSY, 0]) if self._version == 5 else b"\x03")))
            self.writers[1].close()
        elif self._plays("claim-session"):
            self._write_down(packet_of(CONNACK << 4, bytes([body[0] | 1]) + body[1:]))
        else:
            self._write_down(whole)

    def _acknowledged(self, whole: bytes) -> None:
        self._ear.from_broker(whole)  # acknowledged is acknowledged, though the bridge may never hear of it
        if self._plays("lose-all-acks") or self._plays("lose-some-acks", every=_EVERY):
            return
        self._acknowledge(whole, self._line.late_s if self._plays("late-acks") else 0.0)

    def _plays(self, name: str, *, every: int = 1) -> bool:
        """Say whether this packet is one that the trick is played with."""
        if name not in self._line.tricks:
            return False
        self._counts[name] += 1
        if self._counts[name] % every:
            return False
        self._line.hits[name] += 1
        return True

    def _write_up(self, packet: bytes) -> None:
        self.writers[1].write(packet)
        self._ear.from_client(packet)

    def _write_down(self, packet: bytes) -> None:
        self._ear.from_broker(packet)
        self.writers[0].write(packet)

    def _acknowledge(self, packet: bytes, late_s: float) -> None:
        """Pass an acknowledgement on, never before one that came before it."""
        loop = asyncio.get_running_loop()
        due = max(loop.time() + late_s, self._acknowledged_until + 1e-5)
        if due <= loop.time():
            self.writers[0].write(packet)
        else:
            self._acknowledged_until = due
            loop.call_at(due, self._write_late, packet)

    def _later(self, packet: bytes) -> None:
        asyncio.get_running_loop().call_later(self._line.late_s, self._write_late, packet)

    def _write_late(self, packet: bytes) -> None:
        if not self.writers[0].is_closing():
            self.writers[0].write(packet)


def _number(body: bytes) -> bytes:
    """Return the packet identifier of a PUBLISH, as it stands there."""
    length = int.from_bytes(body[:2], "big")
    return body[2 + length : 4 + length]
