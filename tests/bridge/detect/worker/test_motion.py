"""Which share of a picture has changed."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw
from tests.fakes.pictures import saved

from vms_bridge.detect.worker.motion import Motion
from vms_bridge.detect.worker.pictures import Opened, open_file


def picture(
    *blobs: tuple[int, int, int, int], seed: int = 0, gain: float = 1.0, size: tuple[int, int] = (640, 360), noise: float = 6.0
) -> Opened:
    """Return a noisy scene with white blobs (x, y, width, height)."""
    random = np.random.default_rng(seed)
    across = np.linspace(40, 160, size[0])[None, :, None]
    image = Image.fromarray(np.clip(np.broadcast_to(across, (size[1], size[0], 3)), 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(image)
    for x, y, width, height in blobs:
        pen.rectangle((x, y, x + width, y + height), fill=(250, 250, 250))
    pixels = np.asarray(image).astype(float) * gain + random.normal(0, noise, (size[1], size[0], 1))
    return open_file(saved(Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))))


def test_the_first_picture_has_nothing_before_it() -> None:
    motion = Motion()
    assert motion.changed("a", picture(), 0.0) == 1.0
    assert motion.changed("b", picture(), 0.0) == 1.0
    assert motion.changed("a", picture(), 1.0) == 0.0


def test_noise_is_no_motion() -> None:
    motion = Motion()
    shares = [motion.changed("a", picture(seed=number), number / 5) for number in range(10)]
    assert max(shares[1:]) < 0.001


def test_what_comes_and_what_goes_is_motion_of_about_its_size() -> None:
    motion = Motion()
    for number in range(4):
        motion.changed("a", picture(seed=number), number / 5)
    came = motion.changed("a", picture((100, 100, 64, 108), seed=11), 2.2)
    assert came == pytest.approx(64 * 108 / (640 * 360), rel=0.35)
    assert motion.changed("a", picture((300, 100, 64, 108), seed=12), 2.4) > 0.7 * came


def test_what_stays_is_soon_no_motion_any_more() -> None:
    motion = Motion()
    motion.changed("a", picture(), 0.0)
    shares = [motion.changed("a", picture((100, 100, 64, 108), seed=number), number * 4.0) for number in range(1, 15)]
    assert shares[0] > 0.02
    assert shares[-1] < 0.001


def test_light_that_rises_slowly_is_no_motion() -> None:
    motion = Motion()
    motion.changed("a", picture(), 0.0)
    shares = [motion.changed("a", picture(seed=number, gain=1 + number / 60), number * 2) for number in range(1, 20)]
    assert max(shares) < 0.02


def test_lightning_and_a_turned_camera_begin_anew() -> None:
    motion = Motion()
    motion.changed("a", picture(), 0.0)
    assert motion.changed("a", picture(gain=1.9), 0.2) == 1.0
    assert motion.changed("a", picture(gain=1.9, seed=1), 0.4) < 0.01


def test_another_shape_begins_anew_another_size_does_not() -> None:
    motion = Motion()
    motion.changed("a", picture(), 0.0)
    assert motion.changed("a", picture(size=(1_280, 720)), 0.2) < 0.01
    assert motion.changed("a", picture(size=(640, 480)), 0.4) == 1.0


def test_no_more_cameras_are_remembered_than_may_be() -> None:
    motion = Motion(most_cameras=3)
    for camera in "abc":
        motion.changed(camera, picture(), 0.0)
    assert motion.changed("a", picture(), 1.0) == 0.0  # which makes b the oldest
    motion.changed("d", picture(), 1.0)
    assert motion.changed("a", picture(), 2.0) == 0.0
    assert motion.changed("b", picture(), 2.0) == 1.0
