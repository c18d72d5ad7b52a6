"""The cells into which a model divides its input: one grid for each stride, row by row, the finest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from vms_bridge.detect.models.values import Floats

Strides = tuple[int, ...]
GRIDS: tuple[Strides, ...] = ((8, 16, 32), (16, 32), (4, 8, 16, 32), (8, 16, 32, 64), (4, 8, 16), (8, 16), (32,), (16,), (8,))
"""What models have: usually three grids, small ones two or one, for small objects one more at either end."""


def count(width: int, height: int, strides: Strides) -> int:
    """Return how many cells there are."""
    return sum((width // stride) * (height // stride) for stride in strides)


def strides_of(width: int, height: int, cells: int) -> Strides | None:
    """Return the strides by which an input of this size, in pixels, has so many cells; None where there are none."""
    return next(
        (
            strides
            for strides in GRIDS
            if width % strides[-1] == height % strides[-1] == 0 and count(width, height, strides) == cells
        ),
        None,
    )


def corners(width: int, height: int, strides: Strides) -> tuple[Floats, Floats]:
    """Return each cell's column and row [n, 2], and its stride [n, 1]."""
    places, sizes = [], []
    for stride in strides:
        rows, columns = np.mgrid[0 : height // stride, 0 : width // stride]
        places.append(np.stack((columns.ravel(), rows.ravel()), axis=1))
        sizes.append(np.full((rows.size, 1), stride))
    return np.concatenate(places).astype(np.float32), np.concatenate(sizes).astype(np.float32)


def boxes(centres: Floats, sizes: Floats) -> Floats:
    """Return x1 y1 x2 y2 [n, 4] of centres and sizes [n, 2]."""
    half = sizes * np.float32(0.5)
    return np.concatenate((centres - half, centres + half), axis=1, dtype=np.float32)
