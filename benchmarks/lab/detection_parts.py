"""What the parts of looking at a picture take of a thread, and how long a model takes to be ready, in this process."""

from __future__ import annotations

import asyncio
import shutil
import time
from typing import TYPE_CHECKING

import numpy as np
import openvino as ov

from benchmarks.lab.table import Row, median
from vms_bridge.detect.config_models import ModelSettings, RuntimeSettings
from vms_bridge.detect.models import load
from vms_bridge.detect.worker.letterbox import Canvas, boxes_in_picture
from vms_bridge.detect.worker.pictures import open_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.lab.table import Table
    from vms_bridge.detect.models import Model

_TIMES = 60
_CELLS = 50


async def measure_parts(table: Table, file: Path, folder: Path, pictures: Sequence[Path]) -> None:
    """Measure them, and add their rows."""
    await asyncio.to_thread(_measure, table, file, folder, [path.read_bytes() for path in pictures])


def _measure(table: Table, file: Path, folder: Path, jpegs: Sequence[bytes]) -> None:
    labels = tuple(f"class {number}" for number in range(80))
    settings = ModelSettings(file=file, labels=labels, layout="yolo")
    cache = folder / "parts-cache"
    runtime = RuntimeSettings(device="CPU", folder=folder, cache_dir=cache, precision="f32")
    took = {}
    for name in ("cold", "from the cache"):
        if name == "cold":
            shutil.rmtree(cache, ignore_errors=True)
        core = ov.Core()
        began = time.perf_counter()
        model = load(core, "model", file, settings, runtime)
        took[name] = time.perf_counter() - began
    for name, goal in (("cold", 1.0), ("from the cache", 0.3)):
        table.add(Row(f"a model is ready, {name} (640, f32)", f"{took[name]:.2f} s", f"at most {goal} s", took[name] <= goal))
    _measure_threads(table, model, jpegs)


def _measure_threads(table: Table, model: Model, jpegs: Sequence[bytes]) -> None:
    tensor = ov.Tensor(ov.Type.u8, ov.Shape([1, model.input.height, model.input.width, 3]))
    canvas = Canvas(tensor.data[0])
    request = model.compiled.create_infer_request()
    request.set_input_tensor(tensor)
    before_ms, decode_ms, after_ms = [], [], []
    for number in range(_TIMES):
        began = time.thread_time()
        placed = canvas.put(open_file(jpegs[number % len(jpegs)]))
        before_ms.append((time.thread_time() - began) * 1e3)
        if number % 12 == 0:
            request.infer()
            outputs = [each.data.copy() for each in request.output_tensors]
            least = float(np.sort(outputs[0][0, 4:].max(axis=0))[-_CELLS])
        began = time.thread_time()
        found = model.decode(outputs, least)
        decode_ms.append((time.thread_time() - began) * 1e3)
        boxes_in_picture(found.boxes, placed)
        after_ms.append((time.thread_time() - began) * 1e3)
    both = median(before_ms) + median(after_ms)
    table.add(
        Row(
            "before and after the inference, 720p to 640 (thread)",
            f"{both:.2f} ms: decode and letterbox {median(before_ms):.2f}, boxes {median(after_ms):.2f}",
            "at most 2.5 ms",
            both <= 2.5,
        )
    )
    reached = median(decode_ms)
    table.add(
        Row(
            f"decode and NMS: 8,400 cells, 80 classes, {_CELLS} candidates", f"{reached:.2f} ms", "at most 0.5 ms", reached <= 0.5
        )
    )
