"""Detection's benchmark, in tiny form: its model has the shape that it says, and its overload is measured."""

from __future__ import annotations

import asyncio
import io
from typing import TYPE_CHECKING, cast

import numpy as np
import openvino as ov
from benchmarks.lab import scenes
from benchmarks.lab.overload import measure_overload
from benchmarks.lab.table import Table
from benchmarks.lab.yolo_shape import CLASSES, OpenVino
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from vms_bridge.detect.engine import Engine


class Slow:
    """An engine that takes a while."""

    async def infer(self, _model: str, _picture: bytes, *, least_score: float) -> None:
        assert least_score
        await asyncio.sleep(0.002)


def test_the_model_has_the_shape_of_yolov8n() -> None:
    model = OpenVino().model(64)
    weights = sum(each.get_data().size for each in model.get_ops() if each.get_type_name() == "Constant")
    assert 3_100_000 < weights < 3_300_000
    found = ov.Core().compile_model(model, "CPU")(np.full((1, 3, 64, 64), 0.5, np.float32))[0]
    assert found.shape == (1, 4 + CLASSES, 84)
    assert np.isfinite(found).all()
    assert ((found[0, 4:] >= 0) & (found[0, 4:] <= 1)).all()


def test_pictures_have_about_the_size_that_cameras_send() -> None:
    jpeg = scenes.scene(640, 360, 1)
    assert Image.open(io.BytesIO(jpeg)).size == (640, 360)
    assert 15_000 < len(jpeg) < 60_000


async def test_an_overload_makes_its_two_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "a.jpg"
    picture.write_bytes(b"a picture")
    table = Table("overload")
    await measure_overload(5, 0.2, table, cast("Engine", Slow()), [picture])
    assert len(table.rows) == 2
    assert "5 cameras" in capsys.readouterr().out
