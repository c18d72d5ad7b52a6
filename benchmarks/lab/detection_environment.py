"""The environment of detection's peers: OpenCV, onnxruntime, ONNX, NNCF and the bridge's own OpenVINO; in no lock."""

from __future__ import annotations

import asyncio
import json
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from benchmarks.lab import environments
from benchmarks.lab.running import CannotMeasureError

if TYPE_CHECKING:
    from asyncio.subprocess import Process

_PACKAGES = ("opencv-python-headless>=4.10", "onnxruntime>=1.20", "onnx>=1.17", "nncf>=2.14")
_ANSWER_WITHIN_S = 600.0


async def python() -> Path:
    """Return its Python, having made it if it is not there. Raises CannotMeasureError."""
    own = [f"{name}=={version(name)}" for name in ("openvino", "numpy")]
    return await environments.python("bench-detection", [*own, *_PACKAGES])


class PeersProcess:
    """The peers at work, in a process of their own; ends with the `async with`."""

    def __init__(self, interpreter: Path, folder: Path, threads: int) -> None:
        program = Path(__file__).parent / "detection_peers.py"
        self._command = (str(interpreter), "-P", str(program), str(folder), str(threads))
        self._process: Process | None = None
        self.versions = ""

    async def __aenter__(self) -> Self:
        pipe = asyncio.subprocess.PIPE
        self._process = await asyncio.create_subprocess_exec(*self._command, stdin=pipe, stdout=pipe, limit=1 << 22)
        self.versions = str((await self._answer())["versions"])
        return self

    async def __aexit__(self, *_: object) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            process.kill()
            await process.wait()

    async def ask(self, do: str, **words: object) -> dict[str, Any]:
        """Have it do something. Raises CannotMeasureError."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"do": do, **words}).encode() + b"\n")
        await self._process.stdin.drain()
        return await self._answer()

    async def _answer(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        async with asyncio.timeout(_ANSWER_WITHIN_S):
            line = await self._process.stdout.readline()
        if not line:
            raise CannotMeasureError("the peers' process has ended: see above")
        answer: dict[str, Any] = json.loads(line)
        return answer
