"""A Darknet model becomes a file that the bridge can read; blocking, and only ever called by `vms-bridge detect convert`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

import openvino as ov

from vms_bridge.detect.darknet.cfg import parse
from vms_bridge.detect.darknet.graph import build
from vms_bridge.detect.darknet.layers import network as network_of
from vms_bridge.detect.darknet.weights import read
from vms_bridge.errors import ModelRefused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vms_bridge.detect.darknet.weights import Numbers

_LARGEST_16_BITS = 65_504.0
_MOST_TEXT_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Converted:
    """What was made: the file, the input's size in pixels, how many classes and boxes.

    `labels` are empty where nobody named them. `bits` are those of a weight: 16, but 32 where a weight is too large for 16.
    """

    file: Path
    width: int
    height: int
    classes: int
    boxes: int
    labels: tuple[str, ...]
    bits: int


def convert(cfg: Path, weights: Path, *, to: Path, names: Path | None = None) -> Converted:
    """Write the model `to` a .xml and the .bin beside it. Raises ModelRefused, and then nothing is written."""
    network = network_of(parse(_text(cfg), cfg.name))
    labels = () if names is None else _labels(names, network.classes)
    largest: list[float] = [0.0]
    model = build(network, _watched(read(weights, network), largest))
    model.set_rt_info("yolo", ["model_info", "layout"])
    if labels:
        model.set_rt_info(json.dumps(labels, ensure_ascii=False), ["model_info", "labels"])
    model.set_rt_info(f"{cfg.name}, {weights.name}", ["model_info", "converted_from"])
    is_small = largest[0] <= _LARGEST_16_BITS
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        ov.save_model(model, to, compress_to_fp16=is_small)
    except (OSError, RuntimeError) as error:
        raise ModelRefused(f"{to} can't be written: {error}") from None
    return Converted(
        file=to,
        width=network.width,
        height=network.height,
        classes=network.classes,
        boxes=model.outputs[0].shape[2],
        labels=labels,
        bits=16 if is_small else 32,
    )


def _watched(numbers: Iterator[Numbers | None], largest: list[float]) -> Iterator[Numbers | None]:
    """Hand on, and remember in `largest` how large a number was at most."""
    for each in numbers:
        if each is not None:
            largest[0] = max(largest[0], float(abs(each.weights).max()), float(abs(each.biases).max()))
        yield each


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            read_bytes = opened.read(_MOST_TEXT_BYTES + 1)
    except OSError as error:
        raise ModelRefused(f"{file} can't be read: {error.strerror or error}") from None
    if len(read_bytes) > _MOST_TEXT_BYTES:
        message = f"{file.name} has more than a megabyte: it is no text of Darknet's"
        raise ModelRefused(message, hint="name the .cfg first, then the .weights")
    return read_bytes.decode("utf-8", "replace")


def _labels(names: Path, classes: int) -> tuple[str, ...]:
    labels = tuple(line.strip() for line in _text(names).splitlines())
    while labels and not labels[-1]:
        labels = labels[:-1]
    if len(labels) != classes or not all(labels):
        message = f"{names.name} names {len(labels)} classes, and the model has {classes}"
        raise ModelRefused(message, hint="it needs a name a line, and none empty")
    return labels


def default_file(cfg: Path) -> Path:
    """Return where a model goes if nobody says: beside its .cfg."""
    return cfg.with_suffix(".xml")
