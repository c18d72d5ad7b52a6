"""YOLO's single outputs: a column (or a row) for each cell, with a box and scores.

Scores are looked at first, as a maximum over classes; boxes and classes are read of the few cells that stay.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vms_bridge.detect.models.heads.cells import boxes, corners, strides_of
from vms_bridge.detect.models.nms import EMPTY
from vms_bridge.detect.models.values import Form, Head, Layout, Raw, Taken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.detect.models.values import Floats

_BLOCK = 512
_UNIT = Taken(scale=(255.0, 255.0, 255.0))


def _yolo(form: Form) -> Head | None:
    """[1, 4 + classes, cells], or turned; with masks [1, masks, h, w] as a second output, as many columns more."""
    shapes = form.shapes
    masks = shapes[1][1] if len(shapes) == 2 and len(shapes[1]) == 4 and shapes[1][0] == 1 else 0
    if (len(shapes) != 1 and not masks) or len(shapes[0]) != 3 or shapes[0][0] != 1:
        return None
    _, first, second = shapes[0]
    for columns, cells, is_turned in ((first, second, False), (second, first, True)):
        classes = columns - 4 - masks
        is_fitting = strides_of(form.width, form.height, cells) or (form.is_named and (form.classes or columns < cells))
        if is_fitting and classes >= 1 and form.classes in {None, classes}:
            return Head(_Yolo(classes, _share(form), is_turned=is_turned), classes)
    return None


def _share(form: Form) -> Floats:
    """Return by what boxes are multiplied to be pixels of the input."""
    size = (form.width, form.height) * 2 if form.is_relative else (1, 1, 1, 1)
    return np.array(size, np.float32)


class _Yolo:
    """Centre, size, a score for each class."""

    def __init__(self, classes: int, share: Floats, *, is_turned: bool) -> None:
        self._classes, self._share, self._is_turned = classes, share, is_turned

    def __call__(self, outputs: Sequence[Floats], least_score: float) -> Raw:
        cells = outputs[0][0] if self._is_turned else outputs[0][0].T
        scores = cells[:, 4 : 4 + self._classes]
        best = _highest(scores) if self._is_turned else scores.max(axis=1)
        kept = np.flatnonzero(best >= least_score)
        if not len(kept):
            return EMPTY
        told = cells[kept, :4] * self._share
        return Raw(boxes(told[:, :2], told[:, 2:]), best[kept], scores[kept].argmax(axis=1).astype(np.int32))


def _highest(scores: Floats) -> Floats:
    """Return the highest score of each row, where rows lie in memory one after the other.

    Turned in blocks that fit the processor's cache, for numpy takes twice as long over many short rows.
    """
    best = np.empty(len(scores), np.float32)
    for at in range(0, len(scores), _BLOCK):
        best[at : at + _BLOCK] = np.ascontiguousarray(scores[at : at + _BLOCK].T).max(axis=0)
    return best


def _yolo5(form: Form) -> Head | None:
    """[1, 3 x cells, 5 + classes]: three boxes a cell, each with a score of its own beside those of the classes."""
    found = _rows(form, columns=5)
    if found is None:
        return None
    rows, classes = found
    if not form.is_named and (rows % 3 or not strides_of(form.width, form.height, rows // 3)):
        return None
    return Head(_WithObject(classes, _share(form)), classes)


def _yolox(form: Form) -> Head | None:
    """[1, cells, 5 + classes], the boxes in units of their cell."""
    found = _rows(form, columns=5)
    strides = found and strides_of(form.width, form.height, found[0])
    if not found or not strides:
        return None
    return Head(_WithObject(found[1], _share(form), corners(form.width, form.height, strides)), found[1])


def _rows(form: Form, *, columns: int) -> tuple[int, int] | None:
    """Return rows and classes of a single output [1, rows, columns + classes]."""
    if len(form.shapes) != 1 or len(form.shapes[0]) != 3 or form.shapes[0][0] != 1:
        return None
    _, rows, width = form.shapes[0]
    classes = width - columns
    return (rows, classes) if classes >= 1 and form.classes in {None, classes} else None


class _WithObject:
    """Centre, size, whether there is anything, and of what class: the score is the product."""

    def __init__(self, classes: int, share: Floats, grid: tuple[Floats, Floats] | None = None) -> None:
        self._classes, self._share, self._grid = classes, share, grid

    def __call__(self, outputs: Sequence[Floats], least_score: float) -> Raw:
        cells = outputs[0][0]
        kept = np.flatnonzero(cells[:, 4] >= least_score)  # no class has more than 1
        if not len(kept):
            return EMPTY
        rows = cells[kept]
        scores = rows[:, 5 : 5 + self._classes]
        best = scores.max(axis=1) * rows[:, 4]
        above = np.flatnonzero(best >= least_score)
        kept, rows = kept[above], rows[above]
        centres, sizes = rows[:, :2], rows[:, 2:4]
        if self._grid is not None:
            places, strides = (part[kept] for part in self._grid)
            centres = (centres + places) * strides
            sizes = np.exp(sizes) * strides  # what becomes infinite is dropped later
        told = np.concatenate((centres, sizes), axis=1) * self._share
        return Raw(boxes(told[:, :2], told[:, 2:]), best[above], scores[above].argmax(axis=1).astype(np.int32))


YOLO = Layout(
    "yolo",
    "one [1, 4 + classes, cells] or turned, with masks [1, 32, h, w] or without",
    "YOLOv8, v9, 11, 12 and what is trained like them",
    _yolo,
    _UNIT,
)
YOLO5 = Layout("yolo5", "one [1, 3 x cells, 5 + classes]", "YOLOv5, v7", _yolo5, _UNIT)
YOLOX = Layout(
    "yolox",
    "one [1, cells, 5 + classes], the boxes in units of their cell",
    "YOLOX",
    _yolox,
    Taken(is_bgr=True),
    Taken(is_bgr=True),
)
