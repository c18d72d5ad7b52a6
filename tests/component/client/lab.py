"""What tests of the client have in common: servers that answer as a test says, and no bridge behind them."""

from __future__ import annotations

import json
import secrets
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import WSMsgType, web
from custom_components.vms_bridge.client import Address, BridgeClient
from tests.component.fakes import proof
from tests.component.fakes.bridge import TOKEN, TOKEN_ID

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

BRIDGE_ID = "5f0c7a52e9d14b0c"
INFO = {"bridge_id": BRIDGE_ID, "name": "VMS Bridge", "protocol": {"lowest": 1, "highest": 1}}


@dataclass
class Scripted:
    """A server at which a test says what is answered; it proves that it knows the token, and its WebSocket follows a script."""

    url: str = ""
    seen: list[tuple[str, str, bool]] = field(default_factory=list)
    """Method and path of each request, and whether a token was shown."""
    answers: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]] = field(default_factory=dict)
    """What is answered by path below /api/v1/; `ws` too."""

    @property
    def host(self) -> str:
        """What clients name as Host."""
        return self.url.partition("://")[2]

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer a request."""
        path = request.path.removeprefix("/api/v1/")
        self.seen.append((request.method, path, "Authorization" in request.headers))
        if path in self.answers:
            return await self.answers[path](request)
        if path == "info":
            return web.json_response(INFO)
        if path == "proof":
            return web.json_response(self.proof_for(await request.json()))
        return web.json_response({"code": "not_found", "detail": "no such thing"}, status=404)

    def proof_for(self, asked: dict[str, str]) -> dict[str, str | None]:
        """Return a proof that it knows the token."""
        nonce = secrets.token_hex(32)
        mac = proof.mac(proof.key_of_token(TOKEN), "token", BRIDGE_ID, self.host, None, asked["nonce"], nonce)
        return {"bridge_id": BRIDGE_ID, "host": self.host, "certificate": None, "nonce": nonce, "mac": mac}

    def says(self, path: str, status: int, body: object = None, **headers: str) -> None:
        """Answer so; bytes as they are, other things as JSON."""

        async def answer(_request: web.Request) -> web.StreamResponse:
            raw = body if isinstance(body, bytes) else json.dumps(body).encode()
            return web.Response(status=status, body=raw, headers={name.replace("_", "-"): each for name, each in headers.items()})

        self.answers[path] = answer

    def speaks(self, script: Callable[[Line], Awaitable[None]], *, autoping: bool = True) -> None:
        """Have its WebSocket do this, and then be closed."""

        async def answer(request: web.Request) -> web.StreamResponse:
            socket = web.WebSocketResponse(autoping=autoping, timeout=1.0)
            await socket.prepare(request)
            await script(Line(self, socket))
            if not socket.closed:
                await socket.close()
            return socket

        self.answers["ws"] = answer


@dataclass
class Line:
    """One WebSocket of a scripted server."""

    server: Scripted
    socket: web.WebSocketResponse
    seq: int = 0
    nonce: str = field(default_factory=lambda: secrets.token_hex(32))

    async def say(self, message: object) -> None:
        """Say something, as JSON."""
        await self.socket.send_str(json.dumps(message))

    async def tell(self, *items: dict[str, Any]) -> None:
        """Tell of changes."""
        self.seq += 1
        await self.say({"type": "changes", "seq": self.seq, "items": list(items)})

    async def hear(self) -> dict[str, Any]:
        """Return what the client says next; an empty object where it has gone."""
        while (message := await self.socket.receive()).type in {WSMsgType.PING, WSMsgType.PONG}:
            if message.type is WSMsgType.PING:
                await self.socket.pong(message.data)
        return json.loads(message.data) if message.type is WSMsgType.TEXT else {}

    async def until_gone(self) -> None:
        """Hear the client out."""
        while await self.hear():
            pass

    async def hello(self, **other: object) -> None:
        """Say hello."""
        said = {"type": "hello", "bridge_id": BRIDGE_ID, "version": "0.1.0", "lowest_protocol": 1, "highest_protocol": 1}
        await self.say({**said, "token": True, "nonce": self.nonce, **other})

    async def greet(self) -> None:
        """Let the client in as a bridge does."""
        await self.hello()
        asked = await self.hear()
        key, bound = proof.key_of_token(TOKEN), (BRIDGE_ID, self.server.host, None)
        shown = proof.mac(key, "websocket bridge", *bound, asked["nonce"], self.nonce)
        await self.say({"type": "proof", "proof": shown})
        sealed = (await self.hear())["sealed"]
        text = proof.xor(bytes.fromhex(sealed), proof.pad(key, "websocket token", *bound, asked["nonce"], self.nonce))
        assert text.decode() == TOKEN
        await self.say({"type": "welcome", "scope": "control", "name": "Home Assistant", "epoch": "5d1f"})

    async def sync(self) -> dict[str, Any]:
        """Let the client in, tell it that this is all, and return what it has subscribed to."""
        await self.greet()
        asked = await self.hear()
        await self.tell({"what": "synced", "cursor": "5d1f:1"})
        return asked


@asynccontextmanager
async def scripted() -> AsyncIterator[Scripted]:
    """Give a server on loopback, without TLS."""
    server = Scripted()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield server
    finally:
        await runner.cleanup()


@asynccontextmanager
async def client_of(
    url: str, token: str | None = TOKEN, fingerprint: str | None = None, *, connector: aiohttp.TCPConnector | None = None
) -> AsyncIterator[BridgeClient]:
    """Give a client with a session of its own."""
    async with aiohttp.ClientSession(connector=connector) as session:
        yield BridgeClient(session, Address(url, fingerprint), token)


async def trusting(url: str) -> aiohttp.TCPConnector:
    """Return a connector that trusts the certificate that is shown there, as if an authority had signed it."""
    seen = ssl.create_default_context()
    seen.check_hostname, seen.verify_mode = False, ssl.CERT_NONE
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/api/v1/ws", ssl=seen) as socket:
        shown = socket.get_extra_info("ssl_object").getpeercert(binary_form=True)
    context = ssl.create_default_context()
    context.load_verify_locations(cadata=shown)
    return aiohttp.TCPConnector(ssl=context)


__all__ = ["BRIDGE_ID", "INFO", "TOKEN", "TOKEN_ID", "Line", "Scripted", "client_of", "scripted", "trusting"]
