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


async def measure_parts(table: Table, file: Path, folder: Path, pictures: Sequence[Path], slower: float) -> None:
    """Measure them, and add their rows; `slower` is what their goals are multiplied by."""
    jpegs = [path.read_bytes() for path in pictures]
    await asyncio.to_thread(_measure_loading, table, file, folder)
    await asyncio.to_thread(_measure_threads, table, file, folder, jpegs, slower)


def _load(file: Path, folder: Path) -> Model:
    labels = tuple(f"class {number}" for number in range(80))
    settings = ModelSettings(file=file, labels=labels, layout="yolo")
    runtime = RuntimeSettings(device="CPU", folder=folder, cache_dir=folder / "parts-cache", precision="f32")
    return load(ov.Core(), "model", file, settings, runtime)


def _measure_loading(table: Table, file: Path, folder: Path) -> None:
    shutil.rmtree(folder / "parts-cache", ignore_errors=True)
    for name, goal in (("cold", 1.0), ("from the cache", 0.3)):
        began = time.perf_counter()
        _load(file, folder)
        took = time.perf_counter() - began
        table.add(Row(f"a model is ready, {name} (640, f32)", f"{took:.2f} s", f"at most {goal} s", took <= goal))


def _measure_threads(table: Table, file: Path, folder: Path, jpegs: Sequence[bytes], slower: float) -> None:
    model = _load(file, folder)
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
            f"at most {2.5 * slower:.2f} ms *",
            both <= 2.5 * slower,
        )
    )
    reached, goal = median(decode_ms), 0.5 * slower
    what = f"decode and NMS: 8,400 cells, 80 classes, {_CELLS} candidates"
    table.add(Row(what, f"{reached:.2f} ms", f"at most {goal:.2f} ms *", reached <= goal))
