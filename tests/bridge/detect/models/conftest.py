"""One OpenVINO for all tests of models, and models that answer what a test wants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import openvino as ov
import pytest
from tests.fakes.graphs import constant_model

from vms_bridge.detect.config_models import ModelSettings, RuntimeSettings
from vms_bridge.detect.models import Candidates, Model, load

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    Arrays = Mapping[str, npt.NDArray[np.generic]]
    Load = Callable[..., Model]
    Ready = Callable[..., Model]


@pytest.fixture(scope="session")
def core() -> ov.Core:
    return ov.Core()


@pytest.fixture
def load_file(core: ov.Core) -> Load:
    """Load a file of its own folder by these settings."""

    def loaded(file: Path, runtime: Mapping[str, Any] | None = None, **settings: Any) -> Model:  # noqa: ANN401 - as configured
        about = RuntimeSettings.model_validate({"folder": file.parent, "precision": "f32", "device": "CPU", **(runtime or {})})
        return load(core, "test", file, ModelSettings.model_validate({"file": file, **settings}), about)

    return loaded


@pytest.fixture
def ready(tmp_path: Path, load_file: Load) -> Ready:
    """Load a model that answers these outputs, through a file."""

    def made(outputs: Arrays, *, graph: Mapping[str, Any] | None = None, **settings: Any) -> Model:  # noqa: ANN401 - as configured
        file = tmp_path / "model.xml"
        ov.save_model(constant_model(outputs, **(graph or {})), file, compress_to_fp16=False)
        return load_file(file, **settings)

    return made


def answers(model: Model, picture: npt.NDArray[np.uint8] | None = None) -> list[npt.NDArray[Any]]:
    """Return what a model answers to a picture, by default a grey one."""
    if picture is None:
        picture = np.full((1, model.input.height, model.input.width, 3), 128, np.uint8)
    request = model.compiled.create_infer_request()
    request.infer({0: picture})
    return [tensor.data for tensor in request.output_tensors]


def found(model: Model, least_score: float = 0.3) -> Candidates:
    """Return what a model finds in a grey picture."""
    return model.decode(answers(model), least_score)


def rows(candidates: Candidates) -> list[tuple[int, float, tuple[float, ...]]]:
    """Return class, score and box of each, with as many digits as floats have."""
    return [
        (int(one), round(float(score), 4), tuple(round(float(side), 3) for side in box))
        for one, score, box in zip(candidates.classes, candidates.scores, candidates.boxes, strict=True)
    ]


def table(*lines: Sequence[float]) -> npt.NDArray[np.float32]:
    """Return lines of numbers as an array of floats."""
    return np.array(lines, np.float32)
