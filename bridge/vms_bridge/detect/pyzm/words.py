"""Single values of pyzm's configuration, in our words; None where they can't be said so."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING

from vms_bridge.detect.geometry import MOST_POINTS, fault
from vms_bridge.detect.labels import WrongPattern, parse_pattern
from vms_bridge.detect.sizes import WrongSize, parse_area

if TYPE_CHECKING:
    from vms_bridge.detect.geometry import Point

_PLAIN = re.compile(r"[\w][\w /-]*", re.ASCII)
_SIZES = [
    *((640, 360), (640, 480), (704, 576), (800, 600), (1024, 768), (1280, 720), (1280, 960), (1920, 1080), (2304, 1296)),
    *((2560, 1440), (2688, 1520), (2592, 1944), (3072, 2048), (3840, 2160), (4096, 3072)),
]
"""Sizes that cameras have, from small to large."""
_POINT = re.compile(r"\s*(\d{1,5}(?:\.\d{1,6})?)\s*,\s*(\d{1,5}(?:\.\d{1,6})?)\s*", re.ASCII)


def labels(pattern: object) -> str | None:
    """Return a pattern of ours for a regular expression of pyzm's; an empty text stands for all labels."""
    if not isinstance(pattern, str) or not (text := pattern.strip().removeprefix("^").removesuffix("$")):
        return None
    if text in {".*", "(.*)", ".+"}:
        return ""
    inner = text[1:-1] if text.startswith("(") and text.endswith(")") else text
    choices = [choice.strip() for choice in inner.removeprefix("?:").split("|")]
    is_plain = all(_PLAIN.fullmatch(choice) for choice in choices)
    written = "|".join(choices) if is_plain else f"re:{text}"
    try:
        parse_pattern(written)
    except WrongPattern:
        return None
    return written


def score(value: object) -> float | None:
    """Return a score of 0 to 1."""
    number = _number(value)
    return number if number is not None and 0 <= number <= 1 else None


def whole(value: object, least: int, most: int) -> int | None:
    """Return a whole number within bounds."""
    number = _number(value)
    return int(number) if number is not None and number == int(number) and least <= number <= most else None


def seconds(value: object) -> str | None:
    """Return a time as we write it."""
    number = _number(value)
    if number is None or not 0 <= number <= 3600:
        return None
    return f"{number:.3f}".rstrip("0").rstrip(".") + "s"


def area(value: object) -> str | None:
    """Return an area as we write it; a number alone is one of pixels."""
    text = str(value).strip().lower() if isinstance(value, str | int | float) and not isinstance(value, bool) else ""
    for written in (text, f"{text}px"):
        try:
            parse_area(written)
        except WrongSize:
            continue
        return written
    return None


def is_yes(value: object) -> bool:
    """Say whether something is switched on."""
    return value is True or (isinstance(value, str) and value.strip().lower() in {"yes", "true", "1", "on"})


def polygon(value: object) -> tuple[Point, ...] | None:
    """Return the corners of `1,2 3,4 5,6`, None where the text is nothing like that."""
    parts = value.split() if isinstance(value, str) and len(value) < 4096 else []
    found = [_POINT.fullmatch(part) for part in parts]
    points = tuple((float(match[1]), float(match[2])) for match in found if match)
    return points if len(points) == len(parts) and 2 < len(points) <= MOST_POINTS else None


def size_for(points: list[Point]) -> tuple[int, int] | None:
    """Return the smallest usual size of a picture that all these points are in."""
    most_x, most_y = max((x for x, _ in points), default=0.0), max((y for _, y in points), default=0.0)
    return next(((width, height) for width, height in _SIZES if most_x <= width and most_y <= height), None)


def zone_fault(points: tuple[Point, ...], size: tuple[int, int]) -> str | None:
    """Return why the points make no zone in a picture of this size."""
    if any(x > size[0] or y > size[1] for x, y in points):
        return "has a point outside of the picture"
    return fault([(x / size[0], y / size[1]) for x, y in points])


def name(text: object, otherwise: str) -> str:
    """Return a name as the configuration takes one."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "_", str(text))[:48].strip("_.-") if isinstance(text, str) else ""
    return plain or otherwise


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, str | int | float) or len(str(value)) > 32:
        return None
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
