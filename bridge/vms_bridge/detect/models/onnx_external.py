"""Which other files an ONNX file has data in: a small reader of its protobuf, with bounds, that loads nothing of it.

The field numbers are those of `onnx.proto` (ModelProto and below). Only what can hold a tensor is walked into; tensors' data are
passed over by their length. Each file is mapped and never in memory as a whole.
"""

from __future__ import annotations

import mmap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MOST_FIELDS = 2_000_000
_MOST_DEPTH = 64
_LONGEST_TEXT = 4_096
_MOST_LOCATIONS = 10_000

_WITHIN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "entry"},
}
"""Which fields of a message are messages to look into, and of which kind."""


class Intricate(Exception):
    """It is no protobuf, or more of it than a model has."""


def external_files(path: Path) -> frozenset[str]:
    """Return the locations that tensors of an ONNX file name, as they stand there. Raises Intricate, OSError."""
    with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as mapped, memoryview(mapped) as data:
        return _Reader(data).locations()


class _Reader:
    """One pass over a file, which counts what it has seen."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self._left = _MOST_FIELDS

    def locations(self) -> frozenset[str]:
        found: set[str] = set()
        waiting = [("model", 0, len(self._data), 0)]
        while waiting:
            kind, start, end, depth = waiting.pop()
            if depth > _MOST_DEPTH:
                raise Intricate("its graphs are nested too deep")
            if kind == "entry":
                key, value = self._entry(start, end)
                if key == "location":
                    found.add(value)
                if len(found) > _MOST_LOCATIONS:
                    raise Intricate("its data are in too many files")
                continue
            inner = _WITHIN[kind]
            waiting += [(inner[field], at, to, depth + 1) for field, at, to in self._messages(start, end) if field in inner]
        return frozenset(found)

    def _entry(self, start: int, end: int) -> tuple[str, str]:
        """Return key and value of a StringStringEntryProto."""
        texts = {1: "", 2: ""}
        for field, at, to in self._messages(start, end):
            if field in texts:
                if to - at > _LONGEST_TEXT:
                    raise Intricate("the name of a file in it is too long")
                texts[field] = bytes(self._data[at:to]).decode("utf-8", "replace")
        return texts[1], texts[2]

    def _messages(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Yield number, begin and end of each field of a message that has a length; pass the others over."""
        at = start
        while at < end:
            self._left -= 1
            if self._left < 0:
                raise Intricate("it has too many parts")
            tag, at = self._number(at, end)
            field, wire = tag >> 3, tag & 7
            if wire == 0:
                _, at = self._number(at, end)
            elif wire == 1:
                at += 8
            elif wire == 5:
                at += 4
            elif wire == 2:
                length, at = self._number(at, end)
                if at + length > end:
                    raise Intricate("it breaks off")
                yield field, at, at + length
                at += length
            else:
                raise Intricate("it is no protobuf")
        if at > end:
            raise Intricate("it breaks off")

    def _number(self, at: int, end: int) -> tuple[int, int]:
        """Return a varint, and where it ends."""
        value = 0
        for place in range(10):
            if at + place >= end:
                raise Intricate("it breaks off")
            byte = self._data[at + place]
            value |= (byte & 0x7F) << (7 * place)
            if byte < 0x80:
                return value, at + place + 1
        raise Intricate("it is no protobuf")
