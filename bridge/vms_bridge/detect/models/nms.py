"""From what a head has read to what was found: limits, the best 300, and one of each heap of boxes."""

from __future__ import annotations

import numpy as np

from vms_bridge.detect.models.values import MOST, Candidates, Floats, Numbers, Raw

EMPTY = Raw(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int32))


def settled(raw: Raw, *, width: int, height: int, classes: int, overlap: float | None) -> Candidates:
    """Return what is left of what a head has read.

    Dropped is what has a number that is none or infinite, a class that is not there, or no area; then all but the best 300;
    then what overlaps a better one of its class by more than `overlap` (its share of both together), and what lies outside of
    the input altogether. Of equal scores the earlier one is better.
    """
    limits = np.array([width, height, width, height], np.float32)
    good = np.isfinite(raw.boxes).all(axis=1) & np.isfinite(raw.scores) & (raw.classes >= 0) & (raw.classes < classes)
    if raw.points is not None:
        good &= np.isfinite(raw.points).all(axis=(1, 2))
    boxes = np.clip(raw.boxes, -limits, 2 * limits)
    good &= (boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])
    chosen = np.flatnonzero(good)
    chosen = chosen[np.argsort(-raw.scores[chosen], kind="stable")[:MOST]]
    if overlap is not None and len(chosen) > 1:
        chosen = chosen[suppressed(boxes[chosen], raw.classes[chosen], overlap)]
    within = np.clip(boxes[chosen], 0, limits)
    is_seen = (within[:, 2] > within[:, 0]) & (within[:, 3] > within[:, 1])
    chosen, within = chosen[is_seen], within[is_seen]
    return Candidates(
        within,
        np.minimum(raw.scores[chosen], np.float32(1)),
        raw.classes[chosen],
        None if raw.points is None else np.clip(raw.points[chosen], -limits[:2], 2 * limits[:2]),
    )


def suppressed(boxes: Floats, classes: Numbers, overlap: float) -> Numbers:
    """Return which boxes stay, of boxes x1 y1 x2 y2 with the best first.

    One goes when a better one of its class that stays has more than `overlap` of their common area. It is reckoned in doubles,
    so that boxes at whole pixels are exact.
    """
    left, top, right, bottom = boxes.astype(np.float64).T
    area = (right - left) * (bottom - top)
    wide = np.minimum(right[:, None], right) - np.maximum(left[:, None], left)
    high = np.minimum(bottom[:, None], bottom) - np.maximum(top[:, None], top)
    common = np.clip(wide, 0, None) * np.clip(high, 0, None)
    beats = common > overlap * (area[:, None] + area - common)
    beats &= classes[:, None] == classes
    beats = np.triu(beats, 1)
    stays = np.ones(len(boxes), bool)
    for better in np.flatnonzero(beats.any(axis=1)):
        if stays[better]:
            stays[beats[better]] = False
    return np.flatnonzero(stays).astype(np.int32)
