"""Each layout, through a compiled graph that answers chosen numbers bit by bit: what is found is what stands there.

Inputs are 64 x 32: wider than high, so that nothing passes with width and height confused. 8 x 4 cells of 8 pixels, 4 x 2 of
16 and 2 x 1 of 32 make 42.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.bridge.detect.models.conftest import answers, found, rows, table

from vms_bridge.errors import ModelRefused

if TYPE_CHECKING:
    import numpy.typing as npt
    from tests.bridge.detect.models.conftest import Arrays, Ready

WIDE: dict[str, Any] = {"width": 64, "height": 32}
CELLS = 42
NAMES = ["person", "traffic light", "🐶/dog"]
FAR = -20.0


def empty(*shape: int) -> npt.NDArray[np.float32]:
    return np.zeros(shape, np.float32)


def yolo(*, turned: bool = False, share: bool = False) -> npt.NDArray[np.float32]:
    output = empty(1, 7, CELLS)
    scale = np.array([64, 32, 64, 32] if share else [1, 1, 1, 1], np.float32)
    output[0, :4, 5] = np.array([20, 10, 8, 4]) / scale
    output[0, 4:, 5] = [0.25, 0.75, 0.5]
    output[0, :4, 6] = np.array([20.5, 10, 8, 4]) / scale  # the same thing once more
    output[0, 4:, 6] = [0.25, 0.5, 0.0]
    output[0, :4, 41] = np.array([60, 30, 8, 4]) / scale
    output[0, 4:, 41] = [0.0, 0.0, 0.875]
    return output.transpose(0, 2, 1).copy() if turned else output


TWO = [(2, 0.875, (56, 28, 64, 32)), (1, 0.75, (16, 8, 24, 12))]


def test_yolo(ready: Ready) -> None:
    model = ready({"output0": yolo()}, graph={**WIDE, "labels": NAMES})
    assert (model.facts.layout, model.facts.labels) == ("yolo", tuple(NAMES))
    assert (model.input.width, model.input.height) == (64, 32)
    assert np.array_equal(answers(model)[0], yolo())
    assert rows(found(model)) == TWO


def test_yolo_turned(ready: Ready) -> None:
    model = ready({"output0": yolo(turned=True)}, graph={**WIDE, "labels": NAMES})
    assert model.facts.layout == "yolo"
    assert rows(found(model)) == TWO


def test_yolo_with_masks(ready: Ready) -> None:
    output = np.concatenate((yolo(), np.ones((1, 32, CELLS), np.float32)), axis=1)
    model = ready({"output0": output, "output1": empty(1, 32, 8, 16)}, graph={**WIDE, "labels": NAMES})
    assert model.facts.layout == "yolo"
    assert rows(found(model)) == TWO


def test_a_layout_that_the_file_names_need_not_fit_the_cells(ready: Ready) -> None:
    output = np.concatenate((yolo(), empty(1, 7, 5)), axis=2)
    model = ready({"out": output}, graph={**WIDE, "labels": NAMES, "layout": "yolo"})
    assert rows(found(model)) == TWO


def test_scores_that_are_no_numbers_are_nothing_and_the_others_stay(ready: Ready) -> None:
    output = yolo()
    output[0, 4:, 0] = math.nan
    output[0, :, 1] = math.inf
    output[0, 4:, 2], output[0, :4, 2] = 0.9, [math.nan, 1, 2, 3]
    output[0, 4:, 3], output[0, :4, 3] = 0.9, [5, 5, 0, 4]  # no width
    output[0, 4:, 4], output[0, :4, 4] = 0.9, [3e38, 3e38, 3e38, 3e38]
    assert rows(found(ready({"output0": output}, graph={**WIDE, "labels": NAMES}))) == TWO


def test_nothing_but_no_numbers_is_nothing(ready: Ready) -> None:
    output = np.full((1, 7, CELLS), math.nan, np.float32)
    assert rows(found(ready({"output0": output}, graph={**WIDE, "labels": NAMES}))) == []


def test_a_models_floor_holds_whatever_is_asked(ready: Ready) -> None:
    model = ready({"output0": yolo()}, graph={**WIDE, "labels": NAMES}, floor=0.8)
    assert rows(found(model, 0.01)) == TWO[:1]


def test_what_is_found_stays_when_the_outputs_are_written_anew(ready: Ready) -> None:
    model = ready({"output0": yolo()}, graph={**WIDE, "labels": NAMES})
    outputs = [np.array(output) for output in answers(model)]
    candidates = model.decode(outputs, 0.3)
    outputs[0][:] = 99
    assert rows(candidates) == TWO


def yolo5() -> npt.NDArray[np.float32]:
    output = empty(1, 3 * CELLS, 8)
    output[0, 5] = [20, 10, 8, 4, 0.875, 0.25, 1.0, 0.5]
    output[0, 6] = [40, 10, 8, 4, 0.5, 0.25, 0.5, 0.25]  # 0.25 in all
    output[0, 7] = [40, 10, 8, 4, 0.25, 1.0, 1.0, 1.0]
    return output


def test_yolo5(ready: Ready) -> None:
    model = ready({"output": yolo5()}, graph={**WIDE, "labels": NAMES})
    assert model.facts.layout == "yolo5"
    assert rows(found(model)) == [(1, 0.875, (16, 8, 24, 12))]


def test_yolox(ready: Ready) -> None:
    output = empty(1, CELLS, 8)
    output[0, 9] = [0.5, 0.25, math.log(2), 0.0, 0.5, 0, 0, 1.0]  # second row of cells of 8: column 1
    output[0, 41] = [0.5, 0.5, 0.0, 0.0, 1.0, 1.0, 0, 0]  # the second of 32
    output[0, 3] = [0.5, 0.5, 1000.0, 0.0, 1.0, 1.0, 0, 0]  # as wide as nothing can be
    model = ready({"output": output}, graph={**WIDE, "labels": NAMES})
    assert model.facts.layout == "yolox"
    assert rows(found(model)) == [(0, 1.0, (32, 0, 64, 32)), (2, 0.5, (4, 6, 20, 14))]


def test_e2e(ready: Ready) -> None:
    output = empty(1, 300, 6)
    output[0, :4] = table(
        [1, 2, 11, 12, 0.5, 2], [1, 2, 11, 12, 0.875, 1], [2, 2, 11, 12, 0.75, 1], [1, 2, 11, 12, 0.9, 3]
    )  # the last is of no class; the model has seen to doubles itself
    model = ready({"output0": output}, graph={**WIDE, "labels": NAMES})
    assert model.facts.layout == "e2e"
    assert rows(found(model)) == [(1, 0.875, (1, 2, 11, 12)), (1, 0.75, (2, 2, 11, 12)), (2, 0.5, (1, 2, 11, 12))]


def test_yolonas(ready: Ready) -> None:
    output = table([0, 1, 2, 11, 12, 0.5, 2], [1, 1, 2, 11, 12, 0.9, 1], [0, 1, 2, 1, 12, 0.9, 1], [0, 5, 6, 7, 8, 0.875, -1])
    model = ready({"graph2_flat_predictions": output}, graph={**WIDE, "labels": NAMES})
    assert model.facts.layout == "yolonas"
    assert rows(found(model)) == [(2, 0.5, (1, 2, 11, 12))]


@pytest.mark.parametrize("names", [NAMES, ["background", *NAMES]])
def test_ssd(ready: Ready, names: list[str]) -> None:
    output = empty(1, 1, 5, 7)
    output[0, 0] = table(
        [0, 1, 0.5, 0.25, 0.25, 0.5, 0.75],
        [0, 3, 0.875, 0, 0, 0.25, 0.25],
        [0, 0, 0.9, 0, 0, 0.5, 0.5],  # background
        [-1, 0, 0, 0, 0, 0, 0],  # from here on nothing was written
        [0, 1, 0.9, 0, 0, 1, 1],
    )
    model = ready({"detection_out": output}, graph={**WIDE, "labels": names})
    assert (model.facts.layout, model.facts.labels) == ("ssd", tuple(NAMES))
    assert rows(found(model)) == [(2, 0.875, (0, 0, 16, 8)), (0, 0.5, (16, 8, 32, 24))]


def tfod(*names: str, order: str) -> Arrays:
    parts = {
        "boxes": table([0.25, 0.5, 0.75, 1.0], [0, 0, 0.5, 0.25], [0, 0, 1, 1])[None],
        "classes": table([1, 2, 0]),
        "scores": table([0.875, 0.5, 0.9]),
        "count": np.array([2], np.float32),  # the third was not written
    }
    return {name: parts[part] for name, part in zip(names, order.split(), strict=True)}


@pytest.mark.parametrize(
    "outputs",
    [
        tfod("pp", "pp:1", "pp:2", "pp:3", order="boxes classes scores count"),
        tfod("call:1", "call:3", "call:0", "call:2", order="scores boxes count classes"),
        tfod("scores", "classes", "count", "boxes", order="scores classes count boxes"),
    ],
)
def test_tfod(ready: Ready, outputs: Arrays) -> None:
    model = ready(outputs, graph={**WIDE, "labels": ["???", *NAMES], "form": "u8"})
    assert (model.facts.layout, model.facts.labels) == ("tfod", tuple(NAMES))
    assert rows(found(model)) == [(1, 0.875, (32, 8, 64, 24)), (2, 0.5, (0, 0, 16, 16))]


@pytest.mark.parametrize("order", [("labels", "boxes", "scores"), ("scores", "boxes", "labels"), ("boxes", "labels", "scores")])
@pytest.mark.parametrize("has_size", [True, False])
def test_detr(ready: Ready, order: tuple[str, ...], *, has_size: bool) -> None:
    scale = 1 if has_size else np.array([64, 32, 64, 32], np.float32)
    parts: dict[str, npt.NDArray[Any]] = {
        "labels": np.array([[2, 0, 1]], np.int64),
        "boxes": (table([8, 4, 16, 8], [32, 8, 64, 16], [0, 0, 8, 8]) / scale)[None],
        "scores": table([0.5, 0.875, 0.25]),
    }
    others = {"orig_target_sizes": (1, 2)} if has_size else {}
    model = ready({name: parts[name] for name in order}, graph={**WIDE, "labels": NAMES, "others": others})
    assert model.facts.layout == "detr"
    assert len(model.compiled.inputs) == 1
    assert rows(found(model)) == [(0, 0.875, (32, 8, 64, 16)), (2, 0.5, (8, 4, 16, 8))]


@pytest.mark.parametrize(
    ("scores", "columns", "logits"),
    [
        ("auto", 3, [FAR, FAR, math.log(3)]),  # the sigmoid of ln 3 is 3/4
        ("auto", 4, [30.0, FAR, FAR, math.log(3)]),  # one more than there are names: the first is none
        ("softmax", 4, [0.0, 0.0, math.log(6), -80.0]),  # ... the last
        ("softmax", 4, [500.0, 500.0, 500 + math.log(6), 0.0]),
        ("ready", 3, [0.0, 0.25, 0.75]),
    ],
)
def test_rfdetr(ready: Ready, scores: str, columns: int, logits: list[float]) -> None:
    boxes, told = empty(1, 5, 4), np.full((1, 5, columns), FAR if scores == "auto" else 0.0, np.float32)
    if scores == "softmax":
        told[0, :, -1] = 30.0
    boxes[0, 2], told[0, 2] = [0.25, 0.5, 0.25, 0.5], logits
    model = ready({"dets": boxes, "labels": told}, graph={**WIDE, "labels": NAMES}, scores=scores)
    assert model.facts.layout == "rfdetr"
    assert rows(found(model)) == [(2, 0.75, (8, 8, 24, 24))]


ANCHORS = [[10, 14], [23, 27], [37, 58], [81, 82], [135, 169], [344, 319]]


def maps(column: int, row: int, told: list[float]) -> Arrays:
    """Return maps of 16 and 32 pixels with one thing in the second anchor of the first."""
    coarse, fine = np.full((1, 24, 1, 2), FAR, np.float32), np.full((1, 24, 2, 4), FAR, np.float32)
    fine[0, 8:16, row, column] = told
    return {"fine": fine, "coarse": coarse}


def test_anchors_of_darknet(ready: Ready) -> None:
    outputs = maps(2, 1, [0.0, math.log(3), 0.0, math.log(0.5), math.log(3), FAR, 30.0, FAR])
    model = ready(outputs, graph={**WIDE, "labels": NAMES}, layout="anchors", anchors=ANCHORS)
    # The middle is (2 + 1/2, 1 + 3/4) cells of 16, the size 23 x 27/2.
    assert rows(found(model)) == [(1, 0.75, (28.5, 21.25, 51.5, 32))]


def test_anchors_since_yolo5(ready: Ready) -> None:
    outputs = maps(0, 0, [0.0, 0.0, 0.0, math.log(1 / 3), math.log(3), FAR, FAR, 30.0])
    model = ready(outputs, graph={**WIDE, "labels": NAMES}, layout="anchors7", anchors=ANCHORS)
    # The middle is (1/2, 1/2) cells of 16, the size 23 x 27 / 4.
    assert rows(found(model)) == [(2, 0.75, (0, 4.625, 19.5, 11.375))]


def test_anchors_whose_outputs_are_ready(ready: Ready) -> None:
    outputs = {
        name: np.where(output == FAR, 0, output) for name, output in maps(1, 1, [0.5, 0.5, 0.5, 0.5, 0.5, 0, 1, 0]).items()
    }
    model = ready(outputs, graph={**WIDE, "labels": NAMES}, layout="anchors7", anchors=ANCHORS, scores="ready")
    assert rows(found(model)) == [(1, 0.5, (12.5, 10.5, 35.5, 32))]


@pytest.mark.parametrize(("side", "many"), [(128, 896), (256, 896), (192, 2304)])
def test_blazeface(ready: Ready, side: int, many: int) -> None:
    told, scores = empty(1, many, 16), np.full((1, many, 1), -100.0, np.float32)
    told[0, -1, :4], scores[0, -1] = [-2, 1, 20, 10], math.log(3)
    told[0, -1, 4:] = np.arange(12)
    told[0, 0, :4], scores[0, 0] = [0, 0, 4, 4], 1e30
    model = ready({"regressors": told, "classificators": scores}, graph={"width": side, "height": side})
    assert (model.facts.layout, model.facts.labels) == ("blazeface", ("face",))
    candidates = found(model)
    first = {128: 4, 256: 8, 192: 2}[side]
    last = side - {128: 8, 256: 16, 192: 2}[side]
    assert rows(candidates) == [
        (0, 1.0, (first - 2, first - 2, first + 2, first + 2)),
        (0, 0.75, (last - 12, last - 4, min(last + 8, side), min(last + 6, side))),
    ]
    assert candidates.points is not None
    assert candidates.points.shape == (2, 6, 2)
    assert candidates.points[1].ravel().tolist() == [last + at for at in range(12)]


def test_outputs_that_are_not_what_was_recognised_are_told(ready: Ready) -> None:
    model = ready({"output0": yolo()}, graph={**WIDE, "labels": NAMES})
    with pytest.raises(ModelRefused, match=r"can't be read as yolo: \[1, 2\]"):
        model.decode([empty(1, 2)], 0.3)
    with pytest.raises(ModelRefused):
        model.decode([], 0.3)
