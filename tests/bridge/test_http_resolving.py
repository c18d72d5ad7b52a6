"""Where others say whom to ask, no name and no address leads where nobody may be led."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from vms_bridge.doors import HttpOptions
from vms_bridge.errors import VmsUnreachable
from vms_bridge.http import HttpClient
from vms_bridge.http_resolving import AddressRefused, CheckedResolver

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence


def resolver(*addresses: str, named: bool = False) -> CheckedResolver:
    def resolve(_host: str, _port: int) -> Sequence[str]:
        if not addresses:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return addresses

    return CheckedResolver(lambda _: named, resolve=resolve)


async def test_public_addresses_are_what_is_connected_to() -> None:
    found = await resolver("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946").resolve("cdn.example", 443)
    assert [(each["host"], each["port"], each["hostname"]) for each in found] == [
        ("93.184.216.34", 443, "cdn.example"),
        ("2606:2800:220:1:248:1893:25c8:1946", 443, "cdn.example"),
    ]
    both = resolver("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946")
    (only,) = await both.resolve("cdn.example", 443, socket.AF_INET)
    assert only["host"] == "93.184.216.34"


@pytest.mark.parametrize("addresses", [("127.0.0.1",), ("93.184.216.34", "10.0.0.1"), ("fe80::1%eth0",), ("169.254.169.254",)])
async def test_no_name_leads_inside(addresses: tuple[str, ...]) -> None:
    with pytest.raises(AddressRefused, match=r"cdn\.example"):
        await resolver(*addresses).resolve("cdn.example", 443)


async def test_a_host_that_is_meant_may_be_private_but_never_where_clouds_keep_secrets() -> None:
    (found,) = await resolver("192.168.1.20", named=True).resolve("vms.lan", 443)
    assert found["host"] == "192.168.1.20"
    with pytest.raises(AddressRefused):
        await resolver("169.254.169.254", named=True).resolve("vms.lan", 443)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "10.1.2.3", "[::ffff:127.0.0.1]", "169.254.169.254"])
async def test_an_address_is_looked_at_though_nothing_resolves_it(host: str) -> None:
    async with HttpClient(HttpOptions(url="https:"), 5.0, "*/*", name="VXG", resolver=resolver()) as client:
        with pytest.raises(AddressRefused):
            await client.send("GET", f"http://{host}:1/secret", limit_bytes=10)
        with pytest.raises(AddressRefused):
            await client.open(f"http://{host}:1/secret", headers={})


async def test_an_unknown_name_is_nobody_to_reach() -> None:
    async with HttpClient(HttpOptions(url="https:"), 5.0, "*/*", name="VXG", resolver=resolver()) as client:
        with pytest.raises(VmsUnreachable, match=r"cdn\.example"):
            await client.send("GET", "http://cdn.example/x", limit_bytes=10)


async def test_a_name_that_leads_inside_is_refused_on_the_way_and_nothing_is_asked() -> None:
    asked: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(text="inside")

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    async with TestServer(app, host="127.0.0.1") as server:
        for named in (False, True):
            checked = resolver("127.0.0.1", named=named)
            async with HttpClient(HttpOptions(url="https:"), 5.0, "*/*", name="VXG", resolver=checked) as client:
                if named:
                    answer = await client.send("GET", f"http://cdn.example:{server.port}/x", limit_bytes=10)
                    assert answer.body == b"inside"
                else:
                    with pytest.raises(AddressRefused):
                        await client.send("GET", f"http://cdn.example:{server.port}/x", limit_bytes=10)
    assert asked == ["/x"]


async def test_headers_and_a_body_in_pieces_are_sent_and_what_is_said_of_time_is_read() -> None:
    got: list[tuple[str, str, bytes]] = []

    async def handle(request: web.Request) -> web.Response:
        got.append((request.method, request.headers["X-Told"], await request.read()))
        said = {"/s": "7", "/d": "Fri, 20 Nov 2026 12:00:30 GMT", "/n": "soon"}[request.path]
        return web.Response(headers={"Retry-After": said, "Date": "Fri, 20 Nov 2026 12:00:00 GMT"})

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)

    async def pieces() -> AsyncIterator[bytes]:
        yield b"ab"
        yield b"c"

    async with TestServer(app, host="127.0.0.1") as server:
        url = f"http://127.0.0.1:{server.port}"
        async with HttpClient(HttpOptions(url=url), 5.0, "*/*", name="VXG") as client:
            told = {"X-Told": "yes", "Content-Length": "3"}
            answers = [await client.send("PUT", f"{url}/{path}", limit_bytes=10, headers=told, body=b"abc") for path in "sdn"]
            await client.send("PUT", f"{url}/s", limit_bytes=10, headers=told, body=pieces())
    assert [answer.retry_after_s for answer in answers] == [7.0, 30.0, None]
    assert got == [("PUT", "yes", b"abc")] * 4
