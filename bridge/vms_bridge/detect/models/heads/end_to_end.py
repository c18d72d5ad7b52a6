"""Models that have chosen themselves: a row for each object, with corners, score and class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vms_bridge.detect.models.values import Form, Head, Layout, Raw, Taken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.detect.models.values import Floats, Numbers

_MOST_ROWS = 1_000


def _e2e(form: Form) -> Head | None:
    """[1, rows, 6]: x1, y1, x2, y2, score, class."""
    shape = form.shapes[0] if len(form.shapes) == 1 else ()
    if len(shape) != 3 or shape[0] != 1 or shape[2] != 6 or shape[1] > _MOST_ROWS:
        return None
    share = np.array((form.width, form.height) * 2 if form.is_relative else (1, 1, 1, 1), np.float32)

    def read(outputs: Sequence[Floats], least_score: float) -> Raw:
        rows = outputs[0][0]
        kept = rows[rows[:, 4] >= least_score]
        return Raw(kept[:, :4] * share, kept[:, 4], as_classes(kept[:, 5]))

    return Head(read, None, None)


def _yolonas(form: Form) -> Head | None:
    """[rows, 7]: which picture, x1, y1, x2, y2, score, class."""
    shape = form.shapes[0] if len(form.shapes) == 1 else ()
    if len(shape) != 2 or shape[1] != 7:
        return None

    def read(outputs: Sequence[Floats], least_score: float) -> Raw:
        rows = outputs[0]
        kept = rows[(rows[:, 0] == 0) & (rows[:, 5] >= least_score)]
        return Raw(kept[:, 1:5], kept[:, 5], as_classes(kept[:, 6]))

    return Head(read, None, None)


def as_classes(told: Floats) -> Numbers:
    """Return classes that are told as floats; -1 for what is no class."""
    return np.where((told >= 0) & (told < 1e6), np.rint(told), -1).astype(np.int32)


E2E = Layout(
    "e2e",
    f"one [1, up to {_MOST_ROWS}, 6]: corners, score, class",
    "YOLOv10, YOLO26, exports with nms=True",
    _e2e,
    Taken(scale=(255.0, 255.0, 255.0)),
)
YOLONAS = Layout(
    "yolonas",
    "one [rows, 7]: picture, corners, score, class",
    "YOLO-NAS exported in the flat format",
    _yolonas,
    Taken(scale=(255.0, 255.0, 255.0), is_bgr=True),
    Taken(is_bgr=True),
)
