"""Puts a picture into a model's input, whole and in its own shape, with grey at its sides; and boxes back into the picture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from vms_bridge.detect.worker.pictures import fitting

if TYPE_CHECKING:
    import numpy.typing as npt

    from vms_bridge.detect.worker.pictures import Opened

GREY = 114
"""What models are trained with around pictures."""


@dataclass(frozen=True, slots=True)
class Placed:
    """Where in the input the picture is, in pixels."""

    left: int
    top: int
    width: int
    height: int


class Canvas:
    """A model's input, of one height and width, that is used again and again: an array of uint8, [height, width, 3]."""

    def __init__(self, pixels: npt.NDArray[np.uint8]) -> None:
        self._pixels = pixels
        self._placed: Placed | None = None

    def put(self, picture: Opened) -> Placed:
        """Put a picture into it. Raises Unfit."""
        most_height, most_width = self._pixels.shape[:2]
        width, height = fitting(picture.width, picture.height, most_width, most_height)
        placed = Placed((most_width - width) // 2, (most_height - height) // 2, width, height)
        scaled = np.asarray(picture.scaled(width, height))
        if placed != self._placed:  # else the grey is there already
            self._pixels[...] = GREY
            self._placed = placed
        self._pixels[placed.top : placed.top + height, placed.left : placed.left + width] = scaled
        return placed


def boxes_in_picture(corners: npt.NDArray[np.float32], placed: Placed) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.bool_]]:
    """Return boxes (x, y, width, height, in 0..1 of the picture) of corners (x1, y1, x2, y2, in the input's pixels).

    What sticks out is cut off. The second array says which have something left in the picture.
    """
    offset = np.array([placed.left, placed.top, placed.left, placed.top], np.float32)
    size = np.array([placed.width, placed.height, placed.width, placed.height], np.float32)
    shares = np.clip((corners - offset) / size, 0.0, 1.0)
    boxes = np.concatenate([shares[:, :2], shares[:, 2:] - shares[:, :2]], axis=1)
    is_in: npt.NDArray[np.bool_] = np.all(boxes[:, 2:] > 0, axis=1)
    return boxes, is_in
