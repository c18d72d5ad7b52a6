"""Models without training, of opset calls: one says what a test wants it to say, one finds blobs of flat colour."""

from __future__ import annotations

import json
from io import BytesIO
from typing import TYPE_CHECKING, Literal

import numpy as np
import openvino as ov
from openvino import opset13 as ops
from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt

RED, GREEN, BLUE = (220, 30, 30), (30, 200, 40), (40, 60, 220)
BLOBS: dict[str, tuple[int, int, int]] = {"person": RED, "car": BLUE, "dog": GREEN}
"""The labels that `blob_model` finds, by their colours."""
_GREY = (128, 128, 128)
_DISTANCE = 60.0
_LEAST_CELLS = 2


def constant_model(
    outputs: Mapping[str, npt.NDArray[np.generic]],
    *,
    width: int = 64,
    height: int = 64,
    form: Literal["f32", "u8"] = "f32",
    labels: Sequence[str] = (),
    layout: str = "",
    others: Mapping[str, Sequence[int]] | None = None,
) -> ov.Model:
    """Return a model that answers these arrays whatever it is shown, bit by bit.

    Its input is [1, 3, height, width] of `f32`, or [1, height, width, 3] of `u8`; `others` are names and shapes of more inputs.
    Labels and layout stand in its `rt_info` where they are given.
    """
    shape = [1, 3, height, width] if form == "f32" else [1, height, width, 3]
    pictures = ops.parameter(shape, ov.Type.f32 if form == "f32" else ov.Type.u8, name="pictures")
    inputs = [pictures, *(ops.parameter(list(size), ov.Type.i64, name=name) for name, size in (others or {}).items())]
    nothing = _constant(0.0)
    for each in inputs:  # every input is used, else it would be taken away
        flat = ops.reduce_max(ops.convert(each, ov.Type.f32), np.arange(len(each.shape), dtype=np.int64), keep_dims=False)
        nothing = ops.add(nothing, ops.multiply(flat, _constant(0.0)))
    results = []
    for name, value in outputs.items():
        constant = ops.constant(value)
        node = ops.add(constant, ops.convert(nothing, constant.get_element_type()))
        node.set_friendly_name(name)
        results.append(ops.result(node))
    model = ov.Model(results, inputs, "constant")
    for port, each in zip(model.inputs, inputs, strict=True):
        port.set_names({each.get_friendly_name()})
    for port, name in zip(model.outputs, outputs, strict=True):
        port.set_names({name})
    _describe(model, labels, layout)
    return model


def blob_model(
    colours: Mapping[str, tuple[int, int, int]] = BLOBS,
    *,
    width: int = 320,
    height: int = 192,
    cell: int = 4,
    spread: int = 12,
    score: float = 0.9,
) -> ov.Model:
    """Return a detector of blobs of these colours: [1, 4 + classes, cells], the layout `yolo`, which it names itself.

    The input, bytes [1, height, width, 3], is averaged in cells. The extents of a blob spread over its cells, two cells a step,
    for `spread` steps; only the cell in its middle has a score.
    """
    rows, columns = height // cell, width // cell
    pictures = ops.parameter([1, height, width, 3], ov.Type.u8, name="pictures")
    floats = ops.transpose(ops.convert(pictures, ov.Type.f32), np.array([0, 3, 1, 2], np.int64))
    cells = ops.avg_pool(floats, [cell, cell], [0, 0], [0, 0], [cell, cell], exclude_pad=True)
    wanted = np.array(list(colours.values()), np.float32)  # [classes, 3]
    apart = ops.abs(ops.subtract(ops.unsqueeze(cells, np.int64(1)), _constant(wanted[None, :, :, None, None])))
    far = ops.reduce_max(apart, np.array([2], np.int64), keep_dims=False)  # [1, classes, rows, columns]
    mask = ops.convert(ops.less(far, _constant(_DISTANCE)), ov.Type.f32)
    row, column = (each.astype(np.float32)[None, None] for each in np.mgrid[0:rows, 0:columns])
    right, bottom = _spread(column + 1, mask, spread), _spread(row + 1, mask, spread)
    left = ops.subtract(_constant(float(columns)), _spread(columns - column, mask, spread))
    top = ops.subtract(_constant(float(rows)), _spread(rows - row, mask, spread))
    is_middle = mask
    for near, end, here in ((left, right, column), (top, bottom, row)):
        middle = ops.floor(ops.multiply(ops.add(near, end), _constant(0.5)))
        long = ops.greater_equal(ops.subtract(end, near), _constant(float(_LEAST_CELLS)))
        is_here = ops.logical_and(ops.equal(middle, _constant(here)), long)
        is_middle = ops.multiply(is_middle, ops.convert(is_here, ov.Type.f32))
    box = (
        ops.multiply(ops.add(left, right), _constant(cell / 2)),
        ops.multiply(ops.add(top, bottom), _constant(cell / 2)),
        ops.multiply(ops.subtract(right, left), _constant(float(cell))),
        ops.multiply(ops.subtract(bottom, top), _constant(float(cell))),
    )
    of_any_class = np.array([1], np.int64)
    sides = [ops.reduce_sum(ops.multiply(side, is_middle), of_any_class, keep_dims=True) for side in box]
    scores = ops.multiply(is_middle, _constant(score))
    found = ops.reshape(
        ops.concat([*sides, scores], 1), np.array([1, 4 + len(colours), rows * columns], np.int64), special_zero=False
    )
    model = ov.Model([ops.result(found)], [pictures], "blobs")
    model.inputs[0].set_names({"pictures"})
    model.outputs[0].set_names({"found"})
    _describe(model, list(colours), "yolo")
    return model


def blob_picture(
    blobs: Sequence[tuple[str, tuple[float, float, float, float]]], *, width: int = 640, height: int = 360, quality: int = 90
) -> bytes:
    """Return a grey JPEG with blobs in it: labels of `BLOBS`, and boxes x, y, width, height in 0..1."""
    image = Image.new("RGB", (width, height), _GREY)
    draw = ImageDraw.Draw(image)
    for label, (x, y, wide, high) in blobs:
        draw.rectangle((x * width, y * height, (x + wide) * width - 1, (y + high) * height - 1), fill=BLOBS[label])
    file = BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def _spread(values: npt.NDArray[np.float32], mask: ov.Node, steps: int) -> ov.Node:
    """Return the greatest value of the blob that each cell belongs to, 0 outside of blobs."""
    node = ops.multiply(_constant(values), mask)
    for _ in range(steps):
        pooled = ops.max_pool(node, [1, 1], [1, 1], [2, 2], [2, 2], [5, 5])
        node = ops.multiply(pooled.output(0), mask)
    return node


def _constant(value: float | npt.NDArray[np.float32]) -> ov.Node:
    return ops.constant(np.asarray(value, np.float32))


def _describe(model: ov.Model, labels: Sequence[str], layout: str) -> None:
    if labels:
        model.set_rt_info(json.dumps(list(labels)), ["model_info", "labels"])
    if layout:
        model.set_rt_info(layout, ["model_info", "layout"])
