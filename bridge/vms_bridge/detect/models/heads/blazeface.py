"""MediaPipe's face detectors: for each anchor a box and six landmarks, and a score before its activation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vms_bridge.detect.models.heads.cells import boxes
from vms_bridge.detect.models.heads.detr import sigmoid
from vms_bridge.detect.models.values import Form, Head, Layout, Raw, Taken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.detect.models.values import Floats

_COLUMNS = 16
"""Centre, size, and six landmarks: right eye, left eye, nose, mouth, right ear, left ear."""
_GRIDS = (((8, 2), (16, 6)), ((16, 2), (32, 6)), ((4, 1),))
"""Strides with their anchors a cell: short range, the camera at the back, full range. An anchor is the middle of its cell."""
_LEAST_LOGIT, _MOST_LOGIT = -100.0, 100.0
_HALF = (127.5, 127.5, 127.5)


def _blazeface(form: Form) -> Head | None:
    """[1, n, 16] and [1, n, 1], n = 896, or 2304 at full range."""
    if len(form.shapes) != 2 or any(len(shape) != 3 or shape[0] != 1 for shape in form.shapes):
        return None
    columns = [shape[2] for shape in form.shapes]
    if sorted(columns) != [1, _COLUMNS] or form.shapes[0][1] != form.shapes[1][1] or form.classes not in {None, 1}:
        return None
    anchors = _anchors(form.width, form.height, form.shapes[0][1])
    if anchors is None:
        return None
    told_at = columns.index(_COLUMNS)

    def read(outputs: Sequence[Floats], least_score: float) -> Raw:
        scores = sigmoid(np.clip(outputs[1 - told_at][0, :, 0], _LEAST_LOGIT, _MOST_LOGIT))
        kept = np.flatnonzero(scores >= least_score)
        told = outputs[told_at][0][kept]
        places = anchors[kept]
        points = told[:, 4:].reshape(-1, 6, 2) + places[:, None]
        return Raw(boxes(told[:, :2] + places, told[:, 2:4]), scores[kept], np.zeros(len(kept), np.int32), points)

    return Head(read, 1, 0.3, ("face",))


def _anchors(width: int, height: int, many: int) -> Floats | None:
    """Return the anchors' middles [n, 2] in pixels, None where there are not so many."""
    for grid in _GRIDS:
        parts = []
        for stride, each in grid:
            rows, columns = np.mgrid[0 : height // stride, 0 : width // stride]
            middles = (np.stack((columns.ravel(), rows.ravel()), axis=1) + 0.5) * stride
            parts.append(np.repeat(middles, each, axis=0))
        anchors = np.concatenate(parts).astype(np.float32)
        if len(anchors) == many:
            return anchors
    return None


BLAZEFACE = Layout(
    "blazeface",
    "[1, 896, 16] and [1, 896, 1], or [1, 2304, ...]",
    "MediaPipe's face detectors",
    _blazeface,
    Taken(_HALF, _HALF),
)
