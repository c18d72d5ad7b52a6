"""Servers that scripts talk to in tests: real ones, on loopback, that misbehave as they are told."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.bridge.scripts.services.lab import Worker

from vms_bridge.clock import SystemClock
from vms_bridge.scripts.services.http import HttpService
from vms_bridge.scripts.services.http_client import HttpClient
from vms_bridge.scripts.services.secrets import ScriptSecret, ScriptSecrets
from vms_bridge.scripts.services.table import Services
from vms_bridge.scripts.urls import parse_pattern
from vms_bridge.scripts.values import Permissions

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
    from typing import Any

    from vms_bridge.clock import Clock
    from vms_bridge.scripts.services.http import Uploads
    from vms_bridge.scripts.services.table import Answered

MOST_REQUEST_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it came in."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return self.line.split(" ")[1]


@dataclass
class Server:
    """Answers each request by `answer`, in raw bytes: whatever that makes of HTTP."""

    port: int = 0
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    answer: Callable[[Request, asyncio.StreamWriter], Awaitable[None]] | None = None
    text: str = "hello"

    def url(self, path: str = "/", *, scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            request = await _read(reader)
            self.requests.append(request)
            if self.answer is None:
                writer.write(said(self.text.encode()))
            else:
                await self.answer(request, writer)
            await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client has had enough
        finally:
            writer.close()


def said(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    """Return an answer."""
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers]
    return "\r\n".join([*head, "", ""]).encode("utf-8") + body


def redirect(location: str, status: int = 302) -> Callable[[Request, asyncio.StreamWriter], Awaitable[None]]:
    """Return what answers the first request of `/` with this redirect, and all others with their headers."""

    async def answer(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.path == "/":
            writer.write(said(b"", f"Location: {location}", status=f"{status} Moved"))
        else:
            writer.write(said(b"arrived"))

    return answer


@asynccontextmanager
async def serving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Server]:
    """A server on loopback."""
    server = Server()
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


@dataclass
class Names:
    """A name server, whose answers change as a test wants it."""

    answers: dict[str, list[Sequence[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def resolve(self, host: str, port: int) -> Sequence[str]:
        del port
        self.asked.append(host)
        answers = self.answers.get(host)
        if not answers:
            raise OSError("no such host")
        return answers.pop(0) if len(answers) > 1 else answers[0]


@dataclass
class Outside:
    """What scripts ask for HTTP by."""

    names: Names
    services: Services

    async def ask(self, worker: Worker, url: str, data: bytes = b"", **words: Any) -> Answered:  # noqa: ANN401 - JSON
        return await self.services.answer(worker, "http.request", {"url": url, **words}, data)


def outside(
    *,
    names: Names | None = None,
    secrets: dict[str, tuple[str, tuple[str, ...]]] | None = None,
    tls: Callable[[], ssl.SSLContext] | None = None,
    clock: Clock | None = None,
    uploads: Uploads | None = None,
    local_hosts: frozenset[str] = frozenset(),
) -> Outside:
    """The service, with a name server of ours."""
    names = names or Names()
    clock = clock or SystemClock()
    client = HttpClient(resolve=names.resolve) if tls is None else HttpClient(resolve=names.resolve, tls=tls)
    kept = ScriptSecrets(
        {name: ScriptSecret(text, tuple(map(parse_pattern, patterns))) for name, (text, patterns) in (secrets or {}).items()}
    )
    service = HttpService(client=client, secrets=kept, clock=clock, uploads=uploads, local_hosts=local_hosts)
    return Outside(names, Services(service.rows(), clock))


def script(*http: str, secrets: tuple[str, ...] = (), name: str = "gate") -> Worker:
    """A script that may ask for these."""
    return Worker(name, Permissions(http=http, secrets=secrets))


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    line, *rest = head.rstrip("\r\n").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (each.partition(":") for each in rest)}
    body = b""
    if "content-length" in headers:
        body = await reader.readexactly(min(int(headers["content-length"]), MOST_REQUEST_BYTES))
    elif headers.get("transfer-encoding") == "chunked":
        while size := int((await reader.readline()).strip() or b"0", 16):
            body += await reader.readexactly(size)
            await reader.readline()
    return Request(line, headers, body)
