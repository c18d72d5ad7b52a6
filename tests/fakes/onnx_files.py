"""ONNX files without the `onnx` package: just enough of its protobuf to write the models that tests need."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_FLOAT, _INT64 = 1, 7


def field(number: int, value: bytes | str | int) -> bytes:
    """Return a field of a message: a number, or what has a length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    content = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(content)) + content


def varint(value: int) -> bytes:
    """Return a number as protobuf writes it."""
    parts = []
    while value > 0x7F:
        parts.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*parts, value])


def tensor(name: str, dims: Sequence[int], data: bytes, *, kind: int = _FLOAT) -> bytes:
    """Return a TensorProto with its data within."""
    return b"".join(field(1, dim) for dim in dims) + field(2, kind) + field(8, name) + field(9, data)


def external(name: str, dims: Sequence[int], location: str, *, kind: int = _FLOAT) -> bytes:
    """Return a TensorProto with its data in another file."""
    entry = field(1, "location") + field(2, location)
    return b"".join(field(1, dim) for dim in dims) + field(2, kind) + field(8, name) + field(13, entry) + field(14, 1)


def node(kind: str, inputs: Sequence[str], outputs: Sequence[str], attributes: bytes = b"") -> bytes:
    """Return a NodeProto."""
    names = b"".join(field(1, name) for name in inputs) + b"".join(field(2, name) for name in outputs)
    return names + field(4, kind) + attributes


def ints(name: str, values: Sequence[int]) -> bytes:
    """Return a node's field with an attribute that is a list of numbers."""
    return field(5, field(1, name) + b"".join(field(8, value) for value in values) + field(20, 7))


def value_info(name: str, dims: Sequence[int | str], *, kind: int = _FLOAT) -> bytes:
    """Return a ValueInfoProto; a dimension that has a name is dynamic."""
    shape = b"".join(field(1, field(1, dim) if isinstance(dim, int) else field(2, dim)) for dim in dims)
    return field(1, name) + field(2, field(1, field(1, kind) + field(2, shape)))


def model(graph: bytes, metadata: Mapping[str, str] | None = None) -> bytes:
    """Return a ModelProto of the graph, with what it says of itself."""
    said = b"".join(field(14, field(1, key) + field(2, value)) for key, value in (metadata or {}).items())
    return field(1, 8) + field(7, graph) + field(8, field(2, 17)) + said


def detector(
    *,
    size: tuple[int | str, int | str] = ("height", "width"),
    columns: int = 6,
    metadata: Mapping[str, str] | None = None,
    location: str | None = None,
    value: float = 0.0,
) -> bytes:
    """Return a detector of the layout `yolo` with cells of 8 pixels, all of whose outputs are `value` + 0 x picture.

    `size` is height and width; `location`: its weights are in that file.
    """
    many = columns * 3 * 8 * 8
    weights = (
        tensor("weights", [columns, 3, 8, 8], bytes(4 * many))
        if location is None
        else external("weights", [columns, 3, 8, 8], location)
    )
    graph = (
        field(1, node("Conv", ["images", "weights", "bias"], ["cells"], ints("strides", [8, 8])))
        + field(1, node("Reshape", ["cells", "shape"], ["output0"]))
        + field(2, "detector")
        + field(5, weights)
        + field(5, tensor("bias", [columns], struct.pack(f"<{columns}f", *[value] * columns)))
        + field(5, tensor("shape", [3], struct.pack("<3q", 1, columns, -1), kind=_INT64))
        + field(11, value_info("images", [1, 3, *size]))
        + field(12, value_info("output0", [1, columns, "cells"]))
    )
    return model(graph, metadata)
