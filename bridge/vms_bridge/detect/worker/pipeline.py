"""Has models look at pictures: one more thread for each than it infers pictures at a time, so that one decodes meanwhile."""

from __future__ import annotations

import queue
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import openvino as ov

from vms_bridge.detect.engine.wire import MOST_FOUND, Inference, Stage
from vms_bridge.detect.worker.letterbox import Canvas, boxes_in_picture
from vms_bridge.detect.worker.refusals import Unfit

if TYPE_CHECKING:
    import numpy.typing as npt

    from vms_bridge.detect.models import Model
    from vms_bridge.detect.worker.letterbox import Placed
    from vms_bridge.detect.worker.request import Request


@dataclass(slots=True)
class _Means:
    """What a thread uses again and again."""

    infer: ov.InferRequest
    canvas: Canvas


class Looker:
    """A model and its threads."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._todo: queue.SimpleQueue[Request] = queue.SimpleQueue()
        count = int(model.compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")) + 1
        self._threads = [
            threading.Thread(target=self._work, name=f"model {model.facts.name} {n}", daemon=True) for n in range(count)
        ]

    def try_out(self) -> None:
        """Have the model look at nothing: what fails always is to fail now. Raises whatever it does."""
        request = self.request()
        request.infer.infer()
        self._model.decode([tensor.data for tensor in request.infer.output_tensors], 0.0)

    def start(self) -> None:
        """Begin to look."""
        for thread in self._threads:
            thread.start()

    def add(self, look: Request) -> None:
        """Have a picture be looked at; the bridge bounds how many there are."""
        self._todo.put(look)

    def look(self, look: Request, request: _Means) -> Inference:
        """Look at a picture now. Raises Unfit, and whatever a model does."""
        began = time.perf_counter()
        look.mark(Stage.DECODING)
        picture = look.opened()
        placed = request.canvas.put(picture)
        decoded = time.perf_counter()
        look.mark(Stage.INFERRING)
        request.infer.start_async()
        request.infer.wait()
        outputs = [tensor.data for tensor in request.infer.output_tensors]
        candidates = self._model.decode(outputs, look.asked.least_score)
        found = _told(candidates.classes, candidates.scores, candidates.boxes, placed)
        return Inference(
            id=look.id,
            found=found,
            width=picture.width,
            height=picture.height,
            waited_s=began - look.since_s,
            decode_s=decoded - began,
            infer_s=time.perf_counter() - decoded,
        )

    def request(self) -> _Means:
        """Return what one thread needs."""
        form = self._model.input
        tensor = ov.Tensor(ov.Type.u8, ov.Shape([1, form.height, form.width, 3]))
        infer = self._model.compiled.create_infer_request()
        infer.set_input_tensor(tensor)
        return _Means(infer, Canvas(tensor.data[0]))

    def _work(self) -> None:
        request: _Means | None = None
        while True:
            look = self._todo.get()
            try:
                request = request or self.request()
                found = self.look(look, request)
            except Unfit as error:
                look.failed(error)
            except Exception as error:  # noqa: BLE001  # whatever a picture or a model does, the others are looked at
                look.failed(error)
                request = None  # it may not have ended
            else:
                look.found(found)


def _told(
    classes: npt.NDArray[np.int32], scores: npt.NDArray[np.float32], corners: npt.NDArray[np.float32], placed: Placed
) -> tuple[tuple[int, float, float, float, float, float], ...]:
    boxes, is_in = boxes_in_picture(corners, placed)
    rows = zip(classes[is_in].tolist(), np.clip(scores[is_in], 0, 1).tolist(), boxes[is_in].tolist(), strict=True)
    return tuple((index, score, *box) for index, score, box in rows)[:MOST_FOUND]
