"""Commands without a live line: given by HTTP, and answered at their end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from custom_components.vms_bridge import client
from custom_components.vms_bridge.errors import NotABridge, NotFound, Refused, Unanswered
from custom_components.vms_bridge.models import Target
from tests.component.client.lab import client_of, scripted

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.component.fakes.bridge import FakeBridge

CAMERA = Target(system="zm", monitor="1")


async def test_a_command_is_given_and_answered(bridge: FakeBridge) -> None:
    async with client_of(bridge.url) as asking:
        ack = await asking.command(CAMERA, "armed", "OFF", request_id="panel-17", seconds=None)
    assert (ack.result, ack.value, ack.request_id, ack.is_done) == ("applied", "OFF", "panel-17", True)
    command = {"system": "zm", "monitor": "1", "command": "armed", "value": "OFF", "request_id": "panel-17"}
    assert bridge.commands == [{**command, "door": "http"}]


async def test_a_command_is_refused_in_words(bridge: FakeBridge) -> None:
    bridge.refuse("armed", hint="it is not to be disarmed")
    async with client_of(bridge.url) as asking:
        ack = await asking.command(CAMERA, "armed", "OFF", request_id="1")
        assert (ack.is_done, ack.code, ack.detail) == (False, "rejected", "it is not to be disarmed")
        with pytest.raises(NotFound):
            await asking.command(Target(system="zm", monitor="9"), "armed", "OFF", request_id="2")


def lines_of(*said: bytes, goes_on: bool = False) -> Callable[[web.Request], Any]:
    async def answer(request: web.Request) -> web.StreamResponse:
        assert request.headers["Accept"] == "application/x-ndjson"
        response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
        await response.prepare(request)
        for line in said:
            await response.write(line)
        if goes_on:
            await asyncio.Event().wait()
        return response

    return answer


RUNNING = b'{"result": "running", "command": "restart"}\n'


async def test_a_command_that_takes_long_is_answered_at_its_end() -> None:
    async with scripted() as server, client_of(server.url) as asking:
        server.answers["commands"] = lines_of(RUNNING, RUNNING, b'{"result": "applied", "command": "restart"}\n', goes_on=True)
        assert (await asking.command(CAMERA, "restart", request_id="1")).result == "applied"


@pytest.mark.parametrize("said", [(), (RUNNING,), (RUNNING, b"\n")])
async def test_a_command_whose_end_is_not_told_is_unanswered(said: tuple[bytes, ...]) -> None:
    async with scripted() as server, client_of(server.url) as asking:
        server.answers["commands"] = lines_of(*said)
        with pytest.raises(Unanswered):
            await asking.command(CAMERA, "restart", request_id="1")


async def test_a_command_of_which_nothing_more_is_heard_is_unanswered(monkeypatch: pytest.MonkeyPatch) -> None:
    async with scripted() as server, client_of(server.url) as asking:
        server.answers["commands"] = lines_of(RUNNING, goes_on=True)
        monkeypatch.setattr(client, "_SILENCE_S", 0.05)
        with pytest.raises(Unanswered):
            await asking.command(CAMERA, "restart", request_id="1")
        monkeypatch.setattr(client, "_SILENCE_S", 60.0)
        monkeypatch.setattr(client, "_COMMAND_S", 0.05)
        with pytest.raises(Unanswered):
            await asking.command(CAMERA, "restart", request_id="1")


@pytest.mark.parametrize("said", [b"no JSON\n", b"7\n", b'{"result": 7}\n', b"x" * 300_000, b'{"x": "' + b"x" * 70_000 + b'"}\n'])
async def test_an_answer_to_a_command_that_makes_no_sense_is_none(said: bytes) -> None:
    async with scripted() as server, client_of(server.url) as asking:
        server.answers["commands"] = lines_of(said)
        with pytest.raises(NotABridge):
            await asking.command(CAMERA, "restart", request_id="1")


async def test_a_command_whose_connection_is_lost_is_asked_for_once_more() -> None:
    async def lose(request: web.Request) -> web.StreamResponse:
        server.answers["commands"] = lines_of(b'{"result": "applied", "command": "restart"}\n')
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async with scripted() as server, client_of(server.url) as asking:
        server.answers["commands"] = lose
        assert (await asking.command(CAMERA, "restart", request_id="1")).is_done
    assert [path for _, path, _ in server.seen] == ["proof", "commands", "proof", "commands"]


async def test_an_older_bridge_is_not_told_for_whom() -> None:
    bodies: list[dict[str, object]] = []

    async def older(request: web.Request) -> web.StreamResponse:
        bodies.append(await request.json())
        if "on_behalf_of" in bodies[-1]:
            mistakes = [{"field": "on_behalf_of", "reason": "Extra inputs are not permitted"}]
            return web.json_response({"code": "invalid", "detail": "no", "mistakes": mistakes}, status=422)
        return web.json_response({"result": "applied", "command": "armed"})

    async with scripted() as server, client_of(server.url) as asking:
        server.answers["commands"] = older
        for number in range(2):
            assert (await asking.command(CAMERA, "armed", request_id=str(number), on_behalf_of="Ann")).is_done
        server.says("commands", 422, {"code": "invalid", "detail": "no", "mistakes": [{"field": "value"}]})
        asking._says_for_whom = True
        with pytest.raises(Refused):
            await asking.command(CAMERA, "armed", request_id="3", on_behalf_of="Ann")
    assert ["on_behalf_of" in body for body in bodies] == [True, False, False]
