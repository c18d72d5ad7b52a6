"""Darknet's networks, converted by us and read by OpenCV 4, on the same random weights and picture: `scripts/compare-darknet`.

OpenCV 5 reads Darknet's files no more, so an older one has to be the witness. It says boxes as shares of the picture, and no
score below its threshold.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import openvino as ov

from benchmarks.peers.darknet_networks import random_weights, yolov3, yolov3_tiny, yolov4, yolov4_tiny
from vms_bridge.detect.darknet.cfg import parse
from vms_bridge.detect.darknet.convert import convert
from vms_bridge.detect.darknet.graph import build
from vms_bridge.detect.darknet.layers import Yolo, network
from vms_bridge.detect.darknet.weights import read

if TYPE_CHECKING:
    from vms_bridge.detect.darknet.layers import Network

_NETWORKS = {"yolov3-tiny": yolov3_tiny, "yolov4-tiny": yolov4_tiny, "yolov3": yolov3, "yolov4": yolov4}
_MOST_BOX, _MOST_SCORE = 0.01, 0.001
_SILENT = 0.2
"""OpenCV's threshold of scores."""


def main() -> int:
    """Compare all of them, or those that are named; the exit code is 1 if one differs by more than rounding explains."""
    print("| network | boxes | scores above 0.2, the largest | box, score | by the file's 16 bits | ours / OpenCV, ms |")
    print("|---|---|---|---|---|---|")
    results = [_compared(name, _NETWORKS[name]()) for name in sys.argv[1:] or _NETWORKS]
    return 0 if all(results) else 1


def _compared(name: str, text: str) -> bool:
    """Compare one network: as it is built, and as it is written; how far boxes are apart is said as a share of their size."""
    parsed = network(parse(text, f"{name}.cfg"))
    with TemporaryDirectory() as folder:
        cfg, weights = Path(folder) / f"{name}.cfg", Path(folder) / f"{name}.weights"
        cfg.write_text(text, encoding="utf-8")
        weights.write_bytes(random_weights(parsed, 3))
        made = convert(cfg, weights, to=Path(folder) / f"{name}.xml")
        picture = _picture(made.width, made.height)
        ours, _ = _timed(_runner(build(parsed, read(weights, parsed)), picture))
        written, our_ms = _timed(_runner(made.file, picture))
        cv2.setNumThreads(1)
        net = cv2.dnn.readNetFromDarknet(str(cfg), str(weights))
        blob = cv2.dnn.blobFromImage(picture, 1 / 255, swapRB=False)
        theirs, their_ms = _timed(lambda: _ask(net, blob))
    expected = _as_ours(theirs, parsed)
    heard = expected[:, 4:] > 0
    box, score = _apart(ours, expected)
    by_file = _apart(written, expected)
    silent = float(ours[:, 4:][~heard].max(initial=0))
    said = (
        f"{len(ours):,}",
        f"{int(heard.sum()):,}, {expected[:, 4:].max():.2f}",
        f"{box:.5f}, {score:.5f}",
        f"{by_file[0]:.3f}, {by_file[1]:.3f}",
        f"{our_ms:.0f} / {their_ms:.0f}",
    )
    print(f"| {name} | {' | '.join(said)} |", flush=True)
    return box <= _MOST_BOX and score <= _MOST_SCORE and silent <= _SILENT + _MOST_SCORE and bool(heard.any())


def _runner(model: Any, picture: Any) -> Any:  # noqa: ANN401
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": 1})
    return lambda: np.array(compiled(picture[None])[0][0]).T


def _apart(ours: Any, expected: Any) -> tuple[float, float]:  # noqa: ANN401
    """Return the largest difference of boxes, as a share of their size, and of scores that OpenCV says."""
    sizes = np.maximum(1.0, expected[:, 2:4].max(1, keepdims=True))
    heard = expected[:, 4:] > 0
    return float((np.abs(ours[:, :4] - expected[:, :4]) / sizes).max()), float(np.abs(ours - expected)[:, 4:][heard].max())


def _picture(width: int, height: int) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    chance = np.random.default_rng(1)
    small = chance.integers(0, 256, (13, 13, 3), np.uint8)
    return np.ascontiguousarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))


def _ask(net: Any, blob: Any) -> list[Any]:  # noqa: ANN401 - OpenCV's
    net.setInput(blob)
    return list(net.forward(net.getUnconnectedOutLayersNames()))


def _timed(run: Any) -> tuple[Any, float]:  # noqa: ANN401
    run()
    times = []
    for _ in range(3):
        began = time.process_time()
        result = run()
        times.append((time.process_time() - began) * 1000)
    return result, min(times)


def _as_ours(heads: list[Any], parsed: Network) -> Any:  # noqa: ANN401
    """Return OpenCV's rows (of each cell its anchors) in our order (of each anchor its cells), boxes in pixels."""
    found = []
    yolos = [each for each in parsed.layers if isinstance(each.layer, Yolo)]
    for rows, placed in zip(heads, yolos, strict=True):
        assert isinstance(placed.layer, Yolo)
        anchors = len(placed.layer.anchors)
        ordered = rows.reshape(-1, anchors, rows.shape[1]).transpose(1, 0, 2).reshape(-1, rows.shape[1])
        boxes = ordered[:, :4] * np.array([parsed.width, parsed.height] * 2)
        found.append(np.concatenate([boxes, ordered[:, 5:]], 1))
    return np.concatenate(found)


if __name__ == "__main__":
    sys.exit(main())
