"""Darknet itself, slowly: written from its C code's loops, by numpy and double precision, and from nothing of the bridge.

It reads a cfg by itself too, so that a misunderstanding of that shows as well.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]


def sections(text: str) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for line in (line.split("#")[0].strip() for line in text.splitlines()):
        if line.startswith("["):
            found.append({"kind": line[1:-1]})
        elif line:
            key, value = line.split("=")
            found[-1][key.strip()] = value.strip()
    return found


def random_weights(text: str, chance: np.random.Generator) -> bytes:
    """Return a weights file for that cfg, whose values keep everything within a few units."""
    parts = [np.array([0, 2, 5], "<i4").tobytes(), np.array([32_000], "<u8").tobytes()]
    net, *layers = sections(text)
    channels: list[int] = []
    for layer in layers:
        before = channels[-1] if channels else 3
        channels.append(_channels(layer, before, channels))
        if layer["kind"] != "convolutional":
            continue
        filters, size, groups = channels[-1], int(layer.get("size", 1)), int(layer.get("groups", 1))
        spread = 1 / math.sqrt(before / groups * size * size)
        values = [chance.normal(0, 0.2, filters)]
        if layer.get("batch_normalize") == "1":
            values += [chance.uniform(0.6, 1.4, filters), chance.normal(0, 0.2, filters), chance.uniform(0.3, 1.5, filters)]
        values.append(chance.normal(0, spread * 1.4, filters * before // groups * size * size))
        parts += [np.concatenate(values).astype("<f4").tobytes()]
    assert net["kind"] == "net"
    return b"".join(parts)


def _channels(layer: dict[str, str], before: int, channels: list[int]) -> int:
    match layer["kind"]:
        case "convolutional":
            return int(layer["filters"])
        case "route":
            named = [int(each) for each in layer["layers"].split(",")]
            count = sum(channels[each] for each in named)  # a negative one counts from here, as in Python
            return count // int(layer.get("groups", 1))
        case _:
            return before


def run(text: str, weights: bytes, picture: npt.NDArray[np.uint8]) -> Doubles:
    """Return [boxes, 4 + classes] for a picture [height, width, 3]: centre and size in pixels, box's score times class's."""
    net, *layers = sections(text)
    numbers = np.frombuffer(weights, "<f4", offset=20).astype(np.float64)
    at = 0
    x: Doubles = picture.transpose(2, 0, 1) / 255.0
    made: list[Doubles] = []
    heads: list[Doubles] = []
    for layer in layers:
        match layer["kind"]:
            case "convolutional":
                x, at = _convolutional(layer, x, numbers, at)
            case "maxpool":
                x = _maxpool(x, int(layer["size"]), int(layer["stride"]))
            case "upsample":
                x = x.repeat(int(layer["stride"]), 1).repeat(int(layer["stride"]), 2)
            case "route":
                groups, group = int(layer.get("groups", 1)), int(layer.get("group_id", 0))
                parts = [made[int(each)] for each in layer["layers"].split(",")]
                x = np.concatenate([np.split(part, groups)[group] for part in parts])
            case "shortcut":
                x = _activated(x + made[int(layer["from"])], layer["activation"])
            case "yolo":
                heads.append(_yolo(layer, x, int(net["width"]), int(net["height"])))
        made.append(x)
    assert at == len(numbers)
    return np.concatenate(heads)


def _convolutional(layer: dict[str, str], x: Doubles, numbers: Doubles, at: int) -> tuple[Doubles, int]:
    filters, size, stride = int(layer["filters"]), int(layer.get("size", 1)), int(layer.get("stride", 1))
    groups, pad = int(layer.get("groups", 1)), size // 2 if layer.get("pad") == "1" else int(layer.get("padding", 0))
    bias, at = numbers[at : at + filters], at + filters
    has_norm = layer.get("batch_normalize") == "1"
    if has_norm:
        scale, mean, variance = numbers[at : at + 3 * filters].reshape(3, filters)
        at += 3 * filters
    count = filters * (len(x) // groups) * size * size
    kernels, at = numbers[at : at + count].reshape(filters, len(x) // groups, size, size), at + count
    padded = np.pad(x, ((0, 0), (pad, pad), (pad, pad)))
    rows, columns = ((side - size) // stride + 1 for side in padded.shape[1:])
    made = np.zeros((filters, rows, columns))
    for number in range(filters):
        of_group = number // (filters // groups) * (len(x) // groups)
        for row in range(rows):
            for column in range(columns):
                window = padded[of_group : of_group + len(x) // groups, row * stride : row * stride + size]
                made[number, row, column] = (window[:, :, column * stride : column * stride + size] * kernels[number]).sum()
    if has_norm:
        made = (made - mean[:, None, None]) / np.sqrt(variance + 0.00001)[:, None, None] * scale[:, None, None]
    return _activated(made + bias[:, None, None], layer.get("activation", "logistic")), at


def _activated(x: Doubles, name: str) -> Doubles:
    results: dict[str, Any] = {
        "linear": lambda: x,
        "leaky": lambda: np.where(x > 0, x, 0.1 * x),
        "mish": lambda: x * np.tanh(np.log1p(np.exp(x))),
        "logistic": lambda: _sigmoid(x),
        "swish": lambda: x * _sigmoid(x),
        "relu": lambda: x.clip(0),
    }
    found: Doubles = results[name]()
    return found


def _sigmoid(x: Doubles) -> Doubles:
    result: Doubles = 1 / (1 + np.exp(-x))
    return result


def _maxpool(x: Doubles, size: int, stride: int) -> Doubles:
    """As maxpool_layer.c: padding is size - 1, the offset -padding / 2, which C rounds to zero."""
    padding = size - 1
    offset = -(padding // 2)
    rows, columns = ((side + padding - size) // stride + 1 for side in x.shape[1:])
    made = np.full((len(x), rows, columns), -np.inf)
    for row in range(rows):
        for column in range(columns):
            for n in range(size):
                for m in range(size):
                    h, w = offset + row * stride + n, offset + column * stride + m
                    if 0 <= h < x.shape[1] and 0 <= w < x.shape[2]:
                        made[:, row, column] = np.maximum(made[:, row, column], x[:, h, w])
    return made


def _yolo(layer: dict[str, str], x: Doubles, width: int, height: int) -> Doubles:
    classes, scale = int(layer["classes"]), float(layer.get("scale_x_y", 1))
    anchors = [float(each) for each in layer["anchors"].split(",")]
    mask = [int(each) for each in layer["mask"].split(",")]
    _, rows, columns = x.shape
    found = []
    for number, anchor in enumerate(mask):
        values = x[number * (5 + classes) : (number + 1) * (5 + classes)]
        for row in range(rows):
            for column in range(columns):
                tx, ty, tw, th, score, *of_classes = values[:, row, column]
                w, h = anchors[2 * anchor], anchors[2 * anchor + 1]
                if layer.get("new_coords") == "1":
                    sx, sy, w, h = tx, ty, 4 * tw * tw * w, 4 * th * th * h
                    of_all = [score * each for each in of_classes]
                else:
                    sx, sy = 1 / (1 + math.exp(-tx)), 1 / (1 + math.exp(-ty))
                    w, h = math.exp(tw) * w, math.exp(th) * h
                    of_all = [1 / (1 + math.exp(-score)) / (1 + math.exp(-each)) for each in of_classes]
                x_cells = sx * scale - 0.5 * (scale - 1) + column
                y_cells = sy * scale - 0.5 * (scale - 1) + row
                found.append([x_cells * width / columns, y_cells * height / rows, w, h, *of_all])
    return np.array(found)
