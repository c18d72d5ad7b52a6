"""What an AI has found in a picture, and where: from any of the three forms that VXG's own pages show. Pure, total and bounded.

One of these is what Python's `repr` wrote of a dictionary. It is read by a grammar of its own, and never evaluated.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from vms_bridge.strict_json import decode
from vms_bridge.vxg.fields import mapping, number, objects, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MOST_BOXES = 1_000
MOST_CHARACTERS = 256 * 1024
_DEEPEST = 8
_TOKEN = re.compile(
    r"""\s*(?:(?P<mark>[\[\](){},:])|u?'(?P<single>(?:[^'\\]|\\.){0,4096})'|u?"(?P<double>(?:[^"\\]|\\.){0,4096})"
    |(?P<number>-?[0-9]{1,20}(?:\.[0-9]{0,20})?(?:[eE][+-]?[0-9]{1,3})?)L?|(?P<word>True|False|None))""",
    re.VERBOSE,
)
_CLOSING = {"[": "]", "(": ")", "{": "}"}
_ESCAPED = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Box:
    """Something that was found: where it is, in parts of the picture's width and height."""

    label: str
    left: float
    top: float
    width: float
    height: float
    score: float | None = None


def boxes_in_meta(meta: Mapping[str, str]) -> tuple[Box, ...]:
    """Return what an event's own tags say: `bounding_boxes` by what `frame_resolution` says of the picture."""
    frame = mapping(read_literal(meta.get("frame_resolution", "")))
    width, height = number(frame.get("width")), number(frame.get("height"))
    found = read_literal(meta.get("bounding_boxes", ""))
    named = list(found.items()) if isinstance(found, dict) else [("", each) for each in found] if isinstance(found, list) else []
    boxes = []
    for label, sides in named[:MOST_BOXES]:
        if isinstance(sides, list) and len(sides) == 4:
            w, h, left, top = (number(side) for side in sides)
            boxes += _fitted(text(label), left, top, w, h, frame=(width, height))
    return tuple(boxes)


def boxes_in_file(raw: bytes, width: int | None, height: int | None) -> tuple[Box, ...]:
    """Return what an event's file says: in parts of the picture as AWS does, or in pixels of one of this size, as YOLO does."""
    if len(raw) > MOST_CHARACTERS:
        return ()
    try:
        said = mapping(decode(raw.decode()))
    except (ValueError, RecursionError):
        return ()
    return tuple([*_of_labels(said), *_of_pixels(said, (width, height))][:MOST_BOXES])


def read_literal(source: str) -> Any:  # noqa: ANN401 (texts, numbers, lists and dictionaries)
    """Return what a `repr` of texts, numbers, lists, tuples and dictionaries says; None for anything else."""
    if len(source) > MOST_CHARACTERS:
        return None
    reader = _Reader(source)
    try:
        value = reader.value(0)
        return value if reader.is_at_end() else None
    except _Unreadable:
        return None


class _Unreadable(Exception):
    pass


class _Reader:
    def __init__(self, source: str) -> None:
        self._source, self._at = source.strip(), 0

    def is_at_end(self) -> bool:
        return not self._source[self._at :].strip()

    def value(self, depth: int) -> Any:  # noqa: ANN401
        found = self._next()
        mark = found["mark"]
        if mark is not None:
            if mark not in _CLOSING or depth >= _DEEPEST:
                raise _Unreadable
            return self._pairs(depth) if mark == "{" else self._list(depth, _CLOSING[mark])
        if found["number"] is not None:
            return float(found["number"])
        if found["word"] is not None:
            return {"True": True, "False": False, "None": None}[found["word"]]
        return _ESCAPED.sub(r"\1", found["single"] if found["single"] is not None else found["double"] or "")

    def _list(self, depth: int, closing: str) -> list[Any]:
        found: list[Any] = []
        while not self._closes(closing):
            found.append(self.value(depth + 1))
            self._comma(closing)
        return found

    def _pairs(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not self._closes("}"):
            key = self.value(depth + 1)
            if not isinstance(key, str | float) or self._next()["mark"] != ":":
                raise _Unreadable
            found[f"{key:g}" if isinstance(key, float) else key] = self.value(depth + 1)
            self._comma("}")
        return found

    def _comma(self, closing: str) -> None:
        if not self._peeks(closing) and self._next()["mark"] != ",":
            raise _Unreadable

    def _closes(self, closing: str) -> bool:
        if self._peeks(closing):
            self._next()
            return True
        return False

    def _peeks(self, mark: str) -> bool:
        found = _TOKEN.match(self._source, self._at)
        return found is not None and found["mark"] == mark

    def _next(self) -> re.Match[str]:
        found = _TOKEN.match(self._source, self._at)
        if found is None:
            raise _Unreadable
        self._at = found.end()
        return found


def _of_labels(said: dict[str, Any]) -> Iterator[Box]:
    for label in objects(said.get("Labels")):
        for instance in objects(label.get("Instances")):
            box = mapping(instance.get("BoundingBox"))
            sides = [number(box.get(name)) for name in ("Left", "Top", "Width", "Height")]
            score = number(instance.get("Confidence", label.get("Confidence")))
            percent = None if score is None else score / 100
            yield from _fitted(text(label.get("Name")), *sides, frame=(1.0, 1.0), score=percent)


def _of_pixels(said: dict[str, Any], frame: tuple[int | None, int | None]) -> Iterator[Box]:
    for item in objects(mapping(said.get("data")).get("bounding-boxes")):
        sides = mapping(item.get("coordinates"))
        left, top = number(sides.get("left")), number(sides.get("top"))
        right, bottom = number(sides.get("right")), number(sides.get("bottom"))
        if left is None or top is None or right is None or bottom is None:
            continue
        yield from _fitted(text(item.get("ObjectClassName")), left, top, right - left, bottom - top, frame=frame)


def _fitted(
    label: str,
    left: float | None,
    top: float | None,
    width: float | None,
    height: float | None,
    *,
    frame: tuple[float | None, float | None],
    score: float | None = None,
) -> list[Box]:
    """Return the box in parts of its picture, cut where it reaches beyond; none of what can't be one."""
    if left is None or top is None or width is None or height is None or not frame[0] or not frame[1]:
        return []
    begins = max(0.0, left / frame[0]), max(0.0, top / frame[1])
    ends = min(1.0, (left + width) / frame[0]), min(1.0, (top + height) / frame[1])
    if ends[0] <= begins[0] or ends[1] <= begins[1]:
        return []
    known = score if score is not None and 0 <= score <= 1 else None
    return [Box(label, begins[0], begins[1], ends[0] - begins[0], ends[1] - begins[1], known)]
