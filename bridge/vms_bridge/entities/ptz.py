"""The rows about cameras that pan, tilt and zoom: a button for each thing that this one can be told, and its presets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vms_bridge.entities.row import Entity, JsonType, Platform, Source, needs
from vms_bridge.model import Capability
from vms_bridge.ptz import PtzMove

if TYPE_CHECKING:
    from vms_bridge.views import MonitorView


def _button(move: PtzMove, name: str, icon: str, *, enabled: bool = True) -> Entity[MonitorView]:
    return Entity(
        key=f"ptz_{move.value}",
        platform=Platform.BUTTON,
        needs=needs(Capability.PTZ),
        is_offered=lambda view: view.monitor.ptz is not None and move in view.monitor.ptz.moves,
        source=Source.NONE,
        command="ptz",
        press=move.value,
        name=name,
        icon=icon,
        enabled=enabled,
    )


def _labels(view: MonitorView) -> tuple[str, ...]:
    return () if view.monitor.ptz is None else tuple(view.monitor.ptz.labels)


PTZ: tuple[Entity[MonitorView], ...] = (
    Entity(
        key="preset",
        platform=Platform.SELECT,
        needs=needs(Capability.PTZ),
        field="preset",
        read=lambda view: view.state.preset,
        json=JsonType.STRING,
        meaning="The preset at which the camera stands; null where it stands at none, or the VMS does not say.",
        command="preset",
        choices=_labels,
        name="Preset",
        icon="mdi:map-marker-radius",
    ),
    _button(PtzMove.UP, "Tilt up", "mdi:arrow-up-bold"),
    _button(PtzMove.DOWN, "Tilt down", "mdi:arrow-down-bold"),
    _button(PtzMove.LEFT, "Pan left", "mdi:arrow-left-bold"),
    _button(PtzMove.RIGHT, "Pan right", "mdi:arrow-right-bold"),
    _button(PtzMove.UP_LEFT, "Up and left", "mdi:arrow-top-left-bold", enabled=False),
    _button(PtzMove.UP_RIGHT, "Up and right", "mdi:arrow-top-right-bold", enabled=False),
    _button(PtzMove.DOWN_LEFT, "Down and left", "mdi:arrow-bottom-left-bold", enabled=False),
    _button(PtzMove.DOWN_RIGHT, "Down and right", "mdi:arrow-bottom-right-bold", enabled=False),
    _button(PtzMove.ZOOM_IN, "Zoom in", "mdi:magnify-plus-outline"),
    _button(PtzMove.ZOOM_OUT, "Zoom out", "mdi:magnify-minus-outline"),
    _button(PtzMove.STOP, "Stop moving", "mdi:stop-circle-outline"),
    _button(PtzMove.HOME, "Go home", "mdi:home-circle-outline"),
    _button(PtzMove.FOCUS_NEAR, "Focus near", "mdi:image-filter-center-focus", enabled=False),
    _button(PtzMove.FOCUS_FAR, "Focus far", "mdi:image-filter-center-focus-weak", enabled=False),
    _button(PtzMove.FOCUS_AUTO, "Autofocus", "mdi:focus-auto", enabled=False),
    _button(PtzMove.IRIS_OPEN, "Open iris", "mdi:brightness-7", enabled=False),
    _button(PtzMove.IRIS_CLOSE, "Close iris", "mdi:brightness-4", enabled=False),
    _button(PtzMove.IRIS_AUTO, "Automatic iris", "mdi:brightness-auto", enabled=False),
    _button(PtzMove.WAKE, "Wake camera", "mdi:weather-sunny", enabled=False),
    _button(PtzMove.SLEEP, "Camera sleep", "mdi:weather-night", enabled=False),
)
"""What a camera that moves shows."""
