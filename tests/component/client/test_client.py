"""The API as Home Assistant asks it: what is made of answers, and that every wait and every answer has an end."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from custom_components.vms_bridge import answers, client
from custom_components.vms_bridge.address import path_of
from custom_components.vms_bridge.errors import (
    BridgeError,
    Busy,
    CannotConnect,
    ConnectionLost,
    Misdirected,
    NotABridge,
    NotAllowed,
    NotFound,
    OtherBridge,
    Refused,
    TokenRefused,
    TooNew,
    TooOld,
    Unanswered,
)
from tests.component.client.lab import INFO, client_of, scripted

if TYPE_CHECKING:
    from tests.component.fakes.bridge import FakeBridge


def paths(bridge: FakeBridge) -> list[str]:
    return [asked.path.removeprefix("/api/v1/") for asked in bridge.requests]


# --- who answers ---


async def test_who_answers_is_known_without_a_token(bridge: FakeBridge) -> None:
    async with client_of(bridge.url, token=None) as asking:
        info = await asking.info()
    assert (info.bridge_id, info.name, info.lowest_protocol, info.highest_protocol) == (bridge.bridge_id, "VMS Bridge", 1, 1)
    assert "Authorization" not in bridge.requests[0].headers


@pytest.mark.parametrize(("lowest", "highest", "error"), [(0, 0, TooOld), (2, 3, TooNew)])
async def test_a_bridge_of_another_protocol_is_too_old_or_too_new(
    bridge: FakeBridge, lowest: int, highest: int, error: type[BridgeError]
) -> None:
    bridge.lowest_protocol, bridge.highest_protocol = lowest, highest
    async with client_of(bridge.url) as asking:
        with pytest.raises(error):
            await asking.info()


async def test_another_bridge_at_the_address_is_told_apart(bridge: FakeBridge) -> None:
    async with client_of(bridge.url) as asking:
        asking.bridge_id = "0" * 16
        with pytest.raises(OtherBridge) as caught:
            await asking.info()
        with pytest.raises(OtherBridge):
            await asking.get("systems")
    assert caught.value.bridge_id == bridge.bridge_id
    assert not any("Authorization" in asked.headers for asked in bridge.requests)


@pytest.mark.parametrize("kind", ["text", "html", "binary", "list", "empty", "nested", "wrong"])
async def test_what_speaks_otherwise_is_no_bridge(bridge: FakeBridge, kind: Any) -> None:
    async with client_of(bridge.url) as asking:
        bridge.say_garbage(kind)
        with pytest.raises(NotABridge):
            await asking.info()
        with pytest.raises(NotABridge):
            await asking.get("systems")


async def test_an_answer_has_a_bound(bridge: FakeBridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "MOST_BYTES", 10_000)
    bridge.answer("/api/v1/info", 200, {**INFO, "name": "x" * 20_000})
    async with client_of(bridge.url) as asking:
        with pytest.raises(NotABridge, match="more than"):
            await asking.info()


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_nobody_is_led_elsewhere(bridge: FakeBridge, status: int) -> None:
    bridge.answer("/api/v1/info", status, [], headers={"Location": f"{bridge.url}/elsewhere"})
    async with client_of(bridge.url) as asking:
        with pytest.raises(NotABridge, match="elsewhere"):
            await asking.info()
    assert paths(bridge) == ["info"]


@pytest.mark.parametrize(("date", "ahead_s"), [("Fri, 20 Nov 2026 12:00:00 GMT", 3600.0), ("Fri, 20 Nov 2026 11:00:01 GMT", 0.0)])
def test_a_clock_that_is_wrong_is_noticed(date: str, ahead_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homeassistant.util.dt.utcnow", lambda: datetime(2026, 11, 20, 11, tzinfo=UTC))
    assert answers.clock_ahead_s(date) == ahead_s


@pytest.mark.parametrize(
    "date", [None, "", "yesterday", "Fri, 99 Nov 2026 12:00:00 GMT", "Fri, 20 Nov 99999999 12:00:00 GMT", "20 Nov"]
)
def test_a_clock_of_which_nothing_is_said_is_right(date: str | None) -> None:
    assert answers.clock_ahead_s(date) == 0.0


# --- that there is an end ---


async def test_nobody_answers_where_nobody_listens(bridge: FakeBridge) -> None:
    await bridge.stop()
    async with client_of(bridge.url) as asking:
        with pytest.raises(CannotConnect):
            await asking.info()
        with pytest.raises(CannotConnect):
            await asking.prove()


async def test_an_answer_that_does_not_come_is_not_waited_for(bridge: FakeBridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_ANSWER_S", 0.05)
    bridge.hold("/api/v1/info")
    async with client_of(bridge.url) as asking:
        with pytest.raises(Unanswered):
            await asking.info()
    bridge.release()


async def test_an_answer_that_does_not_go_on_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "_ANSWER_S", 0.05)

    async def half(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"{")
        await asyncio.Event().wait()
        return response

    async with scripted() as server, client_of(server.url) as asking:
        server.answers["info"] = half
        with pytest.raises(Unanswered):
            await asking.info()


async def test_an_answer_that_breaks_off_is_none() -> None:
    async def broken(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "100"})
        await response.prepare(request)
        await response.write(b"{")
        assert request.transport is not None
        request.transport.abort()
        return response

    async with scripted() as server, client_of(server.url) as asking:
        server.answers["info"] = broken
        with pytest.raises(ConnectionLost):
            await asking.info()


async def test_who_is_cancelled_goes(bridge: FakeBridge) -> None:
    bridge.hold("/api/v1/info")
    async with client_of(bridge.url) as asking:
        task = asyncio.create_task(asking.info())
        await bridge.asked("/api/v1/info")
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    bridge.release()


async def test_a_session_that_is_closed_asks_nothing(bridge: FakeBridge) -> None:
    async with client_of(bridge.url) as asking:
        pass
    with pytest.raises(CannotConnect):
        await asking.info()


# --- what is refused ---


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (400, "search", Refused),
        (401, "unauthenticated", TokenRefused),
        (403, "forbidden", NotAllowed),
        (403, "link", NotAllowed),
        (404, "not_found", NotFound),
        (404, "gone", NotFound),
        (409, "rejected", Refused),
        (421, "misdirected", Misdirected),
        (422, "clip", Refused),
        (429, "too_many", Busy),
        (500, "error", Refused),
        (502, "vms", Refused),
        (503, "store", Refused),
        (504, "unanswered", Unanswered),
        (507, "no_room", Refused),
        (418, "newer", Refused),
    ],
)
async def test_a_refusal_is_an_error_with_the_bridge_s_words(
    bridge: FakeBridge, status: int, code: str, error: type[BridgeError]
) -> None:
    bridge.answer("/api/v1/events", status, code=code, hint="do it otherwise")
    async with client_of(bridge.url) as asking:
        with pytest.raises(error) as caught:
            await asking.get("events", {"monitor": ["zm/1", "zm/2"], "limit": "5"})
    assert type(caught.value) is error
    assert (caught.value.detail, caught.value.code, caught.value.hint) == ("it is so", code, "do it otherwise")


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, NotABridge), (401, NotABridge), (404, NotABridge), (500, NotABridge), (502, CannotConnect), (503, CannotConnect)],
)
async def test_what_stands_before_a_bridge_is_told_apart(status: int, error: type[BridgeError]) -> None:
    async with scripted() as server, client_of(server.url) as asking:
        server.says("events", status, b"<html>", Content_Type="text/html")
        with pytest.raises(error):
            await asking.get("events")


@pytest.mark.parametrize(
    ("status", "said", "pause_s"),
    [
        (429, "7", 7.0),
        (503, "2", 2.0),
        (429, "", 1.0),
        (429, "tomorrow", 1.0),
        (429, "-1", 1.0),
        (429, "9" * 30, 1.0),
        (429, "999999", 3600.0),
    ],
)
async def test_a_busy_bridge_says_for_how_long(bridge: FakeBridge, status: int, said: str, pause_s: float) -> None:
    bridge.answer("/api/v1/events", status, code="busy", headers={"Retry-After": said})
    async with client_of(bridge.url) as asking:
        with pytest.raises(Busy) as caught:
            await asking.get("events")
    assert caught.value.retry_after_s == pause_s


async def test_whatever_a_refusal_says_it_is_one() -> None:
    async with scripted() as server, client_of(server.url) as asking:
        bodies: tuple[object, ...] = (
            {"code": 7, "detail": "x"},
            [],
            b"\xff",
            {"code": "x" * 10_000, "detail": [], "hint": {}, "mistakes": 7},
            {"code": "invalid", "mistakes": [7, {"field": 7}, {"field": "limit"}]},
        )
        for body in bodies:
            server.says("events", 422, body)
            with pytest.raises((NotABridge, Refused)):
                await asking.get("events")
        with pytest.raises(Refused) as caught:
            await asking.get("events")
        assert caught.value.fields == {"limit"}


# --- what is asked ---


async def test_everything_a_path_and_a_query_can_say_arrives(bridge: FakeBridge) -> None:
    async with client_of(bridge.url) as asking:
        await asking.get("events", {"monitor": ["zm/1", "zm/2"], "words": "a b&c=ä", "limit": "5"})
    asked = await bridge.asked("/api/v1/events")
    assert asked.query == {"monitor": ["zm/1", "zm/2"], "words": ["a b&c=ä"], "limit": ["5"]}


async def test_things_are_posted_put_and_taken_away() -> None:
    async with scripted() as server, client_of(server.url) as asking:
        server.says("thing", 200, {"is": 1})
        assert await asking.post("thing", {"a": 1}) == {"is": 1}
        assert await asking.put("thing") == {"is": 1}
        server.says("thing", 204, b"")
        assert await asking.delete("thing") == {}
    assert [method for method, path, _ in server.seen if path == "thing"] == ["POST", "PUT", "DELETE"]


async def test_how_the_bridge_fares(bridge: FakeBridge) -> None:
    bridge.change_health(problem="the disk is full")
    async with client_of(bridge.url) as asking:
        health = await asking.health()
    assert (health.version, health.instance, health.problem) == ("0.1.0", "home", "the disk is full")


async def test_a_claim_is_made_seen_and_dropped(bridge: FakeBridge) -> None:
    bridge.claim_scope = "control"
    async with client_of(bridge.url) as asking:
        await asking.claim("0f3e/8c6a")
        assert [claim.holder for claim in await asking.claims()] == ["0f3e/8c6a"]
        await asking.unclaim("0f3e/8c6a")
        assert await asking.claims() == ()
        bridge.answer("/api/v1/discovery", 200, {"is_on": True, "claims": 7})
        with pytest.raises(NotABridge):
            await asking.claims()


async def test_a_link_leads_to_the_address_that_we_know(bridge: FakeBridge) -> None:
    async with client_of(bridge.url) as asking:
        path = path_of("media", "monitors", "zm", "1", "live.ts")
        url = await asking.link(path)
        assert url.startswith(f"{bridge.url}/api/v1/media/monitors/zm/1/live.ts?auth=")
        assert await asking.link(path) == url
        picture = await asking.link("media/events/zm-11/picture", life=600, frame="alarm")
    assert "frame=alarm&auth=" in picture
    assert bridge.requests[-1].body == {"path": "/api/v1/media/events/zm-11/picture?frame=alarm", "life": 600}


@pytest.mark.parametrize(
    "made",
    [
        None,
        7,
        "",
        "file:///etc/passwd",
        "//evil.example/api/v1/media/monitors/zm/1/live.ts",
        "@evil.example/",
        "/api/v1/media/monitors/zm/2/live.ts?auth=x",
        "/api/v1/media/monitors/zm/1/live.ts?auth=x y",
        "/api/v1/media/monitors/zm/1/live.ts?auth=x\r\nX: y",
        "/api/v1/media/monitors/zm/1/live.ts?auth=x#y",
    ],
)
async def test_a_link_that_leads_elsewhere_is_none(made: object) -> None:
    async with scripted() as server, client_of(server.url) as asking:
        server.says("links", 201, {"path": made})
        with pytest.raises(NotABridge):
            await asking.link("media/monitors/zm/1/live.ts")


# --- pictures, clips and streams ---


async def test_a_clip_comes_whole_or_in_part(bridge: FakeBridge) -> None:
    path = path_of("media", "events", "zm-11", "clip")
    async with client_of(bridge.url) as asking:
        async with asking.media(path) as response:
            whole, tag = await response.read(), response.headers["ETag"]
        async with asking.media(path, headers={"Range": "bytes=4-9"}) as response:
            assert (response.status, await response.read()) == (206, whole[4:10])
        async with asking.media(path, headers={"Range": f"bytes={len(whole)}-"}) as response:
            assert response.status == 416
        async with asking.media(path, headers={"If-None-Match": tag}) as response:
            assert (response.status, await response.read()) == (304, b"")
        async with asking.media(path, method="HEAD") as response:
            assert response.headers["Content-Length"] == str(len(whole))
    asked = await bridge.asked("/api/v1/media/events/zm-11/clip")
    assert asked.headers["Accept-Encoding"] == "identity"


async def test_there_is_no_such_clip(bridge: FakeBridge) -> None:
    async with client_of(bridge.url) as asking:
        with pytest.raises(NotFound):
            async with asking.media("media/events/zm-99/clip"):
                pass
        bridge.answer("/api/v1/media/events/zm-11/clip", 302, [], headers={"Location": "http://127.0.0.1:1/"})
        with pytest.raises(NotABridge):
            async with asking.media("media/events/zm-11/clip"):
                pass


async def test_a_stream_ends_when_nobody_looks_any_more(bridge: FakeBridge) -> None:
    async with client_of(bridge.url) as asking, asking.media("media/monitors/zm/1/live.ts") as response:
        assert (await response.content.readexactly(1))[0] == 0x47
        assert bridge.streaming == 1
        response.release()
        await bridge._until(lambda: bridge.streaming == 0, "no stream")


async def test_a_clip_that_does_not_begin_is_not_waited_for(bridge: FakeBridge) -> None:
    bridge.hold("/api/v1/media/events/zm-11/clip")
    async with client_of(bridge.url) as asking:
        with pytest.raises(Unanswered):
            async with asking.media("media/events/zm-11/clip", head_s=0.05):
                pass
    bridge.release()
