"""What tests of the API share: a whole one that serves over a fake hub, and the ways to speak with it."""

from __future__ import annotations

import asyncio
import json
import socket
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import aiohttp
from tests.fakes.clock import FakeClock
from tests.fakes.hub import FakeHub
from tests.fakes.identity import HOME

from vms_bridge.api.config import HttpConfig
from vms_bridge.api.sink import ApiSink
from vms_bridge.sockets import api_socket
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Answer:
    """What the API has answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def said(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """What the problem is, for programs."""
        return str(self.said["code"])


@dataclass(slots=True, kw_only=True)
class Api:
    """A running API."""

    sink: ApiSink
    hub: FakeHub
    clock: FakeClock
    folder: Path
    trust: ssl.SSLContext | None = None
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    @property
    def port(self) -> int:
        return self.sink.addresses[0][1]

    @property
    def url(self) -> str:
        return f"{'http' if self.trust is None else 'https'}://127.0.0.1:{self.port}"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    def token(self, scope: Scope = Scope.READ, **limits: Any) -> str:  # noqa: ANN401 - as of FakeTokens.add
        return self.hub.tokens.add(scope, **limits)[1]

    async def ask(
        self,
        method: str,
        path: str,
        *,
        token: str | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        by_socket: bool = False,
    ) -> Answer:
        """Ask for something on a connection of its own."""
        sent = dict(headers or {})
        if token is not None:
            sent["Authorization"] = f"Bearer {token}"
        connector = (
            aiohttp.UnixConnector(str(api_socket(self.folder))) if by_socket else aiohttp.TCPConnector(ssl=self.trust or False)
        )
        url = "http://localhost" if by_socket else self.url
        async with (
            aiohttp.ClientSession(connector=connector, auto_decompress=True) as session,
            session.request(method, f"{url}{path}", json=body, headers=sent) as answer,
        ):
            return Answer(answer.status, answer.headers, await answer.read())

    async def get(self, path: str, **options: Any) -> Answer:  # noqa: ANN401 - as of `ask`
        return await self.ask("GET", path, **options)

    async def post(self, path: str, body: object, **options: Any) -> Answer:  # noqa: ANN401 - as of `ask`
        return await self.ask("POST", path, body=body, **options)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Open a connection, and say nothing; it is closed in the end."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, ssl=self.trust)
        self.writers.append(writer)
        return reader, writer

    async def say(self, text: str) -> str:
        """Send this as it is, and return all that comes back until the connection ends."""
        reader, writer = await self.connect()
        try:
            writer.write(text.replace("\n", "\r\n").encode("latin-1"))
            return (await reader.read()).decode()
        finally:
            await closed(writer)


@asynccontextmanager
async def serving(
    folder: Path,
    *,
    hub: FakeHub | None = None,
    clock: FakeClock | None = None,
    trust: ssl.SSLContext | None = None,
    **options: object,
) -> AsyncIterator[Api]:
    """Serve on a free port of this machine, and on the socket in the folder."""
    hub, clock = hub or FakeHub(), clock or FakeClock()
    hub.links.clock = clock
    sink = ApiSink(HttpConfig.model_validate({"port": 0} | options), replace(HOME, data_dir=folder), clock)
    running = asyncio.create_task(sink.run(hub))
    opened = asyncio.create_task(sink.opened.wait())
    try:
        await asyncio.wait([running, opened], return_when=asyncio.FIRST_COMPLETED)
        assert not running.done(), running.exception()
        await until(lambda: answers(api_socket(folder)))
        api = Api(sink=sink, hub=hub, clock=clock, folder=folder, trust=trust)
        yield api
        for writer in api.writers:
            await closed(writer)
    finally:
        opened.cancel()
        running.cancel()
        while not running.done():
            await asyncio.wait([running], timeout=0.01)
            await clock.advance(0)
        if not running.cancelled():
            running.result()


async def closed(writer: asyncio.StreamWriter) -> None:
    """Close a connection, however its other end has ended it."""
    writer.close()
    with suppress(ConnectionError, BrokenPipeError):
        await writer.wait_closed()


def answers(path: Path) -> bool:
    """Say whether somebody listens at this unix socket."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


async def until(holds: Callable[[], object]) -> None:
    """Wait until this holds, which what is under way in threads and sockets brings about."""
    while not await asyncio.to_thread(holds):  # noqa: ASYNC110 - there is nothing to be waited for
        await asyncio.sleep(0.001)
