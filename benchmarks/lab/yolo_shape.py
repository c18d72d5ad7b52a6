"""A detector of the shape of YOLOv8n with random weights (3.2 M parameters, 8.7 GFLOPs at 640 x 640), and what it is built of.

Nothing here comes from a published model but the sizes of its layers. The same weights make OpenVINO's graph, by opset calls,
and ONNX's: who is compared computes the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

CLASSES = 80
STRIDES = (8, 16, 32)
_BINS = 16
Node = Any
"""A value in whatever graph is built."""


class Ops(Protocol):
    """What a graph is built of; pictures are [1, 3, height, width] in 0..1."""

    def picture(self, size: int) -> Node:
        """Return the input."""

    def constant(self, value: npt.NDArray[np.generic]) -> Node:
        """Return a constant."""

    def convolution(self, x: Node, weights: npt.NDArray[np.float32], stride: int, padding: int) -> Node:
        """Return a convolution."""

    def binary(self, kind: str, x: Node, y: Node) -> Node:
        """Return `Add`, `Sub` or `Mul`."""

    def sigmoid(self, x: Node) -> Node:
        """Return each value between 0 and 1."""

    def softmax(self, x: Node, axis: int) -> Node:
        """Return shares."""

    def total(self, x: Node, axis: int) -> Node:
        """Return sums."""

    def pool(self, x: Node) -> Node:
        """Return the largest of 5 x 5 around each."""

    def twice(self, x: Node) -> Node:
        """Return it twice as large."""

    def join(self, parts: Sequence[Node], axis: int) -> Node:
        """Return parts behind each other."""

    def split(self, x: Node, lengths: Sequence[int], axis: int) -> list[Node]:
        """Return parts."""

    def shaped(self, x: Node, shape: Sequence[int]) -> Node:
        """Return it with that shape."""


class Builder:
    """Builds it of such operations."""

    def __init__(self, ops: Ops, size: int) -> None:
        self._ops, self._size = ops, size
        self._random = np.random.default_rng(8)

    def build(self) -> Node:
        """Return the output: [1, 4 + classes, cells], boxes as middle and size in pixels, scores ready."""
        ops = self._ops
        x = self._layer(self._layer(ops.picture(self._size), 3, 16, 3, 2), 16, 32, 3, 2)
        x = self._block(x, 32, 32, 1)
        fine = self._block(self._layer(x, 32, 64, 3, 2), 64, 64, 2)
        middle = self._block(self._layer(fine, 64, 128, 3, 2), 128, 128, 2)
        coarse = self._pyramid(self._block(self._layer(middle, 128, 256, 3, 2), 256, 256, 1))
        up_middle = self._block(ops.join([ops.twice(coarse), middle], 1), 384, 128, 1, adds=False)
        out_fine = self._block(ops.join([ops.twice(up_middle), fine], 1), 192, 64, 1, adds=False)
        out_middle = self._block(ops.join([self._layer(out_fine, 64, 64, 3, 2), up_middle], 1), 192, 128, 1, adds=False)
        out_coarse = self._block(ops.join([self._layer(out_middle, 128, 128, 3, 2), coarse], 1), 384, 256, 1, adds=False)
        heads = [self._head(each, channels) for each, channels in ((out_fine, 64), (out_middle, 128), (out_coarse, 256))]
        return self._decoded(ops.join([self._flat(head, n) for n, head in enumerate(heads)], 2))

    def _layer(self, x: Node, channels: int, out: int, kernel: int, stride: int = 1, *, is_last: bool = False) -> Node:
        scale = np.sqrt((0.03 if is_last else 2.3) / (channels * kernel * kernel))  # so that scores differ
        weights = (self._random.standard_normal((out, channels, kernel, kernel)) * scale).astype(np.float32)
        bias = (self._random.standard_normal((1, out, 1, 1)) * 0.1 - (3.0 if is_last else 0.0)).astype(np.float32)
        plain = self._ops.convolution(x, weights, stride, kernel // 2)
        made = self._ops.binary("Add", plain, self._ops.constant(bias))
        return made if is_last else self._ops.binary("Mul", made, self._ops.sigmoid(made))

    def _block(self, x: Node, channels: int, out: int, count: int, *, adds: bool = True) -> Node:
        half = out // 2
        parts = self._ops.split(self._layer(x, channels, out, 1), [half, half], 1)
        for _ in range(count):
            made = self._layer(self._layer(parts[-1], half, half, 3), half, half, 3)
            parts.append(self._ops.binary("Add", parts[-1], made) if adds else made)
        return self._layer(self._ops.join(parts, 1), (2 + count) * half, out, 1)

    def _pyramid(self, x: Node) -> Node:
        parts = [self._layer(x, 256, 128, 1)]
        for _ in range(3):
            parts.append(self._ops.pool(parts[-1]))
        return self._layer(self._ops.join(parts, 1), 512, 256, 1)

    def _head(self, x: Node, channels: int) -> Node:
        box = self._layer(self._layer(x, channels, 64, 3), 64, 64, 3)
        score = self._layer(self._layer(x, channels, CLASSES, 3), CLASSES, CLASSES, 3)
        boxes = self._layer(box, 64, 4 * _BINS, 1, is_last=True)
        return self._ops.join([boxes, self._layer(score, CLASSES, CLASSES, 1, is_last=True)], 1)

    def _flat(self, head: Node, level: int) -> Node:
        cells = (self._size // STRIDES[level]) ** 2
        return self._ops.shaped(head, [1, 4 * _BINS + CLASSES, cells])

    def _decoded(self, x: Node) -> Node:
        ops = self._ops
        middles, strides = _cells(self._size)
        bins, scores = ops.split(x, [4 * _BINS, CLASSES], 1)
        shares = ops.softmax(ops.shaped(bins, [1, 4, _BINS, middles.shape[-1]]), 2)
        steps = ops.constant(np.arange(_BINS, dtype=np.float32)[None, None, :, None])
        before, behind = ops.split(ops.total(ops.binary("Mul", shares, steps), 2), [2, 2], 1)
        first = ops.binary("Sub", ops.constant(middles), before)
        last = ops.binary("Add", ops.constant(middles), behind)
        middle = ops.binary("Mul", ops.binary("Add", first, last), ops.constant(np.array([0.5], np.float32)))
        boxes = ops.join([middle, ops.binary("Sub", last, first)], 1)
        return ops.join([ops.binary("Mul", boxes, ops.constant(strides)), ops.sigmoid(scores)], 1)


def _cells(size: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
    """Return the middles of all cells in cells, [1, 2, n], and their sizes in pixels, [1, 1, n]."""
    middles, strides = [], []
    for stride in STRIDES:
        rows, columns = np.mgrid[0 : size // stride, 0 : size // stride].astype(np.float32) + 0.5
        middles.append(np.stack([columns.ravel(), rows.ravel()]))
        strides.append(np.full((1, rows.size), stride, np.float32))
    return np.concatenate(middles, 1)[None], np.concatenate(strides, 1)[None]


class OpenVino:
    """OpenVINO's operations."""

    def __init__(self) -> None:
        from openvino import opset13  # noqa: PLC0415  # ONNX's side has none

        self._ops = opset13
        self._input: Node = None

    def model(self, size: int) -> Any:  # noqa: ANN401  # openvino.Model
        """Return the model."""
        import openvino as ov  # noqa: PLC0415

        built = Builder(self, size).build()
        model = ov.Model([self._ops.result(built)], [self._input], "random")
        model.inputs[0].set_names({"images"})
        model.outputs[0].set_names({"output0"})
        return model

    def picture(self, size: int) -> Node:
        """Return the input."""
        self._input = self._ops.parameter([1, 3, size, size], np.float32, name="images")
        return self._input

    def constant(self, value: npt.NDArray[np.generic]) -> Node:
        """Return a constant."""
        return self._ops.constant(value)

    def convolution(self, x: Node, weights: npt.NDArray[np.float32], stride: int, padding: int) -> Node:
        """Return a convolution."""
        sides = [padding, padding]
        return self._ops.convolution(x, self._ops.constant(weights), [stride, stride], sides, sides, [1, 1])

    def binary(self, kind: str, x: Node, y: Node) -> Node:
        """Return a sum, difference or product."""
        return {"Add": self._ops.add, "Sub": self._ops.subtract, "Mul": self._ops.multiply}[kind](x, y)

    def sigmoid(self, x: Node) -> Node:
        """Return each value between 0 and 1."""
        return self._ops.sigmoid(x)

    def softmax(self, x: Node, axis: int) -> Node:
        """Return shares."""
        return self._ops.softmax(x, axis)

    def total(self, x: Node, axis: int) -> Node:
        """Return sums."""
        return self._ops.reduce_sum(x, np.array([axis], np.int64), keep_dims=False)

    def pool(self, x: Node) -> Node:
        """Return the largest of 5 x 5 around each."""
        return self._ops.max_pool(x, [1, 1], [1, 1], [2, 2], [2, 2], [5, 5]).output(0)

    def twice(self, x: Node) -> Node:
        """Return it twice as large."""
        scales = self._ops.constant(np.array([2.0, 2.0], np.float32))
        axes = self._ops.constant(np.array([2, 3], np.int64))
        return self._ops.interpolate(
            x, scales, "nearest", "scales", axes=axes, coordinate_transformation_mode="asymmetric", nearest_mode="floor"
        )

    def join(self, parts: Sequence[Node], axis: int) -> Node:
        """Return parts behind each other."""
        return self._ops.concat(list(parts), axis)

    def split(self, x: Node, lengths: Sequence[int], axis: int) -> list[Node]:
        """Return parts."""
        made = self._ops.variadic_split(x, np.array(axis, np.int64), np.array(lengths, np.int64))
        return [made.output(index) for index in range(len(lengths))]

    def shaped(self, x: Node, shape: Sequence[int]) -> Node:
        """Return it with that shape."""
        return self._ops.reshape(x, np.array(shape, np.int64), special_zero=False)


class Onnx:
    """ONNX's operations, for those who read nothing else; needs the package `onnx`."""

    def __init__(self) -> None:
        import onnx  # type: ignore[import-not-found, unused-ignore]  # noqa: PLC0415  # in the peers' environment only

        self._onnx = onnx
        self._nodes: list[Node] = []
        self._constants: list[Node] = []

    def save(self, size: int, path: str) -> None:
        """Write the model."""
        helper, float32 = self._onnx.helper, self._onnx.TensorProto.FLOAT
        built = Builder(self, size).build()
        cells = sum((size // stride) ** 2 for stride in STRIDES)
        pictures = helper.make_tensor_value_info("images", float32, [1, 3, size, size])
        found = helper.make_tensor_value_info(built, float32, [1, 4 + CLASSES, cells])
        graph = helper.make_graph(self._nodes, "random", [pictures], [found], self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
        model.ir_version = 8
        self._onnx.save(model, path)

    def picture(self, _size: int) -> Node:
        """Return the input."""
        return "images"

    def constant(self, value: npt.NDArray[np.generic]) -> Node:
        """Return a constant."""
        name = f"c{len(self._constants)}"
        self._constants.append(self._onnx.numpy_helper.from_array(value, name))
        return name

    def convolution(self, x: Node, weights: npt.NDArray[np.float32], stride: int, padding: int) -> Node:
        """Return a convolution."""
        return self._node("Conv", x, self.constant(weights), strides=[stride, stride], pads=[padding] * 4)

    def binary(self, kind: str, x: Node, y: Node) -> Node:
        """Return a sum, difference or product."""
        return self._node(kind, x, y)

    def sigmoid(self, x: Node) -> Node:
        """Return each value between 0 and 1."""
        return self._node("Sigmoid", x)

    def softmax(self, x: Node, axis: int) -> Node:
        """Return shares."""
        return self._node("Softmax", x, axis=axis)

    def total(self, x: Node, axis: int) -> Node:
        """Return sums."""
        return self._node("ReduceSum", x, self.constant(np.array([axis], np.int64)), keepdims=0)

    def pool(self, x: Node) -> Node:
        """Return the largest of 5 x 5 around each."""
        return self._node("MaxPool", x, kernel_shape=[5, 5], strides=[1, 1], pads=[2] * 4)

    def twice(self, x: Node) -> Node:
        """Return it twice as large."""
        scales = self.constant(np.array([1, 1, 2, 2], np.float32))
        words = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
        return self._node("Resize", x, "", scales, **words)

    def join(self, parts: Sequence[Node], axis: int) -> Node:
        """Return parts behind each other."""
        return self._node("Concat", *parts, axis=axis)

    def split(self, x: Node, lengths: Sequence[int], axis: int) -> list[Node]:
        """Return parts."""
        names = [f"n{len(self._nodes)}_{index}" for index in range(len(lengths))]
        sizes = self.constant(np.array(lengths, np.int64))
        self._nodes.append(self._onnx.helper.make_node("Split", [x, sizes], names, axis=axis))
        return names

    def shaped(self, x: Node, shape: Sequence[int]) -> Node:
        """Return it with that shape."""
        return self._node("Reshape", x, self.constant(np.array(shape, np.int64)))

    def _node(self, kind: str, *inputs: Node, **attributes: object) -> Node:
        name = f"n{len(self._nodes)}"
        self._nodes.append(self._onnx.helper.make_node(kind, list(inputs), [name], **attributes))
        return name
