"""Which of the things that a model found count, by their labels, scores, sizes and places: before anything is chosen."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING

from vms_bridge.detect.zones import placed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from vms_bridge.detect.standards import Standard, Standards
    from vms_bridge.detect.values import Box, Found
    from vms_bridge.detect.zones import ZoneRule


def filtered(
    found: Iterable[Found], size: tuple[int, int], standards: Standards, zones: Sequence[ZoneRule] = ()
) -> tuple[Found, ...]:
    """Return those that count, in their order, each with its zones; `size` is the picture's width and height in pixels.

    What reaches out of the picture is cut off at its border first. What is parked is marked as known.
    """
    kept: list[Found] = []
    for one in found:
        box = within_picture(one.box)
        standard = standards.of(one.label)
        if box is None or standard is None or not isfinite(one.score) or one.score < standard.min_score:
            continue
        if not _fits(box, size, standard):
            continue
        place = placed(one.label, one.score, box, zones)
        if place.is_kept:
            kept.append(replace(one, box=box, zones=place.zones, is_known=one.is_known or place.is_parked))
    return tuple(kept)


def within_picture(box: Box) -> Box | None:
    """Return the part of a box that is in the picture, None where there is none, or it is no box."""
    x, y, width, height = box
    if not all(isfinite(value) for value in box):
        return None
    left, top = max(x, 0.0), max(y, 0.0)
    right, bottom = min(x + width, 1.0), min(y + height, 1.0)
    if right <= left or bottom <= top:
        return None
    if x >= 0 and y >= 0 and x + width <= 1 and y + height <= 1:
        return box  # to the last bit
    return left, top, right - left, bottom - top


def _fits(box: Box, size: tuple[int, int], standard: Standard) -> bool:
    """Say whether something is of the size and shape that it must have; the limits themselves are within them."""
    width, height = size
    area = box[2] * box[3]
    if not standard.least.of(width, height) <= area <= standard.most.of(width, height):
        return False
    across, down = box[2] * width, box[3] * height
    if width <= 0 or height <= 0:
        return standard.min_ratio == 0 and standard.max_ratio == float("inf")
    return standard.min_ratio * down <= across <= standard.max_ratio * down
