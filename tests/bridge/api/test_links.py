"""Links by the API: made by who may see, opened without a token, and good for exactly that, as long as they should be."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from tests.bridge.api.lab import Answer, Api, serving, until
from tests.bridge.api.world import CLIP, World
from tests.fakes.backend import START
from tests.fakes.links import FakeLinks

from vms_bridge.api.kind import KIND
from vms_bridge.api.openapi import link_table
from vms_bridge.api.routes.table import ROUTES
from vms_bridge.errors import LinkKeyRefused, StoreError
from vms_bridge.links import KeyPurpose, LinkKind, MessageLinks, Terms, address_of
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

LINKS, KEYS = "/api/v1/links", "/api/v1/links/keys"
PICTURE, CLIPS = "/api/v1/media/events/zm-1/picture", "/api/v1/media/events/zm-1/clip"
LIVE, STREAM = "/api/v1/media/monitors/zm/1/picture", "/api/v1/media/monitors/zm/1/live.ts"
BOT = {"User-Agent": "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)"}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
async def api(tmp_path: Path, world: World) -> AsyncIterator[Api]:
    async with serving(tmp_path, hub=world, public_url="https://cameras.example") as api:
        yield api
        assert world.open_now == 0, "something is left open"


async def made(api: Api, path: str = CLIPS, *, token: str | None = None, **terms: Any) -> str:  # noqa: ANN401 - JSON
    """Return the path of a new link."""
    answer = await api.post(LINKS, {"path": path, **terms}, token=token or api.token())
    assert answer.status == 201, answer.body
    return str(answer.said["path"])


def is_refused(answer: Answer) -> bool:
    """Say whether it is the one answer that tells nothing."""
    return answer.status == 403 and answer.said == {
        "type": "about:blank",
        "title": "Forbidden",
        "status": 403,
        "detail": "this link is not good, or not any more",
        "code": "link",
        "hint": "ask whoever gave it for another",
        "mistakes": [],
    }


async def test_a_link_opens_without_a_token_what_it_was_made_for(api: Api) -> None:
    answer = await api.post(LINKS, {"path": CLIPS}, token=api.token())
    assert answer.headers["Cache-Control"] == "no-store"
    said = answer.said
    assert said["url"] == f"https://cameras.example{said['path']}"
    assert (said["until"], said["uses"], said["key"]) == (None, None, api.hub.links.usual)
    opened = await api.get(said["path"])
    assert (opened.status, opened.body) == (200, CLIP)
    assert opened.headers["Cache-Control"] == "private, no-store"
    assert opened.headers["Referrer-Policy"] == "no-referrer"
    assert opened.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert "media-src 'self'" in opened.headers["Content-Security-Policy"]
    assert opened.headers["X-Content-Type-Options"] == "nosniff"
    part = await api.get(said["path"], headers={"Range": "bytes=5-9"})
    assert (part.status, part.body) == (206, CLIP[5:10])
    head = await api.ask("HEAD", said["path"])
    assert (head.status, head.headers["Content-Length"]) == (200, str(len(CLIP)))


async def test_the_same_link_is_the_same_at_each_call(api: Api) -> None:
    token = api.token()
    assert await made(api, token=token) == await made(api, token=token)
    assert await made(api, token=token) != await made(api)
    assert await made(api, token=token, uses=1) != await made(api, token=token, uses=1)


@pytest.mark.parametrize(
    ("path", "opened"),
    [
        (f"{PICTURE}?frame=alarm", f"{PICTURE}?frame=alarm&"),
        (f"{PICTURE}?time=2026-11-20T12:00:00%2B01:00", f"{PICTURE}?time=2026-11-20T12%3A00%3A00%2B01%3A00&"),
        ("/api/v1/media/events/zm-2.5%2Fa%20b/picture", "/api/v1/media/events/zm-2.5%2Fa%20b/picture?"),
        (LIVE, f"{LIVE}?"),
    ],
)
async def test_what_stands_in_path_and_query_is_signed(api: Api, world: World, path: str, opened: str) -> None:
    world.film = replace(world.film, content_type="image/jpeg")
    link = await made(api, path)
    assert link.startswith(f"{opened}auth=1.")
    assert (await api.get(link)).status == 200


async def test_it_opens_nothing_else(api: Api, world: World) -> None:
    link = await made(api, f"{PICTURE}?frame=alarm")
    auth = link.partition("auth=")[2]
    elsewhere = [
        f"{CLIPS}?auth={auth}",
        f"{PICTURE}?auth={auth}",
        f"{PICTURE}?frame=first&auth={auth}",
        f"{link}&number=3",
        f"{link}&auth={auth}",
        link.replace("zm-1", "zm-11"),
        link.replace("zm-1", "zm-nosuch"),
        f"{LIVE}?auth={auth}",
    ]
    for other in elsewhere:
        await api.clock.advance(10)
        assert is_refused(await api.get(other)), other
    assert (await api.get(f"/api/v1/events?auth={auth}")).status == 401
    assert (await api.ask("DELETE", f"/api/v1/tokens/self?auth={auth}")).status == 401
    assert (await api.post(f"{LINKS}?auth={auth}", {"path": CLIPS})).status == 401
    assert (await api.ask("POST", link)).status in {401, 405}
    assert world.opened == []


@pytest.mark.parametrize(
    "spoil",
    [
        lambda auth: auth[:-1],
        lambda auth: auth[:20],
        lambda _: "",
        lambda auth: f"{auth}A",
        lambda auth: auth.swapcase(),
        lambda auth: f"1.{'z' * 10}.{auth.split('.', 2)[2]}",
        lambda auth: auth.replace(auth.split(".")[2], "-"),
        lambda auth: auth.replace(".-.-.", ".-.5-0123456789."),
        lambda auth: auth.replace(".-.-.", ".1900000000.-."),
        lambda _: f"1.{'0' * 10}.-.-.-.{'A' * 43}",
        lambda _: "%00%ff%C3",
        lambda _: "x" * 4_000,
    ],
)
async def test_what_is_forged_is_refused_by_one_answer(api: Api, world: World, spoil: Any) -> None:  # noqa: ANN401 - a function
    path, _, auth = (await made(api)).partition("?auth=")
    assert is_refused(await api.get(f"{path}?auth={spoil(auth)}"))
    assert world.opened == []


async def test_a_link_of_another_instance_is_refused(api: Api) -> None:
    link = await made(api)
    signature = FakeLinks("c" * 32).signed(CLIPS, Terms(key=api.hub.links.usual))
    assert is_refused(await api.get(address_of(CLIPS, signature)))
    assert (await api.get(link)).status == 200


async def test_who_tries_signatures_is_slowed_down_and_good_links_go_on(api: Api) -> None:
    link = await made(api)
    answers = [(await api.get(f"{CLIPS}?auth=x{number}")) for number in range(7)]
    assert [answer.status for answer in answers] == [403] * 5 + [429] * 2
    assert answers[-1].headers["Retry-After"]
    assert (await api.get(link)).status == 200


async def test_a_link_gives_no_more_than_its_maker_may_see(api: Api, world: World) -> None:
    limited = api.token(monitors=frozenset({("zm", "2")}))
    for path in (CLIPS, LIVE, "/api/v1/media/events/other-1/clip", "/api/v1/media/events/zm-99/clip"):
        answer = await api.post(LINKS, {"path": path}, token=limited)
        assert (answer.status, answer.code) == (404, "not_found")
    link = await made(api, "/api/v1/media/events/zm-11/clip", token=limited)
    assert (await api.get(link)).status == 200
    assert (await api.post(LINKS, {"path": CLIPS}, token=api.token(Scope.HOOK))).status == 403
    # An event that moves to another monitor is seen by other people from then on.
    world.index["zm-11"] = replace(world.index["zm-11"], monitor="1")
    assert is_refused(await api.get(link))


async def test_a_link_is_good_no_longer_than_the_token_that_asked_for_it(api: Api) -> None:
    token = api.token()
    link = await made(api, token=token)
    assert (await api.get(link)).status == 200
    api.hub.tokens.drop(token.split("_")[1])
    assert is_refused(await api.get(link))


async def test_by_the_socket_it_is_good_without_one(api: Api) -> None:
    answer = await api.post(LINKS, {"path": CLIPS}, by_socket=True)
    assert answer.said["token"] is None
    assert (await api.get(answer.said["path"])).status == 200


async def test_who_shows_a_token_and_a_link_is_told_to_choose(api: Api) -> None:
    link = await made(api)
    for by in ({"token": api.token()}, {"by_socket": True}):
        answer = await api.get(link, **by)
        assert (answer.status, answer.said["mistakes"][0]["field"]) == (400, "auth")


async def test_a_revoked_key_takes_its_links_along(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "vms_bridge")
    admin = api.token(Scope.ADMIN)
    key = (await api.post(KEYS, {"name": "Neighbours"}, token=admin)).said
    assert (key["name"], key["purpose"]) == ("Neighbours", "named")
    link, other = await made(api, key=key["id"]), await made(api)
    assert [each["id"] for each in (await api.get(KEYS, token=admin)).said["keys"]] == [api.hub.links.usual, key["id"]]
    assert (await api.ask("DELETE", f"{KEYS}/{key['id']}", token=admin)).status == 204
    assert (await api.ask("DELETE", f"{KEYS}/{key['id']}", token=admin)).status == 404
    assert is_refused(await api.get(link))
    assert (await api.get(other)).status == 200
    assert f"revoked the key {key['id']}" in caplog.text
    assert link.partition("auth=")[2] not in caplog.text


@pytest.mark.parametrize("how", ["key", "token", "time"])
async def test_what_is_served_by_it_ends_with_it(api: Api, world: World, how: str) -> None:
    world.film = replace(world.film, hangs_at=2_000)
    token = api.token()
    link = await made(api, token=token, life=100)
    reader, writer = await api.connect()
    writer.write(f"GET {link} HTTP/1.1\r\nHost: {api.host}\r\n\r\n".encode())
    await until(lambda: world.open_now)
    await api.clock.advance(2)
    assert not reader.at_eof()
    if how == "key":
        await api.hub.links.revoke_key(api.hub.links.usual)
    elif how == "token":
        api.hub.tokens.drop(token.split("_")[1])
    await api.clock.advance(200 if how == "time" else 2)
    async with asyncio.timeout(10):
        with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
            await reader.readexactly(1_000_000)
    await until(lambda: not world.open_now)


@pytest.mark.parametrize(
    ("changes", "ago", "is_good"),
    [
        ({}, timedelta(days=6, hours=23), True),
        ({}, timedelta(days=7, minutes=5), False),
        ({"end": None, "end_reason": None}, timedelta(days=6, hours=23), True),
        ({"end": None, "end_reason": None}, timedelta(days=7, minutes=5), False),
        ({"end": None, "start": None}, timedelta(0), False),
    ],
)
async def test_a_link_to_an_event_is_good_as_long_as_it_is_not_too_old(
    api: Api,
    world: World,
    changes: dict[str, Any],
    ago: timedelta,
    is_good: bool,  # noqa: FBT001 - the case
) -> None:
    known = world.index["zm-1"]
    world.index["zm-1"] = replace(known, event=replace(known.event, **{"start": START, "end": START, **changes}))
    link = (await api.post(LINKS, {"path": CLIPS}, by_socket=True)).said["path"]
    api.clock.freeze(ago.total_seconds())
    answer = await api.get(link)
    assert answer.status == 200 if is_good else is_refused(answer)


@pytest.mark.parametrize(("told", "is_good"), [(timedelta(days=6), True), (timedelta(days=8), False)])
async def test_an_event_without_an_end_is_as_old_as_what_was_told_of_it(
    api: Api,
    world: World,
    told: timedelta,
    is_good: bool,  # noqa: FBT001 - the case
) -> None:
    known = world.index["zm-1"]
    world.index["zm-1"] = replace(known, event=replace(known.event, start=START - timedelta(days=30), end=None))
    api.hub.told_ago = told
    answer = await api.get(await made(api))
    assert answer.status == 200 if is_good else is_refused(answer)


async def test_a_link_to_an_event_that_is_no_more_is_refused_like_any_other(api: Api, world: World) -> None:
    link = await made(api)
    del world.index["zm-1"]
    assert is_refused(await api.get(link))


async def test_another_life_counts_for_links_that_are_out_already(tmp_path: Path, world: World) -> None:
    async with serving(tmp_path, hub=world) as api:
        link = await made(api)
    async with serving(tmp_path, hub=world, link_life="1m") as api:
        api.clock.freeze(3600)
        assert (await api.get(link)).status == 403


@pytest.mark.parametrize(
    ("path", "terms", "seconds"),
    [
        (LIVE, {}, 86_400),
        (LIVE, {"life": 60}, 60),
        (CLIPS, {"life": 3600}, 3600),
        (CLIPS, {"uses": 3}, 7 * 86_400),
        (CLIPS, {"uses": 3, "life": 90}, 90),
    ],
)
async def test_the_time_in_it(api: Api, path: str, terms: dict[str, Any], seconds: int) -> None:
    answer = await api.post(LINKS, {"path": path, **terms}, token=api.token())
    ends = START + timedelta(seconds=seconds)
    assert answer.said["until"] in {(ends + timedelta(seconds=more)).strftime("%Y-%m-%dT%H:%M:%SZ") for more in (0, 1)}
    assert answer.said["uses"] == terms.get("uses")
    api.clock.freeze(seconds - 1)
    if path == LIVE:
        assert (await api.get(answer.said["path"])).status == 200
    api.clock.freeze(3)
    assert is_refused(await api.get(answer.said["path"]))


async def test_a_streams_link_is_the_same_at_each_call_and_dies_with_its_token(api: Api, world: World) -> None:
    world.film = replace(world.film, content_type="video/mp2t")
    token = api.token(monitors=frozenset({("zm", "1")}))
    first, again = [(await api.post(LINKS, {"path": STREAM}, token=token)).said for _ in range(2)]
    assert first == again
    assert (first["until"], first["token"]) == (None, token.split("_")[1])
    for other in ("/api/v1/media/monitors/zm/2/live.ts", "/api/v1/media/monitors/other/1/live.ts"):
        assert (await api.post(LINKS, {"path": other}, token=token)).status == 404
        assert is_refused(await api.get(f"{other}?{first['path'].partition('?')[2]}"))
    api.clock.freeze(400 * 86_400)
    opened = await api.get(first["path"])
    assert (opened.status, opened.body) == (200, CLIP)
    api.hub.tokens.drop(token.split("_")[1])
    assert is_refused(await api.get(first["path"]))


async def test_by_the_socket_a_streams_link_carries_a_time(api: Api) -> None:
    said = (await api.post(LINKS, {"path": STREAM}, by_socket=True)).said
    assert (said["token"], said["until"]) == (None, (START + timedelta(days=1, seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ"))


async def test_uses_are_counted_but_not_what_only_looks(api: Api, world: World) -> None:
    link = await made(api, uses=1)
    (uses_id,) = [each.uses.id for each in [api.hub.links.read(link.partition("auth=")[2], CLIPS)] if each and each.uses]
    assert (await api.ask("HEAD", link)).status == 200
    probe = await api.get(link, headers={"Range": "bytes=0-1"})
    assert (probe.status, probe.body) == (206, CLIP[:2])
    for seen in (BOT, {"Purpose": "prefetch"}, {"Sec-Purpose": "prefetch;prerender"}, {"User-Agent": "WhatsApp/2.24"}):
        assert is_refused(await api.get(link, headers=seen))
        await api.clock.advance(10)
    assert api.hub.links.counts[uses_id] == 0
    assert (await api.get(link)).status == 200
    assert (await api.get(link, headers={"Range": "bytes=2000-"})).status == 206
    assert api.hub.links.counts[uses_id] == 1
    api.hub.links.lasting.clear()
    assert is_refused(await api.get(link))
    assert is_refused(await api.get(link, headers={"Range": "bytes=0-1"}))
    assert (await api.ask("HEAD", link)).status == 403
    assert {ref for ref, _ in world.opened} == {world.opened[0][0]}


@pytest.mark.parametrize("part", ["bytes=0-1024", "bytes=0-", "bytes=1-2", "bytes=0-1,5-6", "bytes=-5", "bytes=0-99999"])
async def test_more_than_the_first_bytes_is_a_use(api: Api, part: str) -> None:
    link = await made(api, uses=1)
    assert (await api.get(link, headers={"Range": part})).status in {200, 206}
    assert sum(api.hub.links.counts.values()) == 1


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (STREAM, {"Range": "bytes=0-1"}),
        (PICTURE, {"Range": "bytes=0-1"}),
        (CLIPS, {"Range": "bytes=0-1", "If-Range": '"another"'}),
    ],
)
async def test_what_may_be_sent_whole_all_the_same_is_a_use(api: Api, world: World, path: str, headers: dict[str, str]) -> None:
    if path == STREAM:
        world.film = replace(world.film, content_type="video/mp2t")
    link = await made(api, path, uses=1)
    assert (await api.get(link, headers=headers)).status in {200, 206}
    assert sum(api.hub.links.counts.values()) == 1


async def test_a_link_without_a_number_of_uses_may_be_previewed(api: Api) -> None:
    assert (await api.get(await made(api), headers=BOT)).status == 200


async def test_a_use_that_can_not_be_written_down_is_none(api: Api) -> None:
    link = await made(api, uses=1)
    api.hub.links.refusal = StoreError("the disk is full", hint="make room")
    assert (await api.get(link)).status == 503


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "path"),
        ({"path": ""}, "path"),
        ({"path": "/api/v1/events"}, "path"),
        ({"path": "/api/v1/tokens"}, "path"),
        ({"path": "/api/v1/media/events//clip"}, "path"),
        ({"path": "https://cameras.example/api/v1/media/events/zm-1/clip"}, "path"),
        ({"path": "/api/v1/media/events/zm-1/../zm-1/clip"}, "path"),
        ({"path": f"{CLIPS}?x=1"}, "path"),
        ({"path": f"{PICTURE}?frame=worst"}, "path"),
        ({"path": f"{PICTURE}?frame=best&frame=first"}, "path"),
        ({"path": f"{PICTURE}?auth=1.0123456789.-.-.-.{'A' * 43}"}, "path"),
        ({"path": CLIPS, "uses": 0}, "uses"),
        ({"path": CLIPS, "uses": 10_000}, "uses"),
        ({"path": CLIPS, "life": 0}, "life"),
        ({"path": CLIPS, "key": "x"}, "key"),
        ({"path": CLIPS, "token": "0123456789"}, "token"),
    ],
)
async def test_what_can_be_no_link_is_refused_by_its_field(api: Api, body: dict[str, Any], field: str) -> None:
    answer = await api.post(LINKS, body, token=api.token())
    assert answer.status == 422, answer.body
    assert {mistake["field"] for mistake in answer.said["mistakes"]} == {field}


async def test_keys_that_there_are_not_and_a_store_that_fails(api: Api) -> None:
    answer = await api.post(LINKS, {"path": CLIPS, "key": "0123456789"}, token=api.token())
    assert (answer.status, answer.code) == (422, "link_key")
    api.hub.links.refusal = StoreError("the disk is full", hint="make room")
    assert (await api.post(LINKS, {"path": CLIPS}, token=api.token())).status == 503
    assert (await api.post(KEYS, {"name": "x"}, by_socket=True)).status == 503
    assert (await api.ask("DELETE", f"{KEYS}/x", by_socket=True)).status == 503
    api.hub.links.refusal = LinkKeyRefused("there are 64 keys already", hint="revoke some")
    assert (await api.post(KEYS, {"name": "x"}, by_socket=True)).status == 422


async def test_one_link_takes_not_all_that_may_be_read_of_a_system(api: Api, world: World) -> None:
    world.film = replace(world.film, hangs_at=0)
    link = await made(api)
    for _ in range(8):
        _, writer = await api.connect()
        writer.write(f"GET {link} HTTP/1.1\r\nHost: {api.host}\r\n\r\n".encode())
    await until(lambda: world.open_now == 8)
    answer = await api.get(link)
    assert (answer.status, answer.code) == (503, "busy")
    world.film.hang.set()


async def test_who_comes_by_a_link_takes_nothing_from_its_makers_token(tmp_path: Path, world: World) -> None:
    async with serving(tmp_path, hub=world, limits={"requests": 2}) as api:
        token = api.token()
        link = await made(api, token=token)
        answers = [(await api.get(link)).status for _ in range(5)]
        assert answers == [200] * 4 + [429]
        assert (await api.get("/api/v1/tokens/self", token=token)).status == 200


@pytest.mark.parametrize(
    ("wanted", "opens"), [("none", set()), ("snapshot", {LinkKind.PICTURE}), ("all", {LinkKind.PICTURE, LinkKind.CLIP})]
)
async def test_links_in_messages_open_what_they_may(tmp_path: Path, world: World, wanted: str, opens: set[LinkKind]) -> None:
    world.links.add("m" * 10, KeyPurpose.MESSAGES)
    async with serving(tmp_path, hub=world, message_links=wanted, public_url="https://cameras.example") as api:
        for kind, target in ((LinkKind.PICTURE, PICTURE), (LinkKind.CLIP, CLIPS), (LinkKind.TIMED, LIVE)):
            answer = await api.get(address_of(target, world.links.signed(target, Terms(key="m" * 10))))
            assert is_refused(answer) is (kind not in opens)


@pytest.mark.parametrize(
    ("options", "links"),
    [
        ({}, None),
        ({"message_links": "none", "public_url": "https://h/"}, None),
        ({"message_links": "snapshot", "public_url": "https://h/"}, (True, False)),
        ({"message_links": "all", "public_url": "https://h"}, (True, True)),
    ],
)
def test_what_messages_are_given(options: dict[str, str], links: tuple[bool, bool] | None) -> None:
    found = KIND.message_links(KIND.config.model_validate(options))
    event = "/api/v1/media/events/{event}"
    clip = f"{event}/clip" if links and links[1] else None
    assert found == (None if links is None else MessageLinks(url="https://h", picture=f"{event}/picture", clip=clip))


async def test_its_address_where_no_public_one_is_known(tmp_path: Path, world: World) -> None:
    async with serving(tmp_path, hub=world) as api:
        said = (await api.post(LINKS, {"path": CLIPS}, token=api.token())).said
        assert said["url"] == f"{api.url}{said['path']}"
        said = (await api.post(LINKS, {"path": CLIPS}, by_socket=True)).said
        assert said["url"] is None, "its port was any that was free"


def test_only_what_is_read_can_be_linked_and_the_page_says_what() -> None:
    linkable = [route for route in ROUTES if route.link is not None]
    assert {route.link for route in linkable} == set(LinkKind)
    for route in linkable:
        assert (route.method, route.scope) == ("GET", Scope.READ)
        assert "event" in route.parameters or {"system", "monitor"} <= set(route.parameters), "else nobody knows whose it is"
        assert ("event" in route.parameters) is (route.link in {LinkKind.PICTURE, LinkKind.CLIP})
        assert f"| `{route.path}` | `{route.link}` |" in link_table()
