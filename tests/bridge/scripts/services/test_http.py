"""What scripts may ask of servers outside, against real ones on loopback: what arrives there, and what comes back."""

from __future__ import annotations

import asyncio
import base64
import json
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.scripts.services.outside import Names, Request, outside, redirect, said, script, serving
from tests.fakes.authority import HomeMadeAuthority
from tests.fakes.clock import FakeClock

from vms_bridge.doors import TlsOptions
from vms_bridge.errors import BodyInvalid, BridgeError, NotFound, TooManyRequests
from vms_bridge.script_errors import PermissionMissing
from vms_bridge.scripts.services.http import MOST_AT_ONCE, MOST_REDIRECTS
from vms_bridge.scripts.services.http_client import (
    MOST_ANSWER_BYTES,
    HttpFailed,
    HttpRefused,
    HttpTimedOut,
    HttpTooLarge,
)
from vms_bridge.tls import client_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from vms_bridge.scripts.services.table import Asker


async def test_a_script_asks_and_gets_the_answer() -> None:
    async with serving() as server:
        server.text = "open"
        answered = await outside().ask(script(server.url("/*")), server.url("/gate?a=1"), headers={"X-Who": "me"})
    assert (answered.words["status"], answered.data) == (200, b"open")
    (request,) = server.requests
    assert request.line == "GET /gate?a=1 HTTP/1.1"
    assert request.headers["x-who"] == "me"
    assert request.headers["host"] == f"127.0.0.1:{server.port}"
    assert "vms-bridge-script" in request.headers["via"]


async def test_what_is_sent_is_json_bytes_or_nothing() -> None:
    async with serving() as server:
        gate, worker = outside(), script(server.url("/*"))
        await gate.ask(worker, server.url(), method="POST", json={"open": True})
        await gate.ask(worker, server.url(), b"\x00\x01", method="PUT", headers={"Content-Type": "a/b"})
        await gate.ask(worker, server.url(), method="POST", json=None)
        await gate.ask(worker, server.url(), method="POST")
        with pytest.raises(BodyInvalid, match="one thing"):
            await gate.ask(worker, server.url(), b"x", method="POST", json=1)
    first, second, third, fourth = server.requests
    assert (json.loads(first.body), first.headers["content-type"]) == ({"open": True}, "application/json")
    assert (second.body, second.headers["content-type"]) == (b"\x00\x01", "a/b")
    assert third.body == b"null"
    assert (fourth.body, fourth.headers["content-length"]) == (b"", "0")


class OneClip:
    """A clip, and media of one handle that leads to it."""

    type = "video/mp4"

    def __init__(self, size: int, pieces: list[bytes]) -> None:
        self.size, self.pieces, self.opened, self.closed = size, pieces, 0, 0

    async def chunks(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece

    @asynccontextmanager
    async def open(self, asker: Asker, media: str, /) -> AsyncIterator[OneClip]:
        del asker
        if media != "m1":
            raise NotFound("there is no such media")
        self.opened += 1
        try:
            yield self
        finally:
            self.closed += 1


async def test_a_clip_is_sent_piece_by_piece_with_its_length_also_after_a_redirect() -> None:
    clip = OneClip(9_000_000, [b"x" * 3_000_000] * 3)
    async with serving() as server:
        server.answer = redirect("/there", 307)
        answered = await outside(uploads=clip).ask(script(server.url("/*")), server.url(), method="POST", media="m1")
        with pytest.raises(NotFound):
            await outside(uploads=clip).ask(script(server.url("/*")), server.url(), method="POST", media="m2")
    assert answered.data == b"arrived"
    assert [len(request.body) for request in server.requests] == [9_000_000, 9_000_000]
    assert server.requests[0].headers["content-type"] == "video/mp4"
    assert "transfer-encoding" not in server.requests[0].headers
    assert (clip.opened, clip.closed) == (1, 1)


async def test_a_clip_that_is_too_large_is_not_begun_with() -> None:
    clip = OneClip(10**9, [])
    async with serving() as server:
        with pytest.raises(HttpTooLarge):
            await outside(uploads=clip).ask(script(server.url("/*")), server.url(), method="POST", media="m1")
    assert (server.connections, clip.closed) == (0, 1)


async def test_nobody_is_asked_whom_the_header_does_not_name() -> None:
    async with serving() as server:
        worker = script(server.url("/gate/*"))
        for url in (
            server.url("/other"),
            "https://example.org/gate/1",
            server.url("/gate/../other"),
            server.url("/gate/%2e%2e/x"),
        ):
            with pytest.raises(PermissionMissing):
                await outside().ask(worker, url)
    assert server.connections == 0


@pytest.mark.parametrize("status", [301, 302, 303])
async def test_a_redirect_is_followed_by_a_get_without_what_was_sent(status: int) -> None:
    async with serving() as server:
        server.answer = redirect("there?b=2", status)
        answered = await outside().ask(script(server.url("/*")), server.url(), method="POST", json=[1])
    assert answered.data == b"arrived"
    last = server.requests[-1]
    assert (last.line, last.body) == ("GET /there?b=2 HTTP/1.1", b"")
    assert "content-type" not in last.headers


async def test_redirects_come_to_an_end() -> None:
    async def again(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(said(b"", "Location: /", status="302 Found"))

    async with serving() as server:
        server.answer = again
        with pytest.raises(HttpFailed, match="redirects more than"):
            await outside().ask(script(server.url("/*")), server.url())
    assert len(server.requests) == MOST_REDIRECTS + 1


async def test_a_slow_server_is_not_waited_for() -> None:
    clock = FakeClock()
    came = asyncio.Event()

    async def never(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
        await writer.drain()
        came.set()
        await asyncio.Event().wait()

    async with serving() as server:
        server.answer = never
        asked = asyncio.create_task(outside(clock=clock).ask(script(server.url("/*")), server.url()))
        await came.wait()
        await clock.advance(10.1)
        with pytest.raises(HttpTimedOut, match="10 s"):
            await asked


@pytest.mark.parametrize("is_told", [True, False])
async def test_an_endless_answer_is_cut(is_told: bool) -> None:  # noqa: FBT001 - a case
    sent = 0

    async def endless(_: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        length = f"Content-Length: {10**12}\r\n" if is_told else ""
        writer.write(f"HTTP/1.1 200 OK\r\n{length}\r\n".encode())
        while True:
            writer.write(b"x" * 65536)
            await writer.drain()
            sent += 65536

    async with serving() as server:
        server.answer = endless
        with pytest.raises(HttpTooLarge):
            await outside().ask(script(server.url("/*")), server.url())
    assert sent < MOST_ANSWER_BYTES * 4


async def test_as_much_as_may_come_comes() -> None:
    async with serving() as server:
        server.text = "x" * MOST_ANSWER_BYTES
        answered = await outside().ask(script(server.url("/*")), server.url())
    assert len(answered.data) == MOST_ANSWER_BYTES


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"220 smtp.example ESMTP\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12",
        b"HTTP/1.1 200 OK\r\nX: " + b"a" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\n\x1f\x8b\x08",
        b"HTTP/1.1 302 Found\r\nLocation: http://[\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: gopher://x/\r\nContent-Length: 0\r\n\r\n",
        b"\x00" * 1000,
    ],
)
async def test_nonsense_is_said_to_be_so(raw: bytes) -> None:
    async def nonsense(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(raw)

    async with serving() as server:
        server.answer = nonsense
        with pytest.raises(HttpFailed):
            await outside().ask(script(server.url("/*")), server.url())


async def test_nobody_there() -> None:
    async with serving() as server:
        pass
    with pytest.raises(HttpFailed, match="connection refused"):
        await outside().ask(script(server.url("/*")), server.url())
    with pytest.raises(HttpFailed, match="no host"):
        await outside().ask(script("https://nowhere.example/*"), "https://nowhere.example/")


async def test_one_script_keeps_so_many_requests_open_and_no_more() -> None:
    gone = asyncio.Event()
    came: asyncio.Queue[None] = asyncio.Queue(maxsize=100)

    async def wait(_: Request, writer: asyncio.StreamWriter) -> None:
        came.put_nowait(None)
        await gone.wait()
        writer.write(said(b"x"))

    async with serving() as server:
        server.answer = wait
        gate, worker = outside(), script(server.url("/*"))
        asked = [asyncio.create_task(gate.ask(worker, server.url())) for _ in range(MOST_AT_ONCE)]
        for _ in asked:
            await came.get()
        with pytest.raises(TooManyRequests):
            await gate.ask(worker, server.url())
        other = asyncio.create_task(gate.ask(script(server.url("/*"), name="other"), server.url()))
        await came.get()
        gone.set()
        assert all(each.data == b"x" for each in await asyncio.gather(*asked, other))
        assert (await gate.ask(worker, server.url())).data == b"x"


async def test_certificates_are_looked_at(tmp_path: Path) -> None:
    authority = await asyncio.to_thread(HomeMadeAuthority, tmp_path)
    pair = await asyncio.to_thread(authority.issue, "gate.example")
    context = await asyncio.to_thread(lambda: pair.serve(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)))
    names = Names({"gate.example": [["127.0.0.1"]], "other.example": [["127.0.0.1"]]})
    local = frozenset(names.answers)

    def trusting() -> ssl.SSLContext:
        return client_context(TlsOptions(url="https:", ca_file=authority.ca_file))

    async with serving(context) as server:
        good = server.url(scheme="https", host="gate.example")
        other = server.url(scheme="https", host="other.example")
        worker = script(f"{good}*", f"{other}*")
        answered = await outside(names=names, tls=trusting, local_hosts=local).ask(worker, good)
        assert answered.data == b"hello"
        for url, tls in ((other, trusting), (good, None)):
            with pytest.raises(HttpFailed, match="certificate"):
                await outside(names=names, tls=tls, local_hosts=local).ask(worker, url)
        with pytest.raises(HttpFailed):
            await outside(local_hosts=local, names=names).ask(script(server.url("/*")), server.url())


SECRET = "s3cr3t-of-the-gate"


async def test_a_secret_gets_into_a_header_and_the_script_never_sees_it() -> None:
    async def echo(request: Request, writer: asyncio.StreamWriter) -> None:
        authorization = request.headers["authorization"]
        body = json.dumps({"you said": authorization, "in base64": base64.b64encode(authorization.encode()).decode()})
        writer.write(said(body.encode(), f"X-Echo: {authorization}"))

    async with serving() as server:
        server.answer = echo
        gate = outside(secrets={"token": (SECRET, (server.url("/*"),))})
        worker = script(server.url("/*"), secrets=("token",))
        plain = await gate.ask(worker, server.url(), headers={"Authorization": {"secret": "token", "prefix": "Bearer "}})
        login = await gate.ask(worker, server.url(), headers={"Authorization": {"secret": "token", "user": "me"}})
    assert server.requests[0].headers["authorization"] == f"Bearer {SECRET}"
    assert server.requests[1].headers["authorization"] == f"Basic {base64.b64encode(f'me:{SECRET}'.encode()).decode()}"
    for answered in (plain, login):
        assert "***" in answered.data.decode()
        for form in (SECRET, base64.b64encode(SECRET.encode()).decode()[:16], server.requests[1].headers["authorization"][6:]):
            assert form not in f"{answered.words}{answered.data!r}"


async def test_a_server_that_tells_a_secret_later_does_not_tell_the_script() -> None:
    async with serving() as server:
        server.text = f"<log>Authorization: Bearer {SECRET}</log>"
        gate = outside(secrets={"token": (SECRET, (server.url("/*"),))})
        answered = await gate.ask(script(server.url("/*"), secrets=("token",)), server.url("/log"))
    assert answered.data == b"<log>Authorization: Bearer ***</log>"


async def test_a_picture_comes_as_it_is_where_no_secret_is_in_it() -> None:
    async with serving() as server:
        picture = bytes(range(256)) * 100

        async def send(_: Request, writer: asyncio.StreamWriter) -> None:
            writer.write(said(picture))

        server.answer = send
        gate = outside(secrets={"token": (SECRET, (server.url("/*"),))})
        answered = await gate.ask(script(server.url("/*"), secrets=("token",)), server.url())
    assert answered.data == picture


@pytest.mark.parametrize(
    ("named", "patterns", "why"),
    [
        ((), ("/*",), "may not use"),
        (("other",), ("/*",), "may not use"),
        (("token",), ("/elsewhere/*",), "is not for"),
    ],
)
async def test_a_secret_goes_where_header_and_configuration_allow_it_only(
    named: tuple[str, ...], patterns: tuple[str, ...], why: str
) -> None:
    async with serving() as server:
        gate = outside(secrets={"token": (SECRET, tuple(server.url(each) for each in patterns))})
        with pytest.raises(PermissionMissing, match=why) as caught:
            await gate.ask(script(server.url("/*"), secrets=named), server.url(), headers={"X-Key": {"secret": "token"}})
    assert server.connections == 0
    assert SECRET not in f"{caught.value} {caught.value.hint}"


async def test_a_secret_that_nobody_has_configured_and_one_that_no_header_can_have() -> None:
    async with serving() as server:
        gate = outside(secrets={"broken": (f"{SECRET}\r\nHost: evil", (server.url("/*"),))})
        worker = script(server.url("/*"), secrets=("token", "broken"))
        with pytest.raises(PermissionMissing, match="no secret"):
            await gate.ask(worker, server.url(), headers={"X-Key": {"secret": "token"}})
        with pytest.raises(BodyInvalid) as caught:
            await gate.ask(worker, server.url(), headers={"X-Key": {"secret": "broken"}})
    assert SECRET not in f"{caught.value} {caught.value.hint}"


async def test_what_is_no_request_is_refused() -> None:
    gate, worker = outside(), script("https://api.example/*")
    wrong: list[dict[str, Any]] = [
        {"method": "TRACE"},
        {"method": "GET\r\nX: y"},
        {"headers": {"A": 1}},
        {"headers": {"A": {"secret": "x", "more": 1}}},
        {"timeout_s": 0},
        {"timeout_s": 1000},
        {"json": float("nan"), "method": "POST"},
        {"headers": {f"H{number}": "x" for number in range(100)}},
        {"headers": {"Authorization": {"secret": "x", "user": "a:b"}}},
        {"follow": True},
    ]
    for words in wrong:
        with pytest.raises(BridgeError) as caught:
            await gate.ask(worker, "https://api.example/", **words)
        assert caught.value.code in {"invalid", "permission"}
    assert gate.names.asked == []


async def test_local_names_are_asked_only_where_the_configuration_names_them() -> None:
    names = Names({"gate.lan": [["127.0.0.1"]]})
    async with serving() as server:
        url = server.url(host="gate.lan")
        with pytest.raises(HttpRefused, match="on this machine"):
            await outside(names=names).ask(script(f"{url}*"), url)
        answered = await outside(names=names, local_hosts=frozenset({"gate.lan"})).ask(script(f"{url}*"), url)
    assert (answered.data, server.connections) == (b"hello", 1)
