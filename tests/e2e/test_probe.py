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
