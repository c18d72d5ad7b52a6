"""The fake is what the tests believe of the bridge: it says nothing that the real one's schemas do not allow."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import secrets
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import aiohttp
import pytest
from tests.component.fakes import proof, schemas
from tests.component.fakes.bridge import CODE, TOKEN, TOKEN_ID, FakeBridge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HEADERS = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
async def http(bridge: FakeBridge) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(f"{bridge.url}/api/v1/", headers=HEADERS) as session:
        yield session


@pytest.fixture
async def nobody() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def _follow(nobody: aiohttp.ClientSession, bridge: FakeBridge, **asked: Any) -> aiohttp.ClientWebSocketResponse:
    """Come in with the token sealed, as docs/websocket.md says, and subscribe."""
    ws = await nobody.ws_connect(f"{bridge.url}/api/v1/ws")
    hello = await ws.receive_json()
    assert hello["token"]
    key, nonce = hashlib.sha256(TOKEN.encode()).digest(), secrets.token_hex(32)

    def said(purpose: str) -> bytes:
        bound = ("vms-bridge proof 1", purpose, hello["bridge_id"], bridge.host, bridge.fingerprint or "-", nonce, hello["nonce"])
        return "\n".join(bound).encode()

    await ws.send_json({"type": "authenticate", "protocol": 1, "token_id": TOKEN_ID, "nonce": nonce})
    shown = (await ws.receive_json())["proof"]
    assert shown == hmac.new(key, said("websocket bridge"), hashlib.sha256).hexdigest()
    sealed = proof.xor(TOKEN.encode(), hmac.new(key, said("websocket token"), hashlib.sha512).digest())
    await ws.send_json({"type": "token", "sealed": sealed.hex()})
    assert (await ws.receive_json())["type"] == "welcome"
    await ws.send_json({"type": "subscribe", **asked})
    return ws


async def _items(ws: aiohttp.ClientWebSocketResponse, until: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while not found or found[-1]["what"] != until:
        found += (await ws.receive_json())["items"]
    return found


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "info", None, 200),
        ("GET", "health", None, 200),
        ("GET", "systems", None, 200),
        ("GET", "systems/zm", None, 200),
        ("GET", "systems/other", None, 404),
        ("GET", "monitors?area=Garden", None, 200),
        ("GET", "monitors/zm/1", None, 200),
        ("GET", "events?monitor=zm/1&label=person&words=some*&limit=1", None, 200),
        ("GET", "events/zm-11", None, 200),
        ("GET", "events/zm-99", None, 404),
        ("GET", "timeline?bucket=hour&time_zone=Europe/Berlin", None, 200),
        ("GET", "values?of=zone&label=person&limit=5", None, 200),
        ("GET", "tokens/self", None, 200),
        ("GET", "discovery", None, 200),
        ("POST", "discovery/claims", {"holder": "here"}, 200),
        ("DELETE", "discovery/claims/here", None, 200),
        ("GET", "media/monitors/zm/2/live", None, 200),
        ("POST", "links", {"path": "/api/v1/media/events/zm-11/clip", "life": 60}, 201),
        ("POST", "commands", {"system": "zm", "monitor": "1", "command": "armed", "value": "OFF", "request_id": "a"}, 200),
        ("POST", "commands", {"system": "zm", "monitor": "1", "command": "restart"}, 200),
        ("POST", "commands", {"system": "zm", "monitor": "9", "command": "restart"}, 404),
        ("POST", "proof", {"token_id": TOKEN_ID, "nonce": "ab" * 32}, 200),
    ],
)
async def test_what_it_answers_is_as_the_document_says(
    http: aiohttp.ClientSession, method: str, path: str, body: object, status: int
) -> None:
    async with http.request(method, path, json=body) as answer:
        assert answer.status == status
        await answer.json()


async def test_what_is_not_understood_is_refused_and_noted(bridge: FakeBridge, http: aiohttp.ClientSession) -> None:
    async with http.get("events?lable=person") as answer:
        assert (answer.status, (await answer.json())["code"]) == (400, "invalid")
    async with http.post("commands", json={"system": "zm", "monitor": "1", "command": "armed", "value": 7}) as answer:
        assert answer.status == 422
    assert len(bridge.mistakes) == 2
    bridge.mistakes.clear()


async def test_who_has_no_right_gets_nothing(bridge: FakeBridge, http: aiohttp.ClientSession) -> None:
    bridge.scope = "read"
    async with http.post("commands", json={"system": "zm", "monitor": "1", "command": "armed", "value": "ON"}) as answer:
        assert answer.status == 403
    bridge.revoke()
    async with http.get("monitors") as answer:
        assert answer.status == 401


async def test_pages_hold_every_event_once(bridge: FakeBridge, http: aiohttp.ClientSession) -> None:
    for number in range(7):
        bridge.add_event("zm", "1", start=datetime.now(UTC) - timedelta(minutes=number))
    seen: list[str] = []
    query = {"limit": "4"}
    while True:
        async with http.get("events", params=query) as answer:
            page = await answer.json()
        seen += [event["id"] for event in page["events"]]
        if page["next"] is None:
            break
        query["after"] = page["next"]
    assert len(seen) == len(set(seen)) == 9
    async with http.get("timeline", params={"bucket": "day"}) as answer:
        assert sum(count["events"] for count in (await answer.json())["counts"]) == 9


async def test_media_come_in_parts_and_by_links(bridge: FakeBridge, http: aiohttp.ClientSession) -> None:
    async with http.get("media/events/zm-11/clip", headers={"Range": "bytes=4-11"}) as answer:
        assert (answer.status, await answer.read()) == (206, b"ftypisom")
        assert answer.headers["Content-Range"].startswith("bytes 4-11/")
        tag = answer.headers["ETag"]
    async with http.get("media/events/zm-11/clip", headers={"If-None-Match": tag}) as answer:
        assert answer.status == 304
    async with http.get("media/events/zm-11/clip", headers={"Range": "bytes=99999999-"}) as answer:
        assert answer.status == 416
    async with http.post("links", json={"path": "/api/v1/media/monitors/zm/1/picture"}) as answer:
        url = (await answer.json())["url"]
    async with aiohttp.ClientSession() as nobody:
        async with nobody.get(url) as answer:
            assert (answer.status, answer.content_type) == (200, "image/jpeg")
        async with nobody.get(url.replace("/1/", "/2/")) as answer:
            assert answer.status == 403
        bridge.revoke()
        async with nobody.get(url) as answer:
            assert answer.status == 403


async def test_a_stream_s_link_is_the_same_each_time(
    bridge: FakeBridge, http: aiohttp.ClientSession, nobody: aiohttp.ClientSession
) -> None:
    body = {"path": "/api/v1/media/monitors/zm/1/live.ts"}
    async with http.post("links", json=body) as one, http.post("links", json=body) as other:
        url = (await one.json())["url"]
        assert url == (await other.json())["url"]
    async with nobody.get(url) as answer:
        assert (await answer.content.readexactly(1)) == b"\x47"
        assert bridge.streaming == 1
        bridge.end_streams()
        await answer.read()
    assert bridge.streaming == 0


async def test_a_socket_is_told_all_that_is_current_and_what_changes(bridge: FakeBridge, nobody: aiohttp.ClientSession) -> None:
    ws = await _follow(nobody, bridge, transitions=True, detections=True)
    current = await _items(ws, "synced")
    assert [item["what"] for item in current[:3]] == ["bridge", "notices", "system"]
    bridge.change_state("zm", "1", motion=True, alarm="alarm")
    bridge.set_objects("zm", "1", {"person": 1})
    bridge.transition("zm", "1", "idle", "alarm")
    bridge.detection("zm", "1", {"label": "person"})
    bridge.set_notices({"system": "zm"})
    bridge.add_system("other", kind="simulator")
    bridge.add_monitor("other", "1", zones={"a": "A"}, modes={"ptz": ("home", "away")})
    bridge.change_monitor("other", "1", name="Yard")
    bridge.remove_monitor("other", "1")
    bridge.remove_system("other")
    event = bridge.event("zm", "1", label="person")
    bridge.event("zm", "1", id=event, type="end", end=datetime.now(UTC), snapshot_ready=True)
    items = await _items(ws, "event")
    items += [] if items[-1]["value"]["type"] == "end" else await _items(ws, "event")
    whats = {item["what"] for item in items}
    assert whats == {"state", "objects", "transition", "detection", "notices", "system", "monitor", "last_event", "event"}
    await ws.close()


@pytest.mark.parametrize(("lost", "reason"), [("nothing", None), ("history", "expired"), ("database", "unknown")])
async def test_a_cursor_brings_what_came_meanwhile_or_a_gap(
    bridge: FakeBridge, nobody: aiohttp.ClientSession, lost: str, reason: str | None
) -> None:
    bridge.event("zm", "1")
    ws = await _follow(nobody, bridge)
    cursor = (await _items(ws, "synced"))[-1]["cursor"]
    await ws.close()
    await bridge.disconnected()
    bridge.event("zm", "1", label="meanwhile")
    if lost == "history":
        bridge.forget_history()
    if lost == "database":
        bridge.new_epoch()
    bridge.event("zm", "1", label="last")
    ws = await _follow(nobody, bridge, after=cursor)
    found = await _items(ws, "event")
    if reason is None:
        assert [item["value"]["label"] for item in found if item["what"] == "event"] == ["meanwhile", "last"]
        assert all(item["replayed"] for item in found if item["what"] == "event")
    else:
        assert [item["reason"] for item in found if item["what"] == "gap"] == [reason]
    await ws.close()


async def test_commands_by_a_socket_are_answered(bridge: FakeBridge, nobody: aiohttp.ClientSession) -> None:
    ws = await _follow(nobody, bridge, systems=["none"])
    await _items(ws, "synced")
    bridge.keep_waiting("alarm", running=1)
    asked = {"type": "command", "system": "zm", "monitor": "1", "value": "ON"}
    await ws.send_json({**asked, "id": "1", "command": "alarm"})
    assert (await ws.receive_json())["ack"]["result"] == "running"
    bridge.answer_commands()
    assert (await ws.receive_json())["ack"]["result"] == "applied"
    for again in ("5", "6"):
        await ws.send_json({**asked, "id": again, "command": "alarm", "request_id": "r"})
        assert (await ws.receive_json())["ack"]["result"] == "unchanged"
    assert bridge.state("zm", "1")["motion"] is True
    bridge.refuse("alarm", hint="not now")
    await ws.send_json({**asked, "id": "2", "command": "alarm"})
    assert (await ws.receive_json())["ack"]["error"] == {"code": "rejected", "hint": "not now"}
    await ws.send_json({**asked, "id": "3", "monitor": "9", "command": "alarm"})
    assert (await ws.receive_json())["code"] == "not_found"
    await ws.close()


async def test_pairing_gives_a_token_to_who_knows_the_code(bridge: FakeBridge, http: aiohttp.ClientSession) -> None:
    nonce = secrets.token_hex(32)
    key = await asyncio.to_thread(proof.key_of_code, "7q2w-9xkd", bridge.bridge_id, nonce)
    bound = bridge.bridge_id, bridge.host, bridge.fingerprint
    shown = proof.mac(key, "pair client", *bound, nonce)
    async with http.post("pair", json={"name": "Kitchen", "nonce": nonce, "proof": shown}) as answer:
        paired = await answer.json()
    assert paired["mac"] == proof.mac(key, "pair bridge", *bound, nonce, paired["sealed"], paired["scope"])
    token = proof.xor(bytes.fromhex(paired["sealed"]), proof.pad(key, "pair token", *bound, nonce)).decode()
    async with http.get("tokens/self", headers={"Authorization": f"Bearer {token}"}) as answer:
        assert (await answer.json())["token"]["name"] == "Kitchen"
    assert (bridge.code, CODE) == (None, "7Q2W9XKD")
    async with http.post("pair", json={"name": "Kitchen", "nonce": nonce, "proof": shown}) as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, "pairing_closed")


async def test_an_impostor_proves_nothing_and_tells_what_leaks_to_it(bridge: FakeBridge, http: aiohttp.ClientSession) -> None:
    hows: tuple[Literal["stranger", "relay"], ...] = ("stranger", "relay")
    for how in hows:
        bridge.be_impostor(how)
        async with http.post("proof", json={"token_id": TOKEN_ID, "nonce": "ab" * 32}) as answer:
            said = await answer.json()
        key = proof.key_of_token(TOKEN)
        right = proof.mac(key, "token", bridge.bridge_id, bridge.host, None, "ab" * 32, said["nonce"])
        assert said["mac"] != right
    assert bridge.leaked == [f"Bearer {TOKEN}"] * 2


async def test_a_token_that_is_revoked_ends_its_socket(bridge: FakeBridge, nobody: aiohttp.ClientSession) -> None:
    ws = await _follow(nobody, bridge)
    await bridge._until(lambda: bool(bridge.subscribed), "a subscription")
    bridge.revoke()
    while (message := await ws.receive()).type is aiohttp.WSMsgType.TEXT:
        pass
    assert (message.type, ws.close_code) == (aiohttp.WSMsgType.CLOSE, 4401)


async def test_it_comes_back_on_the_same_port_and_knows_what_it_knew(
    bridge: FakeBridge, http: aiohttp.ClientSession, nobody: aiohttp.ClientSession
) -> None:
    ws = await _follow(nobody, bridge)
    await bridge._until(lambda: bool(bridge.subscribed), "a subscription")
    port = bridge.port
    reading = asyncio.create_task(_read_to_the_end(ws))
    await bridge.stop()
    assert await reading == 1012
    with pytest.raises(aiohttp.ClientConnectionError):
        await http.get("info")
    await bridge.start()
    assert bridge.port == port
    async with http.get("monitors") as answer:
        assert len((await answer.json())["monitors"]) == 2


async def test_trouble_is_made_as_asked_for(bridge: FakeBridge, http: aiohttp.ClientSession) -> None:
    bridge.answer("/api/v1/events*", 429, code="too_many", times=1, headers={"Retry-After": "7"})
    async with http.get("events/zm-11") as answer:
        assert (answer.status, answer.headers["Retry-After"]) == (429, "7")
    async with http.get("events/zm-11") as answer:
        assert answer.status == 200
    bridge.hold("/api/v1/info")
    waiting = asyncio.create_task(http.get("info"))
    await bridge.asked("/api/v1/info")
    assert not waiting.done()
    bridge.release()
    async with await waiting as answer:
        assert answer.status == 200
    bridge.say_garbage("wrong")
    async with http.get("info") as answer:
        assert (await answer.json())["bridge_id"] == 7


async def test_tls_has_the_fingerprint_that_it_says(tls_bridge: FakeBridge) -> None:
    assert tls_bridge.fingerprint is not None
    pinned = aiohttp.Fingerprint(bytes.fromhex(tls_bridge.fingerprint))
    async with aiohttp.ClientSession() as http, http.get(f"{tls_bridge.url}/api/v1/info", ssl=pinned) as answer:
        assert answer.status == 200


async def test_it_notices_when_it_says_what_no_bridge_says(bridge: FakeBridge, nobody: aiohttp.ClientSession) -> None:
    ws = await _follow(nobody, bridge)
    await _items(ws, "synced")
    bridge.change_state("zm", "1", motion="perhaps")
    bridge.tell({"what": "weather"})
    assert len(bridge.lies) == 2
    bridge.lies.clear()
    bridge.item({"what": "weather", "value": 7})
    bridge.message("no JSON")
    assert bridge.lies == []
    await ws.close()


async def _read_to_the_end(ws: aiohttp.ClientWebSocketResponse) -> int | None:
    while (await ws.receive()).type is aiohttp.WSMsgType.TEXT:
        pass
    return ws.close_code


def test_the_documents_are_read_and_know_the_fake_s_routes() -> None:
    assert schemas.scope_of("/api/v1/commands", "POST") == "control"
    assert schemas.wrong_with_message({"type": "subscribe", "after": None}, by_client=True) is None
    assert schemas.wrong_with_message({"type": "subscribe", "from": 1}, by_client=True) is not None
    assert json.dumps(schemas.document("websocket")["$defs"]["Hello"]["required"])
