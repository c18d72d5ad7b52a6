"""Floods, slow ones and those that say nothing: each is bounded, and who has a token is served meanwhile."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING

import pytest
from tests.bridge.api.lab import closed, serving, until
from tests.fakes.authority import HomeMadeAuthority
from tests.fakes.clock import FakeClock, settle

from vms_bridge.api.connections import MOST_STRANGERS, STRANGER_S, Connections

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.api.lab import Api


async def ended(reader: asyncio.StreamReader) -> bytes:
    """Return what still comes until the connection ends."""
    try:
        return await asyncio.wait_for(reader.read(), 30)
    except ConnectionError:
        return b""


async def crowd(api: Api, number: int, first: bytes = b"") -> list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    found = []
    for _ in range(number):
        found.append(await api.connect())
        if first:
            found[-1][1].write(first)
    return found


async def test_strangers_are_few_and_who_has_a_token_is_served_beside_them(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        token = api.token()
        others = await crowd(api, 3 * MOST_STRANGERS)
        for _ in range(3):
            assert (await api.get("/nowhere", token=token)).status == 404
        assert len(api.sink._connections) <= MOST_STRANGERS
        assert await ended(others[0][0]) == b""  # the oldest had to go
        for _, writer in others:
            await closed(writer)


@pytest.mark.parametrize(
    "first",
    [b"", b"G", b"GET / HTTP/1.1\r\n", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ", b"POST / HTTP/1.1\r\n"],
    ids=["nothing", "a letter", "a line", "half a header", "half a request"],
)
async def test_who_says_half_a_request_has_ten_seconds(tmp_path: Path, first: bytes) -> None:
    async with serving(tmp_path) as api:
        [(reader, writer)] = await crowd(api, 1, first)
        await until(lambda: len(api.sink._connections) == 1)
        await api.clock.advance(STRANGER_S - 1)
        assert len(api.sink._connections) == 1
        await api.clock.advance(2)
        assert await ended(reader) == b""
        assert len(api.sink._connections) == 0
        await closed(writer)


async def test_a_byte_now_and_then_is_no_more_time(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        [(reader, writer)] = await crowd(api, 1, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        await until(lambda: len(api.sink._connections) == 1)
        for _ in range(6):
            writer.write(b"x")
            await asyncio.sleep(0)
            await api.clock.advance(2)
        assert await ended(reader) == b""
        await closed(writer)


async def test_who_has_shown_a_token_may_stay(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        request = f"GET /nowhere HTTP/1.1\r\nHost: {api.host}\r\nAuthorization: Bearer {api.token()}\r\n\r\n".encode()
        [(reader, writer)] = await crowd(api, 1, request)
        assert b"404" in await reader.readuntil(b"\r\n\r\n")
        await crowd(api, MOST_STRANGERS + 3)
        await api.clock.advance(STRANGER_S + 1)
        writer.write(request)
        assert b"404" in await reader.readuntil(b"HTTP/1.1 404 Not Found\r\n")
        await closed(writer)


async def test_all_connections_have_an_end_and_one_more_is_told_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(tmp_path, limits={"sockets": 16}) as api:
        request = f"GET /nowhere HTTP/1.1\r\nHost: {api.host}\r\nAuthorization: Bearer {api.token()}\r\n\r\n".encode()
        known = await crowd(api, 16, request)
        for reader, _ in known:
            await reader.readuntil(b"\r\n\r\n")
        reader, writer = await api.connect()
        assert (await ended(reader)).startswith(b"HTTP/1.1 503 ")
        assert "the API has no room for more connections" in caplog.text
        assert (await api.get("/nowhere", by_socket=True)).status == 404  # who has to mend it comes in all the same
        for _, each in [*known, (reader, writer)]:
            await closed(each)
        await until(lambda: len(api.sink._connections) == 0)
        assert (await api.get("/nowhere", token=api.token())).status == 404


async def test_a_body_that_does_not_come_is_not_waited_for(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        head = f"POST /nowhere HTTP/1.1\r\nHost: {api.host}\r\nAuthorization: Bearer {api.token()}\r\nContent-Length: 9\r\n\r\n"
        reader, writer = await api.connect()
        writer.write(f"{head}{{".encode())
        await until(lambda: any(one.token_id for one in api.sink._connections))
        await settle()
        await api.clock.advance(11)
        assert b"HTTP/1.1 400 " in await reader.readuntil(b"\r\n\r\n")
        await closed(writer)


@pytest.mark.parametrize(
    ("head", "status"),
    [
        ("GET / HTTP/1.1\nHost: 127.0.0.1\nX-Long: " + "x" * 9_000 + "\n\n", "400"),
        ("GET /" + "x" * 9_000 + " HTTP/1.1\nHost: 127.0.0.1\n\n", "400"),
        ("GET / HTTP/1.1\nHost: 127.0.0.1\n" + "".join(f"X-{n}: 1\n" for n in range(500)) + "\n", "400"),
        ("\x16\x03\x01\x02\n\n", "400"),
        ("GET / HTTP/9.9\n\n", "400"),
        ("POST / HTTP/1.1\nHost: 127.0.0.1\nContent-Length: -1\n\n", "400"),
        ("POST / HTTP/1.1\nHost: 127.0.0.1\nContent-Length: 1\nTransfer-Encoding: chunked\n\n0\n\n", "400"),
    ],
)
async def test_what_is_no_request_is_answered_once_and_not_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, head: str, status: str
) -> None:
    async with serving(tmp_path) as api:
        answer = await api.say(head)
    assert answer.split(" ")[1] == status
    assert "vms-bridge" in answer
    assert "aiohttp" not in answer.lower()
    assert not [record for record in caplog.records if record.levelname in {"WARNING", "ERROR"}]


async def test_too_much_is_refused_unread(tmp_path: Path) -> None:
    async with serving(tmp_path, limits={"body_kb": 1}) as api:
        token = api.token()
        assert (await api.post("/nowhere", "x" * 2_000, token=token)).status == 413
        assert (await api.post("/nowhere", "x", token=token, headers={"Content-Encoding": "gzip"})).status == 415


async def test_who_takes_nothing_of_an_answer_is_dropped(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        token = api.token()
        request = f"GET /nowhere HTTP/1.1\r\nHost: {api.host}\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        reader, writer = await api.connect()
        writer.write(request)
        await reader.readuntil(b"\r\n\r\n")
        [connection] = api.sink._connections
        assert connection.transport is not None
        connection.transport.get_protocol().pause_writing()  # as it does whose buffer is full
        await api.clock.advance(1)
        await api.clock.advance(62)
        assert len(api.sink._connections) == 0
        await closed(writer)


async def test_who_never_shakes_hands_is_a_stranger_too(tmp_path: Path) -> None:
    authority = HomeMadeAuthority(tmp_path)
    pair = authority.issue()
    trust = ssl.create_default_context(cafile=str(authority.ca_file))
    trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
    tls = {"certificate": pair.certificate, "key": pair.key}
    async with serving(tmp_path, trust=trust, tls=tls) as api:
        others = [await asyncio.open_connection("127.0.0.1", api.port) for _ in range(MOST_STRANGERS + 5)]
        assert (await api.get("/nowhere", token=api.token())).status == 404
        assert len(api.sink._connections) <= MOST_STRANGERS
        await api.clock.advance(STRANGER_S + 1)
        assert await ended(others[-1][0]) == b""
        await until(lambda: len(api.sink._connections) == 0)
        for _, writer in others:
            await closed(writer)


async def test_ten_thousand_idle_sockets_leave_room(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        token, held = api.token(), []
        for _ in range(400):  # as many as a test's own limit of files bears; each more is as the one before
            held.append(await api.connect())
            assert len(api.sink._connections) <= MOST_STRANGERS + 1
        assert (await api.get("/nowhere", token=token)).status == 404
        for _, writer in held:
            await closed(writer)


def test_connections_leave_files_to_the_rest_of_the_bridge() -> None:
    assert Connections(10**9, FakeClock()).most < 10**9
    assert Connections(16, FakeClock()).most == 16
