"""What one camera that ZoneMinder controls can be told, in the words of the model, and how that is said to ZoneMinder: pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from vms_bridge.commands import GoToPreset, MoveCamera, SetPreset
from vms_bridge.ptz import Preset, Ptz, PtzMove
from vms_bridge.zoneminder import ptz_orders as orders
from vms_bridge.zoneminder.ptz_orders import Focus, Iris, Part, Zoom
from vms_bridge.zoneminder.ptz_values import Direction, PtzMode

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vms_bridge.zoneminder.ptz_orders import Order
    from vms_bridge.zoneminder.ptz_values import Capabilities, Lens

_MIDDLE = 0.5
_DIRECTIONS = {PtzMove(each.value): each for each in Direction}
_ZOOMS = {PtzMove.ZOOM_IN: Zoom.IN, PtzMove.ZOOM_OUT: Zoom.OUT}
_FOCUSES = {PtzMove.FOCUS_NEAR: Focus.NEAR, PtzMove.FOCUS_FAR: Focus.FAR, PtzMove.FOCUS_AUTO: Focus.AUTO}
_IRISES = {PtzMove.IRIS_OPEN: Iris.OPEN, PtzMove.IRIS_CLOSE: Iris.CLOSE, PtzMove.IRIS_AUTO: Iris.AUTO}


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """One camera's control: its control type, the names of its presets, and what it can be told by that."""

    able: Capabilities
    names: Mapping[int, str]
    ptz: Ptz


@dataclass(slots=True)
class KnownCameras:
    """What was learnt last, whichever connection has learnt it: by control type, and by monitor."""

    types: dict[str, tuple[float, Capabilities]] = field(default_factory=dict)
    names: dict[str, tuple[float, Mapping[int, str]]] = field(default_factory=dict)
    cameras: dict[str, Camera] = field(default_factory=dict)


def ptz_of(able: Capabilities, names: Mapping[int, str]) -> Ptz:
    """Return what a camera of this control type can be told, in the words of the model."""
    lenses = ((_ZOOMS, able.zoom), (_FOCUSES, able.focus), (_IRISES, able.iris))
    by_itself = {PtzMove.HOME: able.has_home, PtzMove.WAKE: able.wakes, PtzMove.SLEEP: able.sleeps}
    can = {move for move, direction in _DIRECTIONS.items() if direction in able.directions}
    goes_on = set(can) if able.moves[:1] == (PtzMode.CONTINUOUS,) else set()
    for words, lens in lenses:
        by_hand, by_camera = _of_lens(words, lens)
        can |= by_hand | by_camera
        goes_on |= by_hand if lens.modes[:1] == (PtzMode.CONTINUOUS,) else set()
    can |= {move for move, is_so in by_itself.items() if is_so} | ({PtzMove.STOP} if goes_on else set())
    return Ptz(
        moves=tuple(move for move in PtzMove if move in can),
        continuous=tuple(move for move in PtzMove if move in goes_on),
        presets=tuple(Preset(number=each.number, name=each.name) for each in orders.listed(able, names)) if able.presets else (),
        sets_presets=able.sets_presets,
    )


def _of_lens(words: Mapping[PtzMove, Zoom | Focus | Iris], lens: Lens) -> tuple[set[PtzMove], set[PtzMove]]:
    """Return what can be done by hand, and what the camera does by itself."""
    automatic: set[PtzMove] = {PtzMove.FOCUS_AUTO, PtzMove.IRIS_AUTO} & words.keys()
    return (set(words) - automatic if lens.modes else set()), (automatic if lens.is_automatic else set())


def orders_of(camera: Camera, action: MoveCamera | GoToPreset | SetPreset) -> tuple[Order, ...]:
    """Return what ZoneMinder is asked for, one after the other. Raises CommandRejected."""
    able = camera.able
    match action:
        case GoToPreset(number=number):
            return (orders.goto(able, number or 0),)
        case SetPreset(number=number, name=name):
            return (orders.save(able, number, camera.names.get(number, "") if name is None else name),)
        case MoveCamera(move=PtzMove.STOP, stops=stops):
            parts: list[Part | None] = [Part(move.part) for move in stops] or [None]
            wanted = [order for part in parts for order in orders.stop(able, part)]
            return tuple({order.control: order for order in wanted}.values())
    return (_move(able, action.move, _MIDDLE if action.speed is None else action.speed),)


def _move(able: Capabilities, move: PtzMove, amount: float) -> Order:
    if move in _DIRECTIONS:
        return orders.move(able, _DIRECTIONS[move], amount=amount)
    if move in _ZOOMS:
        return orders.zoom(able, _ZOOMS[move], amount=amount)
    if move in _FOCUSES:
        return orders.focus(able, _FOCUSES[move], amount=amount)
    if move in _IRISES:
        return orders.iris(able, _IRISES[move], amount=amount)
    return orders.home(able) if move is PtzMove.HOME else orders.power(able, move.value)
