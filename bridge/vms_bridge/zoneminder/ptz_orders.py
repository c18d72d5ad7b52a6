"""What ZoneMinder is asked for so that a camera moves: pure, and refused with a reason where the camera's control can't.

ZoneMinder itself checks nothing: it hands any word on to the camera's module, which ends when it does not know it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from vms_bridge.errors import CommandRejected
from vms_bridge.zoneminder.ptz_values import LONGEST_LABEL, MOST_PRESETS, Capabilities, Direction, Preset, PtzMode

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAMELESS = 32
"""So many presets are listed where their number is not said."""
_WAYS = {PtzMode.CONTINUOUS: "Con", PtzMode.RELATIVE: "Rel", PtzMode.ABSOLUTE: "Abs"}


class Part(StrEnum):
    """What of a camera can go on moving until it is stopped."""

    MOVE = "move"
    ZOOM = "zoom"
    FOCUS = "focus"
    IRIS = "iris"


class Zoom(StrEnum):
    """Nearer, or wider."""

    IN = "in"
    OUT = "out"


class Focus(StrEnum):
    """Near, far, or as the camera finds."""

    NEAR = "near"
    FAR = "far"
    AUTO = "auto"
    MANUAL = "manual"


class Iris(StrEnum):
    """More light, less, or as the camera finds."""

    OPEN = "open"
    CLOSE = "close"
    AUTO = "auto"
    MANUAL = "manual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """One `request=control`; what goes on until it is stopped says by which part."""

    control: str
    details: Mapping[str, str] = field(default_factory=dict)
    goes_on: Part | None = None


_NAMES: Mapping[StrEnum, str] = {
    Zoom.IN: "Tele",
    Zoom.OUT: "Wide",
    Focus.NEAR: "Near",
    Focus.FAR: "Far",
    Focus.AUTO: "Auto",
    Focus.MANUAL: "Man",
    Iris.OPEN: "Open",
    Iris.CLOSE: "Close",
    Iris.AUTO: "Auto",
    Iris.MANUAL: "Man",
}


def move(able: Capabilities, direction: Direction, mode: PtzMode | None = None, amount: float = 0.5) -> Order:
    """Return how to turn the camera; `amount` (0..1) is how fast or, by steps, how far. Raises CommandRejected."""
    way = _way(able, "move", able.moves, mode)
    if direction not in able.directions:
        can = ", ".join(able.directions) or "nothing"
        raise _refused(able, f"can't be turned {direction.replace('_', ' and ')}", f"it can be turned: {can}")
    share = _percent(amount)
    # Only what the direction is about: another axis would be moved along, or given a speed that it has not.
    is_across, is_upright = direction not in {Direction.UP, Direction.DOWN}, direction not in {Direction.LEFT, Direction.RIGHT}
    details = {name: share for name, wanted in (("xge", is_across), ("yge", is_upright)) if wanted}
    name = "".join(part.capitalize() for part in direction.split("_"))
    return Order(control=f"move{_WAYS[way]}{name}", details=details, goes_on=_goes_on(Part.MOVE, way))


def zoom(able: Capabilities, to: Zoom, mode: PtzMode | None = None, amount: float = 0.5) -> Order:
    """Return how to zoom. Raises CommandRejected."""
    return _lens(able, Part.ZOOM, to, mode, amount)


def focus(able: Capabilities, to: Focus, mode: PtzMode | None = None, amount: float = 0.5) -> Order:
    """Return how to focus. Raises CommandRejected."""
    return _lens(able, Part.FOCUS, to, mode, amount)


def iris(able: Capabilities, to: Iris, mode: PtzMode | None = None, amount: float = 0.5) -> Order:
    """Return how to open or close the iris. Raises CommandRejected."""
    return _lens(able, Part.IRIS, to, mode, amount)


def stop(able: Capabilities, part: Part | None = None) -> tuple[Order, ...]:
    """Return how to end what goes on, each to be sent; None: whatever this camera can be stopped in. Raises CommandRejected.

    Most modules end a zoom by `moveStop` and have no `zoomStop`, which then is noted in ZoneMinder's log; for others it is the
    other way round.
    """
    ways = {Part.MOVE: able.moves, Part.ZOOM: able.zoom.modes, Part.FOCUS: able.focus.modes, Part.IRIS: able.iris.modes}
    can = [each for each, modes in ways.items() if PtzMode.CONTINUOUS in modes]
    if not can or (part is not None and part not in can):
        raise _refused(able, f"has nothing to stop{'' if part is None else f' in {part}'}", "its moves end by themselves")
    wanted = can[0] if part is None else part
    own = () if wanted is Part.MOVE else (Order(control=f"{wanted}Stop"),)
    return (*own, Order(control="moveStop"))


def goto(able: Capabilities, number: int) -> Order:
    """Return how to send the camera to a preset. Raises CommandRejected."""
    _check_preset(able, number)
    return Order(control="presetGoto", details={"preset": str(number)})


def save(able: Capabilities, number: int, label: str) -> Order:
    """Return how to have the camera remember where it looks; no label takes the preset's name away. Raises CommandRejected."""
    _check_preset(able, number)
    if not able.sets_presets:
        raise _refused(able, "can't be told to remember a place", "set its presets in the camera's own pages")
    if len(label) > LONGEST_LABEL or not (label.isprintable() or not label):
        raise CommandRejected(f"a preset's name is a line of {LONGEST_LABEL} characters at most", hint="choose a shorter one")
    if "<" in label:
        raise CommandRejected("ZoneMinder takes what begins with < out of a preset's name", hint="leave the < out")
    return Order(control="presetSet", details={"preset": str(number), "newLabel": label})


def listed(able: Capabilities, names: Mapping[int, str]) -> tuple[Preset, ...]:
    """Return the presets with their names; where their number is not said, as many as have names, and a few more."""
    last = able.presets
    if last >= MOST_PRESETS:
        last = max([_NAMELESS, *names])
    return tuple(Preset(number, names.get(number, "")) for number in range(1, last + 1))


def home(able: Capabilities) -> Order:
    """Return how to send the camera home. Raises CommandRejected."""
    if not able.has_home:
        raise _refused(able, "has no home", "use a preset")
    return Order(control="presetHome")


def point(able: Capabilities, x: float, y: float, width: int | None, height: int | None) -> Order:
    """Return how to have it look at a point of its picture, in 0..1 from the top left. Raises CommandRejected."""
    if not able.moves_to_point:
        raise _refused(able, "can't be told to look at a point of its picture", "turn it step by step")
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise CommandRejected("a point of the picture is 0 to 1 across and 0 to 1 down", hint="from its top left corner")
    if not width or not height:
        raise CommandRejected("ZoneMinder does not say how large the monitor's picture is", hint="fill in its width and height")
    across, down = str(round(x * (width - 1))), str(round(y * (height - 1)))
    return Order(control="moveMap", details={"x": across, "y": down, "scale": "100"})


def power(able: Capabilities, what: str) -> Order:
    """Return how to `wake` the camera, have it `sleep`, `reset` or `reboot`. Raises CommandRejected."""
    can = {"wake": able.wakes, "sleep": able.sleeps, "reset": able.resets, "reboot": able.reboots}
    if not can.get(what):
        said = ", ".join(each for each, is_so in can.items() if is_so) or "none of these"
        raise _refused(able, f"can't be told to {what}", f"of wake, sleep, reset and reboot it can: {said}")
    return Order(control=what)


def _lens(able: Capabilities, part: Part, to: Zoom | Focus | Iris, mode: PtzMode | None, amount: float) -> Order:
    lens = {Part.ZOOM: able.zoom, Part.FOCUS: able.focus}.get(part, able.iris)
    if to.value in {"auto", "manual"}:
        if not lens.is_automatic:
            raise _refused(able, f"has no automatic {part}", "set it by hand")
        return Order(control=f"{part}{_NAMES[to]}")
    way = _way(able, part.value, lens.modes, mode)
    return Order(control=f"{part}{_WAYS[way]}{_NAMES[to]}", details={"yge": _percent(amount)}, goes_on=_goes_on(part, way))


def _goes_on(part: Part, mode: PtzMode) -> Part | None:
    return part if mode is PtzMode.CONTINUOUS else None


def _way(able: Capabilities, what: str, modes: tuple[PtzMode, ...], wanted: PtzMode | None) -> PtzMode:
    if not modes:
        raise _refused(able, f"can't {what}", "its control type has no such thing")
    if wanted is not None and wanted not in modes:
        raise _refused(able, f"can't {what} in the mode {wanted}", f"it can: {', '.join(modes)}")
    return wanted or modes[0]


def _percent(amount: float) -> str:
    if not 0 < amount <= 1:
        raise CommandRejected("how fast or how far is a number above 0, and 1 at most", hint="0.5 is the middle of what it can")
    return str(max(1, round(amount * 100)))


def _check_preset(able: Capabilities, number: int) -> None:
    if not able.presets:
        raise _refused(able, "remembers no presets", "turn it step by step")
    if not 1 <= number <= able.presets:
        raise _refused(able, f"has no preset {number}", f"its presets are 1 to {able.presets}")


def _refused(able: Capabilities, what: str, hint: str) -> CommandRejected:
    return CommandRejected(f"a camera of the control type {able.name or able.id!r} {what}", hint=hint)
