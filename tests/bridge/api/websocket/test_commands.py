"""Commands by the WebSocket, and requests to its clients."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from tests.bridge.api.lab import until
from tests.bridge.api.websocket.lab import client, house

from vms_bridge.api.websocket.commands import MOST_UNDER_WAY
from vms_bridge.api.websocket.requests import MOST_OPEN
from vms_bridge.commands import SetAlarm, SetArmed
from vms_bridge.errors import NobodyAnswers, RequestUnanswered
from vms_bridge.tokens import Scope

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.api.websocket.lab import House

ON: dict[str, Any] = {"type": "command", "system": "zm", "monitor": "1", "command": "alarm", "value": "ON"}


async def test_a_command_is_run_to_its_end_and_answered(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home, await home.token(Scope.CONTROL)) as one:
        await one.subscribe()
        await one.say(**ON, id="7", request_id="mine")
        answer = await one.reply("ack")
        assert (answer["id"], answer["ack"]["result"], answer["ack"]["applied"]) == ("7", "applied", "ON")
        assert (answer["ack"]["request_id"], answer["ack"]["monitor"]) == ("mine", "1")
        assert (await one.state(alarm="alarm"))["value"]["motion"] is True
        assert home.backend.actions == [("1", SetAlarm(on=True))]


async def test_what_takes_long_is_told_to_be_running(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home, await home.token(Scope.CONTROL)) as one:
        home.backend.hold = asyncio.Event()
        row = next(row for row in home.hub.command_table.rows if row.is_long)
        target = {"system": "zm"} if row.target == "system" else {"system": "zm", "monitor": "1"}
        await one.say(type="command", id="1", command=row.name, value="Away", **target)
        answer = await one.reply("ack")
        if answer["ack"]["result"] == "running":
            home.backend.hold.set()
            answer = await one.reply("ack")
        assert answer["ack"]["result"] in {"applied", "accepted", "refused"}


async def test_who_may_not_is_refused_by_the_hub(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home, await home.token(Scope.READ)) as one:
        await one.say(**ON, id="1")
        answer = (await one.reply("ack"))["ack"]
        assert (answer["result"], answer["error"]["code"]) == ("refused", "forbidden")
        assert "control" in answer["error"]["hint"]
        assert not home.backend.actions


async def test_of_what_is_not_its_own_a_client_learns_nothing(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        token = await home.token(Scope.CONTROL, monitors=frozenset({("zm", "2")}))
        async with client(home, token) as one:
            await one.say(**ON, id="1")
            refusal = await one.reply("error")
            assert (refusal["id"], refusal["code"]) == ("1", "not_found")
            await one.say(**ON | {"monitor": "nowhere"}, id="2")
            assert (await one.reply("error"))["code"] == "not_found"
            await one.say(type="command", id="3", command="discovery", value="OFF")
            assert (await one.reply("error"))["code"] == "forbidden"
            await one.say(**ON | {"monitor": "2"}, id="4")
            assert (await one.reply("ack"))["ack"]["result"] == "applied"


async def test_a_home_assistant_claims_the_devices_and_nobody_is_told_by_which_token(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        token, limited = await home.token(Scope.CONTROL), await home.token(Scope.CONTROL, systems=frozenset({"zm"}))
        async with client(home, token) as one, client(home, limited) as other:
            await one.subscribe()
            await one.say(type="command", id="1", command="claim_devices", value="ha-1")
            assert (await one.reply("ack"))["ack"]["result"] == "applied"
            (claim,) = (await one.item("bridge"))["value"]["claims"]
            assert (claim["holder"], claim.keys()) == ("ha-1", {"holder", "since", "seen"})
            assert [kept.token for kept in home.hub.state.claims] == [token.split("_")[1]]
            await other.say(type="command", id="1", command="release_devices", value="ha-1")
            assert (await other.reply("error"))["code"] == "forbidden"
            await one.say(type="command", id="2", command="release_devices", value="ha-1")
            assert (await one.reply("ack"))["ack"]["result"] == "applied"
            assert home.hub.state.claims == ()


async def test_for_whom_a_command_is_stands_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "vms_bridge")
    async with house(tmp_path) as home:
        token = await home.token(Scope.CONTROL)
        async with client(home, token) as one:
            await one.say(**ON, id="1", on_behalf_of="Ada")
            assert (await one.reply("ack"))["ack"]["result"] == "applied"
    assert f"token {token.split('_')[1]} for Ada has given the command alarm for zm/1: applied" in caplog.text


async def test_what_no_command_is_is_refused(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home, await home.token(Scope.CONTROL)) as one:
        await one.say(**ON | {"command": "dance"}, id="1")
        answer = (await one.reply("ack"))["ack"]
        assert (answer["result"], answer["error"]["code"]) == ("refused", "unsupported")


async def test_a_command_goes_on_when_the_client_has_gone_and_is_answered_to_who_asks_again(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        token = await home.token(Scope.CONTROL)
        home.backend.hold = asyncio.Event()
        async with client(home, token) as one:
            await one.say(**ON | {"command": "armed", "value": "OFF"}, id="1", request_id="mine")
            await until(lambda: home.backend.actions)
        home.backend.hold.set()
        async with client(home, token) as again:
            await again.say(**ON | {"command": "armed", "value": "OFF"}, id="2", request_id="mine")
            answer = await again.reply("ack")
            if answer["ack"]["result"] == "running":  # it may not be over yet
                answer = await again.reply("ack")
            assert (answer["id"], answer["ack"]["result"]) == ("2", "applied")
        assert home.backend.actions == [("1", SetArmed(on=False))], "it was run once"


async def test_one_client_has_so_many_commands_under_way_and_no_more(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home, await home.token(Scope.CONTROL)) as one:
        home.backend.hold = asyncio.Event()
        for number in range(MOST_UNDER_WAY + 1):
            await one.say(**ON | {"value": ("ON", "OFF")[number % 2]}, id=str(number))
        refusal = await one.reply("error")
        assert (refusal["id"], refusal["code"]) == (str(MOST_UNDER_WAY), "too_many")
        home.backend.hold.set()
        answered = [await one.reply("ack") for _ in range(MOST_UNDER_WAY)]
        assert {answer["id"] for answer in answered if answer["ack"]["result"] != "running"} <= {
            str(number) for number in range(MOST_UNDER_WAY)
        }


async def ask(home: House, token: str, **body: object) -> tuple[int, dict[str, Any]]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{home.url}/requests", json=body, headers={"Authorization": f"Bearer {token}"}) as answer,
    ):
        return answer.status, json.loads(await answer.read())


async def test_a_client_that_claims_a_kind_is_asked_and_its_answer_goes_back(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home, await home.token(Scope.CONTROL)) as one:
        admin = await home.token(Scope.ADMIN)
        assert (await ask(home, admin, kind="notify", content={}))[0] == 503
        await one.say(type="claim", kinds=["notify", "notify"])
        await one.subscribe()
        asked = asyncio.create_task(ask(home, admin, kind="notify", content={"text": "Somebody is there."}))
        request = await one.reply("request")
        assert (request["kind"], request["content"]) == ("notify", {"text": "Somebody is there."})
        await one.say(type="answer", id=request["id"], content={"devices": 2})
        assert await asked == (200, {"content": {"devices": 2}})

        await one.say(type="answer", id=request["id"], content={})
        assert (await one.reply("error"))["code"] == "not_found", "it was answered before"
        await one.say(type="claim", kinds=[])
        await one.subscribe()
        assert (await ask(home, admin, kind="notify", content={}))[0] == 503, "it has taken its word back"


async def test_who_asks_has_to_be_admin_and_who_answers_needs_control_over_everything(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        assert (await ask(home, await home.token(Scope.CONTROL), kind="notify", content={}))[0] == 403
        limited = await home.token(Scope.CONTROL, systems=frozenset({"zm"}))
        for token in (limited, await home.token(Scope.READ)):
            async with client(home, token) as one:
                await one.say(type="claim", kinds=["notify"])
                assert (await one.reply("error"))["code"] == "forbidden"


async def test_an_answer_may_be_that_it_can_not_be_done(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home, by_socket=True) as one:
        await one.say(type="claim", kinds=["notify"])
        await one.subscribe()
        asked = asyncio.create_task(home.hub.ask("notify", {}, within_s=5))
        await one.say(type="answer", id=(await one.reply("request"))["id"], error="no phone is known")
        with pytest.raises(RequestUnanswered, match="no phone is known"):
            await asked


async def test_who_goes_before_the_answer_and_who_never_answers(tmp_path: Path) -> None:
    async with house(tmp_path) as home:
        admin = await home.token(Scope.ADMIN)
        async with client(home, admin) as one:
            await one.say(type="claim", kinds=["notify"])
            await one.subscribe()
            status, problem = await ask(home, admin, kind="notify", content={}, within=0.05)
            assert (status, problem["code"]) == (504, "unanswered")
            await one.say(type="answer", id=(await one.reply("request"))["id"], content={})
            assert (await one.reply("error"))["code"] == "not_found", "nobody waits for it any more"
            asked = asyncio.create_task(home.hub.ask("notify", {}, within_s=30))
            await one.reply("request")
        with pytest.raises(RequestUnanswered, match="has gone"):
            await asked
        with pytest.raises(NobodyAnswers):
            await home.hub.ask("notify", {}, within_s=5)


async def test_so_many_requests_wait_for_one_client_and_no_more(tmp_path: Path) -> None:
    async with house(tmp_path) as home, client(home, by_socket=True) as one:
        await one.say(type="claim", kinds=["notify"])
        await one.subscribe()
        asked = [asyncio.create_task(home.hub.ask("notify", {}, within_s=30)) for _ in range(MOST_OPEN)]
        await one.reply("request")
        with pytest.raises(RequestUnanswered, match="wait for that client"):
            await home.hub.ask("notify", {}, within_s=30)
        for task in asked:
            task.cancel()
