"""The older YOLOs, cut off before their boxes: a map for each stride, with three anchors a cell.

Which anchors is not in the graph: they stand in the configuration, or in what the file says of itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vms_bridge.detect.models.heads.cells import boxes
from vms_bridge.detect.models.heads.detr import sigmoid
from vms_bridge.detect.models.nms import EMPTY
from vms_bridge.detect.models.values import Form, Head, Layout, Raw, Taken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.detect.models.values import Floats, Shape

A_CELL = 3
"""Anchors a cell."""
_UNIT = Taken(scale=(255.0, 255.0, 255.0))


def _darknet(form: Form) -> Head | None:
    return _built(form, is_squared=False)


def _squared(form: Form) -> Head | None:
    return _built(form, is_squared=True)


def _built(form: Form, *, is_squared: bool) -> Head | None:
    """Return the head of maps [1, 3 x (5 + classes), h, w]; without anchors one that fits, and can't be read."""
    classes = _classes(form.shapes)
    if classes is None or form.classes not in {None, classes}:
        return None
    strides = [(form.width / shape[3], form.height / shape[2]) for shape in form.shapes]
    if any(stride[0] != stride[1] or stride[0] not in {8, 16, 32, 64} for stride in strides):
        return None
    anchors = np.array(form.anchors, np.float32).reshape(-1, 2)
    if len(anchors) != A_CELL * len(strides):
        return Head(_unread, classes)
    maps = [
        _Map(stride[0], anchors[A_CELL * at : A_CELL * (at + 1)], is_ready=form.activation == "ready", is_squared=is_squared)
        for at, stride in enumerate(strides)
    ]

    def read(outputs: Sequence[Floats], least_score: float) -> Raw:
        found = [one.read(output, least_score) for one, output in zip(maps, outputs, strict=True)]
        return Raw(
            np.concatenate([raw.boxes for raw in found]),
            np.concatenate([raw.scores for raw in found]),
            np.concatenate([raw.classes for raw in found]),
        )

    return Head(read, classes)


def is_read(head: Head) -> bool:
    """Say whether a head of this kind has its anchors."""
    return head.read is not _unread


def _unread(outputs: Sequence[Floats], least_score: float) -> Raw:  # noqa: ARG001 - as all heads
    return EMPTY


def _classes(shapes: Sequence[Shape]) -> int | None:
    """Return how many classes maps of these shapes are for; None if they are no such maps."""
    if not 2 <= len(shapes) <= 4 or any(len(shape) != 4 or shape[0] != 1 or min(shape) < 1 for shape in shapes):
        return None
    columns = {shape[1] for shape in shapes}
    each, rest = divmod(columns.pop(), A_CELL)
    return each - 5 if not columns and not rest and each > 5 else None


class _Map:
    """One stride's map: [1, 3 x (x, y, w, h, whether there is anything, classes), h, w]."""

    def __init__(self, stride: float, anchors: Floats, *, is_ready: bool, is_squared: bool) -> None:
        self._stride, self._anchors = np.float32(stride), anchors
        self._is_ready, self._is_squared = is_ready, is_squared

    def read(self, output: Floats, least_score: float) -> Raw:
        height, width = output.shape[2:]
        told = output.reshape(A_CELL, -1, height, width)
        objects = told[:, 4] if self._is_ready else sigmoid(told[:, 4])
        anchor, row, column = np.nonzero(objects >= least_score)
        if not len(anchor):
            return EMPTY
        rows = told[anchor, :, row, column]
        scores = rows[:, 5:] if self._is_ready else sigmoid(rows[:, 5:])
        best = scores.max(axis=1) * objects[anchor, row, column]
        above = np.flatnonzero(best >= least_score)
        rows, scores = rows[above], scores[above]
        cells = np.stack((column[above], row[above]), axis=1).astype(np.float32)
        centres, sizes = self._placed(rows, cells, self._anchors[anchor[above]])
        return Raw(boxes(centres, sizes), best[above].astype(np.float32), scores.argmax(axis=1).astype(np.int32))

    def _placed(self, rows: Floats, cells: Floats, anchors: Floats) -> tuple[Floats, Floats]:
        """Return centres and sizes in pixels. Darknet's are an exponent of the anchor, those since YOLOv5 a square."""
        centres = rows[:, :2] if self._is_ready else sigmoid(rows[:, :2])
        if not self._is_squared:
            return (centres + cells) * self._stride, np.exp(rows[:, 2:4]) * anchors
        sizes = rows[:, 2:4] if self._is_ready else sigmoid(rows[:, 2:4])
        return (centres * 2 - np.float32(0.5) + cells) * self._stride, (sizes * 2) ** 2 * anchors


ANCHORS = Layout(
    "anchors", "two to four [1, 3 x (5 + classes), h, w], and anchors", "YOLOv3, v4 and tiny, of Darknet", _darknet, _UNIT
)
ANCHORS7 = Layout(
    "anchors7", "two to four [1, 3 x (5 + classes), h, w], and anchors", "YOLOv5, v7 without their last step", _squared, _UNIT
)
