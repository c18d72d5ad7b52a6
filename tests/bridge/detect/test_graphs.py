"""The models that other tests are made with."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
import pytest
from PIL import Image
from tests.fakes.graphs import BLOBS, blob_model, blob_picture, constant_model

if TYPE_CHECKING:
    import numpy.typing as npt


@pytest.mark.parametrize("form", ["f32", "u8"])
def test_a_constant_model_answers_bit_by_bit(form: str) -> None:
    wanted: dict[str, npt.NDArray[Any]] = {
        "boxes": np.array([[1.5, np.nan, -3e30]], np.float32),
        "labels": np.array([[7]], np.int64),
    }
    model = constant_model(wanted, form="u8" if form == "u8" else "f32", others={"sizes": [1, 2]})
    compiled = ov.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    shown = {port: np.ones(list(port.shape), port.get_element_type().to_dtype()) for port in compiled.inputs}
    answered = compiled(shown)
    for name, value in wanted.items():
        assert answered[name].tobytes() == value.tobytes()


def test_blobs_are_found() -> None:
    compiled = ov.compile_model(blob_model(), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    blobs = [("person", (0.1, 0.2, 0.1, 0.4)), ("car", (0.5, 0.5, 0.3, 0.3)), ("dog", (0.3, 0.1, 0.1, 0.1))]
    image = Image.open(BytesIO(blob_picture(blobs))).resize((320, 192))
    found = compiled(np.asarray(image)[None])[0][0]
    assert found.shape == (4 + len(BLOBS), 80 * 48)
    (cells,) = np.nonzero(found[4:].max(0) > 0.5)
    seen = {list(BLOBS)[int(found[4:, cell].argmax())]: found[:4, cell] for cell in cells}
    assert len(cells) == len(blobs)
    for label, (x, y, wide, high) in blobs:
        expected = np.array([(x + wide / 2) * 320, (y + high / 2) * 192, wide * 320, high * 192])
        assert np.abs(seen[label] - expected).max() <= 4
