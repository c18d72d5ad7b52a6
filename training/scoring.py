"""How good a detector is: mean average precision at an overlap of one half (mAP50), precision and recall at a score."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from training.scenes import LABELS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from training.dataset import Scenes

Floats = np.ndarray[tuple[int, ...], np.dtype[np.float32]]
_LEAST, _OVERLAP, _NMS, _MOST = 0.02, 0.5, 0.6, 100


@dataclass(frozen=True, slots=True)
class Score:
    """How well one label is found; precision and recall are those at a score of 0.4."""

    label: str
    objects: int
    average_precision: float
    precision: float
    recall: float


def scored(outputs: Iterable[Floats], scenes: Scenes) -> list[Score]:
    """Score heads [4 + classes, cells], one for each scene."""
    found: list[list[tuple[float, bool]]] = [[] for _ in LABELS]
    objects = [int((scenes.labels == number).sum()) for number in range(len(LABELS))]
    for output, boxes, labels in zip(outputs, scenes.boxes, scenes.labels, strict=True):
        for number in range(len(LABELS)):
            predicted, scores = _suppressed(output, number)
            found[number] += _matched(predicted, scores, boxes[labels == number])
    return [_score(label, objects[number], found[number]) for number, label in enumerate(LABELS)]


def mean(scores: list[Score]) -> float:
    """Return mAP50."""
    return float(np.mean([score.average_precision for score in scores]))


def _suppressed(output: Floats, number: int) -> tuple[Floats, Floats]:
    """Return corners and scores of one class, without those that overlap a better one, the best first."""
    scores = output[4 + number]
    kept = np.flatnonzero(scores > _LEAST)
    kept = kept[np.argsort(-scores[kept])][:_MOST]
    x, y, w, h = output[:4, kept]
    boxes = np.stack((x - w / 2, y - h / 2, x + w / 2, y + h / 2), 1)
    chosen: list[int] = []
    for index in range(len(kept)):
        if not chosen or _overlaps(boxes[index], boxes[chosen]).max() < _NMS:
            chosen.append(index)
    return boxes[chosen], scores[kept[chosen]]


def _matched(predicted: Floats, scores: Floats, boxes: Floats) -> list[tuple[float, bool]]:
    """Say of each prediction whether it is right: the best of those that meet an object that no other has met."""
    free = np.ones(len(boxes), bool)
    result = []
    for box, score in zip(predicted, scores, strict=True):
        overlaps = _overlaps(box, boxes) * free if len(boxes) else np.zeros(1)
        right = bool(overlaps.max() >= _OVERLAP)
        if right:
            free[int(overlaps.argmax())] = False
        result.append((float(score), right))
    return result


def _overlaps(box: Floats, boxes: Floats) -> Floats:
    shared = (np.minimum(box[2:], boxes[:, 2:]) - np.maximum(box[:2], boxes[:, :2])).clip(0).prod(1)
    areas = (box[2:] - box[:2]).prod() + (boxes[:, 2:] - boxes[:, :2]).prod(1)
    overlaps: Floats = shared / (areas - shared).clip(1e-6)
    return overlaps


def _score(label: str, objects: int, found: list[tuple[float, bool]]) -> Score:
    ordered = sorted(found, reverse=True)
    right = np.array([each for _, each in ordered], bool)
    recall = right.cumsum() / max(1, objects)
    precision = right.cumsum() / np.arange(1, len(right) + 1)
    envelope = np.maximum.accumulate(precision[::-1])[::-1] if len(right) else precision
    steps = np.diff(np.concatenate(([0.0], recall)))
    sure = sum(score >= 0.4 for score, _ in ordered)
    return Score(
        label=label,
        objects=objects,
        average_precision=float((envelope * steps).sum()),
        precision=float(precision[sure - 1]) if sure else 0.0,
        recall=float(recall[sure - 1]) if sure else 0.0,
    )
