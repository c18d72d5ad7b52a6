"""Models that nobody here trained, by the program as a user runs it: MediaPipe's find the face in a photograph."""

from __future__ import annotations

import asyncio
import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e.bridge import COMMAND
from tests.e2e.conftest import MET, need

from vms_bridge.clock import SystemClock
from vms_bridge.detect.config_models import ModelSettings, RuntimeSettings
from vms_bridge.detect.engine import Engine

if TYPE_CHECKING:
    from collections.abc import Mapping

LAB = Path(__file__).parent / "lab/models"
LIMIT_S = 120.0
FACE = (160, 55, 300, 195)
"""Where the face is in the photograph, in pixels, with room around it: x1, y1, x2, y2."""


@pytest.fixture(scope="session")
def models(pytestconfig: pytest.Config) -> Path:
    """The folder with MediaPipe's models and photographs."""
    found = subprocess.run([LAB, "installed"], capture_output=True, text=True, check=False)
    need(found.stderr.strip() if found.returncode else None)
    pytestconfig.stash[MET]["MediaPipe's models"] = "0.10.14"
    return Path(subprocess.run([LAB, "folder"], capture_output=True, text=True, check=True).stdout.strip())


async def probe(folder: Path, *arguments: str | Path) -> tuple[int, str, str]:
    """Run the verb in a folder; return its code, and what it prints."""
    process = await asyncio.create_subprocess_exec(
        COMMAND, "probe", *arguments, cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), LIMIT_S)
    return process.returncode or 0, out.decode(), err.decode()


def corners(found: Mapping[str, Any], side: int) -> tuple[float, ...]:
    x, y, width, height = (part * side for part in found["box"])
    return x, y, x + width, y + height


@pytest.mark.parametrize(
    ("name", "size", "outputs"),
    [
        ("face_detection_short_range.tflite", 128, "regressors [1, 896, 16]"),
        ("face_detection_full_range_sparse.tflite", 192, "[1, 2304, 16]"),
    ],
)
async def test_the_face_in_the_photograph_is_found(models: Path, tmp_path: Path, name: str, size: int, outputs: str) -> None:
    code, out, err = await probe(
        tmp_path, models / name, models / "astronaut.png", "--least-score", "0.5", "--runs", "5", "--json"
    )
    assert code == 0, err
    told = json.loads(out)
    assert (told["layout"], told["labels"], told["input"]) == ("blazeface", ["face"], {"width": size, "height": size})
    assert any(outputs in output for output in told["outputs"])
    (face,) = told["found"]
    assert face["label"] == "face"
    assert face["score"] > 0.8
    x1, y1, x2, y2 = corners(face, 512)
    assert FACE[0] < x1 < x2 < FACE[2]
    assert FACE[1] < y1 < y2 < FACE[3]
    drawn = tmp_path / "astronaut-probed.jpg"
    assert told["drawn"] == drawn.name
    assert drawn.read_bytes().startswith(b"\xff\xd8\xff")


async def test_no_face_is_found_where_there_is_none(models: Path, tmp_path: Path) -> None:
    model, picture = models / "face_detection_short_range.tflite", models / "coffee.png"
    code, out, err = await probe(
        tmp_path, model, picture, "--least-score", "0.5", "--runs", "1", "--output", tmp_path / "out.jpg"
    )
    assert code == 0, err
    assert "Nothing is found" in out
    assert (tmp_path / "out.jpg").exists()


async def test_the_process_that_looks_at_pictures_finds_it_too(models: Path, tmp_path: Path) -> None:
    # All that the bridge does with a model: confined, pictures in shared memory, boxes back in 0..1 of the picture.
    name = "face_detection_short_range.tflite"
    runtime = RuntimeSettings(folder=models, cache_dir=tmp_path / "cache", device="CPU")
    engine = Engine({"face": ModelSettings(file=models / name)}, runtime, SystemClock())
    running = asyncio.create_task(engine.run())
    try:
        await asyncio.wait_for(engine.ready(), LIMIT_S)
        inferred = await engine.infer("face", (models / "astronaut.png").read_bytes(), least_score=0.5)
    finally:
        running.cancel()
        await asyncio.wait([running])
    assert (inferred.width, inferred.height) == (512, 512)
    (face,) = inferred.found
    assert (face.label, face.model) == ("face", "face")
    x, y, width, height = (part * 512 for part in face.box)
    assert FACE[0] < x < x + width < FACE[2]
    assert FACE[1] < y < y + height < FACE[3]
