"""The published networks of YOLO v3, v4 and their tiny variants as Darknet's configuration, by rule; and random weights."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from vms_bridge.detect.darknet.layers import Convolutional, Shortcut

if TYPE_CHECKING:
    from vms_bridge.detect.darknet.layers import Network

_V3_TINY = "10,14,  23,27,  37,58,  81,82,  135,169,  344,319"
_V3 = "10,13,  16,30,  33,23,  30,61,  62,45,  59,119,  116,90,  156,198,  373,326"
_V4 = "12,16, 19,36, 40,28, 36,75, 76,55, 72,146, 142,110, 192,243, 459,401"


class Writer:
    """Writes a configuration, layer by layer; `last` is the number of the newest layer."""

    def __init__(self, width: int, height: int, activation: str) -> None:
        self.last = -1
        self._lines = ["[net]", f"width={width}", f"height={height}", "channels=3", ""]
        self._activation = activation

    @property
    def text(self) -> str:
        """All that was written."""
        return "\n".join(self._lines) + "\n"

    def layer(self, kind: str, **options: object) -> int:
        """Write any layer, and return its number."""
        self._lines += [f"[{kind}]", *(f"{key}={value}" for key, value in options.items()), ""]
        self.last += 1
        return self.last

    def conv(self, filters: int, size: int = 1, stride: int = 1, activation: str | None = None) -> int:
        """Write a convolution with batch norm."""
        own = self._activation if activation is None else activation
        shape = {"filters": filters, "size": size, "stride": stride, "pad": 1}
        return self.layer("convolutional", batch_normalize=1, **shape, activation=own)

    def route(self, *layers: int, **options: object) -> int:
        """Write a route."""
        return self.layer("route", layers=",".join(map(str, layers)), **options)

    def head(self, mask: str, anchors: str, *, classes: int = 80, scale: float = 1.0) -> int:
        """Write a head with the convolution before it."""
        count = len(anchors.split(",")) // 2
        filters = len(mask.split(",")) * (5 + classes)
        self.layer("convolutional", filters=filters, size=1, stride=1, pad=1, activation="linear")
        return self.layer("yolo", mask=mask, anchors=anchors, classes=classes, num=count, scale_x_y=scale)


def yolov3_tiny(width: int = 416, height: int = 416) -> str:
    """Return yolov3-tiny.cfg."""
    net = Writer(width, height, "leaky")
    for filters in (16, 32, 64, 128, 256):
        before = net.conv(filters, 3)
        net.layer("maxpool", size=2, stride=2)
    net.conv(512, 3)
    net.layer("maxpool", size=2, stride=1)
    net.conv(1024, 3)
    middle = net.conv(256)
    net.conv(512, 3)
    net.head("3,4,5", _V3_TINY)
    net.route(middle)
    net.conv(128)
    net.layer("upsample", stride=2)
    net.route(-1, before)
    net.conv(256, 3)
    net.head("0,1,2", _V3_TINY)
    return net.text


def yolov4_tiny(width: int = 416, height: int = 416) -> str:
    """Return yolov4-tiny.cfg."""
    net = Writer(width, height, "leaky")
    net.conv(32, 3, 2)
    net.conv(64, 3, 2)
    before = 0
    for filters in (64, 128, 256):
        net.conv(filters, 3)
        net.route(-1, groups=2, group_id=1)
        net.conv(filters // 2, 3)
        net.conv(filters // 2, 3)
        net.route(-1, -2)
        before = net.conv(filters)
        net.route(-6, -1)
        net.layer("maxpool", size=2, stride=2)
    net.conv(512, 3)
    middle = net.conv(256)
    net.conv(512, 3)
    anchors = "10,14,  23,27,  37,58,  81,82,  135,169,  344,319"
    net.head("3,4,5", anchors, scale=1.05)
    net.route(middle)
    net.conv(128)
    net.layer("upsample", stride=2)
    net.route(-1, before)
    net.conv(256, 3)
    net.head("0,1,2", anchors, scale=1.05)
    return net.text


def yolov3(width: int = 416, height: int = 416) -> str:
    """Return yolov3.cfg."""
    net = Writer(width, height, "leaky")
    net.conv(32, 3)
    ends = []
    for filters, count in ((64, 1), (128, 2), (256, 8), (512, 8), (1024, 4)):
        net.conv(filters, 3, 2)
        for _ in range(count):
            net.conv(filters // 2)
            net.conv(filters, 3)
            net.layer("shortcut", **{"from": -3, "activation": "linear"})
        ends.append(net.last)
    for number, (filters, mask) in enumerate(((512, "6,7,8"), (256, "3,4,5"), (128, "0,1,2"))):
        if number:
            net.conv(filters)
            net.layer("upsample", stride=2)
            net.route(-1, ends[-1 - number])
        for _ in range(2):
            net.conv(filters)
            net.conv(filters * 2, 3)
        middle = net.conv(filters)
        net.conv(filters * 2, 3)
        net.head(mask, _V3)
        if number < 2:
            net.route(middle)
    return net.text


def yolov4(width: int = 416, height: int = 416) -> str:
    """Return yolov4.cfg."""
    net = Writer(width, height, "mish")
    net.conv(32, 3)
    ends = [_stage(net, 64, 1, is_first=True)]
    ends += [_stage(net, filters, count) for filters, count in ((128, 2), (256, 8), (512, 8), (1024, 4))]
    for filters, size in ((512, 1), (1024, 3), (512, 1)):
        net.conv(filters, size, activation="leaky")
    net.layer("maxpool", stride=1, size=5)
    net.route(-2)
    net.layer("maxpool", stride=1, size=9)
    net.route(-4)
    net.layer("maxpool", stride=1, size=13)
    net.route(-1, -3, -5, -6)
    for filters, size in ((512, 1), (1024, 3)):
        net.conv(filters, size, activation="leaky")
    kept = [net.conv(512, activation="leaky")]
    for filters, end in ((256, ends[3]), (128, ends[2])):
        net.conv(filters, activation="leaky")
        up = net.layer("upsample", stride=2)
        net.route(end)
        net.conv(filters, activation="leaky")
        net.route(-1, up)
        kept.append(_five(net, filters))
    net.conv(256, 3, activation="leaky")
    net.head("0,1,2", _V4, scale=1.2)
    before = kept[2]
    for filters, other, mask, scale in ((256, kept[1], "3,4,5", 1.1), (512, kept[0], "6,7,8", 1.05)):
        net.route(before)
        net.conv(filters, 3, 2, activation="leaky")
        net.route(-1, other)
        before = _five(net, filters)
        net.conv(filters * 2, 3, activation="leaky")
        net.head(mask, _V4, scale=scale)
    return net.text


def _stage(net: Writer, filters: int, count: int, *, is_first: bool = False) -> int:
    """Write a stage of CSPDarknet, and return its last layer."""
    half = filters if is_first else filters // 2
    start = net.conv(filters, 3, 2)
    side = net.conv(half)
    net.route(start)
    net.conv(half)
    for _ in range(count):
        net.conv(filters // 2 if is_first else half)
        net.conv(half, 3)
        net.layer("shortcut", **{"from": -3, "activation": "linear"})
    net.conv(half)
    net.route(-1, side)
    return net.conv(filters)


def _five(net: Writer, filters: int) -> int:
    for _ in range(2):
        net.conv(filters, activation="leaky")
        net.conv(filters * 2, 3, activation="leaky")
    return net.conv(filters, activation="leaky")


def random_weights(network: Network, seed: int) -> bytes:
    """Return a file of weights for it by which what flows through it neither fades nor grows, so that every layer matters."""
    chance = np.random.default_rng(seed)
    parts = [np.array([0, 2, 5], "<i4").tobytes(), bytes(8)]
    for number, placed in enumerate(network.layers):
        layer = placed.layer
        if not isinstance(layer, Convolutional):
            continue
        channels = (network.layers[number - 1].shape[0] if number else 3) // layer.groups
        values = [chance.normal(0, 0.1, layer.filters)]
        if layer.has_norm:
            follower = network.layers[number + 1].layer
            share = 0.3 if isinstance(follower, Shortcut) else 1.0
            values += [chance.uniform(0.8, 1.2, layer.filters) * share, chance.normal(0, 0.1, layer.filters)]
            values.append(chance.uniform(0.8, 1.2, layer.filters))
        spread = math.sqrt(2 / (channels * layer.size**2))
        values.append(chance.normal(0, spread, layer.filters * channels * layer.size**2))
        parts += [each.astype("<f4").tobytes() for each in values]
    return b"".join(parts)
