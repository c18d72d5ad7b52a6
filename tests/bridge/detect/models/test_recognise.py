"""What is recognised by shapes, what needs a word, and what is said where nobody knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from vms_bridge.detect.models.heads import LATER, LAYOUTS
from vms_bridge.detect.models.heads.cells import corners, count, strides_of
from vms_bridge.detect.models.recognise import recognise
from vms_bridge.detect.models.values import Form, Output
from vms_bridge.errors import ModelRefused

if TYPE_CHECKING:
    from vms_bridge.detect.models.values import Shape


def form(*shapes: Shape, names: tuple[str, ...] = (), width: int = 640, height: int = 640, **about: Any) -> Form:  # noqa: ANN401 - of a form
    names = names or tuple(f"output{at}" for at in range(len(shapes)))
    outputs = tuple(Output(name, shape) for name, shape in zip(names, shapes, strict=True))
    return Form(width, height, outputs, **about)


def recognised(about: Form, named: str | None = None) -> str:
    return recognise(about, named)[0].name


def refusal(about: Form, named: str | None = None) -> str:
    with pytest.raises(ModelRefused) as refused:
        recognise(about, named)
    assert refused.value.hint
    return f"{refused.value} -> {refused.value.hint}"


@pytest.mark.parametrize(
    ("about", "layout"),
    [
        (form((1, 84, 8400)), "yolo"),
        (form((1, 84, 8400), classes=80), "yolo"),
        (form((1, 84, 2100), width=320, height=320), "yolo"),
        (form((1, 8, 1260), width=320, height=192), "yolo"),
        (form((1, 8400, 84), classes=80), "yolo"),
        (form((1, 116, 8400), (1, 32, 160, 160), classes=80), "yolo"),
        (form((1, 84, 34000)), "yolo"),  # with cells of 4 pixels too
        (form((1, 25200, 85)), "yolo5"),
        (form((1, 25200, 6), classes=1), "yolo5"),
        (form((1, 8400, 85), classes=80), "yolox"),
        (form((1, 3549, 85), width=416, height=416, classes=80), "yolox"),
        (form((1, 300, 6), classes=80), "e2e"),
        (form((1, 300, 6)), "e2e"),  # where others fail, as no layout was declared
        (form((1, 1, 200, 7)), "ssd"),
        (form((1, 1, -1, 7)), "ssd"),
        (form((-1, 7)), "yolonas"),
        (form((1, 300), (1, 300, 4), (1, 300), names=("labels", "boxes", "scores")), "detr"),
        (form((1, 300, 4), (1, 300, 91), classes=80 + 11), "rfdetr"),
        (form((1, 100, 92), (1, 100, 4)), "rfdetr"),
        (form((1, 25, 4), (1, 25), (1, 25), (1,)), "tfod"),
        (form((1, 896, 16), (1, 896, 1), width=128, height=128), "blazeface"),
        (form((1, 2304, 1), (1, 2304, 16), width=192, height=192), "blazeface"),
    ],
)
def test_the_shapes_tell(about: Form, layout: str) -> None:
    assert recognised(about) == layout


@pytest.mark.parametrize(
    ("about", "candidates", "remedy"),
    [
        (form((1, 8400, 85)), ["yolo", "yolox"], 80),
        (form((1, 255, 80, 80), (1, 255, 40, 40), (1, 255, 20, 20), classes=80), ["anchors", "anchors7"], None),
        (form((1, 84, 6), width=64, height=64), ["yolo", "yolox", "e2e"], None),
    ],
)
def test_several_ways_are_listed_and_nobody_guesses(about: Form, candidates: list[str], remedy: int | None) -> None:
    said = refusal(about)
    assert all(f"{candidate} (" in said for candidate in candidates)
    assert f"layout: {candidates[0]}" in said
    assert ("names of its classes" in said) == (about.classes is None)
    if remedy:
        assert recognised(form(*about.shapes, classes=remedy)) in candidates


def test_a_name_decides() -> None:
    assert recognised(form((1, 8400, 85)), "yolox") == "yolox"
    assert recognised(form((1, 8400, 85)), "yolo") == "yolo"
    assert "not of the layout ssd" in refusal(form((1, 8400, 85)), "ssd")
    assert "it may be yolo, yolox" in refusal(form((1, 8400, 85)), "ssd")
    assert f"there are: {', '.join(LAYOUTS)}" in refusal(form((1, 8400, 85)), "yolov8")


def test_a_layout_of_the_future_is_known_by_name() -> None:
    for name in LATER:
        assert "a later version" in refusal(form((1, 40, 37)), name)
    assert "a later version" in refusal(form((1, 512)))


def test_anchors_are_asked_for() -> None:
    maps = form((1, 255, 80, 80), (1, 255, 40, 40), (1, 255, 20, 20), classes=80)
    assert "anchors: [[10, 13]" in refusal(maps, "anchors")
    assert "9 of them" in refusal(maps, "anchors7")


@pytest.mark.parametrize(
    "shapes", [[(1, 84, 8400)], [(1, 25200, 85)], [(1, 255, 80, 80), (1, 255, 40, 40)], [(1, 300, 4), (1, 300, 91)]]
)
def test_a_wrong_number_of_names_is_told(shapes: list[Shape]) -> None:
    said = refusal(form(*shapes, classes=3))
    assert "there are names of 3" in said
    assert ("90" if len(shapes[0]) == 3 and shapes[0][2] == 4 else "80") in said or "91" in said


@pytest.mark.parametrize(
    "shapes", [[(1, 1000)], [(1, 56, 8401)], [(1, 4420, 2), (1, 4420, 4)], [()], [(1, 3, 640, 640)], [(1,)] * 16]
)
def test_what_nobody_knows_is_described(shapes: list[Shape]) -> None:
    said = refusal(form(*shapes, classes=3))
    assert "640 x 640" in said
    assert "output0 [" in said


def test_what_is_told_as_shares_becomes_pixels() -> None:
    output = np.zeros((1, 84, 8400), np.float32)
    output[0, :4, 7], output[0, 9, 7] = [0.5, 0.5, 0.25, 0.125], 0.875
    _, head = recognise(form((1, 84, 8400), is_relative=True), None)
    assert head.read([output], 0.5).boxes.tolist() == [[240, 280, 400, 360]]
    rows = np.zeros((1, 300, 6), np.float32)
    rows[0, 0] = [0.25, 0.5, 0.75, 1.0, 0.875, 3]
    _, head = recognise(form((1, 300, 6), is_relative=True), None)
    assert head.read([rows], 0.5).boxes.tolist() == [[160, 320, 480, 640]]


def test_cells_are_counted_for_inputs_that_are_not_square() -> None:
    assert count(640, 640, (8, 16, 32)) == 8400
    assert strides_of(320, 192, 1260) == (8, 16, 32)
    assert strides_of(320, 180, 1260) is None
    places, strides = corners(64, 32, (8, 16, 32))
    assert places[8].tolist() == [0, 1]
    assert strides[[0, 31, 32, 40]].ravel().tolist() == [8, 8, 16, 32]
