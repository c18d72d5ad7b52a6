"""A Darknet network as an OpenVINO model, built of opset calls; its heads are decoded inside.

Input: `pictures`, bytes [1, height, width, 3], RGB. Output: `found`, [1, 4 + classes, boxes]: centre and size in pixels of the
input, then a score for each class, which is the box's own times the class's: the layout `yolo`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from vms_bridge.detect.darknet.layers import Convolutional, MaxPool, Network, Route, Shortcut, Upsample, Yolo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy.typing as npt

    from vms_bridge.detect.darknet.weights import Numbers

_LEAKY = 0.1


def build(network: Network, numbers: Iterable[Numbers | None]) -> ov.Model:
    """Build the model; `numbers` are asked for as their layers come."""
    pictures = ops.parameter([1, network.height, network.width, 3], ov.Type.u8, name="pictures")
    scaled = ops.multiply(ops.convert(pictures, ov.Type.f32), _constant(1 / 255))
    made: list[ov.Node | ov.Output] = []
    heads: list[ov.Node] = []
    node = ops.transpose(scaled, np.array([0, 3, 1, 2], np.int64))
    for placed, of_layer in zip(network.layers, numbers, strict=True):
        match placed.layer:
            case Convolutional() as layer:
                assert of_layer is not None  # noqa: S101 - `weights.read` has made it
                node = _convolution(node, layer, of_layer)
            case MaxPool() as layer:
                node = _max_pool(node, layer)
            case Upsample() as layer:
                node = _upsample(node, layer)
            case Route() as layer:
                node = _route([made[each] for each in layer.layers], layer)
            case Shortcut() as layer:
                for each in layer.layers:
                    node = ops.add(node, made[each])
                node = _activated(node, layer.activation)
            case Yolo() as layer:
                heads.append(_head(node, layer, network, placed.shape[1:]))
        made.append(node)
    found = ops.concat(heads, 2) if len(heads) > 1 else heads[0]
    found.set_friendly_name("found")
    model = ov.Model([ops.result(found)], [pictures], "darknet")
    model.inputs[0].set_names({"pictures"})
    model.outputs[0].set_names({"found"})
    return model


def _constant(value: float | npt.NDArray[np.float32]) -> ov.Node:
    return ops.constant(np.asarray(value, np.float32))


def _convolution(node: ov.Node, layer: Convolutional, numbers: Numbers) -> ov.Node:
    padding = [layer.padding, layer.padding]
    weights = numbers.weights
    if layer.groups == 1:
        node = ops.convolution(node, ops.constant(weights), list(layer.strides), padding, padding, [1, 1])
    else:
        parted = weights.reshape(layer.groups, layer.filters // layer.groups, *weights.shape[1:])
        node = ops.group_convolution(node, ops.constant(parted), list(layer.strides), padding, padding, [1, 1])
    return _activated(ops.add(node, ops.constant(numbers.biases.reshape(1, -1, 1, 1))), layer.activation)


def _activated(node: ov.Node, activation: str) -> ov.Node:
    make: dict[str, Callable[[ov.Node], ov.Node]] = {
        "linear": lambda x: x,
        "leaky": lambda x: ops.prelu(x, ops.constant(np.array([_LEAKY], np.float32))),
        "mish": ops.mish,
        "logistic": ops.sigmoid,
        "relu": ops.relu,
        "swish": ops.swish,
        "silu": ops.swish,
    }
    return make[activation](node)


def _max_pool(node: ov.Node, layer: MaxPool) -> ov.Output:
    begin, end, window = [layer.before] * 2, list(layer.after), [layer.size] * 2
    pooled = ops.max_pool(node, list(layer.strides), [1, 1], begin, end, window, "floor")
    return pooled.output(0)  # of two: the greatest, and where it was


def _upsample(node: ov.Node, layer: Upsample) -> ov.Node:
    larger = ops.interpolate(
        node,
        np.array([layer.factor, layer.factor], np.float32),
        "nearest",
        "scales",
        coordinate_transformation_mode="asymmetric",
        nearest_mode="floor",
        axes=np.array([2, 3], np.int64),
    )
    return larger if layer.scale == 1 else ops.multiply(larger, _constant(layer.scale))


def _route(nodes: list[ov.Node], layer: Route) -> ov.Node:
    if layer.groups > 1:
        parts = [ops.split(node, np.int64(1), layer.groups).output(layer.group) for node in nodes]
        return ops.concat(parts, 1)  # also of one: what comes after takes a node
    return nodes[0] if len(nodes) == 1 else ops.concat(nodes, 1)


def _head(node: ov.Node, layer: Yolo, network: Network, sides: tuple[int, int]) -> ov.Node:
    """Decode a head to [1, 4 + classes, anchors x cells]."""
    anchors, cells = len(layer.anchors), sides[0] * sides[1]
    parts = ops.reshape(node, np.array([anchors, 5 + layer.classes, cells], np.int64), special_zero=False)
    split = ops.variadic_split(parts, np.int64(1), np.array([2, 2, 1, layer.classes], np.int64))
    middle, size, box, classes = (split.output(number) for number in range(4))
    rows, columns = np.meshgrid(np.arange(sides[0]), np.arange(sides[1]), indexing="ij")
    step = np.array([[[network.width / sides[1]], [network.height / sides[0]]]], np.float32)
    corner = np.stack((columns.ravel(), rows.ravel()))[None].astype(np.float32) - np.float32((layer.scale - 1) / 2)
    of_anchors = np.array(layer.anchors, np.float32)[:, :, None]
    ready: Callable[[ov.Output], ov.Node] = ops.relu if layer.is_ready else ops.sigmoid
    centres = ops.multiply(ops.add(ops.multiply(ready(middle), _constant(layer.scale)), _constant(corner)), _constant(step))
    if layer.is_ready:
        sizes = ops.multiply(ops.multiply(size, size), _constant(4 * of_anchors))
    else:
        sizes = ops.multiply(ops.exp(size), _constant(of_anchors))
    scores = ops.multiply(ready(box), ready(classes))
    decoded = ops.transpose(ops.concat([centres, sizes, scores], 1), np.array([1, 0, 2], np.int64))
    return ops.reshape(decoded, np.array([1, 4 + layer.classes, anchors * cells], np.int64), special_zero=False)
