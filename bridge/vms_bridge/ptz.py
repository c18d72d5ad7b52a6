"""What a camera that pans, tilts and zooms can be told: the part of the model that `Monitor.ptz` holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.open_set import OpenSet

if TYPE_CHECKING:
    from collections.abc import Mapping


class PtzMove(OpenSet):
    """One thing to tell a camera."""

    UP = "up"
    DOWN = "down"
    LEFT = "left"
    RIGHT = "right"
    UP_LEFT = "up_left"
    UP_RIGHT = "up_right"
    DOWN_LEFT = "down_left"
    DOWN_RIGHT = "down_right"
    ZOOM_IN = "zoom_in"
    ZOOM_OUT = "zoom_out"
    FOCUS_NEAR = "focus_near"
    FOCUS_FAR = "focus_far"
    FOCUS_AUTO = "focus_auto"
    IRIS_OPEN = "iris_open"
    IRIS_CLOSE = "iris_close"
    IRIS_AUTO = "iris_auto"
    STOP = "stop"
    HOME = "home"
    WAKE = "wake"
    SLEEP = "sleep"

    @property
    def part(self) -> str:
        """What of the camera it moves: `zoom`, `focus`, `iris`, or `move` for all of it. Each can move by itself."""
        first = self.value.partition("_")[0]
        return first if first in {"zoom", "focus", "iris"} else "move"


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A place that the camera remembers; `name` is empty where it has none."""

    number: int
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ptz:
    """What one camera can be told. Of its moves, those in `continuous` go on until it is stopped."""

    moves: tuple[PtzMove, ...] = ()
    continuous: tuple[PtzMove, ...] = ()
    presets: tuple[Preset, ...] = ()
    sets_presets: bool = False
    """Whether it can be told to remember where it looks now."""

    @property
    def labels(self) -> Mapping[str, int]:
        """The presets' numbers by what people choose by: each name, with its number where that alone says which."""
        names = {preset.number: preset.name or f"Preset {preset.number}" for preset in self.presets}
        often = Counter(names.values())
        labels: dict[str, int] = {}
        for number, name in names.items():
            label = name if often[name] == 1 and name not in labels else f"{name} ({number})"
            labels.setdefault(label, number)
        return labels

    def number_of(self, said: str) -> int | None:
        """Return the preset that is meant by its number or by its label; None where there is none."""
        labels = self.labels
        if said in labels:
            return labels[said]
        numbers = {str(preset.number): preset.number for preset in self.presets}
        return numbers.get(said)
