"""The examples of docs/cli.md that ask a ZoneMinder itself do what they say: each is given to one that has all that they name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.bridge.cli.test_docs import arguments, examples
from tests.bridge.cli.zm.test_place import configured
from tests.fakes.zoneminder import control

from vms_bridge.cli import OK

if TYPE_CHECKING:
    from pathlib import Path

    from tests.bridge.cli.zm.conftest import Zm
    from tests.fakes.zoneminder import FakeZoneMinder, World

EXAMPLES = [line for line in examples() if arguments(line)[0] == "zm"]


def test_there_are_examples() -> None:
    assert len(EXAMPLES) > 5


@pytest.mark.parametrize("line", EXAMPLES)
async def test_an_example(line: str, run: Zm, fake: FakeZoneMinder, world: World, tmp_path: Path) -> None:
    world.monitors[2].name = "Front door"
    world.monitors[1].columns = {"Controllable": True, "ControlId": control.AMCREST["Id"]}
    for number in (42, 43):
        world.next_event = number
        world.close_event(world.open_event(1).id)
    file = configured(fake, tmp_path, "zm")
    given = arguments(line)[1:]
    if "--user" in given:
        at = given.index("--user")
        del given[at : at + 2]
    code, out, err = await run(*given, "--config", str(file))
    assert (code, "Traceback" in out + err) == (OK, False), (line, err)
