"""What a prediction should have been, and how wrong it was.

Which cells answer for an object decides everything. A cell may if its centre is in the box (or near the middle of a thin one) and
its level is made for that size; of those the ten with the best score^0.5 * IoU^4 do. The measure is normalised for each object
before cells that two objects want are given away, so that a large object does not take a small one's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from training.network import Detector

_BEST = 10
_FLOOR = 0.35
_SMALLEST, _LARGEST = 0.8, 4.0
_NEAR = 0.6
_BOX_WEIGHT = 2.5


def losses(detector: Detector, distances: Tensor, logits: Tensor, boxes: Tensor, labels: Tensor) -> Tensor:
    """Return the loss of a batch; boxes [n, most, 4] in pixels and labels [n, most], -1 where there is no object."""
    most = int((labels >= 0).any(0).nonzero().max()) + 1 if bool((labels >= 0).any()) else 1
    boxes, labels = boxes[:, :most], labels[:, :most]
    predicted = detector.corners(distances)
    target, owner = _assigned(detector, predicted, logits, boxes, labels)
    scores = logits.sigmoid()
    weight = torch.where(target > 0, target, 0.75 * scores.detach() ** 2)
    binary = torch.nn.functional.binary_cross_entropy_with_logits(logits, target, reduction="none")
    total = target.sum().clamp(min=1.0)
    quality = target.amax(-1)
    here = quality > 0
    wanted = boxes.gather(1, owner[..., None].expand(-1, -1, 4))
    overlap = 1 - _generalised(predicted[here], wanted[here])
    return (binary * weight).sum() / total + _BOX_WEIGHT * (overlap * quality[here]).sum() / total


@torch.no_grad()
def _assigned(detector: Detector, predicted: Tensor, logits: Tensor, boxes: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    """Return targets [n, cells, classes], and which object each cell answers for [n, cells]."""
    centres, strides = detector.centres, detector.strides
    there = labels >= 0
    left_top = centres[None, None] - boxes[:, :, None, :2]
    right_bottom = boxes[:, :, None, 2:] - centres[None, None]
    inside = torch.minimum(left_top, right_bottom).amin(-1) > 0
    middle = (boxes[..., :2] + boxes[..., 2:]) / 2
    near = (centres[None, None] - middle[:, :, None]).abs().amax(-1) < _NEAR * strides
    half = (boxes[..., 2:] - boxes[..., :2]).amax(-1)[..., None] / 2 / strides
    fits = ((half >= _SMALLEST) | (strides == strides.min())) & ((half <= _LARGEST) | (strides == strides.max()))
    may = (inside | near) & fits & there[..., None]
    overlap = _overlap(boxes[:, :, None], predicted[:, None]) * may
    score = logits.sigmoid().transpose(1, 2).gather(1, labels.clamp(min=0)[..., None].expand(-1, -1, logits.shape[1]))
    measure = score.clamp(min=1e-4) ** 0.5 * overlap.clamp(min=1e-3) ** 4 * may
    best = measure.topk(_BEST, -1).values[..., -1:].clamp(min=1e-20)
    measure = torch.where(measure >= best, measure, torch.zeros_like(measure))
    measure = measure / measure.amax(-1, keepdim=True).clamp(min=1e-20)
    quality = (measure * overlap.amax(-1, keepdim=True)).clamp(min=_FLOOR) * (measure > 0)
    _, owner = measure.max(1)
    quality = quality.gather(1, owner[:, None]).squeeze(1)
    owned = labels.clamp(min=0).gather(1, owner)
    target = torch.zeros_like(logits).scatter_(2, owned[..., None], quality[..., None])
    return target, owner


def _overlap(one: Tensor, other: Tensor) -> Tensor:
    """Return the intersection over union of boxes given by their corners."""
    shared = (torch.minimum(one[..., 2:], other[..., 2:]) - torch.maximum(one[..., :2], other[..., :2])).clamp(min=0).prod(-1)
    areas = (one[..., 2:] - one[..., :2]).clamp(min=0).prod(-1) + (other[..., 2:] - other[..., :2]).clamp(min=0).prod(-1)
    return shared / (areas - shared).clamp(min=1e-6)


def _generalised(one: Tensor, other: Tensor) -> Tensor:
    """Return the generalised intersection over union, -1..1, which tells boxes apart that do not meet."""
    shared = (torch.minimum(one[..., 2:], other[..., 2:]) - torch.maximum(one[..., :2], other[..., :2])).clamp(min=0).prod(-1)
    areas = (one[..., 2:] - one[..., :2]).prod(-1) + (other[..., 2:] - other[..., :2]).prod(-1) - shared
    around = (torch.maximum(one[..., 2:], other[..., 2:]) - torch.minimum(one[..., :2], other[..., :2])).prod(-1)
    return shared / areas.clamp(min=1e-6) - (around - areas) / around.clamp(min=1e-6)
