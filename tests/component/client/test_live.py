"""The live line: who is let in, what comes over it, commands by it, and how it ends."""

from __future__ import annotations

import asyncio
import json
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import WSMsgType
from custom_components.vms_bridge import live
from custom_components.vms_bridge.errors import (
    BridgeError,
    Busy,
    CannotConnect,
    CertificateChanged,
    Impostor,
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
from custom_components.vms_bridge.live import Item, follow, item_of
from custom_components.vms_bridge.models import Target
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.component.client.lab import BRIDGE_ID, client_of, scripted, trusting
from tests.component.fakes.bridge import TOKEN, FakeBridge

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from custom_components.vms_bridge.client import BridgeClient
    from tests.component.client.lab import Line

CAMERA = Target(system="zm", monitor="1")
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)
WORDS = st.sampled_from(
    [
        "bridge",
        "notices",
        "system",
        "monitor",
        "state",
        "objects",
        "last_event",
        "synced",
        "event",
        "gap",
        "cursor",
        "transition",
        "newer",
    ]
)


async def up_to(what: str, items: AsyncIterator[Item]) -> list[Item]:
    """Return the items up to the next one of that kind."""
    seen = []
    async for item in items:
        seen.append(item)
        if item.what == what:
            return seen
    raise AssertionError(f"it ended before {what}")


async def ending(asking: BridgeClient, **options: Any) -> BridgeError:
    """Follow to the end, and return the error with which it ends."""
    try:
        async with aclosing(follow(asking, cursor=None, **options)) as items:
            async for _ in items:
                pass
    except BridgeError as error:
        assert asking.line is None
        return error
    raise AssertionError("it ended without an error")


async def followed(script: Callable[[Line], Awaitable[None]]) -> BridgeError:
    """Follow a server that does this on its WebSocket, and return the error with which it ends."""
    async with scripted() as server, client_of(server.url) as asking:
        server.speaks(script)
        return await ending(asking)


# --- what comes ---


async def test_all_that_is_current_comes_and_then_what_changes(bridge: FakeBridge) -> None:
    async with client_of(bridge.url) as asking, aclosing(follow(asking, cursor=None)) as items:
        first = await anext(items)
        assert first.what == "connected"
        assert (first.value.scope, first.value.version, first.value.bridge_id) == ("control", "0.1.0", bridge.bridge_id)
        current = await up_to("synced", items)
        assert {item.what for item in current} >= {"bridge", "notices", "system", "monitor", "state", "objects", "synced"}
        assert {(item.system, item.monitor) for item in current if item.what == "state"} == {("zm", "1"), ("zm", "2")}
        bridge.change_state("zm", "1", motion=True)
        changed = (await up_to("state", items))[-1]
        assert (changed.system, changed.monitor, changed.value["motion"]) == ("zm", "1", True)
        bridge.remove_monitor("zm", "2")
        gone = (await up_to("monitor", items))[-1]
        assert (gone.monitor, gone.value) == ("2", None)
        id_ = bridge.event("zm", "1", label="person")
        event = (await up_to("event", items))[-1]
        assert (event.value["id"], event.replayed) == (id_, False)
        assert event.cursor
    assert asking.line is None


async def test_it_goes_on_behind_a_cursor(bridge: FakeBridge) -> None:
    async with client_of(bridge.url) as asking:
        async with aclosing(follow(asking, cursor=None)) as items:
            await up_to("synced", items)
            bridge.event("zm", "1", label="person")
            cursor = (await up_to("event", items))[-1].cursor
        await bridge.disconnected()
        missed = bridge.event("zm", "1", label="car")
        async with aclosing(follow(asking, cursor=cursor)) as items:
            event = (await up_to("event", items))[-1]
        assert (event.value["id"], event.replayed) == (missed, True)
        bridge.new_epoch()
        async with aclosing(follow(asking, cursor=cursor)) as items:
            gap = (await up_to("gap", items))[-1]
    assert gap.value["reason"] == "unknown"


async def test_more_is_told_to_who_asks_for_it(bridge: FakeBridge) -> None:
    wanted = {"detections": True, "transitions": True}
    async with client_of(bridge.url) as asking, aclosing(follow(asking, cursor=None, subscribe=wanted)) as items:
        await up_to("synced", items)
        bridge.transition("zm", "1", "idle", "alarm")
        step = (await up_to("transition", items))[-1]
        assert (step.monitor, step.value["before"], step.value["now"]) == ("1", "idle", "alarm")
        bridge.detection("zm", "1")
        assert (await up_to("detection", items))[-1].value["objects"] == []


async def test_what_is_newer_is_passed_over_and_what_is_asked_is_not(bridge: FakeBridge) -> None:
    asked = {"type": "request", "id": "1", "kind": "notify", "content": {}}
    async with client_of(bridge.url) as asking, aclosing(follow(asking, cursor=None)) as items:
        await up_to("synced", items)
        bridge.message({"type": "newer", "content": 7})
        bridge.message({"type": "error", "id": None, "code": "newer", "text": "no", "hint": None})
        bridge.message({"type": "ack", "id": "99", "ack": {"result": "applied"}})
        bridge.message(asked)
        assert await anext(items) == Item(what="request", value=asked)
        bridge.item({"what": "newer", "system": 7, "monitor": [], "value": 7})
        newer = await anext(items)
        assert newer == Item(what="newer", value=7)
        bridge.change_state("zm", "1", motion=True)
        assert (await anext(items)).what == "state"


async def test_who_looks_no_more_goes(bridge: FakeBridge) -> None:
    async with client_of(bridge.url) as asking:

        async def look() -> None:
            async with aclosing(follow(asking, cursor=None)) as items:
                async for _ in items:
                    pass

        task = asyncio.create_task(look())
        await bridge.connected()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await bridge.disconnected()
        assert asking.line is None


# --- who is let in, and whom we believe ---


async def test_the_token_goes_sealed_and_only_so(bridge: FakeBridge) -> None:
    async with client_of(bridge.url) as asking, aclosing(follow(asking, cursor=None)) as items:
        await up_to("synced", items)
        asked = await bridge.asked("/api/v1/ws")
        assert "Authorization" not in asked.headers
    assert TOKEN not in json.dumps(bridge.said)


@pytest.mark.parametrize("how", ["stranger", "relay"])
async def test_an_impostor_does_not_get_the_token(bridge: FakeBridge, how: Any) -> None:
    bridge.be_impostor(how)
    async with client_of(bridge.url) as asking:
        assert isinstance(await ending(asking), Impostor)
    assert bridge.leaked == []


async def test_whoever_takes_the_line_only_does_not_get_the_token() -> None:
    heard: list[dict[str, Any]] = []

    async def lie(line: Line) -> None:
        await line.hello()
        heard.append(await line.hear())
        await line.say({"type": "proof", "proof": "ab" * 32})
        heard.append(await line.hear())

    assert isinstance(await followed(lie), Impostor)
    assert [each.get("type") for each in heard] == ["authenticate", None]


async def test_who_does_not_want_to_prove_itself_is_not_believed() -> None:
    async def lie(line: Line) -> None:
        await line.hello(token=False)
        await line.until_gone()

    assert isinstance(await followed(lie), Impostor)


async def test_another_bridge_is_not_let_in(bridge: FakeBridge) -> None:
    async with client_of(bridge.url) as asking:
        asking.bridge_id = "0" * 16
        assert isinstance(await ending(asking), OtherBridge)
    async with scripted() as server, client_of(server.url) as asking:

        async def other(line: Line) -> None:
            await line.hello(bridge_id="0" * 16)
            await line.until_gone()

        server.speaks(other)
        asking.bridge_id = BRIDGE_ID
        assert isinstance(await ending(asking), OtherBridge)


async def test_without_a_token_nobody_comes_in(bridge: FakeBridge) -> None:
    async with client_of(bridge.url, token=None) as asking:
        assert isinstance(await ending(asking), TokenRefused)
    assert bridge.requests == []


@pytest.mark.parametrize(("lowest", "highest", "error"), [(0, 0, TooOld), (2, 3, TooNew)])
async def test_a_bridge_of_another_protocol(bridge: FakeBridge, lowest: int, highest: int, error: type[BridgeError]) -> None:
    bridge.lowest_protocol, bridge.highest_protocol = lowest, highest
    async with client_of(bridge.url) as asking:
        assert isinstance(await ending(asking), error)


@pytest.mark.parametrize("is_signed", [False, True])
async def test_by_tls_the_proof_is_bound_to_the_certificate(tls_bridge: FakeBridge, *, is_signed: bool) -> None:
    pinned = None if is_signed else tls_bridge.fingerprint
    connector = await trusting(tls_bridge.url) if is_signed else None
    async with client_of(tls_bridge.url, fingerprint=pinned, connector=connector) as asking:
        async with aclosing(follow(asking, cursor=None)) as items:
            await up_to("synced", items)
        await tls_bridge.disconnected()
        shown, tls_bridge.fingerprint = tls_bridge.fingerprint, "cd" * 32
        assert isinstance(await ending(asking), Impostor)
        tls_bridge.fingerprint = shown
        if not is_signed:
            await tls_bridge.new_certificate()
            error = await ending(asking)
            assert isinstance(error, CertificateChanged)
            assert error.fingerprint == tls_bridge.fingerprint


async def test_behind_a_proxy_that_an_authority_has_signed_no_certificate_is_bound(tls_bridge: FakeBridge) -> None:
    async with client_of(tls_bridge.url, connector=await trusting(tls_bridge.url)) as asking:
        tls_bridge.fingerprint = None
        async with aclosing(follow(asking, cursor=None)) as items:
            await up_to("synced", items)


# --- how it ends ---


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (1000, CannotConnect),
        (1002, NotABridge),
        (1003, NotABridge),
        (1007, NotABridge),
        (1009, NotABridge),
        (1011, CannotConnect),
        (1012, CannotConnect),
        (4400, NotABridge),
        (4401, TokenRefused),
        (4406, TooNew),
        (4408, Unanswered),
        (4421, Misdirected),
        (4999, CannotConnect),
    ],
)
async def test_each_code_has_its_meaning(bridge: FakeBridge, code: int, error: type[BridgeError]) -> None:
    async with client_of(bridge.url) as asking, aclosing(follow(asking, cursor=None)) as items:
        await up_to("synced", items)
        bridge.drop_all(code)
        with pytest.raises(error, match="dropped") as caught:
            await up_to("never", items)
    assert type(caught.value) is error


async def test_a_line_that_is_lost_has_ended(bridge: FakeBridge) -> None:
    async with client_of(bridge.url) as asking, aclosing(follow(asking, cursor=None)) as items:
        await up_to("synced", items)
        bridge.drop_all(None)
        with pytest.raises(CannotConnect):
            await up_to("never", items)


async def test_a_token_that_is_revoked_ends_it(bridge: FakeBridge) -> None:
    async with client_of(bridge.url) as asking, aclosing(follow(asking, cursor=None)) as items:
        await up_to("synced", items)
        bridge.revoke()
        with pytest.raises(TokenRefused):
            await up_to("never", items)


async def test_nobody_listens(bridge: FakeBridge) -> None:
    await bridge.stop()
    async with client_of(bridge.url) as asking:
        assert isinstance(await ending(asking), CannotConnect)


@pytest.mark.parametrize(
    ("status", "headers", "error"),
    [
        (404, {}, NotABridge),
        (200, {}, NotABridge),
        (429, {"Retry-After": "7"}, Busy),
        (503, {"Retry-After": "7"}, Busy),
        (503, {}, CannotConnect),
        (421, {}, Misdirected),
        (302, {"Location": "nowhere"}, NotABridge),
    ],
)
async def test_no_line_is_opened(bridge: FakeBridge, status: int, headers: dict[str, str], error: type[BridgeError]) -> None:
    bridge.answer("/api/v1/ws", status, [], headers=headers)
    async with client_of(bridge.url) as asking:
        found = await ending(asking)
    assert type(found) is error
    assert getattr(found, "retry_after_s", 7.0) == 7.0


@pytest.mark.parametrize("kind", ["text", "html", "binary", "list", "empty", "nested", "wrong"])
async def test_what_makes_no_sense_ends_it_clearly(bridge: FakeBridge, kind: Any) -> None:
    async with client_of(bridge.url) as asking:
        async with aclosing(follow(asking, cursor=None)) as items:
            await up_to("synced", items)
            bridge.say_garbage(kind)
            if kind == "empty":
                bridge.change_state("zm", "1", motion=True)
                await up_to("state", items)
            else:
                with pytest.raises(NotABridge):
                    await up_to("never", items)
        await bridge.disconnected()
        bridge.say_garbage(None)
        await asking.prove()
        bridge.say_garbage(kind)
        assert isinstance(await ending(asking), NotABridge)
    bridge.mistakes.clear()


@pytest.mark.parametrize(
    "said",
    [
        {"type": "changes", "seq": 3, "items": []},
        {"type": "changes", "items": []},
        {"type": "changes", "seq": 2, "items": {}},
        {"type": "changes", "seq": 2, "items": [7]},
        {"type": "changes", "seq": 2, "items": [{}]},
        {"type": "changes", "seq": 2, "items": [{"what": "state", "system": "zm", "monitor": "1"}]},
        {"type": "changes", "seq": 2, "items": [{"what": "state", "system": "zm", "value": {}}]},
        {"type": "changes", "seq": 2, "items": [{"what": "system", "value": {}}]},
        {"type": "changes", "seq": 2, "items": [{"what": "notices", "value": {}}]},
        {"type": "changes", "seq": 2, "items": [{"what": "objects", "system": "zm", "monitor": "1", "value": 7}]},
        {"type": "ack", "id": "1"},
        7,
    ],
)
async def test_changes_that_make_no_sense_or_are_missing_end_it(said: object) -> None:
    async def script(line: Line) -> None:
        await line.sync()
        await line.say(said)
        await line.until_gone()

    assert isinstance(await followed(script), NotABridge)


async def test_a_message_has_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_BYTES", 10_000)

    async def script(line: Line) -> None:
        await line.sync()
        await line.tell({"what": "newer", "value": "x" * 20_000})
        await line.until_gone()

    assert isinstance(await followed(script), NotABridge)


async def test_a_subscription_that_is_not_taken_ends_it() -> None:
    async def script(line: Line) -> None:
        await line.greet()
        await line.hear()
        await line.say({"type": "error", "id": None, "code": "invalid", "text": "after: this is no cursor", "hint": None})
        await line.until_gone()

    error = await followed(script)
    assert isinstance(error, Refused)
    assert error.fields == {"after"}


async def test_an_error_while_coming_in_ends_it() -> None:
    async def script(line: Line) -> None:
        await line.say({"type": "error", "code": "forbidden", "text": "no", "hint": "ask an admin"})
        await line.until_gone()

    error = await followed(script)
    assert isinstance(error, NotAllowed)
    assert error.hint == "ask an admin"


async def test_another_message_while_coming_in_ends_it() -> None:
    async def script(line: Line) -> None:
        await line.say({"type": "welcome"})
        await line.until_gone()

    assert isinstance(await followed(script), NotABridge)


@pytest.mark.parametrize("steps", [0, 1, 2, 3])
async def test_no_step_is_waited_for_without_end(steps: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "STEP_S", 0.1)
    monkeypatch.setattr(live, "SYNC_S", 0.1)

    async def script(line: Line) -> None:
        match steps:
            case 1:
                await line.hello()
            case 2:
                await line.greet()
            case 3:
                await line.greet()
                await line.hear()
                await line.tell({"what": "newer"})
            case _:
                pass
        await line.until_gone()

    assert isinstance(await followed(script), Unanswered)


async def test_a_line_that_does_not_open_is_not_waited_for(bridge: FakeBridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "OPEN_S", 0.05)
    bridge.hold("/api/v1/ws")
    async with client_of(bridge.url) as asking:
        assert isinstance(await ending(asking), Unanswered)
    bridge.release()


async def test_a_line_that_answers_no_ping_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.05)
    monkeypatch.setattr(live, "PONG_S", 0.05)
    monkeypatch.setattr(live, "CLOSE_S", 0.1)
    gone = asyncio.Event()

    async def script(line: Line) -> None:
        await line.sync()
        await gone.wait()  # nobody reads, so no ping is answered

    async with scripted() as server, client_of(server.url) as asking:
        server.speaks(script)
        error = await ending(asking)
        gone.set()
    assert isinstance(error, CannotConnect)
    assert "ping" in error.detail


async def test_a_line_over_which_nothing_comes_lives_as_long_as_pings_are_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "HEARTBEAT_S", 0.01)
    pinged = asyncio.Event()

    async def script(line: Line) -> None:
        await line.sync()
        for _ in range(3):
            message = await line.socket.receive()
            assert message.type is WSMsgType.PING
            await line.socket.pong(message.data)
        await line.socket.ping(b"are you there?")
        while (message := await line.socket.receive()).data != b"are you there?":
            await line.socket.pong(message.data)
        pinged.set()
        await line.tell({"what": "newer"})

    async with scripted() as server, client_of(server.url) as asking:
        server.speaks(script, autoping=False)
        async with aclosing(follow(asking, cursor=None)) as items:
            await up_to("newer", items)
    assert pinged.is_set()


# --- commands by it ---


async def test_a_command_goes_by_the_open_line(bridge: FakeBridge) -> None:
    async with client_of(bridge.url) as asking, aclosing(follow(asking, cursor=None)) as items:
        await up_to("synced", items)
        task = asyncio.create_task(asking.command(CAMERA, "armed", "OFF", request_id="1"))
        assert (await up_to("state", items))[-1].value["armed"] is False
        reader = asyncio.create_task(up_to("never", items))
        ack = await task
        assert (ack.result, ack.value, ack.request_id) == ("applied", "OFF", "1")
        with pytest.raises(NotFound):
            await live.send_command(asking, Target(system="zm", monitor="9"), "armed", "OFF", request_id="2")
        bridge.refuse("armed", hint="not now")
        refused = await live.send_command(asking, CAMERA, "armed", "ON", request_id="3")
        assert (refused.is_done, refused.detail) == (False, "not now")
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader
    assert [command["door"] for command in bridge.commands] == ["websocket"] * 3


async def test_many_commands_at_a_time_take_their_turns(bridge: FakeBridge) -> None:
    bridge.keep_waiting("armed", running=2)
    async with client_of(bridge.url) as asking, aclosing(follow(asking, cursor=None)) as items:
        await up_to("synced", items)
        reader = asyncio.create_task(up_to("never", items))
        given = [
            asyncio.create_task(asking.command(CAMERA, "armed", "OFF", request_id=str(n))) for n in range(live.MOST_COMMANDS + 4)
        ]
        await bridge.commanded(live.MOST_COMMANDS)
        assert len(bridge.commands) == live.MOST_COMMANDS
        bridge.answer_commands()
        acks = await asyncio.gather(*given)
        assert [ack.request_id for ack in acks] == [str(number) for number in range(live.MOST_COMMANDS + 4)]
        reader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reader


async def test_a_command_whose_line_is_lost_is_answered_all_the_same(bridge: FakeBridge) -> None:
    bridge.keep_waiting("armed")
    async with client_of(bridge.url) as asking, aclosing(follow(asking, cursor=None)) as items:
        await up_to("synced", items)
        task = asyncio.create_task(asking.command(CAMERA, "armed", "OFF", request_id="1"))
        await bridge.commanded()
        bridge.drop_all(None)
        with pytest.raises(CannotConnect):
            await up_to("never", items)
        await bridge.commanded(2)
        bridge.answer_commands()
        assert (await task).request_id == "1"
    assert [(command["door"], command["request_id"]) for command in bridge.commands] == [("websocket", "1"), ("http", "1")]


async def test_a_command_of_which_nothing_is_said_is_unanswered(bridge: FakeBridge, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "ANSWER_S", 0.05)
    bridge.keep_waiting("armed")
    async with client_of(bridge.url) as asking, aclosing(follow(asking, cursor=None)) as items:
        await up_to("synced", items)
        with pytest.raises(Unanswered):
            await asking.command(CAMERA, "armed", "OFF", request_id="1")
        bridge.answer_commands()


async def test_a_line_that_has_ended_takes_no_commands(bridge: FakeBridge) -> None:
    async with client_of(bridge.url) as asking:
        async with aclosing(follow(asking, cursor=None)) as items:
            await up_to("synced", items)
            line = asking.line
        assert line is not None
        with pytest.raises(CannotConnect):
            await line.command({"command": "armed"})
        asking.line = line
        assert (await asking.command(CAMERA, "armed", "OFF", request_id="1")).is_done
    assert bridge.commands[0]["door"] == "http"


@pytest.mark.parametrize(
    ("code", "error"),
    [("too_many", Busy), ("not_found", NotFound), ("forbidden", NotAllowed), ("invalid", Refused), ("newer", Refused)],
)
async def test_a_command_that_is_not_taken_is_an_error(code: str, error: type[BridgeError]) -> None:
    async def script(line: Line) -> None:
        await line.sync()
        id_ = (await line.hear())["id"]
        await line.say({"type": "error", "id": id_, "code": code, "text": "no", "hint": "wait"})
        await line.until_gone()

    async with scripted() as server, client_of(server.url) as asking:
        server.speaks(script)
        async with aclosing(follow(asking, cursor=None)) as items:
            await up_to("synced", items)
            reader = asyncio.create_task(up_to("never", items))
            with pytest.raises(error) as caught:
                await asking.command(CAMERA, "armed", request_id="1")
            assert (type(caught.value), caught.value.hint) == (error, "wait")
            reader.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reader


async def test_an_older_bridge_is_not_told_for_whom() -> None:
    heard: list[dict[str, Any]] = []

    async def script(line: Line) -> None:
        await line.sync()
        heard.append(await line.hear())
        text = "command.on_behalf_of: Extra inputs are not permitted"
        await line.say({"type": "error", "id": heard[0]["id"], "code": "invalid", "text": text, "hint": None})
        heard.append(await line.hear())
        ack = {"result": "applied", "command": "armed", "applied": "ON", "request_id": "1", "error": None}
        await line.say({"type": "ack", "id": heard[1]["id"], "ack": ack})
        await line.until_gone()

    async with scripted() as server, client_of(server.url) as asking:
        server.speaks(script)
        async with aclosing(follow(asking, cursor=None)) as items:
            await up_to("synced", items)
            reader = asyncio.create_task(up_to("never", items))
            assert (await asking.command(CAMERA, "armed", "ON", request_id="1", on_behalf_of="Ann")).is_done
            reader.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reader
    assert [each.get("on_behalf_of") for each in heard] == ["Ann", None]


async def test_a_bridge_that_takes_nothing_more_has_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    async def script(line: Line) -> None:
        await line.sync()
        await line.until_gone()

    async with scripted() as server, client_of(server.url) as asking:
        server.speaks(script)
        server.says("commands", 200, {"result": "applied", "command": "armed"})
        async with aclosing(follow(asking, cursor=None)) as items:
            await up_to("synced", items)
            line = asking.line
            assert line is not None

            async def broken(_text: str) -> None:
                raise ConnectionResetError("Cannot write to closing transport")

            monkeypatch.setattr(line._socket, "send_str", broken)  # type: ignore[attr-defined]
            assert (await asking.command(CAMERA, "armed", request_id="1")).is_done
    assert ("POST", "commands", True) in server.seen


# --- items ---


@settings(
    max_examples=60,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(
    said=st.fixed_dictionaries(
        {"what": WORDS | ANYTHING},
        optional={
            "system": st.just("zm") | ANYTHING,
            "monitor": st.just("1") | ANYTHING,
            "value": st.just({}) | ANYTHING,
            "cursor": st.text() | ANYTHING,
            "replayed": ANYTHING,
        },
    )
)
def test_an_item_is_read_or_refused(said: dict[str, Any]) -> None:
    try:
        item = item_of(said)
    except NotABridge:
        return
    assert isinstance(item.what, str)
    assert item.cursor is None or len(item.cursor) <= 128
    if item.what in {"state", "event", "bridge", "last_event"}:
        assert isinstance(item.value, dict)
    if item.what == "state":
        assert isinstance(item.system, str)
        assert isinstance(item.monitor, str)
