"""Sizes and times as people write them: an area as a share of the picture or in pixels, a time with its unit."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

_AREA = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?)\s*(%|px)")
_DURATION = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,6})?)\s*(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
_PICTURE = re.compile(r"([0-9]{1,5})\s*x\s*([0-9]{1,5})")


class WrongSize(ValueError):
    """A text is no size or time; `remedy` says what to write."""

    def __init__(self, message: str, remedy: str) -> None:
        super().__init__(message)
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Area:
    """How large something is: `share` of the picture's area in 0..1, or so many `pixels` of it."""

    share: float | None = None
    pixels: float | None = None

    def of(self, width: int, height: int) -> float:
        """Return the share that it is of a picture of this size; a picture without a size has no room for pixels."""
        if self.pixels is None:
            return self.share or 0.0
        return self.pixels / (width * height) if width > 0 and height > 0 else math.inf


def parse_area(text: str) -> Area:
    """Return an area such as `0.4%` or `900px`. Raises WrongSize."""
    found = _AREA.fullmatch(text.strip())
    if found is None:
        raise WrongSize("is no size", 'write a share of the picture such as "0.4%", or pixels such as "900px"')
    if found[2] == "px":
        return Area(pixels=float(found[1]))
    if not 0 <= (share := float(found[1]) / 100) <= 1:
        raise WrongSize("is more than the whole picture", "write 0% to 100%")
    return Area(share=share)


def parse_duration(text: str) -> float:
    """Return the seconds of a time such as `500ms`, `2s`, `10m`, `12h` or `7d`. Raises WrongSize."""
    if text.strip() == "0":
        return 0.0
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise WrongSize("is no time", "write a number with its unit: 500ms, 2s, 10m, 12h or 7d")
    return float(found[1]) * _SECONDS[found[2]]


def parse_picture_size(text: str) -> tuple[int, int]:
    """Return the width and height of `1280x720`, each 1 to 16384. Raises WrongSize."""
    found = _PICTURE.fullmatch(text.strip())
    sides = (int(found[1]), int(found[2])) if found else (0, 0)
    if not all(1 <= side <= 16_384 for side in sides):
        raise WrongSize("is no size of a picture", 'write its width and height in pixels, as in "1280x720"')
    return sides
