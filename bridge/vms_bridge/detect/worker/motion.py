"""Which share of a camera's picture has changed: of a small grey one, against a running mean of those before."""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import ImageFilter

if TYPE_CHECKING:
    import numpy.typing as npt

    from vms_bridge.detect.worker.pictures import Opened

WIDTH, HEIGHT = 160, 90
MOST_CAMERAS = 512
"""Each takes 58 KB."""
_CHANGED = 25.0
"""By how much a pixel, of 0 to 255, has to differ."""
_LIGHTNING = 0.8
"""Where more has changed at once, it was the light, or the camera was turned."""
_MEAN_OVER_S = 10.0
_LEAST_NEW, _MOST_NEW = 0.02, 0.5
"""Which share of a mean a new picture becomes, however long ago the one before was."""


@dataclass(slots=True)
class _Camera:
    mean: npt.NDArray[np.float32]
    shape: float
    seen_s: float


class Motion:
    """The means of all cameras; who was not asked about for longest goes first."""

    def __init__(self, most_cameras: int = MOST_CAMERAS) -> None:
        self._cameras: OrderedDict[str, _Camera] = OrderedDict()
        self._most = most_cameras

    def changed(self, camera: str, picture: Opened, now_s: float) -> float:
        """Return the share (0..1) that has changed; 1.0 where there is nothing to compare it with. Raises Unfit."""
        grey = picture.scaled(WIDTH, HEIGHT, "L").filter(ImageFilter.BoxBlur(1))
        pixels = np.asarray(grey, np.float32)
        shape = picture.width / picture.height
        known = self._cameras.pop(camera, None)
        if known is None or abs(known.shape / shape - 1) > 0.05:
            share, mean = 1.0, pixels
        else:
            share, mean = self._compared(known, pixels, now_s)
        self._cameras[camera] = _Camera(mean, shape, now_s)
        while len(self._cameras) > self._most:
            self._cameras.popitem(last=False)
        return share

    def _compared(self, known: _Camera, pixels: npt.NDArray[np.float32], now_s: float) -> tuple[float, npt.NDArray[np.float32]]:
        # The light of the whole picture rises and falls, and a camera follows it: that moves nothing.
        brighter = float(np.median(pixels - known.mean))
        share = _solid(np.abs(pixels - known.mean - brighter) > _CHANGED)
        if abs(brighter) > _CHANGED or share > _LIGHTNING:
            return 1.0, pixels
        new = min(max(1 - math.exp(-max(0.0, now_s - known.seen_s) / _MEAN_OVER_S), _LEAST_NEW), _MOST_NEW)
        return share, known.mean + new * (pixels - known.mean)


def _solid(changed: npt.NDArray[np.bool_]) -> float:
    """Return the share that has changed, single pixels left out: of noise."""
    beside = np.zeros(changed.shape, np.uint8)
    beside[1:] += changed[:-1]
    beside[:-1] += changed[1:]
    beside[:, 1:] += changed[:, :-1]
    beside[:, :-1] += changed[:, 1:]
    return float(np.mean(changed & (beside >= 2)))
