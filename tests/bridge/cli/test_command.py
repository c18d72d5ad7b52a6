"""`vms-bridge command`: to whom, what becomes of it, and by which code a script sees that."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from tests.bridge.cli.answering import answering
from tests.fakes.backend import START

from vms_bridge.cli import FAILED, OK, USAGE, main
from vms_bridge.cli.codes import COMMAND_REFUSED, COMMAND_TIMED_OUT
from vms_bridge.cli.command import command as verb
from vms_bridge.cli.completing import target_kind
from vms_bridge.commands import Ack, AckResult, Command
from vms_bridge.commands.event import AddTag
from vms_bridge.commands.monitor import SetAlarm
from vms_bridge.commands.request import DETAILS
from vms_bridge.commands.system import SetRunState
from vms_bridge.sockets import api_socket

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.bridge.api.world import World
    from tests.bridge.cli.conftest import Ask


def answers(*acks: tuple[AckResult, str | None]) -> Callable[[Command, Callable[[Ack], None] | None], Awaitable[Ack]]:
    async def answer(command: Command, progress: Callable[[Ack], None] | None) -> Ack:
        said = [Ack.of(command, result, START, code=code, hint="it is locked" if code else None) for result, code in acks]
        for ack in said[:-1]:
            assert progress is not None
            progress(ack)
        return said[-1]

    return answer


async def test_to_a_monitor_with_details(ask: Ask, world: World) -> None:
    code, out, err = await ask(
        "command", "zm/1", "alarm", "ON", "--seconds", "20", "--cause", "Doorbell", "--text", "x", "--score", "9"
    )
    assert (code, out, err) == (OK, "alarm ON applied\n", "")
    [given] = world.commands
    assert given.action == SetAlarm(on=True, cause="Doorbell", text="x", score=9, seconds=20.0)
    assert (given.target.system, given.target.monitor, given.origin.door) == ("zm", "1", "socket")
    assert given.request_id


async def test_to_a_system_an_event_and_the_bridge(ask: Ask, world: World) -> None:
    assert (await ask("command", "zm", "run_state", "Away"))[0] == OK
    assert (await ask("command", "zm-2.5/a b", "tag", "parcel"))[0] == OK
    assert (await ask("command", "bridge", "discovery", "OFF"))[0] == OK
    first, second = world.commands
    assert first.action == SetRunState(name="Away")
    assert second.action == AddTag(tag="parcel")
    assert second.target.event is not None
    assert "switch" in world.holders


@pytest.mark.parametrize(
    ("acks", "code"),
    [
        ([(AckResult.APPLIED, None)], OK),
        ([(AckResult.RUNNING, None), (AckResult.RUNNING, None), (AckResult.UNCHANGED, None)], OK),
        ([(AckResult.ACCEPTED, None)], OK),
        ([(AckResult.REFUSED, "rejected")], COMMAND_REFUSED),
        ([(AckResult.TIMEOUT, "unverified")], COMMAND_TIMED_OUT),
        ([(AckResult.FAILED, "vms_unreachable")], FAILED),
    ],
)
async def test_the_exit_code_says_what_became_of_it(
    acks: list[tuple[AckResult, str | None]], code: int, ask: Ask, world: World
) -> None:
    world.answer = answers(*acks)
    given = ("command", "zm/1", "armed", "ON", "--request-id", "panel-17")
    found, out, err = await ask(*given)
    result, problem = acks[-1]
    assert (found, result in (out if problem is None else err)) == (code, True)
    assert "it is locked" in err or problem is None
    found, out, _ = await ask(*given, "--json")
    assert (found, json.loads(out)["result"], json.loads(out)["request_id"]) == (code, result, "panel-17")
    found, out, _ = await ask(*given, "--ndjson")
    assert (found, [json.loads(line)["result"] for line in out.splitlines()]) == (code, [result for result, _ in acks])


async def test_what_goes_on_is_told_on_a_terminal(ask: Ask, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.answer = answers((AckResult.RUNNING, None), (AckResult.APPLIED, None))
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert "restart goes on ..." in (await ask("command", "zm/1", "restart"))[2]


async def test_what_can_not_be_asked(ask: Ask) -> None:
    code, _, err = await ask("command", "zm/1", "fly")
    assert (code, "fly" in err) == (COMMAND_REFUSED, True)
    code, _, err = await ask("command", "attic/1", "armed", "ON")
    assert (code, "attic" in err) == (FAILED, True), err
    assert (await ask("command", "zm/1"))[0] == USAGE
    assert (await ask("command", "zm/1", "alarm", "ON", "--score", "300"))[0] == USAGE


async def test_the_list_of_commands(ask: Ask) -> None:
    code, out, _ = await ask("command", "--list")
    [alarm] = [line for line in out.splitlines() if line.startswith("alarm ")]
    assert (code, "--seconds" in alarm, "monitor" in alarm) == (OK, True, True)
    code, out, _ = await ask("command", "--list", "zm", "--json")
    assert (code, {each["target"] for each in json.loads(out)}) == (OK, {"system"})


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 200 x\r\nTransfer-Encoding: chunked\r\n\r\n", "ask again with --request-id"),
        (b"HTTP/1.1 200 x\r\nContent-Length: 0\r\n\r\n", "has not said what became of it"),
        (b'HTTP/1.1 200 x\r\nContent-Length: 30\r\n\r\n{"result":"running","command":', "ask again with --request-id"),
        (b"HTTP/1.1 200 x\r\nContent-Length: 3\r\n\r\nxy\n", "and no JSON"),
        (b"HTTP/1.1 200 x\r\nContent-Length: 3\r\n\r\n{}\n", "no 'result' in it"),
        (b"", "ask again with --request-id"),
    ],
)
def test_a_bridge_that_breaks_off(
    answer: bytes, words: str, config: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with answering(answer, path=api_socket(folder)) as server:
        assert main(["command", "zm/1", "armed", "ON", "--config", str(config)]) == FAILED
        asked = json.loads(server.asked[0].partition(b"\r\n\r\n")[2])
    err = capsys.readouterr().err
    assert words in err
    named = re.search("--request-id ([0-9a-f]{32})", err)
    assert named is None or named[1] == asked["request_id"]


def test_no_bridge_to_be_asked(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["command", "zm/1", "armed", "ON", "--config", str(config)]) == FAILED
    assert "start it with `vms-bridge run`" in capsys.readouterr().err


def test_each_detail_of_a_command_has_its_option() -> None:
    assert set(DETAILS) <= {parameter.name for parameter in verb.params}


@pytest.mark.parametrize(
    ("target", "kind"),
    [
        ("bridge", "bridge"),
        ("zm", "system"),
        ("zm/1", "monitor"),
        ("zm/a-b", "monitor"),
        ("zm-1", "event"),
        ("zm-2.5/a b", "event"),
    ],
)
def test_what_is_named_so(target: str, kind: str) -> None:
    assert target_kind(target) == kind
