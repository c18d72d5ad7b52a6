"""What may stand before a server: a relay that speaks TLS, and proxies that let in by a login or a certificate only."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LOGIN_PAGE = '<html><form method="post"><input name="u"><input type="password" name="p"></form></html>'


@dataclass(slots=True)
class Gate:
    """Answers in the place of the server unless it lets in; `kind` says how it refuses.

    basic, digest: 401 with a challenge; plain: 401 as Authelia answers a program; portal: 302 to a login elsewhere, as
    Authelia answers a browser; page: 200 with a login page; certificate: nginx's 400 without a client certificate.
    """

    kind: str
    username: str = "proxy"
    password: str = "sésame:1"
    seen: Counter[str] = field(default_factory=Counter)
    """How often each Authorization came."""

    def refuses(self, request: web.Request) -> web.Response | None:
        """Return what answers this request, None to let it in."""
        came = request.headers.get("Authorization", "")
        self.seen[came] += 1
        if self.kind == "certificate":
            shown = request.transport and request.transport.get_extra_info("peercert")
            text = "<html><center>No required SSL certificate was sent</center><center>nginx</center></html>"
            return None if shown else web.Response(status=400, text=text, content_type="text/html")
        if self.kind != "digest" and came == f"Basic {b64encode(f'{self.username}:{self.password}'.encode()).decode()}":
            return None
        if self.kind in {"basic", "digest"}:
            challenge = {"basic": 'Basic realm="Cameras"', "digest": 'Digest realm="Cameras", nonce="1"'}[self.kind]
            return web.Response(
                status=401, text="<html>no</html>", content_type="text/html", headers={"WWW-Authenticate": challenge}
            )
        if self.kind == "plain":
            return web.Response(status=401, text="401 Unauthorized")
        if self.kind == "portal":
            back = f"https%3A%2F%2F{request.url.host}%2Fzm%2Fapi%2Fhost%2FgetVersion.json"
            return web.Response(status=302, headers={"Location": f"https://id.example.org/?rd={back}&rm=GET"})
        return web.Response(text=LOGIN_PAGE, content_type="text/html")


@asynccontextmanager
async def relay(port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Pass on what comes to a server on loopback, as a reverse proxy does; yield the port."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, inner_writer), pump(inner_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        await server.wait_closed()


async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    """Pass on all that comes, to its end."""
    try:
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()
    except (ConnectionError, ssl.SSLError):
        pass
    finally:
        sink.close()
