"""`vms-bridge zm ptz`: what a camera can do, and that it does it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.bridge.zoneminder.test_ptz import a_world

from vms_bridge.cli import OK, USAGE
from vms_bridge.cli.codes import COMMAND_REFUSED

if TYPE_CHECKING:
    from tests.bridge.cli.zm.conftest import Zm
    from tests.fakes.zoneminder import World


@pytest.fixture
def world() -> World:
    return a_world()


def orders(world: World, monitor: int) -> list[str]:
    return [order["control"] for order in world.monitors[monitor].orders]


async def test_what_a_camera_can_do(zm: Zm) -> None:
    code, out, _ = await zm("ptz", "2")
    assert (code, "Axis API v2" in out, "relative" in out) == (OK, True, True)
    said = json.loads((await zm("ptz", "Camera 2", "show", "--json"))[1])
    assert (said["presets"], "left" in said["directions"]) == (12, True)
    code, out, _ = await zm("ptz", "2", "presets")
    assert (code, "Gate" in out) == (OK, True)
    assert {"number": 4, "name": "Pond"} in json.loads((await zm("ptz", "2", "presets", "--json"))[1])


@pytest.mark.parametrize(
    ("words", "order"),
    [
        (["preset", "2"], {"control": "presetGoto", "preset": "2"}),
        (["preset", "Pond"], {"control": "presetGoto", "preset": "4"}),
        (["move", "up_left", "--amount", "0.25"], {"control": "moveRelUpLeft", "xge": "25", "yge": "25"}),
        (["home"], {"control": "presetHome"}),
        (["set-preset", "3", "Shed"], {"control": "presetSet", "preset": "3", "newLabel": "Shed"}),
        (["iris", "auto"], {"control": "irisAuto"}),
    ],
)
async def test_an_order(words: list[str], order: dict[str, str], zm: Zm, world: World) -> None:
    code, out, err = await zm("ptz", "2", *words)
    assert (code, out.startswith(f"Camera 2: {words[0]}"), err) == (OK, True, "")
    assert world.monitors[2].orders == [order]


async def test_what_goes_on_is_stopped(zm: Zm, world: World) -> None:
    code, out, _ = await zm("ptz", "1", "move", "left", "--for", "0.001s", "--json")
    assert (code, json.loads(out)["words"], orders(world, 1)) == (OK, ["left"], ["moveConLeft", "moveStop"])
    assert (await zm("ptz", "1", "zoom", "in"))[0] == OK
    assert (await zm("ptz", "1", "stop", "zoom"))[0] == OK
    assert orders(world, 1)[2:] == ["zoomConTele", "zoomStop", "moveStop"]


async def test_a_point(zm: Zm, world: World) -> None:
    assert (await zm("ptz", "2", "point", "0.5", "0.25"))[0] == OK
    assert orders(world, 2) == ["moveMap"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["3", "move", "left"], COMMAND_REFUSED),
        (["1", "wake"], COMMAND_REFUSED),
        (["2", "preset", "Attic"], COMMAND_REFUSED),
        (["2", "preset", "99"], COMMAND_REFUSED),
        (["2", "move"], USAGE),
        (["2", "move", "left", "right"], USAGE),
        (["2", "home", "now"], USAGE),
        (["2", "home", "--for", "2s"], USAGE),
        (["2", "point", "a", "b"], USAGE),
        (["2", "set-preset", "Gate"], USAGE),
        (["2", "dance"], USAGE),
    ],
)
async def test_what_is_refused(arguments: list[str], code: int, zm: Zm, world: World) -> None:
    asked = await zm("ptz", *arguments)
    assert (asked[0], asked[1], "Traceback" in asked[2]) == (code, "", False), asked[2]
    assert not any(monitor.orders for monitor in world.monitors.values())
