"""What stands before a server: it is got through where that is configured, and named with its remedy where it is not."""

from __future__ import annotations

import asyncio
import gzip
import ssl
import zlib
from base64 import b64decode
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.bridge.backends.zoneminder.support import FastClock, config
from tests.fakes.authority import HomeMadeAuthority
from tests.fakes.clock import FakeClock
from tests.fakes.gate import Gate, relay
from tests.fakes.zoneminder import FakeZoneMinder, World

from vms_bridge.backends.zoneminder import KIND
from vms_bridge.backends.zoneminder.api import Api
from vms_bridge.backends.zoneminder.media import Pictures
from vms_bridge.errors import (
    GateClosed,
    MediaUnavailable,
    Redirected,
    TooLarge,
    VmsAuthFailed,
    VmsError,
    VmsProtocolError,
    VmsUnreachable,
)
from vms_bridge.http import HttpClient
from vms_bridge.model import EventPicture, EventRef, LivePicture

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.backends.zoneminder.config import ZoneMinderConfig

LOGIN = {"http_username": "proxy", "http_password": "sésame:1"}
WRONG = {"http_username": "proxy", "http_password": "wrong"}


async def checked(settings: ZoneMinderConfig) -> str:
    """Return what `check` finds wrong, with the remedies."""
    found = await KIND.create("zm", settings, FastClock()).check()
    return "\n".join(f"{finding.text} -> {finding.hint}" for finding in found if finding.problem)


async def test_basic_authentication_lets_everything_through() -> None:
    world = World()
    event = world.open_event(1)
    async with FakeZoneMinder(world, gate=Gate("basic")) as fake:
        assert await checked(config(fake.url, **LOGIN)) == ""
        async with Api(config(fake.url, **LOGIN), FakeClock()) as api:
            pictures = Pictures(api, fake.url, FakeClock())
            assert await pictures.fetch(EventPicture(event=EventRef("zm", 1, str(event.id))))
            assert await pictures.fetch(LivePicture(monitor="1"))
        assert fake.gate is not None
        (sent,) = fake.gate.seen
        assert b64decode(sent.removeprefix("Basic ")).decode() == "proxy:sésame:1"


@pytest.mark.parametrize(
    ("kind", "options", "said", "remedy"),
    [
        ("basic", {}, "wants a login of its own (HTTP 401, realm 'Cameras')", "set http_username: and http_password:"),
        (
            "basic",
            LOGIN | {"http_password": "wrong"},
            "refuses this user and password",
            "check http_username: and http_password:",
        ),
        ("digest", LOGIN, "wants a login by digest", "HTTP basic authentication"),
        ("plain", {}, "wants a login (api/host/getVersion, HTTP 401)", "http_username:"),
        ("portal", {}, "is sent to a login at https://id.example.org/", "http_username:"),
        ("page", {}, "answered the login page of a proxy", "http_username:"),
        ("certificate", {}, "wants a client certificate", "set client_certificate: and client_key:"),
    ],
)
async def test_check_names_what_stands_before(kind: str, options: dict[str, str], said: str, remedy: str) -> None:
    async with FakeZoneMinder(World(), gate=Gate(kind)) as fake:
        told = await checked(config(fake.url, **options))
    assert said in told
    assert remedy in told
    assert "username: and password:, and that the user is enabled" not in told, "ZoneMinder's own login is not the matter"
    assert "a ZoneMinder answers at" not in told
    assert len(told.splitlines()) == 1
    assert "wrong" not in told


async def test_zoneminders_own_refusal_is_still_its_own() -> None:
    async with FakeZoneMinder(World(), gate=Gate("basic")) as fake:
        told = await checked(config(fake.url, password="wrong", **LOGIN))
    assert "ZoneMinder refused the login" in told
    assert "check username: and password:" in told


async def test_a_gate_that_closes_later_is_told_from_a_lost_login() -> None:
    async with FakeZoneMinder(World()) as fake, Api(config(fake.url), FakeClock()) as api:
        await api.get("monitors")
        fake.gate = Gate("basic")
        with pytest.raises(GateClosed, match="wants a login of its own"):
            await api.get("monitors")
        assert list(fake.logins) == ["password"]
        with pytest.raises(MediaUnavailable, match="wants a login of its own"):
            await Pictures(api, fake.url, FakeClock()).fetch(LivePicture(monitor="1"))


async def test_a_refresh_behind_a_closed_gate_keeps_its_reason() -> None:
    clock = FakeClock()
    async with FakeZoneMinder(World()) as fake, Api(config(fake.url), clock) as api:
        await api.get("monitors")
        fake.gate = Gate("basic")
        await clock.advance(7000)
        with pytest.raises(GateClosed, match="wants a login of its own"):
            await api.get("monitors")


async def test_who_waits_for_a_free_connection_is_told_when_all_are_closed() -> None:
    """aiohttp cancels those, and nobody else has."""
    asked = asyncio.Event()

    async def answer(_: web.Request) -> web.Response:
        asked.set()
        await asyncio.Event().wait()
        raise AssertionError

    app = web.Application()
    app.router.add_get("/", answer)
    async with TestServer(app, shutdown_timeout=0.1) as server:
        url = str(server.make_url("/"))
        async with HttpClient(config(url), 60.0, "*/*", name="It", connections=1) as client:
            first = asyncio.create_task(client.send("GET", url, limit_bytes=100))
            await asked.wait()
            second = asyncio.create_task(client.send("GET", url, limit_bytes=100))
            await asyncio.sleep(0)  # by then it waits for the one connection
            ended = asyncio.create_task(client.send("GET", url, limit_bytes=100))
            await asyncio.sleep(0)
            ended.cancel()
            with pytest.raises(asyncio.CancelledError):
                await ended
        with pytest.raises(VmsUnreachable, match="is not open"):
            await second
        first.cancel()
        await asyncio.wait({first})


async def test_the_login_is_never_sent_to_another_host() -> None:
    gate, other = Gate("basic"), Gate("basic")
    async with (
        FakeZoneMinder(World(), gate=gate) as fake,
        FakeZoneMinder(World(), gate=other) as elsewhere,
        Api(config(fake.url, **LOGIN), FakeClock()) as api,
    ):
        await api.get("monitors")
        with pytest.raises(GateClosed, match="wants a login of its own") as caught:
            await api.get("monitors/alarm/id:1/command:status", at=f"{elsewhere.url}/api")
    assert "sent to the host of url: only" in caught.value.hint
    assert set(other.seen) == {""}


async def test_no_redirect_is_followed() -> None:
    asked: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(status=307, headers={"Location": f"http://localhost:{server.port}/elsewhere"})

    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", handle)
    async with TestServer(application) as server, Api(config(f"http://127.0.0.1:{server.port}", **LOGIN), FakeClock()) as api:
        with pytest.raises(Redirected, match="/elsewhere"):
            await api.get("host/getVersion")
        assert len(asked) == 1


@pytest.mark.parametrize(
    ("location", "is_login"),
    [
        ("https://auth.example.org/?rd=https%3A%2F%2F127.0.0.1%2Fzm&rm=GET", True),
        ("https://sso.example.org/application/o/authorize/?client_id=1", True),
        ("/outpost.goauthentik.io/start?rd=%2Fzm", True),
        ("/oauth2/sign_in", True),
        ("https://home.example.org/login.php", True),
        ("https://team.cloudflareaccess.com/cdn-cgi/access/login/x", True),
        ("https://portal.example.org/?next=http://127.0.0.1/", True),
        ("https://127.0.0.1/zm/api/host/getVersion.json", False),
        ("https://zm.example.org/zm/", False),
        ("/cameras/zm/", False),
        ("https://author.example.org/authors", False),
        ("http://[", False),
        ("", False),
    ],
)
async def test_redirects_to_a_login_and_others(location: str, is_login: bool) -> None:  # noqa: FBT001 - a case
    async def handle(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": location} if location else {})

    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", handle)
    async with TestServer(application) as server, Api(config(f"http://127.0.0.1:{server.port}"), FakeClock()) as api:
        with pytest.raises(VmsError) as caught:
            await api.get_without_token("host/getVersion")
    assert isinstance(caught.value, GateClosed) == is_login
    assert isinstance(caught.value, Redirected) != is_login
    assert caught.value.hint


async def test_zoneminders_own_login_page_is_no_proxys() -> None:
    page = '<html><title>ZoneMinder - Login</title><input type="password"></html>'

    async def handle(_: web.Request) -> web.Response:
        return web.Response(text=page, content_type="text/html")

    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", handle)
    async with TestServer(application) as server, Api(config(f"http://127.0.0.1:{server.port}"), FakeClock()) as api:
        with pytest.raises(VmsError, match="web page instead of JSON") as caught:
            await api.get_without_token("host/getVersion")
    assert not isinstance(caught.value, GateClosed)
    assert "OPT_USE_API" in caught.value.hint


async def test_a_client_certificate_that_nginx_wants(tmp_path: Path) -> None:
    authority = HomeMadeAuthority(tmp_path)
    own = authority.issue("bridge.example")
    tls = authority.issue().serve(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER))
    tls.verify_mode = ssl.CERT_OPTIONAL
    tls.load_verify_locations(authority.ca_file)
    shown = {"client_certificate": own.certificate, "client_key": own.key}
    async with FakeZoneMinder(World(), ssl_context=tls, gate=Gate("certificate")) as fake:
        trusted = config(fake.url, ca_file=authority.ca_file)
        assert "wants a client certificate -> set client_certificate: and client_key:" in await checked(trusted)
        assert await checked(config(fake.url, ca_file=authority.ca_file, **shown)) == ""


async def test_a_portal_may_be_called_auth_itself() -> None:
    async with FakeZoneMinder(World(), sub_path="/auth/zm") as fake, Api(config(fake.url), FakeClock()) as api:
        with pytest.raises(VmsAuthFailed, match="wants a login") as caught:
            await api._send("GET", f"{fake.url}/index.php", {"view": "image", "eid": "1"})
    assert not isinstance(caught.value, GateClosed)


@pytest.mark.parametrize(
    "words",
    [
        "The plain HTTP request was sent to HTTPS port",
        "Reason: You're speaking plain HTTP to an SSL-enabled server port.",
        "Client sent an HTTP request to an HTTPS server.",
    ],
)
async def test_http_where_https_is_spoken(words: str) -> None:
    async def handle(_: web.Request) -> web.Response:
        return web.Response(status=400, text=f"<html>{words}</html>", content_type="text/html")

    application = web.Application()
    application.router.add_route("*", "/{tail:.*}", handle)
    async with TestServer(application) as server:
        assert "write https:// in url:" in await checked(config(f"http://127.0.0.1:{server.port}"))


async def test_a_refusal_of_a_gate_is_one_of_the_login() -> None:
    """So the supervisor is patient with it."""
    assert issubclass(GateClosed, VmsAuthFailed)
    async with FakeZoneMinder(World(), gate=Gate("basic")) as fake:
        client = HttpClient(config(fake.url), 1.0, "*/*", name="it")
        with pytest.raises(VmsError, match="not open"):
            await client.send("GET", fake.url, limit_bytes=10)


async def test_a_relay_is_no_gate() -> None:
    async with FakeZoneMinder(World()) as fake, relay(fake.port) as port:
        assert await checked(config(f"http://127.0.0.1:{port}/zm")) == ""


async def fetched(body: bytes, coding: str, *, limit_bytes: int = 1 << 20) -> bytes:
    """Return what a server's body in that coding amounts to."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body, headers={"Content-Encoding": coding})

    app = web.Application()
    app.router.add_get("/", answer)
    async with TestServer(app) as server, HttpClient(config(str(server.make_url("")).rstrip("/")), 5, "*/*", name="X") as client:
        return (await client.send("GET", str(server.make_url("/")), limit_bytes=limit_bytes)).body


async def test_packed_answers_are_unpacked() -> None:
    text = b"all that a camera has seen " * 30_000
    assert await fetched(gzip.compress(text), "gzip") == text
    assert await fetched(text, "identity") == text


async def test_a_small_packed_answer_that_unpacks_to_gigabytes_is_refused_early() -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(200)) + packer.flush()
    assert len(bomb) < 1 << 20
    with pytest.raises(TooLarge, match="more than 1048576 bytes"):
        await fetched(bomb, "gzip")


@pytest.mark.parametrize(
    ("body", "coding", "said"),
    [
        (gzip.compress(b"x" * 1000)[:-10], "gzip", "broke off"),
        (b"no gzip at all", "gzip", "can't be unpacked"),
        (zlib.compress(b"x"), "br", "not asked for"),
    ],
    ids=["cut off", "no gzip", "another coding"],  # bytes that gzip dates would be another name in each process
)
async def test_what_can_not_be_unpacked_is_said_so(body: bytes, coding: str, said: str) -> None:
    with pytest.raises(VmsProtocolError, match=said):
        await fetched(body, coding)
