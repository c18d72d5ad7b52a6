"""Tokens by the API: made, listed, shown to their holders and revoked; and those that are wrong in every way."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.api.lab import serving, until
from tests.fakes.backend import START
from tests.fakes.hub import FakeHub

from vms_bridge.api.access import Caller
from vms_bridge.api.connections import Door
from vms_bridge.api.route import Reach
from vms_bridge.api.routes.table import ROUTES
from vms_bridge.errors import StoreError, TokenRefused
from vms_bridge.index import Search
from vms_bridge.tokens import Scope, Token, new_token

if TYPE_CHECKING:
    from pathlib import Path

    from vms_bridge.api.route import Route

SELF = "/api/v1/tokens/self"
TOKENS = "/api/v1/tokens"
OPENING = "/api/v1/pair/opening"
CLOSED = {"is_open": False, "seconds_left": 0, "tries_left": 0, "opening": None, "token_id": None}


async def test_a_token_is_made_shown_once_used_and_revoked(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "vms_bridge")
    async with serving(tmp_path) as api:
        made = await api.post(TOKENS, {"name": "Kitchen", "scope": "control", "systems": ["zm"], "life": 60}, by_socket=True)
        assert made.status == 201
        text, token_id = made.said["token"], made.said["id"]
        assert text.startswith(f"vb_{token_id}_")
        assert "Content-Encoding" not in made.headers
        assert made.headers["Cache-Control"] == "no-store"
        mine = (await api.get(SELF, token=text)).said
        assert (mine["door"], mine["scope"], mine["systems"], mine["monitors"]) == ("api", "control", ["zm"], None)
        assert mine["token"]["name"] == "Kitchen"
        [listed] = (await api.get(TOKENS, token=api.token(Scope.ADMIN))).said["tokens"][:1]
        assert listed == {key: value for key, value in made.said.items() if key != "token"}
        assert (await api.ask("DELETE", f"{TOKENS}/{token_id}", by_socket=True)).status == 204
        assert (await api.get(SELF, token=text)).status == 401
        assert (await api.ask("DELETE", f"{TOKENS}/{token_id}", by_socket=True)).status == 404
    assert f"has made the token {token_id} (Kitchen) with the scope control" in caplog.text
    assert "user 0 by the socket: POST /api/v1/tokens" in caplog.text or "by the socket: POST /api/v1/tokens" in caplog.text
    assert text not in caplog.text
    assert text.split("_", 2)[2] not in caplog.text


async def test_a_token_for_a_hook_has_its_receiver_and_no_other_token_has_one(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        wanted: dict[str, Any] = {"name": "Doorbell", "scope": "hook"}
        made = await api.post(TOKENS, wanted | {"receiver": "zm/trigger"}, by_socket=True)
        assert (made.status, made.said["receiver"]) == (201, "zm/trigger")
        [listed] = (await api.get(TOKENS, by_socket=True)).said["tokens"]
        assert listed["receiver"] == "zm/trigger"
        for body in (
            wanted,
            wanted | {"receiver": "zm"},
            wanted | {"receiver": "zm/trigger", "systems": ["zm"]},
            {"name": "Panel", "scope": "control", "receiver": "zm/trigger"},
        ):
            assert (await api.post(TOKENS, body, by_socket=True)).status == 422
        assert (await api.post(OPENING, {"scope": "hook"}, by_socket=True)).status == 422


async def test_who_asks_by_the_socket_is_admin_and_has_no_token(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        said = (await api.get(SELF, by_socket=True)).said
        assert said == {"door": "socket", "scope": "admin", "token": None, "systems": None, "monitors": None}
        assert (await api.ask("DELETE", SELF, by_socket=True)).status == 404


async def test_a_token_can_be_given_up_by_its_holder(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        token = api.token()
        assert (await api.ask("DELETE", SELF, token=token)).status == 204
        assert (await api.get(SELF, token=token)).status == 401


async def test_who_gives_his_own_up_is_told_so_however_long_the_disk_takes(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        token = api.token()
        api.hub.tokens.stores.clear()
        asked = asyncio.create_task(api.ask("DELETE", SELF, token=token))
        await until(lambda: not api.hub.tokens.holds(token.split("_")[1]))
        await api.clock.advance(5)
        api.hub.tokens.stores.set()
        assert (await asked).status == 204


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a\u202eb"}, "name"),
        ({"name": " a"}, "name"),
        ({"name": "a", "scope": "root"}, "scope"),
        ({"name": "a", "systems": []}, "systems"),
        ({"name": "a", "systems": ["../zm"]}, "systems.0"),
        ({"name": "a", "monitors": ["zm"]}, "monitors.0"),
        ({"name": "a", "systems": ["zm"], "monitors": ["zm/1"]}, ""),
        ({"name": "a", "scope": "admin", "systems": ["zm"]}, ""),
        ({"name": "a", "life": 0}, "life"),
        ({"name": "a", "life": "1"}, "life"),
        ({"name": "a", "id": "mine"}, "id"),
        ([], ""),
    ],
)
async def test_what_can_be_no_token_is_refused_by_its_field(tmp_path: Path, body: Any, field: str) -> None:  # noqa: ANN401 - JSON
    async with serving(tmp_path) as api:
        answer = await api.post(TOKENS, body, by_socket=True)
        assert answer.status == 422
        assert field in {mistake["field"] for mistake in answer.said["mistakes"]}
        assert not api.hub.tokens.all()


async def test_a_store_that_fails_and_a_hub_that_refuses(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        api.hub.tokens.refusal = StoreError("the disk is full", hint="make room")
        assert (await api.post(TOKENS, {"name": "a"}, by_socket=True)).status == 503
        assert (await api.ask("DELETE", f"{TOKENS}/x", by_socket=True)).status == 503
        api.hub.tokens.refusal = TokenRefused("there are 256 tokens already", hint="revoke some")
        answer = await api.post(TOKENS, {"name": "a"}, by_socket=True)
        assert (answer.status, answer.code) == (422, "token")


async def test_wrong_tokens_of_every_kind(tmp_path: Path) -> None:
    async with serving(tmp_path, limits={"requests": 1000}) as api:
        good, gone = api.token(), api.token()
        api.hub.tokens.drop(gone.split("_")[1])
        other_id = f"vb_{api.token().split('_')[1]}_{good.split('_', 2)[2]}"
        wrong = [
            api.token(life=timedelta(0)),  # its time is over
            gone,  # revoked
            new_token()[1],  # of another bridge
            good[:-1],  # truncated
            f"{good}x",
            good.upper(),
            other_id,  # one's id with another's secret
            api.hub.tokens.key(good.split("_")[1]).hex(),  # type: ignore[union-attr]  # what is stored is no token
            "",
            "x" * 4_000,
            "é",
        ]
        answers = []
        for text in wrong:
            await api.clock.advance(30)
            answers.append(await api.get(SELF, headers={"Authorization": f"Bearer {text}".encode("latin-1").decode("latin-1")}))
        assert {answer.status for answer in answers} == {401}
        assert len({answer.body for answer in answers}) == 1, "which way it is wrong is nothing to tell"
        assert answers[0].headers["WWW-Authenticate"].startswith("Bearer")
        assert (await api.get(SELF, token=good)).status == 200


@pytest.mark.parametrize(
    "headers",
    [
        "Authorization: Basic dTpw\n",
        "Authorization: Bearer\n",
        "Authorization: Bearer a\nAuthorization: Bearer b\n",
        "Cookie: token=TOKEN\n",
        "",
    ],
)
async def test_a_token_that_is_brought_otherwise_is_none(tmp_path: Path, headers: str) -> None:
    async with serving(tmp_path) as api:
        token = api.token()
        text = f"GET {SELF}?auth={token}&token={token} HTTP/1.1\nHost: {api.host}\n{headers}Connection: close\n\n"
        answer = await api.say(text.replace("TOKEN", token))
        assert answer.split(" ")[1] in {"400", "401"}


async def test_wrong_tokens_are_answered_ever_more_slowly_and_right_ones_are_not(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        good = api.token()
        statuses = [(await api.get(SELF, token=new_token()[1])).status for _ in range(8)]
        assert statuses == [401] * 5 + [429] * 3
        refused = await api.get(SELF, token=new_token()[1])
        assert int(refused.headers["Retry-After"]) >= 1
        assert (await api.get(SELF, token=good)).status == 200
        await api.clock.advance(5)
        assert (await api.get(SELF, token=new_token()[1])).status == 401


async def test_of_who_comes_with_wrong_tokens_again_and_again_notice_is_given_once_a_minute(tmp_path: Path) -> None:
    hub = FakeHub()
    async with serving(tmp_path, hub=hub) as api:
        for _ in range(5):
            assert (await api.get(SELF, token="wrong")).status == 401
        assert [one.id for one in hub.notices] == []
        for _ in range(3):
            assert (await api.get(SELF, token="wrong")).status == 429
        [notice] = hub.notices
        assert (notice.id, notice.kind, notice.since) == ("login_failed", "login_failed", api.clock.now())
        assert "last from 127.0.0.1" in notice.hint
        hub.give_notice()
        await api.get(SELF, token="wrong")
        assert [one.id for one in hub.notices] == []


async def test_a_token_has_so_many_requests_a_second(tmp_path: Path) -> None:
    async with serving(tmp_path, limits={"requests": 2}) as api:
        one, other = api.token(), api.token()
        statuses = [(await api.get(SELF, token=one)).status for _ in range(5)]
        assert statuses == [200] * 4 + [429]
        assert (await api.get(SELF, token=other)).status == 200
        assert (await api.get(SELF, by_socket=True)).status == 200
        await api.clock.advance(0.5)
        assert (await api.get(SELF, token=one)).status == 200


async def test_strangers_learn_that_it_is_there_and_no_more(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        assert (await api.get("/healthz")).said == {"ok": True}
        assert (await api.get("/api/v1/info")).status == 200
        for path in ("/", "/nowhere", "/api/v1", "/api/v1/systems", "/api/v1/nowhere", "/healthz/", "/api/v1/../../etc/passwd"):
            assert (await api.get(path)).status == 401, path
        assert (await api.ask("PUT", "/healthz")).status == 401
        api.hub.fares = FakeHub().fares.__class__(problem="the disk is full")
        answer = await api.get("/healthz")
        assert (answer.status, answer.said) == (503, {"ok": False})
        statuses = [(await api.get("/healthz")).status for _ in range(40)]
        assert statuses[-1] == 429


async def test_what_is_served_by_a_token_ends_with_it(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        token, text = api.hub.tokens.add()
        request = f"POST {SELF} HTTP/1.1\r\nHost: {api.host}\r\nAuthorization: Bearer {text}\r\nContent-Length: 9\r\n\r\n"
        reader, writer = await api.connect()
        writer.write(request.encode())
        await until(lambda: any(one.token_id == token.id for one in api.sink._connections))
        api.hub.tokens.drop(token.id)
        while len(api.sink._connections):
            await api.clock.advance(0.5)
            await asyncio.sleep(0.01)
        assert not (await reader.read()).startswith(b"HTTP/1.1 2")


async def test_pairing_is_opened_looked_at_and_closed_by_admins(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    async with serving(tmp_path) as api:
        assert (await api.get(OPENING, by_socket=True)).said == CLOSED
        opened = (await api.post(OPENING, {"scope": "read", "monitors": ["zm/1"]}, by_socket=True)).said
        assert len(opened["code"]) == 8
        assert opened["seconds"] == 600
        assert (await api.get(OPENING, token=api.token(Scope.ADMIN))).said["is_open"]
        assert (await api.post(OPENING, {}, token=api.token(Scope.CONTROL))).status == 403
        closed = (await api.ask("DELETE", OPENING, by_socket=True)).said
        assert closed == CLOSED | {"opening": opened["opening"]}
        answer = await api.post("/api/v1/pair", {"name": "Kitchen", "nonce": "aa" * 32, "proof": "bb" * 32})
        assert (answer.status, answer.code) == (403, "pairing_closed")
        assert "vms-bridge pair" in answer.said["hint"]
    assert opened["code"] not in caplog.text


async def test_a_proof_for_a_token_that_there_is_not_looks_like_any_other(tmp_path: Path) -> None:
    async with serving(tmp_path) as api:
        token_id = api.token().split("_")[1]
        asked = [{"token_id": each, "nonce": "aa" * 32} for each in (token_id, "0123456789")]
        real, fake = [(await api.post("/api/v1/proof", each)).said for each in asked]
        assert real.keys() == fake.keys()
        assert len(real["mac"]) == len(fake["mac"]) == 64
        assert (real["host"], real["certificate"], real["bridge_id"]) == (api.host, None, api.hub.bridge_id)
        assert (await api.post("/api/v1/proof", asked[0])).said["nonce"] != real["nonce"]
        answer = await api.post("/api/v1/proof", asked[0], headers={"Host": "192.168.1.66"})
        assert (answer.status, answer.code) == (421, "misdirected")


async def test_by_a_trusted_proxy_a_proof_is_bound_to_what_the_client_has_asked_the_proxy_for(tmp_path: Path) -> None:
    options: dict[str, Any] = {"trusted_proxies": ["127.0.0.1"], "public_url": "https://cameras.example"}
    async with serving(tmp_path, **options) as api:
        token_id = api.token().split("_")[1]
        headers = {"X-Forwarded-Host": "cameras.example", "X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "https"}
        said = (await api.post("/api/v1/proof", {"token_id": token_id, "nonce": "aa" * 32}, headers=headers)).said
        assert (said["host"], said["certificate"]) == ("cameras.example", None)


def caller(**limits: Any) -> Caller:  # noqa: ANN401 - as of Token
    return Caller(door=Door.API, scope=Scope.READ, token=Token(id="a", name="a", scope=Scope.READ, created=START, **limits))


def test_a_search_finds_what_a_token_is_good_for() -> None:
    assert Caller(door=Door.SOCKET, scope=Scope.ADMIN, uid=0).limit(Search()) == Search()
    assert caller().limit(Search(words="dog")) == Search(words="dog")
    one = caller(systems=frozenset({"zm", "barn"}))
    assert one.limit(Search()).systems == frozenset({"zm", "barn"})
    assert one.limit(Search(systems=frozenset({"zm", "yard"}))).systems == frozenset({"zm"})
    assert one.limit(Search(systems=frozenset({"yard"}))).systems == frozenset()
    other = caller(monitors=frozenset({("zm", "1")}))
    assert other.limit(Search()).monitors == frozenset({("zm", "1")})
    assert other.limit(Search(monitors=frozenset({("zm", "2")}))).monitors == frozenset()


_BODIES: dict[str, Any] = {
    "create_token": {"name": "Kitchen"},
    "open_pairing": {},
    "pair": {"name": "Kitchen", "nonce": "aa" * 32, "proof": "bb" * 32},
    "prove": {"token_id": "0123456789", "nonce": "aa" * 32},
}


@pytest.mark.parametrize("route", [route for route in ROUTES if route.subject == "tokens"], ids=lambda route: route.name)
async def test_each_route_by_each_kind_of_token(tmp_path: Path, route: Route) -> None:
    async with serving(tmp_path, limits={"requests": 1000}) as api:
        for scope in (None, *Scope):
            spare, token = api.hub.tokens.add()[0], None if scope is None else api.token(scope)
            path = route.path.format(token=spare.id)
            answer = await api.ask(route.method, path, token=token, body=_BODIES.get(route.name))
            if route.scope is None:
                assert answer.status in route.answers or answer.code == "pairing_closed"
            elif scope is None:
                assert (answer.status, answer.code) == (401, "unauthenticated")
            elif scope.includes(route.scope):
                assert answer.status in route.answers, answer.body
            else:
                assert (answer.status, answer.code) == (403, "forbidden")
        limited = await api.ask(route.method, path, token=api.token(systems=frozenset({"zm"})), body=_BODIES.get(route.name))
        assert limited.status == 403 or route.reach is Reach.ALL
