"""A reload that changes `http`: who is served by it goes on or is sent away as docs/api.md says, and may come back at once."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import tempfile
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from tests.bridge.api.lab import until
from tests.bridge.api.websocket.lab import Client
from tests.bridge.test_app import Workshop, reloaded, started
from tests.fakes.authority import HomeMadeAuthority

from vms_bridge.api.config import HttpConfig
from vms_bridge.config import Config, SinkConfig
from vms_bridge.sinks import load_sink_kind
from vms_bridge.sockets import api_socket
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from vms_bridge.app import Bridge


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder whose path is short enough for a unix socket."""
    with tempfile.TemporaryDirectory(prefix="vb-", dir=os.environ.get("XDG_RUNTIME_DIR", "/tmp")) as name:  # noqa: S108 - for its length
        yield Path(name)


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def answers(port: int) -> bool:
    """Say whether somebody listens there. Blocking."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class House:
    """A bridge whose section `http` changes while it runs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.workshop, self.port = folder, Workshop(), a_free_port()
        self.bridge: Bridge

    def configured(self, *, is_on: bool = True, **http: Any) -> Config:  # noqa: ANN401 - options
        settings = HttpConfig.model_validate({"port": self.port} | http)
        sinks = {"http": SinkConfig(kind=load_sink_kind("http"), settings=settings)} if is_on else {}
        system = self.workshop.system("zm")
        return Config(instance="test", name="Test", data_dir=self.folder / "data", systems={"zm": system}, sinks=sinks)

    async def reload(self, **http: Any) -> None:  # noqa: ANN401 - options
        await reloaded(self.bridge, self.configured(**http))

    async def token(self, scope: Scope = Scope.READ) -> str:
        return (await self.bridge.hub.tokens.create("test", scope))[1]

    async def ask(self, token: str, *, trust: ssl.SSLContext | None = None, host: str | None = None) -> int:
        scheme = "http" if trust is None else "https"
        headers = {"Authorization": f"Bearer {token}"} | ({} if host is None else {"Host": host})
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=trust or False)) as session,
            session.get(f"{scheme}://127.0.0.1:{self.port}/api/v1/monitors", headers=headers) as answer,
        ):
            await answer.read()
            return answer.status

    def listens(self) -> bool:
        """Say whether somebody does on its port. Blocking."""
        return answers(self.port)

    def is_open(self) -> bool:
        """Say whether both doors are. Blocking."""
        with socket.socket(socket.AF_UNIX) as probe:
            return self.listens() and probe.connect_ex(str(api_socket(self.folder / "data"))) == 0

    @asynccontextmanager
    async def client(self, token: str) -> AsyncIterator[Client]:
        """A client of the WebSocket that was let in, and follows."""
        host = f"127.0.0.1:{self.port}"
        async with aiohttp.ClientSession() as session, session.ws_connect(f"http://{host}/api/v1/ws") as ws:
            client = Client(ws, host, is_strict=False)
            await client.authenticate(token)
            await client.subscribe()
            yield client


@asynccontextmanager
async def house(folder: Path, **http: Any) -> AsyncIterator[House]:  # noqa: ANN401 - options
    home = House(folder)
    async with started(home.configured(**http)) as home.bridge:
        await until(home.is_open)
        yield home


async def test_another_port_sends_clients_away_and_they_come_back_there_with_the_tokens_that_they_have(folder: Path) -> None:
    async with house(folder) as home:
        token, before = await home.token(), home.port
        async with home.client(token) as client:
            home.port = a_free_port()
            closed, _ = await asyncio.gather(client.end(), home.reload())
        assert closed.code == 1012
        await until(home.is_open)
        assert await home.ask(token) == 200
        assert not await asyncio.to_thread(answers, before)
        async with home.client(token) as client:
            assert client.welcome["scope"] == "read"


async def test_what_is_the_same_touches_nobody(folder: Path) -> None:
    async with house(folder) as home:
        token = await home.token()
        async with home.client(token) as client:
            configured = home.configured()
            more = {"zm": configured.systems["zm"], "barn": home.workshop.system("barn")}
            await reloaded(home.bridge, replace(configured, systems=more))
            home.workshop.made[0][1].show(connected=False)
            await client.state(connected=False)


async def test_tls_comes_and_goes_on_the_same_port(folder: Path) -> None:
    authority = HomeMadeAuthority(folder)
    pair = authority.issue()
    trust = ssl.create_default_context(cafile=str(authority.ca_file))
    trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
    async with house(folder) as home:
        token = await home.token()
        await home.reload(tls={"certificate": pair.certificate, "key": pair.key})
        await until(home.is_open)
        assert await home.ask(token, trust=trust) == 200
        with pytest.raises(aiohttp.ClientError):
            await home.ask(token)
        await home.reload()
        await until(home.is_open)
        assert await home.ask(token) == 200


async def test_hosts_and_limits_hold_from_then_on(folder: Path) -> None:
    async with house(folder) as home:
        token = await home.token()
        assert await home.ask(token, host="nas.lan") == 421
        await home.reload(allowed_hosts=["nas.lan"], limits={"requests": 1})
        await until(home.is_open)
        said = [await home.ask(token, host="nas.lan") for _ in range(4)]
        assert said[:2] == [200, 200]
        assert 429 in said
        await home.reload()
        await until(home.is_open)
        assert await home.ask(token, host="nas.lan") == 421
        assert [await home.ask(token) for _ in range(4)] == [200] * 4


async def test_off_closes_every_door_and_on_opens_them_again(folder: Path) -> None:
    hooks = folder / "hooks.sock"
    async with house(folder, hooks_socket=hooks) as home:
        token = await home.token()
        await until(hooks.exists)
        async with home.client(token) as client:
            closed, _ = await asyncio.gather(client.end(), home.reload(is_on=False))
        assert closed.code == 1012
        assert not await asyncio.to_thread(home.listens)
        assert not api_socket(folder / "data").exists()
        assert not hooks.exists()
        assert home.bridge.hub.systems["zm"].state.available, "the rest goes on"
        await home.reload()
        await until(home.is_open)
        assert not hooks.exists()
        assert await home.ask(token) == 200, "tokens are the bridge's, not the door's"


async def test_an_opening_for_pairing_is_over_and_so_is_a_request_that_waits(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vms_bridge.api.sink._SHUTDOWN_S", 0.2)
    async with house(folder) as home:
        admin, opening = await home.token(Scope.ADMIN), "/api/v1/pair/opening"
        headers = {"Authorization": f"Bearer {admin}"}
        backend = home.workshop.made[0][1]
        backend.hold = asyncio.Event()
        async with aiohttp.ClientSession(headers=headers) as session:
            async with session.post(f"http://127.0.0.1:{home.port}{opening}", json={}) as answer:
                assert (answer.status, bool((await answer.json())["code"])) == (200, True)
            command = {"system": "zm", "monitor": "1", "command": "armed", "value": "OFF", "request_id": "panel-1"}
            url = f"http://127.0.0.1:{home.port}/api/v1/commands"
            waiting = asyncio.create_task(_posted(session, url, command))
            await until(lambda: backend.actions)
            await home.reload(limits={"requests": 60})
            assert await waiting is None, "what was not answered is to be asked again"
            await until(home.is_open)
            backend.hold.set()
            assert (await _posted(session, url, command) or {})["result"] in {"applied", "unchanged"}
            async with session.get(f"http://127.0.0.1:{home.port}{opening}") as answer:
                assert (await answer.json())["is_open"] is False


async def _posted(session: aiohttp.ClientSession, url: str, body: object) -> dict[str, Any] | None:
    """Return the answer; None where the connection has ended without one."""
    try:
        async with session.post(url, json=body) as answer:
            said: dict[str, Any] = await answer.json()
            return said
    except aiohttp.ClientError:
        return None


async def test_a_port_that_is_taken_leaves_the_other_doors_open(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with house(folder) as home:
        with socket.create_server(("127.0.0.1", 0)) as other:
            home.port = other.getsockname()[1]
            await home.reload()
            await until(lambda: "the port is taken" in caplog.text and home.is_open())
