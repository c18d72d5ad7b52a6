"""SSD's outputs, with doubles removed by the model: Intel's in one array, TensorFlow's in four."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vms_bridge.detect.models.heads.end_to_end import as_classes
from vms_bridge.detect.models.values import Form, Head, Layout, Raw, Taken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.detect.models.values import Floats

_HALF = (127.5, 127.5, 127.5)


def _ssd(form: Form) -> Head | None:
    """[1, 1, rows, 7]: which picture, class with 0 for the background, score, x1, y1, x2, y2 as shares of the picture."""
    shape = form.shapes[0] if len(form.shapes) == 1 else ()
    if len(shape) != 4 or shape[:2] != (1, 1) or shape[3] != 7:
        return None
    share = np.array((form.width, form.height) * 2, np.float32)

    def read(outputs: Sequence[Floats], least_score: float) -> Raw:
        rows = outputs[0][0, 0]
        ends = np.flatnonzero(rows[:, 0] < 0)  # what comes after that row was not written
        rows = rows[: ends[0]] if len(ends) else rows
        kept = rows[rows[:, 2] >= least_score]
        return Raw(kept[:, 3:7] * share, kept[:, 2], as_classes(kept[:, 1] - 1))

    return Head(read, None, None, counts_background=True)


def _tfod(form: Form) -> Head | None:
    """Boxes [1, n, 4] as y1, x1, y2, x2 in shares of the picture, classes [1, n], scores [1, n], and how many [1]."""
    if len(form.shapes) != 4:
        return None
    boxes = [at for at, shape in enumerate(form.shapes) if len(shape) == 3 and shape[0] == 1 and shape[2] == 4]
    counts = [at for at, shape in enumerate(form.shapes) if shape in {(), (1,), (1, 1)}]
    rows = [at for at, shape in enumerate(form.shapes) if len(shape) == 2 and shape[0] == 1 and at not in counts]
    if not (len(boxes) == len(counts) == 1 and len(rows) == 2):
        return None
    box, count = boxes[0], counts[0]
    classes, scores = _classes_and_scores(form, rows, is_last=count == 3)
    share = np.array((form.width, form.height) * 2, np.float32)

    def read(outputs: Sequence[Floats], least_score: float) -> Raw:
        told = float(outputs[count].reshape(-1)[0])
        many = int(min(max(told, 0), outputs[scores].shape[1])) if np.isfinite(told) else 0
        kept = np.flatnonzero(outputs[scores][0, :many] >= least_score)
        corners = outputs[box][0][kept][:, (1, 0, 3, 2)] * share
        return Raw(corners, outputs[scores][0][kept], as_classes(outputs[classes][0][kept]))

    return Head(read, None, None, counts_background=True)


def _classes_and_scores(form: Form, rows: Sequence[int], *, is_last: bool) -> tuple[int, int]:
    """Say which of two outputs of the same shape has the classes, and which the scores.

    Their names tell, or else their order: boxes, classes, scores, count, or, since TensorFlow 2, scores, boxes, count, classes.
    """
    first, second = rows
    names = [form.outputs[at].name.lower() for at in rows]
    is_class = ["class" in name or "label" in name for name in names]
    is_score = ["score" in name for name in names]
    if is_class == [True, False] or is_score == [False, True]:
        return first, second
    if is_class == [False, True] or is_score == [True, False]:
        return second, first
    return (first, second) if is_last else (second, first)


SSD = Layout(
    "ssd",
    "one [1, 1, rows, 7]: picture, class, score, corners in shares",
    "SSD of OpenVINO's Open Model Zoo",
    _ssd,
    Taken(is_bgr=True),
    Taken(is_bgr=True),
)
TFOD = Layout(
    "tfod",
    "boxes [1, n, 4], classes [1, n], scores [1, n], count [1]",
    "SSD and EfficientDet of TensorFlow, as TFLite",
    _tfod,
    Taken(_HALF, _HALF),
)
