"""Who comes in by the WebSocket: nobody gets a token who does not know its hash, and who may not gets one clear answer."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
from typing import TYPE_CHECKING

import aiohttp
import pytest
from aiohttp import web
from tests.bridge.api.websocket.lab import ClosedError, client, house, unknown
from tests.fakes.clock import FakeClock

from vms_bridge.tokens import Scope, new_token

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NONCE = "ab" * 32


async def test_the_bridge_speaks_first_and_says_no_more_than_it_has_to(tmp_path: Path) -> None:
    async with house(tmp_path) as home, unknown(home) as one:
        hello = await one.hear()
        assert hello.keys() == {"type", "bridge_id", "version", "lowest_protocol", "highest_protocol", "token", "nonce"}
        assert (hello["bridge_id"], hello["token"]) == (home.hub.bridge_id, True)


async def test_who_is_let_in_is_told_how_far_he_may_go(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home, await home.token(Scope.CONTROL)) as one:
        assert one.welcome == {"type": "welcome", "scope": "control", "name": "test", "epoch": home.hub.epoch}


async def test_by_the_bridges_own_socket_and_with_a_token_in_the_request_nobody_is_asked(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        async with client(home, by_socket=True) as one:
            assert (one.hello["token"], one.welcome["scope"], one.welcome["name"]) == (False, "admin", None)
            assert "synced" in await one.subscribe()
        headers = {"Authorization": f"Bearer {await home.token()}"}
        async with unknown(home, headers=headers) as one:
            await one.authenticate(None)
            assert one.welcome["scope"] == "read"


async def test_a_token_that_there_is_not_gets_a_wrong_proof_and_nothing_tells_that_from_another(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        _, stranger = new_token()
        with pytest.raises(AssertionError, match="impostor"):
            async with client(home, stranger):
                pass
        async with unknown(home) as one:
            await one.hear()
            await one.say(type="authenticate", protocol=1, token_id=stranger.split("_")[1], nonce=NONCE)
            proof = (await one.hear())["proof"]
            assert len(proof) == 64
            await one.say(type="token", sealed="00" * len(stranger))
            assert (await one.end()).code == 4401


async def test_a_wrong_or_revoked_token_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        token = await home.token()
        async with unknown(home) as one:
            await one.hear()
            await one.say(type="authenticate", protocol=1, token_id=token.split("_")[1], nonce=NONCE)
            await one.hear()
            await one.say(type="token", sealed=token.encode().hex())
            closed = await one.end()
            assert (closed.code, closed.reason) == (4401, "the token is not known, or no more")
        await home.hub.tokens.revoke(token.split("_")[1])
        with pytest.raises(AssertionError, match="impostor"):
            async with client(home, token):
                pass


async def test_who_is_in_has_to_go_when_the_token_is_revoked(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        token, other = await home.token(), await home.token()
        async with client(home, token) as one, client(home, token) as idle, client(home, other) as stays:
            await one.subscribe()
            await stays.subscribe()
            await home.hub.tokens.revoke(token.split("_")[1])
            for each in (one, idle):
                closed = await each.end()
                assert closed.code == 4401
                assert "revoked" in closed.reason
            home.show(connected=False)
            await stays.state(connected=False)


async def test_a_token_for_hooks_is_not_for_this(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        with pytest.raises(ClosedError, match=r"4401.*hook"):
            async with client(home, await home.token(Scope.HOOK, receiver=("zm", "event"))):
                pass


@contextlib.asynccontextmanager
async def impostor(bridge: str, *, relays: bool) -> AsyncIterator[tuple[str, list[str]]]:
    """Somebody at another address who says that he is the bridge; he may pass on what each side says to the other."""
    heard: list[str] = []

    async def handle(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        async with aiohttp.ClientSession() as session, session.ws_connect(f"http://{bridge}/api/v1/ws") as real:
            hello = await real.receive_str()
            await ws.send_str(hello)
            async for message in ws:
                heard.append(message.data)
                if relays:
                    await real.send_str(message.data)
                    await ws.send_str((await real.receive()).data or "{}")
                else:
                    await ws.send_json({"type": "proof", "proof": "00" * 32})
        return ws

    app = web.Application()
    app.router.add_get("/api/v1/ws", handle)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}", heard
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("relays", [False, True])
async def test_an_impostor_gets_nothing_of_use_from_a_client_even_if_he_asks_the_bridge(tmp_path: Path, *, relays: bool) -> None:
    async with house(tmp_path) as home, impostor(home.host, relays=relays) as (host, heard):
        token = await home.token()
        async with aiohttp.ClientSession() as session, session.ws_connect(f"http://{host}/api/v1/ws") as ws:
            hello = json.loads((await ws.receive()).data)
            assert hello["bridge_id"] == home.hub.bridge_id
            with pytest.raises(AssertionError, match="impostor"):
                await _authenticate(ws, hello, token, host)
        assert not any("sealed" in said for said in heard), "the client has not gone on"
        assert not any(token in said for said in heard)


async def _authenticate(ws: aiohttp.ClientWebSocketResponse, hello: dict[str, object], token: str, host: str) -> None:
    await ws.send_json({"type": "authenticate", "protocol": 1, "token_id": token.split("_")[1], "nonce": NONCE})
    proof = json.loads((await ws.receive()).data).get("proof")
    said = "\n".join(("vms-bridge proof 1", "websocket bridge", str(hello["bridge_id"]), host, "-", NONCE, str(hello["nonce"])))
    right = hmac.new(hashlib.sha256(token.encode()).digest(), said.encode(), hashlib.sha256).hexdigest()
    assert proof == right, "this is an impostor"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("nonsense", 4400),
        ("{}", 4400),
        ("[" * 30_000 + "]" * 30_000, 1009),
        ("[" * 2_000 + "]" * 2_000, 4400),
        ('{"type": "subscribe"}', 4400),
        ('{"type": "authenticate", "protocol": 1, "password": "x"}', 4400),
        ('{"type": "authenticate", "protocol": 1}', 4400),
        ('{"type": "authenticate", "protocol": 0}', 4406),
        ('{"type": "authenticate", "protocol": 2, "token_id": "x", "nonce": "' + NONCE + '"}', 4406),
        ('{"type": "authenticate", "protocol": 1, "token_id": "x", "nonce": "short"}', 4400),
        (json.dumps({"type": "authenticate", "protocol": 1, "token_id": "x" * 5_000}), 1009),
        (b"\x00\x01", 1003),
    ],
)
async def test_whatever_a_stranger_says_gets_one_clear_code(tmp_path: Path, said: str | bytes, code: int) -> None:
    async with house(tmp_path) as home, unknown(home) as one:
        await one.hear()
        await (one.ws.send_str(said) if isinstance(said, str) else one.ws.send_bytes(said))
        assert (await one.end()).code == code


async def test_who_names_an_address_that_may_be_anothers_gets_no_proof(tmp_path: Path) -> None:
    async with house(tmp_path) as home, unknown(home, headers={"Host": "192.0.2.7:8098"}) as one:
        await one.hear()
        await one.say(type="authenticate", protocol=1, token_id="x" * 10, nonce=NONCE)
        assert (await one.end()).code == 4421


async def test_who_does_not_say_who_he_is_has_to_go(tmp_path: Path) -> None:
    clock = FakeClock()
    async with house(tmp_path, clock=clock) as home, unknown(home) as one:
        await one.hear()
        ended = asyncio.create_task(one.end())
        while not ended.done():
            await clock.advance(1.0)
            await asyncio.sleep(0.001)
        assert (await ended).code in {4408, None, 1006}, "the door may be quicker than the words"


async def test_what_is_no_request_for_a_websocket_and_what_comes_from_another_page(tmp_path: Path) -> None:
    async with house(tmp_path) as home, aiohttp.ClientSession() as session:
        async with session.get(f"{home.url}/ws") as answer:
            assert answer.status == 400
            assert (await answer.json())["code"] == "invalid"
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await session.ws_connect(f"{home.url}/ws", headers={"Origin": "http://evil.example"})
        assert refused.value.status == 403


async def test_who_is_in_is_told_when_the_bridge_goes(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        home = await stack.enter_async_context(house(tmp_path))
        async with client(home) as one:
            await one.subscribe()
            ended = asyncio.create_task(one.end())
            await stack.aclose()
            assert (await ended).code == 1012
