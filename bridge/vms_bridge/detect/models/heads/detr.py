"""Transformers that answer by queries: each is one object or none, and none is told twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from vms_bridge.detect.models.heads.cells import boxes
from vms_bridge.detect.models.heads.end_to_end import as_classes
from vms_bridge.detect.models.values import Form, Head, Layout, Raw, Taken

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vms_bridge.detect.models.values import Floats

SIZES = "orig_target_sizes"
"""The input beside the picture that these models scale their boxes by: width and height of the picture."""
_MOST_QUERIES = 1_000
IMAGENET = Taken((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))


def _detr(form: Form) -> Head | None:
    """Labels [1, n], boxes x1 y1 x2 y2 [1, n, 4] in the pixels that the second input says, scores [1, n]."""
    if len(form.shapes) != 3:
        return None
    box = [at for at, shape in enumerate(form.shapes) if len(shape) == 3 and shape[0] == 1 and shape[2] == 4]
    flat = [at for at, shape in enumerate(form.shapes) if len(shape) == 2 and shape[0] == 1]
    if len(box) != 1 or len(flat) != 2:
        return None
    is_turned = "score" in form.outputs[flat[0]].name.lower() or "label" in form.outputs[flat[1]].name.lower()
    labels, scores = reversed(flat) if is_turned else flat
    size = (1, 1, 1, 1) if SIZES in form.inputs else (form.width, form.height) * 2
    share = np.array(size, np.float32)

    def read(outputs: Sequence[Floats], least_score: float) -> Raw:
        kept = np.flatnonzero(outputs[scores][0] >= least_score)
        return Raw(outputs[box[0]][0][kept] * share, outputs[scores][0][kept], as_classes(outputs[labels][0][kept]))

    return Head(read, None, None)


def _rfdetr(form: Form) -> Head | None:
    """Boxes [1, n, 4] as centre and size in shares of the picture, and scores before their activation [1, n, classes].

    One class more than there are names is the background: with softmax the last, else the first.
    """
    if len(form.shapes) != 2 or any(len(shape) != 3 or shape[0] != 1 for shape in form.shapes):
        return None
    queries = {shape[1] for shape in form.shapes}
    box = [at for at, shape in enumerate(form.shapes) if shape[2] == 4]
    if len(queries) != 1 or max(queries) > _MOST_QUERIES or not box:
        return None
    at = box[0] if len(box) == 1 else _named_boxes(form)
    columns = form.shapes[1 - at][2]
    if form.classes not in {None, columns, columns - 1}:
        return None
    classes = form.classes or columns
    is_softmax = form.activation == "softmax"
    first = columns - classes if not is_softmax else 0
    share = np.array((form.width, form.height) * 2, np.float32)

    def read(outputs: Sequence[Floats], least_score: float) -> Raw:
        scores = _activated(outputs[1 - at][0], form.activation)[:, first : first + classes]
        best = scores.max(axis=1)
        kept = np.flatnonzero(best >= least_score)
        told = outputs[at][0][kept] * share
        return Raw(boxes(told[:, :2], told[:, 2:]), best[kept], scores[kept].argmax(axis=1).astype(np.int32))

    return Head(read, classes, None)


def _named_boxes(form: Form) -> int:
    """Say which of two outputs with four columns has the boxes: by name, else the first."""
    return 1 if any(word in form.outputs[1].name.lower() for word in ("box", "dets")) else 0


def _activated(logits: Floats, activation: str) -> Floats:
    if activation == "ready":
        return logits
    if activation == "softmax":
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        shares: Floats = powers / powers.sum(axis=1, keepdims=True)
        return shares
    return sigmoid(logits)


def sigmoid(logits: Floats) -> Floats:
    """Return what lies between 0 and 1 of what lies anywhere."""
    return np.float32(1) / (np.float32(1) + np.exp(-logits))


DETR = Layout(
    "detr",
    f"labels [1, n], boxes [1, n, 4], scores [1, n], with the input {SIZES}",
    "RT-DETR, D-FINE, DEIM",
    _detr,
    Taken(scale=(255.0, 255.0, 255.0)),
)
RFDETR = Layout(
    "rfdetr", "boxes [1, n, 4] in shares, logits [1, n, classes]", "RF-DETR, and DETR of transformers", _rfdetr, IMAGENET
)
