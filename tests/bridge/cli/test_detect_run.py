"""`vms-bridge detect run`: asks the bridge for events and monitors, and goes on where a run was broken off."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.fakes.backend import START

from vms_bridge.cli import FAILED, OK, USAGE, main
from vms_bridge.commands import Ack, AckResult, DetectEvent, DetectNow

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.bridge.api.world import World
    from tests.bridge.cli.conftest import Ask

    from vms_bridge.commands import Command


async def found(command: Command, progress: Callable[[Ack], None] | None) -> Ack:
    if progress is not None:
        progress(Ack.of(command, AckResult.RUNNING, START))
    if command.target.event is not None and command.target.event.id == "5":
        return Ack.of(command, AckResult.FAILED, START, code="media", hint="no frame could be looked at")
    return Ack.of(command, AckResult.APPLIED, START, applied="person 91%", detail={"frames": []})


async def test_events_and_a_monitor_are_looked_at_by_the_bridge(ask: Ask, world: World) -> None:
    world.answer = found
    code, out, _ = await ask("detect", "run", "zm-3", "zm-4", "--monitor", "zm/1", "--frames", "alarm,21")
    assert (code, out.splitlines()) == (OK, ["zm-3: person 91%", "zm-4: person 91%", "zm/1: person 91%"])
    assert [each.action for each in world.commands] == [DetectEvent(frames=("alarm", "21"))] * 2 + [DetectNow()]


async def test_a_time_is_gone_through_and_a_run_goes_on_where_it_was_broken_off(ask: Ask, world: World, folder: Path) -> None:
    world.answer = found
    journal = folder / "journal"
    asked = ("detect", "run", "--monitor", "zm/1", "--since", "2026-01-01T00:00:00Z", "--journal", str(journal), "--json")
    code, out, err = await ask(*asked)
    said = json.loads(out)
    failed = [each["of"] for each in said if each["error"]]
    assert (code, failed) == (FAILED, ["zm-5"])
    assert "zm-5: no frame could be looked at" in err
    assert all(each["found"] == "person 91%" and each["detail"] == {"frames": []} for each in said if not each["error"])
    journal.write_text(journal.read_text() + '{"done": "zm-')
    first = len(world.commands)
    code, out, _ = await ask(*asked)
    assert (code, [each["of"] for each in json.loads(out)]) == (FAILED, ["zm-5"])
    assert len(world.commands) == first + 1


async def test_after_half_a_line_the_journal_goes_on_in_the_next(ask: Ask, world: World, folder: Path) -> None:
    world.answer = found
    journal = folder / "journal"
    strange = "zm-3\N{LINE SEPARATOR}x"
    journal.write_text(json.dumps({"done": strange}, ensure_ascii=False) + '\n{"do', encoding="utf-8")
    asked = ("detect", "run", strange, "zm-4", "--journal", str(journal))
    code, out, _ = await ask(*asked)
    assert (code, out.splitlines()) == (OK, ["zm-4: person 91%"])
    assert journal.read_text(encoding="utf-8").split("\n")[1:] == ['{"do', '{"done": "zm-4"}', ""]
    assert await ask(*asked) == (OK, "", "")
    assert len(world.commands) == 1


async def test_files_need_models(ask: Ask, folder: Path) -> None:
    picture = folder / "picture.jpg"
    picture.write_bytes(b"not looked at")
    code, _, err = await ask("detect", "run", str(picture))
    assert code != OK
    assert "there are no models to look by" in err


@pytest.mark.parametrize("arguments", [(), ("zm-1", "--since", "2h")], ids=str)
def test_what_is_to_be_looked_at_must_be_said(
    arguments: tuple[str, ...], config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["detect", "run", *arguments, "--config", str(config)]) == USAGE
    assert capsys.readouterr().err
