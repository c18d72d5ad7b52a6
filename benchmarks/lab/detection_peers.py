"""The peers of detection, in an environment of their own (`detection_environment`): JPEG in, boxes out, as others do it.

Asked over standard input, one JSON line each way. `openvino` is a loop over `AsyncInferQueue` without pictures, the limit of what
the processor can infer; the others decode each picture with cv2 and infer it, one after the other.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2  # type: ignore[import-not-found, unused-ignore]
import numpy as np
import onnxruntime  # type: ignore[import-not-found, import-untyped, unused-ignore]
import openvino as ov

sys.path.insert(0, str(Path(__file__).parents[2]))
from benchmarks.lab.yolo_shape import Onnx  # this runs by an interpreter that knows nothing of the project

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

Floats = Any
_MOST = 300
_OVERLAP = 0.45


class Peers:
    """Everything that is compared; each is made when it is first asked for."""

    def __init__(self, folder: Path, threads: int) -> None:
        self._folder, self._threads = folder, threads
        self._core = ov.Core()
        self._runners: dict[str, Callable[[bytes, float], int]] = {}
        self._queues: dict[str, tuple[ov.AsyncInferQueue, Floats]] = {}
        cv2.setNumThreads(threads)

    def models(self, sizes: Sequence[int]) -> dict[str, str]:
        """Write the models as ONNX."""
        for size in sizes:
            Onnx().save(size, str(self._folder / f"random-{size}.onnx"))
        return {str(size): str(self._folder / f"random-{size}.onnx") for size in sizes}

    def quantised(self, model: str, pictures: Sequence[str], size: int) -> dict[str, str]:
        """Write a model of 8 bits, made by NNCF with these pictures; nothing where there is no NNCF."""
        try:
            import nncf  # type: ignore[import-not-found, import-untyped, unused-ignore]  # noqa: PLC0415
        except ImportError:
            return {}
        made = nncf.quantize(
            self._core.read_model(model),
            nncf.Dataset([_floats(Path(picture).read_bytes(), size) for picture in pictures]),
            subset_size=len(pictures),
        )
        target = self._folder / f"random-{size}-int8.xml"
        ov.save_model(made, target)
        return {"path": str(target)}

    def scores(self, model: str, size: int, pictures: Sequence[str], count: int) -> dict[str, list[float]]:
        """Return for each picture the score that so many of its cells reach."""
        compiled = self._core.compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
        found = [compiled(_floats(Path(picture).read_bytes(), size))[0] for picture in pictures]
        return {"scores": [float(np.sort(each[0, 4:].max(axis=0))[-count]) for each in found]}

    def peer(
        self, *, name: str, model: str, size: int, pictures: Sequence[str], least: Sequence[float], frames: int
    ) -> dict[str, float]:
        """Look at pictures, one after the other, by that peer."""
        key = f"{name} {model}"
        if key not in self._runners:
            self._runners[key] = _PEERS[name](self, model, size)
        look, read = self._runners[key], [Path(picture).read_bytes() for picture in pictures]
        look(read[0], least[0])
        found = 0
        began, cpu = time.perf_counter(), _cpu_s()
        for number in range(frames):
            found += look(read[number % len(read)], least[number % len(read)])
        return {"wall_s": time.perf_counter() - began, "cpu_s": _cpu_s() - cpu, "found": found / frames}

    def raw(self, model: str, size: int, precision: str, frames: int) -> dict[str, float]:
        """Infer nothing in particular, as much at a time as is best."""
        key = f"{model} {precision}"
        if key not in self._queues:
            self._queues[key] = (
                self._queue(model, precision),
                np.random.default_rng(1).integers(0, 255, (1, size, size, 3), np.uint8),
            )
            self._run(key, 4)
        began, cpu = time.perf_counter(), _cpu_s()
        self._run(key, frames)
        return {"wall_s": time.perf_counter() - began, "cpu_s": _cpu_s() - cpu}

    def _run(self, key: str, frames: int) -> None:
        queue, picture = self._queues[key]
        for _ in range(frames):
            queue.start_async(picture)
        queue.wait_all()

    def _queue(self, model: str, precision: str) -> ov.AsyncInferQueue:
        graph = self._core.read_model(model)
        stages = ov.preprocess.PrePostProcessor(graph)
        stages.input().tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
        stages.input().preprocess().convert_element_type(ov.Type.f32).scale(255.0)
        stages.input().model().set_layout(ov.Layout("NCHW"))
        return ov.AsyncInferQueue(self._core.compile_model(stages.build(), "CPU", self._options("THROUGHPUT", precision)))

    def _options(self, hint: str, precision: str) -> dict[str, object]:
        options: dict[str, object] = {"PERFORMANCE_HINT": hint, "INFERENCE_NUM_THREADS": self._threads}
        return options if precision == "auto" else {**options, "INFERENCE_PRECISION_HINT": precision}

    def cv2_dnn(self, model: str, size: int) -> Callable[[bytes, float], int]:
        """As pyzm 2 does it."""
        network = cv2.dnn.readNetFromONNX(model)

        def look(jpeg: bytes, least: float) -> int:
            network.setInput(_floats(jpeg, size))
            return _boxes(network.forward(), least)

        return look

    def onnxruntime(self, model: str, size: int) -> Callable[[bytes, float], int]:
        """By ONNX's own runtime."""
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._threads
        session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        return lambda jpeg, least: _boxes(session.run(None, {"images": _floats(jpeg, size)})[0], least)

    def openvino_sync(self, model: str, size: int) -> Callable[[bytes, float], int]:
        """As Frigate does it: one request at a time, floats in."""
        compiled = self._core.compile_model(model, "CPU", self._options("LATENCY", "f32"))
        request = compiled.create_infer_request()
        return lambda jpeg, least: _boxes(request.infer(_floats(jpeg, size))[0], least)


_PEERS = {"cv2.dnn": Peers.cv2_dnn, "onnxruntime": Peers.onnxruntime, "openvino": Peers.openvino_sync}


def _floats(jpeg: bytes, size: int) -> npt.NDArray[np.float32]:
    """Decode a picture and put it into the input, the usual way."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    height, width = image.shape[:2]
    scale = min(size / width, size / height)
    fitting = cv2.resize(image, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_LINEAR)
    top, left = (size - fitting.shape[0]) // 2, (size - fitting.shape[1]) // 2
    rest = (size - fitting.shape[0] - top, size - fitting.shape[1] - left)
    boxed = cv2.copyMakeBorder(fitting, top, rest[0], left, rest[1], cv2.BORDER_CONSTANT, value=(114, 114, 114))
    blob: npt.NDArray[np.float32] = cv2.dnn.blobFromImage(boxed, 1 / 255.0, swapRB=True)
    return blob


def _boxes(output: Floats, least: float) -> int:
    """Return how many boxes are left: vectorised, as the better ones of the peers do it."""
    cells = output[0].T
    scores = cells[:, 4:].max(axis=1)
    kept = scores >= least
    boxes, scores = cells[kept, :4], scores[kept]
    if not len(boxes):
        return 0
    corners = np.concatenate([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, 2:]], axis=1)
    classes = cells[kept, 4:].argmax(axis=1)
    return len(cv2.dnn.NMSBoxesBatched(corners.tolist(), scores.tolist(), classes.tolist(), least, _OVERLAP, top_k=_MOST))


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> None:
    peers = Peers(Path(sys.argv[1]), int(sys.argv[2]))
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # libraries print
    print(json.dumps({"versions": f"OpenCV {cv2.__version__}, onnxruntime {onnxruntime.__version__}"}), file=out, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(getattr(peers, asked.pop("do"))(**asked)), file=out, flush=True)


if __name__ == "__main__":
    main()
