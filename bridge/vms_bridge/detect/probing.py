"""Tries one model by itself: what is understood of it, how fast it is here, and what it finds in a picture."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import openvino as ov

from vms_bridge.detect.models import load
from vms_bridge.detect.values import Found, ModelFacts
from vms_bridge.detect.worker.draw import draw
from vms_bridge.detect.worker.letterbox import Canvas, boxes_in_picture
from vms_bridge.detect.worker.pictures import open_file
from vms_bridge.detect.worker.refusals import Unfit
from vms_bridge.errors import PictureRefused

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import numpy.typing as npt

    from vms_bridge.detect.config_models import ModelSettings, RuntimeSettings
    from vms_bridge.detect.models import Model
    from vms_bridge.detect.worker.letterbox import Placed
    from vms_bridge.detect.worker.pictures import Opened

_NONE_SAID = "it is a JPEG, PNG, WebP or BMP that other programs can open?"


@dataclass(frozen=True, slots=True)
class Speed:
    """How long a step took, of so many times, in milliseconds: the middle, and what 95 of 100 kept to."""

    runs: int
    p50_ms: float
    p95_ms: float


@dataclass(frozen=True, slots=True)
class Probed:
    """What came of a trial. `drawn` is the picture with what was found, as a JPEG."""

    facts: ModelFacts
    outputs: tuple[str, ...]
    requests: int
    """How many pictures it works on at a time, as OpenVINO chooses."""
    infer: Speed
    decode: Speed
    pictures_per_s: float
    found: tuple[Found, ...] = ()
    width: int | None = None
    height: int | None = None
    drawn: bytes | None = None


def probe(
    file: Path,
    settings: ModelSettings,
    runtime: RuntimeSettings,
    *,
    picture: bytes | None = None,
    name: str = "model",
    runs: int = 50,
    least_score: float = 0.25,
) -> Probed:
    """Load a model, try it so often, and look at the picture by it. Blocks. Raises ModelRefused, PictureRefused."""
    opened = None if picture is None else _opened(picture)
    model = load(ov.Core(), name, file, settings, runtime)
    pixels = np.full((1, model.input.height, model.input.width, 3), 128, np.uint8)
    placed = None if opened is None else _placed(pixels, opened)
    infer, decode = _timed(model, pixels, runs, least_score)
    found = () if placed is None else _found(model, pixels, placed, least_score)
    return Probed(
        facts=model.facts,
        outputs=tuple(_described(port) for port in model.compiled.outputs),
        requests=_requests(model),
        infer=infer,
        decode=decode,
        pictures_per_s=_throughput(model, pixels, runs),
        found=found,
        width=None if opened is None else opened.width,
        height=None if opened is None else opened.height,
        drawn=None if picture is None else _drawn(picture, found),
    )


def _opened(picture: bytes) -> Opened:
    try:
        return open_file(picture)
    except Unfit as unfit:
        raise PictureRefused(str(unfit), hint=_NONE_SAID) from None


def _placed(pixels: npt.NDArray[np.uint8], opened: Opened) -> Placed:
    try:
        return Canvas(pixels[0]).put(opened)
    except Unfit as unfit:
        raise PictureRefused(str(unfit), hint=_NONE_SAID) from None


def _timed(model: Model, pixels: npt.NDArray[np.uint8], runs: int, least_score: float) -> tuple[Speed, Speed]:
    """Return how long one inference takes by itself, and how long it takes to read what it tells; the first does not count."""
    request = model.compiled.create_infer_request()
    tensor = ov.Tensor(pixels, shared_memory=True)
    infers, decodes = [], []
    for run in range(runs + 1):
        begun = time.perf_counter()
        request.infer({0: tensor})
        inferred = time.perf_counter()
        model.decode([output.data for output in request.output_tensors], least_score)
        if run:
            infers.append(inferred - begun)
            decodes.append(time.perf_counter() - inferred)
    return _speed(infers), _speed(decodes)


def _throughput(model: Model, pixels: npt.NDArray[np.uint8], runs: int) -> float:
    """Return how many pictures a second it does where it always has enough to do."""
    queue = ov.AsyncInferQueue(model.compiled)
    many = max(runs, 2 * len(queue))
    begun = time.perf_counter()
    for _ in range(many):
        queue.start_async({0: pixels})
    queue.wait_all()
    return many / max(time.perf_counter() - begun, 1e-9)


def _found(model: Model, pixels: npt.NDArray[np.uint8], placed: Placed, least_score: float) -> tuple[Found, ...]:
    request = model.compiled.create_infer_request()
    request.infer({0: pixels})
    candidates = model.decode([output.data for output in request.output_tensors], least_score)
    boxes, are_within = boxes_in_picture(candidates.boxes, placed)
    labels = model.facts.labels
    return tuple(
        Found(labels[one], round(float(score), 4), (float(box[0]), float(box[1]), float(box[2]), float(box[3])), model.facts.name)
        for one, score, box, is_within in zip(candidates.classes, candidates.scores, boxes, are_within, strict=True)
        if is_within
    )


def _drawn(picture: bytes, found: Sequence[Found]) -> bytes:
    colours = {label: at for at, label in enumerate(sorted({one.label for one in found}))}
    drawn = [(f"{one.label} {one.score:.2f}", one.box, colours[one.label]) for one in reversed(found)]
    try:
        return draw(open_file(picture), drawn, None)
    except Unfit as unfit:
        raise PictureRefused(str(unfit), hint=_NONE_SAID) from None


def _speed(times_s: Sequence[float]) -> Speed:
    ordered = sorted(times_s)
    middle, late = ordered[len(ordered) // 2], ordered[min(len(ordered) - 1, len(ordered) * 95 // 100)]
    return Speed(len(ordered), round(middle * 1e3, 3), round(late * 1e3, 3))


def _requests(model: Model) -> int:
    return int(model.compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))


def _described(port: ov.ConstOutput) -> str:
    names = sorted(port.get_names())
    sides = ", ".join(str(side) for side in port.get_partial_shape())
    return f"{names[0] if names else '(unnamed)'} [{sides}]"
