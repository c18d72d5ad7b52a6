"""Somebody announces the bridge's id at an address of his own: a client that goes there gives him nothing that is of use."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from tests.bridge.api.lab import serving
from tests.bridge.api.test_certificates import files, trusting
from tests.fakes.api_client import Client, NotTheBridge
from tests.fakes.authority import HomeMadeAuthority

from vms_bridge.api.pairing import Grant
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from tests.bridge.api.lab import Api


class Impostor:
    """Answers as the bridge would: by passing everything on to it, or out of its own head. Hears all that is said."""

    def __init__(self, bridge: Api, *, host: Callable[[web.Request], str | None]) -> None:
        self._bridge, self._host = bridge, host
        self.heard: list[str] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        body = await request.text()
        self.heard.append(f"{request.path_qs} {dict(request.headers)} {body}")
        host = self._host(request)
        if host is None:
            said: Mapping[str, Any] = {
                "bridge_id": self._bridge.hub.bridge_id,
                "host": request.host,
                "certificate": None,
                "nonce": "ff" * 32,
                "mac": "ff" * 32,
                "sealed": "ff" * 57,
                "scope": "control",
            }
            return web.json_response(said)
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=self._bridge.trust or False)) as session,
            session.request(
                request.method,
                f"{self._bridge.url}{request.path_qs}",
                data=body,
                headers={"Host": host, "Content-Type": request.content_type},
            ) as answer,
        ):
            return web.Response(body=await answer.read(), status=answer.status, content_type=answer.content_type)

    @asynccontextmanager
    async def listening(self, tls: ssl.SSLContext | None = None) -> AsyncIterator[Impostor]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        self.url = f"{'http' if tls is None else 'https'}://127.0.0.1:{runner.addresses[0][1]}"
        try:
            yield self
        finally:
            await runner.cleanup()


def as_asked(request: web.Request) -> str:
    return request.host


HOSTS: dict[str, Callable[[Api], Callable[[web.Request], str | None]]] = {
    "out of his own head": lambda _: lambda _: None,
    "passing on what he was asked": lambda _: as_asked,
    "passing it on as if it were for the bridge": lambda api: lambda _: api.host,
    "passing it on by another name": lambda _: lambda _: "localhost",
}


@pytest.mark.parametrize("way", HOSTS)
async def test_he_hears_no_token(tmp_path: Path, way: str) -> None:
    async with serving(tmp_path) as api:
        token = api.token(Scope.ADMIN)
        async with Impostor(api, host=HOSTS[way](api)).listening() as impostor:
            with pytest.raises(NotTheBridge):
                await Client(impostor.url, api.hub.bridge_id).get("/api/v1/tokens/self", token)
            assert impostor.heard
            assert not [said for said in impostor.heard if token.split("_", 2)[2] in said]
        said = await Client(api.url, api.hub.bridge_id).get("/api/v1/tokens/self", token)
        assert said["scope"] == "admin"


@pytest.mark.parametrize("way", HOSTS)
async def test_he_hears_no_code_and_reads_no_new_token(tmp_path: Path, way: str) -> None:
    async with serving(tmp_path) as api:
        code = api.sink._pairing.open(Grant())
        async with Impostor(api, host=HOSTS[way](api)).listening() as impostor:
            with pytest.raises(NotTheBridge):
                await Client(impostor.url, api.hub.bridge_id).pair(code, "Kitchen")
            assert not [said for said in impostor.heard if code in said]
        assert not api.hub.tokens.all()
        token = await Client(api.url, api.hub.bridge_id).pair(f"{code[:4]}-{code[4:]}".lower(), "Kitchen")
        said = await Client(api.url, api.hub.bridge_id).get("/api/v1/tokens/self", token)
        assert (said["scope"], said["token"]["name"]) == ("control", "Kitchen")


async def test_a_certificate_of_his_own_is_no_use_to_him(tmp_path: Path) -> None:
    authority = HomeMadeAuthority(tmp_path)
    ours, his = authority.issue(), HomeMadeAuthority(tmp_path, "Another CA").issue("localhost")
    async with serving(tmp_path, trust=trusting(authority), tls=files(ours), allowed_hosts=["127.0.0.1"]) as api:
        # Any port of this address is a name of the bridge's, as behind a router that passes ports on: the certificate decides.
        token = api.token()
        assert (await Client(api.url, api.hub.bridge_id).get("/api/v1/tokens/self", token))["scope"] == "read"
        code = api.sink._pairing.open(Grant())
        tls = his.serve(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
        async with Impostor(api, host=as_asked).listening(tls) as impostor:
            client = Client(impostor.url, api.hub.bridge_id)
            with pytest.raises(NotTheBridge):
                await client.get("/api/v1/tokens/self", token)
            with pytest.raises(NotTheBridge):
                await client.pair(code, "Kitchen")
            assert impostor.heard
            assert not [said for said in impostor.heard if token.split("_", 2)[2] in said or code in said]
