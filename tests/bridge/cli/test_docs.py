"""The examples of docs/cli.md do what they say: each is given to a bridge that has all that they name."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.bridge.api.world import Film
from tests.fakes.backend import START, monitor
from tests.fakes.scripts import FakeScripts

from vms_bridge.archive import LogLine
from vms_bridge.cli import OK

if TYPE_CHECKING:
    from tests.bridge.api.world import World
    from tests.bridge.cli.conftest import Ask

PAGE = (Path(__file__).parents[3] / "docs/cli.md").read_text()
ELSEWHERE = {"run", "check", "demo", "probe", "pair", "watch", "completion", "detect", "zm", "vxg"}
"""Verbs that have no end, or ask no bridge: other tests run them."""
ON_SCRIPTS = {("script", verb) for verb in ("new", "lint", "test", "run", "record")}
"""Likewise, of scripts."""


def examples() -> list[str]:
    """Return the lines of the page's examples that give a verb."""
    blocks = re.findall(r"^```(?:sh)?\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)
    lines = [line.partition("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [line for line in lines if re.search(r"\bvms-bridge \w", line)]


def arguments(line: str) -> list[str]:
    """Return what the program is given of an example: without what is before and behind it, and on this machine."""
    words = shlex.split(re.sub(r'^eval "\$\((.*)\)"$', r"\1", line))
    given = words[max(at for at, word in enumerate(words) if word == "vms-bridge") + 1 :]
    given = given[: next((at for at, word in enumerate(given) if word in {"|", ">"}), len(given))]
    for option in ("--config", "--url"):
        if option in given:
            at = given.index(option)
            del given[at : at + 2]
    return [word for word in given if word != "--follow"]


ASKING = [line for line in examples() if arguments(line)[0] not in ELSEWHERE and tuple(arguments(line)[:2]) not in ON_SCRIPTS]


def test_there_are_examples_of_each_verb() -> None:
    assert {arguments(line)[0] for line in examples()} >= {
        "events",
        "monitors",
        "command",
        "logs",
        "watch",
        "index",
        "token",
        "pair",
    }


@pytest.mark.parametrize("line", ASKING)
async def test_an_example(line: str, ask: Ask, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    world.add_monitor("zm", monitor(3, area="Garden"))
    world.lines = [LogLine(time=START, message="x")]
    world.scripts.serve(FakeScripts())
    given = arguments(line)
    if "--pictures" in given:
        world.film = Film(content_type="image/jpeg")
    if given[:2] == ["token", "revoke"]:
        given[2] = await made(ask)
    code, out, err = await ask(*given)
    assert (code, "Traceback" in out + err) == (OK, False), (line, err)


async def made(ask: Ask) -> str:
    """Return the id of a token that has just been made."""
    _, out, _ = await ask("token", "create", "--name", "Example")
    return out.split("_")[1]
