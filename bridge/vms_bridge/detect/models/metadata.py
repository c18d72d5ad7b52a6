"""What a file says of itself: names of its classes, size of its input, its layout, how it takes pixels.

An IR says it in `rt_info` under `model_info` (the words of OpenVINO's Model API, which Ultralytics writes too), an ONNX file in
its metadata, which OpenVINO shows under `framework`. What can't be understood counts as not said.
"""

from __future__ import annotations

import ast
import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from vms_bridge.detect.models.names import from_metadata

if TYPE_CHECKING:
    import openvino as ov

_LONGEST = 1_048_576
_MOST_ANCHORS = 64
_MOST_SIDE = 8_192


@dataclass(frozen=True, slots=True)
class Metadata:
    """What a file says of itself. `size`: width and height of its input; `mean` and `scale` as it takes pixels of 0..255."""

    labels: tuple[str, ...] = ()
    size: tuple[int, int] | None = None
    layout: str = ""
    task: str = ""
    mean: tuple[float, float, float] | None = None
    scale: tuple[float, float, float] | None = None
    anchors: tuple[tuple[float, float], ...] = ()


def read_metadata(model: ov.Model) -> Metadata:
    """Return what a model says of itself."""
    anchors = _numbers(_said(model, "model_info", "anchors"))
    return Metadata(
        labels=from_metadata(_said(model, "model_info", "labels")) or from_metadata(_said(model, "framework", "names")),
        size=_size(_said(model, "framework", "imgsz") or _said(model, "model_info", "imgsz")),
        layout=_said(model, "model_info", "layout").strip(),
        task=_said(model, "framework", "task").strip(),
        mean=_three(_numbers(_said(model, "model_info", "mean_values"))),
        scale=_three(_numbers(_said(model, "model_info", "scale_values"))),
        anchors=tuple(zip(anchors[::2], anchors[1::2], strict=False)) if len(anchors) <= 2 * _MOST_ANCHORS else (),
    )


def _said(model: ov.Model, *path: str) -> str:
    """Return a text of `rt_info`, empty where there is none."""
    try:
        if not model.has_rt_info(list(path)):
            return ""
        value = model.get_rt_info(list(path))
        return str(value.astype(str) if hasattr(value, "astype") else value)[:_LONGEST]
    except (RuntimeError, TypeError, ValueError):  # of a kind that is no text
        return ""


def _numbers(text: str) -> tuple[float, ...]:
    """Return the numbers of a text such as `[123.675, 116.28]`, `123.675 116.28` or `255`."""
    found = tuple(float(number) for number in re.findall(r"[-+]?\d{1,12}(?:\.\d{0,12})?(?:[eE][-+]?\d{1,2})?", text[:8_192]))
    return found if all(math.isfinite(number) for number in found) else ()


def _three(numbers: tuple[float, ...]) -> tuple[float, float, float] | None:
    if len(numbers) == 1:
        return (numbers[0],) * 3
    return (numbers[0], numbers[1], numbers[2]) if len(numbers) == 3 else None


def _size(text: str) -> tuple[int, int] | None:
    """Return width and height of `[height, width]`, or of one side of a square."""
    try:
        value = ast.literal_eval(text.strip()[:64] or "None")
    except (ValueError, SyntaxError, TypeError):
        return None
    sides = value if isinstance(value, list | tuple) else [value] * 2
    if len(sides) == 2 and all(isinstance(side, int) and 0 < side <= _MOST_SIDE for side in sides):
        return sides[1], sides[0]
    return None
