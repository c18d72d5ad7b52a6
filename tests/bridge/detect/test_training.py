"""What the demo's model was trained and scored with, and that it finds what the simulator draws; training itself is by hand."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np
import openvino as ov
import pytest
from training.dataset import MOST, Scenes, letterbox
from training.scenes import LABELS, is_simulated, scene
from training.scoring import mean, scored
from training.simulated import simulated

from vms_bridge.backends.simulator.drawing import Painter
from vms_bridge.backends.simulator.places import PLACES
from vms_bridge.backends.simulator.world import World
from vms_bridge.demo.detecting import MODEL

if TYPE_CHECKING:
    from training.scoring import Floats


@pytest.mark.parametrize("seed", [0, 1, 2, 5, 9])
def test_a_seed_is_a_scene(seed: int) -> None:
    one, same = scene(seed), scene(seed)
    assert one.image.tobytes() == same.image.tobytes()
    assert one.objects == same.objects
    assert len(one.objects) <= MOST
    for each in one.objects:
        left, top, right, bottom = each.box
        assert each.label in LABELS
        assert 0 <= left < right <= one.image.width
        assert 0 <= top < bottom <= one.image.height
        assert max(right - left, bottom - top) >= 0.03 * one.image.width


def test_half_of_the_scenes_are_the_simulators() -> None:
    assert 80 < sum(is_simulated(seed) for seed in range(200)) < 120


def test_what_covers_a_visitor_is_known() -> None:
    image, layers = simulated(random.Random(4))  # noqa: S311 - a picture, not a secret
    assert image.mode == "RGB"
    assert {label for label, _, _ in layers} <= {*LABELS, "cat"}


def _scenes(*boxes: tuple[float, float, float, float]) -> Scenes:
    of_one, labels = np.zeros((1, MOST, 4), np.float32), np.full((1, MOST), -1, np.int64)
    for number, box in enumerate(boxes):
        of_one[0, number], labels[0, number] = box, 0
    return Scenes(np.zeros((1, 192, 320, 3), np.uint8), of_one, labels)


def _head(*found: tuple[float, float, float, float, float]) -> Floats:
    head = np.zeros((4 + len(LABELS), 1260), np.float32)
    for cell, (left, top, right, bottom, score) in enumerate(found):
        head[:5, cell] = (left + right) / 2, (top + bottom) / 2, right - left, bottom - top, score
    return head


def test_how_detectors_are_scored() -> None:
    truth = _scenes((10, 10, 50, 90), (100, 20, 140, 100))
    both = ((10, 10, 50, 90, 0.9), (100, 20, 140, 100, 0.8))
    double = (12, 11, 51, 92, 0.7)
    wrong = (200, 20, 240, 100, 0.85)

    def person(*found: tuple[float, float, float, float, float]) -> tuple[float, float, float]:
        score = scored([_head(*found)], truth)[0]
        return round(score.average_precision, 3), round(score.precision, 3), score.recall

    assert person(*both) == (1.0, 1.0, 1.0)
    assert person(*both, double) == (1.0, 1.0, 1.0)  # the same thing once more is suppressed
    assert person(both[0]) == (0.5, 1.0, 0.5)
    assert person(*both, wrong) == (0.833, 0.667, 1.0)
    assert person() == (0.0, 0.0, 0.0)
    assert mean(scored([_head(*both)], truth)) == 0.25  # of the other three labels there is nothing to be found


def test_the_demos_model_finds_what_the_simulator_draws() -> None:
    compiled = ov.compile_model(MODEL, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1})
    painter, world = Painter(640), World(seed=7, pace=1.0, epoch=0.0)
    shown = found = 0
    for camera in range(1, len(PLACES) + 1):
        for slot in range(8):
            visit = world.visit(camera, slot)
            if visit is None or visit.alarm_start is None:
                continue
            seen = world.sightings(visit, visit.best)
            picture, _, _ = letterbox(painter.view(world.place(camera), seen))
            head = compiled(picture[None])[0][0]
            for sighting in (each for each in seen if each.label in LABELS):
                shown += 1
                x, y = sighting.box[0] + sighting.box[2] / 2, sighting.box[1] + sighting.box[3] / 2
                sure = head[:, head[4 + LABELS.index(sighting.label)] > 0.4]
                found += bool((np.hypot(sure[0] - x * 320, sure[1] - (6 + y * 180)) < 16).any())
    assert shown >= 12
    assert found >= 0.8 * shown


def test_it_is_small() -> None:
    assert MODEL.with_suffix(".bin").stat().st_size < 500_000
