"""What a camera is told, and why it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.fakes.zoneminder import control

from vms_bridge.errors import CommandRejected
from vms_bridge.zoneminder import ptz_orders as orders
from vms_bridge.zoneminder.ptz_orders import Focus, Iris, Order, Part, Zoom
from vms_bridge.zoneminder.ptz_values import Capabilities, Direction, Preset, PtzMode, parse_control

if TYPE_CHECKING:
    from collections.abc import Callable


def able(row: dict[str, object], **said: object) -> Capabilities:
    found = parse_control(row | said)
    assert found is not None
    return found


AMCREST, AXIS = able(control.AMCREST), able(control.AXIS)


@pytest.mark.parametrize(
    ("direction", "details"),
    [
        (Direction.LEFT, {"xge": "50"}),
        (Direction.DOWN, {"yge": "50"}),
        (Direction.UP_RIGHT, {"xge": "50", "yge": "50"}),
    ],
)
def test_a_step_is_about_its_own_axes_alone(direction: Direction, details: dict[str, str]) -> None:
    name = "".join(part.capitalize() for part in direction.split("_"))
    assert orders.move(AXIS, direction) == Order(control=f"moveRel{name}", details=details)


def test_what_goes_on_until_it_is_stopped_says_so() -> None:
    assert orders.move(AMCREST, Direction.UP, amount=1.0) == Order(control="moveConUp", details={"yge": "100"}, goes_on=Part.MOVE)
    assert orders.zoom(AMCREST, Zoom.IN, amount=0.001) == Order(control="zoomConTele", details={"yge": "1"}, goes_on=Part.ZOOM)


def test_the_mode_that_is_named_is_taken_and_else_the_first_one() -> None:
    both = able(control.AXIS, CanMoveCon=1, CanMoveAbs=1)
    assert orders.move(both, Direction.LEFT).control == "moveConLeft"
    assert orders.move(both, Direction.LEFT, PtzMode.RELATIVE).control == "moveRelLeft"
    assert orders.move(both, Direction.LEFT, PtzMode.ABSOLUTE).control == "moveAbsLeft"


def test_what_else_can_be_asked_for() -> None:
    assert orders.focus(AXIS, Focus.NEAR) == Order(control="focusRelNear", details={"yge": "50"})
    assert orders.focus(AXIS, Focus.AUTO) == Order(control="focusAuto")
    assert orders.iris(AXIS, Iris.CLOSE) == Order(control="irisRelClose", details={"yge": "50"})
    assert orders.iris(AXIS, Iris.MANUAL) == Order(control="irisMan")
    assert orders.goto(AXIS, 12) == Order(control="presetGoto", details={"preset": "12"})
    assert orders.save(AXIS, 2, "Gate") == Order(control="presetSet", details={"preset": "2", "newLabel": "Gate"})
    assert orders.home(AXIS) == Order(control="presetHome")
    assert orders.point(AXIS, 0.5, 1.0, 641, 481) == Order(control="moveMap", details={"x": "320", "y": "480", "scale": "100"})
    assert orders.power(AMCREST, "reset") == Order(control="reset")


def test_a_stop_is_what_the_modules_know() -> None:
    assert orders.stop(AMCREST) == (Order(control="moveStop"),)
    assert orders.stop(AMCREST, Part.ZOOM) == (Order(control="zoomStop"), Order(control="moveStop"))


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda: orders.move(AMCREST, Direction.UP_LEFT), "can't be turned up and left"),
        (lambda: orders.move(AMCREST, Direction.UP, PtzMode.ABSOLUTE), "can't move in the mode absolute"),
        (lambda: orders.move(able(control.AXIS, CanMove=0), Direction.UP), "can't move"),
        (lambda: orders.focus(AMCREST, Focus.NEAR), "can't focus"),
        (lambda: orders.focus(AMCREST, Focus.AUTO), "has no automatic focus"),
        (lambda: orders.stop(AXIS), "has nothing to stop"),
        (lambda: orders.stop(AMCREST, Part.IRIS), "has nothing to stop in iris"),
        (lambda: orders.goto(AMCREST, 6), "has no preset 6"),
        (lambda: orders.goto(AMCREST, 0), "has no preset 0"),
        (lambda: orders.goto(able(control.AXIS, HasPresets=0), 1), "remembers no presets"),
        (lambda: orders.save(AMCREST, 1, ""), "can't be told to remember"),
        (lambda: orders.save(AXIS, 1, "x" * 65), "64 characters"),
        (lambda: orders.save(AXIS, 1, "two\nlines"), "64 characters"),
        (lambda: orders.save(AXIS, 1, "a <b> c"), "begins with <"),
        (lambda: orders.home(AMCREST), "has no home"),
        (lambda: orders.point(AMCREST, 0.5, 0.5, 1, 1), "a point of its picture"),
        (lambda: orders.point(AXIS, 1.5, 0.5, 640, 480), "0 to 1"),
        (lambda: orders.point(AXIS, 0.5, 0.5, None, 480), "how large"),
        (lambda: orders.power(AXIS, "reboot"), "can't be told to reboot"),
        (lambda: orders.power(AXIS, "explode"), "can't be told to explode"),
        (lambda: orders.move(AMCREST, Direction.UP, amount=0), "1 at most"),
        (lambda: orders.zoom(AMCREST, Zoom.IN, amount=float("nan")), "1 at most"),
    ],
)
def test_what_it_can_not_do_is_refused_with_a_reason(ask: Callable[[], object], said: str) -> None:
    with pytest.raises(CommandRejected, match=said) as refused:
        ask()
    assert refused.value.hint


def test_presets_are_listed_with_the_names_that_they_have() -> None:
    assert orders.listed(AMCREST, {2: "Gate"}) == (
        Preset(1), Preset(2, "Gate"), Preset(3), Preset(4), Preset(5),
    )  # fmt: skip


def test_presets_without_a_number_are_listed_as_far_as_they_have_names() -> None:
    unknown = able(control.AXIS, NumPresets=0)
    assert len(orders.listed(unknown, {})) == 32
    assert orders.listed(unknown, {40: "Roof"})[-1] == Preset(40, "Roof")
