"""A broker of alerts on loopback, which answers as RabbitMQ does (tests/e2e/test_pushed_alerts.py) and can misbehave."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from vms_bridge.vxg.stomp import Frame, Inflow, pack

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping


@dataclass(slots=True)
class FakeBroker:
    """Use as an async context manager, then read `port`.

    `greeting` takes the place of what it answers to CONNECT, `subscribing` of the receipt for a subscription; `beats` are the
    signs of life that it promises, of which it shows none; `virtual_hosts` are those that it has, None for any.
    """

    password: str = "secret"
    greeting: bytes | None = None
    subscribing: bytes | None = None
    beats: str = "20000,20000"
    virtual_hosts: tuple[str, ...] | None = None
    tls: ssl.SSLContext | None = None
    port: int = 0
    heard: list[Frame] = field(default_factory=list)
    signs_of_life: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    _server: asyncio.Server | None = None
    _subscribed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self.drop()
        assert self._server is not None
        self._server.close()

    @property
    def url(self) -> str:
        return f"{'stomp' if self.tls is None else 'stomps'}://localhost:{self.port}"

    async def subscribed(self) -> None:
        """Wait until somebody listens."""
        async with asyncio.timeout(30):
            await self._subscribed.wait()

    def drop(self) -> None:
        """Break all connections off."""
        self._subscribed.clear()
        for writer in self.writers:
            writer.transport.abort()
        self.writers.clear()

    def tell(self, said: dict[str, Any] | bytes) -> None:
        """Push an alert, or any bytes as a body."""
        body = said if isinstance(said, bytes) else json.dumps(said).encode()
        self.say(pack(Frame("MESSAGE", {"destination": "/topic/alarms", "content-length": str(len(body))}, body)))

    def say(self, raw: bytes) -> None:
        """Send bytes as they are."""
        for writer in self.writers:
            writer.write(raw)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inflow = Inflow()
        while data := await reader.read(65_536):
            inflow.add(data)
            self.signs_of_life += not data.strip(b"\n")
            while (frame := inflow.take()) is not None:
                self.heard.append(frame)
                if frame.command == "CONNECT":
                    writer.write(self.greeting or pack(self._answer(frame.headers)))
                elif frame.command == "SUBSCRIBE":
                    writer.write(self.subscribing or pack(Frame("RECEIPT", {"receipt-id": frame.headers["receipt"]})))
                    self.writers.append(writer)
                    self._subscribed.set()
        writer.close()

    def _answer(self, said: Mapping[str, str]) -> Frame:
        if self.virtual_hosts is not None and said["host"] not in self.virtual_hosts:
            return refusal("Bad CONNECT", f"Virtual host '{said['host']}' access denied")
        if said.get("passcode") != self.password:
            return refusal("Bad CONNECT", f"Access refused for user '{said.get('login', 'guest')}'\n")
        return Frame("CONNECTED", {"version": "1.2", "heart-beat": self.beats})


def refusal(head: str, body: str) -> Frame:
    """Return an ERROR."""
    return Frame("ERROR", {"message": head, "content-type": "text/plain", "version": "1.0,1.1,1.2"}, body.encode())
