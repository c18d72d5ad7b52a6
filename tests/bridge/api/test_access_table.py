"""Each route by each kind of token: what happens, as the table in docs/api.md says."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel
from tests.bridge.api.lab import Api, serving
from tests.bridge.api.world import World
from tests.fakes.scripts import SHA256, FakeScripts

from vms_bridge.api.route import Reach, Route
from vms_bridge.api.routes.table import ROUTES
from vms_bridge.receivers import Receiver
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

PLACES = {
    "system": "zm",
    "monitor": "1",
    "event": "zm-1",
    "holder": "somebody",
    "object": "person",
    "token": "0123456789",
    "key": "0123456789",
    "name": "trigger",
    "script": "gate",
}
"""What stands in the paths: all of it is the first system's."""
_TIME = "?since=2026-11-20T12:00:00Z&until=2026-11-20T12:01:00Z"
QUERIES = {"get_range_clip": _TIME, "get_range_clip_content": _TIME, "get_log": "?system=zm"}
BODIES: dict[str, dict[str, Any]] = {
    "give_command": {"system": "zm", "monitor": "1", "command": "armed", "value": "ON", "on_behalf_of": "Ada"},
    "set_discovery": {"is_on": True},
    "claim_devices": {"holder": "somebody"},
    "rebuild_index": {"system": "zm"},
    "create_token": {"name": "another", "scope": "read"},
    "create_link": {"path": "/api/v1/media/events/zm-1/picture"},
    "create_link_key": {"name": "another"},
    "prove": {"token_id": "0123456789", "nonce": "00" * 16},
    "pair": {"name": "another", "nonce": "00" * 32, "proof": "00" * 32},
    "open_pairing": {},
    "ask_client": {"kind": "notify", "content": {}},
    "call_receiver": {"monitor": "1"},
    "upload_script": {"text": "x = 1"},
    "approve_script": {"sha256": SHA256},
    "enable_script": {"is_enabled": True},
    "set_script_settings": {"values": {"low": 4}},
}
ELSEWHERE: dict[str, dict[str, Any]] = {
    "systems": {"systems": frozenset({"other"})},
    "monitors": {"monitors": frozenset({("other", "1")})},
    "one monitor of it": {"monitors": frozenset({("zm", "2")})},
}
"""Tokens that are good for something else than what is asked for."""
REFUSED = {
    "pair": 403,
    "revoke_token": 404,
    "revoke_link_key": 404,
    "ask_client": 503,
    "get_range_clip": 404,
    "get_range_clip_content": 404,
    "get_object_picture": 404,
}
"""By what those are refused that may, for there is no such code, token, key, client, recording or picture."""
HTTP = [route for route in ROUTES if not route.path.endswith("/ws")]

by_route = pytest.mark.parametrize("route", HTTP, ids=lambda route: route.name)


class Wanted(BaseModel):
    monitor: str


async def receive(_: Wanted) -> None:
    """Take whatever comes."""


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Api]:
    world = World()
    world.receivers.open("zm", Receiver(name="trigger", meaning="nothing", body=Wanted, receive=receive))
    world.scripts.serve(FakeScripts())
    async with serving(tmp_path, hub=world) as api:
        yield api


async def ask(api: Api, route: Route, token: str | None) -> Any:  # noqa: ANN401 - the lab's answer
    path = route.path.format(**PLACES) + QUERIES.get(route.name, "")
    return await api.ask(route.method, path, token=token, body=BODIES.get(route.name))


def is_served(route: Route, answer: Any) -> bool:  # noqa: ANN401 - the lab's answer
    return answer.status in route.answers or answer.status == REFUSED.get(route.name)


def enough(scope: Scope) -> set[Scope]:
    """Return as what a token is good: a receiver may be called by who is bound to it, and by who has its level, too."""
    return {scope, Scope.HOOK} if scope.includes(Scope.CONTROL) else {scope}


@by_route
async def test_without_a_token(api: Api, route: Route) -> None:
    answer = await ask(api, route, None)
    if route.scope is None:
        assert is_served(route, answer), answer.body
    else:
        assert (answer.status, answer.code) == (401, "unauthenticated")


@by_route
@pytest.mark.parametrize("scope", Scope)
async def test_with_a_token_of_a_scope(api: Api, route: Route, scope: Scope) -> None:
    receiver = ("zm", "trigger") if scope is Scope.HOOK else None
    answer = await ask(api, route, api.token(scope, receiver=receiver))
    if route.scope is None or any(each.includes(route.scope) for each in enough(scope)):
        assert is_served(route, answer), answer.body
    else:
        assert (answer.status, answer.code) == (403, "forbidden")
        assert api.hub.commands == []


@by_route
@pytest.mark.parametrize("limits", ELSEWHERE)
async def test_with_a_token_that_is_limited_to_something_else(api: Api, route: Route, limits: str) -> None:
    answer = await ask(api, route, api.token(Scope.ADMIN, **ELSEWHERE[limits]))
    knows_system = limits == "one monitor of it"
    match route.reach:
        case Reach.NONE:
            assert (answer.status, answer.code) == (403, "forbidden")
        case Reach.NAMED if route.name == "get_system" and knows_system:
            assert answer.said["monitors"] == ["2"]
        case Reach.NAMED:
            assert (answer.status, answer.code) == (404, "not_found")
            assert api.hub.commands == []
        case Reach.OWN:
            assert answer.status == 200
            assert b'"1"' not in answer.body if knows_system else b"zm" not in answer.body
        case _ if route.scope is None or route.subject == "tokens":
            assert is_served(route, answer), answer.body
        case _:
            assert (answer.status, answer.body) == (200, (await ask(api, route, api.token(Scope.ADMIN))).body)


@by_route
async def test_with_a_token_that_is_limited_to_it(api: Api, route: Route) -> None:
    answer = await ask(api, route, api.token(Scope.ADMIN, systems=frozenset({"zm"})))
    if route.reach is Reach.NONE and route.scope is not None:
        assert (answer.status, answer.code) == (403, "forbidden")
    else:
        assert is_served(route, answer), answer.body


async def test_what_is_not_his_is_answered_as_what_is_not(api: Api) -> None:
    token = api.token(Scope.ADMIN, monitors=frozenset({("zm", "2")}))
    for path in ("systems/{}", "monitors/{}/1", "events/{}-1", "media/events/{}-1/clip", "media/monitors/{}/1/picture"):
        his, nobodys = [await api.get(f"/api/v1/{path.format(system)}", token=token) for system in ("other", "nosuch")]
        assert his.status == nobodys.status == 404
        assert his.said == {**nobodys.said, "detail": nobodys.said["detail"].replace("nosuch", "other")}


async def test_every_route_that_takes_a_body_is_asked_with_one() -> None:
    assert {route.name for route in ROUTES if route.body is not None} == BODIES.keys()
    assert {name for route in ROUTES for name in route.parameters} == PLACES.keys()


@pytest.mark.parametrize(
    "route", [each for each in ROUTES if each.body is not None and each.scope is not None], ids=lambda each: each.name
)
async def test_of_a_body_nothing_is_read_before_it_is_known_that_he_may(api: Api, route: Route) -> None:
    """Whoever is refused is answered while his body is still to come: it would be waited for by a clock that stands still."""
    tokens: list[str | None] = [None, api.token(Scope.HOOK, receiver=("zm", "another"))]
    if route.scope in {Scope.CONTROL, Scope.ADMIN}:
        tokens.append(api.token(Scope.READ))
    for token in tokens:
        said = "" if token is None else f"Authorization: Bearer {token}\r\n"
        head = f"{route.method} {route.path.format(**PLACES)} HTTP/1.1\r\nHost: {api.host}\r\n{said}"
        reader, writer = await api.connect()
        writer.write(f"{head}Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n{{".encode())
        async with asyncio.timeout(30):
            line = await reader.readline()
        assert line.split()[1] == (b"401" if token is None else b"403"), line
        writer.transport.abort()
