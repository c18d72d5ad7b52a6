"""`vms-bridge events archive`, `lock`, `tag`, `note`, `delete`: a command to each event, and the code of what went worst."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.fakes.backend import START

from vms_bridge.cli import FAILED, OK, USAGE
from vms_bridge.cli.codes import COMMAND_REFUSED, COMMAND_TIMED_OUT
from vms_bridge.commands import Ack, AckResult
from vms_bridge.commands.event import AddTag, DeleteEvent, RemoveTag, SetArchived, SetLocked, SetNote

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bridge.api.world import World
    from tests.bridge.cli.conftest import Ask

    from vms_bridge.commands import Action, Command


@pytest.mark.parametrize(
    ("arguments", "action"),
    [
        (("archive", "zm-9"), SetArchived(on=True)),
        (("archive", "zm-9", "--off"), SetArchived(on=False)),
        (("lock", "zm-9"), SetLocked(on=True)),
        (("lock", "--off", "zm-9"), SetLocked(on=False)),
        (("tag", "parcel", "zm-9"), AddTag(tag="parcel")),
        (("tag", "parcel", "zm-9", "--off"), RemoveTag(tag="parcel")),
        (("note", "zm-9", "a b"), SetNote(text="a b")),
        (("note", "zm-9", ""), SetNote(text="")),
        (("delete", "zm-9", "--yes"), DeleteEvent()),
    ],
)
async def test_each_verb_is_a_command(arguments: tuple[str, ...], action: Action, ask: Ask, world: World) -> None:
    code, out, err = await ask("events", *arguments)
    assert (code, err) == (OK, "")
    assert "zm-9" in out
    assert "applied" in out
    [given] = world.commands
    assert given.action == action
    assert given.request_id


def by_event(results: dict[str, AckResult]) -> Callable[..., object]:
    async def answer(command: Command, _progress: object) -> Ack:
        assert command.target.event is not None
        result = results[command.target.event.id]
        is_bad = result in {AckResult.REFUSED, AckResult.FAILED, AckResult.TIMEOUT}
        return Ack.of(command, result, START, code="x" if is_bad else None, hint="it is so" if is_bad else None)

    return answer


@pytest.mark.parametrize(
    ("results", "code"),
    [
        ((AckResult.APPLIED, AckResult.UNCHANGED), OK),
        ((AckResult.REFUSED, AckResult.APPLIED), COMMAND_REFUSED),
        ((AckResult.TIMEOUT, AckResult.REFUSED), COMMAND_TIMED_OUT),
        ((AckResult.FAILED, AckResult.TIMEOUT), FAILED),
    ],
)
async def test_the_code_is_that_of_what_went_worst(
    results: tuple[AckResult, AckResult], code: int, ask: Ask, world: World
) -> None:
    world.answer = by_event(dict(zip(("8", "9"), results, strict=True)))  # type: ignore[assignment]  # a coroutine function
    found, out, _ = await ask("events", "archive", "zm-8", "zm-9", "zm-8", "--json")
    said = json.loads(out)
    assert (found, [each["event"] for each in said]) == (code, ["zm-8", "zm-9"])
    assert [each["result"] for each in said] == list(results)


async def test_who_can_not_be_asked_has_to_say_that_it_is_meant(ask: Ask, world: World) -> None:
    code, _, err = await ask("events", "delete", "zm-9", "zm-8")
    assert (code, "--yes" in err, list(world.commands)) == (USAGE, True, [])


async def test_an_event_that_there_is_not_keeps_no_other_from_being_changed(ask: Ask, world: World) -> None:
    code, out, _ = await ask("events", "archive", "nobody-1", "zm-9", "--ndjson")
    assert (code, [json.loads(line)["result"] for line in out.splitlines()]) == (FAILED, ["failed", "applied"])
    assert len(world.commands) == 1
